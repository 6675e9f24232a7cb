//! Kubernetes for real: an API server that has the chart of the conformance suite installed, with kwok for its nodes.
//!
//! Runs where `C8DR_KUBECONFIG` (an administrator's) and `C8DR_KUBECTL` are set; says so in one line otherwise. Further:
//! `C8DR_KUBE_CONTEXT`, `C8DR_KUBE_NAMESPACE`, `C8DR_KUBE_RELEASE`, and `C8DR_KUBE_TARGET`, the `HOST:PORT` to which kwok's
//! port-forward leads from port 9600 of the pods; a server of the test's own listens there. It ends with the release scaled to
//! zero and a claim less.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

mod real;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use c8dr_domain::effect::Answer;
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::{Component, PodState};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::{Dial, Tcp};
use c8dr_systems::kubernetes::{Access, BrokerPod, Cluster, Forward, Limits, Numbering, Region};
use c8dr_systems::zeebe::{self, BaseUrl, Endpoints, GatewayEndpoints};
use real::{Outcome, given, where_said};

/// Where the server is.
const SERVER: &str = "C8DR_KUBECONFIG";

/// How long the controllers and kwok may take to do what was told.
const SOON: Duration = Duration::from_secs(60);

fn main() -> Outcome {
    where_said(SERVER, async |kubeconfig| run(kubeconfig.into()).await)
}

/// What the test goes by.
struct Rig {
    kubeconfig: PathBuf,
    kubectl: String,
    context: String,
    namespace: String,
    release: String,
    clock: Clock,
}

impl Rig {
    fn region_by(&self, kubeconfig: PathBuf, context: &str, namespace: &str) -> Region {
        let access = Access::Kubeconfig {
            files: vec![kubeconfig],
            context: Some(context.to_owned()),
        };
        let dial = Arc::new(Tcp::new(self.clock.clone()));
        Region {
            cluster: Cluster::new(access, dial, self.clock.clone(), Limits::default(), None),
            namespace: namespace.to_owned(),
            release: self.release.clone(),
        }
    }

    fn region(&self) -> Region {
        self.region_by(self.kubeconfig.clone(), &self.context, &self.namespace)
    }

    /// As somebody else: the administrator may act as anybody.
    fn region_as(&self, folder: &tempfile::TempDir, user: &str) -> Outcome<Region> {
        let text = std::fs::read_to_string(&self.kubeconfig)?;
        let text = match text.contains("user: {token:") {
            true => text.replace("user: {token:", &format!("user: {{as: {user}, token:")),
            false => return Err("the kubeconfig is not written as the conformance suite writes it".into()),
        };
        let path = folder.path().join(user);
        std::fs::write(&path, text)?;
        Ok(self.region_by(path, &self.context, &self.namespace))
    }

    fn kubectl(&self, arguments: &[&str]) -> Outcome<String> {
        let place = [self.context.as_str(), &self.namespace];
        real::kubectl(&self.kubectl, &self.kubeconfig, place, arguments)
    }
}

/// Fails with words where something is not as it should be.
fn hold(is_so: bool, words: impl FnOnce() -> String) -> Outcome {
    match is_so {
        true => Ok(()),
        false => Err(words().into()),
    }
}

async fn run(kubeconfig: PathBuf) -> Outcome {
    let rig = Rig {
        kubeconfig,
        kubectl: given(SERVER, "C8DR_KUBECTL")?,
        context: given(SERVER, "C8DR_KUBE_CONTEXT")?,
        namespace: given(SERVER, "C8DR_KUBE_NAMESPACE")?,
        release: given(SERVER, "C8DR_KUBE_RELEASE")?,
        clock: Clock::system(),
    };
    let folder = tempfile::tempdir()?;
    seen(&rig).await?;
    misled(&rig, &folder).await?;
    rights(&rig, &folder).await?;
    forwarded(&rig, &given(SERVER, "C8DR_KUBE_TARGET")?).await?;
    made_anew(&rig).await?;
    scaled(&rig).await?;
    fenced(&rig).await?;
    println!("all of it holds");
    Ok(())
}

/// What is there is seen, and tells of the installation.
async fn seen(rig: &Rig) -> Outcome {
    let region = rig.region();
    let began = rig.clock.now();
    let pods = region.pods().await;
    let pods = pods.seen().ok_or_else(|| format!("{region:?}"))?;
    for component in [
        Component::Broker,
        Component::Gateway,
        Component::Webapp,
        Component::Search,
    ] {
        hold(pods.iter().any(|pod| pod.component == component), || {
            format!("no pod is a {component:?}: {pods:?}")
        })?;
    }
    let volumes = region.volumes().await;
    let claim = format!("data-{}-zeebe-0", rig.release);
    hold(volumes.seen().is_some_and(|names| names.contains(&claim)), || {
        format!("{claim} is not in {volumes:?}")
    })?;
    let found = region.discover().await?;
    hold(
        found
            .numbering
            .is_some_and(|Numbering { regions, .. }| regions == 2),
        || format!("{found:?}"),
    )?;
    hold(
        found.numbers.cluster_size.is_some()
            && found.exporters.len() == 2
            && found.gateway.is_some()
            && found.search.is_some()
            && found.missing.is_empty(),
        || format!("{found:?}"),
    )?;
    let took = rig.clock.now().since(began);
    println!(
        "pods, volumes and discovery: {:.0} ms",
        took.as_secs_f64() * 1000.0
    );
    Ok(())
}

/// A wrong context, an expired login, a namespace and an address that are none: each is told for what it is.
async fn misled(rig: &Rig, folder: &tempfile::TempDir) -> Outcome {
    let told = |region: Region| async move { format!("{:?}", region.pods().await) };
    let none = told(rig.region_by(rig.kubeconfig.clone(), "nowhere", &rig.namespace)).await;
    hold(none.contains("no context `nowhere`"), || none.clone())?;
    let text = std::fs::read_to_string(&rig.kubeconfig)?;
    let written = |name: &str, text: String| -> Outcome<PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let token = text
        .split("token: \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .ok_or("the kubeconfig has no token")?;
    let expired = written("expired", text.replace(token, "of-yesterday"))?;
    let expired = told(rig.region_by(expired, &rig.context, &rig.namespace)).await;
    hold(expired.contains("does not know us (401)"), || expired.clone())?;
    let port = text
        .split("https://127.0.0.1:")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .ok_or("the kubeconfig has no port")?;
    let dead = written("dead", text.replace(&format!(":{port}\""), ":1\""))?;
    let dead = told(rig.region_by(dead, &rig.context, &rig.namespace)).await;
    hold(dead.contains("NoConnection"), || dead.clone())?;
    let wrong = rig
        .region_by(rig.kubeconfig.clone(), &rig.context, "camunda-nowhere")
        .discover()
        .await
        .map(|_| ());
    let wrong = wrong.err().map(|error| error.to_string()).unwrap_or_default();
    hold(wrong.contains("no namespace `camunda-nowhere`"), || wrong.clone())?;
    println!("wrong context, login, address and namespace are told");
    Ok(())
}

/// The roles of `deploy/rbac` suffice, and without them the missing right is named.
async fn rights(rig: &Rig, folder: &tempfile::TempDir) -> Outcome {
    let rbac = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/rbac");
    let nobody = rig.region_as(folder, "nobody")?;
    let told = format!("{:?}", nobody.pods().await);
    hold(
        told.contains("does not allow us to list pods")
            && told.contains(&rig.namespace)
            && told.contains("403"),
        || told.clone(),
    )?;
    for file in ["looking", "doing", "cluster-wide"] {
        rig.kubectl(&["apply", "-f", &format!("{rbac}/{file}.yaml")])?;
    }
    for (role, user) in [
        ("c8dr-looking", "looker"),
        ("c8dr-looking", "doer"),
        ("c8dr-doing", "doer"),
    ] {
        let name = format!("{role}-{user}");
        let _ = rig.kubectl(&["delete", "rolebinding", &name, "--ignore-not-found"]);
        rig.kubectl(&["create", "rolebinding", &name, "--role", role, "--user", user])?;
    }
    let _ = rig.kubectl(&["delete", "clusterrolebinding", "c8dr-doer", "--ignore-not-found"]);
    rig.kubectl(&[
        "create",
        "clusterrolebinding",
        "c8dr-doer",
        "--clusterrole",
        "c8dr-volumes",
        "--user",
        "doer",
    ])?;
    let looker = rig.region_as(folder, "looker")?;
    let found = looker.discover().await?;
    hold(found.missing.is_empty() && found.pods.0 > 0, || {
        format!("{:?}", found.missing)
    })?;
    let told = format!("{:?}", looker.webapps_down().await);
    hold(
        told.starts_with("Refused") && told.contains("patch deployments.apps"),
        || told.clone(),
    )?;
    let doer = rig.region_as(folder, "doer")?;
    let left = doer.leftovers().await?;
    hold(left.unseen.is_empty() && !left.all.is_empty(), || {
        format!("{left:?}")
    })?;
    hold(doer.webapps_down().await == Answer::Done, || {
        "the doer may not scale".to_owned()
    })?;
    hold(doer.webapps_up().await == Answer::Done, || {
        "the doer may not scale back".to_owned()
    })?;
    println!("the roles suffice, and what they do not grant is named");
    Ok(())
}

/// A broker's pod is deleted as that very object, and its stateful set makes it anew.
async fn made_anew(rig: &Rig) -> Outcome {
    let region = rig.region();
    let brokers = region.broker_pods().await?;
    let one = brokers.first().ok_or("there is no broker's pod")?;
    hold(
        one.state == PodState::Ready && one.since.is_some() && one.broker(RegionId(0)).is_some(),
        || format!("{one:?}"),
    )?;
    region.delete_broker_pod(one).await?;
    let began = rig.clock.now();
    loop {
        let now = region.broker_pods().await?;
        let is_back =
            |pod: &BrokerPod| pod.name == one.name && pod.uid != one.uid && pod.state == PodState::Ready;
        if now.iter().any(is_back) {
            break;
        }
        hold(rig.clock.now().since(began) < SOON, || {
            format!("it is not back: {now:?}")
        })?;
        rig.clock.sleep(Duration::from_millis(100)).await;
    }
    // The pod of that name is another one now, and is not touched.
    let again = region.delete_broker_pod(one).await;
    let told = again.err().map(|error| error.to_string()).unwrap_or_default();
    hold(told.contains("409"), || format!("deleted again: {told}"))?;
    println!("a broker's pod is deleted by its UID, and made anew");
    Ok(())
}

fn within(text: &str, namespace: &str) -> Outcome<BaseUrl> {
    Ok(BaseUrl::parse(text)?.within(RegionId(0), namespace)?)
}

/// Calls go through port-forwards and through exec, and how far they got is told.
async fn forwarded(rig: &Rig, target: &str) -> Outcome {
    let listener = tokio::net::TcpListener::bind(target).await?;
    let port = listener.local_addr()?.port();
    let router = Router::new()
        .route(
            "/actuator/health/readiness",
            get(|| async { "{\"status\":\"UP\"}" }),
        )
        .route("/echo", post(|body: String| async move { body }));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let forward: Arc<dyn Dial> = Arc::new(Forward::new(
        BTreeMap::from([(RegionId(0), rig.region())]),
        Arc::new(Tcp::new(rig.clock.clone())),
    ));
    let ready = |address: String| {
        let forward = forward.clone();
        async move {
            let gateway = GatewayEndpoints {
                region: RegionId(0),
                rest: None,
                management: Some(within(&address, &rig.namespace)?),
                grpc: None,
            };
            let endpoints = Endpoints {
                gateways: BTreeMap::from([(GatewayName::new("gw"), gateway)]),
                brokers: BTreeMap::from([(BrokerId(0), within(&address, &rig.namespace)?)]),
                limits: zeebe::Limits {
                    connect: Duration::from_secs(3),
                    ..zeebe::Limits::default()
                },
                ..Endpoints::default()
            };
            let cluster = zeebe::Cluster::new(endpoints, forward, rig.clock.clone(), None)?;
            Ok::<_, Box<dyn Error>>(cluster.ready(BrokerId(0)).await)
        }
    };
    let release = &rig.release;
    let mut slowest = Duration::ZERO;
    for address in [
        format!("forward://svc/{release}-zeebe-gateway:9600"),
        format!("forward://pod/{release}-zeebe-0:9600"),
        format!("forward://svc/{release}-zeebe:9600"),
    ] {
        for _ in 0..3 {
            let began = rig.clock.now();
            let told = ready(address.clone()).await?;
            hold(told == Sight::Seen(true), || format!("{address}: {told:?}"))?;
            slowest = slowest.max(rig.clock.now().since(began));
        }
    }
    let by_exec = ready(format!("exec://pod/{release}-zeebe-0:{port}")).await?;
    hold(by_exec == Sight::Seen(true), || format!("exec: {by_exec:?}"))?;
    let missing = ready(format!("forward://pod/{release}-zeebe-99:9600")).await?;
    hold(
        matches!(
            missing,
            Sight::Silent {
                why: Silence::NoSuchHost,
                ..
            }
        ),
        || format!("{missing:?}"),
    )?;
    server.abort();
    let _ = server.await;
    // kwok answers as a kubelet does whose pod has nobody at the port.
    let refused = ready(format!("forward://pod/{release}-zeebe-0:9600")).await?;
    println!("nobody at the port: {refused:?}");
    hold(matches!(refused, Sight::Silent { .. }), || format!("{refused:?}"))?;
    let refused = ready(format!("exec://pod/{release}-zeebe-0:{port}")).await?;
    hold(
        matches!(
            refused,
            Sight::Silent {
                why: Silence::Refused,
                ..
            }
        ),
        || format!("{refused:?}"),
    )?;
    println!(
        "port-forwards and exec: the slowest call {:.0} ms",
        slowest.as_secs_f64() * 1000.0
    );
    Ok(())
}

/// Webapps go down until no pod is left, and come back.
async fn scaled(rig: &Rig) -> Outcome {
    let region = rig.region();
    let webapps = |wanted: fn(usize, usize) -> bool| {
        let region = region.clone();
        async move {
            let began = rig.clock.now();
            loop {
                let pods = region.pods().await;
                let there: Vec<_> = pods
                    .seen()
                    .into_iter()
                    .flatten()
                    .filter(|pod| pod.component == Component::Webapp)
                    .cloned()
                    .collect();
                let ready = there
                    .iter()
                    .filter(|pod| pod.is_ready && !pod.is_terminating)
                    .count();
                if pods.seen().is_some() && wanted(there.len(), ready) {
                    return Ok(rig.clock.now().since(began));
                }
                hold(rig.clock.now().since(began) < SOON, || format!("{there:?}"))?;
                rig.clock.sleep(Duration::from_millis(200)).await;
            }
        }
    };
    let answer = region.webapps_down().await;
    hold(answer == Answer::Done, || format!("{answer:?}"))?;
    let down: Duration = webapps(|there, _| there == 0)
        .await
        .map_err(|error: Box<dyn Error>| error)?;
    let answer = region.webapps_up().await;
    hold(answer == Answer::Done, || format!("{answer:?}"))?;
    let up: Duration = webapps(|_, ready| ready == 2)
        .await
        .map_err(|error: Box<dyn Error>| error)?;
    println!(
        "webapps down in {:.1} s and up in {:.1} s",
        down.as_secs_f64(),
        up.as_secs_f64()
    );
    Ok(())
}

/// The region is fenced, and what it leaves behind is found and deleted by name.
async fn fenced(rig: &Rig) -> Outcome {
    let region = rig.region();
    region.cut_off().await?;
    region.cut_off().await?;
    let began = rig.clock.now();
    for workload in region.workloads().await? {
        region.scale_to_zero(&workload).await?;
    }
    while !region.still_there().await?.is_empty() {
        hold(rig.clock.now().since(began) < SOON, || "pods stay".to_owned())?;
        rig.clock.sleep(Duration::from_millis(200)).await;
    }
    let took = rig.clock.now().since(began);
    let left = region.leftovers().await?;
    let claim = format!("pvc/data-{}-zeebe-0", rig.release);
    let victim = left
        .all
        .iter()
        .find(|leftover| leftover.to_string() == claim && leftover.used_by.is_empty())
        .ok_or_else(|| format!("{claim} is not free: {left:?}"))?;
    hold(
        left.all
            .iter()
            .any(|leftover| leftover.to_string().starts_with("release/")),
        || format!("{left:?}"),
    )?;
    region.remove(victim).await?;
    let began = rig.clock.now();
    loop {
        let left = region.leftovers().await?;
        let is_gone = !left.all.iter().any(|leftover| leftover.uid == victim.uid);
        let volume = left
            .all
            .iter()
            .find(|leftover| leftover.note == format!("released by data-{}-zeebe-0", rig.release));
        if let (true, Some(volume)) = (is_gone, volume) {
            region.remove(volume).await?;
            break;
        }
        hold(rig.clock.now().since(began) < SOON, || format!("{left:?}"))?;
        rig.clock.sleep(Duration::from_millis(200)).await;
    }
    println!(
        "fenced, with no pod left, in {:.1} s; a claim and its volume were found and deleted",
        took.as_secs_f64()
    );
    Ok(())
}
