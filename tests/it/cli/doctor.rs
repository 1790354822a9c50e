//! The doctor where there is no engine: it tells that as a check among those that can still be made.

use crate::sandbox::Sandbox;

#[test]
fn without_an_engine_the_rest_is_checked_all_the_same() {
    insta::assert_snapshot!(Sandbox::new().run(&["doctor"]), @r"
    exit 3
    -- stdout
    engine
      ✗ engine  no Docker engine: there is no socket /nowhere/docker.sock
                while looking for the Docker engine
                while using DOCKER_HOST=unix:///nowhere/docker.sock
                fix: unset DOCKER_HOST, to use the usual place

    project
      ✓ kdev.toml  project blog: the built-in one, as there is none here (kdev init writes it)

    network
      ✓ proxies  none

    2 passed, 0 warnings, 1 failed
    ");
}

#[test]
fn a_mistake_in_kdev_toml_is_a_check_and_decides_the_exit_code() {
    let mut sandbox = Sandbox::new();
    sandbox.write("kdev.toml", "[kafka]\nbroker = 3\n");
    sandbox.set("HTTPS_PROXY", "http://127.0.0.1:3128");
    let report = sandbox.run(&["doctor", "-o", "json"]).expect(2).json();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["summary"], serde_json::json!({"pass": 0, "warning": 1, "fail": 2}));
    let file = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "kdev.toml").unwrap();
    assert_eq!(file["status"], "fail");
    assert_eq!(file["message"], "kdev.toml:2:1: there is no key `broker` here");
    assert!(file["fix"].as_str().unwrap().starts_with("`brokers`"), "{file:#}");
}
