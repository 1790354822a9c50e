//! The machine-wide settings: mirrors and local builds of images, from the environment or from `config.toml`
//! in the user's configuration directory.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use super::load;
use crate::error::{Error, Result};

/// Names another Kafka image; `{version}` is replaced.
pub const KAFKA_IMAGE: &str = "KDEV_KAFKA_IMAGE";
/// Names another Python image for the apps' Dockerfiles.
pub const PYTHON_IMAGE: &str = "KDEV_PYTHON_IMAGE";

/// What holds for every project on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// From the environment: stands over kdev.toml.
    pub kafka_image_env: Option<String>,
    /// From the file: stands under kdev.toml.
    pub kafka_image: Option<String>,
    /// From the environment, else from the file.
    pub python_image: Option<String>,
}

/// `config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kafka_image: Option<String>,
    python_image: Option<String>,
}

/// Where `config.toml` is looked for: `$XDG_CONFIG_HOME/kdev/`, by default `~/.config/kdev/`.
pub fn path() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("kdev").join("config.toml"))
}

/// Reads the environment and, if it is there, the file.
///
/// # Errors
/// The file cannot be read, or is wrong.
pub fn read() -> Result<Machine> {
    let file = path().map_or_else(|| Ok(File::default()), |path| read_file(&path))?;
    let env = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Ok(Machine {
        kafka_image_env: env(KAFKA_IMAGE),
        kafka_image: file.kafka_image,
        python_image: env(PYTHON_IMAGE).or(file.python_image),
    })
}

fn read_file(path: &Path) -> Result<File> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => {
            return Err(Error::usage(format!("cannot read {}: {error}", path.display())).source(error));
        }
    };
    load::parse(&path.display().to_string(), &text)
}
