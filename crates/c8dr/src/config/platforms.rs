//! How each region's platform is changed: by commands, by a person, or by helm, which needs the place in Kubernetes.

use std::collections::BTreeMap;
use std::path::Path;

use c8dr_domain::ids::RegionId;
use c8dr_systems::helm::values::{Described, DescribedRegion};
use c8dr_systems::helm::{At, Chart, Generation};

use super::error::ConfigError;
use super::file::{File, Kubernetes, Platform, PlatformDriver, Region};
use super::rebuild::PlatformBy;
use super::source::Source;

/// Camunda's chart, as its guide has it added.
const CHART: &str = "camunda/camunda-platform";

/// A release that helm changes.
#[derive(Clone, Debug)]
pub struct HelmBy {
    /// Where it is.
    pub at: At,
    /// What is installed.
    pub chart: Chart,
    /// The generation of the chart.
    pub generation: Generation,
}

pub(super) fn platform_by(
    source: &Source,
    region_key: &str,
    region: &Region,
    platform: &Platform,
) -> Result<PlatformBy, ConfigError> {
    let key = format!("{region_key}.platform");
    no_strangers(source, &key, platform)?;
    if platform.driver == PlatformDriver::Helm {
        let helm = helm_by(source, region_key, region, platform)?;
        return Ok(by_helm(helm));
    }
    let missing = |name: &str| {
        source.wrong(
            &key,
            format!("`{name}` is missing in `{key}`"),
            format!("Add `{name}:`. The README has a whole example; `c8dr config schema` says what may stand where."),
        )
    };
    let pods = platform.pods.clone();
    // What cannot be seen cannot be proven.
    if pods.is_none() && region.kubernetes.is_none() {
        return Err(missing("pods"));
    }
    let install = platform.install.clone().ok_or_else(|| missing("install"))?;
    let wordless = |key: String| {
        source.wrong(
            &key,
            format!("`{key}` has a command without words"),
            "A command is a list of arguments, for example `[kubectl, get, pods, -n, camunda-paris, -o, json]`.",
        )
    };
    let is_wordless = |words: &[String]| words.first().is_none_or(|program| program.trim().is_empty());
    if pods.as_deref().is_some_and(is_wordless) {
        return Err(wordless(format!("{key}.pods")));
    }
    if platform.volumes.as_deref().is_some_and(is_wordless) {
        return Err(wordless(format!("{key}.volumes")));
    }
    for (name, lines) in [
        ("install", &install),
        ("webappsDown", &platform.webapps_down),
        ("webappsUp", &platform.webapps_up),
    ] {
        if let Some((_, number)) = lines.iter().zip(0u32..).find(|(words, _)| is_wordless(words)) {
            return Err(wordless(format!("{key}.{name}[{number}]")));
        }
    }
    Ok(PlatformBy {
        is_manual: platform.driver == PlatformDriver::Manual,
        pods,
        volumes: platform.volumes.clone(),
        install,
        webapps_down: platform.webapps_down.clone(),
        webapps_up: platform.webapps_up.clone(),
        helm: None,
    })
}

/// What belongs to another driver is a slip, and would be believed to have an effect.
fn no_strangers(source: &Source, key: &str, platform: &Platform) -> Result<(), ConfigError> {
    let is_helm = platform.driver == PlatformDriver::Helm;
    let of_helm = [
        ("chart", platform.chart.is_some()),
        ("version", platform.version.is_some()),
        ("values", platform.values.is_some()),
    ];
    let of_others = [
        ("pods", platform.pods.is_some()),
        ("volumes", platform.volumes.is_some()),
        ("install", platform.install.is_some()),
        ("webappsDown", !platform.webapps_down.is_empty()),
        ("webappsUp", !platform.webapps_up.is_empty()),
    ];
    let stranger = match is_helm {
        true => of_others.iter().find(|(_, is_there)| *is_there),
        false => of_helm.iter().find(|(_, is_there)| *is_there),
    };
    match stranger {
        None => Ok(()),
        Some((name, _)) if is_helm => Err(source.wrong(
            &format!("{key}.{name}"),
            format!("`{name}` is for platforms that are changed by commands; this one is changed by helm"),
            "Take it out: with `driver: helm` c8dr knows the commands. Or write `driver: command`.",
        )),
        Some((name, _)) => Err(source.wrong(
            &format!("{key}.{name}"),
            format!("`{name}` is for platforms that are changed by helm"),
            "Write `driver: helm`, or take it out.",
        )),
    }
}

fn helm_by(
    source: &Source,
    region_key: &str,
    region: &Region,
    platform: &Platform,
) -> Result<HelmBy, ConfigError> {
    let key = format!("{region_key}.platform");
    let Some(kubernetes) = &region.kubernetes else {
        return Err(source.wrong(
            &key,
            format!(
                "`driver: helm` needs to know where the release is: `kubernetes` is missing in `{region_key}`"
            ),
            "For example `kubernetes: { context: london, namespace: camunda-london, release: camunda }`.",
        ));
    };
    let Some(version) = &platform.version else {
        return Err(source.wrong(
            &key,
            format!("`version` is missing in `{key}`: without it helm takes the newest chart"),
            "Write the version that is installed; `helm list` shows it.",
        ));
    };
    let Some(generation) = Generation::of(version) else {
        return Err(source.wrong(
            &format!("{key}.version"),
            format!("`{version}` is no whole version of a chart that is known here"),
            "Write all three numbers, for example `11.12.3`. Known are the charts 11 to 15: Camunda 8.6 to 8.10.",
        ));
    };
    let values = platform.values.clone().unwrap_or_default();
    if values.is_empty() {
        return Err(source.wrong(
            &key,
            format!("`values` is missing in `{key}`"),
            "Name the values files of this region, for example `values: [camunda-values.yml, region0/camunda-values.yml]`. `c8dr values` writes them.",
        ));
    }
    let chart = platform.chart.clone().unwrap_or_else(|| CHART.to_owned());
    if chart.trim().is_empty() || chart.starts_with('-') {
        return Err(source.wrong(
            &format!("{key}.chart"),
            format!("`{chart}` is no chart"),
            format!("For example `chart: {CHART}`."),
        ));
    }
    // Whether they are there is asked when they are needed: a failover must not fail for want of a values file.
    let values = values.iter().map(|file| source.beside(file)).collect();
    // A chart in a folder is beside the configuration as well; a name of a repository's is not.
    let beside = source.beside(Path::new(&chart));
    let reference = match beside.join("Chart.yaml").is_file() {
        true => beside.to_string_lossy().into_owned(),
        false => chart,
    };
    Ok(HelmBy {
        at: place(source, region_key, kubernetes)?,
        chart: Chart {
            reference,
            version: version.clone(),
            values,
        },
        generation,
    })
}

/// Where the release is. Each part becomes an argument, so none may look like an option.
fn place(source: &Source, region_key: &str, kubernetes: &Kubernetes) -> Result<At, ConfigError> {
    let key = format!("{region_key}.kubernetes");
    let Some(context) = &kubernetes.context else {
        return Err(source.wrong(
            &key,
            "`driver: helm` needs the `context`: a current one changes under one's hands".to_owned(),
            "Name it; `kubectl config get-contexts` lists them.",
        ));
    };
    for (name, value) in [
        ("context", context),
        ("namespace", &kubernetes.namespace),
        ("release", &kubernetes.release),
    ] {
        if value.trim().is_empty() || value.starts_with('-') {
            return Err(source.wrong(
                &format!("{key}.{name}"),
                format!("`{value}` is no {name}"),
                "For example `kubernetes: { context: london, namespace: camunda-london, release: camunda }`.",
            ));
        }
    }
    Ok(At {
        context: context.clone(),
        kubeconfig: kubernetes.kubeconfig.as_deref().map(|file| {
            let home = file.strip_prefix("~").ok().zip(std::env::home_dir());
            home.map_or_else(|| source.beside(file), |(rest, home)| home.join(rest))
        }),
        namespace: kubernetes.namespace.clone(),
        release: kubernetes.release.clone(),
    })
}

/// Pods, volumes and the scaling of Operate and Tasklist go through kubectl.
fn by_helm(helm: HelmBy) -> PlatformBy {
    let kubectl = |words: &[&str]| -> Vec<String> {
        let mut all = vec![
            "kubectl".to_owned(),
            "--context".to_owned(),
            helm.at.context.clone(),
        ];
        all.extend(["--namespace".to_owned(), helm.at.namespace.clone()]);
        if let Some(kubeconfig) = &helm.at.kubeconfig {
            all.extend([
                "--kubeconfig".to_owned(),
                kubeconfig.to_string_lossy().into_owned(),
            ]);
        }
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all
    };
    let selector = format!(
        "app.kubernetes.io/instance={},app.kubernetes.io/component in (operate,tasklist)",
        helm.at.release
    );
    let webapps_down = match helm.generation.scales_webapps() {
        true => vec![kubectl(&[
            "scale",
            "deployments",
            "--selector",
            &selector,
            "--replicas",
            "0",
        ])],
        false => Vec::new(),
    };
    PlatformBy {
        is_manual: false,
        pods: Some(kubectl(&["get", "pods", "--output", "json"])),
        volumes: Some(kubectl(&["get", "persistentvolumeclaims", "--output", "json"])),
        install: Vec::new(),
        webapps_down,
        webapps_up: Vec::new(),
        helm: Some(helm),
    }
}

/// Both regions are one cluster, so both run one chart.
pub(super) fn same_chart(
    source: &Source,
    platforms: &BTreeMap<RegionId, PlatformBy>,
) -> Result<(), ConfigError> {
    let charts: Vec<&Chart> = platforms
        .values()
        .filter_map(|platform| Some(&platform.helm.as_ref()?.chart))
        .collect();
    let [one, other] = charts.as_slice() else {
        return Ok(());
    };
    if one.version != other.version {
        return Err(source.wrong(
            "regions[1].platform.version",
            format!(
                "the regions have different charts: {} and {}",
                one.version, other.version
            ),
            "Both are one cluster: bring both to one version before a region is lost, and write that version for both.",
        ));
    }
    let places: Vec<&At> = platforms
        .values()
        .filter_map(|platform| Some(&platform.helm.as_ref()?.at))
        .collect();
    match places.as_slice() {
        [one, other]
            if (&one.context, &one.kubeconfig) == (&other.context, &other.kubeconfig)
                && one.namespace == other.namespace =>
        {
            Err(source.wrong(
                "regions[1].kubernetes",
                "both regions have the same place in Kubernetes".to_owned(),
                "Each region has a cluster, or at least a namespace, of its own.",
            ))
        }
        _ => Ok(()),
    }
}

/// What the values of both regions have to say, but for the generation of charts; `None` where a region's place is not known.
pub(super) fn described(file: &File, platforms: &BTreeMap<RegionId, PlatformBy>) -> Option<ValuesOf> {
    let mut regions = Vec::new();
    for region in &file.regions {
        let kubernetes = region.kubernetes.as_ref()?;
        let search = region.search.as_ref();
        regions.push(DescribedRegion {
            name: region.name.clone(),
            namespace: kubernetes.namespace.clone(),
            release: kubernetes.release.clone(),
            exporter: region.exporter.clone(),
            search: search
                .and_then(|search| search.from_brokers.clone())
                .unwrap_or_default(),
        });
    }
    let helm = platforms.values().find_map(|platform| platform.helm.as_ref());
    Some(ValuesOf {
        generation: helm.map(|helm| helm.generation),
        described: Described {
            generation: Generation::Chart11,
            cluster_size: file.cluster_size,
            partition_count: file.partition_count,
            replication_factor: file.replication_factor,
            webapps: file.webapps.unwrap_or(true),
            repository: file
                .snapshots
                .as_ref()
                .map(|snapshots| snapshots.repository.clone()),
            regions: regions.try_into().ok()?,
        },
    })
}

/// What values have to say, as far as the configuration tells it.
#[derive(Clone, Debug)]
pub struct ValuesOf {
    /// The generation of charts, where helm is what installs them.
    pub generation: Option<Generation>,
    described: Described,
}

impl ValuesOf {
    /// What values of a generation of charts have to say.
    pub fn described(&self, generation: Generation) -> Described {
        let mut described = Described {
            generation,
            ..self.described.clone()
        };
        for region in &mut described.regions {
            if region.search.is_empty() {
                region.search = DescribedRegion::usual_search(generation, &region.release, &region.namespace);
            }
        }
        described
    }
}
