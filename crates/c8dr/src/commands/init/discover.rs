//! `c8dr init --discover`: what two clusters show of an installation, held against each other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use c8dr_domain::ids::RegionId;
use c8dr_engine::clock::Clock;
use c8dr_systems::dial::Tcp;
use c8dr_systems::kubernetes::{self, Cluster, Found, NotThere, Region};

use crate::args::Init;
use crate::config::kubernetes::{access, at_home};
use crate::error::CliError;

/// One region, where it is and what was found there.
pub(super) struct Place {
    pub(super) id: RegionId,
    pub(super) name: String,
    pub(super) context: String,
    pub(super) namespace: String,
    pub(super) exporter: Option<String>,
    pub(super) found: Found,
}

/// An installation, as far as it was found.
pub(super) struct Discovered {
    pub(super) release: String,
    pub(super) kubeconfig: Option<PathBuf>,
    /// By their ids.
    pub(super) regions: [Place; 2],
    pub(super) cluster_size: u32,
    pub(super) partition_count: u32,
    pub(super) replication_factor: u32,
    /// What is left to a person, as sentences.
    pub(super) missing: Vec<String>,
}

/// What was asked for: two contexts, with a namespace each.
fn wanted(init: &Init) -> Result<[(String, String); 2], CliError> {
    let usage = |what: String| {
        CliError::Usage {
        what,
        help: "Both contexts and their namespaces are wanted, for example\n  c8dr init --discover --context london --context paris --namespace london=camunda-london --namespace paris=camunda-paris\n`kubectl config get-contexts` lists the contexts.".to_owned(),
    }
    };
    let [one, other] = init.context.as_slice() else {
        return Err(usage(format!(
            "two contexts are wanted, and there are {}",
            init.context.len()
        )));
    };
    if one == other {
        return Err(usage(format!("both contexts are `{one}`")));
    }
    let namespace_of = |context: &str| -> Result<String, CliError> {
        let own = init.namespace.iter().find_map(|said| {
            let (of, namespace) = said.rsplit_once('=')?;
            (of == context).then(|| namespace.to_owned())
        });
        let common = || match init.namespace.as_slice() {
            [only] if !only.contains('=') => Some(only.clone()),
            _ => None,
        };
        own.or_else(common)
            .filter(|namespace| !namespace.is_empty())
            .ok_or_else(|| usage(format!("the namespace of context `{context}` is not named")))
    };
    for said in &init.namespace {
        let of = said.rsplit_once('=').map(|(of, _)| of);
        if of.is_some_and(|of| of != one && of != other) {
            return Err(usage(format!(
                "`--namespace {said}` is of a context that is not named"
            )));
        }
    }
    Ok([
        (one.clone(), namespace_of(one)?),
        (other.clone(), namespace_of(other)?),
    ])
}

/// Looks at both clusters at once.
pub(super) async fn discover(init: &Init) -> Result<Discovered, CliError> {
    let wanted = wanted(init)?;
    let clock = Clock::system();
    let dial = Arc::new(Tcp::new(clock.clone()));
    let files = init.kubeconfig.as_deref().map(|file| vec![named(file)]);
    let region = |(context, namespace): &(String, String)| Region {
        cluster: Cluster::new(
            access(files.clone(), Some(context.clone())),
            dial.clone(),
            clock.clone(),
            kubernetes::Limits::default(),
            None,
        ),
        namespace: namespace.clone(),
        release: init.release.clone(),
    };
    let regions = [region(&wanted[0]), region(&wanted[1])];
    let (one, other) = tokio::join!(regions[0].discover(), regions[1].discover());
    let [first, second] = wanted;
    match (one, other) {
        (Ok(one), Ok(other)) => together(init, [(first, one), (second, other)]),
        (one, other) => Err(unusable(
            &[one.err(), other.err()]
                .into_iter()
                .flatten()
                .map(|error: NotThere| error.to_string())
                .collect::<Vec<_>>(),
        )),
    }
}

/// Everything that is wrong, at once.
fn unusable(wrong: &[String]) -> CliError {
    let list: Vec<String> = wrong.iter().map(|wrong| format!("- {wrong}")).collect();
    CliError::Usage {
        what: "no installation was found there; nothing was written".to_owned(),
        help: format!(
            "{}\nName the right `--context`, `--namespace` and `--release`: `helm list --all-namespaces --kube-context CONTEXT` shows them.",
            list.join("\n")
        ),
    }
}

fn named(file: &Path) -> PathBuf {
    at_home(file).unwrap_or_else(|| file.to_owned())
}

type Seen = ((String, String), Found);

/// Both regions as one installation, or what contradicts that.
fn together(init: &Init, seen: [Seen; 2]) -> Result<Discovered, CliError> {
    let mut wrong = Vec::new();
    let [(_, one), (_, other)] = &seen;
    if one.namespace_uid == other.namespace_uid && !one.namespace_uid.is_empty() {
        wrong.push(
            "both contexts lead to the same namespace of the same cluster: each region has its own"
                .to_owned(),
        );
    }
    for ((context, _), found) in &seen {
        match found.numbering {
            Some(numbering) if numbering.regions != 2 => wrong.push(format!(
                "the brokers of context `{context}` are numbered for {} regions, not for 2",
                numbering.regions
            )),
            Some(numbering) if numbering.region > 1 => wrong.push(format!(
                "the brokers of context `{context}` are of region {}; there are 0 and 1",
                numbering.region
            )),
            _ => {}
        }
    }
    let ids = [one, other].map(|found| found.numbering.map(|numbering| numbering.region));
    if let [Some(one), Some(other)] = ids
        && one == other
    {
        wrong.push(format!(
            "both regions number their brokers as region {one}: their ids would be the same"
        ));
    }
    // One of the two is enough: the other one is what is left.
    let first_id = match ids {
        [Some(id), _] => Some(id),
        [None, Some(id)] => Some(1 - id.min(1)),
        [None, None] => None,
    };
    if first_id.is_none() {
        wrong.push("which region is 0 is written nowhere that was looked at, and is not guessed".to_owned());
    }
    let mut same = |what: &str, of: fn(&Found) -> Option<u32>| -> Option<u32> {
        match (of(one), of(other)) {
            (Some(one), Some(other)) if one != other => {
                wrong.push(format!("{what} is {one} in one region and {other} in the other"));
                None
            }
            (None, None) => {
                wrong.push(format!("{what} was found in neither region"));
                None
            }
            (one, other) => one.or(other),
        }
    };
    let cluster_size = same("the cluster's size", |found| found.numbers.cluster_size);
    let partition_count = same("the partition count", |found| found.numbers.partition_count);
    let replication_factor = same("the replication factor", |found| found.numbers.replication_factor);
    let (Some(cluster_size), Some(partition_count), Some(replication_factor), Some(first_id), true) = (
        cluster_size,
        partition_count,
        replication_factor,
        first_id,
        wrong.is_empty(),
    ) else {
        return Err(unusable(&wrong));
    };
    let namespaces = [seen[0].0.1.clone(), seen[1].0.1.clone()];
    let [first, second] = seen;
    let first = place(first, RegionId(first_id), &namespaces[1]);
    let second = place(second, RegionId(1 - first_id), &namespaces[0]);
    let mut regions = [first, second];
    regions.sort_by_key(|place| place.id);
    let missing = remarks(&regions, cluster_size);
    Ok(Discovered {
        release: init.release.clone(),
        kubeconfig: init.kubeconfig.clone(),
        regions,
        cluster_size,
        partition_count,
        replication_factor,
        missing,
    })
}

fn place(((context, namespace), found): Seen, id: RegionId, other: &str) -> Place {
    let is_plain = context.len() <= 40
        && context
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && context.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = match is_plain {
        true => context.clone(),
        false => format!("region{id}"),
    };
    Place {
        id,
        name,
        exporter: exporter(&found, &namespace, other),
        context,
        namespace,
        found,
    }
}

/// The exporter that writes into this region's namespace, if that is one, and the other region's is another.
fn exporter(found: &Found, namespace: &str, other: &str) -> Option<String> {
    if namespace == other {
        return None;
    }
    let mut into = found.exporters.iter().filter(|(_, url)| {
        url.as_deref().is_some_and(|url| {
            let host = url.split("://").last().unwrap_or_default();
            let host = host.split(['/', ':']).next().unwrap_or_default();
            host.split('.').any(|part| part == namespace)
        })
    });
    match (into.next(), into.next()) {
        (Some((id, _)), None) => Some(id.clone()),
        _ => None,
    }
}

/// What is left to a person.
fn remarks(regions: &[Place; 2], cluster_size: u32) -> Vec<String> {
    let mut remarks = Vec::new();
    for place in regions {
        let of = |what: &str| format!("{}: {what}", place.name);
        remarks.extend(place.found.missing.iter().map(|missing| of(missing)));
        if place.exporter.is_none() {
            let known: Vec<String> = place
                .found
                .exporters
                .iter()
                .map(|(id, url)| match url {
                    Some(url) => format!("{id} (to {url})"),
                    None => id.clone(),
                })
                .collect();
            remarks.push(of(&format!(
                "which exporter writes into this region's search is not clear; there are: {}",
                match known.is_empty() {
                    true => "none".to_owned(),
                    false => known.join(", "),
                }
            )));
        }
        if let Some((set, replicas)) = &place.found.brokers
            && *replicas * 2 != u64::from(cluster_size)
        {
            remarks.push(of(&format!(
                "`{set}` wants {replicas} brokers, and half of {cluster_size} would be {}",
                cluster_size / 2
            )));
        }
        if place.found.webapps.is_empty() && is_old(&place.found) {
            remarks.push(of("there are no deployments of Operate and Tasklist"));
        }
    }
    let charts = [&regions[0].found.chart, &regions[1].found.chart];
    if let [Some(one), Some(other)] = charts
        && one != other
    {
        remarks.push(format!("the regions have different charts: {one} and {other}"));
    }
    remarks.push("the snapshot repository and the bucket are in no object of Kubernetes: `snapshots` and `bucket` are left to you".to_owned());
    remarks
}

/// Whether the chart has Operate and Tasklist as deployments: up to chart 12.
fn is_old(found: &Found) -> bool {
    found
        .chart
        .as_deref()
        .and_then(|chart| chart.strip_prefix("camunda-platform-"))
        .and_then(|version| version.split('.').next()?.parse::<u32>().ok())
        .is_some_and(|major| major <= 12)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use c8dr_systems::kubernetes::{FoundSearch, Numbering, Numbers};

    use super::*;

    fn init(namespaces: &[&str]) -> Init {
        Init {
            from_env: false,
            discover: true,
            context: vec!["paris".to_owned(), "london".to_owned()],
            namespace: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            release: "camunda".to_owned(),
            kubeconfig: None,
            cluster_size: 4,
            partition_count: 4,
            write: "c8dr.yaml".into(),
        }
    }

    fn found(region: u32) -> Found {
        let exporters = [
            ("elasticsearchregion0", "camunda-london"),
            ("elasticsearchregion1", "camunda-paris"),
        ]
        .map(|(id, ns)| {
            let url = format!("http://camunda-elasticsearch-master-hl.{ns}.svc.cluster.local:9200");
            (id.to_owned(), Some(url))
        });
        Found {
            namespace_uid: format!("uid-{region}"),
            chart: Some("camunda-platform-11.12.3".to_owned()),
            brokers: Some(("camunda-zeebe".to_owned(), 2)),
            numbering: Some(Numbering { regions: 2, region }),
            numbers: Numbers {
                cluster_size: Some(4),
                partition_count: Some(4),
                replication_factor: Some(4),
            },
            exporters: BTreeMap::from(exporters),
            gateway: Some(("camunda-zeebe-gateway".to_owned(), [8080, 9600, 26500].into())),
            search: Some(FoundSearch {
                service: "camunda-elasticsearch-master-hl".to_owned(),
                port: 9200,
                is_tls: false,
                secret: None,
            }),
            webapps: vec!["camunda-operate".to_owned(), "camunda-tasklist".to_owned()],
            pods: (6, 6),
            claims: ["data-camunda-zeebe-0".to_owned()].into(),
            missing: Vec::new(),
        }
    }

    fn both(paris: Found, london: Found) -> Result<Discovered, CliError> {
        let init = init(&["paris=camunda-paris", "london=camunda-london"]);
        let [one, other] = wanted(&init).unwrap();
        together(&init, [(one, paris), (other, london)])
    }

    fn wrong(paris: Found, london: Found) -> String {
        match both(paris, london) {
            Err(CliError::Usage { what, help }) => format!("{what}\n{help}"),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it was taken"),
        }
    }

    #[test]
    fn regions_are_ordered_by_their_ids_and_know_their_exporters() {
        let discovered = both(found(1), found(0)).unwrap();
        let told: Vec<(&str, Option<&str>)> = discovered
            .regions
            .iter()
            .map(|place| (place.name.as_str(), place.exporter.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("london", Some("elasticsearchregion0")),
                ("paris", Some("elasticsearchregion1"))
            ]
        );
        assert_eq!(discovered.missing.len(), 1, "{:?}", discovered.missing);
        // One of them is enough to know the other.
        let unnumbered = Found {
            numbering: None,
            ..found(0)
        };
        assert_eq!(both(found(1), unnumbered).unwrap().regions[0].name, "london");
    }

    #[test]
    fn contradictions_are_refused_all_at_once() {
        let same = Found {
            namespace_uid: "uid-1".to_owned(),
            numbers: Numbers {
                partition_count: Some(8),
                ..found(1).numbers
            },
            ..found(1)
        };
        let told = wrong(found(1), same);
        for part in [
            "the same namespace of the same cluster",
            "both regions number their brokers as region 1",
            "the partition count is 4 in one region and 8 in the other",
        ] {
            assert!(told.contains(part), "{told}");
        }
        let three = Found {
            numbering: Some(Numbering {
                regions: 3,
                region: 2,
            }),
            ..found(1)
        };
        assert!(wrong(three, found(0)).contains("numbered for 3 regions"));
        let unknown = || Found {
            numbering: None,
            numbers: Numbers::default(),
            ..found(0)
        };
        let told = wrong(unknown(), unknown());
        assert!(
            told.contains("which region is 0 is written nowhere")
                && told.contains("the cluster's size was found in neither"),
            "{told}"
        );
    }

    #[test]
    fn what_is_not_clear_is_said_and_not_guessed() {
        let odd = Found {
            exporters: BTreeMap::from([("elasticsearchregion0".to_owned(), None)]),
            brokers: Some(("camunda-zeebe".to_owned(), 0)),
            missing: vec!["the pods could not be listed".to_owned()],
            ..found(0)
        };
        let discovered = both(found(1), odd).unwrap();
        assert_eq!(discovered.regions[0].exporter, None);
        let told = discovered.missing.join("\n");
        for part in [
            "london: the pods could not be listed",
            "which exporter writes into this region's search is not clear; there are: elasticsearchregion0",
            "`camunda-zeebe` wants 0 brokers, and half of 4 would be 2",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn namespaces_belong_to_contexts() {
        let both = wanted(&init(&["camunda"])).unwrap();
        assert_eq!(both[1], ("london".to_owned(), "camunda".to_owned()));
        assert!(wanted(&init(&["paris=a"])).is_err());
        assert!(wanted(&init(&["paris=a", "rome=b"])).is_err());
    }
}
