//! Pulling an image, with real byte counts, and with reasons where it fails.

use std::collections::BTreeMap;

use bollard::{models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder};
use futures_util::StreamExt;

use super::{Engine, credentials, fault};
use crate::{
    error::{Error, Result},
    event::{Progress, StepProgress},
    observed::ImageId,
};

/// Which of kdev's settings names another place for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// KDEV_KAFKA_IMAGE, or `kafka_image` in config.toml.
    Kafka,
    /// KDEV_PYTHON_IMAGE, or `python_image` in config.toml.
    Python,
    /// None: the image is the user's own choice.
    Own,
}

impl Mirror {
    /// What to type to use a mirror.
    pub(super) fn hints(self) -> &'static [&'static str] {
        match self {
            Mirror::Kafka => &[
                "KDEV_KAFKA_IMAGE=registry.example/kafka:{version} kdev up, to use a mirror or a local build",
                "kafka_image = \"registry.example/kafka:{version}\" in kdev's config.toml, for all projects",
            ],
            Mirror::Python => &[
                "KDEV_PYTHON_IMAGE=registry.example/python:3-slim kdev up, to use a mirror or a local build",
                "python_image = \"registry.example/python:3-slim\" in kdev's config.toml, for all projects",
            ],
            Mirror::Own => &[],
        }
    }
}

impl Engine {
    /// Pulls an image, reporting [`Progress::Bytes`] over all its layers, and returns its id.
    ///
    /// # Errors
    /// With the reason (registry out of reach, no such tag, refused, disk full) and with how to name a
    /// mirror. An error inside a successful answer is found too.
    pub async fn pull(&self, image: &str, mirror: Mirror, progress: &StepProgress) -> Result<ImageId> {
        // Without a tag the engine would pull every tag.
        let reference = if has_tag(image) { image.to_owned() } else { format!("{image}:latest") };
        let stored = credentials::stored(credentials::registry(&reference)).await;
        let options = CreateImageOptionsBuilder::new().from_image(&reference).build();
        let mut answer = self.patient().create_image(Some(options), None, stored);
        let mut layers = Layers::default();
        let mut last = String::new();
        while let Some(item) = answer.next().await {
            let info = item.map_err(|failure| {
                let reason = fault::reason(&failure);
                explain(&reference, &reason, mirror).source(failure)
            })?;
            if let Some(status) = &info.status {
                last.clone_from(status);
            }
            if let Some(now) = layers.take(&info) {
                progress.report(now);
            }
        }
        // Some engines end the answer without a word of error, and without an image.
        let id = self.image_id(&reference).await?;
        id.ok_or_else(|| explain(&reference, &format!("the engine pulled nothing; it said last: {last}"), mirror))
    }
}

fn has_tag(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.contains([':', '@'])
}

/// Bytes over all layers, as far as the engine has announced them.
#[derive(Debug, Default)]
struct Layers {
    of: BTreeMap<String, (u64, u64)>,
    reported: (u64, u64),
}

impl Layers {
    /// Takes a line of the answer in; some progress where it changed anything.
    fn take(&mut self, info: &CreateImageInfo) -> Option<Progress> {
        let id = info.id.as_ref()?;
        let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        match info.status.as_deref()? {
            "Downloading" => {
                let detail = info.progress_detail.as_ref()?;
                let (done, total) = (number(detail.current), number(detail.total));
                self.of.insert(id.clone(), (done, total.max(done)));
            }
            // Extraction counts the same bytes once more: a layer that has come is whole.
            "Download complete" | "Verifying Checksum" | "Extracting" | "Pull complete" => {
                let layer = self.of.get_mut(id)?;
                layer.0 = layer.1;
            }
            _ => return None,
        }
        let sum = self.of.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        (sum != self.reported).then(|| {
            self.reported = sum;
            Progress::Bytes { done: sum.0, total: sum.1 }
        })
    }
}

/// Why an image could not be had, from what the engine said.
pub(super) fn explain(image: &str, reason: &str, mirror: Mirror) -> Error {
    let registry = credentials::registry(image);
    let hub = registry.starts_with("https://");
    let place = if hub { "Docker Hub" } else { registry.as_str() };
    let low = reason.to_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| low.contains(phrase));
    let (why, first_hint) = if has(&["no space left on device"]) {
        (
            "the engine's disk is full".to_owned(),
            Some("docker system df, then docker image prune, to make room".to_owned()),
        )
    } else if has(&["toomanyrequests", "rate limit"]) {
        (format!("{place} refuses more pulls for now"), Some(login(hub, &registry)))
    } else if has(&["manifest unknown", "not found", "no such manifest", "name unknown"]) {
        (format!("{place} has no such image or tag"), None)
    } else if has(&["denied", "unauthorized", "authentication required", "forbidden"]) {
        (format!("{place} refuses, or has no such image"), Some(login(hub, &registry)))
    } else if has(&[
        "no such host",
        "timeout",
        "timed out",
        "dial tcp",
        "network is unreachable",
        "connection refused",
        "connection reset",
        "lookup ",
        "proxyconnect",
        "deadline exceeded",
        "x509",
        "eof",
    ]) {
        (format!("{place} cannot be reached"), Some("check the engine's network and proxy settings".to_owned()))
    } else {
        (reason.to_owned(), None)
    };
    let mut error = Error::failed(format!("the image {image} cannot be pulled: {why}"));
    if why != reason {
        error = error.details([reason]);
    }
    // A full disk stays full with a mirror.
    let mirror_hints = if why.contains("disk") { &[] } else { mirror.hints() };
    first_hint.into_iter().chain(mirror_hints.iter().map(|hint| (*hint).to_owned())).fold(error, Error::hint)
}

fn login(hub: bool, registry: &str) -> String {
    if hub { "docker login".to_owned() } else { format!("docker login {registry}") }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn line(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn bytes_are_summed_over_layers_and_extraction_does_not_count_twice() {
        let mut layers = Layers::default();
        assert_eq!(layers.take(&line("a", "Pulling fs layer", 0, 0)), None);
        assert_eq!(layers.take(&line("a", "Downloading", 10, 100)), Some(Progress::Bytes { done: 10, total: 100 }));
        assert_eq!(layers.take(&line("b", "Downloading", 5, 50)), Some(Progress::Bytes { done: 15, total: 150 }));
        assert_eq!(layers.take(&line("a", "Download complete", 0, 0)), Some(Progress::Bytes { done: 105, total: 150 }));
        assert_eq!(layers.take(&line("a", "Extracting", 1, 900)), None);
    }

    #[test]
    fn each_reason_is_told_from_the_others() {
        for (said, expected) in [
            (
                "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
                "Docker Hub cannot be reached",
            ),
            (
                "manifest for apache/kafka:9.9.9 not found: manifest unknown: manifest unknown",
                "Docker Hub has no such image or tag",
            ),
            ("write /var/lib/docker/tmp/x: no space left on device", "the engine's disk is full"),
            ("pull access denied for x, repository does not exist", "Docker Hub refuses, or has no such image"),
            ("toomanyrequests: You have reached your pull rate limit", "Docker Hub refuses more pulls for now"),
            ("something new", "something new"),
        ] {
            let error = explain("apache/kafka:9.9.9", said, Mirror::Kafka);
            assert_eq!(error.message, format!("the image apache/kafka:9.9.9 cannot be pulled: {expected}"));
        }
    }

    #[test]
    fn a_mirror_can_be_named_in_the_right_variable() {
        let hints = |mirror| explain("x", "no such host", mirror).hints.join("\n");
        assert!(hints(Mirror::Kafka).contains("KDEV_KAFKA_IMAGE=registry.example/kafka:{version} kdev up"));
        assert!(hints(Mirror::Python).contains("KDEV_PYTHON_IMAGE="));
        assert!(!hints(Mirror::Own).contains("KDEV_"));
    }

    #[test]
    fn a_port_is_not_a_tag() {
        assert!(!has_tag("localhost:5000/kafka"));
        assert!(has_tag("localhost:5000/kafka:4"));
        assert!(has_tag("kafka@sha256:00"));
    }
}
