"""Writes posts to a Kafka topic until it is told to stop, and reports what became of each.

Settings, all from the environment:
  KAFKA_BROKER_URL  host:port of one or more brokers, separated by commas; required
  KAFKA_TOPIC       default: posts
  POSTS_PER_SECOND  default: 1; fractions are allowed
  POSTS_COUNT       how many to write; 0, the default: without end

Exit codes: 0 every post was acknowledged, 1 some were not, 2 a setting is wrong.
"""

import json
import math
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone

from confluent_kafka import KafkaError, KafkaException, Producer

SENDERS = ("ada", "alan", "barbara", "edsger", "grace", "ken", "linus", "margaret")
# A container gets ten seconds between SIGTERM and SIGKILL; the flush takes at most half of that.
FLUSH_LIMIT_S = 4.5
# Python's signal handlers run only between two calls into the client, so no call may last longer.
SLICE_S = 0.1
# After a stall, posts of at most this long are made up for; the rest of the schedule is dropped.
CATCH_UP_S = 1.0


class ConfigError(Exception):
    """A setting is missing or malformed; the text says which, and what it should look like."""


@dataclass(frozen=True)
class Settings:
    brokers: str
    topic: str
    per_second: float
    count: int

    @staticmethod
    def from_env(env):
        return Settings(
            brokers=parse_brokers(env.get("KAFKA_BROKER_URL", "")),
            topic=parse_topic(env.get("KAFKA_TOPIC", "posts")),
            per_second=parse_rate(env.get("POSTS_PER_SECOND", "1")),
            count=parse_count(env.get("POSTS_COUNT", "0")),
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


def parse_rate(text):
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise ConfigError(f"POSTS_PER_SECOND: {text!r} is not a number above 0")
    return rate


def parse_count(text):
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise ConfigError(f"POSTS_COUNT: {text!r} is not a whole number from 0 on")
    return int(text)


class Stop:
    """Set by SIGTERM and SIGINT; the loops look at it, and nothing is done in the handler itself."""

    def __init__(self):
        self.requested = False

    def __call__(self, _signal=None, _frame=None):
        self.requested = True


def client_config(settings, on_error):
    return {
        "bootstrap.servers": settings.brokers,
        "client.id": "producer",
        "acks": "all",
        "enable.idempotence": True,
        # Java's partitioner: a key lands in the same partition whoever writes it.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        # A topic made by accident would have one partition and no replica.
        "allow.auto.create.topics": False,
        # Quick to notice that Kafka has come up.
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "error_cb": on_error,
        # The client's own log repeats itself while Kafka is away; `Report` says it once instead.
        "log_level": 0,
    }


class Report:
    """Counts what became of the posts, and prints a line for each, and one when Kafka comes or goes."""

    def __init__(self):
        self.acknowledged = 0
        self.failed = 0
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

    def on_delivery(self, error, message):
        key = (message.key() or b"").decode("utf-8", "replace")
        if error is not None:
            self.failed += 1
            print(f"not acknowledged: {message.topic()} key={key}: {error.str()}", file=sys.stderr)
            return
        self.acknowledged += 1
        self.connected(True, "posts are acknowledged again")
        print(f"acknowledged {message.topic()}[{message.partition()}] @ {message.offset()} key={key}")


def post(number):
    """The post of that number: its key and its value."""
    sender = SENDERS[number % len(SENDERS)]
    created = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    value = {"sender": sender, "content": f"post {number + 1} by {sender}", "created_at": created}
    return sender.encode(), json.dumps(value, ensure_ascii=False).encode()


def wait_for_topic(client, topic, report, stop, clock=time):
    """Returns when the topic exists, or a stop was asked for."""
    while not stop.requested:
        try:
            # Short, because a signal is only seen when it returns.
            error = client.list_topics(topic, timeout=1.0).topics[topic].error
            if error is None:
                report.connected(True, f"writing to {topic}")
                return
            report.connected(False, f"topic {topic}: {error.str()}")
        except KafkaException as exception:
            report.connected(False, f"no broker answers ({exception.args[0].str()})")
        client.poll(0)
        clock.sleep(SLICE_S)


def enqueue(client, topic, number, report, stop):
    """Hands one post to the client; where its queue is full, waits for room. False: stopped before there was any."""
    key, value = post(number)
    while not (stop.requested or report.fatal):
        try:
            client.produce(topic, key=key, value=value, on_delivery=report.on_delivery)
            return True
        except BufferError:
            client.poll(SLICE_S)
    return False


def write_posts(client, settings, report, stop, clock=time):
    """Writes at the given rate until the count is reached or a stop was asked for. Returns how many it handed over."""
    number = 0
    due = clock.monotonic()
    while not (stop.requested or report.fatal) and (settings.count == 0 or number < settings.count):
        wait = due - clock.monotonic()
        if wait > 0:
            client.poll(min(wait, SLICE_S))
            continue
        if not enqueue(client, settings.topic, number, report, stop):
            break
        number += 1
        client.poll(0)
        due = max(due + 1 / settings.per_second, clock.monotonic() - CATCH_UP_S)
    return number


def run(settings, stop, connect=Producer, clock=time):
    report = Report()
    print(f"producer: {settings.per_second:g} posts/s to {settings.topic} at {settings.brokers}")
    client = connect(client_config(settings, report.on_error))
    wait_for_topic(client, settings.topic, report, stop, clock)
    sent = write_posts(client, settings, report, stop, clock)
    client.flush(FLUSH_LIMIT_S)
    # What is neither acknowledged nor failed by now is still in the queue, and lost with this process.
    lost = sent - report.acknowledged
    print(f"producer: stopped, {report.acknowledged} of {sent} posts acknowledged")
    if lost:
        print(f"error: {lost} of {sent} posts were not acknowledged", file=sys.stderr)
    return 1 if lost or report.fatal else 0


def main():
    # Each line is seen when it is printed, also through a pipe.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        return run(Settings.from_env(os.environ), stop)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
