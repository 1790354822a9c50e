"""One figure: its samples on both sides, its goals, and whether they are met."""

import statistics
from contextlib import contextmanager
from dataclasses import dataclass, field

from command import Unmeasurable


@dataclass
class Row:
    """With a peer the goals are the most that the ratio of medians may be, else the most that the value may be."""

    name: str
    unit: str
    # "At most", and "reach for".
    goal: float | None = None
    reach: float | None = None
    peer: str | None = None
    # The goals are of the value itself; the peer stands beside it for comparison.
    absolute: bool = False
    # Judge the largest sample: memory must stay under its limit always, not usually.
    worst: bool = False
    ours: list = field(default_factory=list)
    theirs: list = field(default_factory=list)
    # Why it could not be measured.
    why: str | None = None

    def measured(self):
        """Whether there is anything to show, and nothing went wrong."""
        return not self.why and bool(self.ours) and (bool(self.theirs) or self.peer is None)

    def ratio(self):
        """Ours through theirs; None without a peer."""
        if self.peer is None or not self.measured():
            return None
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def middle(self, side):
        """The median of `ours` or `theirs`, None where there is none."""
        samples = getattr(self, side)
        return statistics.median(samples) if samples else None

    def judged(self):
        """What the goals are held against."""
        if self.peer is not None and not self.absolute:
            return self.ratio()
        return max(self.ours) if self.worst else statistics.median(self.ours)

    def met(self):
        """None where there is no goal. What is not measured is not met."""
        return None if self.goal is None else self.measured() and self.judged() <= self.goal

    def reached(self):
        """The same of what is reached for."""
        return None if self.reach is None else self.measured() and self.judged() <= self.reach


@contextmanager
def filling(*rows):
    """Gives the rows the reason where what happens inside cannot measure them."""
    try:
        yield
    except Unmeasurable as reason:
        for row in rows:
            row.why = row.why or str(reason)
