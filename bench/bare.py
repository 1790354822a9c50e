"""The peer that shows what containers cost: the nodes' own command lines as three plain processes of this machine.

JVM, jars, class-data archive, flags and settings are the nodes' own; only addresses and directories differ, since the
three share one network and one disk. They run in a copy of the prepared image's files (rootfs.py).
"""

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid

import probe
from baseline import NODES, READY_S, free_ports
from command import Unmeasurable

# What a new controller's storage begins with, in the prepared image (src/plan/prepared.rs).
FIRST = "opt/kdev/first"
DATA = "bare"


class Bare:
    def __init__(self, rootfs, commands):
        """`commands`: those of the nodes 1, 2, 3."""
        self.rootfs, self.commands = rootfs, commands
        self.processes = []

    def start(self):
        """Seconds from nothing until every node lists three brokers."""
        free = free_ports(len(NODES) * 3)
        ports = [free[at::3] for at in range(3)]
        cluster = new_id()
        for node in NODES:
            self.format(node, cluster)
        words = [self.command(node, *ports) for node in NODES]
        begin = time.monotonic()
        for each in words:
            self.processes.append(
                subprocess.Popen(
                    self.rootfs.command(each), process_group=0,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            )
        try:
            for port in ports[0]:
                probe.wait_until_lists(len(NODES), port, READY_S)
        except Unmeasurable as error:
            raise Unmeasurable("; ".join([str(error), *self.ended()])) from None
        return time.monotonic() - begin

    def ended(self):
        """Which nodes run no more."""
        codes = ((node, process.poll()) for node, process in zip(NODES, self.processes))
        return [f"node {node} had ended with {code}" for node, code in codes if code is not None]

    def format(self, node, cluster):
        """The storage as templates/node.sh writes it: meta.properties, and the first metadata."""
        directory = self.rootfs.path / DATA / str(node)
        shutil.copytree(self.rootfs.path / FIRST, directory)
        lines = ["version=1", f"cluster.id={cluster}", f"node.id={node}", f"directory.id={new_id()}"]
        (directory / "meta.properties").write_text("\n".join(lines) + "\n")

    def command(self, node, host, container, controller):
        """The node's own, with addresses and directory of this machine."""
        at = node - 1
        changed = {
            "listeners": f"CONTAINER://127.0.0.1:{container[at]},HOST://127.0.0.1:{host[at]},"
            f"CONTROLLER://127.0.0.1:{controller[at]}",
            "advertised.listeners": f"CONTAINER://127.0.0.1:{container[at]},HOST://127.0.0.1:{host[at]}",
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{controller[n - 1]}" for n in NODES),
            "log.dirs": f"/{DATA}/{node}",
        }
        return [
            f"{name}={changed[name]}" if (name := word.partition("=")[0]) in changed else word
            for word in self.commands[at]
        ]

    def remove(self):
        """Ends them and removes their data."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()
        shutil.rmtree(self.rootfs.path / DATA, ignore_errors=True)


def new_id():
    """128 random bits as Kafka writes them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
