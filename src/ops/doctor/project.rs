//! kdev.toml, and the image that it names.

use super::report::{Category, Check, Status};
use crate::{
    config::Settings,
    error::{Error, Result},
    observed::{DockerFacts, ImageId},
};

/// Whether kdev.toml is valid, and which one counts.
pub(super) fn file(settings: &Result<Settings, Error>) -> Check {
    let name = "kdev.toml";
    match settings {
        Err(error) => Check::of_error(Category::Project, name, Status::Fail, error),
        Ok(settings) => {
            let from = settings.file.as_ref().map_or_else(
                || "the built-in one, as there is none here (kdev init writes it)".to_owned(),
                |path| path.display().to_string(),
            );
            Check::pass(Category::Project, name, format!("project {}: {from}", settings.project.name))
        }
    }
}

/// The image of the nodes, as far as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// Not on the engine.
    Absent,
    /// There, as it was pulled or built.
    Plain,
    /// There, and made ready for fast starts: the prepared image.
    Prepared(ImageId),
}

impl Image {
    pub(super) fn of(reference: &str, facts: &DockerFacts) -> Self {
        match facts.images.get(reference) {
            None => Image::Absent,
            Some(base) => facts.prepared.get(base).cloned().map_or(Image::Plain, Image::Prepared),
        }
    }

    /// A check; or, where nothing can be said for or against it, a note.
    pub(super) fn judge(&self, reference: &str) -> Result<Check, String> {
        let check = |message: String| Ok(Check::pass(Category::Project, "Kafka image", message));
        match self {
            Image::Prepared(_) => check(format!("{reference}, prepared for fast starts")),
            Image::Plain => check(format!("{reference}; the first `kdev up` prepares it, once")),
            Image::Absent => Err(format!(
                "image {reference} is not on the engine yet: `kdev up` pulls it (KDEV_KAFKA_IMAGE names a mirror)"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_absent_plain_or_prepared() {
        let mut facts = DockerFacts::default();
        assert_eq!(Image::of("kafka:1", &facts), Image::Absent);
        assert!(Image::Absent.judge("kafka:1").is_err_and(|note| note.contains("kafka:1")));
        facts.images.insert("kafka:1".to_owned(), "sha256:a".to_owned());
        assert_eq!(Image::of("kafka:1", &facts), Image::Plain);
        facts.prepared.insert("sha256:a".to_owned(), "sha256:b".to_owned());
        assert_eq!(Image::of("kafka:1", &facts), Image::Prepared("sha256:b".to_owned()));
    }

    #[test]
    fn a_wrong_file_keeps_its_place_and_its_remedy() {
        let error =
            Error::usage("kdev.toml:2:1: there is no key `broker` here").details(["2 | broker = 3"]).hint("`brokers`");
        let check = file(&Err(error));
        assert_eq!(check.status, Status::Fail);
        assert_eq!(check.details, ["2 | broker = 3"]);
        assert_eq!(check.fix.as_deref(), Some("`brokers`"));
    }
}
