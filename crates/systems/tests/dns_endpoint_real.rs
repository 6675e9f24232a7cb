//! The users' names in a `DNSEndpoint` of a real API server, read from a real name server: compared and set, and not changed
//! when they are no longer what was read. The test carries what is written to the name server, as ExternalDNS would.
//!
//! Runs where `C8DR_KUBECONFIG` (an administrator's), `C8DR_KUBECTL`, `C8DR_KUBE_CONTEXT`, `C8DR_KUBE_NAMESPACE` and
//! `C8DR_DNS_SERVER` (`HOST:PORT`), `C8DR_DNS_ZONE`, `C8DR_DNS_KEY_NAME`, `C8DR_DNS_KEY` are set; says so in one line otherwise. The
//! cluster has to know the kind, and the key be allowed to change A records.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

mod real;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use c8dr_systems::dial::{Target as Place, Tcp};
use c8dr_systems::dns::{Algorithm, Key, NameServer, Targets, Update};
use c8dr_systems::kubernetes::{Access, Cluster, DnsEndpoint, Limits};
use c8dr_systems::traffic::{ExternalDns, Places};
use futures_util::future::join_all;
use real::{Outcome, given, where_said};
use serde_json::{Value, json};

/// Where the server is.
const SERVER: &str = "C8DR_DNS_SERVER";

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);
const TTL_S: u32 = 5;

fn main() -> Outcome {
    where_said(SERVER, async |server| {
        run(given(SERVER, "C8DR_KUBECONFIG")?.into(), &server).await
    })
}

fn hold(is_so: bool, words: impl FnOnce() -> String) -> Outcome {
    match is_so {
        true => Ok(()),
        false => Err(words().into()),
    }
}

/// What the test goes by.
struct Rig {
    kubeconfig: PathBuf,
    kubectl: String,
    context: String,
    namespace: String,
    update: Update,
    key: Key,
    clock: Clock,
}

impl Rig {
    fn kubectl(&self, arguments: &[&str]) -> Outcome<String> {
        let place = [self.context.as_str(), &self.namespace];
        real::kubectl(&self.kubectl, &self.kubeconfig, place, arguments)
    }

    fn held(&self) -> Outcome<Value> {
        Ok(serde_json::from_str(&self.kubectl(&[
            "get",
            "dnsendpoint",
            "camunda",
            "--output",
            "json",
        ])?)?)
    }

    /// Writes it past c8dr, as anybody may.
    fn write(&self, records: &Value) -> Outcome {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("endpoint.json");
        let object = json!({
            "apiVersion": "externaldns.k8s.io/v1alpha1", "kind": "DNSEndpoint",
            "metadata": {"name": "camunda"}, "spec": {"endpoints": records},
        });
        std::fs::write(&file, object.to_string())?;
        self.kubectl(&["apply", "-f", &file.display().to_string()])
            .map(drop)
    }

    fn records(&self, targets: &[&str]) -> Value {
        let (name, other) = (self.name(), format!("other.{}", self.update.zone));
        json!([
            {"dnsName": other, "recordType": "A", "recordTTL": 5, "targets": ["192.0.2.9"]},
            {"dnsName": name, "recordType": "A", "recordTTL": 60, "targets": targets, "labels": {"team": "payments"}},
        ])
    }

    fn name(&self) -> String {
        format!("camunda.{}", self.update.zone)
    }

    fn names_by(&self, kubeconfig: &Path, name: &str) -> Outcome<ExternalDns> {
        let access = Access::Kubeconfig {
            files: vec![kubeconfig.to_owned()],
            context: Some(self.context.clone()),
        };
        let dial = Arc::new(Tcp::new(self.clock.clone()));
        let endpoint = DnsEndpoint {
            cluster: Cluster::new(access, dial.clone(), self.clock.clone(), Limits::default(), None),
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        };
        let (places, update) = (Places::One(endpoint), self.update.clone());
        Ok(ExternalDns::new(places, update, dial, self.clock.clone(), 4711)?)
    }

    fn names(&self) -> Outcome<ExternalDns> {
        self.names_by(&self.kubeconfig, "camunda")
    }

    /// As somebody else: the administrator may act as anybody.
    fn names_as(&self, folder: &Path, user: &str) -> Outcome<ExternalDns> {
        let text = std::fs::read_to_string(&self.kubeconfig)?;
        hold(text.contains("user: {token:"), || {
            "the kubeconfig is not written as the conformance suite writes it".to_owned()
        })?;
        let path = folder.join(user);
        let text = text.replace("user: {token:", &format!("user: {{as: {user}, token:"));
        std::fs::write(&path, text)?;
        self.names_by(&path, "camunda")
    }

    /// Lets the name server say this, in the place of ExternalDNS, and gives back what is read there.
    async fn carried(&self, to: &[RegionId]) -> Outcome<TrafficSight> {
        let to: BTreeSet<RegionId> = to.iter().copied().collect();
        let names = self.names()?;
        let dial = Arc::new(Tcp::new(self.clock.clone()));
        let server = NameServer::new(self.update.clone(), Some(&self.key), dial, self.clock.clone(), 1)?;
        let answer = server.perform(&effect(&to, None)).await;
        hold(answer == Answer::Done, || format!("not carried: {answer:?}"))?;
        match names.look().await {
            Sight::Seen(seen) if seen.is_at(&to) => Ok(seen),
            other => Err(format!("not carried to {to:?}: {other:?}").into()),
        }
    }
}

fn effect(to: &BTreeSet<RegionId>, expected: Option<&TrafficSight>) -> TrafficEffect {
    TrafficEffect {
        to: to.clone(),
        expected: expected.and_then(|seen| seen.version.clone()),
    }
}

async fn run(kubeconfig: PathBuf, server: &str) -> Outcome {
    let (host, port) = server.rsplit_once(':').ok_or("C8DR_DNS_SERVER is HOST:PORT")?;
    let zone = given(SERVER, "C8DR_DNS_ZONE")?;
    let set = |target: &str| -> Outcome<BTreeSet<_>> { Ok([target.parse()?].into()) };
    let rig = Rig {
        kubeconfig,
        kubectl: given(SERVER, "C8DR_KUBECTL")?,
        context: given(SERVER, "C8DR_KUBE_CONTEXT")?,
        namespace: given(SERVER, "C8DR_KUBE_NAMESPACE")?,
        update: Update {
            server: Place {
                host: host.to_owned(),
                port: port.parse()?,
            },
            names: [format!("camunda.{zone}")].into(),
            zone,
            targets: Targets([(LONDON, set("10.0.0.10")?), (PARIS, set("10.1.0.10")?)].into()),
            ttl_s: TTL_S,
            limit: Duration::from_secs(5),
        },
        key: Key {
            name: given(SERVER, "C8DR_DNS_KEY_NAME")?,
            algorithm: Algorithm::HmacSha256,
            secret: given(SERVER, "C8DR_DNS_KEY")?.into(),
        },
        clock: Clock::system(),
    };
    let folder = tempfile::tempdir()?;
    missing(&rig).await?;
    rig.write(&rig.records(&["10.0.0.10", "10.1.0.10"]))?;
    let both = rig.carried(&[LONDON, PARIS]).await?;
    rights(&rig, folder.path(), &both).await?;
    let paris = compared(&rig, &both).await?;
    raced(&rig, &paris).await?;
    foreign(&rig).await?;
    println!("changed, carried, stale, raced by eight, foreign, not allowed, not there: all as they should");
    Ok(())
}

/// An object that is not there is not made.
async fn missing(rig: &Rig) -> Outcome {
    let answer = rig.names_by(&rig.kubeconfig, "absent")?;
    let answer = answer.perform(&effect(&[PARIS].into(), None)).await;
    hold(
        matches!(&answer, Answer::Refused { status: 404, message } if message.contains("makes none")),
        || format!("absent: {answer:?}"),
    )
}

/// The role of `deploy/rbac` suffices, and without it the missing right is named.
async fn rights(rig: &Rig, folder: &Path, both: &TrafficSight) -> Outcome {
    let before = rig.held()?;
    let nobody = rig.names_as(folder, "nobody")?;
    let answer = nobody.perform(&effect(&[PARIS].into(), Some(both))).await;
    hold(
        matches!(&answer, Answer::Refused { status: 403, message } if message.contains("get dnsendpoints")),
        || format!("without a role: {answer:?}"),
    )?;
    hold(rig.held()? == before, || "and nothing was changed".to_owned())?;
    let role = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/rbac/names.yaml");
    rig.kubectl(&["apply", "-f", role])?;
    let _ = rig.kubectl(&["delete", "rolebinding", "c8dr-namer", "--ignore-not-found"]);
    rig.kubectl(&[
        "create",
        "rolebinding",
        "c8dr-namer",
        "--role",
        "c8dr-names",
        "--user",
        "namer",
    ])?;
    let namer = rig.names_as(folder, "namer")?;
    let answer = namer.perform(&effect(&[PARIS].into(), Some(both))).await;
    hold(answer == Answer::Done, || format!("with the role: {answer:?}"))?;
    let paris = rig.carried(&[PARIS]).await?;
    let answer = namer
        .perform(&effect(&[LONDON, PARIS].into(), Some(&paris)))
        .await;
    hold(answer == Answer::Done, || {
        format!("with the role, back: {answer:?}")
    })?;
    rig.carried(&[LONDON, PARIS]).await?;
    println!("the role suffices, and without it the right is named");
    Ok(())
}

/// Changed once, carried, and not changed again by who has read what was before.
async fn compared(rig: &Rig, both: &TrafficSight) -> Outcome<TrafficSight> {
    let names = rig.names()?;
    let began = rig.clock.now();
    let answer = names.perform(&effect(&[PARIS].into(), Some(both))).await;
    println!("changed: {:.1?}", rig.clock.now().since(began));
    hold(answer == Answer::Done, || format!("it is taken: {answer:?}"))?;
    let held = rig.held()?;
    let mut wanted = rig.records(&["10.1.0.10"]);
    wanted[1]["recordTTL"] = json!(TTL_S);
    hold(held["spec"]["endpoints"] == wanted, || {
        format!("the other record and the labels are kept: {held}")
    })?;
    let paris = rig.carried(&[PARIS]).await?;
    let before = rig.held()?;
    let stale = names.perform(&effect(&[LONDON].into(), Some(both))).await;
    hold(matches!(stale, Answer::Stale { .. }), || {
        format!("what was read before is no longer so: {stale:?}")
    })?;
    let again = names.perform(&effect(&[PARIS].into(), Some(both))).await;
    hold(again == Answer::Done, || {
        format!("what is so already is done: {again:?}")
    })?;
    hold(
        rig.held()?["metadata"]["generation"] == before["metadata"]["generation"],
        || "and nothing was changed".to_owned(),
    )?;
    Ok(paris)
}

/// Of eight that change what they all have read, one does.
async fn raced(rig: &Rig, paris: &TrafficSight) -> Outcome {
    let generation = |held: &Value| held["metadata"]["generation"].as_i64().unwrap_or_default();
    let (names, before) = (rig.names()?, generation(&rig.held()?));
    let to = effect(&[LONDON].into(), Some(paris));
    let all = join_all((0..8).map(|_| names.perform(&to))).await;
    let is_fit = |answer: &Answer| matches!(answer, Answer::Done | Answer::Stale { .. });
    hold(all.contains(&Answer::Done) && all.iter().all(is_fit), || {
        format!("one of eight: {all:?}")
    })?;
    let stale = all.iter().filter(|answer| **answer != Answer::Done).count();
    let after = generation(&rig.held()?);
    hold(after == before + 1, || {
        format!("it was changed {} times by {all:?}", after - before)
    })?;
    println!("of eight at once one has changed it, {stale} were refused by the API server");
    rig.carried(&[LONDON]).await.map(drop)
}

/// What somebody else has written is left alone.
async fn foreign(rig: &Rig) -> Outcome {
    let names = rig.names()?;
    let london = rig.carried(&[LONDON]).await?;
    let mut weighted = rig.records(&["10.0.0.10"]);
    weighted[1]["setIdentifier"] = json!("london");
    for (records, is_fit) in [
        (
            rig.records(&["192.0.2.7"]),
            (|answer| matches!(answer, Answer::Stale { .. })) as fn(&Answer) -> bool,
        ),
        (weighted, |answer| {
            matches!(answer, Answer::Refused { status: 412, .. })
        }),
    ] {
        rig.write(&records)?;
        let before = rig.held()?;
        let answer = names.perform(&effect(&[PARIS].into(), Some(&london))).await;
        hold(is_fit(&answer), || format!("{records}: {answer:?}"))?;
        let after = rig.held()?;
        hold(after["spec"] == before["spec"], || {
            format!("it was changed: {after}")
        })?;
    }
    rig.write(&rig.records(&["10.0.0.10"]))
}
