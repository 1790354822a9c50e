//! Proxies: what they matter to (pulls, builds) and what not (Kafka).

use super::report::{Category, Check};
use crate::docker::Proxies;

const NAME: &str = "proxies";

/// Judges what names a proxy. `engine_by_tcp` tells that the engine is reached over TCP.
pub(super) fn check(found: &Proxies, engine_by_tcp: bool) -> Check {
    let Proxies { passed, left_out, exempt, configured_in } = found;
    if !left_out.is_empty() {
        return Check::warning(
            Category::Network,
            NAME,
            format!(
                "{} names a proxy on this machine's loopback address, which a build in a container cannot reach: \
                 builds do not get it",
                left_out.join(", ")
            ),
            "give the proxy's address on the network, if the apps' builds need it",
        );
    }
    if let Some(path) = configured_in.as_ref().filter(|_| passed.is_empty()) {
        return Check::warning(
            Category::Network,
            NAME,
            format!("{} names a proxy; kdev gives builds only what the environment names", path.display()),
            "export HTTPS_PROXY=URL, if the apps' builds need it",
        );
    }
    if passed.is_empty() {
        return Check::pass(Category::Network, NAME, "none");
    }
    let mut message = format!("builds get {}; Kafka's own protocol uses no proxy", passed.join(", "));
    if !exempts_localhost(exempt.as_deref().unwrap_or_default()) {
        message.push_str(", so that NO_PROXY lacks localhost matters to HTTP programs only");
    }
    if engine_by_tcp {
        message.push_str("; kdev reaches the engine without it");
    }
    Check::pass(Category::Network, NAME, message)
}

fn exempts_localhost(list: &str) -> bool {
    list.split(',').map(str::trim).any(|host| matches!(host, "localhost" | "*"))
}

#[cfg(test)]
mod tests {
    use super::{super::report::Status, *};

    #[test]
    fn a_proxy_that_builds_cannot_reach_or_do_not_get_is_told() {
        let none = Proxies::default();
        assert_eq!(check(&none, false).message, "none");
        let loopback = Proxies { left_out: vec!["HTTPS_PROXY".to_owned()], ..none.clone() };
        assert_eq!(check(&loopback, false).status, Status::Warning);
        let configured = Proxies { configured_in: Some("/c.json".into()), ..none };
        assert_eq!(check(&configured, false).status, Status::Warning);
        let both = Proxies { passed: vec!["HTTPS_PROXY".to_owned()], ..configured };
        assert_eq!(check(&both, false).status, Status::Pass);
    }

    #[test]
    fn a_missing_exemption_is_said_to_matter_little() {
        let proxy = Proxies { passed: vec!["HTTPS_PROXY".to_owned()], ..Proxies::default() };
        assert!(check(&proxy, true).message.contains("NO_PROXY lacks localhost"));
        let exempt = Proxies { exempt: Some("example.org, localhost".to_owned()), ..proxy };
        assert!(!check(&exempt, true).message.contains("lacks"), "{}", check(&exempt, true).message);
    }
}
