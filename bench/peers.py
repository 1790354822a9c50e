"""The other clients: how each is called for the same work."""

# What kdev promises of delivery; tuning (queues, requests in flight) is each client's own.
KCAT_PRODUCE = ["acks=all", "enable.idempotence=true", "partitioner=murmur2_random"]
KCAT_TUNED = ["queued.min.messages=1000000"]
# As the scripts that come with Kafka call its tools.
JAVA = ["java", "-Xmx512M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
TOOLS = "org.apache.kafka.tools"


def kcat_produce(brokers, topic, file, *more):
    settings = [word for setting in KCAT_PRODUCE for word in ("-X", setting)]
    return ["kcat", "-P", "-b", brokers, "-t", topic, *settings, *more, "-l", file]


def kcat_consume(brokers, topic, *more):
    """To the end, which is -e."""
    return ["kcat", "-C", "-b", brokers, "-t", topic, *more, "-e", "-q"]


def kcat_tuned(brokers, topic):
    return kcat_consume(brokers, topic, *(word for setting in KCAT_TUNED for word in ("-X", setting)))


def tool(jars, name, *arguments):
    """One of Kafka's own tools, of the release that runs."""
    return [*JAVA, "-cp", f"{jars}/*", f"{TOOLS}.{name}", *arguments]


def producer_perf(jars, brokers, topic, count, size):
    sizes = ["--num-records", str(count), "--record-size", str(size), "--throughput", "-1"]
    # acks=all and idempotence are its defaults.
    return tool(jars, "ProducerPerformance", "--bootstrap-server", brokers, "--topic", topic, *sizes)


def consumer_perf(jars, brokers, topic, count):
    return tool(
        jars, "ConsumerPerformance", "--bootstrap-server", brokers, "--topic", topic, "--num-records", str(count)
    )  # fmt: skip


def console_producer(jars, brokers, topic):
    return tool(jars, "ConsoleProducer", "--bootstrap-server", brokers, "--topic", topic)


def console_consumer(jars, brokers, topic, count):
    ends = ["--from-beginning", "--max-messages", str(count)]
    return tool(jars, "consumer.ConsoleConsumer", "--bootstrap-server", brokers, "--topic", topic, *ends)


def kaf_produce(brokers, topic):
    return ["kaf", "-b", brokers, "produce", topic]


def kaf_consume(brokers, topic):
    return ["kaf", "-b", brokers, "consume", topic, "--offset", "oldest", "--output", "raw"]


def kafkactl_produce(brokers, topic):
    """It waits for the leader alone by default."""
    return ["env", f"BROKERS={brokers}", "kafkactl", "produce", topic, "--required-acks", "WaitForAll", "--silent"]


def kafkactl_consume(brokers, topic):
    return ["env", f"BROKERS={brokers}", "kafkactl", "consume", topic, "--from-beginning", "--exit"]
