//! Where an engine might be: DOCKER_HOST, contexts, and the sockets that the common engines use.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Kind, Result},
    model::hex,
};

/// An engine's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket file.
    Unix(PathBuf),
    /// Host and port, plain HTTP.
    Tcp(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

/// Who named the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The variable, with its value.
    DockerHost(String),
    /// A context, with its name and what chose it.
    Context { name: String, chosen_by: &'static str },
    /// Nobody: one of the usual places.
    Usual,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::DockerHost(_) => f.write_str("DOCKER_HOST"),
            Origin::Context { name, chosen_by } => write!(f, "the context `{name}`, {chosen_by}"),
            Origin::Usual => f.write_str("the usual place"),
        }
    }
}

/// What of the surroundings decides where the engine is.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    pub docker_host: Option<String>,
    pub docker_context: Option<String>,
    pub docker_tls_verify: Option<String>,
    pub config_directory: Option<PathBuf>,
    pub home: Option<PathBuf>,
    pub runtime_directory: Option<PathBuf>,
}

impl Surroundings {
    /// Of this process.
    pub(super) fn of_process() -> Self {
        // An empty variable counts as unset, as for the docker program.
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name| text(name).map(PathBuf::from);
        let home = path("HOME");
        Surroundings {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_tls_verify: text("DOCKER_TLS_VERIFY"),
            config_directory: path("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker"))),
            runtime_directory: path("XDG_RUNTIME_DIR"),
            home,
        }
    }

    /// Where to look, and who says so: one address if somebody named it, else the usual places.
    pub(super) fn candidates(&self) -> Result<(Origin, Vec<Address>)> {
        if let Some(host) = &self.docker_host {
            let origin = Origin::DockerHost(host.clone());
            let tls = self.docker_tls_verify.is_some();
            let address = parse(host, tls).map_err(|error| with_remedy(error, &origin))?;
            return Ok((origin, vec![address]));
        }
        if let Some(name) = &self.docker_context {
            return self.of_context(name, "DOCKER_CONTEXT");
        }
        if let Some(name) = self.current_context()? {
            return self.of_context(&name, "currentContext in Docker's config.json");
        }
        Ok((Origin::Usual, self.usual()))
    }

    fn of_context(&self, name: &str, chosen_by: &'static str) -> Result<(Origin, Vec<Address>)> {
        if name == "default" {
            return Ok((Origin::Usual, self.usual()));
        }
        let origin = Origin::Context { name: name.to_owned(), chosen_by };
        let address = self.context_address(name).map_err(|error| with_remedy(error, &origin))?;
        Ok((origin, vec![address]))
    }

    fn current_context(&self) -> Result<Option<String>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Config {
            current_context: Option<String>,
        }
        let Some(directory) = &self.config_directory else { return Ok(None) };
        let path = directory.join("config.json");
        // Most people have no such file, and some a file that they may not read: the usual places then.
        let Ok(text) = fs::read(&path) else { return Ok(None) };
        let config: Config = serde_json::from_slice(&text).map_err(|error| {
            Error::new(Kind::NoEngine, format!("{} is not valid: {error}", path.display()))
                .while_("looking for the Docker engine")
                .hint(format!("repair {}", path.display()))
                .hint("set DOCKER_HOST, which goes before that file")
        })?;
        Ok(config.current_context.filter(|name| !name.is_empty()))
    }

    fn context_address(&self, name: &str) -> Result<Address> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Meta {
            endpoints: Endpoints,
        }
        #[derive(Deserialize)]
        struct Endpoints {
            docker: Endpoint,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Endpoint {
            #[serde(default)]
            host: String,
        }
        let none = || Error::new(Kind::NoEngine, format!("there is no Docker context `{name}`"));
        let contexts = self.config_directory.as_ref().ok_or_else(none)?.join("contexts");
        // The docker program names a context's directory by the hash of its name.
        let id = hex(&Sha256::digest(name));
        let text = fs::read(contexts.join("meta").join(&id).join("meta.json")).map_err(|_| none())?;
        let meta: Meta = serde_json::from_slice(&text).map_err(|error| {
            Error::new(Kind::NoEngine, format!("the Docker context `{name}` is not readable: {error}"))
        })?;
        let tls = contexts.join("tls").join(&id).is_dir();
        parse(&meta.endpoints.docker.host, tls)
    }

    /// The sockets of the common engines, the official one first.
    fn usual(&self) -> Vec<Address> {
        let mut paths = vec![PathBuf::from("/var/run/docker.sock")];
        if let Some(home) = &self.home {
            let sockets = [
                ".docker/run/docker.sock",
                ".docker/desktop/docker.sock",
                ".orbstack/run/docker.sock",
                ".colima/default/docker.sock",
                ".rd/docker.sock",
            ];
            paths.extend(sockets.iter().map(|socket| home.join(socket)));
        }
        if let Some(runtime) = &self.runtime_directory {
            paths.push(runtime.join("docker.sock"));
            paths.push(runtime.join("podman/podman.sock"));
        }
        paths.push(PathBuf::from("/run/podman/podman.sock"));
        paths.into_iter().map(Address::Unix).collect()
    }
}

/// The address that a DOCKER_HOST or a context names.
fn parse(host: &str, tls: bool) -> Result<Address> {
    let unusable = |why: &str| Error::new(Kind::NoEngine, format!("`{host}` {why}"));
    if let Some(path) = host.strip_prefix("unix://") {
        return Ok(Address::Unix(Path::new(path).to_owned()));
    }
    if let Some(target) = host.strip_prefix("ssh://") {
        return Err(unusable("is an address over SSH, which kdev does not speak").hint(format!(
            "ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock {target}, and DOCKER_HOST=unix:///tmp/docker.sock"
        )));
    }
    let address = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://"));
    match address.map(|address| address.trim_end_matches('/')) {
        Some(_) if tls => Err(unusable("wants TLS, which kdev does not speak to an engine")
            .hint("ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST, and DOCKER_HOST=unix:///tmp/docker.sock")),
        Some("") => Err(unusable("names no host")),
        Some(address) if address.contains(':') => Ok(Address::Tcp(address.to_owned())),
        // 2375 is the engine's port without TLS.
        Some(address) => Ok(Address::Tcp(format!("{address}:2375"))),
        None if host.starts_with('/') => {
            Err(unusable("is no address: a socket is written unix://PATH").hint(format!("DOCKER_HOST=unix://{host}")))
        }
        None => Err(unusable("is no engine's address: kdev knows unix://PATH and tcp://HOST:PORT")),
    }
}

/// Says who named the address, and how to be rid of it.
pub(super) fn with_remedy(error: Error, origin: &Origin) -> Error {
    let mut error = error.while_("looking for the Docker engine");
    let (naming, remedies) = match origin {
        Origin::DockerHost(value) => {
            (format!("using DOCKER_HOST={value}"), vec!["unset DOCKER_HOST, to use the usual place"])
        }
        Origin::Context { name, chosen_by } => (
            format!("using the Docker context `{name}`, chosen by {chosen_by}"),
            vec!["DOCKER_CONTEXT=default, to use the usual place", "docker context ls, to see those that exist"],
        ),
        Origin::Usual => return error,
    };
    // First, as most often the name is what is wrong.
    error.hints.splice(0..0, remedies.into_iter().map(str::to_owned));
    error.while_(naming)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_context(name: &str, host: &str) -> (tempfile::TempDir, Surroundings) {
        let directory = tempfile::tempdir().expect("a directory");
        let meta = directory.path().join("contexts/meta").join(hex(&Sha256::digest(name)));
        fs::create_dir_all(&meta).expect("made");
        let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        fs::write(meta.join("meta.json"), text).expect("written");
        let around = Surroundings { config_directory: Some(directory.path().to_owned()), ..Surroundings::default() };
        (directory, around)
    }

    #[test]
    fn docker_host_goes_before_a_context() {
        let (_directory, mut around) = with_context("far", "unix:///far.sock");
        around.docker_context = Some("far".to_owned());
        around.docker_host = Some("tcp://there".to_owned());
        let (origin, addresses) = around.candidates().expect("found");
        assert_eq!(origin, Origin::DockerHost("tcp://there".to_owned()));
        assert_eq!(addresses, [Address::Tcp("there:2375".to_owned())]);
    }

    #[test]
    fn the_current_context_is_read_from_its_hashed_directory() {
        let (directory, around) = with_context("colima", "unix:///c.sock");
        fs::write(directory.path().join("config.json"), r#"{"auths":{},"currentContext":"colima"}"#).expect("written");
        let (_, addresses) = around.candidates().expect("found");
        assert_eq!(addresses, [Address::Unix("/c.sock".into())]);
    }

    #[test]
    fn a_context_that_is_not_there_is_named() {
        let (_directory, mut around) = with_context("colima", "unix:///c.sock");
        around.docker_context = Some("lima".to_owned());
        let error = around.candidates().expect_err("no such context");
        assert_eq!(error.kind, Kind::NoEngine);
        assert_eq!(error.message, "there is no Docker context `lima`");
        assert!(error.hints.iter().any(|hint| hint.contains("DOCKER_CONTEXT=default")));
    }

    #[test]
    fn without_a_word_from_anybody_the_usual_places_are_tried() {
        let around = Surroundings { home: Some("/home/me".into()), ..Surroundings::default() };
        let (origin, addresses) = around.candidates().expect("found");
        assert_eq!(origin, Origin::Usual);
        assert_eq!(addresses[0], Address::Unix("/var/run/docker.sock".into()));
        assert!(addresses.contains(&Address::Unix("/home/me/.colima/default/docker.sock".into())));
    }

    #[test]
    fn what_kdev_does_not_speak_is_refused_with_a_way_round() {
        for (host, tls, expected) in [
            ("ssh://me@far", false, "`ssh://me@far` is an address over SSH, which kdev does not speak"),
            ("tcp://far:2376", true, "`tcp://far:2376` wants TLS, which kdev does not speak to an engine"),
            ("/run/d.sock", false, "`/run/d.sock` is no address: a socket is written unix://PATH"),
        ] {
            let around = Surroundings {
                docker_host: Some(host.to_owned()),
                docker_tls_verify: tls.then(|| "1".to_owned()),
                ..Surroundings::default()
            };
            let error = around.candidates().expect_err("refused");
            assert_eq!(error.message, expected);
            assert!(error.hints.len() >= 2, "{:?}", error.hints);
        }
    }
}
