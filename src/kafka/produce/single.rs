//! One record by the protocol codec: librdkafka's threads and its own questions take longer than the record itself.
//!
//! It is a short cut, no second way. Whatever is not plain is left to librdkafka, which tries again, waits, and says
//! what is wrong; as its retries without idempotence do, that may send a record twice of which nothing was heard.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use kafka_protocol::{
    indexmap::IndexMap,
    messages::{
        ProduceRequest, TopicName as WireTopic,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    records::{
        Compression as WireCompression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
        Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Compression, Extras, Partitioner, Request, Source,
    outcome::{Ending, Outcome},
};
use crate::{
    kafka::{
        admin::{metadata_request, wire_topic},
        native::Landing,
        wire::Connection,
    },
    model::TopicName,
};

/// How long a node may take to be reached, and to say who leads: a healthy one takes some milliseconds.
const REACHED: Duration = Duration::from_millis(500);
/// `acks` of a record that all replicas in sync have.
const ALL: i16 = -1;
/// From this version on a topic is named by its id alone (KIP-516).
const BY_ID: i16 = 13;
/// Versions of record batches since Kafka 0.11.
const MAGIC: i8 = 2;

/// Sends the request's record if it is one that can go the short way; none where it must go the long one.
pub fn send(request: &Request<'_>, stop: &CancellationToken) -> Option<Outcome> {
    let Request { target, source, extras, delivery } = request;
    let Extras { partition, timestamp, headers } = extras;
    let Source::One { key, value } = source else { return None };
    // A larger one may be over the topic's limit, of which librdkafka knows more to say.
    let size = source.small()?;
    // The hash of keys is Java's alone here; headers of the codec are a map, and Kafka's a list.
    let by_key = key.is_some() && partition.is_none();
    let plain = headers.is_empty()
        && delivery.compression == Compression::None
        && !(by_key && delivery.partitioner != Partitioner::Murmur2);
    let runtime = Handle::try_current().ok().filter(|_| plain)?;
    let bytes = |text: &Option<Vec<u8>>| text.clone().map(Bytes::from);
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: timestamp.unwrap_or_else(|| Timestamp::now().as_millisecond()),
        key: bytes(key),
        value: bytes(value),
        headers: IndexMap::new(),
    };
    runtime.block_on(async {
        let bootstrap = target.bootstrap.split(',').next()?.trim();
        let place =
            timeout(REACHED, Place::find(bootstrap, &target.topic, *partition, key.as_deref())).await.ok()??;
        let partitions = place.partitions;
        let start = Instant::now();
        let (landing, unknown, ending) = tokio::select! {
            landed = place.send(record, delivery.timeout) => (Some(landed?), 0, Ending::Complete),
            () = stop.cancelled() => (None, 1, Ending::Interrupted),
        };
        Some(Outcome {
            records: u64::from(landing.is_some()),
            bytes: if landing.is_some() { size as u64 } else { 0 },
            elapsed: start.elapsed(),
            landing,
            failures: Vec::new(),
            unknown,
            partitions,
            limit: None,
            trouble: None,
            ending,
        })
    })
}

/// Where a record goes.
struct Place {
    leader: Connection,
    topic: WireTopic,
    id: uuid::Uuid,
    partition: i32,
    partitions: i32,
}

impl Place {
    /// Asks the node at `bootstrap` for the topic, and connects to the leader of the record's partition.
    async fn find(bootstrap: &str, topic: &TopicName, partition: Option<i32>, key: Option<&[u8]>) -> Option<Place> {
        let mut connection = Connection::open(bootstrap, REACHED).await.ok()?;
        let answer = connection.call(&metadata_request(Some(std::slice::from_ref(topic)))).await.ok()?;
        let found = answer.topics.first().filter(|found| found.error_code == 0)?;
        let partitions = i32::try_from(found.partitions.len()).ok().filter(|&count| count > 0)?;
        let partition = match (partition, key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => of_key(key, partitions),
            (None, None) => (uuid::Uuid::new_v4().as_u128() % partitions.unsigned_abs() as u128) as i32,
        };
        let leads = found.partitions.iter().find(|one| one.partition_index == partition)?;
        let leader = answer.brokers.iter().find(|broker| broker.node_id == leads.leader_id)?;
        let address = format!("{}:{}", leader.host.as_str(), leader.port);
        let leader = if address == bootstrap { connection } else { Connection::open(&address, REACHED).await.ok()? };
        Some(Place { leader, topic: wire_topic(topic), id: found.topic_id, partition, partitions })
    }

    /// Sends the record, and returns where it landed once all replicas in sync have it.
    async fn send(mut self, record: Record, patience: Duration) -> Option<Landing> {
        let mut batch = BytesMut::new();
        let options = RecordEncodeOptions { version: MAGIC, compression: WireCompression::None };
        RecordBatchEncoder::encode(&mut batch, [&record], &options).ok()?;
        let data = PartitionProduceData::default().with_index(self.partition).with_records(Some(batch.freeze()));
        let topic = TopicProduceData::default().with_partition_data(vec![data]);
        let topic = match self.leader.version::<ProduceRequest>().ok()? {
            BY_ID.. => topic.with_topic_id(self.id),
            _ => topic.with_name(self.topic),
        };
        let request = ProduceRequest::default()
            .with_acks(ALL)
            .with_timeout_ms(i32::try_from(patience.as_millis()).unwrap_or(i32::MAX))
            .with_topic_data(vec![topic]);
        self.leader.set_timeout(patience);
        let answer = self.leader.call(&request).await.ok()?;
        let landed = answer.responses.first()?.partition_responses.first().filter(|landed| landed.error_code == 0)?;
        Some(Landing { partition: landed.index, offset: landed.base_offset })
    }
}

/// The partition of a key as Java's clients choose it (`BuiltInPartitioner.partitionForKey`).
fn of_key(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & 0x7fff_ffff) as i32 % partitions
}

/// Kafka's hash of keys (`Utils.murmur2`): MurmurHash2 of 32 bits with a seed of Kafka's own.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let (words, rest) = data.as_chunks::<4>();
    let mut hash = SEED ^ data.len() as u32;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::{murmur2, of_key};

    #[test]
    fn keys_hash_as_kafkas_own_tests_say() {
        // `UtilsTest.testMurmur2` of Kafka's clients.
        let known: [(&str, i32); 6] = [
            ("21", -973932308),
            ("foobar", -790332482),
            ("a-little-bit-long-string", -985981536),
            ("a-little-bit-longer-string", -1486304829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
            ("abc", 479470107),
        ];
        for (key, hash) in known {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
        assert!((0..6).contains(&of_key(b"ada", 6)));
    }
}
