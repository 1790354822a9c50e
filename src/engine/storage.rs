//! A node's storage, written without a JVM: what `kafka-storage format` would write. A node's container does it by
//! itself (`templates/node.sh`); here stands what preparing an image needs of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    docker::{UploadEntry, UploadKind},
    model::NodeId,
};

/// Kafka's user in the official image, to whom the files belong.
const OWNER: u32 = 1000;

/// What a new cluster's metadata begin with: a file of some 400 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstMetadata {
    /// Where it lies below the storage directory: one of [`crate::plan::prepared::FIRST_METADATA`].
    pub path: String,
    /// Its contents.
    pub bytes: Vec<u8>,
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

/// A directory and in it the first metadata, with the directories between.
pub fn first(directory: &str, first: &FirstMetadata) -> Vec<UploadEntry> {
    let mut entries = vec![entry(directory, 0o755, UploadKind::Dir)];
    if let Some((below, _)) = first.path.rsplit_once('/') {
        entries.push(entry(&format!("{directory}/{below}"), 0o755, UploadKind::Dir));
    }
    entries.push(entry(&format!("{directory}/{}", first.path), 0o644, UploadKind::File(first.bytes.clone())));
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
    fn directories_come_before_what_they_hold_whatever_the_release() {
        for path in FIRST_METADATA {
            let entries = first("log", &FirstMetadata { path: path.to_owned(), bytes: b"first".to_vec() });
            let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
            assert_eq!(paths.first(), Some(&"log"));
            assert_eq!(paths.last(), Some(&format!("log/{path}").as_str()));
            let parents = paths.iter().skip(1).map(|path| path.rsplit_once('/').unwrap().0);
            assert!(parents.zip(&paths).all(|(parent, before)| parent == *before), "{paths:?}");
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
