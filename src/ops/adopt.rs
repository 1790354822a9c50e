//! Takes topics of the cluster into kdev.toml.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    config::{self, Settings, TopicSettings, check, load, machine::Machine},
    error::{Error, Result},
    model::TopicName,
    observed::{KafkaFacts, TopicFacts},
    reconcile::setting,
    template,
};

/// A kdev.toml before and after.
#[derive(Debug)]
pub struct Adopted {
    /// Where it is, or is to be.
    pub path: PathBuf,
    /// Whether it is there; else the built-in one was taken.
    pub exists: bool,
    /// Its text now.
    pub before: String,
    /// Its text with the topics.
    pub after: String,
}

/// What kdev.toml is to say, that its topics `names` are as the cluster has them. Writes nothing.
///
/// # Errors
/// kdev.toml cannot be read, or what the cluster has cannot stand in it.
pub fn adopt(settings: &Settings, names: &[TopicName], facts: &KafkaFacts) -> Result<Adopted> {
    let path = settings.file.clone().unwrap_or_else(|| settings.project.directory.join(load::FILE_NAME));
    let before = match &settings.file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Error::failed(format!("cannot read {}: {error}", path.display())).source(error))?,
        None => template::KDEV_TOML.to_owned(),
    };
    let parse = |text: &str| check::file(None, &path, text, &Machine::default());
    let has: BTreeMap<TopicName, TopicSettings> =
        names.iter().filter_map(|name| Some((name.clone(), as_settings(facts.topics.get(name)?)))).collect();
    let after = config::adopt::topics(&before, &parse(&before)?.topics, &has)?;
    // What would be a mistake in kdev.toml, or mean something else than was meant, is not written.
    let says =
        parse(&after).map_err(|error| error.while_("writing the topics into kdev.toml (nothing was written)"))?;
    if let Some((name, _)) = has.iter().find(|(name, has)| !says.topics.get(*name).is_some_and(|says| agree(says, has)))
    {
        return Err(Error::failed(format!(
            "topic {name} cannot be written into {} in the way it is built; nothing was written",
            path.display()
        ))
        .hint(format!("write [topics.{name}] by hand: kdev topics describe {name} shows its settings")));
    }
    Ok(Adopted { path, exists: settings.file.is_some(), before, after })
}

/// Whether both say the same topic to Kafka.
fn agree(a: &TopicSettings, b: &TopicSettings) -> bool {
    let same = |(key, value): (&String, &String)| b.config.get(key).is_some_and(|other| setting::same(value, other));
    (a.partitions, a.replication, a.config.len()) == (b.partitions, b.replication, b.config.len())
        && a.config.iter().all(same)
}

fn as_settings(facts: &TopicFacts) -> TopicSettings {
    let replicas = facts.partitions.iter().map(|partition| partition.replicas.len());
    TopicSettings {
        partitions: facts.partitions.len() as u32,
        replication: replicas.max().unwrap_or(1) as u8,
        config: facts.config.clone(),
    }
}

impl Adopted {
    /// Writes the file, all of it or nothing.
    ///
    /// # Errors
    /// The directory or the disk does not allow it: then the file is as it was.
    pub fn write(&self) -> Result<()> {
        let wrong = |error: std::io::Error| {
            Error::failed(format!("cannot write {}: {error}", self.path.display()))
                .while_("writing the topics into kdev.toml (it is as it was)")
                .source(error)
        };
        if !self.exists {
            // `create_new` fails on anything that is there, links too.
            let mut file = OpenOptions::new().write(true).create_new(true).open(&self.path).map_err(wrong)?;
            return file.write_all(self.after.as_bytes()).map_err(wrong);
        }
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(wrong)?;
        file.write_all(self.after.as_bytes()).map_err(wrong)?;
        file.as_file().set_permissions(std::fs::metadata(&self.path).map_err(wrong)?.permissions()).map_err(wrong)?;
        file.as_file().sync_all().map_err(wrong)?;
        file.persist(&self.path).map_err(|error| wrong(error.error))?;
        Ok(())
    }
}
