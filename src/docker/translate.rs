//! A container's plan as the engine's request. Pure; every container of kdev's is made here, and is
//! made hardened.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
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
        let on_loopback =
            PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(p.host.to_string()) };
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
