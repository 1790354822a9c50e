//! A build's context: which files it sends, and the hash of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{fault, ignore::Ignore};
use crate::{
    error::{Error, Result},
    model::{AppName, hex},
    plan::BuildSource,
    template::EmbeddedFiles,
};

/// Hash of all that a build depends on: the files it sends (paths, contents, executable bits, links;
/// not times), the Dockerfile and the arguments. 16 hex digits, the same on every machine.
///
/// # Errors
/// [`crate::error::Kind::Usage`] where the context or the Dockerfile is missing or `.dockerignore` is
/// wrong; otherwise naming the file that cannot be read.
pub async fn digest(
    app: &AppName,
    source: &BuildSource,
    dockerfile: &str,
    args: &BTreeMap<String, String>,
    embedded: EmbeddedFiles,
) -> Result<String> {
    let (app, source, dockerfile) = (app.to_string(), source.clone(), dockerfile.to_owned());
    let args = args.clone();
    fault::blocking(move || Context::open(&app, &source, &dockerfile, embedded)?.digest(&args)).await
}

/// The files that a build sends, in the order of their paths.
#[derive(Debug)]
pub(super) struct Context {
    /// The Dockerfile's path within.
    dockerfile: String,
    pub(super) entries: Vec<Entry>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Entry {
    /// Relative to the context.
    pub path: PathBuf,
    pub kind: EntryKind,
}

#[derive(Debug)]
pub(super) enum EntryKind {
    Directory,
    File { body: Body, executable: bool },
    Link { target: PathBuf },
}

/// Where a file's content is.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Disk(PathBuf),
    Memory(&'static [u8]),
}

impl Body {
    /// A reader of the content and its length in bytes.
    pub(super) fn open(&self) -> io::Result<(Box<dyn Read>, u64)> {
        match self {
            Body::Disk(path) => {
                let file = fs::File::open(path)?;
                let length = file.metadata()?.len();
                Ok((Box::new(file), length))
            }
            Body::Memory(bytes) => Ok((Box::new(*bytes), bytes.len() as u64)),
        }
    }
}

impl Context {
    /// Finds the files. Reads directories, `.dockerignore` and nothing else.
    pub(super) fn open(app: &str, source: &BuildSource, dockerfile: &str, embedded: EmbeddedFiles) -> Result<Self> {
        let dockerfile = dockerfile.trim_start_matches("./").to_owned();
        let everything = match source {
            BuildSource::Directory(root) => {
                check_present(app, root, &dockerfile)?;
                Source::Directory(root)
            }
            BuildSource::Embedded => Source::Embedded(embedded),
        };
        let ignore = everything.ignore(&dockerfile)?;
        let mut selection = Selection { ignore, dockerfile: &dockerfile, entries: Vec::new() };
        match everything {
            Source::Directory(root) => selection.walk(root, Path::new(""))?,
            Source::Embedded(files) => selection.embedded(files),
        }
        let mut entries = selection.entries;
        entries.sort_by(|a, b| a.path.as_os_str().as_bytes().cmp(b.path.as_os_str().as_bytes()));
        Ok(Context { dockerfile, entries })
    }

    /// The Dockerfile's path within the context.
    pub(super) fn dockerfile(&self) -> &str {
        &self.dockerfile
    }

    /// The Dockerfile's text; empty where it cannot be read.
    pub(super) fn dockerfile_text(&self) -> String {
        let entry = self.entries.iter().find(|entry| entry.path == Path::new(&self.dockerfile));
        let mut text = String::new();
        if let Some(Entry { kind: EntryKind::File { body, .. }, .. }) = entry {
            // Only a hint is made of it: the engine reads it for the build.
            _ = body.open().and_then(|(mut reader, _)| reader.read_to_string(&mut text));
        }
        text
    }

    /// See [`digest`].
    pub(super) fn digest(&self, args: &BTreeMap<String, String>) -> Result<String> {
        let mut hash = Sha256::new();
        // Every part is preceded by its length, so that no two contexts look the same.
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(self.dockerfile.as_bytes());
        part(&(args.len() as u64).to_be_bytes());
        for (name, value) in args {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        for Entry { path, kind } in &self.entries {
            part(path.as_os_str().as_bytes());
            match kind {
                EntryKind::Directory => part(b"directory"),
                EntryKind::Link { target } => {
                    part(b"link");
                    part(target.as_os_str().as_bytes());
                }
                EntryKind::File { body, executable } => {
                    part(if *executable { b"program" } else { b"file" });
                    part(&content_hash(body).map_err(|error| unreadable(path, error))?);
                }
            }
        }
        Ok(hex(&hash.finalize()[..8]))
    }
}

fn content_hash(body: &Body) -> io::Result<Vec<u8>> {
    let (mut reader, _) = body.open()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().to_vec()),
            Ok(n) => hash.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The error that names a file that cannot be read.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::failed(format!("{} cannot be read: {error}", path.display()))
        .while_("reading the files of a build")
        .hint(format!("add {} to .dockerignore, if the image does not need it", path.display()))
        .source(error)
}

fn check_present(app: &str, root: &Path, dockerfile: &str) -> Result<()> {
    let missing = |what: &str, path: &Path| {
        Error::usage(format!("the {what} of app `{app}` does not exist: {}", path.display()))
            .hint("kdev init, which writes the Dockerfiles and the two apps")
            .hint(format!("change [apps.{app}] in kdev.toml"))
    };
    if !root.is_dir() {
        return Err(missing("build context", root));
    }
    let path = root.join(dockerfile);
    if path.is_file() { Ok(()) } else { Err(missing("Dockerfile", &path)) }
}

enum Source<'a> {
    Directory(&'a Path),
    Embedded(EmbeddedFiles),
}

impl Source<'_> {
    /// `<Dockerfile>.dockerignore` where it exists, else `.dockerignore`, else nothing is ignored.
    fn ignore(&self, dockerfile: &str) -> Result<Ignore> {
        for name in [format!("{dockerfile}.dockerignore"), ".dockerignore".to_owned()] {
            if let Some(text) = self.read(&name)? {
                return Ignore::parse(&text)
                    .map_err(|bad| Error::usage(format!("{name}, line {}: `{}` is no pattern", bad.line, bad.text)));
            }
        }
        Ok(Ignore::default())
    }

    fn read(&self, name: &str) -> Result<Option<String>> {
        let bytes = match self {
            Source::Embedded(files) => files.iter().find(|file| file.0 == name).map(|file| file.1.to_vec()),
            Source::Directory(root) => match fs::read(root.join(name)) {
                Ok(bytes) => Some(bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(unreadable(&root.join(name), error)),
            },
        };
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The walk through the files, and what it has chosen.
struct Selection<'a> {
    ignore: Ignore,
    dockerfile: &'a str,
    entries: Vec<Entry>,
}

impl Selection<'_> {
    fn wants(&self, path: &str) -> bool {
        // The engine needs both to build, and leaves them out of the image itself where they are ignored.
        path == self.dockerfile || path == ".dockerignore" || !self.ignore.excludes(path)
    }

    fn may_want_below(&self, directory: &str) -> bool {
        let leads_to_dockerfile = self.dockerfile.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        leads_to_dockerfile || self.ignore.may_include_below(directory)
    }

    fn walk(&mut self, root: &Path, below: &Path) -> Result<()> {
        let directory = root.join(below);
        let failed = |error| unreadable(&directory, error);
        for item in fs::read_dir(&directory).map_err(failed)? {
            let item = item.map_err(failed)?;
            let path = below.join(item.file_name());
            let name = path.to_string_lossy().into_owned();
            let wanted = self.wants(&name);
            let kind = item.file_type().map_err(failed)?;
            if kind.is_dir() {
                let enter = wanted || self.may_want_below(&name);
                if wanted {
                    self.entries.push(Entry { path: path.clone(), kind: EntryKind::Directory });
                }
                if enter {
                    self.walk(root, &path)?;
                }
            } else if wanted && kind.is_symlink() {
                let target = fs::read_link(item.path()).map_err(|error| unreadable(&path, error))?;
                self.entries.push(Entry { path, kind: EntryKind::Link { target } });
            } else if wanted && kind.is_file() {
                let mode = item.metadata().map_err(|error| unreadable(&path, error))?.permissions().mode();
                let (body, executable) = (Body::Disk(item.path()), mode & 0o111 != 0);
                self.entries.push(Entry { path, kind: EntryKind::File { body, executable } });
            }
            // Sockets, pipes and devices have no content to send.
        }
        Ok(())
    }

    fn embedded(&mut self, files: EmbeddedFiles) {
        let mut directories = BTreeSet::new();
        for (path, bytes) in files {
            directories.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
            if self.wants(path) {
                let kind = EntryKind::File { body: Body::Memory(bytes), executable: false };
                self.entries.push(Entry { path: PathBuf::from(path), kind });
            }
        }
        // As on a disk, so that the same files written out by `kdev init` have the same hash.
        for directory in directories {
            if self.wants(directory) {
                self.entries.push(Entry { path: directory.into(), kind: EntryKind::Directory });
            }
        }
    }
}
