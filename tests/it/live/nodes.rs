//! A node that does not come up.

use super::project::Project;

#[test]
fn a_node_that_dies_at_its_start_is_shown_with_its_last_lines() {
    let Some(project) = Project::new("dies") else { return };
    project.configure("[kafka.config]\n\"log.retention.hours\" = \"abc\"\n");
    let ran = project.try_up(&["--no-apps"]).expect(1);
    ran.says("error: kafka-").says("ended at once, with exit code 1");
    ran.says("log.retention.hours").says("abc");
    ran.says("  while starting kafka-").says("  try: kdev logs kafka-");
    // Whichever was the first to die stays for inspection, and the file, put right, comes up over it.
    let node = ran.stderr.split("error: ").nth(1).unwrap().split(' ').next().unwrap();
    project.run(&["logs", node]).expect(0).says("log.retention.hours");
    project.run(&["status"]).expect(5).says(&format!("{node} is exited"));
    project.configure("[kafka.config]\n\"log.retention.hours\" = 24\n");
    project.up(&["--no-apps"]);
    project.healthy();
}
