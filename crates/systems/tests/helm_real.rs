//! The helm driver against a real helm and a real Kubernetes API server: installed, compared, stuck, rolled back, not reached.
//!
//! Runs where `C8DR_HELM_CHART` (a folder with a chart that calls itself camunda-platform) and `C8DR_HELM_CONTEXT` (a context
//! in the kubeconfig) are set, with helm and kubectl in the `PATH`; says so in one line
//! otherwise. It works in a namespace of its own, and deletes it in the end.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::Pod;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use c8dr_systems::helm::values::{Described, DescribedRegion, Seen, check, render};
use c8dr_systems::helm::{At, Chart, Cli, Generation, Helm, Status};
use c8dr_systems::platform::Environment;
use futures_util::future::BoxFuture;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const NAMESPACE: &str = "c8dr-helm-real";
const RELEASE: &str = "camunda";

fn main() -> Outcome {
    let (Ok(chart), Ok(context)) = (env::var("C8DR_HELM_CHART"), env::var("C8DR_HELM_CONTEXT")) else {
        println!("skipped: C8DR_HELM_CHART and C8DR_HELM_CONTEXT are not set");
        return Ok(());
    };
    kubectl(&context, &["create", "namespace", NAMESPACE])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(run(&chart, &context));
    let cleaned = kubectl(&context, &["delete", "namespace", NAMESPACE, "--wait=false"]);
    outcome.and(cleaned)
}

fn kubectl(context: &str, words: &[&str]) -> Outcome {
    let status = Command::new("kubectl")
        .args(["--context", context])
        .args(words)
        .stdout(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("kubectl {words:?} ended with {status}").into()),
    }
}

/// Helm as somebody else types it, in the background.
fn somebodys_helm(chart: &str, context: &str, values: &Path, words: &[&str]) -> Outcome<std::process::Child> {
    Ok(Command::new("helm")
        .args(["upgrade", RELEASE, chart, "--kube-context", context])
        .args(["--namespace", NAMESPACE, "--values"])
        .arg(values)
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?)
}

struct Nobody;

impl Platform for Nobody {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        Box::pin(async { Sight::NotAsked })
    }

    fn command(&self, _: PlatformEffect) -> Vec<String> {
        Vec::new()
    }

    fn perform(&self, _: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(async { Answer::Done })
    }
}

fn described() -> Described {
    let region = |name: &str, number: u32| DescribedRegion {
        name: name.to_owned(),
        namespace: format!("camunda-{name}"),
        release: RELEASE.to_owned(),
        exporter: format!("elasticsearchregion{number}"),
        search: DescribedRegion::usual_search(Generation::Chart11, RELEASE, &format!("camunda-{name}")),
    };
    Described {
        generation: Generation::Chart11,
        cluster_size: 8,
        partition_count: 8,
        replication_factor: 4,
        webapps: true,
        repository: Some("camunda_backup".to_owned()),
        regions: [region("london", 0), region("paris", 1)],
    }
}

fn holds(what: &str, is_so: bool) -> Outcome {
    match is_so {
        true => Ok(()),
        false => Err(format!("not so: {what}").into()),
    }
}

async fn run(chart: &str, context: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut files: Vec<PathBuf> = Vec::new();
    for file in &render(&described())[..2] {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        std::fs::write(&path, &file.text)?;
        files.push(path);
    }
    let at = At {
        context: context.to_owned(),
        kubeconfig: None,
        namespace: NAMESPACE.to_owned(),
        release: RELEASE.to_owned(),
    };
    let clock = Clock::system();
    let cli = Cli::new(at, Environment::default(), clock.clone(), None);
    let pinned = Chart {
        reference: chart.to_owned(),
        version: "11.12.3".to_owned(),
        values: files.clone(),
    };
    let helm = Helm::new(cli, pinned, Generation::Chart11, Arc::new(Nobody));
    println!("helm {}", helm.cli().version().await?);
    holds(
        "what is rendered is right",
        check(&helm.files()?, &described(), 0, &Seen::default()).is_empty(),
    )?;

    holds("there is no release yet", helm.cli().release().await?.is_none())?;
    let missing = helm.outlook(PlatformEffect::WebappsUp).await;
    holds(
        "it is missing",
        missing.is_err_and(|trouble| trouble.code() == "release-missing"),
    )?;
    let began = clock.now();
    let answer = helm.perform(PlatformEffect::Install).await;
    holds(
        &format!("it is installed though no pod is ready: {answer:?}"),
        answer == Answer::Done,
    )?;
    println!(
        "install, with what is checked before: {:.1?}",
        clock.now().since(began)
    );
    let release = helm.whole().await?;
    holds(
        &format!("it is deployed: {release:?}"),
        release.status == Status::Deployed && release.revision == 1 && release.version == "11.12.3",
    )?;
    let values = helm.cli().values().await?;
    holds(
        "the webapps are off",
        values.get("operate")
            == Some(&serde_json::json!({"enabled": false, "env": values["operate"]["env"]})),
    )?;

    let began = clock.now();
    let outlook = helm.outlook(PlatformEffect::WebappsUp).await?;
    println!(
        "what an upgrade would change: told in {:.1?}",
        clock.now().since(began)
    );
    let drifted: BTreeSet<&str> = outlook.values.iter().map(|drift| drift.key.as_str()).collect();
    holds(
        &format!("only the webapps differ: {drifted:?}"),
        drifted == ["operate.enabled", "tasklist.enabled"].into(),
    )?;
    holds(
        &format!("no broker would be restarted: {:?}", outlook.changes),
        outlook.changes.of_brokers().count() == 0,
    )?;
    holds(
        "the webapps are brought up",
        helm.perform(PlatformEffect::WebappsUp).await == Answer::Done,
    )?;
    holds("revision 2", helm.whole().await?.revision == 2)?;

    // A value of the brokers' that somebody has changed in the files.
    let text = std::fs::read_to_string(&files[0])?;
    let changed = text.replace(
        "  env:\n    # Every broker",
        "  env:\n    - name: ZEEBE_LOG_LEVEL\n      value: debug\n    # Every broker",
    );
    std::fs::write(&files[0], &changed)?;
    let trouble = helm.outlook(PlatformEffect::WebappsUp).await;
    holds(
        &format!("brokers would be restarted: {trouble:?}"),
        trouble.as_ref().is_err_and(|trouble| {
            trouble.code() == "release-moves-brokers" && trouble.to_string().contains("env[ZEEBE_LOG_LEVEL]")
        }),
    )?;
    let answer = helm.perform(PlatformEffect::WebappsUp).await;
    holds(
        &format!("so it is not sent: {answer:?}"),
        matches!(answer, Answer::Refused { .. }) && helm.whole().await?.revision == 2,
    )?;
    std::fs::write(&files[0], &text)?;

    // Somebody's helm is killed while it waits for pods that never come: there are not that many nodes and volumes.
    let mut child = somebodys_helm(
        chart,
        context,
        &files[0],
        &["--set", "zeebe.clusterSize=40", "--wait", "--timeout", "60s"],
    )?;
    until(&clock, &helm, |status| *status == Status::PendingUpgrade).await?;
    child.kill()?;
    child.wait()?;
    for effect in [PlatformEffect::WebappsUp, PlatformEffect::Install] {
        let answer = helm.perform(effect).await;
        holds(
            &format!("a stuck release is refused: {answer:?}"),
            matches!(&answer, Answer::Refused { message, .. } if message.contains("release-pending") && message.contains("helm rollback camunda 2")),
        )?;
    }
    let answer = helm.cli().roll_back(2).await;
    holds(&format!("it is rolled back: {answer:?}"), answer == Answer::Done)?;
    let release = helm.whole().await?;
    holds(
        &format!("and whole again: {release:?}"),
        release.status == Status::Deployed && release.revision == 4,
    )?;

    // And once it fails.
    let mut child = somebodys_helm(
        chart,
        context,
        &files[0],
        &["--set", "zeebe.clusterSize=40", "--wait", "--timeout", "1s"],
    )?;
    child.wait()?;
    let trouble = helm.whole().await;
    holds(
        &format!("it has failed: {trouble:?}"),
        trouble.is_err_and(|trouble| {
            trouble.code() == "release-failed" && trouble.way_out().contains("helm rollback camunda 4")
        }),
    )?;
    unreachable(folder.path(), &files, chart, &clock).await?;
    println!("installed, compared, refused, stuck, rolled back, failed, not reached: all as they should");
    Ok(())
}

/// Where no API server listens, what needs a look first is not sent; of what helm was let try, only looking tells.
async fn unreachable(folder: &Path, files: &[PathBuf], chart: &str, clock: &Clock) -> Outcome {
    let kubeconfig = folder.join("dead");
    std::fs::write(
        &kubeconfig,
        "apiVersion: v1
kind: Config
clusters: [{name: dead, cluster: {server: \"http://127.0.0.1:1\"}}]
contexts: [{name: dead, context: {cluster: dead, user: nobody}}]
users: [{name: nobody, user: {}}]
",
    )?;
    let at = At {
        context: "dead".to_owned(),
        kubeconfig: Some(kubeconfig),
        namespace: NAMESPACE.to_owned(),
        release: RELEASE.to_owned(),
    };
    let pinned = Chart {
        reference: chart.to_owned(),
        version: "11.12.3".to_owned(),
        values: files.to_vec(),
    };
    let cli = Cli::new(at, Environment::default(), clock.clone(), None);
    let helm = Helm::new(cli, pinned, Generation::Chart11, Arc::new(Nobody));
    let seen = helm.cli().release().await;
    holds(
        &format!("no release is told, rather than that there is none: {seen:?}"),
        seen.is_err(),
    )?;
    let answer = helm.perform(PlatformEffect::Install).await;
    holds(
        &format!("nothing is sent: {answer:?}"),
        matches!(&answer, Answer::NotSent { detail, .. } if detail.contains("unreachable")),
    )?;
    let answer = helm.cli().roll_back(1).await;
    holds(
        &format!("what was tried is unknown: {answer:?}"),
        matches!(&answer, Answer::Unknown { detail, .. } if detail.contains("unreachable")),
    )
}

/// Waits until the release stands as wanted.
async fn until(clock: &Clock, helm: &Helm, is_so: impl Fn(&Status) -> bool) -> Outcome {
    for _ in 0..200 {
        if helm
            .cli()
            .release()
            .await?
            .is_some_and(|release| is_so(&release.status))
        {
            return Ok(());
        }
        clock.sleep(Duration::from_millis(100)).await;
    }
    Err("the release never came to stand as wanted".into())
}
