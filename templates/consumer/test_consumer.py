"""pytest: the consumer against a client that is made up, and its start and end as a process."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

import consumer
from consumer import ConfigError, Offsets, Settings, State, Stop


class Clock:
    """Time that passes only where something waits."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def message(value=b"{}", key=b"ada", partition=2, offset=7, error=None):
    return SimpleNamespace(
        topic=lambda: "posts",
        partition=lambda: partition,
        offset=lambda: offset,
        key=lambda: key,
        value=lambda: value,
        error=lambda: error,
    )


class Client:
    """Gives its messages one per poll, then asks for the stop. Writes down what is done to it, in order."""

    def __init__(self, clock, stop, messages=(), unreachable=0, missing=0):
        self.clock = clock
        self.stop = stop
        self.messages = list(messages)
        self.unreachable = unreachable
        self.missing = missing
        self.calls = []
        self.on_revoke = None
        self.commit_error = None

    def list_topics(self, topic, timeout):
        if self.unreachable:
            self.unreachable -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        error = None
        if self.missing:
            self.missing -= 1
            error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=error)})

    def subscribe(self, topics, on_assign, on_revoke, on_lost):
        self.calls.append(("subscribe", topics))
        self.on_revoke = on_revoke

    def poll(self, timeout):
        self.clock.sleep(timeout)
        if self.messages:
            return self.messages.pop(0)
        self.stop()
        return None

    def store_offsets(self, message):
        self.calls.append(("store", message.partition(), message.offset()))

    def commit(self, asynchronous):
        self.calls.append(("commit", "async" if asynchronous else "sync"))
        if self.commit_error is not None:
            raise KafkaException(KafkaError(self.commit_error))

    def close(self):
        if self.on_revoke:
            self.on_revoke(self, [])
        self.calls.append(("close",))


SETTINGS = Settings(brokers="kafka-1:19092", topic="posts")


def run(client):
    return consumer.run(SETTINGS, client.stop, connect=lambda config: client, clock=client.clock)


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "http://kafka:9092"}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka:99999"}, "KAFKA_BROKER_URL"),
        ({"KAFKA_BROKER_URL": "kafka:1", "KAFKA_TOPIC": ""}, "KAFKA_TOPIC"),
        ({"KAFKA_BROKER_URL": "kafka:1", "KAFKA_TOPIC": ".."}, "KAFKA_TOPIC"),
    ],
)
def test_a_wrong_setting_is_named(env, names):
    with pytest.raises(ConfigError, match=names):
        Settings.from_env(env)


def test_defaults():
    assert Settings.from_env({"KAFKA_BROKER_URL": "kafka-1:19092"}) == SETTINGS


def test_the_client_commits_nothing_by_itself():
    config = consumer.client_config(SETTINGS, on_error=None)
    assert config["group.id"] == "posts-consumer"
    assert config["auto.offset.reset"] == "earliest"
    assert config["enable.auto.commit"] is False
    assert config["enable.auto.offset.store"] is False


def test_a_message_is_one_line_of_json():
    shown = consumer.line(message('{"content":"h\u00e9\\n"}'.encode()))
    assert "\n" not in shown
    assert json.loads(shown) == {
        "topic": "posts",
        "partition": 2,
        "offset": 7,
        "key": "ada",
        "value": {"content": "h\u00e9\n"},
    }


@pytest.mark.parametrize(
    ("value", "shown", "wrong"),
    [
        (b"plain", "plain", "not JSON"),
        (b"", "", "not JSON"),
        (b"[NaN]", "[NaN]", "not JSON"),
        (b"[" * 100_000, "[" * 100_000, "not JSON"),
        (b"\xff\x00", {"base64": "/wA="}, "not UTF-8"),
        (None, None, None),
        (b"null", None, None),
    ],
)
def test_a_value_that_is_no_json_is_shown_as_it_is(value, shown, wrong):
    line = json.loads(consumer.line(message(value)))
    assert line["value"] == shown
    assert (wrong in line["error"]) if wrong else "error" not in line


def test_keys_may_be_missing_or_binary():
    assert json.loads(consumer.line(message(key=None)))["key"] is None
    assert json.loads(consumer.line(message(key=b"\xfe")))["key"] == {"base64": "/g=="}


def test_an_offset_is_stored_after_its_line_and_committed_before_the_group_is_left(capsys):
    clock, stop = Clock(), Stop()
    client = Client(clock, stop, [message(offset=7), message(b"no json", offset=8)])
    assert run(client) == 0
    assert client.calls == [
        ("subscribe", ["posts"]),
        ("store", 2, 7),
        ("store", 2, 8),
        ("commit", "sync"),
        ("close",),
    ]
    out = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["offset"] for line in out if line.startswith("{")] == [7, 8]
    assert out[-1] == "consumer: stopped, group left"


def test_a_message_that_cannot_be_printed_is_not_committed(monkeypatch):
    clock, stop = Clock(), Stop()
    client = Client(clock, stop, [message()])
    monkeypatch.setattr(consumer, "line", lambda _message: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(client)
    assert not [call for call in client.calls if call[0] == "store"]
    assert client.calls[-1] == ("close",)


def test_commits_come_once_a_second_and_only_for_something_new():
    clock, stop = Clock(), Stop()
    client = Client(clock, stop)
    offsets = Offsets(client, clock)
    for _ in range(25):
        clock.sleep(0.1)
        offsets.processed(message())
        offsets.commit_if_due()
    assert client.calls.count(("commit", "async")) == 2
    offsets.commit_now()
    clock.sleep(5)
    offsets.commit_if_due()
    assert client.calls.count(("commit", "async")) == 2


@pytest.mark.parametrize(("error", "told"), [(KafkaError._NO_OFFSET, False), (KafkaError._TIMED_OUT, True)])
def test_a_failed_last_commit_is_told_unless_there_was_nothing_to_commit(capsys, error, told):
    clock, stop = Clock(), Stop()
    client = Client(clock, stop)
    client.commit_error = error
    assert run(client) == 0
    assert ("not committed" in capsys.readouterr().err) is told


def test_it_waits_for_kafka_and_then_for_the_topic_and_says_so_once(capsys):
    clock, stop = Clock(), Stop()
    assert run(Client(clock, stop, unreachable=3, missing=3)) == 0
    out = capsys.readouterr().out
    assert out.count("waiting for Kafka") == 1
    assert "Kafka is reachable: reading posts" in out


def test_an_error_in_between_is_not_fatal(capsys):
    clock, stop = Clock(), Stop()
    error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    client = Client(clock, stop, [message(error=error), message(error=error), message(offset=9)])
    assert run(client) == 0
    assert ("store", 2, 9) in client.calls
    out = capsys.readouterr().out
    assert out.count("waiting for Kafka") == 1
    assert "posts arrive again" in out


def test_a_fatal_error_ends_in_1(capsys):
    clock, stop = Clock(), Stop()
    client = Client(clock, stop)
    fatal = SimpleNamespace(fatal=lambda: True, str=lambda: "fenced", code=lambda: 0)

    def connect(config):
        client.poll = lambda timeout: config["error_cb"](fatal)
        return client

    assert consumer.run(SETTINGS, stop, connect=connect, clock=clock) == 1
    assert "fenced" in capsys.readouterr().err


def test_a_close_that_hangs_is_given_up(monkeypatch, capsys):
    clock, stop = Clock(), Stop()
    client = Client(clock, stop)
    release = threading.Event()
    client.close = release.wait
    monkeypatch.setattr(consumer, "CLOSE_LIMIT_S", 0.05)
    assert run(client) == 1
    release.set()
    assert "without leaving the group" in capsys.readouterr().err


def test_an_outage_is_told_once(capsys):
    state = State()
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    state.on_error(down)
    state.on_error(down)
    assert capsys.readouterr().out == "waiting for Kafka: no broker answers\n"


def start(**env):
    return subprocess.Popen(
        [sys.executable, str(Path(consumer.__file__))],
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
    assert first == "consumer: posts at 127.0.0.1:1 as group posts-consumer\n"
    assert rest.endswith("consumer: stopped, group left\n")
    assert errors == ""
    assert process.returncode == 0


def test_the_process_ends_with_2_on_a_wrong_setting():
    with start(KAFKA_BROKER_URL="nonsense") as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert errors == "error: KAFKA_BROKER_URL: 'nonsense' is not host:port\n"
