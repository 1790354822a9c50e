//! How a node's JVM finds Kafka's classes, and what it does where that is not possible.

use super::project::{Project, SMALL};

/// A `java` that does not know the option.
const NO_BOOT_CLASS_PATH: &str = r#"
USER root
RUN mkdir /opt/wrap && printf '%s\n' \
    '#!/bin/sh' \
    'case "$*" in *-Xbootclasspath*) echo "Unrecognized option" >&2; exit 1;; esac' \
    'PATH=${PATH#/opt/wrap:} exec java "$@"' > /opt/wrap/java && chmod +x /opt/wrap/java
ENV PATH=/opt/wrap:$PATH
USER 1000
"#;

/// The arguments of the node's JVM, and whether the class-data archive is in its memory.
#[track_caller]
fn node(project: &Project) -> (String, bool) {
    let cat = |path: &str| project.run(&["exec", "kafka-1", "--", "cat", path]).expect(0).stdout;
    (cat("/proc/1/cmdline").replace('\0', " "), cat("/proc/1/maps").contains("/opt/kdev/kafka.jsa"))
}

/// What the doctor says of the archive: its status, and its message.
#[track_caller]
fn archive(project: &Project) -> (String, String) {
    let report = project.run(&["doctor", "-o", "json"]).json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "class archive").unwrap_or_else(|| panic!("{report:#}"));
    (check["status"].as_str().unwrap().to_owned(), check["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_node_with_plug_ins_has_the_usual_class_path_and_no_archive() {
    let Some(project) = Project::new("plug-ins") else { return };
    project.configure(SMALL);
    project.up(&["--no-apps"]);
    let (arguments, mapped) = node(&project);
    assert!(arguments.starts_with("java @/opt/kdev/java.args ") && mapped, "{mapped}: {arguments}");

    project.configure(&format!("{SMALL}[kafka.config]\n\"acme.policy.class\" = \"com.acme.Policy\"\n"));
    project.up(&["--no-apps"]);
    let (arguments, mapped) = node(&project);
    assert!(arguments.starts_with("java @/opt/kdev/plug-in.args ") && !mapped, "{mapped}: {arguments}");
    let (status, message) = archive(&project);
    assert!(status == "pass" && message.contains("plug-ins of [kafka.config]"), "{status}: {message}");
    project.run(&["produce", "posts", "--generate", "10"]).expect(0);
    assert_eq!(project.run(&["consume", "posts", "--exit"]).expect(0).stdout.lines().count(), 10);
}

#[test]
fn an_image_whose_java_knows_no_boot_class_path_is_prepared_with_the_usual_one() {
    let Some(mut project) = Project::new("no-boot") else { return };
    let base = std::env::var("KDEV_KAFKA_IMAGE").unwrap_or_else(|_| "apache/kafka:{version}".to_owned());
    let base = base.replace("{version}", "4.3.1");
    let image = format!("{}:4.3.1", project.name());
    project.set_env("KDEV_KAFKA_IMAGE", &image);
    let _image = project.docker.image(&image, &format!("FROM {base}{NO_BOOT_CLASS_PATH}"));
    project.configure(SMALL);
    project.up(&["--no-apps"]);
    let (arguments, mapped) = node(&project);
    assert!(arguments.starts_with("java @/opt/kdev/java.args ") && mapped, "{mapped}: {arguments}");
    assert_eq!(archive(&project).0, "pass");
    drop(project.run(&["down", "--volumes"]).expect(0));
}
