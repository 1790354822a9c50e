"""How ready time and memory grow with nodes, partitions, and projects side by side."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from command import Unmeasurable
from cycle import SETTLE_S
from part import Part
from project import Project
from row import Row, filling

# Beyond the first, each further round takes minutes and shows the same curve.
FEW = 1
IDLE_S = 5
TOML = """
[kafka]
brokers = {nodes}
[topics.posts]
partitions = {partitions}
replication = {replication}
"""
# Nodes, partitions, projects; the middle of all three axes is the default project.
USUAL = (3, 6, 1)
SIZES = [(1, 6, 1), USUAL, (5, 6, 1), (3, 60, 1), (3, 600, 1), (3, 6, 2), (3, 6, 4)]
# Of a laptop with 16 GB, what an IDE, a browser and the system leave.
LAPTOP_GB, FREE_GB = 16, 8


def measure(setup, rounds):
    """The part."""
    part = Part("Growth")
    found = {}
    for size in SIZES:
        ready, used = Row(f"{named(size)}: ready", "s"), Row("… memory of the nodes", "MB")
        part.rows += [ready, used]
        with filling(ready, used):
            for number in range(min(rounds, FEW)):
                setup.say(f"{named(size)}, round {number + 1} of {min(rounds, FEW)}")
                seconds, megabytes = one(setup, *size)
                ready.ours.append(seconds)
                used.ours.append(megabytes)
            found[size] = (statistics.median(ready.ours), statistics.median(used.ours))
    part.notes = notes(found)
    return part


def named(size):
    """3 nodes, 6 partitions, 2 projects side by side."""
    nodes, partitions, projects = size
    side = f", {projects} projects side by side" if projects > 1 else ""
    return f"{nodes} node{'s' if nodes > 1 else ''}, {partitions} partitions{side}"


def one(setup, nodes, partitions, projects):
    """Seconds until all of them are ready, and MB of their nodes."""
    toml = TOML.format(nodes=nodes, partitions=partitions, replication=min(nodes, 3))
    with ExitStack() as stack:
        made = [
            stack.enter_context(Project(setup.kdev, setup.engine, f"{setup.prefix}-{at}", toml)) for at in range(projects)
        ]
        with ThreadPoolExecutor(projects) as pool:
            begin = time.monotonic()
            list(pool.map(lambda project: project.run("up", "--no-apps"), made))
            seconds = time.monotonic() - begin
        time.sleep(IDLE_S)
        running = [node for project in made for node in project.nodes()]
        if len(running) != nodes * projects:
            raise Unmeasurable(f"{len(running)} nodes run instead of {nodes * projects}")
        megabytes = sum(map(setup.engine.memory, running)) / 1e6
    time.sleep(SETTLE_S)
    return seconds, megabytes


def notes(found):
    """What the curve says about a laptop."""
    if not all(size in found for size in SIZES):
        return []
    node = (found[5, 6, 1][1] - found[1, 6, 1][1]) / 4
    # Each partition is on three nodes.
    partition = (found[3, 600, 1][1] - found[USUAL][1]) / 594
    project = (found[3, 6, 4][1] - found[USUAL][1]) / 3
    more = (found[3, 6, 4][0] - found[USUAL][0]) / 3
    return [
        f"A further node takes {node:.0f} MB, a further partition with its three replicas {partition:.2f} MB, a further "
        f"project {project:.0f} MB and {more:.1f} s more until all are ready. On a laptop with {LAPTOP_GB} GB, of which "
        f"{FREE_GB} GB are free, {FREE_GB * 1000 / project:.0f} idle projects of three nodes fit at once; at their limit of "
        f"512 MiB a node, {FREE_GB * 1e9 / (3 * 512 * 2**20):.0f}.",
    ]
