//! Names and ports that somebody else has: told, left alone, exit 1.

use std::net::TcpListener;

use super::project::Project;

/// Three ports that were free a moment ago, each held by a listener.
fn listeners() -> Vec<TcpListener> {
    (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect()
}

fn numbers(listeners: &[TcpListener]) -> Vec<u16> {
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn with_ports(project: &Project, ports: &[u16]) {
    project.configure(&format!("[kafka]\nports = {ports:?}\n"));
}

#[test]
fn a_port_that_a_container_has() {
    let Some(project) = Project::new("port-c") else { return };
    let listeners = listeners();
    let ports = numbers(&listeners);
    drop(listeners);
    with_ports(&project, &ports);
    let name = format!("{}-old-kafka", project.name());
    let stranger = project.docker.stranger(&name, Some(ports[1]));
    let ran = project.try_up(&[]).expect(1);
    ran.says(&format!("error: port {} on 127.0.0.1 is taken by container `{name}` (image ", ports[1]));
    ran.says("  while starting kafka-2");
    ran.says(&format!("  try: docker stop {name}"));
    ran.says("   or: remove `ports` from [kafka] in kdev.toml, and kdev picks free ones");
    assert!(project.docker.runs(&name), "the stranger was touched");
    assert_eq!(project.objects(), [""; 0], "something was made before it was told");
    // Freed, the same file comes up.
    drop(stranger);
    project.up(&["--no-apps"]);
    let host: Vec<String> = ports.iter().map(|port| format!("localhost:{port}")).collect();
    assert_eq!(project.healthy()["bootstrap"]["host"], host.join(","));
    // Taken while the project was down: there is no `ports` to remove, since the volumes remember them.
    project.run(&["down"]).expect(0);
    project.configure("");
    let stranger = project.docker.stranger(&name, Some(ports[1]));
    let ran = project.try_up(&["--no-apps"]).expect(1);
    ran.says(&format!("is taken by container `{name}`"))
        .says("   or: ports = [")
        .says("] under [kafka] in kdev.toml: these are free");
    drop(stranger);
}

#[test]
fn a_port_that_another_program_has() {
    let Some(project) = Project::new("port-p") else { return };
    let listeners = listeners();
    let ports = numbers(&listeners);
    with_ports(&project, &ports);
    let ran = project.try_up(&["--no-apps"]).expect(1);
    ran.says(" on 127.0.0.1 is taken by program `");
    ran.says(&format!("(process {})", std::process::id()));
    ran.says("   or: remove `ports` from [kafka] in kdev.toml, and kdev picks free ones");
}

#[test]
fn objects_with_our_names_that_are_not_ours() {
    let Some(project) = Project::new("stranger") else { return };
    project.configure("");
    let container = project.container("kafka-2");
    let (volume, network) = (project.container("kafka-3"), project.prefix());
    let strangers = (
        project.docker.stranger(&container, None),
        project.docker.stranger_volume(&volume),
        project.docker.stranger_network(&network),
    );
    let ran = project.try_up(&[]).expect(1);
    ran.says(&format!("container `{container}`"))
        .says(&format!("volume `{volume}`"))
        .says(&format!("network `{network}`"));
    ran.says("is not kdev's: left alone").says(&format!("docker rename {container} {container}-old"));
    assert_eq!(project.objects(), [""; 0], "something was made beside them");
    // `down` leaves them alone too.
    project.run(&["down", "--volumes"]).expect(0);
    assert!(project.docker.runs(&container), "the stranger was touched");
    drop(strangers);
}
