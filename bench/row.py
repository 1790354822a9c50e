"""One figure: its samples on both sides, its goal, and whether that is met."""

import contextlib
import statistics
from dataclasses import dataclass, field

from command import Unmeasurable


@dataclass
class Row:
    """With a peer the goal is the most that the ratio of medians may be; without one, what the value must stay under."""

    name: str
    unit: str
    goal: float | None = None
    peer: str | None = None
    # Judge the largest sample: memory must stay under its limit always, not usually.
    worst: bool = False
    ours: list = field(default_factory=list)
    theirs: list = field(default_factory=list)
    # Why it could not be measured.
    why: str | None = None

    def measured(self):
        return bool(self.ours) and (bool(self.theirs) or self.peer is None)

    def ratio(self):
        """Ours through theirs; None without a peer."""
        if self.peer is None or not self.measured():
            return None
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def met(self):
        """None where there is no goal. What is not measured is not met."""
        if self.goal is None:
            return None
        if not self.measured() or self.why:
            return False
        if self.peer is not None:
            return self.ratio() <= self.goal
        return (max(self.ours) if self.worst else statistics.median(self.ours)) < self.goal


@contextlib.contextmanager
def filling(*rows):
    """Marks those of the rows that what happens inside leaves without a measurement with the reason."""
    try:
        yield
    except Unmeasurable as reason:
        for row in rows:
            row.why = str(reason)
