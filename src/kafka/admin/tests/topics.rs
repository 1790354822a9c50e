//! Topics, their settings, elections.

use std::collections::BTreeSet;

use kafka_protocol::messages::{
    ApiKey, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, DescribeConfigsRequest, DescribeConfigsResponse, ElectLeadersRequest,
    ElectLeadersResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    create_partitions_response::CreatePartitionsTopicResult,
    create_topics_response::CreatableTopicResult,
    delete_topics_response::DeletableTopicResult,
    describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult},
    elect_leaders_response::{PartitionResult, ReplicaElectionResult},
    incremental_alter_configs_response::AlterConfigsResourceResponse,
};

use super::*;
use crate::plan::TopicPlan;

fn plan(name: &str) -> TopicPlan {
    let config = BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())]);
    TopicPlan { name: topic(name), partitions: 6, replication: 3, config }
}

fn created(ask: &Ask, codes: &[(&str, i16)]) -> Answer {
    let topics = codes.iter().map(|&(name, code)| {
        CreatableTopicResult::default()
            .with_name(wire(name))
            .with_error_code(code)
            .with_error_message(Some(to_text("")))
    });
    let response = CreateTopicsResponse::default().with_topics(topics.collect());
    ask.reply::<CreateTopicsRequest>(response)
}

#[tokio::test]
async fn a_topic_that_exists_counts_as_created() {
    let fake = Fake::start(1, |ask| {
        let request = ask.read::<CreateTopicsRequest>();
        let posts = &request.topics[0];
        assert_eq!((posts.num_partitions, posts.replication_factor), (6, 3));
        assert_eq!(posts.configs[0].name.as_str(), "min.insync.replicas");
        created(ask, &[("posts", 36), ("new", 0), ("bad", 38)])
    })
    .await;
    let plans = [plan("posts"), plan("new"), plan("bad")];
    let outcomes = admin(&fake).create_topics(&plans).await.unwrap();
    assert!(outcomes[&topic("posts")].is_ok());
    assert!(outcomes[&topic("new")].is_ok());
    let error = outcomes[&topic("bad")].as_ref().unwrap_err();
    assert_eq!(error.message, "topic `bad`: there are fewer brokers than replicas wanted (INVALID_REPLICATION_FACTOR)");
    assert_eq!(error.context, ["creating topic `bad`"]);
    assert_eq!(code(error), Some(ResponseError::InvalidReplicationFactor));
}

#[tokio::test]
async fn a_passing_refusal_is_tried_again() {
    let fake = Fake::start(1, |ask| match ask.before {
        0 => created(ask, &[("posts", 41)]),
        1 => Answer::Close,
        _ => created(ask, &[("posts", 0)]),
    })
    .await;
    let outcomes = admin(&fake).create_topics(&[plan("posts")]).await.unwrap();
    assert!(outcomes[&topic("posts")].is_ok());
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn retries_end_with_the_patience() {
    let fake = Fake::start(1, |ask| created(ask, &[("posts", 41)])).await;
    let admin = admin(&fake).patience(Duration::from_millis(600));
    let error = admin.create_topics(&[plan("posts")]).await.unwrap_err();
    assert_eq!(code(&error), Some(ResponseError::NotController));
    assert!(fake.asked().len() > 1);
}

#[tokio::test]
async fn what_exists_no_more_counts_as_deleted() {
    let fake = Fake::start(1, |ask| {
        let code = if ask.before == 0 { 3 } else { 73 };
        let gone = DeletableTopicResult::default().with_error_code(code);
        let response = DeleteTopicsResponse::default().with_responses(vec![gone]);
        ask.reply::<DeleteTopicsRequest>(response)
    })
    .await;
    let admin = admin(&fake);
    admin.delete_topic(&topic("posts")).await.unwrap();
    let error = admin.delete_topic(&topic("posts")).await.unwrap_err();
    assert_eq!(code(&error), Some(ResponseError::TopicDeletionDisabled));
}

#[tokio::test]
async fn growing_to_what_is_there_is_done_once_all_brokers_list_it() {
    let fake = Fake::start(2, |ask| match (ask.key, ask.before) {
        // The first question is what there is; then both are asked.
        (ApiKey::Metadata, 1 | 2) if ask.node == 2 => metadata(ask, &[1, 1]),
        (ApiKey::Metadata, _) => metadata(ask, &[1, 1, 1]),
        (ApiKey::DescribeCluster, _) => cluster(ask),
        _ => {
            let refused = CreatePartitionsTopicResult::default().with_error_code(37);
            let response = CreatePartitionsResponse::default().with_results(vec![refused]);
            ask.reply::<CreatePartitionsRequest>(response)
        }
    })
    .await;
    let admin = admin(&fake);
    admin.create_partitions(&topic("posts"), 3).await.unwrap();
    assert_eq!(fake.asked_of(ApiKey::Metadata)[1..].iter().filter(|&&node| node == 2).count(), 2);
    let error = admin.create_partitions(&topic("posts"), 2).await.unwrap_err();
    assert_eq!(code(&error), Some(ResponseError::InvalidPartitions));
    let error = admin.create_partitions(&topic("posts"), u32::MAX).await.unwrap_err();
    assert!(error.message.contains("4294967295"), "{error}");
}

#[tokio::test]
async fn only_the_topics_own_settings_count() {
    let fake = Fake::start(1, |ask| {
        let setting = |name: &str, value: &str, source: i8| {
            DescribeConfigsResourceResult::default()
                .with_name(to_text(name))
                .with_value(Some(to_text(value)))
                .with_config_source(source)
        };
        let settings = vec![
            setting("retention.ms", "1", 1),
            setting("cleanup.policy", "delete", 5),
            setting("min.insync.replicas", "2", 4),
        ];
        let posts = DescribeConfigsResult::default().with_resource_name(to_text("posts")).with_configs(settings);
        let none = DescribeConfigsResult::default().with_resource_name(to_text("no")).with_error_code(3);
        let response = DescribeConfigsResponse::default().with_results(vec![posts, none]);
        ask.reply::<DescribeConfigsRequest>(response)
    })
    .await;
    let admin = admin(&fake);
    let names = [topic("posts"), topic("no")];
    let configs = admin.topic_configs(&names).await.unwrap();
    let own = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
    assert_eq!(configs, BTreeMap::from([(topic("posts"), own)]));
    let all = admin.topic_settings(&names).await.unwrap();
    let names: Vec<&str> = all[&topic("posts")].iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["cleanup.policy", "min.insync.replicas", "retention.ms"]);
}

#[tokio::test]
async fn settings_are_changed_one_by_one() {
    let fake = Fake::start(1, |ask| {
        let request = ask.read::<IncrementalAlterConfigsRequest>();
        let configs = request.resources[0].configs.iter();
        let changes: Vec<_> = configs.map(|c| (c.name.to_string(), c.config_operation, c.value.clone())).collect();
        let expected = [("a".to_owned(), 0, Some(to_text("1"))), ("b".to_owned(), 1, None)];
        assert_eq!(changes, expected);
        let refused = AlterConfigsResourceResponse::default()
            .with_error_code(40)
            .with_error_message(Some(to_text("a is no setting")));
        let response = IncrementalAlterConfigsResponse::default().with_responses(vec![refused]);
        ask.reply::<IncrementalAlterConfigsRequest>(response)
    })
    .await;
    let set = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let unset = BTreeSet::from(["b".to_owned()]);
    let error = admin(&fake).alter_topic_config(&topic("posts"), &set, &unset).await.unwrap_err();
    assert_eq!(error.message, "topic `posts`: a is no setting (INVALID_CONFIG)");
}

#[tokio::test]
async fn a_leader_in_its_place_is_no_error_and_one_that_may_not_lead_yet_is_asked_for_again() {
    let fake = Fake::start(1, |ask| {
        let codes = [[84, 0, 0], [84, 0, 80], [84, 84, 0], [84, 84, 29]][ask.before];
        let partitions = codes
            .iter()
            .zip(0..)
            .map(|(&code, id)| PartitionResult::default().with_partition_id(id).with_error_code(code));
        let posts =
            ReplicaElectionResult::default().with_topic(wire("posts")).with_partition_result(partitions.collect());
        let response = ElectLeadersResponse::default().with_replica_election_results(vec![posts]);
        ask.reply::<ElectLeadersRequest>(response)
    })
    .await;
    let admin = admin(&fake);
    assert_eq!(admin.elect_preferred_leaders().await.unwrap(), 2);
    assert_eq!(admin.elect_preferred_leaders().await.unwrap(), 1, "of the second question");
    let error = admin.elect_preferred_leaders().await.unwrap_err();
    assert!(error.message.starts_with("partition 2 of topic `posts`: "), "{error}");
}
