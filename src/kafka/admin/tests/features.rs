//! `finalize_metadata`.

use kafka_protocol::messages::{
    ApiKey, UpdateFeaturesRequest, UpdateFeaturesResponse, update_features_response::UpdatableFeatureResult,
};

use super::*;

#[tokio::test]
async fn the_metadata_are_raised_and_no_other_feature() {
    let fake = Fake::start(1, |ask| {
        assert_eq!(ask.key, ApiKey::UpdateFeatures);
        let asked = ask.read::<UpdateFeaturesRequest>();
        let updates: Vec<_> = asked.feature_updates.iter().map(|u| (u.feature.as_str(), u.max_version_level)).collect();
        assert_eq!(updates, [("metadata.version", 30)]);
        ask.reply::<UpdateFeaturesRequest>(UpdateFeaturesResponse::default())
    })
    .await;
    admin(&fake).finalize_metadata(30).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_told() {
    let fake = Fake::start(1, |ask| {
        // Up to version 1 a refusal stands beside its feature, later in front of all.
        let text = Some(to_text("Broker 2 does not support it"));
        let result = UpdatableFeatureResult::default()
            .with_feature(to_text("metadata.version"))
            .with_error_code(ResponseError::FeatureUpdateFailed.code())
            .with_error_message(text.clone());
        let response = UpdateFeaturesResponse::default();
        let response = if ask.version < 2 {
            response.with_results(vec![result])
        } else {
            response.with_error_code(ResponseError::FeatureUpdateFailed.code()).with_error_message(text)
        };
        ask.reply::<UpdateFeaturesRequest>(response)
    })
    .await;
    let error = admin(&fake).finalize_metadata(30).await.unwrap_err();
    assert!(error.message.contains("Broker 2 does not support it"), "{error:?}");
}
