//! A `DNSEndpoint`: an object in which somebody writes records, and which ExternalDNS carries into the DNS.
//!
//! It is replaced only if it is still the very version that was read: of two that change it at once, the API server refuses
//! one. What ExternalDNS makes of it, and when, the object does not say. `source: ExternalDNS, docs/sources/crd.md`

use serde_json::{Value, json};

use super::ask::Ask;
use super::cluster::Cluster;
use super::object::Object;
use super::rights::Right;
use super::trouble::Trouble;

/// One such object in a cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DnsEndpoint {
    /// The cluster.
    pub cluster: Cluster,
    /// The namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What was in it when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its records, as they stand in `spec.endpoints`: those of other names as well.
    pub records: Vec<Value>,
    uid: String,
    version: String,
}

impl DnsEndpoint {
    /// Reads it.
    ///
    /// # Errors
    /// If that is refused, not heard, or not what such an object looks like.
    pub async fn read(&self) -> Result<Kept, Trouble> {
        let ask = Ask::one(Right::GetDnsEndpoint, &self.namespace, &self.name);
        let object: Object = self.cluster.object(&ask).await?;
        self.kept(&ask, object)
    }

    /// Replaces its records, if it still is what was read, and gives back what the API server has then.
    ///
    /// # Errors
    /// 409 if somebody has changed it in between; else as [`DnsEndpoint::read`].
    pub async fn replace(&self, was: &Kept, records: &[Value]) -> Result<Kept, Trouble> {
        let patch = json!({
            "metadata": {"uid": was.uid, "resourceVersion": was.version},
            "spec": {"endpoints": records},
        });
        let ask = Ask::one(Right::PatchDnsEndpoint, &self.namespace, &self.name).with_body(patch);
        let object: Object = self.cluster.object(&ask).await?;
        self.kept(&ask, object)
    }

    fn kept(&self, ask: &Ask, object: Object) -> Result<Kept, Trouble> {
        let garbled = |problem: &str| Trouble::Garbled {
            cluster: self.cluster.to_string(),
            asked: ask.words(),
            problem: problem.to_owned(),
        };
        let records = match object.spec.get("endpoints") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(records)) => records.clone(),
            Some(_) => return Err(garbled("`spec.endpoints` is no list")),
        };
        // Without them nothing could be compared.
        if object.metadata.uid.is_empty() || object.metadata.resource_version.is_empty() {
            return Err(garbled("it has no UID, or no version"));
        }
        Ok(Kept {
            records,
            uid: object.metadata.uid,
            version: object.metadata.resource_version,
        })
    }

    /// What a person would type before other words: `kubectl --context X --namespace NS`.
    pub fn kubectl(&self) -> String {
        self.cluster.access().kubectl(&self.namespace).join(" ")
    }
}

impl std::fmt::Display for DnsEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "DNSEndpoint `{}` in namespace `{}` of {}",
            self.name, self.namespace, self.cluster
        )
    }
}
