//! Writes topics into the text of a kdev.toml as the cluster has them; comments, order and all else stay. Pure.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::{TopicSettings, check::PRUNE};
use crate::{
    error::{Error, Result},
    model::TopicName,
    reconcile::setting,
};

/// The text of kdev.toml with these topics as the cluster `has` them. `says` is what the text says of its topics now:
/// what agrees is not touched.
///
/// # Errors
/// The text is no TOML, or a topic cannot stand in kdev.toml.
pub fn topics(
    text: &str,
    says: &BTreeMap<TopicName, TopicSettings>,
    has: &BTreeMap<TopicName, TopicSettings>,
) -> Result<String> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| Error::usage(format!("kdev.toml is no TOML: {}", error.message())))?;
    let mut implicit = Table::new();
    implicit.set_implicit(true);
    let all = document.entry("topics").or_insert(Item::Table(implicit));
    let all = all.as_table_like_mut().ok_or_else(|| Error::usage("`topics` in kdev.toml is no table"))?;
    let mut first_new = None;
    for (name, has) in has {
        if name.as_str() == PRUNE {
            return Err(Error::failed("topic `prune` cannot stand in kdev.toml: `prune` under [topics] is a switch")
                .hint("name the other topics: kdev topics adopt NAME"));
        }
        match says.get(name) {
            Some(says) if says == has => {}
            says => {
                if all.get(name.as_str()).is_none() {
                    first_new.get_or_insert(name);
                }
                topic(all, name, says, has);
            }
        }
    }
    // What stands below the last table is not the new topics'.
    let below = document.trailing().as_str().unwrap_or_default().to_owned();
    let last = text.lines().rfind(|line| line.trim_start().starts_with('['));
    if let Some(name) = first_new
        && !below.trim().is_empty()
        && last.is_none_or(|last| last.trim_start().starts_with("[topics"))
        && let Some(table) = document["topics"][name.as_str()].as_table_mut()
    {
        table.decor_mut().set_prefix(format!("{below}\n"));
        document.set_trailing("");
    }
    Ok(as_in(text, &document.to_string()))
}

/// With the line ends of the text, and the mark before all else, if it has one: both as editors on Windows write them.
fn as_in(text: &str, written: &str) -> String {
    const MARK: char = '\u{feff}';
    let mut written = written.trim_start_matches(MARK).replace("\r\n", "\n");
    if text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n")) {
        written = written.replace('\n', "\r\n");
    }
    if text.starts_with(MARK) {
        written.insert(0, MARK);
    }
    written
}

fn topic(all: &mut dyn TableLike, name: &TopicName, says: Option<&TopicSettings>, has: &TopicSettings) {
    if all.get(name.as_str()).is_none() {
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n");
        all.insert(name.as_str(), Item::Table(table));
    }
    let Some(table) = all.get_mut(name.as_str()).and_then(Item::as_table_like_mut) else { return };
    if says.is_none_or(|says| says.partitions != has.partitions) {
        set(table, "partitions", i64::from(has.partitions).into());
    }
    if says.is_none_or(|says| says.replication != has.replication) {
        set(table, "replication", i64::from(has.replication).into());
    }
    let none = BTreeMap::new();
    let said = says.map_or(&none, |says| &says.config);
    let other = |(key, value): &(&String, &String)| !said.get(*key).is_some_and(|said| setting::same(said, value));
    let news: Vec<(&String, &String)> = has.config.iter().filter(other).collect();
    let gone: Vec<&String> = said.keys().filter(|key| !has.config.contains_key(*key)).collect();
    if news.is_empty() && gone.is_empty() {
        return;
    }
    if table.get("config").is_none() {
        table.insert("config", Item::Table(Table::new()));
    }
    let Some(config) = table.get_mut("config").and_then(Item::as_table_like_mut) else { return };
    for key in gone {
        remove(config, key);
    }
    for (key, value) in news {
        set_setting(config, key, typed(value));
    }
}

/// Gives a key its value and leaves the comment behind it where it is.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// As [`set`]; a setting may stand as one key in quotes, or without them, which TOML reads as nested tables.
fn set_setting(config: &mut dyn TableLike, key: &str, value: Value) {
    match nested(config, key) {
        Some((table, last)) if table.contains_key(last) => set(table, last, value),
        _ => set(config, key, value),
    }
}

fn remove(config: &mut dyn TableLike, key: &str) {
    if config.remove(key).is_none()
        && let Some((table, last)) = nested(config, key)
    {
        table.remove(last);
    }
}

/// The table in which the last part of a dotted key stands, and that part.
fn nested<'a, 'k>(config: &'a mut dyn TableLike, key: &'k str) -> Option<(&'a mut dyn TableLike, &'k str)> {
    if config.contains_key(key) {
        return Some((config, key));
    }
    // A part of a key in quotes may hold dots itself.
    let (first, rest) = key
        .match_indices('.')
        .map(|(at, _)| (&key[..at], &key[at + 1..]))
        .find(|(first, _)| config.get(first).is_some_and(Item::is_table_like))?;
    nested(config.get_mut(first)?.as_table_like_mut()?, rest)
}

/// A number or a truth as such, anything else as text.
fn typed(value: &str) -> Value {
    match (value.parse::<i64>(), value.parse::<bool>()) {
        (Ok(number), _) if number.to_string() == value => number.into(),
        (_, Ok(truth)) => truth.into(),
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Settings, check, machine::Machine};

    fn parsed(text: &str) -> Settings {
        check::file(None, Path::new("/blog/kdev.toml"), text, &Machine::default()).unwrap()
    }

    fn settings(partitions: u32, config: &[(&str, &str)]) -> TopicSettings {
        let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        TopicSettings { partitions, replication: 3, config }
    }

    fn adopted(text: &str, has: &[(&str, TopicSettings)]) -> String {
        let has: BTreeMap<TopicName, TopicSettings> =
            has.iter().map(|(name, topic)| (name.parse().unwrap(), topic.clone())).collect();
        let text = topics(text, &parsed(text).topics, &has).unwrap();
        let says = parsed(&text).topics;
        for (name, has) in &has {
            assert_eq!(&says[name], has, "{text}");
        }
        text
    }

    const FILE: &str = r#"# mine
name = "blog"

[topics.posts]      # the posts
partitions = 6      # two a node
[topics.posts.config]
min.insync.replicas = 2   # one may be lost
"retention.ms" = 60000

[apps.producer]
dockerfile = "Dockerfile.producer"
"#;

    #[test]
    fn comments_and_order_stay() {
        let posts =
            settings(12, &[("min.insync.replicas", "1"), ("cleanup.policy", "compact"), ("preallocate", "true")]);
        let text =
            adopted(FILE, &[("posts", posts), ("a.b", settings(1, &[])), ("c", settings(2, &[("segment.ms", "9")]))]);
        insta::assert_snapshot!(text, @r#"
        # mine
        name = "blog"

        [topics.posts]      # the posts
        partitions = 12      # two a node
        [topics.posts.config]
        min.insync.replicas = 1   # one may be lost
        "cleanup.policy" = "compact"
        preallocate = true

        [topics."a.b"]
        partitions = 1
        replication = 3

        [topics.c]
        partitions = 2
        replication = 3

        [topics.c.config]
        "segment.ms" = 9

        [apps.producer]
        dockerfile = "Dockerfile.producer"
        "#);
    }

    #[test]
    fn a_comment_at_the_end_stays_with_what_it_stands_below() {
        let text = adopted("[topics.posts]\npartitions = 6\n# of posts\n", &[("a", settings(1, &[]))]);
        insta::assert_snapshot!(text, @r"
        [topics.posts]
        partitions = 6
        # of posts

        [topics.a]
        partitions = 1
        replication = 3
        ");
        let text = adopted("[topics]\nprune = false\n[kafka]\nbrokers = 3\n# of kafka\n", &[("a", settings(1, &[]))]);
        assert!(text.ends_with("brokers = 3\n# of kafka\n"), "{text}");
    }

    #[test]
    fn what_agrees_is_not_touched() {
        let posts = settings(6, &[("min.insync.replicas", "2"), ("retention.ms", "60000")]);
        assert_eq!(adopted(FILE, &[("posts", posts)]), FILE);
    }

    #[test]
    fn line_ends_and_the_mark_before_all_else_stay() {
        let posts = || [("posts", settings(7, &[]))];
        let expected = "\u{feff}# mine\r\n[topics.posts]\r\npartitions = 7\r\n";
        assert_eq!(adopted("\u{feff}# mine\r\n[topics.posts]\r\npartitions = 6\r\n", &posts()), expected);
        let new = adopted("name = \"blog\"\r\n", &posts());
        assert_eq!(new, "name = \"blog\"\r\n\r\n[topics.posts]\r\npartitions = 7\r\nreplication = 3\r\n");
        assert_eq!(adopted("[topics.posts]\npartitions = 6\n", &posts()), "[topics.posts]\npartitions = 7\n");
    }

    #[test]
    fn inline_tables_and_dotted_keys_are_kept_as_they_are_written() {
        let file = "topics.posts = { partitions = 6, config = { \"segment.ms\" = 5 } }\n";
        let text = adopted(file, &[("posts", settings(7, &[("segment.ms", "6")]))]);
        assert_eq!(text, "topics.posts = { partitions = 7, config = { \"segment.ms\" = 6 } }\n");
    }

    #[test]
    fn a_file_without_topics_gets_them() {
        insta::assert_snapshot!(adopted("name = \"blog\"\n", &[("posts", settings(6, &[]))]), @r#"
        name = "blog"

        [topics.posts]
        partitions = 6
        replication = 3
        "#);
    }

    #[test]
    fn a_topic_named_like_the_switch_is_refused() {
        let has = BTreeMap::from([("prune".parse().unwrap(), settings(1, &[]))]);
        let error = topics("", &BTreeMap::new(), &has).unwrap_err();
        assert!(error.message.contains("`prune` under [topics] is a switch"), "{error}");
    }

    fn any_topic() -> impl Strategy<Value = TopicSettings> {
        let names = prop_oneof![Just("retention.ms"), Just("segment.ms"), Just("cleanup.policy"), Just("x")];
        let values =
            prop_oneof![Just("1"), Just("-1"), Just("007"), Just("true"), Just("a,b"), Just("a \"b\" \\"), Just("0.5")];
        let config =
            proptest::collection::btree_map(names.prop_map(str::to_owned), values.prop_map(str::to_owned), 0..4);
        (1u32..20, 1u8..=3, config).prop_map(|(partitions, replication, config)| TopicSettings {
            partitions,
            replication,
            config,
        })
    }

    proptest! {
        #[test]
        fn whatever_stood_there_the_file_then_says_what_the_cluster_has(
            before in proptest::collection::btree_map("[a-c.]{1,3}", any_topic(), 0..3),
            after in proptest::collection::btree_map("[a-c.]{1,3}", any_topic(), 0..3),
        ) {
            let names = |topics: BTreeMap<String, TopicSettings>| -> Vec<(String, TopicSettings)> {
                topics.into_iter().filter(|(name, _)| name.parse::<TopicName>().is_ok()).collect()
            };
            let (before, after) = (names(before), names(after));
            let list = |topics: &[(String, TopicSettings)]| topics.iter().map(|(name, topic)| (name.clone(), topic.clone())).collect::<Vec<_>>();
            let borrowed = list(&before);
            let borrowed: Vec<(&str, TopicSettings)> = borrowed.iter().map(|(name, topic)| (name.as_str(), topic.clone())).collect();
            let first = adopted("# top\n[kafka]\nbrokers = 3\n", &borrowed);
            let after: Vec<(&str, TopicSettings)> = after.iter().map(|(name, topic)| (name.as_str(), topic.clone())).collect();
            let second = adopted(&first, &after);
            prop_assert!(second.starts_with("# top\n[kafka]\nbrokers = 3\n"));
        }
    }
}
