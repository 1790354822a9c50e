"""Changes of a running cluster under load: how long writes stall, how long it takes, and whether a record is lost."""

import contextlib
import json
import os
import signal
import subprocess
import time

import corpus
from command import Unmeasurable
from part import Part
from project import Project
from row import Row, filling

TOPIC = "posts"
RATE = "1000/s"
# Each takes three changes of some 15 s, which are three samples of much the same.
FEW = 1
# Before and after a change, so that its own stall is not the audit's begin or end.
AROUND_S = 3
# The account reads back what was sent: some ten thousand records.
ACCOUNT_S = 120
OLD = "4.2.1"
FAULTS = ("lost", "failed", "unanswered", "duplicated", "reordered")
KAFKA = """
[kafka]
version = "{}"
memory = "{}"
finalize = false
"""
USUAL, MORE = "512m", "528m"


def measure(setup, rounds):
    """The part."""
    new = setup.kafka_version()
    still = Row(f"nothing changed: longest stall of a partition at {RATE}", "s")
    rolls = [Roll("`memory` changed"), Roll(f"upgrade {OLD} to {new}"), Roll(f"back to {OLD}, before finalizing")]
    rows = [still, *(row for roll in rolls for row in roll.rows)]
    part = Part("Changes under load", rows)
    part.said("the load, and the account", ["kdev", "audit", TOPIC, "--rate", RATE, "-o", "json"])
    with filling(*rows):
        setup.kafka_image(OLD)
        toml = written(OLD, USUAL)
        with Project(setup.kdev, setup.engine, f"{setup.prefix}-roll", toml) as project:
            project.run("up", "--no-apps")
            with Audit(project) as audit:
                time.sleep(3 * AROUND_S)
            still.ours.append(audit.stall())
            few = min(rounds, FEW)
            for number in range(few):
                memory = (MORE, USUAL)[number % 2]
                setup.say(f"changes under load, round {number + 1} of {few}")
                for roll, version in zip(rolls, (OLD, new, OLD)):
                    with filling(*roll.rows):
                        roll.take(project, written(version, memory))
    return part


def written(version, memory):
    """The whole kdev.toml."""
    return KAFKA.format(version, memory) + corpus.toml(TOPIC)


class Roll:
    """One kind of change of all three nodes, and its rows."""

    def __init__(self, name):
        self.stall = Row(f"{name}: longest stall of a partition at {RATE}", "s", 0.7, 0.2)
        self.whole = Row("… until all three nodes are replaced, one at a time", "s", 20, 12)
        self.faults = Row("… records lost, failed, doubled or reordered", "records", 0, worst=True)
        self.rows = [self.stall, self.whole, self.faults]

    def take(self, project, toml):
        """Writes the file, and lets `kdev up` make it so, under an audit."""
        (project.directory / "kdev.toml").write_text(toml)
        with Audit(project) as audit:
            time.sleep(AROUND_S)
            cost = project.run("up", "--no-apps")
            time.sleep(AROUND_S)
        self.stall.ours.append(audit.stall())
        self.whole.ours.append(cost.wall)
        self.faults.ours.append(audit.faults())


class Audit:
    """`kdev audit` beside what happens inside; afterwards its account."""

    def __init__(self, project):
        self.project = project

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.project.kdev, "audit", TOPIC, "--rate", RATE, "-o", "json"], cwd=self.project.directory,
            process_group=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL if kind else signal.SIGINT)
        try:
            out, errors = self.process.communicate(timeout=ACCOUNT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            raise Unmeasurable(f"kdev audit gave no account within {ACCOUNT_S} s") from None
        if kind is None:
            if not out.strip():
                raise Unmeasurable(f"kdev audit: {errors.strip()}")
            self.account = json.loads(out)

    def stall(self):
        """In seconds."""
        return self.account["longest_stall_ms"] / 1000

    def faults(self):
        """How many records are not where and as they should be."""
        return sum(self.account[fault] for fault in FAULTS)
