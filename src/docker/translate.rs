//! A container's plan as the engine's request. Pure; every container of kdev's is made here, and is
//! made hardened.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use crate::{
    model::Role,
    plan::{ContainerPlan, Restart, Tmpfs},
};

/// What the engine's kind changes in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Docker's own engine.
    Docker,
    /// Podman, behind Docker's API.
    Podman,
}

/// The body of the request that makes a container of `image`.
pub(super) fn container(plan: &ContainerPlan, image: &str, flavour: Flavour) -> ContainerCreateBody {
    let ContainerPlan {
        name: _,
        role,
        service: _,
        hostname,
        network,
        user,
        command,
        env,
        mounts,
        tmpfs,
        publish,
        memory_bytes,
        pids,
        stop_timeout,
        restart,
        labels,
        spec: _,
    } = plan;
    let memory = i64::try_from(*memory_bytes).unwrap_or(i64::MAX);
    // An empty entrypoint would fall back to the image's: the program is the entrypoint, the rest the
    // command, so that nothing of the image's own is left.
    let (entrypoint, cmd) = match command.as_deref().and_then(<[String]>::split_first) {
        Some((program, arguments)) => (Some(vec![program.clone()]), Some(arguments.to_vec())),
        None => (None, None),
    };
    let port = |container: u16| format!("{container}/tcp");
    let exposed: Vec<String> = publish.iter().map(|p| port(p.container)).collect();
    let bindings = publish.iter().map(|p| {
        let on_loopback = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(p.host.to_string()) };
        (port(p.container), Some(vec![on_loopback]))
    });
    let host = HostConfig {
        network_mode: Some(network.clone()),
        port_bindings: Some(bindings.collect()),
        mounts: Some(mounts.iter().map(volume).collect()),
        tmpfs: Some(tmpfs.iter().map(|t| (t.target.clone(), tmpfs_options(t))).collect()),
        memory: Some(memory),
        // The same: no swap on top, so that the limit is the limit.
        memory_swap: Some(memory),
        pids_limit: Some(i64::from(*pids)),
        restart_policy: Some(restart_policy(*restart)),
        // What an image is prepared in must be written to; it is committed and never runs again.
        readonly_rootfs: Some(*role != Role::Prepared),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        // A node's JVM handles signals and has no children; an app may be a script that does neither.
        init: Some(*role == Role::App),
        log_config: log_config(flavour),
        ..HostConfig::default()
    };
    let endpoint = EndpointSettings { aliases: Some(vec![hostname.clone()]), ..EndpointSettings::default() };
    // A container without a network has no aliases either.
    let networking = (network != "none")
        .then(|| NetworkingConfig { endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])) });
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some(hostname.clone()),
        user: user.clone(),
        entrypoint,
        cmd,
        env: Some(env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        exposed_ports: (!exposed.is_empty()).then_some(exposed),
        labels: Some(labels.clone().into_iter().collect()),
        // A fraction of a second counts as a whole one: never less than planned.
        stop_timeout: Some(stop_timeout.as_millis().div_ceil(1000).try_into().unwrap_or(i64::MAX)),
        host_config: Some(host),
        networking_config: networking,
        ..ContainerCreateBody::default()
    }
}

fn volume(mount: &crate::plan::Mount) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(mount.volume.clone()),
        target: Some(mount.target.clone()),
        ..Mount::default()
    }
}

fn tmpfs_options(tmpfs: &Tmpfs) -> String {
    let exec = if tmpfs.exec { "exec" } else { "noexec" };
    // 1777 as /tmp has it: the container's user is not root.
    format!("rw,nosuid,nodev,{exec},size={},mode=1777", tmpfs.size_bytes)
}

fn restart_policy(restart: Restart) -> RestartPolicy {
    let (name, times) = match restart {
        Restart::No => (RestartPolicyNameEnum::NO, None),
        Restart::OnFailure(times) => (RestartPolicyNameEnum::ON_FAILURE, Some(i64::from(times))),
    };
    RestartPolicy { name: Some(name), maximum_retry_count: times }
}

/// Rotated, so that a week of logs does not fill a disk. Podman has its own driver, which `logs` reads.
fn log_config(flavour: Flavour) -> Option<HostConfigLogConfig> {
    let options = [("max-size", "10m"), ("max-file", "3")];
    (flavour == Flavour::Docker).then(|| HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(options.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use serde_json::{Value, json};

    use super::*;
    use crate::plan::{Mount, Publish};

    fn node() -> ContainerPlan {
        ContainerPlan {
            name: "blog-1a2b3c4d-kafka-1".to_owned(),
            role: Role::Node,
            service: "kafka-1".to_owned(),
            hostname: "kafka-1".to_owned(),
            network: "blog-1a2b3c4d".to_owned(),
            user: Some("1000:1000".to_owned()),
            command: Some(["java", "-cp", "x"].map(str::to_owned).to_vec()),
            env: BTreeMap::from([("A".to_owned(), "b=c".to_owned())]),
            mounts: vec![Mount { volume: "blog-data-1".to_owned(), target: "/data".to_owned() }],
            tmpfs: vec![Tmpfs { target: "/tmp".to_owned(), size_bytes: 1024, exec: true }],
            publish: vec![Publish { host: 9092, container: 9092 }],
            memory_bytes: 512 << 20,
            pids: 500,
            stop_timeout: Duration::from_millis(1500),
            restart: Restart::No,
            labels: BTreeMap::from([("kdev.role".to_owned(), "node".to_owned())]),
            spec: "s".to_owned(),
        }
    }

    fn body(plan: &ContainerPlan, flavour: Flavour) -> Value {
        serde_json::to_value(container(plan, "sha256:00", flavour)).expect("a body")
    }

    #[test]
    fn a_node_is_hardened_and_has_what_it_was_planned_with() {
        let expected = json!({
            "Image": "sha256:00",
            "Hostname": "kafka-1",
            "User": "1000:1000",
            "Entrypoint": ["java"],
            "Cmd": ["-cp", "x"],
            "Env": ["A=b=c"],
            "ExposedPorts": {"9092/tcp": {}},
            "Labels": {"kdev.role": "node"},
            "StopTimeout": 2,
            "HostConfig": {
                "NetworkMode": "blog-1a2b3c4d",
                "PortBindings": {"9092/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9092"}]},
                "Mounts": [{"Type": "volume", "Source": "blog-data-1", "Target": "/data"}],
                "Tmpfs": {"/tmp": "rw,nosuid,nodev,exec,size=1024,mode=1777"},
                "Memory": 536_870_912,
                "MemorySwap": 536_870_912,
                "PidsLimit": 500,
                "RestartPolicy": {"Name": "no"},
                "ReadonlyRootfs": true,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Init": false,
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            },
            "NetworkingConfig": {"EndpointsConfig": {"blog-1a2b3c4d": {"Aliases": ["kafka-1"]}}},
        });
        assert_eq!(body(&node(), Flavour::Docker), expected);
    }

    #[test]
    fn an_app_has_an_init_process_and_its_images_own_command() {
        let plan = ContainerPlan {
            role: Role::App,
            command: None,
            user: None,
            restart: Restart::OnFailure(3),
            tmpfs: vec![Tmpfs { target: "/tmp".to_owned(), size_bytes: 1, exec: false }],
            ..node()
        };
        let body = body(&plan, Flavour::Docker);
        assert_eq!(body["HostConfig"]["Init"], json!(true));
        assert_eq!(body["HostConfig"]["RestartPolicy"], json!({"Name": "on-failure", "MaximumRetryCount": 3}));
        assert_eq!(body["HostConfig"]["Tmpfs"]["/tmp"], json!("rw,nosuid,nodev,noexec,size=1,mode=1777"));
        for key in ["Entrypoint", "Cmd", "User"] {
            assert_eq!(body.get(key), None, "{key}");
        }
    }

    #[test]
    fn an_image_is_prepared_in_a_container_that_can_be_written_to_without_a_network() {
        let plan = ContainerPlan { role: Role::Prepared, network: "none".to_owned(), ..node() };
        let body = body(&plan, Flavour::Docker);
        assert_eq!(body["HostConfig"]["ReadonlyRootfs"], json!(false));
        assert_eq!(body["HostConfig"]["NetworkMode"], json!("none"));
        assert_eq!(body.get("NetworkingConfig"), None);
    }

    #[test]
    fn podman_keeps_its_own_log_driver() {
        assert_eq!(body(&node(), Flavour::Podman)["HostConfig"].get("LogConfig"), None);
    }
}
