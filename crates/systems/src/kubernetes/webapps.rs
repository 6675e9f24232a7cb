//! Operate and Tasklist as deployments of their own (charts 11 and 12): down to zero, and back to what they were.
//!
//! From chart 13 on they are profiles of the brokers' stateful set, and there is nothing here to scale. `spec: api.md §10`

use c8dr_domain::effect::Answer;
use serde_json::json;

use super::ask::Ask;
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::trouble::Trouble;

/// Where a deployment keeps how many replicas it had before we took it down.
pub(super) const REPLICAS: &str = "c8dr/replicas";

/// A deployment of a webapp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webapp {
    /// Its name.
    pub name: String,
    /// How many replicas are wanted now.
    pub replicas: u64,
    /// How many it had before it was taken down by us.
    pub before: Option<u64>,
    uid: String,
}

impl Region {
    /// The release's deployments of Operate and Tasklist; none where the chart has them in the brokers.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn webapps(&self) -> Result<Vec<Webapp>, Trouble> {
        let names = ["operate", "tasklist"].map(|app| format!("{}-{app}", self.release));
        let all = self.list(Right::ListDeployments).await?;
        Ok(all
            .iter()
            .filter(|deployment| names.contains(&deployment.metadata.name))
            .map(webapp)
            .collect())
    }

    /// Takes Operate and Tasklist down: what they had is noted on them first, then they are scaled to zero, and that is read
    /// back. Pods that still end are another matter, and seen by [`Region::pods`].
    pub async fn webapps_down(&self) -> Answer {
        self.scaled(To::Zero).await
    }

    /// Brings them back to what they had before, or to one replica where nothing was noted.
    pub async fn webapps_up(&self) -> Answer {
        self.scaled(To::Before).await
    }

    async fn scaled(&self, to: To) -> Answer {
        let webapps = match self.webapps().await {
            Ok(webapps) => webapps,
            Err(trouble) => return trouble.answer(),
        };
        if webapps.is_empty() {
            return Answer::Refused {
                status: 412,
                message: format!(
                    "nothing was scaled: there is no deployment {release}-operate or {release}-tasklist in namespace `{}` of {}; from chart 13 on they are switched off by values",
                    self.namespace,
                    self.cluster,
                    release = self.release
                ),
            };
        }
        for (number, webapp) in webapps.iter().enumerate() {
            if let Err(trouble) = self.scale_one(webapp, to).await {
                return match (trouble.answer(), number) {
                    // Those before it are scaled already, so it cannot be said that nothing was done.
                    (Answer::NotSent { detail, .. } | Answer::Refused { message: detail, .. }, 1..) => {
                        Answer::Unknown { status: None, detail }
                    }
                    (answer, _) => answer,
                };
            }
        }
        Answer::Done
    }

    async fn scale_one(&self, webapp: &Webapp, to: To) -> Result<(), Trouble> {
        let wanted = match to {
            To::Zero => {
                if webapp.replicas > 0 {
                    self.note(webapp, Some(webapp.replicas)).await?;
                }
                0
            }
            To::Before => webapp.before.unwrap_or(1).max(webapp.replicas),
        };
        if webapp.replicas != wanted {
            self.set_scale(Right::PatchDeploymentScale, &webapp.name, wanted)
                .await?;
        }
        self.read_scale(Right::GetDeploymentScale, &webapp.name, wanted)
            .await?;
        match to {
            To::Before if webapp.before.is_some() => self.note(webapp, None).await,
            _ => Ok(()),
        }
    }

    /// Notes a deployment's replicas on it, or takes the note away, if it still is that very deployment. Its version is no
    /// condition: the controllers write into it all the time.
    async fn note(&self, webapp: &Webapp, replicas: Option<u64>) -> Result<(), Trouble> {
        let value = replicas.map(|replicas| replicas.to_string());
        let patch = json!({"metadata": {"uid": webapp.uid, "annotations": {REPLICAS: value}}});
        let ask = Ask::one(Right::PatchDeployment, &self.namespace, &webapp.name).with_body(patch);
        self.cluster.ask(&ask).await.map(drop)
    }

    /// Sets the scale of a deployment or a stateful set.
    pub(super) async fn set_scale(&self, right: Right, name: &str, replicas: u64) -> Result<(), Trouble> {
        let ask = Ask::one(right, &self.namespace, name).with_body(json!({"spec": {"replicas": replicas}}));
        self.cluster.ask(&ask).await.map(drop)
    }

    /// Reads the scale back: that it was answered is not that it is so.
    pub(super) async fn read_scale(&self, right: Right, name: &str, wanted: u64) -> Result<(), Trouble> {
        let ask = Ask::one(right, &self.namespace, name);
        let scale: Object = self.cluster.object(&ask).await?;
        // A replica count of zero is left out by the server.
        let found = Object::number(&scale.spec, "/replicas").unwrap_or_default();
        if found == wanted {
            return Ok(());
        }
        Err(Trouble::Garbled {
            cluster: self.cluster.to_string(),
            asked: ask.words(),
            problem: format!(
                "it was scaled to {wanted}, and {found} is read back: somebody else scales it, too (an autoscaler, or GitOps)"
            ),
        })
    }
}

#[derive(Clone, Copy)]
enum To {
    Zero,
    Before,
}

fn webapp(deployment: &Object) -> Webapp {
    Webapp {
        name: deployment.metadata.name.clone(),
        uid: deployment.metadata.uid.clone(),
        // What does not say is 1, by the API's own default.
        replicas: Object::number(&deployment.spec, "/replicas").unwrap_or(1),
        before: deployment
            .metadata
            .annotations
            .get(REPLICAS)
            .and_then(|text| text.parse().ok()),
    }
}
