//! What helm has rendered, before and after: which pods an upgrade would begin anew, and what of the brokers it would change.
//!
//! Kubernetes begins pods anew when the template in their StatefulSet or Deployment differs. Between failover and failback
//! no surviving broker may be restarted, as each partition needs both of its replicas (guarantee G6), so this is compared
//! before anything is sent.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::yaml::{self, Difference};
use crate::foreign::shown;

/// What an upgrade would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The objects that would be changed, made or taken away, each with the keys.
    pub objects: Vec<Change>,
}

/// One object that would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which: `StatefulSet/camunda-zeebe`.
    pub object: String,
    /// How.
    pub how: How,
    /// What it means for pods.
    pub pods: Pods,
    /// The keys that differ; none of an object that comes or goes.
    pub keys: Vec<String>,
}

/// How an object would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It would be made.
    Made,
    /// It would be taken away.
    Removed,
    /// It would be another.
    Changed,
}

/// What a change means for pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    /// None is touched.
    Stay,
    /// They would be begun anew, or come, or go.
    Move,
    /// The brokers would be.
    BrokersMove,
}

impl Changes {
    /// Compares two manifests, as `helm get manifest` prints them.
    ///
    /// # Errors
    /// If one of them is no YAML.
    pub fn between(before: &str, after: &str) -> Result<Changes, String> {
        let (before, after) = (objects(before)?, objects(after)?);
        let mut all = Vec::new();
        for (name, old) in &before {
            match after.get(name) {
                None => all.push(Change {
                    object: name.clone(),
                    how: How::Removed,
                    pods: touched(old, &[]),
                    keys: Vec::new(),
                }),
                Some(new) if new != old => {
                    let found = yaml::differences(old, new);
                    all.push(Change {
                        object: name.clone(),
                        how: How::Changed,
                        pods: touched(new, &found),
                        keys: found
                            .iter()
                            .map(|difference| shown(difference.key.as_bytes(), 200))
                            .collect(),
                    });
                }
                Some(_) => {}
            }
        }
        for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            all.push(Change {
                object: name.clone(),
                how: How::Made,
                pods: touched(new, &[]),
                keys: Vec::new(),
            });
        }
        Ok(Changes { objects: all })
    }

    /// Those that would begin brokers anew, take them away or make more of them.
    pub fn of_brokers(&self) -> impl Iterator<Item = &Change> {
        self.objects
            .iter()
            .filter(|change| change.pods == Pods::BrokersMove)
    }

    /// Those that would touch any pods.
    pub fn of_pods(&self) -> impl Iterator<Item = &Change> {
        self.objects.iter().filter(|change| change.pods != Pods::Stay)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KEYS_MAX: usize = 8;
        f.write_str(&self.object)?;
        match self.how {
            How::Made => return f.write_str(" would be made"),
            How::Removed => return f.write_str(" would be taken away"),
            How::Changed => f.write_str(": ")?,
        }
        let shown: Vec<&str> = self.keys.iter().take(KEYS_MAX).map(String::as_str).collect();
        f.write_str(&shown.join(", "))?;
        match self.keys.len().saturating_sub(KEYS_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The objects of a manifest by kind and name. What is no object, such as an empty document, is left out.
fn objects(manifest: &str) -> Result<BTreeMap<String, Value>, String> {
    let mut all = BTreeMap::new();
    for object in yaml::documents(manifest)? {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (Some(kind), Some(name)) = (text("/kind"), text("/metadata/name")) else {
            continue;
        };
        // Objects of other namespaces are told apart; those of the release's own have none.
        let name = match text("/metadata/namespace") {
            Some(namespace) => format!("{kind}/{name} in {namespace}"),
            None => format!("{kind}/{name}"),
        };
        // Secrets are left out of what would be rendered, and no pod is begun anew by one.
        if kind != "Secret" {
            all.insert(shown(name.as_bytes(), 200), object);
        }
    }
    Ok(all)
}

/// What a change of a workload means for its pods. An object that comes or goes has no differences, and moves all of its pods.
fn touched(object: &Value, differences: &[Difference]) -> Pods {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "StatefulSet" | "Deployment" | "DaemonSet") {
        return Pods::Stay;
    }
    let is_spec = |difference: &Difference| difference.key.starts_with("spec.");
    if !differences.is_empty() && !differences.iter().any(is_spec) {
        return Pods::Stay;
    }
    match is_of_brokers(object) {
        true => Pods::BrokersMove,
        false => Pods::Move,
    }
}

/// Whether a workload runs brokers. `spec: api.md §10`
fn is_of_brokers(object: &Value) -> bool {
    ["/metadata/labels", "/spec/template/metadata/labels"]
        .iter()
        .any(|labels| {
            object
                .pointer(labels)
                .and_then(|labels| labels.get("app.kubernetes.io/component"))
                .and_then(Value::as_str)
                == Some("zeebe-broker")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"
---
# Source: camunda-platform/templates/zeebe/statefulset.yaml
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: camunda-zeebe
  labels: { app.kubernetes.io/component: zeebe-broker, helm.sh/chart: camunda-platform-11.12.3 }
spec:
  replicas: 4
  template:
    metadata:
      labels: { app.kubernetes.io/component: zeebe-broker }
      annotations: { checksum/config: aaaa }
    spec:
      containers:
        - name: zeebe
          image: camunda/zeebe:8.6.0
          env:
            - { name: ZEEBE_LOG_LEVEL, value: info }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: camunda-operate, labels: { app.kubernetes.io/component: operate } }
spec: { replicas: 1, template: { spec: { containers: [ { name: operate, image: "camunda/operate:8.6.0" } ] } } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: camunda-zeebe-configuration }
data: { application.yaml: "a" }
"#;

    fn check(change: impl Fn(&str) -> String, expect: &[(&str, How, Pods)]) {
        let changes = Changes::between(BEFORE, &change(BEFORE)).unwrap();
        let found: Vec<(&str, How, Pods)> = changes
            .objects
            .iter()
            .map(|change| (change.object.as_str(), change.how, change.pods))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn only_a_changed_spec_moves_pods() {
        check(str::to_owned, &[]);
        check(
            |text| {
                text.replace(
                    "data: { application.yaml: \"a\" }",
                    "data: { application.yaml: \"b\" }",
                )
            },
            &[("ConfigMap/camunda-zeebe-configuration", How::Changed, Pods::Stay)],
        );
        check(
            |text| text.replace("camunda-platform-11.12.3", "camunda-platform-11.12.4"),
            &[("StatefulSet/camunda-zeebe", How::Changed, Pods::Stay)],
        );
        check(
            |text| text.replace("operate:8.6.0", "operate:8.6.1"),
            &[("Deployment/camunda-operate", How::Changed, Pods::Move)],
        );
        for (from, to) in [
            ("value: info", "value: debug"),
            ("checksum/config: aaaa", "checksum/config: bbbb"),
            ("replicas: 4", "replicas: 3"),
        ] {
            check(
                |text| text.replace(from, to),
                &[("StatefulSet/camunda-zeebe", How::Changed, Pods::BrokersMove)],
            );
        }
        check(
            |text| text.replace("name: camunda-zeebe\n", "name: other-zeebe\n"),
            &[
                ("StatefulSet/camunda-zeebe", How::Removed, Pods::BrokersMove),
                ("StatefulSet/other-zeebe", How::Made, Pods::BrokersMove),
            ],
        );
    }

    #[test]
    fn a_change_is_told_by_its_keys() {
        let changes = Changes::between(BEFORE, &BEFORE.replace("value: info", "value: debug")).unwrap();
        let told: Vec<String> = changes.of_brokers().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["StatefulSet/camunda-zeebe: spec.template.spec.containers[zeebe].env[ZEEBE_LOG_LEVEL].value"]
        );
        assert!(Changes::between("a: [", BEFORE).is_err());
    }
}
