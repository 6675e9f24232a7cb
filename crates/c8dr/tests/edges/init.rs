//! `c8dr init --from-env`, with the very exports of Camunda's guide, and with everything that can be wrong with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use super::page::Page;
use crate::stage::{Ran, Stage};

/// What is exported when the cluster is set up.
const SET_UP: &str = "\
export CLUSTER_0=cluster-london
export CLUSTER_1=cluster-paris
export CAMUNDA_NAMESPACE_0=camunda-london
export CAMUNDA_NAMESPACE_1=camunda-paris
export HELM_RELEASE_NAME=camunda
export HELM_CHART_VERSION=11.2.2
";

/// What the guide has exported when region 0 is lost, to the letter.
const REGION_0_LOST: &str = "\
export CLUSTER_SURVIVING=$CLUSTER_1
export CLUSTER_RECREATED=$CLUSTER_0
export CAMUNDA_NAMESPACE_SURVIVING=$CAMUNDA_NAMESPACE_1
export CAMUNDA_NAMESPACE_RECREATED=$CAMUNDA_NAMESPACE_0
export REGION_SURVIVING=region1
export REGION_RECREATED=region0
";

/// The same when region 1 is lost.
const REGION_1_LOST: &str = "\
export CLUSTER_SURVIVING=$CLUSTER_0
export CLUSTER_RECREATED=$CLUSTER_1
export CAMUNDA_NAMESPACE_SURVIVING=$CAMUNDA_NAMESPACE_0
export CAMUNDA_NAMESPACE_RECREATED=$CAMUNDA_NAMESPACE_1
export REGION_SURVIVING=region0
export REGION_RECREATED=region1
";

const BUCKET: &str = "export S3_BUCKET_NAME=camunda-elastic-backup\n";
const NUMBERS_FORGOTTEN: &str = "unset CLUSTER_0 CLUSTER_1 CAMUNDA_NAMESPACE_0 CAMUNDA_NAMESPACE_1\n";
const KEYS: &str = "export AWS_ACCESS_KEY_ID=hunter2 AWS_SECRET_ACCESS_KEY=hunter2\n";

/// Runs a command in a shell after some exports, as a person would.
fn shell(stage: &Stage, exports: &str, command: &str) -> Ran {
    Command::new("bash")
        .args(["-euc", &format!("{exports}\nexec \"$C8DR\" {command}")])
        .current_dir(stage.path())
        .env_clear()
        .env("C8DR", env!("CARGO_BIN_EXE_c8dr"))
        .env("C8DR_HOME", stage.home())
        .output()
        .unwrap()
        .into()
}

fn written(stage: &Stage) -> Option<String> {
    std::fs::read_to_string(stage.path().join("c8dr.yaml")).ok()
}

#[test]
fn the_exports_of_the_guide_make_a_configuration() {
    let mut texts = Vec::new();
    for exports in [
        format!("{SET_UP}{BUCKET}{KEYS}"),
        format!("{SET_UP}{REGION_0_LOST}{BUCKET}{KEYS}"),
        format!("{SET_UP}{REGION_1_LOST}{BUCKET}{KEYS}"),
        format!("{SET_UP}{REGION_0_LOST}{NUMBERS_FORGOTTEN}{BUCKET}{KEYS}"),
        format!("{SET_UP}{REGION_1_LOST}{NUMBERS_FORGOTTEN}{BUCKET}{KEYS}"),
    ] {
        let stage = Stage::new();
        shell(&stage, &exports, "init --from-env")
            .exits(0)
            .says("c8dr.yaml is written");
        let text = written(&stage).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        shell(&stage, KEYS, "config check")
            .exits(0)
            .says("8 brokers in region0 and region1");
        // Without the keys it says which are missing.
        shell(&stage, "", "config check")
            .exits(2)
            .says("AWS_ACCESS_KEY_ID is not set");
        texts.push(text);
    }
    // Whichever region was lost, region 0 stays the one with the even brokers.
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    insta::assert_snapshot!("init", texts[0]);
}

#[test]
fn without_a_bucket_the_rest_is_written_and_loads() {
    let stage = Stage::new();
    shell(
        &stage,
        SET_UP,
        "init --from-env --cluster-size 4 --partition-count 3 --write my.yaml",
    )
    .exits(0)
    .says("Left out: `snapshots`")
    .says("Left out: `bucket`");
    shell(&stage, "", "config check --config my.yaml")
        .exits(0)
        .says("4 brokers")
        .says("3 partitions");
    let shown = shell(&stage, "", "config show --config my.yaml --output json")
        .exits(0)
        .json();
    assert_eq!(shown["found_by"], "argument");
    // Strange names are carried as they are, and break nothing.
    let stage = Stage::new();
    let strange =
        "export CLUSTER_0='arn:aws:eks:eu-west-2:1:cluster/a b' CAMUNDA_NAMESPACE_1='it'\"'\"'s: #1'\n";
    shell(&stage, &format!("{SET_UP}{strange}"), "init --from-env").exits(0);
    shell(&stage, "", "config check").exits(0);
    let shown = shell(&stage, "", "config show").exits(0);
    assert!(shown.out.contains("arn:aws:eks:eu-west-2:1:cluster/a b") && shown.out.contains("it's: #1"));
}

#[test]
fn the_page_of_init() {
    let mut page = Page::new(
        "init",
        "The first configuration",
        "`c8dr init` refuses what it would have to guess. Nothing was written, and no file was overwritten.",
    );
    let set_up_without = |name: &str| {
        SET_UP
            .lines()
            .filter(|line| !line.contains(name))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    for (fault, exports, typed, says) in [
        (
            "It is not said where to begin",
            SET_UP.to_owned(),
            "init",
            "must be told where to begin",
        ),
        (
            "No variable is set",
            String::new(),
            "init --from-env",
            "export CLUSTER_0=cluster-london",
        ),
        (
            "One variable is missing",
            set_up_without("CAMUNDA_NAMESPACE_1"),
            "init --from-env",
            "export CAMUNDA_NAMESPACE_1=camunda-paris",
        ),
        (
            "The guide's exports came before those of the set-up",
            REGION_0_LOST.replace('$', ""),
            "init --from-env",
            "HELM_RELEASE_NAME",
        ),
        (
            "It is known which region survives, and not which has the even brokers",
            format!("{SET_UP}{REGION_0_LOST}{NUMBERS_FORGOTTEN}unset REGION_SURVIVING REGION_RECREATED\n"),
            "init --from-env",
            "export REGION_SURVIVING=region0",
        ),
        (
            "Both regions are one cluster",
            format!("{SET_UP}export CLUSTER_1=$CLUSTER_0\n"),
            "init --from-env",
            "CLUSTER is `cluster-london` for both regions",
        ),
        (
            "Both regions are one namespace",
            format!("{SET_UP}export CAMUNDA_NAMESPACE_1=camunda-london\n"),
            "init --from-env",
            "CAMUNDA_NAMESPACE is `camunda-london` for both",
        ),
        (
            "The surviving region has two numbers",
            format!("{SET_UP}{REGION_0_LOST}export REGION_SURVIVING=region0 REGION_RECREATED=region1\n"),
            "init --from-env",
            "CLUSTER_0 is `cluster-london`, but CLUSTER_SURVIVING is",
        ),
        (
            "Both regions have one number",
            format!("{SET_UP}{REGION_0_LOST}export REGION_RECREATED=region1\n"),
            "init --from-env",
            "are both region1",
        ),
        (
            "A region has a name for a number",
            format!("{SET_UP}{REGION_0_LOST}export REGION_SURVIVING=paris\n"),
            "init --from-env",
            "must be region0",
        ),
        (
            "The regions are counted from 1",
            format!("{SET_UP}export CLUSTER_1_NAME=a CLUSTER_2_NAME=b CAMUNDA_NAMESPACE_2=c\n"),
            "init --from-env",
            "counts the regions from 1",
        ),
        (
            "The cluster size is odd",
            SET_UP.to_owned(),
            "init --from-env --cluster-size 7",
            "must be even",
        ),
        (
            "The file's folder is not there",
            SET_UP.to_owned(),
            "init --from-env --write no/c8dr.yaml",
            "cannot write no/c8dr.yaml",
        ),
    ] {
        let stage = Stage::new();
        let ran = shell(&stage, &exports, typed).says(says);
        assert_ne!(ran.code, 0, "{fault}: {}", ran.out);
        assert!(written(&stage).is_none(), "{fault}: a file was written");
        page.fault(&stage, fault, typed, &ran);
    }
    let stage = Stage::new();
    std::fs::write(stage.path().join("c8dr.yaml"), "mine").unwrap();
    let ran = shell(&stage, SET_UP, "init --from-env")
        .exits(2)
        .says("left as it is");
    assert_eq!(written(&stage).as_deref(), Some("mine"));
    page.fault(
        &stage,
        "There is a configuration already",
        "init --from-env",
        &ran,
    );
    page.check();
}
