//! Credentials of registries, from Docker's configuration and its helper programs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::auth::DockerCredentials;
use docker_credential::DockerCredential;

use super::fault;

/// Docker Hub's name in the configuration.
const HUB: &str = "https://index.docker.io/v1/";

/// The registry of an image's reference, as the configuration names it.
pub(super) fn registry(reference: &str) -> String {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => {
            if host == "docker.io" || host == "index.docker.io" { HUB.to_owned() } else { host.to_owned() }
        }
        _ => HUB.to_owned(),
    }
}

/// What the user has stored for a registry. A helper that fails counts as nothing stored: most images
/// need nothing, and one that does is refused by its registry, which is said then.
pub(super) async fn stored(registry: String) -> Option<DockerCredentials> {
    fault::blocking(move || {
        let found = docker_credential::get_credential(&registry).ok()?;
        let address = Some(registry);
        Some(match found {
            DockerCredential::IdentityToken(token) => {
                DockerCredentials { identitytoken: Some(token), serveraddress: address, ..DockerCredentials::default() }
            }
            DockerCredential::UsernamePassword(user, password) => DockerCredentials {
                username: Some(user),
                password: Some(password),
                serveraddress: address,
                ..DockerCredentials::default()
            },
        })
    })
    .await
}

/// What is stored for the registries from which a build may pull.
pub(super) async fn for_build(dockerfile: &str, args: &BTreeMap<String, String>) -> HashMap<String, DockerCredentials> {
    let mut all = HashMap::new();
    for registry in registries(dockerfile, args) {
        if let Some(credentials) = stored(registry.clone()).await {
            all.insert(registry, credentials);
        }
    }
    all
}

/// The registries that a Dockerfile may name: in FROM, in a default of ARG, or in an argument given.
fn registries(dockerfile: &str, args: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut words: Vec<&str> = args.values().map(String::as_str).collect();
    for line in dockerfile.lines() {
        let mut parts = line.split_whitespace();
        match parts.next().map(str::to_ascii_uppercase).as_deref() {
            Some("FROM") => words.extend(parts.find(|word| !word.starts_with("--"))),
            Some("ARG") => words.extend(parts.filter_map(|word| word.split_once('=')).map(|(_, value)| value)),
            _ => {}
        }
    }
    words.into_iter().filter(|word| !word.starts_with('$')).map(|word| registry(word.trim_matches('"'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_told_from_a_user() {
        assert_eq!(registry("apache/kafka:4.3.1"), HUB);
        assert_eq!(registry("docker.io/apache/kafka"), HUB);
        assert_eq!(registry("registry.example/kafka:4"), "registry.example");
        assert_eq!(registry("localhost:5000/kafka"), "localhost:5000");
    }

    #[test]
    fn a_build_may_pull_from_what_its_dockerfile_and_arguments_name() {
        let dockerfile = "ARG BASE=one.example/python:3\nfrom --platform=linux/amd64 two.example/x AS y\nFROM $BASE";
        let args = BTreeMap::from([("BASE".to_owned(), "three.example/python".to_owned())]);
        let found = registries(dockerfile, &args);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["one.example", "three.example", "two.example"]);
    }
}
