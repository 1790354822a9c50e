"""The peer of a new cluster: three nodes by the Kafka image's own entrypoint.

The settings are those of Kafka's own example of three combined nodes (docker/examples/docker-compose-files/cluster/
combined/plaintext); as compose does, all containers are created at once, then started at once.
"""

import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import probe
from command import Unmeasurable

NODES = (1, 2, 3)
# Ten times what it takes on two quiet cores.
READY_S = 90


class Baseline:
    def __init__(self, engine, image, prefix):
        self.engine, self.image = engine, image
        self.network = prefix
        self.names = [f"{prefix}-kafka-{node}" for node in NODES]

    def start(self):
        """Seconds from nothing until every node lists three brokers."""
        ports = free_ports(len(NODES))
        with ThreadPoolExecutor(len(NODES)) as pool:
            begin = time.monotonic()
            self.engine.post("/networks/create", {"Name": self.network, "CheckDuplicate": True})
            list(pool.map(self.create, NODES, self.names, ports))
            list(pool.map(lambda name: self.engine.post(f"/containers/{name}/start"), self.names))
        # One after another: all must be ready, so it does not matter which is asked first.
        for port in ports:
            probe.wait_until_lists(len(NODES), port, READY_S)
        return time.monotonic() - begin

    def create(self, node, name, port):
        body = {
            "Image": self.image,
            "Hostname": f"kafka-{node}",
            "Env": [f"{key}={value}" for key, value in settings(node, port).items()],
            "ExposedPorts": {"9092/tcp": {}},
            "HostConfig": {"PortBindings": {"9092/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}},
            "NetworkingConfig": {"EndpointsConfig": {self.network: {"Aliases": [f"kafka-{node}"]}}},
        }
        self.engine.post("/containers/create", body, name=name)

    def memory(self):
        """Bytes of the three nodes together."""
        return sum(map(self.engine.memory, self.names))

    def remove(self):
        """Removes what is there of it, with the anonymous volumes that the image declares."""
        with ThreadPoolExecutor(len(NODES)) as pool:
            list(pool.map(lambda name: self.engine.remove(f"/containers/{name}", force="1", v="1"), self.names))
        self.engine.remove(f"/networks/{self.network}")


def settings(node, port):
    """The environment of a node of the example."""
    return {
        "KAFKA_NODE_ID": node,
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(f"{voter}@kafka-{voter}:9093" for voter in NODES),
        "KAFKA_LISTENERS": "PLAINTEXT://:19092,CONTROLLER://:9093,PLAINTEXT_HOST://:9092",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://kafka-{node}:19092,PLAINTEXT_HOST://localhost:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": 1,
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": 1,
        "KAFKA_LOG_DIRS": "/tmp/kraft-combined-logs",
    }


def free_ports(count):
    """Ports below the range that Linux gives to outgoing connections: none is taken between the look and the use."""
    found = []
    for port in random.sample(range(21000, 32000), 200):
        with socket.socket() as probing:
            try:
                probing.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Unmeasurable(f"no {count} free ports between 21000 and 32000")
