//! What can go wrong between kdev and a Kafka node, and what the user reads of it.

use std::{fmt, io, time::Duration};

use kafka_protocol::{ResponseError, protocol::VersionRange};

use super::text::code_name;
use crate::error::{Error, Kind};

/// A failed call. Every variant names the node's address and the API that was called.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// No TCP connection came about.
    #[error("no Kafka node answers on {address}")]
    Connect {
        /// `host:port`.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection ended before the answer.
    #[error("{address} closed the connection before it answered {api}")]
    Closed {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
    },
    /// Reading or writing failed.
    #[error("the connection to {address} broke during {api}")]
    Io {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{address} did not answer {api} within {}", rounded(*.after))]
    Timeout {
        /// `host:port`.
        address: String,
        /// The API called, or "a connection".
        api: String,
        /// The time given.
        after: Duration,
    },
    /// The frame's length makes no sense: whoever answered does not speak Kafka's protocol.
    #[error("{address} does not speak Kafka's protocol: its answer to {api} claims {size} bytes")]
    Frame {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
        /// The length in the frame's first four bytes.
        size: i32,
    },
    /// The answer belongs to another request.
    #[error("{address} answered {api} out of order (correlation id {got}, expected {expected})")]
    Correlation {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
        /// The id sent.
        expected: i32,
        /// The id received.
        got: i32,
    },
    /// The answer's bytes are not what the API's schema says.
    #[error("the answer of {address} to {api} cannot be read: {reason}")]
    Decode {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
        /// The codec's reason.
        reason: String,
    },
    /// The request cannot be put into the version that both sides know.
    #[error("{api} version {version} of {address} cannot express the request: {reason}")]
    Encode {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
        /// The version agreed on.
        version: i16,
        /// The codec's reason.
        reason: String,
    },
    /// The two sides have no version of the API in common.
    #[error("{address} and kdev share no version of {api}: kdev has {ours}, the node {}", .theirs.map_or("none".to_owned(), |range| range.to_string()))]
    Unsupported {
        /// `host:port`.
        address: String,
        /// The API called.
        api: String,
        /// kdev's versions.
        ours: VersionRange,
        /// The node's versions, if it knows the API at all.
        theirs: Option<VersionRange>,
    },
    /// The node understood, and refused.
    #[error("{}", refusal(.subject, *.error, .message.as_deref()))]
    Refused {
        /// What it is about: "topic `posts`".
        subject: String,
        /// Kafka's error code.
        error: ResponseError,
        /// Kafka's own words, if any.
        message: Option<String>,
    },
    /// None of the cluster's nodes answered.
    #[error("no Kafka node answers on {}", if .addresses.is_empty() { "any address: none is given".to_owned() } else { .addresses.join(", ") })]
    Nobody {
        /// Every address tried.
        addresses: Vec<String>,
        /// The last one's error.
        #[source]
        last: Option<Box<KafkaError>>,
    },
    /// A fact that the call needs is not there (yet): a partition without leader, an unlisted broker.
    #[error("{0}")]
    Missing(String),
}

/// What was left of a deadline, as people would say it: 4.9992 s are 5s.
fn rounded(time: Duration) -> impl fmt::Display {
    let step = if time < Duration::from_secs(1) { 1 } else { 100 };
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2);
    humantime::format_duration(Duration::from_millis((millis + step / 2) / step * step))
}

fn refusal(subject: &str, error: ResponseError, message: Option<&str>) -> String {
    let text = message.or_else(|| explanation(error)).unwrap_or_default().trim_end_matches('.');
    if text.is_empty() {
        format!("{subject}: {}", code_name(error))
    } else {
        format!("{subject}: {text} ({})", code_name(error))
    }
}

/// What a code means, where Kafka seldom sends words of its own.
fn explanation(error: ResponseError) -> Option<&'static str> {
    use ResponseError as E;
    Some(match error {
        E::UnknownTopicOrPartition => "the cluster has no such topic or partition",
        E::LeaderNotAvailable => "the partition has no leader at the moment",
        E::NotLeaderOrFollower => "the partition's leader has moved",
        E::RequestTimedOut => "the cluster did not finish it in time",
        E::CoordinatorLoadInProgress => "the group's coordinator is still loading",
        E::CoordinatorNotAvailable => "the group's coordinator is not available",
        E::NotCoordinator => "the group's coordinator has moved",
        E::TopicAlreadyExists => "it exists already",
        E::InvalidPartitions => "the number of partitions is not possible",
        E::InvalidReplicationFactor => "there are fewer brokers than replicas wanted",
        E::InvalidConfig => "a setting is not valid",
        E::NotController => "the controller has moved",
        E::GroupIdNotFound => "there is no such group",
        E::NonEmptyGroup | E::UnknownMemberId => "the group has members",
        E::PreferredLeaderNotAvailable => "the preferred leader is not in sync",
        _ => return None,
    })
}

impl KafkaError {
    /// The node's refusal, unless `code` is 0.
    pub fn check(code: i16, message: Option<String>, subject: impl FnOnce() -> String) -> Result<(), KafkaError> {
        match ResponseError::try_from_code(code) {
            None => Ok(()),
            Some(error) => Err(KafkaError::Refused { subject: subject(), error, message }),
        }
    }

    /// Kafka's error code, where the node sent one.
    pub fn code(&self) -> Option<ResponseError> {
        match self {
            KafkaError::Refused { error, .. } => Some(*error),
            _ => None,
        }
    }

    /// Whether the cluster has no such topic (any more).
    pub fn is_unknown_topic(&self) -> bool {
        self.code() == Some(ResponseError::UnknownTopicOrPartition)
    }

    /// Whether it may go well a moment later, perhaps at another node.
    ///
    /// Not among them: an unknown topic (mostly a mistyped one) and what breaks a rule.
    pub fn is_passing(&self) -> bool {
        use ResponseError as E;
        match self {
            KafkaError::Missing(_) => true,
            KafkaError::Refused { error, .. } => matches!(
                error,
                E::LeaderNotAvailable
                    | E::NotLeaderOrFollower
                    | E::RequestTimedOut
                    | E::BrokerNotAvailable
                    | E::ReplicaNotAvailable
                    | E::NetworkException
                    | E::CoordinatorLoadInProgress
                    | E::CoordinatorNotAvailable
                    | E::NotCoordinator
                    | E::NotController
                    | E::KafkaStorageError
                    | E::FencedLeaderEpoch
                    | E::UnknownLeaderEpoch
                    | E::OffsetNotAvailable
                    | E::EligibleLeadersNotAvailable
                    | E::PreferredLeaderNotAvailable
            ),
            error => error.is_transport(),
        }
    }

    /// Whether the connection is at fault rather than the request: another node may do.
    pub fn is_transport(&self) -> bool {
        matches!(
            self,
            KafkaError::Connect { .. } | KafkaError::Closed { .. } | KafkaError::Io { .. } | KafkaError::Timeout { .. }
        )
    }

    /// The Kafka error that an [`Error`] was made of, for callers that must tell codes apart.
    pub fn of(error: &Error) -> Option<&KafkaError> {
        error.source.as_ref()?.downcast_ref()
    }

    fn hints(&self) -> Vec<&'static str> {
        use ResponseError as E;
        match self {
            KafkaError::Nobody { .. } => vec!["kdev up", "kdev status"],
            KafkaError::Connect { .. } | KafkaError::Closed { .. } | KafkaError::Io { .. } => {
                vec!["kdev status", "kdev up"]
            }
            KafkaError::Timeout { .. } => vec!["kdev status", "kdev logs kafka-1"],
            KafkaError::Frame { .. } | KafkaError::Correlation { .. } => {
                vec!["kdev env shows the cluster's addresses; another program may own this port"]
            }
            KafkaError::Refused { error: E::UnknownTopicOrPartition, .. } => vec!["kdev topics list"],
            KafkaError::Refused { error: E::GroupIdNotFound, .. } => vec!["kdev groups list"],
            KafkaError::Refused { error: E::InvalidReplicationFactor, .. } => {
                vec!["kdev status shows which nodes are missing"]
            }
            KafkaError::Refused { error, .. } if !error.is_retriable() => vec![],
            KafkaError::Refused { .. } | KafkaError::Missing(_) => vec!["kdev status"],
            _ => vec![],
        }
    }
}

/// The message with the reasons below it: "no Kafka node answers on localhost:1: Connection refused".
fn with_reasons(error: &KafkaError) -> String {
    match error {
        // The last node's own message repeats its address; its reason is what is new.
        KafkaError::Nobody { last: Some(last), .. } => match last.as_ref() {
            KafkaError::Connect { source, .. } => format!("{error}: {source}"),
            last => format!("{error}: {last}"),
        },
        KafkaError::Connect { source, .. } | KafkaError::Io { source, .. } => {
            format!("{error}: {source}")
        }
        _ => error.to_string(),
    }
}

impl From<KafkaError> for Error {
    fn from(error: KafkaError) -> Error {
        let kind = match &error {
            KafkaError::Timeout { .. } | KafkaError::Refused { error: ResponseError::RequestTimedOut, .. } => {
                Kind::TimedOut
            }
            KafkaError::Nobody { last: Some(last), .. } if matches!(last.as_ref(), KafkaError::Timeout { .. }) => {
                Kind::TimedOut
            }
            _ => Kind::Failed,
        };
        let mut out = Error::new(kind, with_reasons(&error));
        for hint in error.hints() {
            out = out.hint(hint);
        }
        out.source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_of_a_deadline_reads_as_what_was_given() {
        let said = |micros| rounded(Duration::from_micros(micros)).to_string();
        assert_eq!(said(4_999_229), "5s");
        assert_eq!(said(1_540_000), "1s 500ms");
        assert_eq!(said(699_900), "699ms");
    }
}
