//! The proxy that a build needs to reach the network, as the docker program passes it.

use std::{collections::BTreeMap, env};

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
}
