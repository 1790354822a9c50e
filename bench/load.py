"""What changes with the work: each codec, NDJSON, and that memory does not grow with the records."""

import shutil

import command
import consume
import corpus
import peers
from consume import Check
from contest import Entrant, against, arena, hold
from part import Part
from produce import FEWEST

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SIZE = 100
RACE = "race"
NDJSON = "ndjson"


def measure(setup, rounds):
    """The part."""
    count = setup.records
    part = Part("Codecs, NDJSON, memory")
    codecs, ndjson = Codecs(), Entrant("NDJSON in", produce(RACE, NDJSON, "-i", "json"))
    weight = Weight({"tenth": count // 10, "one": count, "ten": 10 * count})
    racing = [*codecs.entrants(), ndjson]
    setup.say(f"a cluster, and {corpus.named(10 * count, SIZE)}")
    with arena(setup, "load", corpus.toml(RACE, *weight.sizes), [*racing, *weight.entrants()]) as (project, place):
        files(project.directory, count)
        # Up to ten million records a run: few rounds.
        weight.measure(setup, project, place, min(rounds, FEWEST))
        with (project.directory / NDJSON).open("wb") as file:
            project.run("consume", "one", "--exit", "-o", "json", "-n", count, stdout=file)
        what = f"codecs and NDJSON, {corpus.named(count, SIZE)}"
        hold(setup, what, racing, min(rounds, FEWEST), lambda each: sent(project, place, each, count))
    part.ran(*racing)
    part.rows = [
        *codecs.rows(corpus.named(count, SIZE)),
        against(
            "NDJSON in, at least at half the pace of lines", ndjson, codecs.ours["none"], goal=2.0, peer="kdev, lines"
        ),
        *weight.rows(),
    ]  # fmt: skip
    return part


def produce(topic, file, *more):
    """The command line, at a place."""
    return lambda at: [at.kdev, "produce", topic, "--file", file, *more]


class Codecs:
    """Each codec, by kdev and by kcat."""

    def __init__(self):
        self.ours = {codec: Entrant(f"kdev, {codec}", produce(RACE, "one", "--compression", codec)) for codec in CODECS}
        self.kcat = {codec: Entrant(f"kcat, {codec}", kcat(codec), "kcat") for codec in CODECS}

    def entrants(self):
        return [each for codec in CODECS for each in (self.ours[codec], self.kcat[codec])]

    def rows(self, of):
        for codec in CODECS:
            yield against(f"`produce --compression {codec}` of {of}", self.ours[codec], self.kcat[codec])
            yield against("… CPU of the client", self.ours[codec], self.kcat[codec], "cpu")


def kcat(codec):
    """The command line, at a place."""
    return lambda at: peers.kcat_produce(at.brokers, RACE, "one", "-z", codec)


class Weight:
    """Resident memory of kdev at a tenth, once and ten times the number of records."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.sent = {name: Entrant(f"{size:,} records", produce(name, name)) for name, size in sizes.items()}
        self.read = {name: reader(name, size) for name, size in sizes.items()}

    def entrants(self):
        return [*self.sent.values(), *self.read.values()]

    def measure(self, setup, project, place, rounds):
        """The first time into topics that are then read, all that there is in them."""
        sent = list(self.sent.values())
        hold(setup, "memory of produce", sent, 1, lambda each: command.run(each.command(place), cwd=project.directory))
        read = list(self.read.values())
        hold(setup, "memory of consume", read, rounds, lambda each: consume.run(project, place, each))

    def rows(self):
        for name, by in (("produce", self.sent), ("consume --exit", self.read)):
            one, ten = f"{self.sizes['one']:,}", f"{self.sizes['ten']:,}"
            yield against(f"`{name}` of {one} records, resident", by["one"], by["tenth"], "rss")
            yield against(f"`{name}` of {ten} records, resident", by["ten"], by["one"], "rss", goal=1.2)


def reader(topic, size):
    """Reads a topic to its end."""
    check = Check("bytes", size * (SIZE + 1))
    return Entrant(f"{size:,} records", lambda at: [at.kdev, "consume", topic, "--exit"], check=check)


def files(directory, count):
    """A tenth of the records, all, and ten times as many: the same lines again, for writing them takes longer."""
    corpus.write(directory / "tenth", count // 10, SIZE)
    corpus.write(directory / "one", count, SIZE)
    with (directory / "ten").open("wb") as ten:
        for _ in range(10):
            with (directory / "one").open("rb") as one:
                shutil.copyfileobj(one, ten, 1 << 20)


def sent(project, place, entrant, count):
    """A run that adds as many records to its topic as it should."""
    before = corpus.messages(project, RACE)
    cost = command.run(entrant.command(place), cwd=project.directory)
    corpus.expect(f"records that {entrant.name} produced", corpus.messages(project, RACE) - before, count)
    return cost
