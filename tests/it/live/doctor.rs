//! The doctor on a real engine: addresses proved from both sides, and what it says of a cluster that is ill.

use serde_json::Value;

use super::project::Project;

/// The status of each check of a category, by name, in order.
fn statuses<'a>(report: &'a Value, category: &str) -> Vec<(&'a str, &'a str)> {
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["category"] == category);
    checks.map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap())).collect()
}

#[test]
fn every_advertised_address_is_proved_and_the_one_that_fails_is_told() {
    let Some(project) = Project::new("doctor") else { return };
    project.configure("");
    let before = project.run(&["doctor", "-o", "json"]).expect(0).json();
    assert_eq!(statuses(&before, "from-host"), []);
    assert!(before["notes"].to_string().contains("is not running"), "{before:#}");

    project.up(&["--no-apps"]);
    let host = project.healthy()["bootstrap"]["host"].as_str().unwrap().to_owned();
    let addresses: Vec<&str> = host.split(',').collect();
    let report = project.run(&["doctor", "-o", "json"]).expect(0).json();
    assert_eq!(report["bootstrap"]["host"], host);
    assert_eq!(statuses(&report, "from-host"), [0, 1, 2].map(|node| (addresses[node], "pass")));
    let container = ["kafka-1:19092", "kafka-2:19092", "kafka-3:19092"];
    assert_eq!(statuses(&report, "from-container"), container.map(|address| (address, "pass")));
    let project_checks = statuses(&report, "project");
    assert!(project_checks.contains(&("class archive", "pass")), "{report:#}");
    assert!(statuses(&report, "ports").iter().all(|(_, status)| *status == "pass"), "{report:#}");

    project.docker.kill(&project.container("kafka-2"));
    let report = project.run(&["doctor", "-o", "json"]).expect(6).json();
    assert_eq!(
        statuses(&report, "from-host"),
        [(addresses[0], "pass"), (addresses[1], "fail"), (addresses[2], "pass")]
    );
    assert_eq!(
        statuses(&report, "from-container"),
        [(container[0], "pass"), (container[1], "fail"), (container[2], "pass")]
    );
    let probes = project.objects().into_iter().filter(|object| object.contains("probe"));
    assert_eq!(probes.collect::<Vec<_>>(), [""; 0], "the probes are gone");
}
