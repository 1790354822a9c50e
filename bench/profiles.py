"""What `profile` chooses between: quick against throughput, in start, memory and pace."""

import time

import corpus
from cycle import IDLE_S, memory
from part import Part
from project import Project
from row import Row, filling

# A cluster each, at eight runs each.
FEW = 1
# The compiler of all tiers needs a while until it pays.
TIMES = 8
TOPIC = "race"
FILE = "lines"
SIZE = 100
QUICK, THROUGHPUT = "quick", "throughput"
KAFKA = """
[kafka]
profile = "{}"
memory = "{}"
"""
# throughput is given room for its heap, as whoever chooses it would.
MEMORY = {QUICK: "512m", THROUGHPUT: "1g"}


def measure(setup, rounds):
    """The part: `quick` on the left."""
    of = corpus.named(setup.records, SIZE)
    against = f'`profile = "{THROUGHPUT}"`, `memory = "{MEMORY[THROUGHPUT]}"`'
    ready = Row(f'`profile = "{QUICK}"`: new cluster ready', "s", peer=against)
    idle = Row(f"… memory of its three nodes, {IDLE_S} s later", "MB", peer=against)
    sent = [Row(f"… `produce` of {of}, {nth}", "s", peer=against) for nth in ("the first time", f"the {TIMES}th time")]
    rows = [ready, idle, *sent]
    with filling(*rows):
        few = min(rounds, FEW)
        for number in range(few):
            for profile in (QUICK, THROUGHPUT):
                setup.say(f"profile {profile}, round {number + 1} of {few}")
                toml = KAFKA.format(profile, MEMORY[profile]) + corpus.toml(TOPIC)
                with Project(setup.kdev, setup.engine, f"{setup.prefix}-profile", toml) as project:
                    one(project, setup.records, [row.ours if profile == QUICK else row.theirs for row in rows])
    return Part("Profiles", rows)


def one(project, count, samples):
    """One cluster of one profile."""
    ready, idle, first, last = samples
    ready.append(project.run("up", "--no-apps").wall)
    time.sleep(IDLE_S)
    idle.append(memory(project) / 1e6)
    corpus.write(project.directory / FILE, count, SIZE)
    runs = [project.run("produce", TOPIC, "--file", FILE).wall for _ in range(TIMES)]
    first.append(runs[0])
    last.append(runs[-1])
