"""A new cluster, against the same image's own entrypoint: time until it is ready, and memory when it idles."""

import time

from baseline import Baseline
from command import Unmeasurable
from image import FreshImage
from interrupt import shielded
from project import Project
from row import Row, filling

PEER = "the image's own entrypoint"
# Start-up garbage is there for a while on both sides; a developer's cluster idles for hours.
IDLE_S = 8
# So that the removal of one side's containers does not burden the other's start.
SETTLE_S = 1


def measure(setup, rounds):
    """The rows of this part."""
    ready = Row("new cluster, `kdev up --no-apps` until it returns", "s", 0.60, PEER)
    idle = Row(f"memory of its three nodes, {IDLE_S} s later", "MB", 0.60, PEER)
    resident = Row("kdev itself in that `up`, resident", "MB", 30, worst=True)
    prepare = Row("first `up` with an image, which prepares it (once per image)", "s")
    rows = [ready, idle, resident, prepare]
    with filling(*rows), FreshImage(setup.engine, setup.kafka_image(), setup.prefix) as image:
        with setup.environment(KDEV_KAFKA_IMAGE=image.name):
            with Project(setup.kdev, setup.engine, f"{setup.prefix}-start") as project:
                setup.say("a new cluster on an image that is new to kdev")
                prepare.ours.append(project.run("up", "--no-apps").wall)
                project.run("down", "--volumes")
                baseline = Baseline(setup.engine, image.name, f"{setup.prefix}-peer")
                for number in range(rounds):
                    setup.say(f"a new cluster, round {number + 1} of {rounds}")
                    of_peer(baseline, ready, idle)
                    of_kdev(project, ready, idle, resident)
    return rows


def of_peer(baseline, ready, idle):
    try:
        ready.theirs.append(baseline.start())
        time.sleep(IDLE_S)
        idle.theirs.append(baseline.memory() / 1e6)
    finally:
        with shielded():
            baseline.remove()
    time.sleep(SETTLE_S)


def of_kdev(project, ready, idle, resident):
    cost = project.run("up", "--no-apps")
    ready.ours.append(cost.wall)
    resident.ours.append(cost.rss)
    time.sleep(IDLE_S)
    nodes = project.nodes()
    if len(nodes) != 3:
        raise Unmeasurable(f"kdev up ended well, but {len(nodes)} nodes run")
    idle.ours.append(sum(map(project.engine.memory, nodes)) / 1e6)
    project.run("down", "--volumes")
    time.sleep(SETTLE_S)
