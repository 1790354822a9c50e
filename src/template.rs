//! The files inside the binary: the built-in kdev.toml, the Dockerfiles and the two apps. Layer 1.

/// The built-in kdev.toml, the same that `kdev init` writes.
pub const KDEV_TOML: &str = include_str!("../templates/kdev.toml");
