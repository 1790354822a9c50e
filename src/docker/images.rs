//! Images that are there: their ids, removal, and making one of a container.

use std::collections::BTreeMap;

use bollard::{
    models::{ContainerConfig, ImageInspect},
    query_parameters::{CommitContainerOptionsBuilder, RemoveImageOptionsBuilder},
};

use super::{
    Engine,
    fault::{self, Doing},
};
use crate::{error::Result, observed::ImageId};

impl Engine {
    /// The id of the image that a reference names; none where it is not on the engine.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn image_id(&self, reference: &str) -> Result<Option<ImageId>> {
        Ok(self.inspect_image(reference).await?.and_then(|image| image.id).map(whole_id))
    }

    /// The image that a reference names; none where it is not on the engine.
    pub(super) async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInspect>> {
        match self.quick().inspect_image(reference).await {
            Ok(image) => Ok(Some(image)),
            Err(failure) if fault::is_missing(&failure) => Ok(None),
            Err(failure) => Err(fault::error(format!("looking for image {reference}"), failure)),
        }
    }

    /// Removes an image with all its names; one that is gone is fine.
    ///
    /// # Errors
    /// Where a container runs it, or the engine refuses.
    pub async fn remove_image(&self, id: &str) -> Result<()> {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        match self.patient().remove_image(id, Some(options), None).await {
            Err(failure) if !fault::is_missing(&failure) => {
                // Two images that are removed at once may share layers that nothing else uses: the second to remove
                // those is refused, and its own image is gone all the same.
                match self.image_id(id).await? {
                    Some(_) => Err(fault::error(format!("removing image {id}"), failure)),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Makes an image of what a container's file system now is, with these labels beside those of the
    /// container, and returns its id. The container's command stays the image's; whoever makes a
    /// container of it gives its own.
    ///
    /// # Errors
    /// Where the container is gone, or the engine refuses (a full disk).
    pub async fn commit(
        &self,
        id: &str,
        repository: &str,
        tag: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<ImageId> {
        // As instructions, not as a body: Podman reads only these.
        let changes: Vec<String> = labels.iter().map(|(key, value)| label_instruction(key, value)).collect();
        let options = CommitContainerOptionsBuilder::new()
            .container(id)
            .repo(repository)
            .tag(tag)
            .pause(false)
            .changes(&changes.join("\n"))
            .build();
        let image = self.patient().commit_container(options, ContainerConfig::default()).await;
        let image = image.doing(|| format!("saving image {repository}:{tag}"))?;
        Ok(whole_id(image.id))
    }
}

/// The id as Docker writes it: Podman leaves the algorithm away at places.
pub(super) fn whole_id(id: String) -> ImageId {
    if id.contains(':') { id } else { format!("sha256:{id}") }
}

fn label_instruction(key: &str, value: &str) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("LABEL {}={}", quote(key), quote(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_quoted_for_the_builder() {
        assert_eq!(label_instruction("kdev.base", r#"a "b" \c"#), r#"LABEL "kdev.base"="a \"b\" \\c""#);
    }

    #[test]
    fn an_id_names_its_algorithm() {
        assert_eq!(whole_id("ab12".to_owned()), "sha256:ab12");
        assert_eq!(whole_id("sha256:ab12".to_owned()), "sha256:ab12");
    }
}
