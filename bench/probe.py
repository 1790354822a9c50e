"""The smallest Kafka client: asks one node which brokers it knows."""

import socket
import struct
import time

from command import Unmeasurable

METADATA, VERSION = 3, 1
NO_TOPICS = 0
# How often a node that is not ready is asked again, in seconds.
EVERY_S = 0.03
# Longer than a node that answers at all takes, even on busy cores.
ANSWER_S = 1.0

HEADER = struct.pack(">hhih", METADATA, VERSION, 1, len("bench")) + b"bench"
REQUEST = HEADER + struct.pack(">i", NO_TOPICS)


def brokers(port):
    """How many brokers the node at this port of 127.0.0.1 lists; 0 while it does not answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
            connection.sendall(struct.pack(">i", len(REQUEST)) + REQUEST)
            (size,) = struct.unpack(">i", receive(connection, 4))
            answer = receive(connection, size)
    except OSError:
        return 0
    # Correlation id, then the array of brokers.
    return struct.unpack_from(">i", answer, 4)[0]


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def wait_until_lists(count, port, limit_s):
    """Returns when the node lists so many brokers."""
    deadline = time.monotonic() + limit_s
    while brokers(port) != count:
        if time.monotonic() > deadline:
            raise Unmeasurable(f"the node at port {port} did not list {count} brokers within {limit_s} s")
        time.sleep(EVERY_S)
