//! `c8dr values`, `c8dr release` and everything that can be wrong with `driver: helm`, typed as people type it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;

use crate::stage::{Ran, Stage};

const CONFIGURATION: &str = r"
name: camunda
clusterSize: 8
partitionCount: 8
replicationFactor: 4
regions:
  - name: london
    exporter: elasticsearchregion0
    gateways: [{ management: 'http://127.0.0.1:1' }]
    kubernetes: { context: london, namespace: camunda-london, release: camunda }
    platform: { driver: helm, version: 11.12.3, values: [camunda-values.yml, region0/camunda-values.yml] }
  - name: paris
    exporter: elasticsearchregion1
    gateways: [{ management: 'http://127.0.0.1:2' }]
    kubernetes: { context: paris, namespace: camunda-paris, release: camunda }
    platform: { driver: helm, version: 11.12.3, values: [camunda-values.yml, region1/camunda-values.yml] }
";

fn stage(configuration: &str) -> Stage {
    let stage = Stage::new();
    std::fs::write(stage.path().join("c8dr.yaml"), configuration).unwrap();
    stage
}

fn mended(stage: &Stage, file: &str, from: &str, to: &str) {
    let path = stage.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn what_values_writes_it_finds_right() {
    let stage = stage(CONFIGURATION);
    stage
        .run(&["values"])
        .exits(0)
        .says("# --- region1/camunda-values.yml")
        .says("camunda-zeebe-3.camunda-zeebe.camunda-paris.svc.cluster.local:26502");
    stage
        .run(&["values", "--write", "."])
        .exits(0)
        .says("Written: ./region0/camunda-values.yml");
    stage
        .run(&["values", "--check"])
        .exits(0)
        .says("The values are those of this installation.");
    stage
        .run(&["values", "--write", "."])
        .exits(2)
        .says("is there already");
    for region in ["region0", "region1"] {
        let files = ["camunda-values.yml", &format!("{region}/camunda-values.yml")];
        stage.run(&["values", "--check", files[0], files[1]]).exits(0);
    }
}

#[test]
fn each_mistake_in_values_is_told_with_its_place() {
    let stage = stage(CONFIGURATION);
    stage.run(&["values", "--write", "."]).exits(0);
    mended(
        &stage,
        "camunda-values.yml",
        "replicationFactor: \"4\"",
        "replicationFactor: 3",
    );
    mended(&stage, "region1/camunda-values.yml", "regionId: 1", "regionId: 0");
    let told = stage
        .run(&["values", "--check", "--output", "json"])
        .exits(3)
        .json();
    let mistakes = told["mistakes"].as_array().unwrap();
    let places: Vec<(&str, &str)> = mistakes
        .iter()
        .map(|mistake| {
            (
                mistake["key"].as_str().unwrap(),
                mistake["found"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            ("zeebe.replicationFactor", "3"),
            ("global.multiregion.regionId", "0")
        ]
    );
    assert!(
        mistakes[1]["file"]
            .as_str()
            .unwrap()
            .ends_with("region1/camunda-values.yml")
    );
    stage
        .run(&["values", "--check"])
        .exits(3)
        .says("c8dr explain values-wrong");
    // Files that are named say for which region they are, or it is said.
    let files = ["camunda-values.yml", "region1/camunda-values.yml"];
    stage
        .run(&["values", "--region", "paris", "--check", files[0], files[1]])
        .exits(3)
        .says("global.multiregion.regionId");
    stage
        .run(&["values", "--check", "camunda-values.yml"])
        .exits(2)
        .says("do not say for which region");
    std::fs::remove_file(stage.path().join("region0/camunda-values.yml")).unwrap();
    stage
        .run(&["values", "--check"])
        .exits(2)
        .says("cannot be used")
        .says("c8dr explain values-unreadable");
}

#[test]
fn values_for_another_chart_are_asked_for_by_its_version() {
    let stage = stage(CONFIGURATION);
    stage
        .run(&["values", "--chart-version", "14.0.1"])
        .exits(0)
        .says("orchestration:")
        .says("CAMUNDA_CLUSTER_INITIALCONTACTPOINTS");
    stage
        .run(&["values", "--chart-version", "^14"])
        .exits(2)
        .says("Write all three numbers");
    let bare = CONFIGURATION
        .lines()
        .filter(|line| !line.contains("kubernetes:") && !line.contains("platform:"))
        .collect::<Vec<_>>()
        .join("\n");
    let bare = self::stage(&bare);
    bare.run(&["values"]).exits(2).says("values need `kubernetes`");
}

#[track_caller]
fn mistake(from: &str, to: &str) -> Ran {
    assert!(CONFIGURATION.contains(from), "{from}");
    let text = CONFIGURATION.replacen(from, to, 1);
    stage(&text).run(&["config", "check"]).exits(2)
}

#[test]
fn a_configuration_for_helm_is_whole_or_refused() {
    stage(CONFIGURATION).run(&["config", "check"]).exits(0);
    mistake("version: 11.12.3", "version: 11.12.4").says("the regions have different charts");
    mistake("version: 11.12.3", "version: ^11").says("no whole version");
    mistake("version: 11.12.3,", "").says("`version` is missing");
    mistake(", values: [camunda-values.yml, region0/camunda-values.yml]", "").says("`values` is missing");
    mistake(
        "    kubernetes: { context: london, namespace: camunda-london, release: camunda }\n",
        "",
    )
    .says("`kubernetes` is missing");
    mistake("context: london, ", "").says("needs the `context`");
    mistake("namespace: camunda-london", "namespace: --all").says("`namespace` is no name that");
    mistake("driver: helm,", "driver: helm, pods: [kubectl],").says("changed by commands");
    mistake("driver: helm,", "driver: manual,").says("changed by helm");
    mistake(
        "context: paris, namespace: camunda-paris",
        "context: london, namespace: camunda-london",
    )
    .says("regions 0 and 1 are the same namespace");
}

/// A helm that tells of a release that is stuck, and writes down what it was asked.
const HELM: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
status=pending-upgrade
[ -e "$here/back" ] && status=deployed
revision=2
[ -e "$here/back" ] && revision=3
case "$*" in
  list*) echo '[{"name":"camunda","revision":"'$revision'","status":"'$status'"}]' ;;
  "get metadata"*) echo '{"chart":"camunda-platform","version":"11.12.3"}' ;;
  history*) echo '[{"revision":1,"status":"deployed"},{"revision":2,"status":"pending-upgrade"}]' ;;
  "show chart"*) printf 'name: camunda-platform\nversion: 11.12.3\n' ;;
  "get values"*) echo '{}' ;;
  "get manifest"*--revision\ 2*) cat "$here/brokers" 2>/dev/null; true ;;
  upgrade*--dry-run*) echo '{"manifest":""}' ;;
  rollback*) touch "$here/back" ;;
esac
"#;

fn helm(stage: &Stage, arguments: &[&str]) -> Ran {
    let path = format!(
        "{}:{}",
        stage.path().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    stage
        .command(arguments)
        .env("PATH", path)
        .output()
        .unwrap()
        .into()
}

#[test]
fn a_stuck_release_is_rolled_back_only_when_asked_by_name() {
    let stage = stage(CONFIGURATION);
    let program = stage.path().join("helm");
    std::fs::write(&program, HELM).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    helm(&stage, &["release", "show"])
        .exits(3)
        .says("pending-upgrade")
        .says("helm rollback camunda 1")
        .says("c8dr explain release-pending");
    // Nobody is at the terminal, and nobody said yes.
    helm(&stage, &["release", "rollback", "--region", "london"]).exits(4);
    helm(&stage, &["release", "rollback", "--region", "berlin", "--yes"]).exits(2);
    helm(
        &stage,
        &["release", "rollback", "--region", "london", "--to", "9", "--yes"],
    )
    .exits(2)
    .says("there is no revision 9");
    let brokers = "kind: StatefulSet\nmetadata: {name: camunda-zeebe, labels: {app.kubernetes.io/component: zeebe-broker}}\nspec: {replicas: 4}\n";
    std::fs::write(stage.path().join("brokers"), brokers).unwrap();
    helm(&stage, &["release", "rollback", "--region", "london", "--yes"])
        .exits(3)
        .says("would restart brokers")
        .says("c8dr explain release-moves-brokers");
    let asked = std::fs::read_to_string(stage.path().join("asked")).unwrap();
    assert!(!asked.contains("rollback"), "{asked}");
    std::fs::remove_file(stage.path().join("brokers")).unwrap();
    helm(&stage, &["release", "rollback", "--region", "london", "--yes"])
        .exits(0)
        .says("revision 3 is deployed");
    let asked = std::fs::read_to_string(stage.path().join("asked")).unwrap();
    let sent: Vec<&str> = asked
        .lines()
        .filter(|line| line.starts_with("rollback"))
        .collect();
    assert_eq!(
        sent,
        ["rollback camunda 1 --timeout 570s --kube-context london --namespace camunda-london"]
    );
}

#[test]
fn without_helm_releases_are_not_looked_at() {
    let stage = stage(CONFIGURATION);
    stage
        .run(&["release", "show"])
        .exits(3)
        .says("could not be started")
        .says("c8dr explain helm-unusable");
}

const SNAPSHOTS: &str =
    "snapshots: { repository: r, type: s3, settings: { client: camunda }, bucketFrom: { env: BUCKET } }\n";

#[test]
fn the_bucket_of_the_snapshots_comes_from_the_environment() {
    let stage = stage(&format!("{CONFIGURATION}{SNAPSHOTS}"));
    stage
        .run(&["config", "check"])
        .exits(2)
        .says("the environment variable BUCKET is not set");
    let with = |value: &str| -> Ran {
        stage
            .command(&["config", "check"])
            .env("BUCKET", value)
            .output()
            .unwrap()
            .into()
    };
    with("Warning: No outputs found")
        .exits(2)
        .says("holds no name of a bucket");
    with("camunda-bucket").exits(0);
    let twice = SNAPSHOTS.replace("client: camunda", "bucket: one");
    self::stage(&format!("{CONFIGURATION}{twice}"))
        .run(&["config", "check"])
        .exits(2)
        .says("the bucket is named twice");
}
