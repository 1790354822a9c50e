"""What a part of the measurement hands over."""

import shlex
from dataclasses import dataclass, field

from contest import Place


@dataclass
class Part:
    """A title, its rows, the command lines behind them, what else is to be said, and charts by name."""

    title: str
    rows: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    charts: dict = field(default_factory=dict)

    def ran(self, *entrants):
        """Notes their command lines to the letter, with names for what belongs to this machine."""
        for each in entrants:
            if each.costs:
                self.said(each.name, each.command(Place()), each.stdin)

    def said(self, name, words, stdin=None):
        """Notes one command line, once."""
        said = (name, shlex.join(map(str, words)) + (f" < {stdin}" if stdin else ""))
        if said not in self.commands:
            self.commands.append(said)
