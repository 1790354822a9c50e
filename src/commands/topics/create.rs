//! `kdev topics create`.

use std::process::ExitCode;

use clap::Args;

use super::{Cluster, topic_name};
use crate::{
    commands::Context,
    config::check,
    error::{Error, Result},
    model::TopicName,
    plan::TopicPlan,
};

/// Arguments of `kdev topics create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The new topic
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Its partitions [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=check::MOST_PARTITIONS))]
    partitions: Option<u32>,
    /// Replicas of each partition [default: 3, or the brokers if fewer]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    replication: Option<u8>,
    /// A setting of the topic, in Kafka's own name: retention.ms=60000
    #[arg(long = "config", value_name = "NAME=VALUE", value_parser = setting)]
    config: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("give a setting and its value: retention.ms=60000".to_owned()),
    }
}

/// Makes the topic, and waits until its leaders serve.
pub(super) async fn run(args: CreateArgs, cluster: Cluster, context: &Context) -> Result<ExitCode> {
    let CreateArgs { topic, partitions, replication, config } = args;
    let name = topic_name(&topic)?;
    refuse_kafkas_own(&name)?;
    if let Some(facts) = cluster.facts.topics.get(&name) {
        return Err(Error::failed(format!("topic {name} exists already, with {} partitions", facts.partitions.len()))
            .hint(format!("kdev topics describe {name}"))
            .hint(format!("kdev topics delete {name}   (with its records)")));
    }
    let plan = TopicPlan {
        name: name.clone(),
        partitions: partitions.unwrap_or(check::DEFAULT_PARTITIONS),
        replication: replication.unwrap_or_else(|| check::default_replication(cluster.facts.answering.len() as u8)),
        config: config.into_iter().collect(),
    };
    let (partitions, replication) = (plan.partitions, plan.replication);
    cluster.admin.create_topics(&[plan]).await?.into_values().collect::<Result<Vec<_>>>()?;
    cluster.admin.served(&name).await?;
    let plural = if partitions == 1 { "" } else { "s" };
    context.ui.say(&format!("created topic {name} ({partitions} partition{plural}, replication {replication})"));
    let settings = &cluster.settings;
    match (settings.topics.contains_key(&name), settings.prune) {
        (true, _) => {}
        (false, true) => context.ui.warning(&format!(
            "kdev.toml does not name it, and says prune = true: kdev topics adopt {name} takes it in"
        )),
        (false, false) => context.ui.say(&format!("kdev.toml does not name it: kdev topics adopt {name} takes it in")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Kafka makes topics of such names for itself, and kdev takes all of them for Kafka's own: it would neither show nor
/// delete this one.
fn refuse_kafkas_own(name: &TopicName) -> Result<()> {
    if !name.is_internal() {
        return Ok(());
    }
    let mut error =
        Error::failed(format!("cannot make topic {name}: names that begin with `__` are for Kafka's own topics"));
    let rest = name.as_str().trim_start_matches('_');
    if !rest.is_empty() {
        error = error.hint(format!("kdev topics create {rest}"));
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::{refuse_kafkas_own, setting};

    #[test]
    fn a_name_like_those_of_kafkas_own_topics_is_refused() {
        let error = refuse_kafkas_own(&"__foo".parse().unwrap()).expect_err("refused");
        assert_eq!(error.message, "cannot make topic __foo: names that begin with `__` are for Kafka's own topics");
        assert_eq!(error.hints, ["kdev topics create foo"]);
        assert!(refuse_kafkas_own(&"_foo".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_setting_is_cut_at_its_first_equals_sign() {
        assert_eq!(setting("a.b = c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert_eq!(setting("a="), Ok(("a".to_owned(), String::new())));
        assert!(setting("=1").is_err() && setting("a").is_err());
    }
}
