"""Produce in bulk from a file, acks=all, against the other clients."""

import command
import corpus
import peers
from contest import Entrant, against, arena, hold, rates
from part import Part
from svg import bars

# Runs of what takes several times as long as the rest, whose median hardly moves: with a goal, and without.
FEW = 3
FEWEST = 2
# The new brokers' first records are slower than all later ones, whoever sends them: 1,000,000 × 100 B took 2.2, 1.6, 1.5,
# 1.3, 1.2, 1.2, 1.2 and 1.1 s, eight runs in a row of a new cluster (medians of four).
WARMING = 5
FILE = "lines"
# For clients that send one record and wait for it before the next.
SLOW = 100
FEWER = "fewer-lines"
TOPIC = "race"


def measure(setup, rounds):
    """The part, one cluster for each size of record."""
    part = Part("Produce from a file, acks=all")
    for divisor, size in corpus.SHAPES:
        one_size(setup, part, rounds, setup.records // divisor, size)
    return part


def one_size(setup, part, rounds, count, size):
    of = corpus.named(count, size)
    ours = Entrant("kdev", lambda at: [at.kdev, "produce", TOPIC, "--file", FILE], check=count)
    kcat = Entrant("kcat", lambda at: peers.kcat_produce(at.brokers, TOPIC, FILE), "kcat", check=count)
    perf = Entrant(
        "Kafka's ProducerPerformance", lambda at: peers.producer_perf(at.libs, at.brokers, TOPIC, count, size), "java",
        most=FEW, check=count,
    )  # fmt: skip
    # These differ little with the size, and take long.
    others = Further(count, size) if size == corpus.SHAPES[0][1] else None
    entrants = [kcat, ours, perf, *(others.entrants() if others else [])]
    setup.say(f"a cluster, and {of}")
    with arena(setup, "produce", corpus.toml(TOPIC), entrants) as (project, place):
        corpus.write(project.directory / FILE, count, size)
        corpus.write(project.directory / FEWER, count // SLOW, size)
        for _ in range(WARMING):
            project.run("produce", TOPIC, "--file", FILE)
        hold(setup, f"produce of {of}", entrants, rounds, lambda each: run(project, place, each))
    part.ran(*entrants)
    part.rows += [
        against(f"`produce` of {of}", ours, kcat, goal=1.0, reach=0.8),
        against("… CPU of the client", ours, kcat, "cpu", goal=1.0, reach=0.75),
        against(f"`produce` of {of}", ours, perf, goal=0.25, reach=0.15),
        against("… CPU of the client", ours, perf, "cpu"),
        *(others.rows(ours, of) if others else []),
    ]
    racing = [each for each in entrants if each.check == count]
    part.charts[f"produce-{size}"] = bars(f"produce {of}, acks=all: records a second", "", rates(racing, count))


class Further:
    """Other clients, without a goal; those that wait for each record get fewer, and so does kdev beside them."""

    def __init__(self, count, size):
        few = count // SLOW
        self.of_few = corpus.named(few, size)
        self.console = Entrant(
            "Kafka's console producer", lambda at: peers.console_producer(at.libs, at.brokers, TOPIC), "java",
            stdin=FILE, most=FEWEST, check=count,
        )  # fmt: skip
        self.ours = Entrant("kdev, fewer", lambda at: [at.kdev, "produce", TOPIC, "--file", FEWER], most=FEWEST, check=few)
        self.slow = [
            Entrant(name, lambda at, call=call: call(at.brokers, TOPIC), name, stdin=FEWER, most=FEWEST, check=few)
            for name, call in (("kafkactl", peers.kafkactl_produce), ("kaf", peers.kaf_produce))
        ]

    def entrants(self):
        return [self.console, self.ours, *self.slow]

    def rows(self, ours, of):
        yield against(f"`produce` of {of}", ours, self.console)
        for each in self.slow:
            yield against(f"`produce` of {self.of_few}", self.ours, each)


def run(project, place, entrant):
    """One run; afterwards the topic holds as many records more."""
    before = corpus.messages(project, TOPIC)
    cost = command.run(entrant.command(place), cwd=project.directory, stdin=entrant.stdin)
    corpus.expect(f"records that {entrant.name} produced", corpus.messages(project, TOPIC) - before, entrant.check)
    return cost
