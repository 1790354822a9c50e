"""A new cluster, against the same image's own entrypoint and against plain processes; and what follows in its life."""

import shlex
import time
from contextlib import ExitStack

import baseline
import cycle
from baseline import Baseline
from bare import Bare
from command import Unmeasurable
from cycle import FEW, IDLE_S, SETTLE_S, Cycle
from firstpost import FirstPost
from image import FreshImage
from interrupt import shielded
from part import Part
from project import Project
from rootfs import Rootfs
from row import Row, filling
from svg import bars, waterfall

ENTRYPOINT = "the image's own entrypoint"


def measure(setup, rounds):
    """The part."""
    life = Cycle(ENTRYPOINT)
    bare = Row("new cluster, against what containers cost", "s", 1.45, 1.20, "three bare JVMs, the same flags")
    post = Row("`kdev up` typed, until the consumer prints its first post", "s", 0.75, 0.60, f"{ENTRYPOINT}, Kafka only")
    prepare = Row("first `up` with an image, which prepares it (once per image)", "s")
    ready, *others = life.rows
    part = Part("Start", [ready, bare, post, *others, prepare])
    with filling(*part.rows), FreshImage(setup.engine, setup.kafka_image(), setup.prefix) as image:
        with setup.environment(KDEV_KAFKA_IMAGE=image.name):
            with Project(setup.kdev, setup.engine, f"{setup.prefix}-start") as project, ExitStack() as stack:
                setup.say("a new cluster on an image that is new to kdev")
                prepare.ours.append(project.run("up", "--no-apps").wall)
                commands, prepared = cycle.commands(project)
                project.run("down", "--volumes")
                entrypoint = Baseline(setup.engine, image.name, f"{setup.prefix}-peer")
                sides = [(life.besides(), lambda: of_entrypoint(entrypoint, life)), (life.rows, lambda: life.live(project))]
                with filling(bare):
                    rootfs = stack.enter_context(Rootfs(setup.engine, prepared, setup.prefix))
                    said(part, rootfs, commands)
                    # Its first start reads its files from the disk.
                    of_bare(Bare(rootfs, commands), [])
                    sides.append(([bare], lambda: of_bare(Bare(rootfs, commands), bare.theirs)))
                with filling(post):
                    first = stack.enter_context(FirstPost(setup))
                    sides.append(([post], lambda: post.ours.append(first.seconds())))
                for number in range(rounds):
                    setup.say(f"a new cluster, round {number + 1} of {rounds}")
                    for rows, side in sides if number % 2 == 0 else reversed(sides):
                        with filling(*rows):
                            side()
                bare.ours, post.theirs = life.ready.ours, life.ready.theirs
                if not post.why:
                    draw(part, first)
    part.charts |= charts(part.rows)
    return part


def of_entrypoint(entrypoint, life):
    try:
        life.ready.theirs.append(entrypoint.start())
        if len(life.idle.theirs) < FEW:
            time.sleep(IDLE_S)
            life.idle.theirs.append(entrypoint.memory() / 1e6)
    finally:
        with shielded():
            entrypoint.remove()
    time.sleep(SETTLE_S)


def of_bare(bare, samples):
    try:
        samples.append(bare.start())
    finally:
        with shielded():
            bare.remove()
    time.sleep(SETTLE_S)


def draw(part, first):
    """One more start, for the picture."""
    try:
        part.charts["waterfall"] = waterfall("kdev up: nodes, topic and two apps, from nothing", first.timings())
    except Unmeasurable as reason:
        part.notes.append(f"No waterfall: {reason}")


def said(part, rootfs, commands):
    """What both peers were told, to the letter."""
    settings = " ".join(f"-e {name}={value}" for name, value in baseline.settings("N", "PORT").items())
    part.commands.append((
        f"{ENTRYPOINT}, three of them through the engine's API, created at once, started at once; "
        "ready when each node's own metadata answer lists three brokers",
        f"docker run -h kafka-N -p 127.0.0.1:PORT:9092 {settings} IMAGE",
    ))  # fmt: skip
    words = Bare(rootfs, commands).command(1, *(["HOST_PORT"] * 3, ["NODE_PORT"] * 3, ["QUORUM_PORT"] * 3))
    part.commands.append((
        "three bare JVMs, ready by the same measure: the nodes' own command lines, in a copy of the prepared image's "
        "files, with the addresses of one machine, storage written beforehand as kdev does; node 1",
        f"chroot FILES {shlex.join(words)}",
    ))  # fmt: skip


def charts(rows):
    """Time and memory as bars."""
    ready, bare, post, idle = rows[:4]
    times = [
        (ENTRYPOINT, ready.middle("theirs"), False),
        ("kdev up --no-apps", ready.middle("ours"), True),
        ("kdev up, first post printed", post.middle("ours"), True),
        ("bare JVMs, no containers", bare.middle("theirs"), False),
    ]
    memory = [(ENTRYPOINT, idle.middle("theirs"), False), ("kdev", idle.middle("ours"), True)]
    return {
        "start": bars("a new three-node cluster is ready after", "s", times),
        "memory": bars("memory of three idle nodes", "MB", memory),
    }
