"""Files of records, topics for them, and that what was sent or read is all there."""

import random

from command import Unmeasurable

# A fifth of the records where each is ten times as large: twice the bytes.
SHAPES = ((1, 100), (5, 1024))

TOPIC = """
[topics.{}]
partitions = 6
replication = 3
config = {{ "min.insync.replicas" = 2 }}
"""
WORDS = "kafka posts a b the of and to in is that node topic leader follower offset group lag record value".split()


def toml(*topics):
    """A project with these topics."""
    return "".join(map(TOPIC.format, topics))


def named(count, size):
    """As the rows name it: 1,000,000 × 100 B."""
    return f"{count:,} × {f'{size // 1024} KiB' if size % 1024 == 0 else f'{size} B'}"


def write(path, count, size):
    """So many different lines of `size` bytes: words, the same ones in every run, that compress about as text does."""
    chosen = random.Random(17)
    text = " ".join(chosen.choice(WORDS) for _ in range(20_000))
    places = len(text) - size
    with path.open("w") as file:
        file.writelines(
            f"{number:010d} {text[(at := number * 61 % places) : at + size - 11]}\n" for number in range(count)
        )


def messages(project, topic):
    """How many records a topic holds, as kdev counts them by offsets."""
    return {found["name"]: found["messages"] for found in project.said("status", "-o", "json")["topics"]}[topic]


def lines(path):
    """The number of lines of a file."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def expect(what, found, wanted):
    """A client that loses records must not win."""
    if found != wanted:
        raise Unmeasurable(f"{what}: {found:,} instead of {wanted:,}")
