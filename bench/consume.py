"""Consume a whole topic into a file, against the other clients; and the last ten of it."""

import command
import corpus
import peers
from contest import Entrant, against, arena, entering, hold, rates
from part import Part
from produce import FEW, FEWEST
from row import Row
from svg import bars

FILE = "lines"
TOPIC = "full"
OUTPUT = "consumed"
# Of what takes a few milliseconds; the median of few is at the mercy of one hiccup.
REPEATS_PER_ROUND = 3


def measure(setup, rounds):
    """The part, one cluster for each size of record."""
    part = Part("Consume a topic to its end, into a file")
    for divisor, size in corpus.SHAPES:
        one_size(setup, part, rounds, setup.records // divisor, size)
    return part


def one_size(setup, part, rounds, count, size):
    of = corpus.named(count, size)
    bytes_, lines = Check("bytes", count * (size + 1)), Check("lines", count)
    ours = Entrant("kdev", lambda at: [at.kdev, "consume", TOPIC, "--exit"], check=bytes_)
    json = Entrant("kdev -o json", lambda at: [*ours.command(at), "-o", "json"], check=lines)
    kcat = Entrant("kcat", lambda at: peers.kcat_consume(at.brokers, TOPIC), "kcat", check=bytes_)
    tuned = Entrant(f"kcat, {peers.KCAT_TUNED[0]}", lambda at: peers.kcat_tuned(at.brokers, TOPIC), "kcat", check=bytes_)
    theirs = Entrant("kcat -J", lambda at: peers.kcat_consume(at.brokers, TOPIC, "-J"), "kcat", most=FEW, check=lines)
    # These differ little with the size, and take long.
    small = size == corpus.SHAPES[0][1]
    others = further(count, bytes_) if small else []
    entrants = [kcat, ours, tuned, json, theirs, *others]
    last = Entrant(
        f"the last ten of {count:,}", lambda at: [at.kdev, "consume", TOPIC, "--from", "-10", "--exit"], check=Check("lines", 10)
    )
    setup.say(f"a cluster, and a topic of {of}")
    with arena(setup, "consume", corpus.toml(TOPIC), [*entrants, last]) as (project, place):
        corpus.write(project.directory / FILE, count, size)
        project.run("produce", TOPIC, "--file", FILE)
        hold(setup, f"consume of {of}", entrants, rounds, lambda each: run(project, place, each))
        with entering(last):
            last.costs = [run(project, place, last) for _ in range(rounds * REPEATS_PER_ROUND if small else 0)]
    part.ran(*entrants, last)
    part.rows += [
        against(f"`consume --exit` of {of}", ours, kcat, goal=0.25, reach=0.12),
        against(f"`consume --exit` of {of}", ours, tuned, goal=0.6, reach=0.35),
        against("… CPU of the client", ours, tuned, "cpu"),
        against(f"`consume --exit -o json` of {of}, CPU", json, theirs, "cpu", goal=0.5, reach=0.35),
        against("… its time", json, theirs),
        against("NDJSON out, at least at half the pace of values", json, ours, goal=2.0, peer="kdev, values alone"),
        *(against(f"`consume --exit` of {of}", ours, each) for each in others),
    ]
    if small:
        part.rows.append(Row(f"{last.name} records", "s", 0.060, 0.020, ours=last.all("wall"), why=last.why))
    part.charts[f"consume-{size}"] = bars(f"consume {of} into a file: records a second", "", rates(entrants, count))


def further(count, check):
    """Other clients, without a goal."""
    return [
        Entrant(
            "Kafka's ConsumerPerformance", lambda at: peers.consumer_perf(at.libs, at.brokers, TOPIC, count), "java",
            most=FEWEST, check=Check("records", count),
        ),
        Entrant(
            "Kafka's console consumer", lambda at: peers.console_consumer(at.libs, at.brokers, TOPIC, count), "java",
            most=FEWEST, check=check,
        ),
        Entrant("kafkactl", lambda at: peers.kafkactl_consume(at.brokers, TOPIC), "kafkactl", most=FEWEST, check=check),
        Entrant("kaf", lambda at: peers.kaf_consume(at.brokers, TOPIC), "kaf", most=FEWEST, check=check),
    ]  # fmt: skip


class Check:
    """What a run must have written."""

    def __init__(self, kind, wanted):
        self.kind, self.wanted = kind, wanted

    def hold(self, path, program):
        """Looks at it, and removes it."""
        if self.kind == "bytes":
            found = path.stat().st_size
        elif self.kind == "lines":
            found = corpus.lines(path)
        else:
            # The last line of the table that ConsumerPerformance prints; its fifth field is the number of records.
            found = int(path.read_text().splitlines()[-1].split(",")[4])
        path.unlink()
        corpus.expect(f"{self.kind} that {program} wrote", found, self.wanted)


def run(project, place, entrant):
    """One run into a file: what it cost, once it is certain that all is in there."""
    path = project.directory / OUTPUT
    with path.open("wb") as file:
        cost = command.run(entrant.command(place), cwd=project.directory, stdout=file)
    entrant.check.hold(path, entrant.name)
    return cost
