//! Every way to get the configuration wrong, and what is said then. Nothing is ever sent: no address in it is reached.

mod bench;
mod beside;
mod text;
mod values;

use self::bench::Bench;
pub(super) use self::bench::GOOD;
use self::bench::SECRET;
use super::page::Page;
use crate::stage::{Ran, Stage};

#[test]
fn the_page_of_the_configuration() {
    let mut bench = Bench::new(Page::new(
        "configuration",
        "The configuration",
        "Each mistake is shown in the file, with what would be right. Nothing was sent anywhere, and nothing was changed.",
    ));
    text::the_file(&mut bench);
    text::its_yaml(&mut bench);
    text::its_keys(&mut bench);
    values::its_shape(&mut bench);
    values::its_addresses(&mut bench);
    beside::its_secrets(&mut bench);
    beside::its_tls(&mut bench);
    beside::what_a_failback_needs(&mut bench);
    bench.check();
}

#[test]
fn every_value_says_where_it_came_from_and_secrets_stay_where_they_are() {
    let stage = Stage::new();
    let text = format!(
        "{GOOD}auth:\n  rest: {{ basic: {{ username: demo, password: {{ env: CAMUNDA_PASSWORD }} }} }}\n"
    )
    .replace(
        "[[helm, upgrade]]",
        "[[helm, --set, identity.password=hunter2, --token, hunter2]]",
    );
    std::fs::write(stage.path().join("c8dr.yaml"), &text).unwrap();
    std::fs::write(stage.path().join("key.txt"), SECRET).unwrap();
    let show = |form: &str, password: &str| -> Ran {
        let mut command = stage.command(&["config", "show", "--output", form]);
        command.env("CAMUNDA_PASSWORD", password).output().unwrap().into()
    };
    for form in ["human", "json", "yaml"] {
        let shown = show(form, SECRET).exits(0);
        assert!(
            !format!("{}{}", shown.out, shown.err).contains(SECRET),
            "{}",
            shown.out
        );
    }
    let shown = show("json", "").exits(0).json();
    assert_eq!(shown["found_by"], "here");
    let setting = |key: &str| -> serde_json::Value {
        let mut settings = shown["settings"].as_array().unwrap().iter();
        settings
            .find(|setting| setting["key"] == key)
            .unwrap_or_else(|| panic!("no {key}"))
            .clone()
    };
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("clusterSize"))
        .unwrap();
    assert_eq!(setting("clusterSize")["value"], 4);
    assert_eq!(
        setting("clusterSize")["from"],
        serde_json::json!({ "kind": "file", "line": line })
    );
    assert_eq!(setting("pause.floorSeconds")["from"]["kind"], "default");
    let password = setting("auth.rest.basic.password");
    assert_eq!(password["value"], serde_json::Value::Null);
    assert_eq!(password["from"]["variable"], "CAMUNDA_PASSWORD");
    assert_eq!(password["from"]["is_there"], false);
    let key = setting("bucket.secretKey");
    assert_eq!(
        (&key["from"]["kind"], &key["from"]["is_there"]),
        (&"secret-file".into(), &true.into())
    );
    assert_eq!(
        setting("regions[1].platform.install[0]")["value"][2],
        "identity.password=***"
    );
}
