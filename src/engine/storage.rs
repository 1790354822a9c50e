//! Writes a node's storage without a JVM: what `kafka-storage format` would write.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use tokio::sync::OnceCell;

use crate::{
    docker::{Engine, UploadEntry, UploadKind},
    error::{Error, Result, While},
    model::{NodeId, label},
    plan::{NodePlan, node, prepared::FirstMetadata},
};

/// Kafka's user in the official image, to whom the files belong.
const OWNER: u32 = 1000;

/// What one run knows of a node's storage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It made the volume.
    Empty,
    /// It has formatted it, or found it formatted.
    Written,
}

/// What one run knows of the nodes' storages, so that nobody need look twice.
#[derive(Default)]
pub struct Storages {
    known: Mutex<BTreeMap<NodeId, Known>>,
    first: OnceCell<FirstMetadata>,
}

impl Storages {
    fn known(&self) -> MutexGuard<'_, BTreeMap<NodeId, Known>> {
        // A panic while the lock was held left plain data behind, no broken invariant.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's volume was made just now.
    pub fn made(&self, node: NodeId) {
        self.known().insert(node, Known::Empty);
    }

    /// Whether the volumes of all these were made just now, and nothing is written yet.
    pub fn are_empty<'a>(&self, mut nodes: impl Iterator<Item = &'a NodeId>) -> bool {
        let known = self.known();
        nodes.all(|node| known.get(node) == Some(&Known::Empty))
    }

    /// Formats the storage of a node's container (not started) unless it is formatted. What the prepared `image` keeps
    /// for that is the same for all nodes.
    ///
    /// # Errors
    /// The engine refuses, or the image lacks the first metadata.
    pub async fn format(&self, docker: &Engine, node: &NodePlan, container: &str, image: &str) -> Result<()> {
        let known = self.known().get(&node.id).copied();
        let is_formatted = match known {
            Some(known) => known == Known::Written,
            None => is_written(docker, container, node).await?,
        };
        if !is_formatted {
            let first = match node.controller {
                true => Some(self.first.get_or_try_init(|| first_metadata(docker, image)).await?),
                false => None,
            };
            write(docker, container, node, first).await?;
        }
        self.known().insert(node.id, Known::Written);
        Ok(())
    }
}

/// A new id as Kafka writes them: 128 random bits in 22 characters of base64url.
pub fn new_id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes());
        // As Kafka itself: an id that looks like an option would trouble its command-line tools.
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// `meta.properties`: who the node is, and whose data these are.
pub fn meta_properties(cluster: &str, node: NodeId, directory: &str) -> String {
    format!("version=1\ncluster.id={cluster}\nnode.id={node}\ndirectory.id={directory}\n")
}

/// Whether the storage of a node's container (not started) is formatted.
async fn is_written(docker: &Engine, container: &str, node: &NodePlan) -> Result<bool> {
    let looked = docker.exists(container, &format!("{}/meta.properties", node::LOG_DIR)).await;
    looked.while_(|| format!("looking at the storage of {}", node.id.service()))
}

/// Formats the storage of a node's container (not started): of a controller, with the first metadata. A broker that is
/// no controller gets all metadata from those that are: its cluster may have begun with others than this image would
/// begin with.
///
/// `meta.properties` comes last in the archive: where it is, everything is.
async fn write(docker: &Engine, container: &str, node: &NodePlan, first: Option<&FirstMetadata>) -> Result<()> {
    let doing = || format!("writing the storage of {}", node.id.service());
    let meta = meta_properties(&node.cluster, node.id, &new_id());
    let directory = node::LOG_DIR.strip_prefix(node::DATA).unwrap_or("/log").trim_start_matches('/');
    let entries = storage(directory, first, meta);
    docker.upload(container, node::DATA, entries).await.while_(doing)
}

/// What the prepared image `image` keeps of a new cluster's metadata.
async fn first_metadata(docker: &Engine, image: &str) -> Result<FirstMetadata> {
    let label = docker.image_label(image, label::FIRST_METADATA).await?;
    label.as_deref().and_then(FirstMetadata::from_label).ok_or_else(|| {
        Error::failed("the prepared image lacks the first metadata of a cluster")
            .hint("kdev down, remove the image kdev-prepared/kafka, kdev up")
    })
}

/// The storage directory of a node that has never run, `meta.properties` last.
pub fn storage(directory: &str, first: Option<&FirstMetadata>, meta: String) -> Vec<UploadEntry> {
    let mut entries = vec![entry(directory, 0o755, UploadKind::Dir)];
    if let Some(first) = first {
        if let Some((below, _)) = first.path.rsplit_once('/') {
            entries.push(entry(&format!("{directory}/{below}"), 0o755, UploadKind::Dir));
        }
        entries.push(entry(&format!("{directory}/{}", first.path), 0o644, UploadKind::File(first.bytes.clone())));
    }
    entries.push(entry(&format!("{directory}/meta.properties"), 0o644, UploadKind::File(meta.into_bytes())));
    entries
}

/// An entry that belongs to Kafka's user.
pub fn entry(path: &str, mode: u32, kind: UploadKind) -> UploadEntry {
    UploadEntry { path: path.to_owned(), mode, uid: OWNER, gid: OWNER, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::prepared::FIRST_METADATA;

    #[test]
    fn meta_properties_comes_last_whatever_the_release() {
        for path in FIRST_METADATA {
            let first = FirstMetadata { path: path.to_owned(), bytes: b"first".to_vec() };
            let entries = storage("log", Some(&first), "version=1".to_owned());
            let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
            assert_eq!(paths.first(), Some(&"log"));
            assert_eq!(paths.last(), Some(&"log/meta.properties"));
            assert!(paths.contains(&format!("log/{path}").as_str()), "{paths:?}");
        }
    }

    #[test]
    fn ids_are_22_characters_and_differ() {
        let (a, b) = (new_id(), new_id());
        assert_eq!(a.len(), 22);
        assert_ne!(a, b);
        assert!(!a.starts_with('-'));
    }
}
