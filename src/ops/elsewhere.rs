//! Another project of the same name, of another directory: who stands in the wrong one is told where it is.

use super::Session;
use crate::{
    docker::{ProjectSummary, Sought},
    error::Error,
};

/// What to type to be in another project of this one's name, if there is one on the engine.
pub async fn hint(session: &Session) -> Option<String> {
    let project = &session.settings.project;
    // Where the engine does not answer any more, the hint is missing and nothing else.
    let projects = session.docker.projects().await.unwrap_or_default();
    let directory = of_same_name(&projects, project.name.as_str(), &project.directory.display().to_string())?;
    let directory = shlex::try_quote(directory).ok()?;
    Some(format!("cd {directory}   (another project of that name)"))
}

/// The error with that hint, where this project has no container: otherwise the directory is the right one.
pub async fn hinted(session: &Session, error: Error) -> Error {
    match session.docker.facts(&session.settings.project, &Sought::Nothing).await {
        Ok(facts) if facts.services().next().is_none() => with_hint(session, error).await,
        _ => error,
    }
}

/// The error with that hint.
pub(super) async fn with_hint(session: &Session, error: Error) -> Error {
    match hint(session).await {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn of_same_name<'a>(projects: &'a [ProjectSummary], name: &str, here: &str) -> Option<&'a str> {
    let mut others = projects.iter().filter(|other| other.name == name && other.directory != here);
    others.next().map(|other| other.directory.as_str())
}

#[cfg(test)]
mod tests {
    use super::of_same_name;
    use crate::docker::ProjectSummary;

    #[test]
    fn another_project_is_one_of_the_same_name_and_another_directory() {
        let projects = [("blog", "/a"), ("shop", "/b"), ("shop", "/c")].map(|(name, directory)| ProjectSummary {
            name: name.to_owned(),
            directory: directory.to_owned(),
            ..ProjectSummary::default()
        });
        assert_eq!(of_same_name(&projects, "shop", "/d"), Some("/b"));
        assert_eq!(of_same_name(&projects, "shop", "/b"), Some("/c"));
        assert_eq!(of_same_name(&projects, "blog", "/a"), None);
    }
}
