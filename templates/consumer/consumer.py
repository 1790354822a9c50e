"""Reads posts from a Kafka topic, prints each as one line of JSON, and commits what it has printed.

Settings, from the environment:
  KAFKA_BROKER_URL  host:port of one or more brokers, separated by commas; required
  KAFKA_TOPIC       default: posts

Exit codes: 0 stopped by a signal, 1 the client failed or could not leave its group, 2 a setting is wrong.
"""

import base64
import json
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException

GROUP = "posts-consumer"
# Python's signal handlers run only between two calls into the client, so no call may last longer.
SLICE_S = 0.1
# At most this much is read twice after a crash; a commit per message would cost a round trip each.
COMMIT_INTERVAL_S = 1.0
# A container gets ten seconds between SIGTERM and SIGKILL; without Kafka, closing would wait longer than that.
CLOSE_LIMIT_S = 5.0


class ConfigError(Exception):
    """A setting is missing or malformed; the text says which, and what it should look like."""


@dataclass(frozen=True)
class Settings:
    brokers: str
    topic: str

    @staticmethod
    def from_env(env):
        return Settings(
            brokers=parse_brokers(env.get("KAFKA_BROKER_URL", "")),
            topic=parse_topic(env.get("KAFKA_TOPIC", "posts")),
        )


def parse_brokers(text):
    if not text.strip():
        raise ConfigError("KAFKA_BROKER_URL is not set; expected host:port[,host:port...]")
    brokers = [broker.strip() for broker in text.split(",")]
    for broker in brokers:
        match = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", broker)
        if not match or not 1 <= int(match[2]) <= 65535:
            raise ConfigError(f"KAFKA_BROKER_URL: {broker!r} is not host:port")
    return ",".join(brokers)


def parse_topic(text):
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", text) or text in (".", ".."):
        raise ConfigError(f"KAFKA_TOPIC: {text!r} is not a topic name (letters, digits, '.', '_', '-'; at most 249)")
    return text


class Stop:
    """Set by SIGTERM and SIGINT; the loops look at it. Closing the consumer inside the handler would hang."""

    def __init__(self):
        self.requested = False

    def __call__(self, _signal=None, _frame=None):
        self.requested = True


def client_config(settings, on_error):
    return {
        "bootstrap.servers": settings.brokers,
        "client.id": "consumer",
        "group.id": GROUP,
        "auto.offset.reset": "earliest",
        # An offset is stored when its message has been printed, and stored offsets are committed by `Offsets`.
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Partitions of a consumer that was killed are taken over after this long, instead of 45 s.
        "session.timeout.ms": 10000,
        # Quick to notice that Kafka has come up, or that the topic was made anew.
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "topic.metadata.refresh.interval.ms": 10000,
        "error_cb": on_error,
        # The client's own log repeats itself while Kafka is away; `State` says it once instead.
        "log_level": 0,
    }


class State:
    """Prints one line when Kafka comes or goes, not one per attempt."""

    def __init__(self):
        self.fatal = False
        self._connected = None

    def connected(self, now, detail):
        if self._connected is not now:
            self._connected = now
            print(f"Kafka is reachable: {detail}" if now else f"waiting for Kafka: {detail}")

    def on_error(self, error):
        if error.fatal():
            self.fatal = True
            print(f"error: the client cannot go on: {error.str()}", file=sys.stderr)
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.connected(False, "no broker answers")


class Offsets:
    """Commits what was processed: at most each second, before partitions are given away, and at the end."""

    def __init__(self, client, clock=time):
        self._client = client
        self._clock = clock
        self._pending = False
        self._last = clock.monotonic()

    def processed(self, message):
        self._client.store_offsets(message=message)
        self._pending = True

    def commit_if_due(self):
        now = self._clock.monotonic()
        if self._pending and now - self._last >= COMMIT_INTERVAL_S:
            self._last = now
            self._pending = False
            self._client.commit(asynchronous=True)

    def commit_now(self):
        # Also where nothing is pending: an asynchronous commit may have failed, and this one repeats it.
        self._pending = False
        try:
            self._client.commit(asynchronous=False)
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError._NO_OFFSET:
                print(f"not committed: {exception.args[0].str()}; these posts will be read again", file=sys.stderr)


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def text_or_base64(data):
    """Bytes as JSON can hold them: null, text, or what is not UTF-8 as base64."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def line(message):
    """One message as one line of JSON; a value that is not JSON is shown as it is, with the reason."""
    shown = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": text_or_base64(message.key()),
        "value": text_or_base64(message.value()),
    }
    if isinstance(shown["value"], str):
        try:
            shown["value"] = json.loads(shown["value"], parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            shown["error"] = f"the value is not JSON: {error}"
    elif shown["value"] is not None:
        shown["error"] = "the value is not UTF-8"
    return json.dumps(shown, ensure_ascii=False)


def wait_for_topic(client, topic, state, stop, clock=time):
    """Returns when the topic exists, or a stop was asked for."""
    while not stop.requested:
        try:
            # Short, because a signal is only seen when it returns.
            error = client.list_topics(topic, timeout=1.0).topics[topic].error
            if error is None:
                state.connected(True, f"reading {topic}")
                return
            state.connected(False, f"topic {topic}: {error.str()}")
        except KafkaException as exception:
            state.connected(False, f"no broker answers ({exception.args[0].str()})")
        clock.sleep(SLICE_S)


def read_posts(client, offsets, state, stop):
    while not (stop.requested or state.fatal):
        message = client.poll(SLICE_S)
        if message is None:
            pass
        elif message.error():
            state.connected(False, message.error().str())
        else:
            state.connected(True, "posts arrive again")
            print(line(message))
            offsets.processed(message)
        offsets.commit_if_due()


def close(client):
    """Gives the partitions away (which commits) and leaves the group, so that others take over at once.

    False: Kafka did not answer in time, and the group will notice by its session timeout."""
    closing = threading.Thread(target=client.close, daemon=True)
    closing.start()
    closing.join(CLOSE_LIMIT_S)
    return not closing.is_alive()


def on_assign(_client, partitions):
    print(f"assigned partitions: {', '.join(str(p.partition) for p in partitions) or 'none'}")


def run(settings, stop, connect=Consumer, clock=time):
    state = State()
    print(f"consumer: {settings.topic} at {settings.brokers} as group {GROUP}")
    client = connect(client_config(settings, state.on_error))
    offsets = Offsets(client, clock)
    try:
        wait_for_topic(client, settings.topic, state, stop, clock)
        if not stop.requested:
            # By default a lost assignment would end in on_revoke too; it is no longer ours to commit.
            client.subscribe(
                [settings.topic],
                on_assign=on_assign,
                on_revoke=lambda _client, _partitions: offsets.commit_now(),
                on_lost=lambda _client, _partitions: print("partitions lost to another member"),
            )
            read_posts(client, offsets, state, stop)
    finally:
        left = close(client)
    if not left:
        print(
            f"error: Kafka did not answer within {CLOSE_LIMIT_S:g} s; stopped without leaving the group",
            file=sys.stderr,
        )
        return 1
    print("consumer: stopped, group left")
    return 1 if state.fatal else 0


def main():
    # Each line is seen when it is printed, also through a pipe; a lone surrogate cannot be encoded, only escaped.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        return run(Settings.from_env(os.environ), stop)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KafkaException as exception:
        print(f"error: {exception.args[0].str()}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
