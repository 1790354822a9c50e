//! Broker settings that kdev itself must set, each with the reason.

/// Why `setting` may not stand in `[kafka.config]`; none: it may.
pub fn reason(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "node.id" | "broker.id" | "broker.id.generation.enable" | "reserved.broker.max.id" => "kdev numbers the nodes",
        "process.roles" => "nodes 1 to 3 are broker and controller, later ones brokers",
        "listeners"
        | "advertised.listeners"
        | "listener.security.protocol.map"
        | "early.start.listeners"
        | "advertised.host.name"
        | "advertised.port"
        | "port"
        | "host.name" => {
            "kdev sets up one listener for the host and one for containers; `ports` in [kafka] chooses the host's ports"
        }
        "inter.broker.listener.name" | "security.inter.broker.protocol" | "controller.listener.names" => {
            "it names kdev's own listeners"
        }
        "controller.quorum.voters" | "controller.quorum.bootstrap.servers" => "kdev sets the voters: nodes 1 to 3",
        "log.dir" | "log.dirs" | "metadata.log.dir" => "the data lie in the node's volume, where kdev mounts it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn settings_that_place_a_node_are_owned_and_others_are_not() {
        assert!(reason("listeners").is_some());
        assert!(reason("log.dirs").is_some());
        assert_eq!(reason("log.retention.hours"), None);
    }
}
