//! From what kdev.toml says to [`Settings`]: defaults filled in, every rule checked, each mistake with its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
};

use toml::Spanned;

use super::{
    AppSettings, KafkaSettings, Settings, TopicSettings,
    file::{App, Config, File, Kafka, Topic, TopicsEntry},
    load,
    machine::Machine,
    owned, times,
};
use crate::{
    error::{Error, Result},
    model::{AppName, Invalid, KafkaVersion, NodeId, Project, ProjectName, TopicName},
    template,
};

/// The Kafka release where kdev.toml names none.
pub const DEFAULT_VERSION: KafkaVersion = KafkaVersion { major: 4, minor: 3, patch: 1 };
const DEFAULT_BROKERS: u8 = 3;
/// Three idle nodes take 140 MB each; 512 MiB leaves them room for a developer's load.
const DEFAULT_MEMORY: u64 = 512 << 20;
/// Under this the heap (five eighths) no longer holds Kafka's own caches.
const LEAST_NODE_MEMORY: u64 = 256 << 20;
/// The one key under `[topics]` that names no topic.
pub const PRUNE: &str = "prune";
/// The partitions of a topic for which nobody names a number.
pub const DEFAULT_PARTITIONS: u32 = 6;
/// A cluster of this size on one machine gives out of file handles and patience beyond.
pub const MOST_PARTITIONS: i64 = 10_000;
const MOST_REPLICAS: i64 = 20;
const DEFAULT_APP_MEMORY: u64 = 512 << 20;
/// The engine refuses less.
const LEAST_APP_MEMORY: u64 = 6 << 20;

/// The built-in kdev.toml for `directory`, its apps inside the binary.
pub fn built_in(project: Option<ProjectName>, directory: &Path, machine: &Machine) -> Result<Settings> {
    let text = template::KDEV_TOML;
    let mut settings =
        Check { file: "the built-in kdev.toml".to_owned(), text }.settings(project, directory, machine)?;
    for app in settings.apps.values_mut() {
        app.context = None;
    }
    Ok(settings)
}

/// The kdev.toml at `path`, with the contents `text`.
pub fn file(project: Option<ProjectName>, path: &Path, text: &str, machine: &Machine) -> Result<Settings> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let mut settings = Check { file: name, text }.settings(project, directory, machine)?;
    settings.file = Some(path.to_owned());
    Ok(settings)
}

struct Check<'a> {
    file: String,
    text: &'a str,
}

impl Check<'_> {
    fn at(&self, span: Range<usize>, message: impl AsRef<str>) -> Error {
        load::at(&self.file, self.text, span, message.as_ref())
    }

    fn named<T: FromStr<Err = Invalid>>(&self, name: &Spanned<String>) -> Result<T> {
        name.as_ref().parse().map_err(|invalid: Invalid| self.at(name.span(), invalid.to_string()))
    }

    fn number(
        &self,
        value: Option<&Spanned<i64>>,
        what: &str,
        range: std::ops::RangeInclusive<i64>,
        default: i64,
    ) -> Result<i64> {
        let Some(value) = value else { return Ok(default) };
        let given = *value.as_ref();
        if range.contains(&given) {
            return Ok(given);
        }
        Err(self.at(value.span(), format!("{what} = {given}: give {} to {}", range.start(), range.end())))
    }

    fn size(&self, value: Option<&Spanned<String>>, what: &str, least: u64, default: u64) -> Result<u64> {
        let Some(value) = value else { return Ok(default) };
        let bytes = parse_size::Config::new().with_binary().parse_size(value.as_ref()).map_err(|_| {
            self.at(value.span(), format!("{what} = {:?} is no size", value.as_ref()))
                .hint("a number with a unit: 512m, 1g")
        })?;
        if bytes < least {
            let least = humansize::format_size(least, humansize::BINARY.decimal_places(0));
            return Err(
                self.at(value.span(), format!("{what} = {:?} is too little: give {least} or more", value.as_ref()))
            );
        }
        Ok(bytes)
    }

    fn settings(&self, project: Option<ProjectName>, directory: &Path, machine: &Machine) -> Result<Settings> {
        let file: File = load::parse(&self.file, self.text)?;
        let File { name, kafka, topics, apps } = file;
        let in_file = name.as_ref().map(|name| {
            let near = || format!("name = \"{}\"", ProjectName::from_directory_name(name.as_ref()));
            self.named::<ProjectName>(name).map_err(|wrong| wrong.hint(near()))
        });
        let in_file = in_file.transpose()?;
        let name = project.or(in_file).unwrap_or_else(|| {
            ProjectName::from_directory_name(&directory.file_name().unwrap_or_default().to_string_lossy())
        });
        let kafka = self.kafka(&kafka, machine)?;
        let (topics, prune) = self.topics(&topics, kafka.brokers)?;
        let apps = apps
            .iter()
            .map(|(name, app)| Ok((self.named::<AppName>(name)?, self.app(name, app, directory)?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        Ok(Settings {
            project: Project { name, directory: directory.to_owned() },
            file: None,
            kafka,
            topics,
            prune,
            apps,
            python_image: machine.python_image.clone(),
        })
    }

    fn kafka(&self, kafka: &Kafka, machine: &Machine) -> Result<KafkaSettings> {
        let Kafka { version, finalize, image, brokers, memory, profile, ports, config } = kafka;
        let version = version.as_ref().map_or(Ok(DEFAULT_VERSION), |version| self.named(version))?;
        if let Some(image) = image
            && (image.as_ref().is_empty() || image.as_ref().contains(char::is_whitespace))
        {
            return Err(self
                .at(image.span(), format!("image = {:?} is no reference of an image", image.as_ref()))
                .hint(format!("image = \"apache/kafka:{version}\"")));
        }
        // The environment stands over the project's file, so that one machine without a registry can run any
        // project; the machine's file stands under it, as a default.
        let image = machine
            .kafka_image_env
            .as_ref()
            .or(image.as_ref().map(Spanned::as_ref))
            .or(machine.kafka_image.as_ref())
            .map_or_else(
                || format!("apache/kafka:{version}"),
                |image| image.replace("{version}", &version.to_string()),
            );
        let brokers = self.number(brokers.as_ref(), "brokers", 1..=NodeId::MAX.into(), DEFAULT_BROKERS.into())? as u8;
        let mut config_map = self.config(config)?;
        for key in config_map.keys() {
            if let Some(reason) = owned::reason(key) {
                // A dotted key without quotes is a nested table: its first part has the place.
                let first = config.keys().find(|name| key.starts_with(name.as_ref().as_str()));
                let span = first.map_or(0..0, Spanned::span);
                return Err(self.at(span, format!("`{key}` cannot be set: {reason}")).hint("remove the line"));
            }
        }
        times::in_milliseconds(&mut config_map);
        Ok(KafkaSettings {
            version,
            finalize: finalize.unwrap_or(true),
            image,
            brokers,
            memory_bytes: self.size(memory.as_ref(), "memory", LEAST_NODE_MEMORY, DEFAULT_MEMORY)?,
            profile: profile.unwrap_or_default(),
            ports: ports.as_ref().map(|ports| self.ports(ports, brokers)).transpose()?,
            config: config_map,
        })
    }

    fn ports(&self, ports: &Spanned<Vec<Spanned<i64>>>, brokers: u8) -> Result<Vec<u16>> {
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for port in ports.as_ref() {
            let number = self.number(Some(port), "port", 1..=65_535, 0)? as u16;
            if !seen.insert(number) {
                return Err(self.at(port.span(), format!("port {number} stands twice: each node needs its own")));
            }
            out.push(number);
        }
        if out.len() != usize::from(brokers) {
            return Err(
                self.at(ports.span(), format!("{} ports for {brokers} brokers: give {brokers}, or none", out.len()))
            );
        }
        Ok(out)
    }

    /// The topics, and whether others are to be deleted.
    fn topics(
        &self,
        entries: &BTreeMap<Spanned<String>, Spanned<TopicsEntry>>,
        brokers: u8,
    ) -> Result<(BTreeMap<TopicName, TopicSettings>, bool)> {
        let (mut topics, mut prune) = (BTreeMap::new(), false);
        for (name, entry) in entries {
            let key = name.as_ref();
            match (key.as_str(), entry.as_ref()) {
                (PRUNE, TopicsEntry::Switch(on)) => prune = *on,
                (PRUNE, TopicsEntry::Topic(_)) => {
                    return Err(self
                        .at(name.span(), "`prune` under [topics] is a switch: no topic of kdev.toml can have that name")
                        .hint("another name for the topic")
                        .hint("prune = true under [topics]: `kdev up` deletes topics that kdev.toml does not name"));
                }
                (PRUNE, TopicsEntry::Other) => {
                    return Err(self.at(entry.span(), "prune is neither true nor false").hint("prune = false"));
                }
                (_, TopicsEntry::Topic(topic)) => {
                    let name = self.named::<TopicName>(name)?;
                    if let (true, Some(given)) = (name.is_internal(), &topic.partitions) {
                        return Err(self.of_kafkas_own(&name, given.span()));
                    }
                    topics.insert(name, self.topic(topic, brokers)?);
                }
                (_, TopicsEntry::Switch(_) | TopicsEntry::Other) => {
                    let mut wrong = self.at(entry.span(), format!("topic `{key}` is no table"));
                    if load::nearest_name(key, [PRUNE]).is_some() {
                        wrong = wrong.hint("`prune`");
                    }
                    return Err(wrong.hint(format!("[topics.{key}], and below it: partitions = 6")));
                }
            }
        }
        Ok((topics, prune))
    }

    fn of_kafkas_own(&self, topic: &TopicName, partitions: Range<usize>) -> Error {
        let why =
            "Kafka reckons from their number where it keeps a group or a transaction, and would not find it again";
        self.at(partitions, format!("partitions of {topic}: {why}"))
            .hint(format!("[topics.{topic}] without `partitions`"))
            .hint("\"offsets.topic.num.partitions\" under [kafka.config], before the first `kdev up`")
    }

    fn topic(&self, topic: &Topic, brokers: u8) -> Result<TopicSettings> {
        let Topic { partitions, replication, config } = topic;
        let default_replication = default_replication(brokers);
        if let Some(given) = replication
            && *given.as_ref() > i64::from(brokers)
        {
            let (there_are, range) = match brokers {
                1 => ("one broker".to_owned(), "1".to_owned()),
                n => (format!("{n} brokers"), format!("1 to {n}")),
            };
            return Err(self
                .at(given.span(), format!("replication = {} is more than the {there_are}", given.as_ref()))
                .hint(format!("{range}, or more brokers in [kafka]")));
        }
        let replication =
            self.number(replication.as_ref(), "replication", 1..=brokers.into(), default_replication.into())? as u8;
        let partitions =
            self.number(partitions.as_ref(), "partitions", 1..=MOST_PARTITIONS, DEFAULT_PARTITIONS.into())? as u32;
        let config_map = self.config(config)?;
        if let Some(value) = config_map.get("min.insync.replicas") {
            let (name, at) = config
                .iter()
                .find(|(name, _)| name.as_ref() == "min.insync.replicas" || name.as_ref() == "min")
                .map_or((0..0, 0..0), |(name, value)| (name.span(), value.span()));
            let span = if at.is_empty() { name } else { at };
            match value.parse::<u8>() {
                Ok(least) if (1..=replication).contains(&least) => {}
                _ => {
                    let (replicas, range) = match replication {
                        1 => ("one replica".to_owned(), "1".to_owned()),
                        n => (format!("{n} replicas"), format!("1 to {n}")),
                    };
                    return Err(self
                        .at(span, format!("min.insync.replicas = {value}, but the topic has {replicas}"))
                        .hint(range));
                }
            }
        }
        Ok(TopicSettings { partitions, replication, config: config_map })
    }

    /// A variable that an engine can hand to a program: refused any later, the app would have been stopped for it.
    fn variable(&self, key: &Spanned<String>, value: &Spanned<toml::Value>) -> Result<(String, String)> {
        let name = key.as_ref();
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(self.at(key.span(), format!("env {name:?} is no name of a variable")));
        }
        match scalar(value.as_ref()) {
            Some(text) if text.contains('\0') => {
                Err(self.at(value.span(), format!("env {name} holds a NUL byte, which no variable can")))
            }
            Some(text) => Ok((name.clone(), text)),
            None => Err(self.at(value.span(), format!("env {name} is no text, number or boolean"))),
        }
    }

    fn app(&self, name: &Spanned<String>, app: &App, directory: &Path) -> Result<AppSettings> {
        let App { dockerfile, context, env, replicas, memory } = app;
        let context_text = context.as_ref().map_or(".", |context| context.as_ref());
        let root = directory.join(context_text);
        let dockerfile_text = dockerfile.as_ref().map_or("Dockerfile", |path| path.as_ref());
        // As in compose: from the context, which by default is kdev.toml's own directory.
        let span = dockerfile.as_ref().map_or(name.span(), Spanned::span);
        let dockerfile = within(dockerfile_text).ok_or_else(|| {
            self.at(span, format!("dockerfile = {dockerfile_text:?} leaves the context")).hint("a path below `context`")
        })?;
        let env = env.iter().map(|(key, value)| self.variable(key, value)).collect::<Result<_>>()?;
        Ok(AppSettings {
            context: Some(root),
            dockerfile,
            env,
            replicas: self.number(replicas.as_ref(), "replicas", 0..=MOST_REPLICAS, 1)? as u8,
            memory_bytes: self.size(memory.as_ref(), "memory", LEAST_APP_MEMORY, DEFAULT_APP_MEMORY)?,
        })
    }

    fn config(&self, config: &Config) -> Result<BTreeMap<String, String>> {
        let mut out = BTreeMap::new();
        for (key, value) in config {
            flatten(key.as_ref(), value.as_ref(), &mut out).map_err(|key| {
                self.at(value.span(), format!("`{key}` is no text, number or boolean"))
                    .hint("a list in Kafka is one text with commas: \"a,b\"")
            })?;
        }
        Ok(out)
    }
}

/// The replicas of a topic for which nobody names a number.
pub fn default_replication(brokers: u8) -> u8 {
    brokers.clamp(1, 3)
}

/// A path below its base, cleaned, with forward slashes; none where it leaves it.
fn within(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in PathBuf::from(path).components() {
        match part {
            std::path::Component::Normal(part) => parts.push(part.to_str()?.to_owned()),
            std::path::Component::CurDir => {}
            _ => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

fn flatten(key: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) -> Result<(), String> {
    if let toml::Value::Table(table) = value {
        return table.iter().try_for_each(|(inner, value)| flatten(&format!("{key}.{inner}"), value, out));
    }
    out.insert(key.to_owned(), scalar(value).ok_or_else(|| key.to_owned())?);
    Ok(())
}
