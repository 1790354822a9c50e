//! Finding the engine, and saying why there is none.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use bollard::{API_DEFAULT_VERSION, Docker, errors::Error as Fault};

use super::{
    Engine,
    endpoint::{Address, Origin, Surroundings, with_remedy},
    fault,
    info::Version,
};
use crate::{
    error::{Error, Kind, Result},
    model::{NodeId, Project},
};

/// bollard's own default; waiting longer is asked for where it is needed.
const SECONDS: u64 = 120;
/// How long an engine may take to say its version. An idle Docker Desktop needs some seconds to wake.
const HELLO: Duration = Duration::from_secs(15);

impl Engine {
    /// Connects to the engine that DOCKER_HOST, DOCKER_CONTEXT, the current context or, if none of
    /// these is set, the usual places name.
    ///
    /// # Errors
    /// [`Kind::NoEngine`], each case with its own remedy: no engine, no permission, a wrong
    /// DOCKER_HOST or context, a socket on which nobody answers, an engine older than API 1.41.
    pub async fn connect() -> Result<Engine> {
        let around = Surroundings::of_process();
        Self::connect_from(around).await
    }

    /// The nodes of the project that run, as [`Engine::running_nodes`] of the engine that [`Engine::connect`] would
    /// choose; none where there are none, or anything is in the way: then `connect` says what.
    ///
    /// That engine is asked for its containers and nothing else, not even its version, for which Docker runs two
    /// programs: what a client needs comes in the same form from all of them.
    pub async fn running_nodes_at_once(project: &Project) -> Option<BTreeMap<NodeId, u16>> {
        let (origin, candidates) = fault::blocking(|| Surroundings::of_process().candidates()).await.ok()?;
        for address in candidates {
            let Ok(docker) = client(&address) else { continue };
            let engine = Engine::new(docker.with_timeout(HELLO), address, origin.clone(), Version::unasked());
            if let Ok(nodes) = engine.running_nodes(project).await {
                return Some(nodes).filter(|nodes| !nodes.is_empty());
            }
        }
        None
    }

    pub(super) async fn connect_from(around: Surroundings) -> Result<Engine> {
        let (origin, candidates) = fault::blocking(move || around.candidates()).await?;
        let mut first_failure = None;
        for address in candidates {
            match hello(&address).await {
                Ok((docker, version)) => {
                    version.check_floor()?;
                    let docker = speak(docker, version.api);
                    return Ok(Engine::new(docker, address, origin, version));
                }
                // A place where nothing is says less than one where something is wrong.
                Err(Fault::SocketNotFoundError(_)) if origin == Origin::Usual => {}
                Err(failure) => _ = first_failure.get_or_insert((address, failure)),
            }
        }
        Err(match first_failure {
            Some((address, failure)) => with_remedy(explain(&address, failure), &origin),
            None => no_engine(),
        })
    }
}

fn client(address: &Address) -> std::result::Result<Docker, Fault> {
    match address {
        Address::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), SECONDS, API_DEFAULT_VERSION),
        Address::Tcp(host) => Docker::connect_with_http(&format!("tcp://{host}"), SECONDS, API_DEFAULT_VERSION),
    }
}

async fn hello(address: &Address) -> std::result::Result<(Docker, Version), Fault> {
    let docker = client(address)?;
    let version = docker.clone().with_timeout(HELLO).version().await?;
    Ok((docker, Version::from(version)))
}

/// Puts the API's version into every request.
///
/// bollard's own requests carry none, so that an engine answers in its newest form; its types are
/// those of one version, so that is asked for, or the engine's own where it is older.
fn speak(docker: Docker, engine: (u16, u16)) -> Docker {
    let ours = (API_DEFAULT_VERSION.major_version as u16, API_DEFAULT_VERSION.minor_version as u16);
    let (major, minor) = engine.min(ours);
    docker.with_request_modifier(move |mut request| {
        let uri = request.uri().to_string();
        let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
        let base = uri.strip_suffix(rest).unwrap_or_default();
        // An address that was valid stays so with a prefix to its path; if not, it stays as it was.
        if let Ok(versioned) = format!("{base}/v{major}.{minor}{rest}").parse() {
            *request.uri_mut() = versioned;
        }
        request
    })
}

fn explain(address: &Address, failure: Fault) -> Error {
    let kind = fault::io_error(&failure).map(io::Error::kind);
    let error = |message: String| Error::new(Kind::NoEngine, message);
    let place = match address {
        Address::Unix(path) => path.display().to_string(),
        Address::Tcp(host) => host.clone(),
    };
    let error = match (&failure, kind) {
        (Fault::SocketNotFoundError(_), _) => error(format!("no Docker engine: there is no socket {place}")),
        (_, Some(io::ErrorKind::PermissionDenied)) => {
            error(format!("no permission to use the Docker engine's socket {place}"))
                .hint("sudo usermod -aG docker $USER, then newgrp docker (or log in again)")
        }
        (_, Some(io::ErrorKind::ConnectionRefused)) => {
            let error = error(format!("no Docker engine answers at {place}: connection refused"));
            if matches!(address, Address::Unix(_)) { start_hints(error) } else { error }
        }
        (Fault::RequestTimeoutError, _) => {
            error(format!("the Docker engine at {place} does not answer within {} s", HELLO.as_secs()))
                .hint("restart it: sudo systemctl restart docker, or Docker Desktop's own menu")
        }
        (Fault::DockerResponseServerError { status_code, .. }, _) => error(format!(
            "what answers at {place} is no Docker engine, or not well: status {status_code}, {}",
            fault::reason(&failure)
        )),
        _ => error(format!("no Docker engine answers at {place}: {}", fault::reason(&failure))),
    };
    error.source(failure)
}

fn no_engine() -> Error {
    let error = Error::new(Kind::NoEngine, "no Docker engine: there is no socket /var/run/docker.sock")
        .while_("looking for the Docker engine");
    start_hints(error)
}

/// How to get an engine: start it where it is installed, else install it.
fn start_hints(error: Error) -> Error {
    if cfg!(target_os = "macos") {
        return error.hint("start Docker Desktop, OrbStack, or Colima (colima start)");
    }
    let installed = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"];
    if installed.iter().any(|path| Path::new(path).exists()) {
        error
            .hint("sudo systemctl start docker (or: sudo service docker start)")
            .hint("scripts/engine, of kdev's source, which starts it without an init system too")
    } else {
        error
            .hint("install Docker Engine: https://docs.docker.com/engine/install/")
            .hint("scripts/engine, of kdev's source, which installs and starts it on Debian and Ubuntu")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn failing(host: &str) -> Error {
        let around = Surroundings { docker_host: Some(host.to_owned()), ..Surroundings::default() };
        Engine::connect_from(around).await.expect_err("there is no engine")
    }

    #[tokio::test]
    async fn a_docker_host_without_a_socket_is_named_and_can_be_unset() {
        let error = failing("unix:///nowhere/d.sock").await;
        assert_eq!(error.kind, Kind::NoEngine);
        assert_eq!(error.message, "no Docker engine: there is no socket /nowhere/d.sock");
        assert!(error.context.contains(&"using DOCKER_HOST=unix:///nowhere/d.sock".to_owned()));
        assert!(error.hints[0].starts_with("unset DOCKER_HOST"), "{:?}", error.hints);
    }

    #[tokio::test]
    async fn a_socket_without_a_listener_refuses() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("d.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        let error = failing(&format!("unix://{}", path.display())).await;
        assert!(error.message.ends_with("d.sock: connection refused"), "{}", error.message);
        assert!(error.hints.len() >= 2);
    }

    /// Answers one request with `status` and `body`, and returns what `connect` made of it.
    async fn answered(status: &str, body: &str) -> Error {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = listener.local_addr().expect("bound").port();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a guest");
            let mut request = [0; 4096];
            let asked = stream.read(&mut request).await.expect("a request");
            assert!(request[..asked].starts_with(b"GET /version"));
            stream.write_all(answer.as_bytes()).await.expect("told");
        });
        let error = failing(&format!("tcp://127.0.0.1:{port}")).await;
        server.await.expect("ended");
        error
    }

    #[tokio::test]
    async fn requests_name_the_engines_version_of_the_api() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let host = format!("tcp://{}", listener.local_addr().expect("bound"));
        let server = tokio::spawn(async move {
            let mut asked = Vec::new();
            for body in [r#"{"ApiVersion":"1.42"}"#, "[]"] {
                let (mut stream, _) = listener.accept().await.expect("a guest");
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.expect("a request");
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.expect("told");
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                asked.push(text.lines().next().unwrap_or_default().to_owned());
            }
            asked
        });
        let around = Surroundings { docker_host: Some(host), ..Surroundings::default() };
        let engine = Engine::connect_from(around).await.expect("an engine");
        assert!(!engine.is_local());
        assert!(engine.all_networks().await.expect("none").is_empty());
        assert_eq!(server.await.expect("ended"), ["GET /version HTTP/1.1", "GET /v1.42/networks HTTP/1.1"]);
    }

    #[tokio::test]
    async fn something_else_behind_the_socket_is_told() {
        let error = answered("403 Forbidden", "no").await;
        assert!(error.message.ends_with("status 403, no"), "{}", error.message);
    }

    #[tokio::test]
    async fn an_old_engine_is_told_by_its_versions() {
        let error = answered("200 OK", r#"{"Version":"18.09.1","ApiVersion":"1.39"}"#).await;
        assert_eq!(error.kind, Kind::NoEngine);
        assert!(error.message.contains("18.09.1") && error.message.contains("1.39"), "{}", error.message);
    }
}
