"""Produce in bulk from a file, acks=all, against the other clients."""

import command
import corpus
import peers
from contest import Entrant, against, arena, hold, rates
from part import Part
from svg import bars

# Runs of what takes several times as long as the rest; its median hardly moves.
FEW = 3
FILE = "lines"
TOPIC = "race"


def measure(setup, rounds):
    """The part, one cluster for each size of record."""
    part = Part("Produce from a file, acks=all")
    for divisor, size in corpus.SHAPES:
        one_size(setup, part, rounds, setup.records // divisor, size)
    return part


def one_size(setup, part, rounds, count, size):
    of = corpus.named(count, size)
    ours = Entrant("kdev", lambda at: [at.kdev, "produce", TOPIC, "--file", FILE])
    kcat = Entrant("kcat", lambda at: peers.kcat_produce(at.brokers, TOPIC, FILE), "kcat")
    perf = Entrant(
        "Kafka's ProducerPerformance", lambda at: peers.producer_perf(at.libs, at.brokers, TOPIC, count, size), "java", most=FEW
    )
    # These differ little with the size, and take long.
    others = further() if size == corpus.SHAPES[0][1] else []
    entrants = [kcat, ours, perf, *others]
    setup.say(f"a cluster, and {of}")
    with arena(setup, "produce", corpus.toml(TOPIC), entrants) as (project, place):
        corpus.write(project.directory / FILE, count, size)
        # The new brokers' first records are slower than all later ones, whoever sends them.
        project.run("produce", TOPIC, "--file", FILE)
        hold(setup, f"produce of {of}", entrants, rounds, lambda each: run(project, place, each, count))
    part.ran(*entrants)
    part.rows += [
        against(f"`produce` of {of}", ours, kcat, goal=1.0, reach=0.8),
        against("… CPU of the client", ours, kcat, "cpu", goal=1.0, reach=0.75),
        against(f"`produce` of {of}", ours, perf, goal=0.25, reach=0.15),
        against("… CPU of the client", ours, perf, "cpu"),
        *(against(f"`produce` of {of}", ours, each) for each in others),
    ]
    part.charts[f"produce-{size}"] = bars(f"produce {of}, acks=all: records a second", "", rates(entrants, count))


def further():
    """Other clients, without a goal."""
    return [
        Entrant(
            "Kafka's console producer", lambda at: peers.console_producer(at.libs, at.brokers, TOPIC), "java", FILE, FEW
        ),
        Entrant("kafkactl", lambda at: peers.kafkactl_produce(at.brokers, TOPIC), "kafkactl", FILE, FEW),
        Entrant("kaf", lambda at: peers.kaf_produce(at.brokers, TOPIC), "kaf", FILE, FEW),
    ]


def run(project, place, entrant, count):
    """One run; afterwards the topic holds as many records more."""
    before = corpus.messages(project, TOPIC)
    cost = command.run(entrant.command(place), cwd=project.directory, stdin=entrant.stdin)
    corpus.expect(f"records that {entrant.name} produced", corpus.messages(project, TOPIC) - before, count)
    return cost
