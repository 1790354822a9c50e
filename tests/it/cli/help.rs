//! Help, version, completions, and arguments that are wrong.

use crate::sandbox::Sandbox;

/// The commands that `kdev --help` lists.
fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.run(&["--help"]).expect(0).stdout;
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn help_lists_every_command_of_the_product() {
    let listed = commands(&Sandbox::new());
    for name in [
        "up",
        "plan",
        "down",
        "status",
        "logs",
        "produce",
        "consume",
        "init",
        "env",
        "run",
        "restart",
        "exec",
        "ls",
        "completions",
        "topics",
        "groups",
        "doctor",
        "audit",
        "rebalance",
    ] {
        assert!(listed.iter().any(|listed| listed == name), "{name} is not in {listed:?}");
    }
}

#[test]
fn every_command_has_help_with_a_description_for_each_option() {
    let sandbox = Sandbox::new();
    let mut all: Vec<Vec<String>> = commands(&sandbox).into_iter().map(|name| vec![name]).collect();
    all.retain(|command| command != &["help"]);
    for (noun, verbs) in [
        ("topics", &["list", "describe", "create", "delete", "adopt"] as &[&str]),
        ("groups", &["list", "describe", "reset", "delete"]),
    ] {
        all.extend(verbs.iter().map(|verb| vec![noun.to_owned(), (*verb).to_owned()]));
    }
    for command in all {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let ran = sandbox.run(&arguments).expect(0);
        let usage = format!("Usage: kdev {}", command.join(" "));
        assert!(ran.stdout.contains(&usage), "{usage} is not in:\n{ran}");
        assert_eq!(ran.stderr, "");
        let lines: Vec<&str> = ran.stdout.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| is_option(line)) {
            // A description stands two spaces behind the option, or on the line below.
            let beside = line.trim_start().split("  ").nth(1).is_some_and(|text| !text.trim().is_empty());
            let below = lines
                .get(number + 1)
                .is_some_and(|next| next.starts_with("      ") && !next.trim_start().starts_with('-'));
            assert!(beside || below, "{command:?}: no description of {line}");
        }
    }
}

/// `-x`, `--long`: neither an option's value (`- word: …`) nor an example (`-10`).
fn is_option(line: &str) -> bool {
    let name = line.trim_start().strip_prefix('-').map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[test]
fn no_command_at_all_shows_help_and_is_wrong_usage() {
    let ran = Sandbox::new().run(&[]).expect(2);
    ran.says("Usage: kdev [OPTIONS] <COMMAND>");
    assert_eq!(ran.stdout, "");
}

#[test]
fn the_version_is_the_packages() {
    let ran = Sandbox::new().run(&["--version"]).expect(0);
    assert_eq!(ran.stdout, format!("kdev {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_that_does_not_exist_is_told_with_the_nearest() {
    insta::assert_snapshot!(Sandbox::new().run(&["stauts"]), @r"
    exit 2
    -- stderr
    error: unrecognized subcommand 'stauts'

      tip: some similar subcommands exist: 'audit', 'restart', 'status'

    Usage: kdev [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn an_option_that_does_not_exist_is_told_with_the_nearest() {
    insta::assert_snapshot!(Sandbox::new().run(&["down", "--volume"]), @r"
    exit 2
    -- stderr
    error: unexpected argument '--volume' found

      tip: a similar argument exists: '--volumes'

    Usage: kdev down --volumes

    For more information, try '--help'.
    ");
}

#[test]
fn a_time_without_a_unit_is_told() {
    insta::assert_snapshot!(Sandbox::new().run(&["up", "--timeout", "fast"]), @r"
exit 2
-- stderr
error: invalid value 'fast' for '--timeout <TIME>': give a number with a unit: 90s, 2m

For more information, try '--help'.
");
}

#[test]
fn a_rate_without_a_unit_is_told() {
    let sandbox = Sandbox::new();
    for command in ["produce", "audit"] {
        let ran = sandbox.run(&[command, "--rate", "500"]).expect(2);
        ran.says("invalid value '500' for '--rate <N/TIME>': give a count and a unit of time: 500/s, 100/min, 10/h");
    }
    sandbox.run(&["produce", "--rate", "5/s", "--value", "one"]).expect(2).says("cannot be used with '--value");
    sandbox.run(&["audit", "--for", "0s", "--bootstrap", "localhost:1"]).expect(2).says("--for must be longer");
    sandbox.run(&["audit", "-n", "0"]).expect(2).says("invalid value '0'");
}

#[test]
fn options_that_exclude_each_other_are_told() {
    insta::assert_snapshot!(Sandbox::new().run(&["up", "--build", "--no-apps"]), @r"
    exit 2
    -- stderr
    error: the argument '--build' cannot be used with '--no-apps'

    Usage: kdev up --build

    For more information, try '--help'.
    ");
}

#[test]
fn what_only_shows_says_how_it_ends_and_in_which_order_it_shows() {
    let ran = Sandbox::new().run(&["consume", "--help"]).expect(0);
    ran.says("Records of one partition come in their order").says("Ctrl-C ends it, with exit code 0");
}

#[test]
fn a_file_that_would_not_be_read_is_told() {
    let arguments = ["produce", "--bootstrap", "localhost:1", "--tombstone", "--key", "k", "--file", "keys.txt"];
    Sandbox::new().run(&arguments).expect(2).says("--tombstone with --key is one record").says("leave out --file");
}

#[test]
fn an_address_that_is_none_is_told() {
    for command in ["produce", "consume", "audit"] {
        let wrong = |address| Sandbox::new().run(&[command, "--bootstrap", address]).expect(2);
        wrong("localhost:89906").says("`89906` of `localhost:89906` is no port");
        wrong("").says("has no host");
    }
}

#[test]
fn a_time_too_short_for_a_record_is_told() {
    for command in ["produce", "audit"] {
        Sandbox::new().run(&[command, "--timeout", "500us"]).expect(2).says("it must be between 10ms and 24 days");
    }
}

#[test]
fn a_group_with_a_name_that_no_request_has_room_for_is_told() {
    let name = "g".repeat(40_000);
    let ran = Sandbox::new().run(&["consume", "posts", "--bootstrap", "localhost:1", "--group", &name]).expect(2);
    ran.says("a name of 40,000 bytes").says("32,767");
}
