//! The images of a project: which ones a look is for, and how they are found.
//!
//! An image is the project's by its labels alone. But to list all images, as only labels can be asked for, takes an
//! engine with containerd's image store (from Engine 29 on the usual one) 4 to 9 ms for each that anybody has. So
//! what has a name is looked for by its name first, and only where that leads to nothing, or all are needed, by the list.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use bollard::{
    errors::Error as Fault,
    models::ImageSummary,
    query_parameters::{ListImagesOptions, ListImagesOptionsBuilder},
};

use super::{
    Engine,
    fault::{self, Doing},
    images::whole_id,
    observe::{Labels, is_for, is_of},
    settled::once_settled,
};
use crate::{
    error::Result,
    model::{AppName, Project, Role, label},
    observed::{AppImage, ImageId},
    plan::prepared,
};

/// Which images a look is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// None: the facts hold no image.
    Nothing,
    /// What names lead to: Kafka's image, the one prepared from it, and what was built last for each app of the project.
    /// What earlier builds have left is not among the facts.
    Named {
        /// The reference of Kafka's image.
        kafka: String,
        /// The apps that are to have one; where that is nothing, no app's image is looked for.
        apps: Option<Vec<AppName>>,
    },
    /// All of the project's, prepared ones, and Kafka's image.
    All {
        /// Its reference, if it is of interest.
        kafka: Option<String>,
    },
}

/// The images that were found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Kafka's image, by its reference.
    pub(super) by_reference: BTreeMap<String, ImageId>,
    /// Prepared images, by what they were made from.
    pub(super) prepared: BTreeMap<ImageId, ImageId>,
    /// Those of apps, the newest first.
    pub(super) apps: Vec<AppImage>,
    /// What builds in progress, or killed ones, have made.
    pub(super) unfinished: Vec<ImageId>,
}

impl Engine {
    /// The images of the project that are sought.
    pub(super) async fn find_images(&self, project: &Project, sought: &Sought) -> Result<Found> {
        match sought {
            Sought::Nothing => Ok(Found::default()),
            Sought::Named { kafka, apps } => match self.by_name(project, kafka, apps.as_deref()).await? {
                Some(found) => Ok(found),
                None => self.by_labels(project, Some(kafka)).await,
            },
            Sought::All { kafka } => self.by_labels(project, kafka.as_ref()).await,
        }
    }

    /// None where a name does not lead to what is sought.
    async fn by_name(&self, project: &Project, kafka: &str, apps: Option<&[AppName]>) -> Result<Option<Found>> {
        let (kafka_images, built) = tokio::try_join!(self.kafka_images(kafka), async {
            match apps {
                None => Ok(Vec::new()),
                // Those of apps that are no longer wanted, too: they are to go.
                Some(_) => self.list_images(Some(&format!("{}/*", project.prefix()))).await,
            }
        })?;
        let built = app_images_of(project, &built);
        let all_built = apps.into_iter().flatten().all(|app| built.iter().any(|image| image.app == *app));
        Ok(kafka_images.filter(|_| all_built).map(|found| Found { apps: built, ..found }))
    }

    /// Kafka's image and the one prepared from it; none where the first is there and the second has not its name.
    async fn kafka_images(&self, kafka: &str) -> Result<Option<Found>> {
        let Some(base) = self.image_id(kafka).await? else { return Ok(Some(Found::default())) };
        let prepared = self.prepared_by_name(&base).await?;
        Ok(prepared.map(|prepared| Found {
            by_reference: [(kafka.to_owned(), base.clone())].into(),
            prepared: [(base, prepared)].into(),
            ..Found::default()
        }))
    }

    async fn by_labels(&self, project: &Project, kafka: Option<&String>) -> Result<Found> {
        let kafka_image = async {
            let Some(kafka) = kafka else { return Ok(None) };
            Ok(self.image_id(kafka).await?.map(|id| (kafka.clone(), id)))
        };
        let (kafka_image, images) = tokio::try_join!(kafka_image, self.list_images(None))?;
        Ok(Found {
            by_reference: kafka_image.into_iter().collect(),
            prepared: prepared_by_base(&images),
            apps: app_images_of(project, &images),
            unfinished: unfinished_of(project, &images),
        })
    }

    /// The prepared image that was made from the image with the id `base`.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn prepared_image(&self, base: &str) -> Result<Option<ImageId>> {
        match self.prepared_by_name(base).await? {
            Some(image) => Ok(Some(image)),
            None => Ok(prepared_by_base(&self.list_images(None).await?).remove(base)),
        }
    }

    async fn prepared_by_name(&self, base: &str) -> Result<Option<ImageId>> {
        let Some(image) = self.inspect_image(&prepared::tag(base)).await? else { return Ok(None) };
        let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
        Ok(image.id.map(whole_id).filter(|_| is_prepared(&labels) && is_from(base, &labels)))
    }

    /// The prepared images of an older layout that were made from the image with the id `base`: of no use any more.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn outdated_prepared_images(&self, base: &str) -> Result<Vec<ImageId>> {
        let images = self.list_images(None).await?;
        let of_base = images.into_iter().filter(|image| is_from(base, &image.labels));
        let outdated = of_base.filter(|image| is_for(Role::Prepared, &image.labels) && !is_prepared(&image.labels));
        Ok(outdated.map(|image| whole_id(image.id)).collect())
    }

    /// All images, or those with a name of this pattern, the newest first. Asking for those with a label takes the engine
    /// longer, and with two labels Podman 4.3 finds nothing.
    async fn list_images(&self, named: Option<&str>) -> Result<Vec<ImageSummary>> {
        let filters = named.map(|pattern| HashMap::from([("reference", vec![pattern])]));
        let options: Option<ListImagesOptions> =
            filters.map(|filters| ListImagesOptionsBuilder::new().filters(&filters).build());
        // Podman lists nothing if one of the images is removed meanwhile.
        let unsettled = |fault: &Fault| fault::reason(fault).contains("image not known");
        let listed = once_settled(unsettled, || self.quick().list_images(options.clone())).await;
        let mut images = listed.doing(|| "listing images".to_owned())?;
        images.sort_by_key(|image| Reverse(image.created));
        Ok(images)
    }
}

/// Whether labels are those of a prepared image of this layout.
fn is_prepared(labels: &Labels) -> bool {
    is_for(Role::Prepared, labels) && labels.get(label::SPEC).is_some_and(|spec| spec == prepared::LAYOUT)
}

fn is_from(base: &str, labels: &Labels) -> bool {
    labels.get(label::BASE).is_some_and(|other| other == base)
}

fn prepared_by_base(images: &[ImageSummary]) -> BTreeMap<ImageId, ImageId> {
    let usable = images.iter().filter(|image| is_prepared(&image.labels));
    let pairs = usable.filter_map(|image| Some((image.labels.get(label::BASE)?.clone(), whole_id(image.id.clone()))));
    // The oldest first, so that the newest is the one that stays.
    pairs.rev().collect()
}

fn app_images_of(project: &Project, images: &[ImageSummary]) -> Vec<AppImage> {
    let ours = images.iter().filter(|image| is_for(Role::Image, &image.labels) && is_of(project, &image.labels));
    let facts = ours.filter_map(|image| {
        let app = image.labels.get(label::SERVICE)?.parse().ok()?;
        let spec = image.labels.get(label::SPEC)?.clone();
        // Some engines write it so where there is no name.
        let named = image.repo_tags.iter().any(|tag| tag != "<none>:<none>");
        Some(AppImage { id: whole_id(image.id.clone()), app, spec, named })
    });
    facts.collect()
}

/// What a build that was killed left behind: images with some of the labels. The classic builder adds one after
/// another in alphabetical order, the directory before the project.
fn unfinished_of(project: &Project, images: &[ImageSummary]) -> Vec<ImageId> {
    let first_label_only = |labels: &Labels| {
        !labels.contains_key(label::PROJECT)
            && labels.get(label::DIRECTORY).is_some_and(|directory| *directory == project.directory.to_string_lossy())
    };
    let ours = images.iter().filter(|image| is_of(project, &image.labels) || first_label_only(&image.labels));
    let unfinished = ours.filter(|image| !image.labels.contains_key(label::SPEC));
    unfinished.map(|image| whole_id(image.id.clone())).collect()
}
