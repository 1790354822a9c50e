"""What a part of the measurement hands over."""

import shlex
from dataclasses import dataclass, field


@dataclass
class Part:
    """A title, its rows, the command lines behind them, what else is to be said, and charts by name."""

    title: str
    rows: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    charts: dict = field(default_factory=dict)

    def ran(self, name, command, stdin=None, **places):
        """Notes a command line to the letter, but for the places of this machine: BROKERS="localhost:…"."""
        words = [str(word) for word in command]
        for place, text in places.items():
            words = [word.replace(text, place) for word in words]
        self.commands.append((name, shlex.join(words) + (f" < {stdin}" if stdin else "")))
