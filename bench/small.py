"""What a developer waits for many times a day, and what kdev itself weighs."""

from pathlib import Path

from project import Project
from row import Row, filling

# Of each short command; the median of few is at the mercy of one hiccup.
REPEATS_PER_ROUND = 5
FOLLOW_S = 3

# The shape of the default project, with apps that need no network to be built and keep `logs -f` busy.
TOML = """
[topics.posts]
partitions = 6
replication = 3
[apps.producer]
dockerfile = "Dockerfile"
[apps.consumer]
dockerfile = "Dockerfile"
"""
DOCKERFILE = """
FROM {image}
USER 10001:10001
CMD ["python3", "-u", "-c", "import time\\nwhile True: print('x' * 100); time.sleep(0.01)"]
"""


def measure(setup, rounds):
    """The rows of this part."""
    new = Row("kdev itself in `up` of nodes and two apps, resident", "MB", 30, worst=True)
    nothing = Row("`kdev up`, nothing to do", "s", 0.3)
    status = Row("`kdev status`", "s", 0.2)
    usage = Row("`kdev --help`", "s", 0.020)
    follow = Row("kdev itself in `logs -f` of five services, resident", "MB", 30, worst=True)
    rows = [nothing, status, usage, new, follow]
    with filling(*rows), Project(setup.kdev, setup.engine, f"{setup.prefix}-small", TOML) as project:
        (project.directory / "Dockerfile").write_text(DOCKERFILE.format(image=setup.python_image()))
        setup.say("a cluster with two apps")
        new.ours.append(project.run("up").rss)
        for number in range(rounds):
            setup.say(f"short commands, round {number + 1} of {rounds}")
            for _ in range(REPEATS_PER_ROUND):
                cost = project.run("up")
                nothing.ours.append(cost.wall)
                new.ours.append(cost.rss)
                status.ours.append(project.run("status").wall)
                usage.ours.append(project.run("--help").wall)
            follow.ours.append(project.run("logs", "-f", stop_after=FOLLOW_S).rss)
    return [*rows, size(setup)]


def size(setup):
    """The static binary's size where there is one, else that of the binary measured, which is said."""
    static = Path(setup.static)
    row = Row("the static binary" if static.is_file() else "the binary (not static: `just release` makes that one)", "MB", 15)
    path = static if static.is_file() else Path(setup.kdev)
    row.ours.append(path.stat().st_size / 1e6)
    return row
