#!/usr/bin/env bash
# kafka-run-class.sh [-loggc] CLASS [ARGS...]: one JVM with Kafka's jars, logging and the KAFKA_*_OPTS variables.
set -euo pipefail

home=/opt/kafka
logs=${LOG_DIR:-$home/logs}

gc_log=()
if [ "${1-}" = -loggc ]; then
  shift
  gc_log=("-Xlog:gc*:file=$logs/kafkaServer-gc.log:time,tags:filecount=10,filesize=100M")
fi

# In sorted order and never as the JVM's own wildcard: a class-data archive holds only for one order of jars.
classpath=$(printf ':%s' "$home"/libs/*.jar)
classpath=${CLASSPATH:+$CLASSPATH:}${classpath#:}

if [ -z "${KAFKA_LOG4J_OPTS-}" ]; then
  if compgen -G "$home/libs/log4j-core-*.jar" >/dev/null; then
    KAFKA_LOG4J_OPTS="-Dlog4j2.configurationFile=$home/config/tools-log4j2.yaml"
  else
    KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:$home/config/tools-log4j.properties"
  fi
fi

: "${KAFKA_HEAP_OPTS:=-Xmx256M}"
: "${KAFKA_JVM_PERFORMANCE_OPTS:=-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true}"
: "${KAFKA_JMX_OPTS:=-Dcom.sun.management.jmxremote=true -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false}"
if [ -n "${JMX_PORT-}" ] && [[ $KAFKA_JMX_OPTS != *jmxremote.port=* ]]; then
  KAFKA_JMX_OPTS+=" -Dcom.sun.management.jmxremote.port=$JMX_PORT -Dcom.sun.management.jmxremote.rmi.port=$JMX_PORT"
fi

# These are lists of options in one string each: splitting them is meant.
# shellcheck disable=SC2086
exec java $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS ${gc_log[@]+"${gc_log[@]}"} $KAFKA_JMX_OPTS \
  "-Dkafka.logs.dir=$logs" $KAFKA_LOG4J_OPTS -cp "$classpath" ${KAFKA_OPTS-} "$@"
