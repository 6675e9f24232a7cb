//! What an installation consists of in one region, read off its objects. What cannot be read is said; nothing is guessed.
//! `spec: api.md §10, §11`

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ask::Ask;
use super::configuration::{Numbering, Numbers};
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::trouble::Trouble;

/// One region's share, as its cluster shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The UID of its namespace: no two clusters have the same.
    pub namespace_uid: String,
    /// The chart, as helm labels what it makes: `camunda-platform-11.12.3`.
    pub chart: Option<String>,
    /// The brokers' stateful set, and how many of them it wants here.
    pub brokers: Option<(String, u64)>,
    /// How brokers get their numbers.
    pub numbering: Option<Numbering>,
    /// Cluster size, partitions, replication factor.
    pub numbers: Numbers,
    /// The exporters by their ids, with where they write to.
    pub exporters: BTreeMap<String, Option<String>>,
    /// The gateway's service, and its ports.
    pub gateway: Option<(String, BTreeSet<u16>)>,
    /// The search.
    pub search: Option<FoundSearch>,
    /// The deployments of Operate and Tasklist; none where they are in the brokers.
    pub webapps: Vec<String>,
    /// How many pods there are, and how many of them are ready.
    pub pods: (usize, usize),
    /// The volume claims.
    pub claims: BTreeSet<String>,
    /// What was not found or may not be looked at, as sentences.
    pub missing: Vec<String>,
}

/// A search, as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSearch {
    /// The service by which it is reached.
    pub service: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken there.
    pub is_tls: bool,
    /// The secret that holds the password of the user `elastic`, where Elastic's operator made one.
    pub secret: Option<String>,
}

/// Why a region cannot be described: it is another one than was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// It could not be looked at.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// Something else was found.
    #[error("{0}")]
    Other(String),
}

/// The product's chart, as helm labels it.
const CHART: &str = "camunda-platform-";

impl Region {
    /// Looks at everything that tells of the installation. Nothing is changed.
    ///
    /// # Errors
    /// If the namespace cannot be looked at, or holds something else.
    pub async fn discover(&self) -> Result<Found, NotThere> {
        let (uid, sets, services) = futures_util::join!(
            self.namespace_uid(),
            self.list(Right::ListStatefulSets),
            self.list(Right::ListServices),
        );
        let namespace_uid = match uid {
            Err(trouble) if trouble.is_missing() => {
                return Err(NotThere::Other(format!(
                    "there is no namespace `{}` in {}",
                    self.namespace, self.cluster
                )));
            }
            other => other?,
        };
        let (sets, services) = (sets?, services?);
        let name = self.brokers_name();
        let Some(brokers) = sets.iter().find(|set| set.metadata.name == name) else {
            return Err(NotThere::Other(self.what_else(&sets)));
        };
        let chart = brokers.label("helm.sh/chart").map(str::to_owned);
        if let Some(other) = chart.as_deref().filter(|chart| !chart.starts_with(CHART)) {
            return Err(NotThere::Other(format!(
                "release `{}` in namespace `{}` of {} is of another chart, `{other}`; it should begin with `{CHART}`",
                self.release, self.namespace, self.cluster
            )));
        }
        let mut found = Found {
            namespace_uid,
            chart,
            brokers: Some((name, Object::number(&brokers.spec, "/replicas").unwrap_or(1))),
            ..Found::default()
        };
        let environment = environment(brokers);
        found.exporters = exporters(&environment);
        if found.exporters.is_empty() {
            found.missing.push(format!(
                "no exporter is configured in the environment of `{}` ({}_CLASSNAME)",
                brokers.metadata.name, "ZEEBE_BROKER_EXPORTERS_…"
            ));
        }
        self.numbers(&mut found, &environment).await;
        self.gateway(&mut found, &services);
        self.search(&mut found, &services).await;
        self.rest(&mut found).await;
        Ok(found)
    }

    /// The name of the brokers' stateful set.
    pub(super) fn brokers_name(&self) -> String {
        format!("{}-zeebe", self.release)
    }

    /// What is there where our brokers should be.
    fn what_else(&self, sets: &[Object]) -> String {
        let of_zeebe: Vec<String> = sets
            .iter()
            .filter(|set| set.label("app.kubernetes.io/component") == Some("zeebe-broker"))
            .map(|set| {
                let release = set.label("app.kubernetes.io/instance").unwrap_or("?");
                format!("`{}` of release `{release}`", set.metadata.name)
            })
            .collect();
        let there = match (of_zeebe.is_empty(), sets.len()) {
            (false, _) => format!("brokers are in {}", of_zeebe.join(", ")),
            (true, 0) => "it has no stateful set at all".to_owned(),
            (true, _) => {
                let names: Vec<String> = sets
                    .iter()
                    .map(|set| format!("`{}`", set.metadata.name))
                    .collect();
                format!("its stateful sets are {}", names.join(", "))
            }
        };
        format!(
            "namespace `{}` of {} holds no stateful set `{}-zeebe`; {there}",
            self.namespace, self.cluster, self.release
        )
    }

    async fn numbers(&self, found: &mut Found, environment: &BTreeMap<String, String>) {
        found.numbers = Numbers::of_environment(environment);
        found.numbering = Numbering::of_environment(environment);
        match self.list(Right::ListConfigMaps).await {
            Ok(maps) => {
                let prefix = format!("{}-zeebe-configuration", self.release);
                let texts = maps
                    .iter()
                    .filter(|map| map.metadata.name.starts_with(&prefix))
                    .filter_map(|map| map.data.as_object())
                    .flat_map(|data| data.values())
                    .filter_map(Value::as_str);
                for text in texts {
                    found.numbers.complete(&Numbers::of_yaml(text));
                    found.numbering = found.numbering.or_else(|| Numbering::of_script(text));
                }
            }
            Err(trouble) => found.missing.push(trouble.to_string()),
        }
        if found.numbering.is_none() {
            found.missing.push(format!(
                "how brokers get their ids was not found: `${{K8S_NAME##*-}} * REGIONS + REGION` in `{}-zeebe-configuration`",
                self.release
            ));
        }
        for (what, is_there) in [
            ("the cluster's size", found.numbers.cluster_size.is_some()),
            ("the partition count", found.numbers.partition_count.is_some()),
            (
                "the replication factor",
                found.numbers.replication_factor.is_some(),
            ),
        ] {
            if !is_there {
                found.missing.push(format!(
                    "{what} is neither in the brokers' environment nor in `{}-zeebe-configuration`",
                    self.release
                ));
            }
        }
    }

    fn gateway(&self, found: &mut Found, services: &[Object]) {
        let name = format!("{}-zeebe-gateway", self.release);
        match services.iter().find(|service| service.metadata.name == name) {
            Some(service) => found.gateway = Some((name, ports(service))),
            None => found.missing.push(format!("there is no service `{name}`")),
        }
    }

    async fn search(&self, found: &mut Found, services: &[Object]) {
        match self.list(Right::ListElasticsearches).await {
            Ok(operated) => match operated.as_slice() {
                [] => {}
                [one] => {
                    let name = &one.metadata.name;
                    let disabled = one.spec.pointer("/http/tls/selfSignedCertificate/disabled");
                    found.search = Some(FoundSearch {
                        service: format!("{name}-es-http"),
                        port: 9200,
                        is_tls: disabled != Some(&Value::Bool(true)),
                        secret: Some(format!("{name}-es-elastic-user")),
                    });
                    return;
                }
                several => {
                    let names: Vec<&str> = several.iter().map(|one| one.metadata.name.as_str()).collect();
                    found.missing.push(format!(
                        "which search is the installation's is not clear: there are {}",
                        names.join(", ")
                    ));
                    return;
                }
            },
            // Elastic's operator is not there.
            Err(trouble) if trouble.is_missing() => {}
            Err(trouble) => found.missing.push(trouble.to_string()),
        }
        let own = ["elasticsearch-master-hl", "opensearch-master-hl", "elasticsearch"]
            .map(|end| format!("{}-{end}", self.release));
        let by_name = own.iter().find_map(|name| {
            services
                .iter()
                .find(|service| service.metadata.name == *name && ports(service).contains(&9200))
        });
        let labelled: Vec<&Object> = services
            .iter()
            .filter(|service| {
                matches!(
                    service.label("app.kubernetes.io/name"),
                    Some("elasticsearch" | "opensearch")
                ) && ports(service).contains(&9200)
            })
            .collect();
        let only = match labelled.as_slice() {
            [service] => Some(*service),
            _ => None,
        };
        match (by_name.or(only), labelled.as_slice()) {
            (Some(service), _) => {
                found.search = Some(FoundSearch {
                    service: service.metadata.name.clone(),
                    port: 9200,
                    is_tls: false,
                    secret: None,
                });
            }
            (None, []) => found.missing.push(
                "there is no service of a search with port 9200; it may lie outside of the cluster"
                    .to_owned(),
            ),
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|one| one.metadata.name.as_str()).collect();
                found.missing.push(format!(
                    "which search is the installation's is not clear: there are the services {}",
                    names.join(", ")
                ));
            }
        }
    }

    async fn rest(&self, found: &mut Found) {
        let (webapps, pods, claims) = futures_util::join!(self.webapps(), self.pods(), self.volumes());
        match webapps {
            Ok(webapps) => found.webapps = webapps.into_iter().map(|webapp| webapp.name).collect(),
            Err(trouble) => found.missing.push(trouble.to_string()),
        }
        match pods.seen() {
            Some(pods) => found.pods = (pods.len(), pods.iter().filter(|pod| pod.is_ready).count()),
            None => found.missing.push("the pods could not be listed".to_owned()),
        }
        match claims.seen() {
            Some(claims) => found.claims.clone_from(claims),
            None => found
                .missing
                .push("the volume claims could not be listed".to_owned()),
        }
        if let Some(secret) = found.search.as_ref().and_then(|search| search.secret.clone()) {
            let ask = Ask::all(Right::ListSecrets, &self.namespace).names_only();
            match self.cluster.list(&ask).await {
                Ok(secrets) if secrets.iter().any(|known| known.metadata.name == secret) => {}
                Ok(_) => found.missing.push(format!(
                    "there is no secret `{secret}` with the search's password"
                )),
                Err(trouble) if trouble.is_forbidden() => found.missing.push(format!(
                    "whether the secret `{secret}` is there was not looked at, as secrets may not be listed"
                )),
                Err(trouble) => found.missing.push(trouble.to_string()),
            }
        }
    }
}

fn ports(service: &Object) -> BTreeSet<u16> {
    let ports = service.spec.get("ports").and_then(Value::as_array);
    ports
        .into_iter()
        .flatten()
        .filter_map(|port| u16::try_from(Object::number(port, "/port")?).ok())
        .collect()
}

/// The brokers' environment, as far as it is written out: of a name that stands twice the last one counts, as for Kubernetes.
pub(super) fn environment(set: &Object) -> BTreeMap<String, String> {
    let containers = set
        .spec
        .pointer("/template/spec/containers")
        .and_then(Value::as_array);
    containers
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("env")?.as_array())
        .flatten()
        .filter_map(|variable| {
            Some((
                variable.get("name")?.as_str()?.to_owned(),
                variable.get("value")?.as_str()?.to_owned(),
            ))
        })
        .collect()
}

/// The exporters in an environment, by their ids in small letters as Zeebe tells them, with where they write to.
pub(super) fn exporters(environment: &BTreeMap<String, String>) -> BTreeMap<String, Option<String>> {
    let mut exporters = BTreeMap::new();
    for (name, _) in environment.iter() {
        for prefix in ["ZEEBE_BROKER_EXPORTERS_", "CAMUNDA_DATA_EXPORTERS_"] {
            let Some(id) = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_suffix("_CLASSNAME"))
            else {
                continue;
            };
            let url = ["ARGS_URL", "ARGS_CONNECT_URL"]
                .iter()
                .find_map(|end| environment.get(&format!("{prefix}{id}_{end}")))
                .map(|url| without_login(url));
            exporters.insert(id.to_ascii_lowercase(), url);
        }
    }
    exporters
}

/// A URL without a user and a password in it.
pub(super) fn without_login(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or_default();
            let slash = if path.is_empty() { "" } else { "/" };
            format!("{scheme}://{host}{slash}{path}")
        }
        None => url.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exporters_are_told_by_their_ids_and_without_logins() {
        let environment = [
            (
                "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION0_CLASSNAME",
                "io.camunda.zeebe.exporter.ElasticsearchExporter",
            ),
            (
                "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION0_ARGS_URL",
                "http://me:hunter22@es.camunda-london.svc:9200",
            ),
            (
                "CAMUNDA_DATA_EXPORTERS_CAMUNDAREGION1_CLASSNAME",
                "io.camunda.exporter.CamundaExporter",
            ),
            (
                "CAMUNDA_DATA_EXPORTERS_CAMUNDAREGION1_ARGS_CONNECT_URL",
                "http://es.camunda-paris.svc:9200/x",
            ),
            ("ZEEBE_BROKER_EXPORTERS_OTHER_CLASSNAME", "x"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let told = exporters(&environment);
        assert_eq!(
            told["elasticsearchregion0"].as_deref(),
            Some("http://es.camunda-london.svc:9200")
        );
        assert_eq!(
            told["camundaregion1"].as_deref(),
            Some("http://es.camunda-paris.svc:9200/x")
        );
        assert_eq!(told["other"], None);
    }
}
