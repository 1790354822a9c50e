"""The life of one kdev cluster: new, idle, its first message, stopped under load, started with its data, killed."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from command import Unmeasurable
from row import Row

# Start-up garbage is there for a while; a developer's cluster idles for hours.
IDLE_S = 8
# So that the removal of one side's containers does not burden the other's start.
SETTLE_S = 1
LOAD_S = 2
NODES = 3
# Runs of what takes long, and has no goal or hardly differs.
FEW = 3


class Cycle:
    """The rows, filled by one life after another."""

    def __init__(self, peer):
        self.ready = Row("new cluster, `kdev up --no-apps` until it returns", "s", 0.42, 0.35, peer)
        self.idle = Row(f"memory of its three nodes, {IDLE_S} s later", "MB", 0.50, 0.42, peer)
        self.first = Row("`kdev produce --generate 1`, a new cluster's first message, idempotent", "s", 0.5)
        self.down = Row("`kdev down` while a producer sends what it can", "s", 6.5, 2.0)
        self.warm = Row("`kdev up --no-apps` with data, after `down`", "s", 1.0, peer="a new cluster")
        self.killed = Row("`kdev up --no-apps` after SIGKILL of all nodes under load", "s", peer="a new cluster")
        self.resident = Row("kdev itself in `up`, resident", "MB", 30, worst=True)
        self.rows = [self.ready, self.idle, self.first, self.down, self.warm, self.killed, self.resident]

    def besides(self):
        """The rows that the peer of a new cluster fills too."""
        return [self.ready, self.idle]

    def live(self, project):
        """One life, from nothing to nothing. Where it ends early, the rows that it did not come to say why."""
        missing = list(self.rows)

        def measured(row, value):
            row.ours.append(value)
            missing.remove(row)

        try:
            self.step_by_step(project, measured)
        except Unmeasurable as reason:
            for row in missing:
                row.why = row.why or str(reason)
        project.run("down", "--volumes")
        time.sleep(SETTLE_S)

    def step_by_step(self, project, measured):
        cost = project.run("up", "--no-apps")
        for row in (self.warm, self.killed):
            row.theirs.append(cost.wall)
        measured(self.ready, cost.wall)
        measured(self.resident, cost.rss)
        measured(self.first, project.run("produce", "--generate", "1").wall)
        time.sleep(IDLE_S)
        measured(self.idle, memory(project) / 1e6)
        with Load(project):
            measured(self.down, project.run("down").wall)
        # As a new cluster has it: nothing left to write.
        os.sync()
        time.sleep(SETTLE_S)
        measured(self.warm, project.run("up", "--no-apps").wall)
        if len(self.killed.ours) >= FEW:
            return
        with Load(project):
            kill(project)
        measured(self.killed, project.run("up", "--no-apps").wall)


class Load:
    """A producer that sends what it can, for a while before and then during what happens inside."""

    def __init__(self, project):
        self.project = project

    def __enter__(self):
        endless = [self.project.kdev, "produce", "--generate", str(10**12)]
        self.process = subprocess.Popen(
            endless, cwd=self.project.directory, process_group=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(LOAD_S)
        if self.process.poll() is not None:
            raise Unmeasurable(f"the load ended by itself, with {self.process.returncode}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def running(project):
    """The ids of its nodes' containers, all of which run."""
    nodes = project.nodes()
    if len(nodes) != NODES:
        raise Unmeasurable(f"kdev up ended well, but {len(nodes)} nodes run")
    return nodes


def memory(project):
    """Bytes of its three nodes together."""
    return sum(map(project.engine.memory, running(project)))


def kill(project):
    """SIGKILL to all nodes in the same instant; returns when they have ended."""
    nodes = running(project)
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda node: project.engine.post(f"/containers/{node}/kill"), nodes))
        list(pool.map(lambda node: project.engine.post(f"/containers/{node}/wait"), nodes))


def commands(project):
    """The JVMs that its nodes become, by their numbers."""
    found = [project.engine.get(f"/containers/{node}/json") for node in running(project)]
    found.sort(key=lambda each: each["Config"]["Labels"]["kdev.service"])
    return [each["Args"][each["Args"].index("java") :] for each in found], found[0]["Image"]
