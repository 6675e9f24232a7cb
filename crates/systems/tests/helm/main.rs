//! The helm driver over a program that answers as helm 3.19 does: what is typed, what is refused, and what is not told.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::Pod;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use c8dr_systems::helm::{At, Chart, Cli, Generation, Helm, Trouble};
use c8dr_systems::platform::Environment;
use futures_util::future::BoxFuture;

/// Answers from files beside itself, and writes down what it was asked.
const PROGRAM: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
case "$*" in
  list*) cat "$here/list" ;;
  "get metadata"*) cat "$here/metadata" ;;
  history*) cat "$here/history" ;;
  "show chart"*) cat "$here/chart" ;;
  "get values"*) cat "$here/values" ;;
  "get manifest"*) cat "$here/manifest" ;;
  upgrade*--dry-run*) cat "$here/rendered" ;;
  *) cat "$here/change" >&2; exit "$(cat "$here/code")" ;;
esac
"#;

const MANIFEST: &str = r#"---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: camunda-zeebe, labels: {app.kubernetes.io/component: zeebe-broker}}
spec: {replicas: 4, template: {spec: {containers: [{name: zeebe, image: "camunda/zeebe:8.6.0"}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: camunda-operate, labels: {app.kubernetes.io/component: operate}}
spec: {template: {spec: {containers: [{name: operate, image: "camunda/operate:8.6.0"}]}}}
"#;

struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// With a release that is deployed, as the files want it.
    fn new() -> Self {
        let stage = Stage {
            folder: tempfile::tempdir().unwrap(),
        };
        stage.put("helm", PROGRAM);
        let program = stage.path().join("helm");
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        stage.status("deployed");
        stage.put(
            "metadata",
            r#"{"name":"camunda","chart":"camunda-platform","version":"11.12.3","revision":2,"status":"deployed"}"#,
        );
        stage.put(
            "chart",
            "apiVersion: v2\nname: camunda-platform\nversion: 11.12.3\n",
        );
        stage.put("values", r#"{"auth":{"adminPassword":"hunter22"}}"#);
        stage.put("values.yml", "auth: { adminPassword: hunter22 }\n");
        stage.put("manifest", MANIFEST);
        stage.rendered(MANIFEST);
        stage.put("change", "");
        stage.put("code", "0");
        stage.put("asked", "");
        stage
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn status(&self, status: &str) {
        self.put(
            "list",
            &format!(
                r#"[{{"name":"camunda","namespace":"camunda-london","revision":"2","updated":"x","status":"{status}","chart":"camunda-platform-11.12.3","app_version":"8.6.x"}}]"#
            ),
        );
        self.put(
            "history",
            &format!(
                r#"[{{"revision":1,"status":"superseded","description":"Install complete"}},{{"revision":2,"status":"{status}","description":"x"}}]"#
            ),
        );
    }

    fn absent(&self) {
        self.put("list", "[]");
    }

    fn rendered(&self, manifest: &str) {
        self.put(
            "rendered",
            &serde_json::json!({ "manifest": manifest }).to_string(),
        );
    }

    /// What helm was asked to change.
    fn changes(&self) -> Vec<String> {
        let asked = std::fs::read_to_string(self.path().join("asked")).unwrap();
        asked
            .lines()
            .filter(|line| {
                ["upgrade", "rollback", "uninstall", "install"]
                    .iter()
                    .any(|verb| line.starts_with(verb))
                    && !line.contains("--dry-run")
            })
            .map(str::to_owned)
            .collect()
    }

    fn helm(&self, generation: Generation, version: &str) -> Helm {
        let path = format!("{}:{}", self.path().display(), std::env::var("PATH").unwrap());
        let environment = Environment {
            variables: vec![("PATH".to_owned(), path)],
            hidden: vec!["hunter22".into()],
            ..Environment::default()
        };
        let at = At {
            context: "london".to_owned(),
            kubeconfig: None,
            namespace: "camunda-london".to_owned(),
            release: "camunda".to_owned(),
        };
        let cli = Cli::new(at, environment, Clock::system(), None)
            .within(Duration::from_secs(20), Duration::from_secs(60));
        let chart = Chart {
            reference: "camunda/camunda-platform".to_owned(),
            version: version.to_owned(),
            values: vec![self.path().join("values.yml")],
        };
        Helm::new(cli, chart, generation, Arc::new(Under))
    }

    fn usual(&self) -> Helm {
        self.helm(Generation::Chart11, "11.12.3")
    }
}

/// Scales, and says so.
struct Under;

impl Platform for Under {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        Box::pin(async { Sight::Seen(Vec::new()) })
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        Box::pin(async { Sight::Seen(["data-camunda-zeebe-0".to_owned()].into()) })
    }

    fn command(&self, _: PlatformEffect) -> Vec<String> {
        vec!["scale".to_owned()]
    }

    fn perform(&self, _: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(async {
            Answer::Unknown {
                status: None,
                detail: "scaled by another".to_owned(),
            }
        })
    }
}

#[track_caller]
fn refused(answer: &Answer, code: &str, stage: &Stage) {
    let text = format!("{answer:?}");
    assert!(
        matches!(answer, Answer::Refused { message, .. } if message.contains(&format!("[{code}]"))),
        "{text}"
    );
    assert!(!text.contains("hunter22"), "{text}");
    assert_eq!(stage.changes(), Vec::<String>::new(), "nothing may be sent");
}

#[tokio::test]
async fn an_install_names_the_place_and_does_not_wait() {
    let stage = Stage::new();
    stage.absent();
    assert_eq!(stage.usual().perform(PlatformEffect::Install).await, Answer::Done);
    let values = stage.path().join("values.yml");
    assert_eq!(
        stage.changes(),
        [format!(
            "upgrade --install camunda camunda/camunda-platform --version 11.12.3 --values {} --set operate.enabled=false --set tasklist.enabled=false --timeout 30s --kube-context london --namespace camunda-london",
            values.display()
        )]
    );
}

#[tokio::test]
async fn the_webapps_go_by_scaling_or_by_values() {
    let stage = Stage::new();
    let old = stage.usual();
    let down = old.perform(PlatformEffect::WebappsDown).await;
    assert!(
        matches!(&down, Answer::Unknown { detail, .. } if detail == "scaled by another"),
        "{down:?}"
    );
    assert_eq!(old.command(PlatformEffect::WebappsDown), ["scale"]);
    assert_eq!(stage.changes(), Vec::<String>::new());
    assert_eq!(old.perform(PlatformEffect::WebappsUp).await, Answer::Done);
    let sent = stage.changes();
    assert!(sent.len() == 1 && !sent[0].contains("--set"), "{sent:?}");

    let stage = Stage::new();
    stage.put("chart", "name: camunda-platform\nversion: 13.1.2\n");
    stage.put("metadata", r#"{"chart":"camunda-platform","version":"13.1.2"}"#);
    // The profiles are a part of the brokers, which the procedure itself restarts; what is not due to them is as installed.
    let new = stage.helm(Generation::Chart13, "13.1.2");
    assert_eq!(new.perform(PlatformEffect::WebappsDown).await, Answer::Done);
    let sent = stage.changes();
    assert!(
        sent.len() == 1 && sent[0].contains("--set orchestration.profiles.operate=false"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn what_would_restart_brokers_is_not_sent() {
    let stage = Stage::new();
    stage.rendered(&MANIFEST.replace("zeebe:8.6.0", "zeebe:8.6.1"));
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    refused(&answer, "release-moves-brokers", &stage);
    assert!(
        format!("{answer:?}").contains("spec.template.spec.containers[zeebe].image"),
        "{answer:?}"
    );
    // Brokers that are not yet members may be, and webapps may.
    assert_eq!(stage.usual().perform(PlatformEffect::Install).await, Answer::Done);
    let stage = Stage::new();
    stage.rendered(&MANIFEST.replace("operate:8.6.0", "operate:8.6.1"));
    let outlook = stage.usual().outlook(PlatformEffect::WebappsUp).await.unwrap();
    let pods: Vec<String> = outlook.changes.of_pods().map(ToString::to_string).collect();
    assert_eq!(
        pods,
        ["Deployment/camunda-operate: spec.template.spec.containers[operate].image"]
    );
    assert_eq!(
        stage.usual().perform(PlatformEffect::WebappsUp).await,
        Answer::Done
    );
}

#[tokio::test]
async fn a_stuck_release_is_told_with_its_way_out() {
    for status in ["pending-upgrade", "pending-install", "pending-rollback"] {
        let stage = Stage::new();
        stage.status(status);
        let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
        refused(&answer, "release-pending", &stage);
        let words = format!("{answer:?}");
        assert!(
            words.contains("helm rollback camunda 1") && words.contains("--kube-context london"),
            "{words}"
        );
    }
    let stage = Stage::new();
    stage.status("pending-install");
    stage.put(
        "history",
        r#"[{"revision":1,"status":"pending-install","description":"Initial install underway"}]"#,
    );
    let answer = stage.usual().perform(PlatformEffect::Install).await;
    refused(&answer, "release-pending", &stage);
    assert!(
        format!("{answer:?}").contains("helm uninstall camunda"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_failed_release_is_not_begun_upon_but_a_run_goes_on() {
    let stage = Stage::new();
    stage.status("failed");
    let whole = stage.usual().whole().await.unwrap_err();
    assert_eq!(whole.code(), "release-failed");
    assert!(
        whole.way_out().contains("helm rollback camunda 1"),
        "{}",
        whole.way_out()
    );
    assert_eq!(
        stage.usual().perform(PlatformEffect::WebappsUp).await,
        Answer::Done
    );
}

#[tokio::test]
async fn another_chart_and_another_version_are_refused() {
    let stage = Stage::new();
    stage.put("metadata", r#"{"chart":"nginx","version":"11.12.3"}"#);
    let answer = stage.usual().perform(PlatformEffect::Install).await;
    refused(&answer, "release-other-chart", &stage);
    let stage = Stage::new();
    stage.put("metadata", r#"{"chart":"camunda-platform","version":"11.12.2"}"#);
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    refused(&answer, "release-other-version", &stage);
    // Nothing is installed yet, and a chart in a folder has whatever version it has.
    let stage = Stage::new();
    stage.absent();
    stage.put("chart", "name: camunda-platform\nversion: 12.0.0\n");
    let answer = stage.usual().perform(PlatformEffect::Install).await;
    refused(&answer, "release-other-version", &stage);
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    refused(&answer, "release-other-version", &stage);
    stage.put("chart", "name: camunda-platform\nversion: 11.12.3\n");
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    refused(&answer, "release-missing", &stage);
}

#[tokio::test]
async fn what_helm_says_is_told_without_secrets() {
    let stage = Stage::new();
    stage.put("code", "1");
    stage.put(
        "change",
        "Error: UPGRADE FAILED: password hunter22 is too short\n",
    );
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    let text = format!("{answer:?}");
    assert!(
        matches!(answer, Answer::Unknown { .. }) && text.contains("***") && !text.contains("hunter22"),
        "{text}"
    );
    stage.put(
        "change",
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n",
    );
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    assert!(
        matches!(answer, Answer::Refused { status: 409, .. }),
        "{answer:?}"
    );
    stage.put("values.yml", "auth: { adminPassword: hunter23 }\n");
    let outlook = stage.usual().outlook(PlatformEffect::WebappsUp).await.unwrap();
    let text = format!("{:?}", outlook.values);
    assert!(
        text.contains("auth.adminPassword") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_helm_that_is_not_understood_changes_nothing() {
    for (file, text) in [
        ("list", "not json"),
        ("list", ""),
        ("rendered", "{}"),
        ("manifest", "a: ["),
        ("chart", "- a"),
    ] {
        let stage = Stage::new();
        stage.put(file, text);
        let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
        assert!(matches!(answer, Answer::NotSent { .. }), "{file}: {answer:?}");
        assert_eq!(stage.changes(), Vec::<String>::new());
    }
    let stage = Stage::new();
    std::fs::remove_file(stage.path().join("values.yml")).unwrap();
    let answer = stage.usual().perform(PlatformEffect::WebappsUp).await;
    assert!(
        matches!(&answer, Answer::NotSent { detail, .. } if detail.contains("values.yml")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_helm_that_hangs_is_ended() {
    let stage = Stage::new();
    stage.put("helm", "#!/bin/sh\nsleep 600\n");
    let helm = stage.usual();
    let cli = helm
        .cli()
        .clone()
        .within(Duration::from_millis(300), Duration::from_millis(300));
    let error = cli.release().await.unwrap_err();
    assert!(error.to_string().contains("was killed"), "{error}");
    assert_eq!(Trouble::from(error).code(), "helm-unusable");
}
