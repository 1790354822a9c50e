//! The cluster's finalized features.

use kafka_protocol::messages::{UpdateFeaturesRequest, update_features_request::FeatureUpdateKey};

use super::{Admin, topics::milliseconds_until};
use crate::{
    error::{Error, Result, While},
    kafka::wire::{KafkaError, message, to_text},
};

/// The feature that says which records the metadata may hold.
pub(super) const METADATA_VERSION: &str = "metadata.version";
/// Kafka's number for "upgrade" among kinds of change; the others go down.
const UPGRADE: i8 = 1;

impl Admin {
    /// Raises `metadata.version`, and nothing else, to `level`.
    ///
    /// Kafka's own tool, given a release, also raises `kraft.version`, for good: after that a controller of a static
    /// quorum that lost its disk does not come back as a voter (seen with 4.3.1).
    ///
    /// # Errors
    /// The cluster could not be asked, or some node cannot read that level.
    pub async fn finalize_metadata(&self, level: i16) -> Result<()> {
        let deadline = self.deadline();
        let update = FeatureUpdateKey::default()
            .with_feature(to_text(METADATA_VERSION))
            .with_max_version_level(level)
            .with_upgrade_type(UPGRADE);
        let request = UpdateFeaturesRequest::default()
            .with_feature_updates(vec![update])
            .with_timeout_ms(milliseconds_until(deadline));
        let attempt = || async {
            let subject = || METADATA_VERSION.to_owned();
            let answer = self.any(&request, deadline).await?;
            KafkaError::check(answer.error_code, message(answer.error_message.as_ref()), subject)?;
            for result in &answer.results {
                KafkaError::check(result.error_code, message(result.error_message.as_ref()), subject)?;
            }
            Ok(())
        };
        let outcome = self.retrying(deadline, attempt).await;
        outcome.map_err(Error::from).while_(|| format!("raising {METADATA_VERSION} to {level}"))
    }
}
