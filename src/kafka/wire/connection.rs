//! A connection to one node: frames, headers, versions.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    marker::PhantomData,
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::KafkaError;

/// The largest answer accepted. Metadata of 10,000 topics is about 4 MiB; whatever claims more than
/// this is not Kafka (an HTTP server's "HTTP" reads as 1.2 GB).
const LARGEST_FRAME: i32 = 64 << 20;

/// The name under which brokers log kdev's requests.
const CLIENT_ID: &str = "kdev";

/// An open connection with its negotiated versions. After an error of
/// [`KafkaError::is_transport`] it is of no more use: drop it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    address: String,
    timeout: Duration,
    last_id: i32,
    versions: BTreeMap<i16, VersionRange>,
    features: BTreeMap<String, i16>,
    supported: BTreeMap<String, i16>,
}

/// A request on its way, of which the answer is still to be read.
#[derive(Debug)]
#[must_use = "the next answer on the connection is its own"]
pub struct Asked<R> {
    id: i32,
    version: i16,
    request: PhantomData<fn(R)>,
}

impl Connection {
    /// Connects to `host:port` and asks for the node's versions. `timeout` bounds the opening, and
    /// then each call.
    pub async fn open(address: &str, timeout: Duration) -> Result<Self, KafkaError> {
        let connect = |source| KafkaError::Connect { address: address.to_owned(), source };
        let deadline = Instant::now() + timeout;
        let stream = timeout_at(deadline, TcpStream::connect(address))
            .await
            .map_err(|_| KafkaError::Timeout {
                address: address.to_owned(),
                api: "a connection".to_owned(),
                after: timeout,
            })?
            .map_err(connect)?;
        // Requests are small and answers awaited: waiting to fill a packet would only cost time.
        stream.set_nodelay(true).map_err(connect)?;
        let mut connection = Connection {
            stream,
            address: address.to_owned(),
            timeout: deadline.saturating_duration_since(Instant::now()),
            last_id: 0,
            versions: BTreeMap::new(),
            features: BTreeMap::new(),
            supported: BTreeMap::new(),
        };
        connection.negotiate().await?;
        connection.timeout = timeout;
        Ok(connection)
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Bounds each later call.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// The cluster's finalized features with their levels, `metadata.version` among them, as of the
    /// last negotiation.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    /// The highest level of each feature that the node's binaries know, as of the last negotiation.
    pub fn supported(&self) -> &BTreeMap<String, i16> {
        &self.supported
    }

    /// Asks anew for versions and features (a reused connection's are those of its opening).
    pub async fn negotiate(&mut self) -> Result<(), KafkaError> {
        let ours = ApiVersionsRequest::VERSIONS;
        let request = versions_request(ours.max);
        let mut body = self.exchange(&request, ours.max).await?;
        // A node that does not know our version answers in version 0, listing its own.
        let mut version = match body.get(..2) {
            Some([high, low]) if i16::from_be_bytes([*high, *low]) == ResponseError::UnsupportedVersion.code() => 0,
            _ => ours.max,
        };
        let mut answer: ApiVersionsResponse = self.decode::<ApiVersionsRequest>(&mut body, version)?;
        if version == 0 {
            self.learn(&answer);
            version = self.version::<ApiVersionsRequest>()?;
            let mut body = self.exchange(&versions_request(version), version).await?;
            answer = self.decode::<ApiVersionsRequest>(&mut body, version)?;
        }
        self.agreed(&answer)
    }

    /// As [`Connection::negotiate`], on a connection that has negotiated before, without waiting for the answer: the
    /// node's versions cannot have changed, but what it says of the cluster may have.
    pub async fn ask_features(&mut self) -> Result<Asked<ApiVersionsRequest>, KafkaError> {
        let request = versions_request(self.version::<ApiVersionsRequest>()?);
        self.ask(&request).await
    }

    /// Reads the answer to [`Connection::ask_features`].
    pub async fn learn_features(&mut self, asked: Asked<ApiVersionsRequest>) -> Result<(), KafkaError> {
        let answer = self.answer(asked).await?;
        self.agreed(&answer)
    }

    fn agreed(&mut self, answer: &ApiVersionsResponse) -> Result<(), KafkaError> {
        KafkaError::check(answer.error_code, None, || format!("version negotiation with {}", self.address))?;
        self.learn(answer);
        Ok(())
    }

    fn learn(&mut self, answer: &ApiVersionsResponse) {
        self.versions = answer
            .api_keys
            .iter()
            .map(|api| (api.api_key, VersionRange { min: api.min_version, max: api.max_version }))
            .collect();
        self.features = answer
            .finalized_features
            .iter()
            .map(|feature| (feature.name.to_string(), feature.max_version_level))
            .collect();
        self.supported =
            answer.supported_features.iter().map(|feature| (feature.name.to_string(), feature.max_version)).collect();
    }

    /// The newest version of an API that both sides know.
    pub fn version<R: Request>(&self) -> Result<i16, KafkaError> {
        let (request, response) = (R::VERSIONS, <R::Response as Message>::VERSIONS);
        let ours = request.intersect(&response);
        let theirs = self.versions.get(&R::KEY).copied();
        match theirs.map(|theirs| ours.intersect(&theirs)) {
            Some(common) if !common.is_empty() => Ok(common.max),
            _ => Err(KafkaError::Unsupported { address: self.address.clone(), api: api_name(R::KEY), ours, theirs }),
        }
    }

    /// Sends a request in the newest version that both sides know, and waits for its answer.
    ///
    /// # Errors
    /// Any [`KafkaError`] but `Connect`, `Refused` and `Missing`: error codes within the answer are
    /// the caller's to read.
    pub async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response, KafkaError> {
        let asked = self.ask(request).await?;
        self.answer(asked).await
    }

    /// Sends a request in the newest version that both sides know. More may be asked before the answer is read: a node
    /// answers in the order in which it was asked.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn ask<R: Request>(&mut self, request: &R) -> Result<Asked<R>, KafkaError> {
        let version = self.version::<R>()?;
        let id = self.send(request, version).await?;
        Ok(Asked { id, version, request: PhantomData })
    }

    /// Waits for the answer to what was asked first of all that is not answered yet.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn answer<R: Request>(&mut self, asked: Asked<R>) -> Result<R::Response, KafkaError> {
        let mut body = self.receive::<R>(asked.id, asked.version).await?;
        self.decode::<R>(&mut body, asked.version)
    }

    /// One frame out, one frame in: the answer's bytes after its header.
    async fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Result<Bytes, KafkaError> {
        let id = self.send(request, version).await?;
        self.receive::<R>(id, version).await
    }

    /// One frame out; its correlation id.
    async fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<i32, KafkaError> {
        let api = || api_name(R::KEY);
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        let frame = frame(request, version, id).map_err(|error| KafkaError::Encode {
            address: self.address.clone(),
            api: api(),
            version,
            reason: error.to_string(),
        })?;
        let written = timeout(self.timeout, self.stream.write_all(&frame)).await;
        written.map_err(|_| self.late::<R>())?.map_err(|source| self.broken::<R>(source))?;
        Ok(id)
    }

    /// One frame in, which must be the answer to `id`: its bytes after its header.
    async fn receive<R: Request>(&mut self, id: i32, version: i16) -> Result<Bytes, KafkaError> {
        let received = timeout(self.timeout, read_frame(&mut self.stream)).await;
        let mut answer = match received.map_err(|_| self.late::<R>())?.map_err(|source| self.broken::<R>(source))? {
            Ok(answer) => answer,
            Err(size) => {
                return Err(KafkaError::Frame { address: self.address.clone(), api: api_name(R::KEY), size });
            }
        };
        // The id is looked at before anything is decoded: what is not for us is not parsed.
        let got = answer.as_ref().get_i32();
        if got != id {
            let (address, api) = (self.address.clone(), api_name(R::KEY));
            return Err(KafkaError::Correlation { address, api, expected: id, got });
        }
        let header_version = <R::Response as HeaderVersion>::header_version(version);
        ResponseHeader::decode(&mut answer, header_version).map_err(|error| KafkaError::Decode {
            address: self.address.clone(),
            api: api_name(R::KEY),
            reason: format!("header: {error}"),
        })?;
        Ok(answer)
    }

    fn late<R: Request>(&self) -> KafkaError {
        KafkaError::Timeout { address: self.address.clone(), api: api_name(R::KEY), after: self.timeout }
    }

    fn broken<R: Request>(&self, source: io::Error) -> KafkaError {
        let (address, api) = (self.address.clone(), api_name(R::KEY));
        match source.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                KafkaError::Closed { address, api }
            }
            _ => KafkaError::Io { address, api, source },
        }
    }

    fn decode<R: Request>(&self, body: &mut Bytes, version: i16) -> Result<R::Response, KafkaError> {
        let failed = |reason: String| KafkaError::Decode {
            address: self.address.clone(),
            api: format!("{} version {version}", api_name(R::KEY)),
            reason,
        };
        let answer = R::Response::decode(body, version).map_err(|error| failed(error.to_string()))?;
        if body.has_remaining() {
            return Err(failed(format!("{} bytes are left over", body.remaining())));
        }
        Ok(answer)
    }
}

/// A frame without its length, or the length that no frame of Kafka's has.
async fn read_frame(stream: &mut TcpStream) -> io::Result<Result<Bytes, i32>> {
    let size = stream.read_i32().await?;
    // Four bytes are the least: the correlation id.
    if !(4..=LARGEST_FRAME).contains(&size) {
        return Ok(Err(size));
    }
    let mut body = vec![0; size.unsigned_abs() as usize];
    stream.read_exact(&mut body).await?;
    Ok(Ok(Bytes::from(body)))
}

/// Who asks is told from version 3 on.
fn versions_request(version: i16) -> ApiVersionsRequest {
    match version {
        ..3 => ApiVersionsRequest::default(),
        _ => ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("kdev"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION"))),
    }
}

/// Length, header and body.
fn frame<R: Request>(request: &R, version: i16, id: i32) -> Result<BytesMut, Box<dyn std::error::Error + Send + Sync>> {
    let mut buffer = BytesMut::new();
    buffer.put_i32(0);
    RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(id)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)))
        .encode(&mut buffer, R::header_version(version))?;
    request.encode(&mut buffer, version)?;
    let size = i32::try_from(buffer.len() - 4)?;
    buffer[..4].copy_from_slice(&size.to_be_bytes());
    Ok(buffer)
}

/// The API's name as Kafka's documentation has it.
fn api_name(key: i16) -> String {
    ApiKey::try_from(key).map_or_else(|_| format!("API {key}"), |key| format!("{key:?}"))
}
