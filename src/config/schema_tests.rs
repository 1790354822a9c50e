//! docs/kdev.schema.json, for editors, says what kdev itself accepts.

use serde_json::Value;

use super::{file::File, load};

/// The keys that kdev accepts at a place: it names them when it meets one that it does not know.
fn accepted(toml: &str) -> Vec<String> {
    let error = load::parse::<File>("kdev.toml", toml).unwrap_err();
    let hint = error.hints.iter().find_map(|hint| hint.strip_prefix("one of: ")).unwrap();
    let mut keys: Vec<String> = hint.split(", ").map(str::to_owned).collect();
    keys.sort();
    keys
}

fn described(schema: &Value, place: &str) -> Vec<String> {
    let mut keys: Vec<String> = schema.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn the_schema_for_editors_has_the_very_keys_that_kdev_accepts() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/kdev.schema.json")).unwrap();
    let places = [
        ("zzz = 1", "/properties"),
        ("[kafka]\nzzz = 1", "/properties/kafka/properties"),
        ("[topics.a]\nzzz = 1", "/properties/topics/additionalProperties/properties"),
        ("[apps.a]\nzzz = 1", "/properties/apps/additionalProperties/properties"),
    ];
    for (toml, place) in places {
        assert_eq!(accepted(toml), described(&schema, place), "{place}");
    }
}

#[test]
fn the_switch_among_the_topics_is_described() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/kdev.schema.json")).unwrap();
    assert_eq!(described(&schema, "/properties/topics/properties"), [super::check::PRUNE]);
    assert!(load::parse::<File>("kdev.toml", "[topics]\nprune = true").is_ok());
}
