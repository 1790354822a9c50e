//! A node's JVM: how it finds Kafka's classes, what it does where that is not possible, and which of its threads wait.

use super::project::{Project, SMALL, kafka_image};

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
    let image = project.own_kafka_image();
    let _image = project.docker.image(&image, &format!("FROM {}{NO_BOOT_CLASS_PATH}", kafka_image()));
    project.configure(SMALL);
    project.up(&["--no-apps"]);
    let (arguments, mapped) = node(&project);
    assert!(arguments.starts_with("java @/opt/kdev/java.args ") && mapped, "{mapped}: {arguments}");
    assert_eq!(archive(&project).0, "pass");
    drop(project.run(&["down", "--volumes"]).expect(0));
}

#[test]
fn the_compiler_is_nicer_than_what_it_compiles_for_and_the_jvm_warns_of_nothing() {
    let Some(project) = Project::new("nice") else { return };
    project.configure(SMALL);
    project.up(&["--no-apps"]);
    let stats = project.run(&["exec", "kafka-1", "--", "sh", "-c", "cat /proc/1/task/*/stat"]).expect(0).stdout;
    // proc(5): the name is the second field, how nice a thread is the 19th.
    let nice_of = |name: &str| -> Vec<String> {
        let threads = stats.lines().filter_map(|line| line.split_once(" (")?.1.rsplit_once(") "));
        let named = threads.filter(|(thread, _)| thread.starts_with(name));
        named.map(|(_, rest)| rest.split(' ').nth(16).unwrap().to_owned()).collect()
    };
    let compilers = nice_of("C1 Compiler");
    assert!(!compilers.is_empty() && compilers.iter().all(|nice| nice == "7"), "{stats}");
    let kafkas = nice_of("kafka-");
    assert!(!kafkas.is_empty() && kafkas.iter().all(|nice| nice == "0"), "{stats}");
    let logs = project.run(&["logs", "kafka-1"]).expect(0).stdout;
    assert!(logs.contains("Kafka Server started") && !logs.contains("VM warning"), "{logs}");
}
