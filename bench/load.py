"""What changes with the work: each codec, NDJSON, and that memory does not grow with the records."""

import shutil

import command
import corpus
import peers
import tools
from contest import Entrant, against, entering, hold
from part import Part
from project import Project

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SIZE = 100
FEW = 3
# The largest run takes ten times as long as the others.
FEWEST = 2
TOPICS = ["race", "tenth", "one", "ten"]


def measure(setup, rounds):
    """The part."""
    count = setup.records
    of = corpus.named(count, SIZE)
    ours = {codec: Entrant(f"kdev, {codec}", produce(setup, "race", "one", "--compression", codec)) for codec in CODECS}
    kcat = {codec: Entrant(f"kcat -z {codec}", None, why=tools.missing("kcat")) for codec in CODECS}
    ndjson = Entrant("kdev, NDJSON", produce(setup, "race", "ndjson", "-i", "json"))
    sizes = {"tenth": count // 10, "one": count, "ten": 10 * count}
    sent = {name: Entrant(f"{number:,} records", produce(setup, name, name)) for name, number in sizes.items()}
    read = {name: Entrant(f"{number:,} records", [setup.kdev, "consume", name, "--exit"]) for name, number in sizes.items()}
    for each in (sent["ten"], read["ten"]):
        each.most = FEWEST
    racing = [*ours.values(), *kcat.values(), ndjson]
    part = Part("Under load")
    with (
        entering(*racing, *sent.values(), *read.values()),
        Project(setup.kdev, setup.engine, f"{setup.prefix}-load", corpus.toml(*TOPICS)) as project,
    ):
        setup.say(f"a cluster, and {corpus.named(10 * count, SIZE)}")
        project.run("up", "--no-apps")
        brokers = project.said("env", "-o", "json")["KAFKA_BOOTSTRAP_SERVERS"]
        files(project.directory, count)
        # The first time into topics that are then read, and into new brokers.
        few = min(rounds, FEW)
        hold(setup, "memory of produce", list(sent.values()), min(rounds, FEWEST), lambda each: run(project, each))
        hold(setup, "memory of consume", list(read.values()), min(rounds, FEWEST), lambda each: into(project, each, "consumed"))
        command.run([setup.kdev, "consume", "one", "--exit", "-o", "json", "-n", str(count)], cwd=project.directory,
                    stdout=(project.directory / "ndjson").open("wb"))  # fmt: skip
        for codec, each in kcat.items():
            each.command = peers.kcat_produce(brokers, "race", "one", "-z", codec)
        hold(setup, f"codecs and NDJSON, {of}", racing, few, lambda each: counted(project, each, count))
        part.ran("NDJSON in", ndjson.command, kdev=setup.kdev)
        part.ran("a codec, kdev", ours["zstd"].command, kdev=setup.kdev)
        part.ran("a codec, kcat", kcat["zstd"].command, BROKERS=brokers)
    for codec in CODECS:
        part.rows += [
            against(f"`produce --compression {codec}` of {of}", ours[codec], kcat[codec]),
            against("… CPU of the client", ours[codec], kcat[codec], "cpu"),
        ]
    part.rows.append(
        against("NDJSON in, against lines: at least half the pace", ndjson, ours["none"], goal=2.0, peer="kdev, lines")
    )
    for name, by in (("produce", sent), ("consume --exit", read)):
        part.rows += [
            against(f"`{name}` of {sizes['one']:,} records, resident", by["one"], by["tenth"], "rss"),
            against(f"`{name}` of {sizes['ten']:,} records, resident", by["ten"], by["one"], "rss", goal=1.2),
        ]
    return part


def produce(setup, topic, file, *more):
    return [setup.kdev, "produce", topic, "--file", file, *more]


def files(directory, count):
    """A tenth of the records, all, and ten times as many: the same lines again, for writing them takes longer."""
    corpus.write(directory / "tenth", count // 10, SIZE)
    corpus.write(directory / "one", count, SIZE)
    with (directory / "ten").open("wb") as ten:
        for _ in range(10):
            with (directory / "one").open("rb") as one:
                shutil.copyfileobj(one, ten, 1 << 20)


def run(project, entrant):
    return command.run(entrant.command, cwd=project.directory)


def into(project, entrant, name):
    """Into a file, which is removed."""
    path = project.directory / name
    with path.open("wb") as file:
        cost = command.run(entrant.command, cwd=project.directory, stdout=file)
    path.unlink()
    return cost


def counted(project, entrant, count):
    """A run that adds as many records to its topic as it should."""
    before = corpus.messages(project, "race")
    cost = run(project, entrant)
    corpus.expect(f"records that {entrant.name} produced", corpus.messages(project, "race") - before, count)
    return cost
