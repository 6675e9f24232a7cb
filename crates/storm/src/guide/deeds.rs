//! What the printed procedure says to type, and what its answer should look like.

use c8dr_domain::plan::StepId;
use c8dr_lab::{BUCKET, Region};
use http::Method;
use serde_json::{Value, json};

use super::looks::{REPOSITORY, exporter};
use super::terminal::{Closed, Hand, Shown, To, Typed};

/// What became of a command, as far as its output tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It looks as printed.
    AsPrinted,
    /// It does not; this is what stands there instead.
    Odd(String),
    /// A restore is refused: this index stands in the way, and the error says to close or delete it.
    InTheWay(String),
}

impl Hand<'_, '_> {
    /// Types a step's command and reads what it prints.
    pub(super) async fn does(&mut self, step: StepId) -> Result<Verdict, Closed> {
        let shown = self.types(step).await?;
        Ok(verdict(step, &shown))
    }

    /// Types a step's command.
    pub(super) async fn types(&mut self, step: StepId) -> Result<Shown, Closed> {
        let (here, there) = (self.here(), self.there());
        Ok(match step {
            StepId::Fo1 => self.force().await?,
            StepId::Fo2 => self.disable().await?,
            StepId::Fb1 => {
                let words = "helm install camunda … --set operate.enabled=false --set tasklist.enabled=false";
                match self.run(step, words, |world| world.install(there, false)).await? {
                    // It is there: what is to be seen is what the guide says next.
                    Shown::Failed(words) if words.contains("still in use") => Shown::done(),
                    shown => shown,
                }
            }
            StepId::Fb2a => {
                let words =
                    "kubectl scale deployments/camunda-operate deployments/camunda-tasklist --replicas 0";
                self.run(step, words, |world| {
                    world.scale_deployment(here, "operate", 0)?;
                    world.scale_deployment(here, "tasklist", 0)
                })
                .await?
            }
            StepId::Fb2b => self.exporting("pause", step).await?,
            StepId::Fb3a => self.repository(here, step).await?,
            StepId::Fb3b => self.take_snapshot().await?,
            StepId::Fb3c => self.repository(there, step).await?,
            // The guide clears nothing away, and takes nothing back; the traffic is the user's own.
            StepId::Fb3d
            | StepId::Ut1
            | StepId::Ut2
            | StepId::Ut3
            | StepId::Re1
            | StepId::Rt1
            | StepId::Rt2
            | StepId::Rt3
            | StepId::Rt4
            | StepId::Rt5
            | StepId::Rt6 => Shown::done(),
            StepId::Fb3e => self.restore().await?,
            StepId::Fb4a => self.webapps_on(here, step).await?,
            StepId::Fb4b => self.webapps_on(there, step).await?,
            StepId::Fb5 => self.enable().await?,
            StepId::Fb6 => self.exporting("resume", step).await?,
            StepId::Fb7 => self.add().await?,
        })
    }

    async fn force(&mut self) -> Result<Shown, Closed> {
        let parity = self.scene.disaster.lost.0;
        let keep: Vec<String> = (0..self.scene.disaster.brokers)
            .filter(|id| id % 2 != parity)
            .map(|id| id.to_string())
            .collect();
        let path = "/actuator/cluster/brokers?force=true";
        let typed = Typed::send(To::Management, Method::POST, path, Some(json!(keep)));
        self.send(StepId::Fo1, typed).await
    }

    async fn disable(&mut self) -> Result<Shown, Closed> {
        let path = format!("/actuator/exporters/{}/disable", exporter(self.there()));
        let typed = Typed::send(To::Management, Method::POST, &path, None);
        self.send(StepId::Fo2, typed).await
    }

    /// Deletes an index of the returning search, as an error has said. The guide prints nothing of it.
    pub(super) async fn deletes(&mut self, index: &str) -> Result<(), Closed> {
        let typed = Typed::send(
            To::Search(self.there()),
            Method::DELETE,
            &format!("/{index}"),
            None,
        );
        self.look(typed).await.map(|_| ())
    }

    pub(super) async fn exporting(&mut self, verb: &str, step: StepId) -> Result<Shown, Closed> {
        let path = format!("/actuator/exporting/{verb}");
        let typed = Typed::send(To::Management, Method::POST, &path, None);
        self.send(step, typed).await
    }

    async fn repository(&mut self, region: Region, step: StepId) -> Result<Shown, Closed> {
        let body = json!({
            "type": "s3",
            "settings": {"bucket": BUCKET, "client": "camunda", "base_path": "backups"},
        });
        let typed = Typed::send(To::Search(region), Method::PUT, REPOSITORY, Some(body));
        self.send(step, typed).await
    }

    async fn take_snapshot(&mut self) -> Result<Shown, Closed> {
        let path = format!("{REPOSITORY}/{}?wait_for_completion=true", self.snapshot_name());
        let typed = Typed::send(To::Search(self.here()), Method::PUT, &path, None);
        self.send(StepId::Fb3b, typed.slow()).await
    }

    async fn restore(&mut self) -> Result<Shown, Closed> {
        let path = format!(
            "{REPOSITORY}/{}/_restore?wait_for_completion=true",
            self.snapshot_name()
        );
        let typed = Typed::send(To::Search(self.there()), Method::POST, &path, None);
        self.send(StepId::Fb3e, typed.slow()).await
    }

    async fn webapps_on(&mut self, region: Region, step: StepId) -> Result<Shown, Closed> {
        let words = format!("helm upgrade camunda … (region{})", region.index());
        self.run(step, &words, |world| world.upgrade(region, true)).await
    }

    async fn enable(&mut self) -> Result<Shown, Closed> {
        let path = format!("/actuator/exporters/{}/enable", exporter(self.there()));
        let body = json!({"initializeFrom": exporter(self.here())});
        let typed = Typed::send(To::Management, Method::POST, &path, Some(body));
        self.send(StepId::Fb5, typed).await
    }

    async fn add(&mut self) -> Result<Shown, Closed> {
        let all: Vec<String> = (0..self.scene.disaster.brokers)
            .map(|id| id.to_string())
            .collect();
        let path = "/actuator/cluster/brokers?replicationFactor=4";
        let typed = Typed::send(To::Management, Method::POST, path, Some(json!(all)));
        self.send(StepId::Fb7, typed).await
    }
}

/// The index that an error of a restore names.
fn stands_in_the_way(shown: &Shown) -> Option<String> {
    let json = shown.json();
    let reason = json.pointer("/error/reason")?.as_str()?;
    let (_, after) = reason.split_once("cannot restore index [")?;
    let (index, why) = after.split_once(']')?;
    why.contains("open index with same name")
        .then(|| index.to_owned())
}

/// Whether what is printed looks right.
fn verdict(step: StepId, shown: &Shown) -> Verdict {
    let odd = || Verdict::Odd(shown.words());
    let Shown::Answer { status, text } = shown else {
        return odd();
    };
    if let Some(index) = stands_in_the_way(shown) {
        return Verdict::InTheWay(index);
    }
    let json = shown.json();
    let is_right = match step {
        // helm and kubectl say nothing that the guide prints.
        StepId::Fb1 | StepId::Fb2a | StepId::Fb3d | StepId::Fb4a | StepId::Fb4b => text.is_empty(),
        StepId::Rt1 | StepId::Rt2 | StepId::Rt3 | StepId::Rt4 | StepId::Rt5 | StepId::Rt6 => true,
        StepId::Ut1 | StepId::Ut2 | StepId::Ut3 | StepId::Re1 => true,
        // "HTTP/1.1 204 No Content" is printed. This version answers 200 and has the code in its body: a person reads on.
        StepId::Fb2b | StepId::Fb6 => *status == 204 || json["status"] == 204,
        StepId::Fb3a | StepId::Fb3c => json["acknowledged"] == true,
        // Nothing is printed for the answer; an error is seen to be one.
        StepId::Fo1 | StepId::Fo2 | StepId::Fb3b | StepId::Fb3e | StepId::Fb5 | StepId::Fb7 => {
            let says_no = |field: &str| json.get(field).is_some_and(|value: &Value| !value.is_null());
            json.is_object() && !says_no("message") && !says_no("error")
        }
    };
    if is_right { Verdict::AsPrinted } else { odd() }
}
