//! What is done from where, step by step.

use std::sync::Arc;

use kdev::{
    engine::simulated::Simulated,
    model::Role,
    observed::{AppImage, ContainerState, LastNetwork, Observed, Stranger},
    reconcile::{Blocked, Step, down::Extent, up::next},
};

use super::worlds::{built_in, down, plan, settings, up};

fn told(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

async fn after_up() -> (Observed, kdev::plan::Plan) {
    let settings = built_in();
    let plan = plan(&settings, &Observed::default());
    let world = Arc::new(Simulated::new(plan.clone(), Observed::default()));
    up(&world, &plan, None).await.unwrap();
    (world.facts(), plan)
}

#[tokio::test(flavor = "current_thread")]
async fn what_has_a_name_that_the_plan_needs_is_in_the_way_and_nothing_else() {
    let (mut observed, plan) = after_up().await;
    let of_others = |kind, name: &str| Stranger { kind, name: name.to_owned() };
    let harmless =
        [of_others("volume", &plan.network.name), of_others("container", &format!("{}-kafka-9", plan.network.name))];
    observed.docker.strangers = harmless.to_vec();
    assert!(next(&plan, true, &observed).unwrap().steps.is_empty());
    let node = plan.nodes.values().next().unwrap();
    let app = plan.apps.values().next().unwrap();
    for taken in [
        of_others("network", &plan.network.name),
        of_others("volume", &node.volume.name),
        of_others("container", &node.container.name),
        of_others("container", &app.containers[0].name),
    ] {
        observed.docker.strangers = [harmless.as_slice(), std::slice::from_ref(&taken)].concat();
        assert_eq!(next(&plan, true, &observed).unwrap_err(), Blocked::Strangers(vec![taken]));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn from_nothing_all_is_made_before_anything_starts() {
    let settings = built_in();
    let plan = plan(&settings, &Observed::default());
    let world = Arc::new(Simulated::new(plan.clone(), Observed::default()));
    let mut steps = told(&up(&world, &plan, None).await.unwrap()).lines().map(str::to_owned).collect::<Vec<_>>();
    let position = |steps: &[String], text: &str| steps.iter().position(|step| step == text).unwrap();
    assert!(position(&steps, "create container of kafka-3") < position(&steps, "start kafka-1"));
    assert!(position(&steps, "create topic posts (6 partitions, replication 3)") < position(&steps, "start producer"));
    steps.sort();
    insta::assert_snapshot!(steps.join("\n"), @r"
    build image of consumer
    build image of producer
    create container of consumer
    create container of kafka-1
    create container of kafka-2
    create container of kafka-3
    create container of producer
    create network
    create topic posts (6 partitions, replication 3)
    create volume of kafka-1
    create volume of kafka-2
    create volume of kafka-3
    prepare image apache/kafka:4.3.1 for fast starts (once per image)
    pull image apache/kafka:4.3.1
    start consumer
    start kafka-1
    start kafka-2
    start kafka-3
    start producer
    ");
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_up_does_nothing() {
    let (observed, plan) = after_up().await;
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    assert_eq!(told(&up(&world, &plan, None).await.unwrap()), "");
}

#[tokio::test(flavor = "current_thread")]
async fn a_changed_app_is_rebuilt_and_only_it_is_replaced() {
    let (observed, _) = after_up().await;
    let changed = settings(&format!("name = \"blog\"\n{}", kdev::template::KDEV_TOML.replace("\"1\"", "\"5\"")));
    let plan = plan(&changed, &observed);
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    insta::assert_snapshot!(told(&up(&world, &plan, None).await.unwrap()), @r"
    build image of producer
    stop producer: it changed
    remove container of producer: it changed
    create container of producer
    start producer
    remove image of producer that nothing uses
    ");
}

/// As after `kdev up --build`, whose base image may be another by now.
#[tokio::test(flavor = "current_thread")]
async fn an_app_whose_image_was_built_anew_says_so_where_it_is_replaced() {
    let (mut observed, plan) = after_up().await;
    let old = observed.docker.app_images.iter_mut().find(|image| image.app.as_str() == "producer").unwrap();
    old.id = format!("another than {}", old.id);
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    insta::assert_snapshot!(told(&up(&world, &plan, None).await.unwrap()), @r"
    stop producer: its image was built anew
    remove container of producer: its image was built anew
    create container of producer
    start producer
    ");
}

/// Podman labels what an earlier stage made as the app's image is labelled, while the build goes on and afterwards.
#[tokio::test(flavor = "current_thread")]
async fn what_an_earlier_stage_of_a_build_made_is_not_the_apps_image() {
    let (mut observed, plan) = after_up().await;
    let images = observed.docker.app_images.clone();
    let stages =
        images.iter().map(|image| AppImage { id: format!("stage of {}", image.id), named: false, ..image.clone() });
    observed.docker.app_images.splice(0..0, stages);
    let steps = next(&plan, true, &observed).unwrap().steps;
    insta::assert_snapshot!(told(&steps), @r"
    remove image of consumer that nothing uses
    remove image of producer that nothing uses
    ");
    observed.docker.app_images.retain(|image| !image.named);
    observed.docker.containers.retain(|container| container.role != Role::App);
    insta::assert_snapshot!(told(&next(&plan, true, &observed).unwrap().steps), @r"
    build image of consumer
    build image of producer
    ");
}

#[tokio::test(flavor = "current_thread")]
async fn a_changed_node_setting_replaces_one_node_after_another_the_controller_last() {
    let (observed, _) = after_up().await;
    let changed = settings(&format!("name = \"blog\"\n{}", kdev::template::KDEV_TOML.replace("512m", "640m")));
    let plan = plan(&changed, &observed);
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    insta::assert_snapshot!(told(&up(&world, &plan, None).await.unwrap()), @r"
    stop kafka-2: its settings or its image changed
    set the old container of kafka-2 aside
    create container of kafka-2
    start kafka-2
    remove container of kafka-2: its successor is in sync
    stop kafka-3: its settings or its image changed
    set the old container of kafka-3 aside
    create container of kafka-3
    start kafka-3
    remove container of kafka-3: its successor is in sync
    stop kafka-1: its settings or its image changed
    set the old container of kafka-1 aside
    create container of kafka-1
    start kafka-1
    remove container of kafka-1: its successor is in sync
    ");
}

#[tokio::test(flavor = "current_thread")]
async fn no_node_is_stopped_before_kafka_has_taken_what_it_may_refuse() {
    let (mut observed, _) = after_up().await;
    let changed = kdev::template::KDEV_TOML
        .replace("\"512m\"", "\"640m\"")
        .replace("# [kafka.config]", "[kafka.config]")
        .replace("# \"log.retention.hours\" = 24", "\"log.retention.ms\" = 2000000000");
    let plan = plan(&settings(&format!("name = \"blog\"\n{changed}")), &observed);
    let steps = |observed: &Observed| told(&next(&plan, true, observed).unwrap().steps);
    insta::assert_snapshot!(steps(&observed), @"set log.retention.ms of all brokers to 2000000000");
    observed.kafka.config.insert("log.retention.ms".to_owned(), "2000000000".to_owned());
    insta::assert_snapshot!(steps(&observed), @"stop kafka-2: its settings or its image changed");
}

#[tokio::test(flavor = "current_thread")]
async fn kafkas_own_topics_keep_their_partitions() {
    let (mut observed, _) = after_up().await;
    let named = settings(&format!("name = \"blog\"\n{}[topics.__consumer_offsets]\n", kdev::template::KDEV_TOML));
    for partitions in [1, 50] {
        let mut own = observed.kafka.topics[&"posts".parse().unwrap()].clone();
        own.partitions = vec![own.partitions[0].clone(); partitions];
        observed.kafka.topics.insert("__consumer_offsets".parse().unwrap(), own);
        assert_eq!(next(&plan(&named, &observed), true, &observed).unwrap().steps, []);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn down_ends_apps_before_nodes_and_keeps_data() {
    let (observed, plan) = after_up().await;
    let world = Arc::new(Simulated::new(plan, observed));
    let steps = told(&down(&world, Extent::KeepData).await.unwrap());
    let position = |text: &str| steps.lines().position(|step| step == text).unwrap();
    assert!(position("stop producer") < position("stop kafka-1"), "{steps}");
    let facts = world.facts();
    assert!(facts.docker.containers.is_empty() && facts.docker.networks.is_empty());
    assert_eq!(facts.docker.volumes.len(), 3, "data stay");
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_stopped_is_started_again() {
    let (mut observed, plan) = after_up().await;
    let node = observed.docker.containers.iter_mut().find(|c| c.service == "kafka-2").unwrap();
    node.state = ContainerState::Exited { code: 137, oom: true };
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    assert_eq!(told(&up(&world, &plan, None).await.unwrap()), "start kafka-2");
}

#[tokio::test(flavor = "current_thread")]
async fn containers_that_stopped_are_made_anew_where_their_network_is_gone() {
    let (mut observed, plan) = after_up().await;
    let mut first = true;
    for container in &mut observed.docker.containers {
        container.state = ContainerState::Exited { code: 143, oom: false };
        // One that was never started is on no network yet.
        if std::mem::take(&mut first) {
            container.state = ContainerState::Created;
            container.network = LastNetwork::None;
        }
    }
    let kept = observed.docker.containers[0].service.clone();
    observed.docker.networks.clear();
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    let steps = told(&up(&world, &plan, None).await.unwrap());
    let removed = |service: &str| steps.contains(&format!("remove container of {service}: its network is gone"));
    for service in ["kafka-1", "kafka-2", "kafka-3", "producer", "consumer"] {
        assert_eq!(removed(service), service != kept, "{service} in\n{steps}");
    }
    assert!(next(&plan, true, &world.facts()).unwrap().is_reached());
}

#[tokio::test(flavor = "current_thread")]
async fn what_the_engine_took_off_its_network_is_made_anew_on_it() {
    let (mut observed, plan) = after_up().await;
    let node = observed.docker.containers.iter_mut().find(|c| c.service == "kafka-2").unwrap();
    node.state = ContainerState::Exited { code: 1, oom: false };
    node.network = LastNetwork::Lost;
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    let steps = told(&up(&world, &plan, None).await.unwrap());
    let expected = ["remove container of kafka-2: it is on no network", "create container of kafka-2", "start kafka-2"];
    assert_eq!(steps, expected.join("\n"));
}

#[tokio::test(flavor = "current_thread")]
async fn of_two_networks_of_one_name_one_is_removed_before_anything_starts() {
    let (mut observed, plan) = after_up().await;
    for container in &mut observed.docker.containers {
        container.state = ContainerState::Exited { code: 143, oom: false };
    }
    let twin = kdev::observed::NetworkFacts { id: "twin".to_owned(), name: plan.network.name.clone() };
    observed.docker.networks.push(twin);
    let world = Arc::new(Simulated::new(plan.clone(), observed));
    let steps = told(&up(&world, &plan, None).await.unwrap());
    assert!(steps.starts_with("remove all networks of the project's name but one\nstart kafka-1"), "{steps}");
}
