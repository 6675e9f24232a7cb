//! The published schema: current, and of one mind with the reader about what may stand in a configuration.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::page;
use crate::stage::Stage;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn validator(stage: &Stage) -> jsonschema::Validator {
    let schema = stage.run(&["config", "schema"]).exits(0).json();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// A YAML text as the values that an editor sees in it.
#[track_caller]
fn seen(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The README's example, and the same with its remarks made live: what a failback needs, and all else.
fn readme() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let from = readme.find("```yaml\nname: camunda").unwrap() + "```yaml\n".len();
    let example = readme[from..].split("```").next().unwrap().to_owned();
    let (live, remarks) = example.split_at(example.find("# What a failback needs").unwrap());
    let mut both = String::new();
    let mut region = String::new();
    let mut is_of_region = true;
    for line in remarks.lines().filter_map(|line| line.strip_prefix("# ")) {
        is_of_region &= line != "And for both regions:";
        if is_of_region && line.starts_with("  ") {
            region.push_str(&format!("  {line}\n"));
        } else if !is_of_region && !line.starts_with("And") {
            both.push_str(&format!("{line}\n"));
        }
    }
    assert!(
        region.contains("webappsUp") && both.contains("floorSeconds"),
        "{region}\n{both}"
    );
    let whole = format!("{live}{region}{both}");
    vec![example, whole]
}

#[test]
fn the_schema_is_current() {
    let stage = Stage::new();
    let schema = stage.run(&["config", "schema"]).exits(0);
    page::hold(&root().join("docs/reference/c8dr.schema.json"), &schema.out);
}

#[test]
fn every_key_of_the_schema_is_explained() {
    fn look(at: &str, schema: &Value, bare: &mut Vec<String>) {
        match schema {
            Value::Object(keys) => {
                for (key, inner) in keys {
                    let here = format!("{at}/{key}");
                    if let (true, Some(properties)) = (key == "properties", inner.as_object()) {
                        for (name, property) in properties {
                            if property.get("description").is_none() {
                                bare.push(format!("{here}/{name}"));
                            }
                        }
                    }
                    look(&here, inner, bare);
                }
            }
            Value::Array(all) => all.iter().for_each(|one| look(at, one, bare)),
            _ => {}
        }
    }
    let mut bare = Vec::new();
    look(
        "",
        &Stage::new().run(&["config", "schema"]).exits(0).json(),
        &mut bare,
    );
    // What an `env` or a `basic` is, is said one level above.
    bare.retain(|key| {
        !["/env", "/file", "/basic", "/bearer"]
            .iter()
            .any(|end| key.ends_with(end))
    });
    assert!(bare.is_empty(), "no description: {bare:#?}");
}

#[test]
fn what_is_right_is_right_for_both() {
    let stage = Stage::new();
    let schema = validator(&stage);
    let lab = {
        stage.lab(&[]);
        std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap()
    };
    let password = [
        ("CAMUNDA_PASSWORD", "p"),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let pair = rcgen::generate_simple_self_signed(["c8dr.example".to_owned()]).unwrap();
    std::fs::write(stage.path().join("ca.pem"), pair.cert.pem()).unwrap();
    std::fs::write(stage.path().join("token.txt"), "t").unwrap();
    let mut texts = readme();
    texts.push(super::configuration::GOOD.to_owned());
    texts.push(lab);
    std::fs::write(stage.path().join("key.txt"), "k").unwrap();
    for text in texts {
        let errors: Vec<String> = schema
            .iter_errors(&seen(&text))
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{text}");
        std::fs::write(stage.path().join("c8dr.yaml"), &text).unwrap();
        let checked = stage
            .command(&["config", "check"])
            .envs(password)
            .output()
            .unwrap();
        assert!(
            checked.status.success(),
            "{}\n{text}",
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}

#[test]
fn what_is_wrong_is_wrong_for_both() {
    let stage = Stage::new();
    let schema = validator(&stage);
    let good = seen(super::configuration::GOOD);
    assert!(schema.is_valid(&good));
    std::fs::write(stage.path().join("key.txt"), "k").unwrap();
    let spoil = |pointer: &str, value: Value| {
        let (mapping, key) = pointer.rsplit_once('/').unwrap();
        let mut spoiled = good.clone();
        spoiled.pointer_mut(mapping).unwrap()[key] = value;
        spoiled
    };
    for (pointer, value) in [
        ("/clusterSize", json!("four")),
        ("/clusterSize", json!(5)),
        ("/clusterSize", json!(2)),
        ("/clusterSize", json!(-4)),
        ("/partitionCount", json!(0)),
        ("/partitionCount", json!(1.5)),
        ("/replicationFactor", json!(3)),
        ("/nonsense", json!(1)),
        ("/regions", json!([])),
        ("/regions/0/nonsense", json!(1)),
        ("/regions/0/name", json!(["x"])),
        ("/regions/0/name", json!("")),
        ("/regions/0/brokers/zeebe-0", json!("http://b:9600")),
        ("/regions/1/platform/driver", json!("ansible")),
        ("/regions/1/platform/pods", json!("kubectl get pods")),
        ("/regions/1/platform/pods", json!([])),
        ("/regions/1/platform/install", json!(["helm"])),
        ("/regions/1/search/uri", json!("http://s:9200")),
        ("/bucket/accessKey", json!("inline")),
        ("/bucket/accessKey", json!({ "env": "A", "file": "B" })),
        ("/bucket/accessKey", json!({ "env": "$A" })),
        ("/auth", json!({ "rest": { "oidc": {} } })),
        (
            "/auth",
            json!({ "rest": { "basic": { "username": "u", "password": "inline" } } }),
        ),
        ("/tls", json!({ "ca": "ca.pem" })),
        ("/pause", json!({ "floorSeconds": 0 })),
        ("/pause", json!({ "floorSeconds": -1 })),
        ("/clock", json!({ "speed": 0 })),
        ("/webapps", json!("none")),
    ] {
        let spoiled = spoil(pointer, value);
        assert!(
            !schema.is_valid(&spoiled),
            "the schema accepts {pointer} of {spoiled:#}"
        );
        // JSON is YAML.
        std::fs::write(stage.path().join("c8dr.yaml"), spoiled.to_string()).unwrap();
        stage.run(&["config", "check"]).exits(2);
    }
}
