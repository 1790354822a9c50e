//! The proxy that a build needs to reach the network, as the docker program passes it.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use serde::Deserialize;

use super::endpoint::Surroundings;

/// The variables that a Dockerfile may use without declaring them, and that the engine keeps out of
/// the image and of the build cache.
const NAMES: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The proxy variables of this process that are of use inside a container.
pub(super) fn of_process() -> BTreeMap<String, String> {
    useful(NAMES.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?))))
}

/// Leaves out a proxy on this machine's loopback address: inside a container that is the container
/// itself, and a build that needs no proxy would fail for it.
fn useful(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    all.filter(|(name, value)| {
        let is_list = name.eq_ignore_ascii_case("no_proxy");
        !value.is_empty() && (is_list || !on_loopback(value))
    })
    .collect()
}

/// Where a proxy is named, and what comes of it. Names only: the values may hold passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Variables of this process that builds get.
    pub passed: Vec<String>,
    /// Those that builds do not get, as they point to this machine's loopback address.
    pub left_out: Vec<String>,
    /// The list of hosts that need no proxy.
    pub exempt: Option<String>,
    /// Docker's own configuration file, where it names a proxy for containers: the docker program passes that
    /// on, kdev does not.
    pub configured_in: Option<PathBuf>,
}

impl Proxies {
    /// Of this process and this user.
    pub fn found() -> Self {
        let all = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)));
        Self::of(all.collect(), configured())
    }

    fn of(all: BTreeMap<String, String>, configured_in: Option<PathBuf>) -> Self {
        let passed = useful(all.clone().into_iter());
        let is_list = |name: &&String| name.eq_ignore_ascii_case("no_proxy");
        let left_out = all.iter().filter(|(name, value)| !value.is_empty() && !passed.contains_key(*name));
        Proxies {
            left_out: left_out.map(|(name, _)| name.clone()).collect(),
            exempt: all.iter().find(|(name, _)| is_list(name)).map(|(_, value)| value.clone()),
            passed: passed.into_keys().filter(|name| !is_list(&name)).collect(),
            configured_in,
        }
    }
}

/// Docker's `config.json`, if it names a proxy. A file that cannot be read names none.
fn configured() -> Option<PathBuf> {
    let path = Surroundings::of_process().config_directory?.join("config.json");
    names_a_proxy(&fs::read(&path).ok()?).then_some(path)
}

fn names_a_proxy(config: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        proxies: BTreeMap<String, BTreeMap<String, String>>,
    }
    serde_json::from_slice::<Config>(config)
        .is_ok_and(|config| config.proxies.values().any(|proxy| proxy.keys().any(|key| key != "noProxy")))
}

fn on_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    ["localhost", "127.", "[::1]"].iter().any(|loopback| host.starts_with(loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_on_loopback_is_left_out() {
        let given = [
            ("HTTP_PROXY", "http://me:secret@127.0.0.1:3128"),
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("ALL_PROXY", ""),
            ("NO_PROXY", "localhost,127.0.0.1"),
        ];
        let kept = useful(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["HTTPS_PROXY", "NO_PROXY"]);
    }

    #[test]
    fn what_is_found_is_told_by_name_and_by_what_comes_of_it() {
        let all = [
            ("HTTP_PROXY", "http://me:secret@127.0.0.1:3128"),
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("no_proxy", "example.org"),
        ];
        let all = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = Proxies::of(all, None);
        assert_eq!(found.passed, ["HTTPS_PROXY"]);
        assert_eq!(found.left_out, ["HTTP_PROXY"]);
        assert_eq!(found.exempt.as_deref(), Some("example.org"));
    }

    #[test]
    fn a_proxy_in_dockers_configuration_is_noticed() {
        let text = br#"{"auths":{},"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"x"}}}"#;
        assert!(names_a_proxy(text));
        assert!(!names_a_proxy(br#"{"proxies":{"default":{"noProxy":"x"}}}"#));
        assert!(!names_a_proxy(br#"{"auths":{}}"#));
    }
}
