//! One at a time: file locks that end with their process, however it ends. Layer 2.
//!
//! A lock file is no state: its contents only tell a waiting process for whom it waits.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::PathBuf,
    time::Duration,
};

use etcetera::BaseStrategy;

use crate::{
    error::{Error, Result},
    model::Project,
};

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// Held until it is dropped or its process ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "the lock lives as long as the file is open")] File);

/// Locks a project against other runs that change it. `waiting` is told once for whom, if there is somebody.
///
/// # Errors
/// The lock file cannot be made.
pub async fn project(project: &Project, command: &str, waiting: impl FnOnce(&str)) -> Result<Lock> {
    take(&project.prefix(), command, waiting).await
}

/// Locks something that all projects of this user share.
///
/// # Errors
/// The lock file cannot be made.
pub async fn machine(name: &str, waiting: impl FnOnce(&str)) -> Result<Lock> {
    take(name, "kdev", waiting).await
}

fn directory() -> Result<PathBuf> {
    let base = etcetera::choose_base_strategy()
        .map_err(|error| Error::failed(format!("cannot find the home directory: {error}")).source(error))?;
    Ok(base.runtime_dir().filter(|path| path.is_dir()).unwrap_or_else(|| base.cache_dir()).join("kdev"))
}

async fn take(name: &str, command: &str, waiting: impl FnOnce(&str)) -> Result<Lock> {
    let path = directory()?.join(format!("{name}.lock"));
    let wrong = |error: std::io::Error| {
        Error::failed(format!("cannot lock {}: {error}", path.display()))
            .hint("set XDG_RUNTIME_DIR or XDG_CACHE_HOME to a directory that you can write to")
            .source(error)
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(wrong)?;
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                if let Some(waiting) = waiting.take() {
                    waiting(&holder(&mut file));
                }
                tokio::time::sleep(RETRY).await;
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
    }
    let text = format!("`{command}` (process {})\n", std::process::id());
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(wrong)?;
    Ok(Lock(file))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Who it is is a courtesy: unreadable, it is left out.
    match file.rewind().and_then(|()| file.read_to_string(&mut text)) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another run of kdev".to_owned(),
    }
}
