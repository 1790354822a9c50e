//! Files into and out of containers, running or not.

use std::io::Read;

use bollard::{
    body_full,
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
    },
};
use futures_util::TryStreamExt;

use super::{
    Engine,
    containers::short,
    fault::{self, Doing},
};
use crate::error::{Error, Result};

/// The most that [`Engine::download`] takes: it is for small files.
const LARGEST: usize = 64 * 1024 * 1024;

/// A file or directory to write into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadEntry {
    /// Relative to the directory uploaded to.
    pub path: String,
    /// Permission bits: `0o644`.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The owner's group.
    pub gid: u32,
    /// What it is.
    pub kind: UploadKind,
}

/// What an [`UploadEntry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A directory.
    Dir,
    /// A file with this content.
    File(Vec<u8>),
}

impl Engine {
    /// Writes files below `directory`, which must exist in the container: within a volume, where the
    /// root is read-only.
    ///
    /// # Errors
    /// Where the container or the directory is missing, or the place is not writable.
    pub async fn upload(&self, id: &str, directory: &str, entries: Vec<UploadEntry>) -> Result<()> {
        let doing = || format!("writing files to {directory} of container {}", short(id));
        let tar = fault::blocking(move || tar_of(&entries))
            .await
            .map_err(|error| Error::failed(format!("the files do not fit into an archive: {error}")).while_(doing()))?;
        let options = UploadToContainerOptionsBuilder::new().path(directory).build();
        self.patient().upload_to_container(id, Some(options), body_full(tar.into())).await.doing(doing)
    }

    /// The content of one small file; none where the file or the container does not exist.
    ///
    /// # Errors
    /// Where it is no file, is larger than 64 MiB, or the engine refuses.
    pub async fn download(&self, id: &str, path: &str) -> Result<Option<Vec<u8>>> {
        let doing = || format!("reading {path} of container {}", short(id));
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let mut chunks = self.patient().download_from_container(id, Some(options));
        let mut tar = Vec::new();
        loop {
            match chunks.try_next().await {
                Ok(Some(chunk)) => tar.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(failure) if fault::is_missing(&failure) => return Ok(None),
                Err(failure) => return Err(fault::error(doing(), failure)),
            }
            if tar.len() > LARGEST {
                return Err(Error::failed(format!("{path} is larger than 64 MiB")).while_(doing()));
            }
        }
        let file = fault::blocking(move || file_of(&tar)).await;
        let file = file.map_err(|error| Error::failed(format!("{path} is not readable: {error}")));
        file.map(Some).map_err(|error| error.while_(doing()))
    }

    /// Whether a path exists in a container; not, where the container does not.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub async fn exists(&self, id: &str, path: &str) -> Result<bool> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self.quick().get_container_archive_info(id, Some(options)).await {
            Ok(_) => Ok(true),
            Err(failure) if fault::is_missing(&failure) => Ok(false),
            Err(failure) => Err(fault::error(format!("looking for {path} in container {}", short(id)), failure)),
        }
    }
}

fn tar_of(entries: &[UploadEntry]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for UploadEntry { path, mode, uid, gid, kind } in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(u64::from(*uid));
        header.set_gid(u64::from(*gid));
        header.set_mtime(0);
        let content: &[u8] = match kind {
            UploadKind::Dir => {
                header.set_entry_type(tar::EntryType::Directory);
                &[]
            }
            UploadKind::File(content) => content,
        };
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content)?;
    }
    tar.into_inner()
}

/// The content of the one file in an archive.
fn file_of(tar: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(tar);
    let first = archive.entries()?.next();
    let mut entry = first.ok_or_else(|| std::io::Error::other("the engine sent an empty archive"))??;
    if !entry.header().entry_type().is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: UploadKind) -> UploadEntry {
        UploadEntry { path: path.to_owned(), mode: 0o640, uid: 1000, gid: 1001, kind }
    }

    #[test]
    fn an_archive_keeps_owner_mode_and_content() {
        let tar = tar_of(&[entry("a.properties", UploadKind::File(b"x=1\n".to_vec()))]).expect("made");
        assert_eq!(file_of(&tar).expect("read"), b"x=1\n");
        let mut archive = tar::Archive::new(tar.as_slice());
        let first = archive.entries().expect("entries").next().expect("one").expect("whole");
        let header = first.header();
        assert_eq!((header.uid().ok(), header.gid().ok(), header.mode().ok()), (Some(1000), Some(1001), Some(0o640)));
    }

    #[test]
    fn a_directory_is_no_file() {
        let tar = tar_of(&[entry("d", UploadKind::Dir)]).expect("made");
        assert_eq!(file_of(&tar).expect_err("no file").to_string(), "it is no file");
    }
}
