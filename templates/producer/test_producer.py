"""pytest: the producer against a client that is made up, and its start and end as a process."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

import producer
from producer import ConfigError, Report, Settings, Stop


class Clock:
    """Time that passes only where something waits."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Client:
    """Acknowledges on poll or flush what was produced; can be unreachable, full, or lose posts."""

    def __init__(self, clock, unreachable=0, full=0, fail=(), acknowledge=True, on_poll=None):
        self.clock = clock
        self.unreachable = unreachable
        self.full = full
        self.fail = fail
        self.acknowledge = acknowledge
        self.on_poll = on_poll
        self.queue = []
        self.produced = []
        self.flushed = None

    def list_topics(self, topic, timeout):
        if self.unreachable:
            self.unreachable -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None)})

    def produce(self, topic, key, value, on_delivery):
        if self.full:
            self.full -= 1
            raise BufferError("queue full")
        message = SimpleNamespace(
            topic=lambda: topic, key=lambda: key, partition=lambda: 3, offset=lambda n=len(self.produced): n
        )
        error = KafkaError(KafkaError._MSG_TIMED_OUT) if len(self.produced) in self.fail else None
        self.produced.append((topic, key, json.loads(value)))
        self.queue.append(lambda: on_delivery(error, message))

    def deliver(self):
        while self.acknowledge and self.queue:
            self.queue.pop(0)()

    def poll(self, timeout):
        self.clock.sleep(timeout)
        self.deliver()
        if self.on_poll:
            self.on_poll(self)

    def flush(self, timeout):
        self.flushed = timeout
        self.deliver()


def settings(**changes):
    return Settings(**{"brokers": "kafka-1:19092", "topic": "posts", "per_second": 10.0, "count": 0, **changes})


def run(client, clock, stop=None, **changes):
    return producer.run(settings(**changes), stop or Stop(), connect=lambda config: client, clock=clock)


def test_defaults():
    assert Settings.from_env({"KAFKA_BROKER_URL": "kafka-1:19092, kafka-2:19092"}) == settings(
        brokers="kafka-1:19092,kafka-2:19092", per_second=1.0
    )


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "  "}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka"}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka:0"}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka:65536"}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka:1,"}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka:1", "KAFKA_TOPIC": "a b"}, "KAFKA_TOPIC"),
        ({"KAFKA_BROKER_URL": "kafka:1", "POSTS_PER_SECOND": "0"}, "POSTS_PER_SECOND"),
        ({"KAFKA_BROKER_URL": "kafka:1", "POSTS_PER_SECOND": "inf"}, "POSTS_PER_SECOND"),
        ({"KAFKA_BROKER_URL": "kafka:1", "POSTS_PER_SECOND": "many"}, "POSTS_PER_SECOND"),
        ({"KAFKA_BROKER_URL": "kafka:1", "POSTS_COUNT": "-1"}, "POSTS_COUNT"),
        ({"KAFKA_BROKER_URL": "kafka:1", "POSTS_COUNT": "1.5"}, "POSTS_COUNT"),
    ],
)
def test_a_wrong_setting_is_named(env, names):
    with pytest.raises(ConfigError, match=names):
        Settings.from_env(env)


def test_a_post_has_the_three_fields_and_its_sender_as_key():
    key, value = producer.post(0)
    post = json.loads(value)
    assert list(post) == ["sender", "content", "created_at"]
    assert key.decode() == post["sender"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", post["created_at"])


def test_nothing_is_lost_by_configuration():
    config = producer.client_config(settings(), on_error=None)
    assert config["acks"] == "all"
    assert config["enable.idempotence"] is True
    assert config["partitioner"] == "murmur2_random"


def test_every_delivery_is_reported_and_all_are_flushed(capsys):
    clock = Clock()
    client = Client(clock)
    assert run(client, clock, count=3) == 0
    assert client.flushed == producer.FLUSH_LIMIT_S
    out = capsys.readouterr().out.splitlines()
    assert [line for line in out if line.startswith("acknowledged")] == [
        "acknowledged posts[3] @ 0 key=ada",
        "acknowledged posts[3] @ 1 key=alan",
        "acknowledged posts[3] @ 2 key=barbara",
    ]
    assert out[-1] == "producer: stopped, 3 of 3 posts acknowledged"


def test_the_rate_is_kept():
    clock = Clock()
    client = Client(clock)
    run(client, clock, per_second=4.0, count=9)
    assert clock.now == pytest.approx(2.0)


def test_a_failed_delivery_is_told_and_ends_in_1(capsys):
    clock = Clock()
    assert run(Client(clock, fail={1}), clock, count=3) == 1
    err = capsys.readouterr().err
    assert "not acknowledged: posts key=alan" in err
    assert "1 of 3 posts were not acknowledged" in err


def test_what_is_still_queued_at_the_end_counts_as_lost(capsys):
    clock = Clock()
    assert run(Client(clock, acknowledge=False), clock, count=2) == 1
    assert "2 of 2 posts were not acknowledged" in capsys.readouterr().err


def test_it_waits_for_kafka_and_says_so_once(capsys):
    clock = Clock()
    assert run(Client(clock, unreachable=5), clock, count=1) == 0
    assert capsys.readouterr().out.count("waiting for Kafka") == 1


def test_a_full_queue_is_waited_for():
    clock = Clock()
    client = Client(clock, full=3)
    assert run(client, clock, count=2) == 0
    assert len(client.produced) == 2


def test_a_stop_ends_the_endless_run_with_a_flush():
    clock, stop = Clock(), Stop()

    def after_five(client):
        if len(client.produced) == 5:
            stop()

    client = Client(clock, on_poll=after_five)
    assert run(client, clock, stop) == 0
    assert len(client.produced) == 5
    assert client.flushed is not None


def test_a_stop_while_kafka_is_away_ends_at_once():
    clock, stop = Clock(), Stop()
    client = Client(clock, unreachable=10**9, on_poll=lambda _client: stop())
    assert run(client, clock, stop) == 0
    assert client.produced == []


def test_an_outage_is_told_once_and_its_end_too(capsys):
    report = Report()
    report.connected(True, "writing to posts")
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    report.on_error(down)
    report.on_error(down)
    message = SimpleNamespace(topic=lambda: "posts", key=lambda: b"ada", partition=lambda: 0, offset=lambda: 1)
    report.on_delivery(None, message)
    out = capsys.readouterr().out
    assert out.count("waiting for Kafka") == 1
    assert "posts are acknowledged again" in out


def start(**env):
    return subprocess.Popen(
        [sys.executable, str(Path(producer.__file__))],
        env={"PATH": os.environ["PATH"], **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_process_says_its_first_line_at_once_and_ends_on_sigterm():
    with start(KAFKA_BROKER_URL="127.0.0.1:1") as process:
        # A first line that is held back in a buffer must fail this test, not hang it.
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
        watchdog.cancel()
    assert first == "producer: 1 posts/s to posts at 127.0.0.1:1\n"
    assert rest.endswith("producer: stopped, 0 of 0 posts acknowledged\n")
    assert errors == ""
    assert process.returncode == 0


def test_the_process_ends_with_2_on_a_wrong_setting():
    with start() as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert errors == "error: KAFKA_BROKER_URL is not set; expected host:port[,host:port...]\n"
