//! What Tab offers: the script of each shell, and the words in a real one. There is no engine.

use crate::sandbox::Sandbox;

/// What bash offers for the last of these words; options only where one is begun.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let kdev = sandbox.command(&[]);
    let program = std::path::Path::new(kdev.get_program());
    let path = std::env::join_paths(
        std::iter::once(program.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let script = "source <(kdev completions bash)
        COMP_WORDS=(kdev \"$@\") COMP_CWORD=$# COMP_TYPE=9
        _clap_complete_kdev kdev \"${@: -1}\"
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", script, "bash"]).args(words).current_dir(sandbox.directory());
    for (name, value) in kdev.get_envs() {
        bash.env(name, value.unwrap());
    }
    bash.env("PATH", path.unwrap());
    let ran = sandbox.finish(bash);
    let begun = words.last().is_some_and(|word| word.starts_with('-'));
    let offered = ran.stdout.lines().filter(|line| !line.is_empty() && line.starts_with('-') == begun);
    offered.map(str::to_owned).collect()
}

#[test]
fn every_shell_gets_a_script_that_asks_kdev() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = sandbox.run(&["completions", shell]).expect(0);
        assert!(ran.stdout.contains("kdev") && ran.stdout.contains("KDEV_COMPLETE"), "{shell}:\n{ran}");
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn commands_options_and_choices_are_offered() {
    let sandbox = Sandbox::new();
    assert_eq!(offered(&sandbox, &["sta"]), ["status"]);
    assert_eq!(offered(&sandbox, &["res"]), ["restart"]);
    assert_eq!(offered(&sandbox, &["up", "--no-"]), ["--no-apps"]);
    assert_eq!(offered(&sandbox, &["status", "-o", ""]), ["table", "json"]);
    assert_eq!(offered(&sandbox, &["groups", "re"]), ["reset"]);
}

#[test]
fn services_and_topics_are_those_of_kdev_toml() {
    let sandbox = Sandbox::new();
    assert_eq!(offered(&sandbox, &["logs", "kafka-"]), ["kafka-1", "kafka-2", "kafka-3"]);
    assert_eq!(offered(&sandbox, &["restart", "kafka-1", "pro"]), ["producer"]);
    assert_eq!(offered(&sandbox, &["topics", "describe", ""]), ["posts"]);
    assert_eq!(offered(&sandbox, &["consume", "--group", ""]), [""; 0], "who does not answer is not waited for");
    sandbox.write("other/kdev.toml", "[kafka]\nbrokers = 1\n[topics.orders]\n[topics.posts]\n[apps.shop]\n");
    assert_eq!(offered(&sandbox, &["exec", "--file", "other/kdev.toml", ""]), ["kafka-1", "shop"]);
    assert_eq!(offered(&sandbox, &["-f", "other/kdev.toml", "produce", "o"]), ["orders"]);
    assert_eq!(offered(&sandbox, &["produce", "--bootstrap", "localhost:1", "p"]), [""; 0], "of another cluster");
    sandbox.write("kdev.toml", "[kafka]\nbrokrs = 1\n");
    assert_eq!(offered(&sandbox, &["logs", ""]), [""; 0], "a mistake in kdev.toml is no matter of Tab's");
}
