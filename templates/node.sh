#!/bin/sh
# Becomes a node's JVM, and before that formats its storage as `kafka-storage format` would, unless it is formatted.
#
#   node.sh CLUSTER NODE ROLE COMMAND...    ROLE is "controller" or "broker"; COMMAND is the JVM's
set -eu
cluster=$1 node=$2 role=$3
shift 3
storage=/var/lib/kafka/data/log

# 128 bits in 22 digits of base64url, as Kafka writes ids. Hexadecimal digits are such digits too; 21 of them from a
# random UUID, and a last one that leaves no bit over. Without an id Kafka would make one, with more work for the JVM.
directory_id() {
    IFS=- read -r a b c d e </proc/sys/kernel/random/uuid
    printf '%.21sA' "$a$b$c$d$e"
}

# meta.properties comes last, and whole: where it is, the storage is.
if [ ! -e "$storage/meta.properties" ]; then
    mkdir -p "$storage" || {
        echo "kdev: ${storage%/*} belongs to another user than $(id -u) in this image; in apache/kafka it does not" >&2
        exit 1
    }
    # A broker that is no controller gets all metadata from those that are: its cluster may have begun with others.
    if [ "$role" = controller ]; then
        cp -R /opt/kdev/first/. "$storage"
    fi
    printf 'version=1\ncluster.id=%s\nnode.id=%s\ndirectory.id=%s\n' "$cluster" "$node" "$(directory_id)" \
        >"$storage/meta.properties.tmp"
    mv "$storage/meta.properties.tmp" "$storage/meta.properties"
fi
exec "$@"
