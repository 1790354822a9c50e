"""Programs that do the same work, by turns."""

import os
import statistics
from contextlib import contextmanager
from dataclasses import dataclass

import tools
from command import Unmeasurable
from project import Project
from row import Row


@dataclass(frozen=True)
class Place:
    """What command lines name of a machine: kdev, the brokers, Kafka's jars. As it is by default, it stands on the page."""

    kdev: str = "kdev"
    brokers: str = "BROKERS"
    libs: str = "LIBS"


class Entrant:
    """One program: its command line at a place, and what each of its runs cost."""

    def __init__(self, name, command, needs=None, stdin=None, most=None, check=None):
        self.name, self.command, self.stdin = name, command, stdin
        # No more runs than this, for what is slow; and how its work is looked at afterwards.
        self.most, self.check = most, check
        self.needs = needs
        # Why it cannot be measured.
        self.why = tools.missing(needs) if needs else None
        self.costs = []

    def all(self, figure):
        """`wall`, `cpu` or `rss` of every run."""
        return [getattr(cost, figure) for cost in self.costs]

    def median(self, figure):
        """None where it was not measured."""
        return statistics.median(self.all(figure)) if self.costs and not self.why else None


@contextmanager
def arena(setup, name, toml, entrants):
    """A cluster for them, and where it is; what goes wrong inside is the reason of those that are not measured."""
    with entering(*entrants), Project(setup.kdev, setup.engine, f"{setup.prefix}-{name}", toml) as project:
        project.run("up", "--no-apps")
        brokers = project.said("env", "-o", "json")["KAFKA_BOOTSTRAP_SERVERS"]
        java = any(each.needs == "java" and not each.why for each in entrants)
        libs = tools.jars(setup, project.directory) if java else Place.libs
        yield project, Place(setup.kdev, brokers, str(libs))


@contextmanager
def entering(*entrants):
    """Gives those that were not measured the reason where what happens inside fails."""
    try:
        yield
    except Unmeasurable as reason:
        for entrant in entrants:
            entrant.why = entrant.why or str(reason)


def hold(setup, what, entrants, rounds, run):
    """Runs all of them in each round, every other round in reverse: who comes first has the colder cluster.

    Each begins on disks that have nothing left to write: else who follows a client that takes long and writes much pays
    for it, and in the rounds in reverse that is always the same one.
    """
    for number in range(rounds):
        setup.say(f"{what}, round {number + 1} of {rounds}")
        for entrant in entrants if number % 2 == 0 else reversed(entrants):
            if entrant.why or number >= (entrant.most or rounds):
                continue
            os.sync()
            try:
                entrant.costs.append(run(entrant))
            except Unmeasurable as reason:
                entrant.why = str(reason)


def against(name, ours, theirs, figure="wall", goal=None, reach=None, peer=None):
    """The row that compares a figure of two entrants."""
    row = Row(name, "MB" if figure == "rss" else "s", goal, reach, peer or theirs.name)
    row.ours, row.theirs = ours.all(figure), theirs.all(figure)
    row.why = ours.why or theirs.why
    return row


def rates(entrants, count):
    """Records a second of those that were measured, for a chart; kdev's own are ours."""
    return [(each.name, count / each.median("wall"), each.name.startswith("kdev")) for each in entrants if each.median("wall")]
