"""Produce and consume in bulk, against kcat with the same settings; and that memory does not grow with the records."""

import shutil
from pathlib import Path

import command
from command import Unmeasurable
from project import Project
from row import Row, filling

BYTES = 100
# What kdev promises of delivery; tuning (queues, requests in flight) is each client's own.
PRODUCE_SETTINGS = ["acks=all", "enable.idempotence=true", "partitioner=murmur2_random"]
# No more samples than this of the large runs: their memory hardly differs between runs, and they cost most time.
MEMORY_ROUNDS = 3

TOPIC = """
[topics.{}]
partitions = 6
replication = 3
config = {{ "min.insync.replicas" = 2 }}
"""
TOPICS = ["race", "tenth", "one", "three"]


def kcat_produce(brokers, topic, file):
    """kcat's command line for the same work."""
    settings = [word for setting in PRODUCE_SETTINGS for word in ("-X", setting)]
    return ["kcat", "-P", "-b", brokers, "-t", topic, *settings, "-l", str(file)]


def kcat_consume(brokers, topic):
    """kcat by its defaults, to the end."""
    return ["kcat", "-C", "-b", brokers, "-t", topic, "-e", "-q"]


def measure(setup, rounds):
    """The rows of this part."""
    count = setup.records
    named = f"{count:,} × {BYTES} B"
    more = f"{3 * count:,} records"
    race = Race(
        Row(f"`produce` of {named} from a file, acks=all", "s", 1.1, "kcat"),
        Row("… CPU of the client", "s", None, "kcat"),
        Row(f"`consume --exit` of {named} into a file", "s", 0.4, "kcat -e"),
        Row("… CPU of the client", "s", None, "kcat -e"),
    )
    weight = Weight(
        Row(f"`produce` of {count // 10:,} records, resident", "MB"),
        Row(f"`produce` of {more}, resident", "MB", 1.2, f"{count:,} records"),
        Row(f"`consume --exit` of {count // 10:,} records, resident", "MB"),
        Row(f"`consume --exit` of {more}, resident", "MB", 1.2, f"{count:,} records"),
    )
    toml = "".join(map(TOPIC.format, TOPICS))
    rows = [*race.rows, *weight.rows]
    with filling(*rows), Project(setup.kdev, setup.engine, f"{setup.prefix}-records", toml) as project:
        setup.say("a cluster, and files of records")
        project.run("up", "--no-apps")
        brokers = project.said("env", "-o", "json")["KAFKA_BOOTSTRAP_SERVERS"]
        files = {"tenth": count // 10, "one": count, "three": 3 * count}
        for topic, number in files.items():
            write(project.directory / topic, number)
        weight.fill(setup, project, min(rounds, MEMORY_ROUNDS))
        with filling(*race.rows):
            race.run(setup, project, brokers, rounds)
        weight.read(setup, project, files, min(rounds, MEMORY_ROUNDS))
    return rows


class Race:
    """Both clients by turns, on the same cluster, from and to files of the same directory."""

    def __init__(self, produce, produce_cpu, consume, consume_cpu):
        self.produce, self.produce_cpu, self.consume, self.consume_cpu = produce, produce_cpu, consume, consume_cpu
        self.rows = [produce, produce_cpu, consume, consume_cpu]

    def run(self, setup, project, brokers, rounds):
        if not shutil.which("kcat"):
            raise Unmeasurable("kcat is not there, and could not be installed: apt-get install kcat")
        source = project.directory / "one"
        ours_in = [setup.kdev, "produce", "race", "--file", source]
        ours_out = [setup.kdev, "consume", "one", "--exit"]
        before = messages(project, "race")
        for number in range(rounds):
            setup.say(f"{setup.records:,} records, round {number + 1} of {rounds}")
            for side, produce, consume in (
                ("theirs", kcat_produce(brokers, "race", source), kcat_consume(brokers, "one")),
                ("ours", ours_in, ours_out),
            ):
                cost = command.run(produce, cwd=project.directory)
                getattr(self.produce, side).append(cost.wall)
                getattr(self.produce_cpu, side).append(cost.cpu)
                cost = consumed(project, consume, setup.records)
                getattr(self.consume, side).append(cost.wall)
                getattr(self.consume_cpu, side).append(cost.cpu)
        # A client that loses records must not win.
        arrived, sent = messages(project, "race") - before, 2 * rounds * setup.records
        if arrived != sent:
            raise Unmeasurable(f"of {sent:,} records produced, {arrived:,} arrived")


class Weight:
    """Resident memory of kdev at a tenth, once and three times the number of records."""

    def __init__(self, few_in, many_in, few_out, many_out):
        self.produce = {"tenth": few_in.ours, "one": many_in.theirs, "three": many_in.ours}
        self.consume = {"tenth": few_out.ours, "one": many_out.theirs, "three": many_out.ours}
        self.rows = [few_in, many_in, few_out, many_out]

    def fill(self, setup, project, rounds):
        """Produces; the first time into topics that are then read, and warms the new brokers up thereby."""
        for number in range(rounds):
            setup.say(f"memory of produce, round {number + 1} of {rounds}")
            for name, samples in self.produce.items():
                topic = "race" if number else name
                samples.append(project.run("produce", topic, "--file", project.directory / name).rss)

    def read(self, setup, project, files, rounds):
        for number in range(rounds):
            setup.say(f"memory of consume, round {number + 1} of {rounds}")
            for name, samples in self.consume.items():
                samples.append(consumed(project, [setup.kdev, "consume", name, "--exit"], files[name]).rss)


def write(path, count):
    """So many different lines of BYTES bytes."""
    with path.open("w") as file:
        file.writelines(f"{number:010d}".ljust(BYTES, "x") + "\n" for number in range(count))


def consumed(project, consume, count):
    """What it cost to consume into a file, once it is certain that all records are in there."""
    path = project.directory / "consumed"
    with path.open("wb") as file:
        cost = command.run(consume, cwd=project.directory, stdout=file)
    size = path.stat().st_size
    path.unlink()
    if size != count * (BYTES + 1):
        raise Unmeasurable(f"`{Path(consume[0]).name} … {consume[2]}` wrote {size:,} bytes, not {count} records")
    return cost



def messages(project, topic):
    """How many records a topic holds, as kdev counts them by offsets."""
    return {found["name"]: found["messages"] for found in project.said("status", "-o", "json")["topics"]}[topic]
