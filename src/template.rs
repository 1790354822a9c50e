//! The files inside the binary: the built-in kdev.toml, the Dockerfiles and the two apps. Layer 1.

/// The built-in kdev.toml, the same that `kdev init` writes.
pub const KDEV_TOML: &str = include_str!("../templates/kdev.toml");

/// What a node's container runs: it formats the node's storage once, and becomes the JVM.
pub const NODE_SCRIPT: &str = include_str!("../templates/node.sh");

/// Files by their path from the project's directory.
pub type EmbeddedFiles = &'static [(&'static str, &'static [u8])];

macro_rules! app_files {
    ($($path:literal from $source:literal),* $(,)?) => {
        &[$(($path, include_bytes!($source))),*]
    };
}

/// The build context of the built-in apps: all that `kdev init` writes beside kdev.toml.
pub const APPS: EmbeddedFiles = app_files![
    ".dockerignore" from "../.dockerignore",
    "Dockerfile.consumer" from "../Dockerfile.consumer",
    "Dockerfile.producer" from "../Dockerfile.producer",
    "Dockerfile.consumer.dockerignore" from "../Dockerfile.consumer.dockerignore",
    "Dockerfile.producer.dockerignore" from "../Dockerfile.producer.dockerignore",
    "consumer/consumer.py" from "../templates/consumer/consumer.py",
    "consumer/requirements.in" from "../templates/consumer/requirements.in",
    "consumer/requirements.txt" from "../templates/consumer/requirements.txt",
    "producer/producer.py" from "../templates/producer/producer.py",
    "producer/requirements.in" from "../templates/producer/requirements.in",
    "producer/requirements.txt" from "../templates/producer/requirements.txt",
];
