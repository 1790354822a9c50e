"""Programs that do the same work, by turns."""

import statistics
from contextlib import contextmanager

from command import Unmeasurable
from row import Row


class Entrant:
    """One program: how it is called, and what each of its runs cost."""

    def __init__(self, name, command, stdin=None, most=None, check=None, why=None):
        self.name, self.command, self.stdin = name, command, stdin
        # No more runs than this, for what is slow; and how its work is looked at afterwards.
        self.most, self.check = most, check
        self.costs = []
        # Why it cannot be measured.
        self.why = why

    def all(self, figure):
        """`wall`, `cpu` or `rss` of every run."""
        return [getattr(cost, figure) for cost in self.costs]

    def median(self, figure):
        """None where it was not measured."""
        return statistics.median(self.all(figure)) if self.costs and not self.why else None


def hold(setup, what, entrants, rounds, run):
    """Runs all of them in each round, every other round in reverse: who comes first has the colder cluster."""
    for number in range(rounds):
        setup.say(f"{what}, round {number + 1} of {rounds}")
        for entrant in entrants if number % 2 == 0 else reversed(entrants):
            if entrant.why or number >= (entrant.most or rounds):
                continue
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


@contextmanager
def entering(*entrants):
    """Gives those that were not measured the reason where what happens inside fails."""
    try:
        yield
    except Unmeasurable as reason:
        for entrant in entrants:
            entrant.why = entrant.why or str(reason)
