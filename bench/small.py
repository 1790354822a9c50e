"""What a developer waits for many times a day, and what kdev itself weighs."""

from pathlib import Path

import command
import corpus
import peers
import tools
from part import Part
from project import Project
from row import Row, filling

# Of each short command; the median of few is at the mercy of one hiccup.
REPEATS_PER_ROUND = 5
FOLLOW_S = 3

# The shape of the default project, with apps that need no network to be built and keep `logs -f` busy.
APPS = """
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
ONE = "one-line"


def measure(setup, rounds):
    """The part."""
    nothing = Row("`kdev up`, nothing to do", "s", 0.15, 0.08)
    status = Row("`kdev status`", "s", 0.10, 0.05)
    one = Row("one message produced and acknowledged, start to exit", "s", 0.030, 0.010, "kcat", absolute=True)
    usage = Row("`kdev --help`", "s", 0.020)
    new = Row("kdev itself in `up` of nodes and two apps, resident", "MB", 30, worst=True)
    follow = Row("kdev itself in `logs -f` of five services, resident", "MB", 30, worst=True)
    part = Part("Small commands", [nothing, status, one, usage, new, follow])
    toml = corpus.toml("posts") + APPS
    with filling(*part.rows), Project(setup.kdev, setup.engine, f"{setup.prefix}-small", toml) as project:
        (project.directory / "Dockerfile").write_text(DOCKERFILE.format(image=setup.python_image()))
        (project.directory / ONE).write_text("one\n")
        setup.say("a cluster with two apps")
        new.ours.append(project.run("up").rss)
        brokers = project.said("env", "-o", "json")["KAFKA_BOOTSTRAP_SERVERS"]
        kcat = peers.kcat_produce(brokers, "posts", ONE)
        ours = [setup.kdev, "produce", "posts", "--value", "one"]
        part.said("one message, kdev", ["kdev", *ours[1:]])
        part.said("one message, kcat", peers.kcat_produce("BROKERS", "posts", ONE))
        for number in range(rounds):
            setup.say(f"short commands, round {number + 1} of {rounds}")
            for _ in range(REPEATS_PER_ROUND):
                cost = project.run("up")
                nothing.ours.append(cost.wall)
                new.ours.append(cost.rss)
                status.ours.append(project.run("status").wall)
                one.ours.append(command.run(ours, cwd=project.directory).wall)
                if not tools.missing("kcat"):
                    one.theirs.append(command.run(kcat, cwd=project.directory).wall)
                usage.ours.append(project.run("--help").wall)
            follow.ours.append(project.run("logs", "-f", stop_after=FOLLOW_S).rss)
    if tools.missing("kcat"):
        # Its goal needs no peer.
        one.peer = None
    part.rows.append(size(setup))
    return part


def size(setup):
    """The static binary's size where there is one, else that of the binary measured, which is said."""
    static = Path(setup.static)
    row = Row("the static binary" if static.is_file() else "the binary (not static: `just release` makes that one)", "MB", 15)
    path = static if static.is_file() else Path(setup.kdev)
    row.ours.append(path.stat().st_size / 1e6)
    return row
