//! Brokers for unit tests: the codec's other half on loopback, answering as a test tells it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, ResponseHeader,
        api_versions_response::{ApiVersion, FinalizedFeatureKey},
        metadata_response::MetadataResponseBroker,
    },
    protocol::{Encodable, HeaderVersion, Request, VersionRange, decode_request_header_from_buffer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::to_text;

/// A request as a fake broker received it.
pub(crate) struct Ask {
    /// The broker's number: 1, 2, 3.
    pub node: i32,
    /// Every broker's address, the first at index 0.
    pub addresses: Vec<String>,
    /// The API.
    pub key: ApiKey,
    /// The version that the client chose.
    pub version: i16,
    /// How often this API was asked before, of any broker.
    pub before: usize,
    id: i32,
    body: Bytes,
}

/// What a fake broker does next.
pub(crate) enum Answer {
    /// Sends these bytes as they are.
    Raw(Bytes),
    /// Sends them, after a while.
    Late(Duration, Bytes),
    /// Closes the connection.
    Close,
    /// Says nothing, and keeps the connection.
    Silence,
}

impl Ask {
    /// The request's contents.
    pub fn read<R: Request>(&self) -> R {
        assert_eq!(self.key as i16, R::KEY);
        R::decode(&mut self.body.clone(), self.version).unwrap()
    }

    /// The response to `R`, encoded as Kafka does.
    pub fn reply<R: Request>(&self, response: R::Response) -> Answer {
        assert_eq!(self.key as i16, R::KEY);
        Answer::Raw(self.frame::<R>(self.id, &response, self.version, &[]))
    }

    /// The same with another correlation id, and bytes behind the body.
    pub fn spoil<R: Request>(&self, response: R::Response, id: i32, extra: &[u8]) -> Answer {
        Answer::Raw(self.frame::<R>(self.id + id, &response, self.version, extra))
    }

    /// Brokers' host and port as `advertised` by metadata.
    pub fn advertised(&self) -> impl Iterator<Item = (i32, String, i32)> {
        self.addresses.iter().zip(1..).map(|(address, id)| {
            let (host, port) = address.split_once(':').unwrap();
            (id, host.to_owned(), port.parse().unwrap())
        })
    }

    /// All brokers, as metadata list them.
    pub fn brokers(&self) -> Vec<MetadataResponseBroker> {
        let listed = |(id, host, port): (i32, String, i32)| {
            MetadataResponseBroker::default().with_node_id(BrokerId(id)).with_host(to_text(&host)).with_port(port)
        };
        self.advertised().map(listed).collect()
    }

    fn frame<R: Request>(&self, id: i32, response: &R::Response, version: i16, extra: &[u8]) -> Bytes {
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        let header = <R::Response as HeaderVersion>::header_version(version);
        ResponseHeader::default().with_correlation_id(id).encode(&mut frame, header).unwrap();
        response.encode(&mut frame, version).unwrap();
        frame.put_slice(extra);
        let size = i32::try_from(frame.len() - 4).unwrap();
        frame[..4].copy_from_slice(&size.to_be_bytes());
        frame.freeze()
    }
}

type Handler = dyn Fn(&Ask) -> Answer + Send + Sync;

/// Fake brokers; they end when this is dropped.
pub(crate) struct Fake {
    /// Every broker's address.
    pub addresses: Vec<String>,
    asked: Arc<Mutex<Vec<(i32, ApiKey, i16)>>>,
    accepted: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Fake {
    /// Starts `count` brokers that know every API in the codec's versions.
    pub async fn start(count: usize, handler: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_versions(count, HashMap::new(), handler).await
    }

    /// Starts brokers that know some APIs only in other versions; an empty range: not at all.
    pub async fn with_versions(
        count: usize,
        versions: HashMap<ApiKey, VersionRange>,
        handler: impl Fn(&Ask) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let mut listeners = Vec::new();
        for _ in 0..count {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let addresses: Vec<String> = listeners.iter().map(|l| l.local_addr().unwrap().to_string()).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            versions,
            addresses: addresses.clone(),
            asked: Arc::clone(&asked),
        });
        let accepted = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for (listener, node) in listeners.into_iter().zip(1..) {
            let (shared, accepted) = (Arc::clone(&shared), Arc::clone(&accepted));
            tasks.spawn(async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    accepted.fetch_add(1, Ordering::Relaxed);
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move { shared.serve(node, stream).await });
                }
            });
        }
        Fake { addresses, asked, accepted, _tasks: tasks }
    }

    /// How many connections there were so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Every request so far but version negotiation: broker, API, version.
    pub fn asked(&self) -> Vec<(i32, ApiKey, i16)> {
        self.asked.lock().unwrap().clone()
    }

    /// The brokers that an API was asked of, in order.
    pub fn asked_of(&self, key: ApiKey) -> Vec<i32> {
        self.asked().iter().filter(|asked| asked.1 == key).map(|asked| asked.0).collect()
    }
}

struct Shared {
    handler: Box<Handler>,
    versions: HashMap<ApiKey, VersionRange>,
    addresses: Vec<String>,
    asked: Arc<Mutex<Vec<(i32, ApiKey, i16)>>>,
}

impl Shared {
    async fn serve(&self, node: i32, mut stream: TcpStream) {
        while let Some(ask) = self.receive(node, &mut stream).await {
            let answer = match ask.key {
                ApiKey::ApiVersions => self.negotiate(&ask),
                _ => (self.handler)(&ask),
            };
            match answer {
                Answer::Raw(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
                Answer::Late(time, bytes) => {
                    tokio::time::sleep(time).await;
                    stream.write_all(&bytes).await.unwrap_or_default();
                }
                Answer::Close => return,
                Answer::Silence => {}
            }
        }
    }

    async fn receive(&self, node: i32, stream: &mut TcpStream) -> Option<Ask> {
        let size = stream.read_i32().await.ok()?;
        let mut body = vec![0; usize::try_from(size).ok()?];
        stream.read_exact(&mut body).await.ok()?;
        let mut body = Bytes::from(body);
        let header = decode_request_header_from_buffer(&mut body).unwrap();
        let key = ApiKey::try_from(header.request_api_key).unwrap();
        let version = header.request_api_version;
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|asked| asked.1 == key).count();
        if key != ApiKey::ApiVersions {
            asked.push((node, key, version));
        }
        let (addresses, id) = (self.addresses.clone(), header.correlation_id);
        Some(Ask { node, addresses, key, version, before, id, body })
    }

    fn negotiate(&self, ask: &Ask) -> Answer {
        let range = |key: ApiKey| self.versions.get(&key).copied().unwrap_or(key.valid_versions());
        let api_keys = ApiKey::iter().filter(|&key| !range(key).is_empty()).map(|key| {
            ApiVersion::default()
                .with_api_key(key as i16)
                .with_min_version(range(key).min)
                .with_max_version(range(key).max)
        });
        let level = FinalizedFeatureKey::default().with_name(to_text("metadata.version")).with_max_version_level(30);
        let response = ApiVersionsResponse::default().with_api_keys(api_keys.collect());
        if ask.version <= range(ApiKey::ApiVersions).max {
            let features = if ask.version >= 3 { vec![level] } else { vec![] };
            return ask.reply::<ApiVersionsRequest>(response.with_finalized_features(features));
        }
        // As Kafka: an unknown version is answered in version 0.
        let response = response.with_error_code(ResponseError::UnsupportedVersion.code());
        Answer::Raw(ask.frame::<ApiVersionsRequest>(ask.id, &response, 0, &[]))
    }
}
