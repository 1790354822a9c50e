"""Produce in bulk from a file, acks=all, against the other clients."""

import tempfile

import command
import corpus
import peers
import tools
from contest import Entrant, against, entering, hold
from part import Part
from project import Project
from svg import bars

# Of what takes several times as long as the rest; its median hardly moves.
FEW = 3
FILE = "lines"
TOPIC = "race"


def measure(setup, rounds):
    """The part, one cluster for each size of record."""
    part = Part("Produce from a file, acks=all")
    with tempfile.TemporaryDirectory(prefix="kdev-bench-") as directory:
        for divisor, size in corpus.SHAPES:
            one_size(setup, part, rounds, setup.records // divisor, size, directory)
    return part


def one_size(setup, part, rounds, count, size, directory):
    ours = Entrant("kdev", [setup.kdev, "produce", TOPIC, "--file", FILE])
    kcat = Entrant("kcat", None, why=tools.missing("kcat"))
    perf = Entrant("Kafka's ProducerPerformance", None, most=FEW)
    others = [
        Entrant("Kafka's console producer", None, stdin=FILE, most=FEW),
        Entrant("kafkactl", None, stdin=FILE, most=FEW, why=tools.missing("kafkactl")),
        Entrant("kaf", None, stdin=FILE, most=FEW, why=tools.missing("kaf")),
    ]
    # These differ little with the size, and take long.
    others = others if size == corpus.SHAPES[0][1] else []
    entrants = [kcat, ours, perf, *others]
    with entering(*entrants), Project(setup.kdev, setup.engine, f"{setup.prefix}-produce", corpus.toml(TOPIC)) as project:
        setup.say(f"a cluster, and {corpus.named(count, size)}")
        project.run("up", "--no-apps")
        brokers = project.said("env", "-o", "json")["KAFKA_BOOTSTRAP_SERVERS"]
        corpus.write(project.directory / FILE, count, size)
        kcat.command = peers.kcat_produce(brokers, TOPIC, FILE)
        with entering(perf, *others[:1]):
            libs = tools.jars(setup, directory)
            perf.command = peers.producer_perf(libs, brokers, TOPIC, count, size)
            if others:
                others[0].command = peers.console_producer(libs, brokers, TOPIC)
        if others:
            others[1].command = peers.kafkactl_produce(brokers, TOPIC)
            others[2].command = peers.kaf_produce(brokers, TOPIC)
        # The new brokers' first records are slower than all later ones, whoever sends them.
        project.run("produce", TOPIC, "--file", FILE)
        hold(setup, f"produce of {corpus.named(count, size)}", entrants, rounds, lambda each: run(project, each, count))
        if size == corpus.SHAPES[0][1]:
            for each in entrants:
                if each.costs:
                    part.ran(each.name, each.command, each.stdin, kdev=setup.kdev, BROKERS=brokers, LIBS=directory + "/libs")
    of = corpus.named(count, size)
    part.rows += [
        against(f"`produce` of {of}", ours, kcat, goal=1.0, reach=0.8),
        against("… CPU of the client", ours, kcat, "cpu", goal=1.0, reach=0.75),
        against(f"`produce` of {of}", ours, perf, goal=0.25, reach=0.15),
        against("… CPU of the client", ours, perf, "cpu"),
        *(against(f"`produce` of {of}", ours, each) for each in others),
    ]
    rates = [(each.name, count / cost, each is ours) for each in entrants if (cost := each.median("wall"))]
    part.charts[f"produce-{size}"] = bars(f"produce {of}, acks=all: records a second", "", rates)


def run(project, entrant, count):
    """One run; afterwards the topic holds as many records more."""
    before = corpus.messages(project, TOPIC)
    cost = command.run(entrant.command, cwd=project.directory, stdin=entrant.stdin)
    corpus.expect(f"records that {entrant.name} produced", corpus.messages(project, TOPIC) - before, count)
    return cost
