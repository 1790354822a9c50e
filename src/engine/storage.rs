//! Writes a node's storage without a JVM: what `kafka-storage format` would write.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    docker::{Engine, UploadEntry, UploadKind},
    error::{Error, Result, While},
    plan::{NodePlan, node, prepared},
};

/// Kafka's user in the official image, to whom the files belong.
const OWNER: u32 = 1000;

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
pub fn meta_properties(cluster: &str, node: crate::model::NodeId, directory: &str) -> String {
    format!("version=1\ncluster.id={cluster}\nnode.id={node}\ndirectory.id={directory}\n")
}

/// Formats the storage of a node's container (not started) unless it is formatted.
///
/// `meta.properties` comes last in the archive: where it is, everything is.
pub async fn write_if_empty(docker: &Engine, container: &str, node: &NodePlan) -> Result<()> {
    let doing = || format!("writing the storage of {}", node.id.service());
    if docker.exists(container, &format!("{}/meta.properties", node::LOG_DIR)).await.while_(doing)? {
        return Ok(());
    }
    let checkpoint = docker.download(container, prepared::BOOTSTRAP_CHECKPOINT).await.while_(doing)?;
    let checkpoint = checkpoint.ok_or_else(|| {
        Error::failed(format!("the prepared image has no {}", prepared::BOOTSTRAP_CHECKPOINT))
            .while_(doing())
            .hint("kdev down, remove the image kdev-prepared/kafka, kdev up")
    })?;
    let meta = meta_properties(&node.cluster, node.id, &new_id());
    let directory = node::LOG_DIR.strip_prefix(node::DATA).unwrap_or("/log").trim_start_matches('/');
    let entries = vec![
        entry(directory, 0o755, UploadKind::Dir),
        entry(&format!("{directory}/bootstrap.checkpoint"), 0o644, UploadKind::File(checkpoint)),
        entry(&format!("{directory}/meta.properties"), 0o644, UploadKind::File(meta.into_bytes())),
    ];
    docker.upload(container, node::DATA, entries).await.while_(doing)
}

/// An entry that belongs to Kafka's user.
pub fn entry(path: &str, mode: u32, kind: UploadKind) -> UploadEntry {
    UploadEntry { path: path.to_owned(), mode, uid: OWNER, gid: OWNER, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_22_characters_and_differ() {
        let (a, b) = (new_id(), new_id());
        assert_eq!(a.len(), 22);
        assert_ne!(a, b);
        assert!(!a.starts_with('-'));
    }
}
