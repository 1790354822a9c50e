//! Two runs on one project at once, and runs that are asked to stop.

use super::project::{Project, SMALL};

#[test]
fn a_second_up_waits_for_the_first_and_then_finds_nothing_to_do() {
    let Some(project) = Project::new("two-ups") else { return };
    project.configure(SMALL);
    let mut first = project.begin(&["up", "--timeout", "300s"]);
    first.until("create network");
    let second = project.up(&[]);
    second.says(&format!("waiting for `kdev up` (process {}), which works on {}", first.child.id(), project.name()));
    second.says("nothing to do");
    first.end().expect(0);
    project.healthy();
}

#[test]
fn down_waits_for_up_and_then_takes_all_away() {
    let Some(project) = Project::new("up-down") else { return };
    project.configure(SMALL);
    let mut up = project.begin(&["up", "--timeout", "300s"]);
    up.until("create network");
    let down = project.run(&["down", "--volumes"]).expect(0);
    down.says(&format!("waiting for `kdev up` (process {})", up.child.id())).says("is gone");
    up.end().expect(0);
    assert_eq!(project.objects(), [""; 0]);
    // And the other way round.
    project.up(&[]);
    let mut down = project.begin(&["down"]);
    down.until("stop kafka-1");
    let up = project.up(&[]);
    up.says(&format!("waiting for `kdev down` (process {})", down.child.id())).says("create container of kafka-1");
    down.end().expect(0);
    project.healthy();
}

#[test]
fn the_first_ctrl_c_stops_at_a_safe_point_and_the_next_up_goes_on() {
    let Some(project) = Project::new("ctrl-c") else { return };
    project.configure(SMALL);
    let mut up = project.begin(&["up", "--timeout", "300s"]);
    up.until("start kafka-1");
    up.signal("INT");
    let ran = up.end().expect(130);
    ran.says("error: stopped on request: ").says("try: kdev up     (goes on from here)").says("or: kdev down");
    project.up(&[]);
    project.healthy();
    // While waiting for another run, nothing was begun.
    let mut down = project.begin(&["down"]);
    down.until("stop kafka-1");
    let mut up = project.begin(&["up"]);
    up.until("waiting for `kdev down`");
    up.signal("INT");
    up.end().expect(130).says("stopped on request: nothing was changed");
    down.end().expect(0);
}

#[test]
fn a_time_that_is_up_is_told_with_what_was_waited_for() {
    let Some(project) = Project::new("late") else { return };
    project.configure(SMALL);
    let ran = project.run(&["up", "--timeout", "1ms"]).expect(4);
    ran.says("error: not ready after 1ms").says("kdev up --timeout 300s   (goes on from here)");
}
