//! Two projects of one name in two directories.

use super::project::{Project, SMALL};

#[test]
fn two_projects_of_one_name_do_not_touch_each_other() {
    let Some(project) = Project::new("twins") else { return };
    let twin = project.twin();
    // Both for the first time, at the same time: neither takes the other's ports.
    let ups = [&project, &twin].map(|project| {
        project.configure(SMALL);
        project.begin(&["up", "--timeout", "300s"])
    });
    for up in ups {
        up.end().expect(0);
    }
    let addresses = [&project, &twin].map(|project| project.healthy()["bootstrap"]["host"].clone());
    assert_ne!(addresses[0], addresses[1]);
    project.run(&["produce", "--value", "mine"]).expect(0);
    twin.run(&["produce", "--value", "theirs"]).expect(0);
    assert_eq!(project.run(&["consume", "--exit"]).expect(0).stdout, "mine\n");
    assert_eq!(twin.run(&["consume", "--exit"]).expect(0).stdout, "theirs\n");
    let listed = project.run(&["ls", "-o", "json"]).expect(0).json();
    let ours = listed.as_array().unwrap().iter().filter(|listed| listed["name"] == project.name()).count();
    assert_eq!(ours, 2, "{listed:#}");
    project.run(&["down", "--volumes"]).expect(0);
    assert_eq!(project.objects(), [""; 0]);
    assert_eq!(twin.run(&["consume", "--exit"]).expect(0).stdout, "theirs\n", "the other project is as it was");
    twin.healthy();
    // Who stands in the wrong directory is told of the other one.
    let there = format!("cd {}   (another project of that name)", twin.directory().display());
    project.run(&["down"]).expect(0).says("has nothing on the engine").says(&there);
    project.run(&["status"]).expect(5).says(&there);
    let exec = ["exec", "kafka-1", "--", "true"];
    for command in [&["logs"][..], &["logs", "kafka-1"], &["restart", "kafka-1"], &exec, &["consume"]] {
        project.run(command).expect(1).says(&there);
    }
    // A project that is down keeps its ports: another does not get them meanwhile.
    twin.run(&["down"]).expect(0);
    let listed = project.run(&["ls"]).expect(0).stdout;
    let line = listed.lines().find(|line| line.contains(&*twin.directory().to_string_lossy())).unwrap();
    assert!(line.contains("down, data kept"), "{listed}");
    project.up(&[]);
    twin.up(&[]);
    assert_eq!(twin.healthy()["bootstrap"]["host"], addresses[1]);
}
