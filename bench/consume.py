"""Consume a whole topic into a file, against the other clients; and the last ten of it."""

import tempfile

import command
import corpus
import peers
import tools
from contest import Entrant, against, entering, hold
from part import Part
from produce import FEW
from project import Project
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
    with tempfile.TemporaryDirectory(prefix="kdev-bench-") as directory:
        for divisor, size in corpus.SHAPES:
            one_size(setup, part, rounds, setup.records // divisor, size, directory)
    return part


def one_size(setup, part, rounds, count, size, directory):
    small = size == corpus.SHAPES[0][1]
    of_values, of_lines = Check("bytes", count * (size + 1)), Check("lines", count)
    no_kcat = tools.missing("kcat")
    ours = Entrant("kdev", [setup.kdev, "consume", TOPIC, "--exit"], check=of_values)
    json = Entrant("kdev -o json", [setup.kdev, "consume", TOPIC, "--exit", "-o", "json"], check=of_lines)
    kcat = Entrant("kcat", None, check=of_values, why=no_kcat)
    tuned = Entrant("kcat, queued.min.messages=1000000", None, check=of_values, why=no_kcat)
    kcat_json = Entrant("kcat -J", None, check=of_lines, most=FEW, why=no_kcat)
    perf = Entrant("Kafka's ConsumerPerformance", None, most=FEW, check=Check("perf", count))
    console = Entrant("Kafka's console consumer", None, most=FEW, check=of_values)
    others = [
        Entrant("kafkactl", None, most=FEW, check=of_values, why=tools.missing("kafkactl")),
        Entrant("kaf", None, most=FEW, check=of_values, why=tools.missing("kaf")),
    ]
    entrants = [kcat, ours, tuned, json, kcat_json, *([perf, console, *others] if small else [])]
    last = Row(f"the last ten of {count:,} records", "s", 0.060, 0.020)
    with entering(*entrants), Project(setup.kdev, setup.engine, f"{setup.prefix}-consume", corpus.toml(TOPIC)) as project:
        setup.say(f"a cluster, and a topic of {corpus.named(count, size)}")
        project.run("up", "--no-apps")
        brokers = project.said("env", "-o", "json")["KAFKA_BOOTSTRAP_SERVERS"]
        corpus.write(project.directory / FILE, count, size)
        project.run("produce", TOPIC, "--file", FILE)
        kcat.command = peers.kcat_consume(brokers, TOPIC)
        tuned.command = peers.kcat_tuned(brokers, TOPIC)
        kcat_json.command = peers.kcat_consume(brokers, TOPIC, "-J")
        with entering(perf, console):
            libs = tools.jars(setup, directory)
            perf.command = peers.consumer_perf(libs, brokers, TOPIC, count)
            console.command = peers.console_consumer(libs, brokers, TOPIC, count)
        others[0].command = peers.kafkactl_consume(brokers, TOPIC)
        others[1].command = peers.kaf_consume(brokers, TOPIC)
        hold(
            setup, f"consume of {corpus.named(count, size)}", entrants, rounds,
            lambda each: run(project, each.name, each.command, each.check),
        )  # fmt: skip
        if small:
            last_ten = [setup.kdev, "consume", TOPIC, "--from", "-10", "--exit"]
            part.ran("the last ten", last_ten, kdev=setup.kdev)
            last.ours = [
                run(project, "kdev", last_ten, Check("lines", 10)).wall for _ in range(rounds * REPEATS_PER_ROUND)
            ]
            for each in entrants:
                if each.costs:
                    part.ran(each.name, each.command, kdev=setup.kdev, BROKERS=brokers, LIBS=directory + "/libs")
    last.why = ours.why
    of = corpus.named(count, size)
    part.rows += [
        against(f"`consume --exit` of {of}", ours, kcat, goal=0.25, reach=0.12),
        against(f"`consume --exit` of {of}", ours, tuned, goal=0.6, reach=0.35),
        against("… CPU of the client", ours, tuned, "cpu"),
        against(f"`consume --exit -o json` of {of}, CPU", json, kcat_json, "cpu", goal=0.5, reach=0.35),
        against("… its time", json, kcat_json),
        against("NDJSON out, against values alone: at least half the pace", json, ours, goal=2.0, peer="kdev, values alone"),
    ]
    if small:
        part.rows += [against(f"`consume --exit` of {of}", ours, each) for each in (perf, console, *others)] + [last]
    rates = [(each.name, count / cost, each in (ours, json)) for each in entrants if (cost := each.median("wall"))]
    part.charts[f"consume-{size}"] = bars(f"consume {of} into a file: records a second", "", rates)


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
            # The last line of the table that ConsumerPerformance prints; its fifth field is the number of messages.
            found = int(path.read_text().splitlines()[-1].split(",")[4])
        path.unlink()
        corpus.expect(f"{self.kind} that {program} wrote", found, self.wanted)


def run(project, program, words, check):
    """One run into a file: what it cost, once it is certain that all is in there."""
    path = project.directory / OUTPUT
    with path.open("wb") as file:
        cost = command.run(words, cwd=project.directory, stdout=file)
    check.hold(path, program)
    return cost
