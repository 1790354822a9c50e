#!/usr/bin/env bash
# kafka-server-start.sh FILE [--override K=V...]: the broker, with the heap and logging of a server.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "usage: $0 server.properties [--override property=value]..." >&2
  exit 1
fi
config=/opt/kafka/config
if [ -z "${KAFKA_LOG4J_OPTS-}" ]; then
  if compgen -G "/opt/kafka/libs/log4j-core-*.jar" >/dev/null; then
    export KAFKA_LOG4J_OPTS="-Dlog4j2.configurationFile=$config/log4j2.yaml"
  else
    export KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:$config/log4j.properties"
  fi
fi
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}
exec /opt/kafka/bin/kafka-run-class.sh -loggc kafka.Kafka "$@"
