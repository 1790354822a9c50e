"""Ctrl-C, and the other polite ways to be ended: all come as KeyboardInterrupt, none disturbs the cleaning up."""

import contextlib
import signal

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted(*_):
    raise KeyboardInterrupt


def install():
    for number in POLITE:
        signal.signal(number, interrupted)


@contextlib.contextmanager
def shielded():
    """What happens inside is not interrupted."""
    # A handler that does nothing, for what is ignored would be ignored by the commands started here too.
    before = {number: signal.signal(number, lambda *_: None) for number in POLITE}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
