//! One at a time: file locks that end with their process, however it ends. Layer 2.
//!
//! A lock file is no state: its contents tell a waiting process for whom it waits, and are gone once that has ended well.
//! Contents that nobody holds are of a run that was killed.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy;

use crate::{
    error::{Error, Result},
    model::{Project, short_id},
};

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// How long the engine may go on with what a run that was killed had asked for. A network, of all that kdev makes, stays
/// unseen for longest until it is there: 0.06 s, and 0.17 s on two cores with eight busy programs (Docker 20.10, measured).
const AFTER_A_KILL: Duration = Duration::from_secs(2);

/// Held until it is dropped or its process ends.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Contents that stay cost the next run a short wait, no more.
        _ = self.0.set_len(0);
    }
}

/// Why a run does not have its lock yet, and the command and process of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait<'a> {
    /// Another run is at work.
    For(&'a str),
    /// The last one was killed, and the engine may still be at what it had asked for.
    After(&'a str),
}

/// Locks a project against other runs that change it, and against what one that was killed left under way. `waiting` is
/// told once of each, if there is any.
///
/// # Errors
/// The lock file cannot be made.
pub async fn project(project: &Project, command: &str, waiting: impl FnMut(Wait<'_>)) -> Result<Lock> {
    take(&directory()?, &project.prefix(), command, AFTER_A_KILL, waiting).await
}

/// Locks something that all projects of this user share.
///
/// # Errors
/// The lock file cannot be made.
pub async fn machine(name: &str) -> Result<Lock> {
    take(&directory()?, name, "kdev", Duration::ZERO, |_| {}).await
}

/// As [`machine`], but where somebody holds it: none, and no waiting.
///
/// # Errors
/// The lock file cannot be made.
pub async fn machine_if_free(name: &str) -> Result<Option<Lock>> {
    match tokio::time::timeout(Duration::ZERO, machine(name)).await {
        Ok(lock) => lock.map(Some),
        Err(_) => Ok(None),
    }
}

/// Eight hex digits that those who share [`machine`]'s locks have in common, and nobody else who uses the same engine:
/// their directory, on this host.
///
/// # Errors
/// There is no home directory.
pub fn sharers() -> Result<String> {
    let host = rustix::system::uname();
    Ok(short_id(host.nodename().to_bytes(), directory()?.as_os_str().as_encoded_bytes()))
}

fn directory() -> Result<PathBuf> {
    let base = etcetera::choose_base_strategy()
        .map_err(|error| Error::failed(format!("cannot find the home directory: {error}")).source(error))?;
    Ok(base.runtime_dir().filter(|path| path.is_dir()).unwrap_or_else(|| base.cache_dir()).join("kdev"))
}

async fn take(
    directory: &Path,
    name: &str,
    command: &str,
    after_a_kill: Duration,
    mut waiting: impl FnMut(Wait<'_>),
) -> Result<Lock> {
    let path = directory.join(format!("{name}.lock"));
    let wrong = |error: std::io::Error| {
        Error::failed(format!("cannot lock {}: {error}", path.display()))
            .hint("set XDG_RUNTIME_DIR or XDG_CACHE_HOME to a directory that you can write to")
            .source(error)
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(wrong)?;
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    let holder = holder(&mut file);
                    waiting(Wait::For(holder.as_deref().unwrap_or("another run of kdev")));
                }
                tokio::time::sleep(RETRY).await;
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
    }
    // Whoever stops waiting here leaves the contents for the next run.
    if !after_a_kill.is_zero()
        && let Some(killed) = holder(&mut file)
    {
        waiting(Wait::After(&killed));
        tokio::time::sleep(after_a_kill).await;
    }
    let text = format!("`{command}` (process {})\n", std::process::id());
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(wrong)?;
    Ok(Lock(file))
}

/// Who holds the lock, or was killed with it. It is a courtesy: what cannot be read is nobody.
fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    Some(text.trim()).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the lock, and returns it with all that was said before.
    async fn taken(directory: &Path, command: &str) -> (Lock, Vec<String>) {
        let mut said = Vec::new();
        let lock = take(directory, "blog", command, AFTER_A_KILL, |wait| said.push(format!("{wait:?}"))).await;
        (lock.expect("locked"), said)
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_run_that_was_killed_the_engine_gets_time_and_after_one_that_ended_it_needs_none() {
        let (directory, begun) = (tempfile::tempdir().expect("made"), tokio::time::Instant::now());
        let (first, said) = taken(directory.path(), "kdev up").await;
        assert_eq!((said, begun.elapsed()), (vec![], Duration::ZERO));
        drop(first);
        let (second, said) = taken(directory.path(), "kdev up").await;
        assert_eq!((said, begun.elapsed()), (vec![], Duration::ZERO));
        // As a kill leaves it: the lock is gone with the process, its contents are not.
        second.0.unlock().expect("unlocked");
        std::mem::forget(second);
        let killed = format!("After(\"`kdev up` (process {})\")", std::process::id());
        let given_up = tokio::time::timeout(AFTER_A_KILL / 2, taken(directory.path(), "kdev down")).await;
        assert!(given_up.is_err(), "it waits");
        let begun = tokio::time::Instant::now();
        let (third, said) = taken(directory.path(), "kdev down").await;
        assert_eq!((said, begun.elapsed()), (vec![killed], AFTER_A_KILL), "also after one that did not wait so long");
        drop(third);
        assert_eq!(taken(directory.path(), "kdev up").await.1, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_says_once_for_whom_it_waits() {
        let directory = tempfile::tempdir().expect("made");
        let (first, _) = taken(directory.path(), "kdev up").await;
        let ends = async {
            tokio::time::sleep(RETRY * 10).await;
            drop(first);
        };
        let ((_second, said), ()) = tokio::join!(taken(directory.path(), "kdev down"), ends);
        assert_eq!(said, [format!("For(\"`kdev up` (process {})\")", std::process::id())]);
    }
}
