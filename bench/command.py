"""One command, run and measured."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TIMED = Path(__file__).with_name("timed.py")
# No command here takes a tenth of it; one that hangs must not hang the rest.
LIMIT_S = 300


class Unmeasurable(Exception):
    """Why a figure cannot be measured."""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time and of CPU, and the most resident memory in MB (10^6 bytes)."""

    wall: float
    cpu: float
    rss: float


def run(command, cwd=None, stdin=None, stdout=subprocess.DEVNULL, stop_after=0.0):
    """Runs it to its end, or for `stop_after` seconds; raises Unmeasurable where it fails. `stdin` is a path below `cwd`."""
    command = [str(word) for word in command]
    reading, writing = os.pipe()
    source = Path(cwd or ".", stdin) if stdin else os.devnull
    with os.fdopen(reading) as result, open(source, "rb") as source:
        # A group of its own: Ctrl-C is for us, who then end the command and clean up behind it.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", TIMED, str(writing), str(stop_after), *command],
            cwd=cwd, stdin=source, stdout=stdout, stderr=subprocess.PIPE,
            pass_fds=(writing,), process_group=0,
        )  # fmt: skip
        os.close(writing)
        try:
            _, errors = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            end_group(process)
            raise Unmeasurable(f"`{shlex.join(command)}` did not end within {LIMIT_S} s") from None
        except BaseException:
            end_group(process)
            raise
        numbers = result.read().split()
    if len(numbers) != 5 or numbers[4] != "0":
        tail = " / ".join(errors.decode(errors="replace").strip().splitlines()[-4:])
        code = numbers[4] if numbers else "no result"
        raise Unmeasurable(f"`{shlex.join(command)}` ended with {code}: {tail}")
    wall, user, system, rss_kib, _ = map(float, numbers)
    return Cost(wall, user + system, rss_kib * 1024 / 1e6)


def end_group(process):
    """Ends a command and the process that measures it."""
    # It may have ended by itself in this instant.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
