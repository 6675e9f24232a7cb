//! What an earlier life of a region has left behind: volume claims, volumes that are released and not free, releases of Helm.
//! Removed only one by one, by name, as that very object. `design: G10`

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::ask::Ask;
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::trouble::Trouble;

/// What is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftoverKind {
    /// A volume claim: brokers that find one begin with what is on it.
    Claim,
    /// A volume whose claim is gone, and which nobody else gets.
    Volume,
    /// One revision of a release of Helm.
    Release,
}

impl LeftoverKind {
    /// As it is typed: `pvc/NAME`, `pv/NAME`, `release/NAME`.
    pub const fn word(self) -> &'static str {
        match self {
            LeftoverKind::Claim => "pvc",
            LeftoverKind::Volume => "pv",
            LeftoverKind::Release => "release",
        }
    }
}

/// One thing that is left. It is that very object: whatever else gets its name later is not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    version: String,
    /// What is known of it, in a few words.
    pub note: String,
    /// Who uses it now; nothing that is used is removed.
    pub used_by: BTreeSet<String>,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

/// What is left, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// By kind and name.
    pub all: Vec<Leftover>,
    /// As sentences.
    pub unseen: Vec<String>,
}

/// What the secrets are called in which Helm keeps its releases.
const RELEASES: &str = "sh.helm.release.v1.";

/// Conditions under which something may be deleted.
pub(super) fn only(uid: &str, version: Option<&str>) -> Value {
    let mut preconditions = json!({"uid": uid});
    if let Some(version) = version {
        preconditions["resourceVersion"] = version.into();
    }
    json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions})
}

impl Region {
    /// What is left of an earlier life of the release in this region.
    ///
    /// # Errors
    /// If claims or pods cannot be listed. Volumes and releases that may not be listed are told as unseen.
    pub async fn leftovers(&self) -> Result<Leftovers, Trouble> {
        let volumes = Ask::cluster_wide(Right::ListVolumes, None);
        let secrets = Ask::all(Right::ListSecrets, &self.namespace).names_only();
        let (claims, pods, volumes, secrets) = futures_util::join!(
            self.list(Right::ListClaims),
            self.list(Right::ListPods),
            self.cluster.list(&volumes),
            self.cluster.list(&secrets),
        );
        let (claims, pods) = (claims?, pods?);
        let mut left = Leftovers::default();
        left.all
            .extend(claims.iter().filter(|claim| self.is_ours(claim)).map(|claim| {
                Leftover {
                    note: text(&claim.status, "/phase")
                        .unwrap_or("phase unknown")
                        .to_owned(),
                    used_by: users(&pods, &claim.metadata.name),
                    ..leftover(LeftoverKind::Claim, claim)
                }
            }));
        match volumes {
            Ok(volumes) => left.all.extend(
                volumes
                    .iter()
                    .filter(|volume| text(&volume.status, "/phase") == Some("Released"))
                    .filter(|volume| text(&volume.spec, "/claimRef/namespace") == Some(&self.namespace))
                    .map(|volume| Leftover {
                        note: format!(
                            "released by {}",
                            text(&volume.spec, "/claimRef/name").unwrap_or("?")
                        ),
                        ..leftover(LeftoverKind::Volume, volume)
                    }),
            ),
            Err(trouble) => left.unseen.push(trouble.to_string()),
        }
        match secrets {
            Ok(secrets) => {
                let prefix = format!("{RELEASES}{}.v", self.release);
                left.all.extend(
                    secrets
                        .iter()
                        .filter(|secret| secret.metadata.name.starts_with(&prefix))
                        .map(|secret| Leftover {
                            note: secret.label("status").unwrap_or("status unknown").to_owned(),
                            ..leftover(LeftoverKind::Release, secret)
                        }),
                );
            }
            Err(trouble) => left.unseen.push(trouble.to_string()),
        }
        left.all
            .sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        Ok(left)
    }

    /// Deletes one of them, if it is still that very object in that very state. That it is gone is read by
    /// [`Region::leftovers`].
    ///
    /// # Errors
    /// If that is refused, or not known to be so; 409 if it is not that object any more.
    pub async fn remove(&self, leftover: &Leftover) -> Result<(), Trouble> {
        let ask = match leftover.kind {
            LeftoverKind::Claim => Ask::one(Right::DeleteClaim, &self.namespace, &leftover.name),
            LeftoverKind::Release => Ask::one(Right::DeleteSecret, &self.namespace, &leftover.name),
            LeftoverKind::Volume => Ask::cluster_wide(Right::DeleteVolume, Some(&leftover.name)),
        };
        let ask = ask.with_body(only(&leftover.uid, Some(&leftover.version)));
        self.cluster.ask(&ask).await.map(drop)
    }

    /// Whether a claim is of the release's brokers or of its search, by the names that the charts give or by its label.
    fn is_ours(&self, claim: &Object) -> bool {
        let name = &claim.metadata.name;
        claim.label("app.kubernetes.io/instance") == Some(&self.release)
            || name.starts_with(&format!("data-{}-", self.release))
            || name.starts_with("elasticsearch-data-")
    }
}

fn leftover(kind: LeftoverKind, object: &Object) -> Leftover {
    Leftover {
        kind,
        name: object.metadata.name.clone(),
        uid: object.metadata.uid.clone(),
        version: object.metadata.resource_version.clone(),
        note: String::new(),
        used_by: BTreeSet::new(),
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The pods that have a claim among their volumes.
fn users(pods: &[Object], claim: &str) -> BTreeSet<String> {
    pods.iter()
        .filter(|pod| {
            let volumes = pod.spec.get("volumes").and_then(Value::as_array);
            volumes
                .into_iter()
                .flatten()
                .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == Some(claim))
        })
        .map(|pod| pod.metadata.name.clone())
        .collect()
}
