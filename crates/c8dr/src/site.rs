//! What a command works with: the configuration, its endpoints, the clock, the runs of this machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use c8dr_domain::effect::PlatformEffect;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::traffic::Reroute;
use c8dr_domain::run::Run;
use c8dr_domain::search::Repository;
use c8dr_engine::clock::Clock;
use c8dr_engine::journal::Store;
use c8dr_engine::observe::Sources;
use c8dr_engine::ports::{Bucket, Platform, Search, Tap, Traffic};
use c8dr_systems::bucket::{self, Place, S3};
use c8dr_systems::dial::{Dial, Tcp};
use c8dr_systems::dns::NameServer;
use c8dr_systems::elasticsearch::Elasticsearch;
use c8dr_systems::helm::{Cli, Helm};
use c8dr_systems::kubernetes::{self, Access, DnsEndpoint, Forward, Region};
use c8dr_systems::platform::{Commands, Environment, Eyes, Line, Manual, Native, Tasks};
use c8dr_systems::terraform;
use c8dr_systems::traffic::{ExternalDns, Hook, Places};
use c8dr_systems::zeebe::{Auth, Cluster};
use secrecy::SecretString;

use crate::args::Args;
use crate::config::{
    self, BucketAt, Config, EndpointAt, EndpointsAt, PlatformBy, TerraformOutput, TrafficBy, TrafficHow,
};
use crate::environment;
use crate::error::CliError;
use crate::report::exchanges::Recorder;
use crate::report::text::plain;
use crate::show::Screen;

/// One installation, as reached from here.
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) cluster: Cluster,
    pub(crate) searches: BTreeMap<RegionId, Elasticsearch>,
    pub(crate) platforms: BTreeMap<RegionId, Box<dyn Platform>>,
    /// The releases, where helm is what changes them.
    pub(crate) helms: BTreeMap<RegionId, Helm>,
    pub(crate) traffic: Option<Box<dyn Traffic>>,
    pub(crate) bucket: Option<Box<dyn Bucket>>,
    /// Each region's release in its cluster, as far as that is configured.
    pub(crate) kubernetes: BTreeMap<RegionId, Region>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    /// What was asked and answered, for the report.
    pub(crate) recorder: Recorder,
}

impl Site {
    /// Opens the configured installation. Nothing is sent yet.
    pub(crate) fn open(args: &Args, screen: &Screen) -> Result<Self, CliError> {
        Self::open_as(args, screen, |_| {})
    }

    /// The same, with a configuration that was changed for this command.
    pub(crate) fn open_as(
        args: &Args,
        screen: &Screen,
        change: impl FnOnce(&mut Config),
    ) -> Result<Self, CliError> {
        let home = environment::home();
        let found = config::find(args.config.as_deref(), &home)?;
        if found.is_lab {
            screen.note("There is no c8dr.yaml here; this is the running lab.");
        }
        let mut config = config::load(&found.path)?;
        change(&mut config);
        for warning in &config.warnings {
            screen.say(&format!("Warning: {warning}"));
        }
        let clock = Clock::at_speed(config.clock_speed);
        Self::with(config, clock, Store::at(home), screen)
    }

    pub(crate) fn with(
        config: Config,
        clock: Clock,
        store: Store,
        screen: &Screen,
    ) -> Result<Self, CliError> {
        let recorder = Recorder::default();
        let (screen, keep) = (*screen, recorder.tap());
        let tap: Option<Tap> = Some(Arc::new(move |exchange| {
            screen.exchange(&exchange);
            keep(exchange);
        }));
        let tcp = Arc::new(Tcp::new(clock.clone()));
        let kubernetes = regions(&config, &tcp, &clock, tap.as_ref());
        // Where there is no cluster to forward into, it is plain TCP.
        let dial: Arc<dyn Dial> = Arc::new(Forward::new(kubernetes.clone(), tcp.clone()));
        let cluster = Cluster::new(config.endpoints.clone(), dial.clone(), clock.clone(), tap.clone())?;
        let mut searches = BTreeMap::new();
        for (region, endpoint) in &config.rebuild.searches {
            let search = Elasticsearch::new(endpoint.clone(), dial.clone(), clock.clone(), tap.clone())?;
            searches.insert(*region, search);
        }
        let hidden = secrets(&config);
        let mut platforms: BTreeMap<RegionId, Box<dyn Platform>> = BTreeMap::new();
        let mut helms = BTreeMap::new();
        for (region, by) in &config.rebuild.platforms {
            let Some(platform) = platform(by, kubernetes.get(region), hidden.clone(), &clock) else {
                continue;
            };
            let Some(helm) = &by.helm else {
                platforms.insert(*region, platform);
                continue;
            };
            let environment = Environment {
                hidden: hidden.clone(),
                ..Environment::default()
            };
            let cli = Cli::new(helm.at.clone(), environment, clock.clone(), tap.clone());
            // What helm does not do, the API server does; the commands are what a person would type.
            let workloads: Arc<dyn Platform> = match kubernetes.get(region) {
                Some(region) => Arc::new(Native::new(region.clone(), platform.into())),
                None => platform.into(),
            };
            let helm = Helm::new(cli, helm.chart.clone(), helm.generation, workloads);
            platforms.insert(*region, Box::new(helm.clone()));
            helms.insert(*region, helm);
        }
        let traffic = (config.traffic.as_ref())
            .and_then(|by| traffic(by, &config, &kubernetes, tcp.clone(), &clock, tap.as_ref()));
        let bucket = match &config.rebuild.bucket {
            Some(at) => bucket(at, config.timeouts.bucket(), tcp, &clock)?,
            None => None,
        };
        Ok(Site {
            cluster,
            searches,
            platforms,
            helms,
            traffic,
            bucket,
            kubernetes,
            config,
            clock,
            store,
            recorder,
        })
    }

    /// Everything that can be asked here.
    pub(crate) fn sources(&self) -> Sources<'_> {
        Sources {
            zeebe: &self.cluster,
            searches: self
                .searches
                .iter()
                .map(|(region, search)| (*region, search as &dyn Search))
                .collect(),
            platforms: self
                .platforms
                .iter()
                .map(|(region, platform)| (*region, platform.as_ref()))
                .collect(),
            traffic: self.traffic.as_deref(),
        }
    }

    /// The newest run of this installation, on this machine, that has not ended.
    pub(crate) fn open_run(&self) -> Result<Option<Run>, CliError> {
        let runs = self.store.list()?.into_iter().rev();
        Ok(runs
            .filter_map(|kept| kept.recovered.ok())
            .map(|recovered| recovered.run)
            .find(|run| !run.has_ended() && run.plan.installation == self.config.installation))
    }

    /// The snapshot repository. The name of its bucket is asked of Terraform where the configuration says so.
    pub(crate) async fn repository(&self) -> Result<Option<Repository>, CliError> {
        let rebuild = &self.config.rebuild;
        let Some(mut repository) = rebuild.repository.clone() else {
            return Ok(None);
        };
        if let Some(TerraformOutput { dir, output }) = &rebuild.bucket_from {
            let output = output.as_deref().unwrap_or(terraform::BUCKET_OUTPUT);
            let name = terraform::bucket_name(dir, output, &self.clock).await?;
            repository.settings["settings"]["bucket"] = name.into();
        }
        Ok(Some(repository))
    }

    /// What a person would type for each effect on a platform.
    pub(crate) fn platform_commands(&self) -> BTreeMap<RegionId, Vec<(PlatformEffect, Vec<String>)>> {
        let effects = [
            PlatformEffect::Install,
            PlatformEffect::WebappsDown,
            PlatformEffect::WebappsUp,
        ];
        self.platforms
            .iter()
            .map(|(region, platform)| {
                let lines = effects.map(|effect| (effect, platform.command(effect)));
                (*region, lines.to_vec())
            })
            .collect()
    }

    /// The users' names, where c8dr points them.
    pub(crate) fn reroute(&self) -> Option<Reroute> {
        let (by, traffic) = (self.config.traffic.as_ref()?, self.traffic.as_ref()?);
        let targets = [by.normal.clone(), [RegionId(0)].into(), [RegionId(1)].into()];
        Some(Reroute {
            normal: by.normal.clone(),
            ttl_s: by.ttl_s,
            lag_s: by.lag_s,
            commands: (targets.into_iter())
                .map(|to| {
                    let lines = traffic.command(&to);
                    (to, lines)
                })
                .collect(),
        })
    }

    /// The region that a person named, exactly.
    pub(crate) fn region(&self, typed: &str) -> Result<RegionId, CliError> {
        let installation = &self.config.installation;
        installation
            .region_named(typed)
            .map(|region| region.id)
            .ok_or_else(|| CliError::UnknownRegion {
                typed: plain(typed),
                hint: slip(
                    typed,
                    installation
                        .regions()
                        .each_ref()
                        .map(|region| region.name.as_str()),
                ),
                known: installation
                    .regions()
                    .each_ref()
                    .map(|region| format!("`{}`", region.name))
                    .join(" and "),
            })
    }

    /// A management address of a region's gateway, for the commands that a person would type.
    pub(crate) fn management_of(&self, region: RegionId) -> String {
        self.config
            .endpoints
            .gateways
            .values()
            .filter(|gateway| gateway.region == region)
            .find_map(|gateway| gateway.management.as_ref())
            .map_or_else(|| "http://localhost:9600".to_owned(), ToString::to_string)
    }
}

/// What probably happened when a region was named wrongly.
fn slip(typed: &str, known: [&str; 2]) -> &'static str {
    if typed.trim().is_empty() {
        "No name was given; a variable may be empty. "
    } else if known.iter().all(|name| {
        typed
            .split([',', ';', '+', '|', ' '])
            .any(|part| part.trim() == *name)
    }) {
        "Only one region can be lost, or return: the other one has to serve. "
    } else if known.contains(&typed.trim()) {
        "There are spaces around the name. "
    } else if known.iter().any(|name| name.eq_ignore_ascii_case(typed.trim())) {
        "Capital letters count. "
    } else {
        ""
    }
}

/// Each region's release in its cluster.
pub(crate) fn regions(
    config: &Config,
    dial: &Arc<Tcp>,
    clock: &Clock,
    tap: Option<&Tap>,
) -> BTreeMap<RegionId, Region> {
    config
        .kubernetes
        .iter()
        .map(|(region, at)| {
            let release = Region {
                cluster: kubernetes_cluster(&at.access, dial, clock, tap),
                namespace: at.namespace.clone(),
                release: at.release.clone(),
            };
            (*region, release)
        })
        .collect()
}

/// A cluster, as it is reached from here.
fn kubernetes_cluster(
    access: &Access,
    dial: &Arc<Tcp>,
    clock: &Clock,
    tap: Option<&Tap>,
) -> kubernetes::Cluster {
    let limits = kubernetes::Limits::default();
    kubernetes::Cluster::new(access.clone(), dial.clone(), clock.clone(), limits, tap.cloned())
}

/// The bucket as it is configured.
fn bucket(
    at: &BucketAt,
    limits: bucket::Limits,
    dial: Arc<Tcp>,
    clock: &Clock,
) -> Result<Option<Box<dyn Bucket>>, CliError> {
    let store = match (&at.place, &at.credentials) {
        (Place::S3 { bucket, prefix }, Some(credentials)) => {
            let settings = S3 {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                region: at.region.clone(),
                endpoint: at.endpoint.clone(),
                credentials: credentials.clone(),
                tls: at.tls.clone(),
                limits,
            };
            bucket::Store::s3(settings, dial, clock.clone())?
        }
        (Place::S3 { .. }, None) => return Ok(None),
        (Place::Folder(folder), _) => bucket::Store::folder(folder, clock.clone())?,
        (Place::Memory, _) => bucket::Store::memory(clock.clone()),
    };
    Ok(Some(Box::new(store)))
}

/// Everything that is secret here. The commands of the platforms have our environment, as `kubectl` and `helm` need theirs;
/// so what they write may repeat what the configuration takes from there.
fn secrets(config: &Config) -> Vec<SecretString> {
    let logins = &config.endpoints.credentials;
    let bucket = config
        .rebuild
        .bucket
        .as_ref()
        .and_then(|bucket| bucket.credentials.as_ref());
    [&logins.rest, &logins.management, &logins.grpc]
        .into_iter()
        .chain(config.rebuild.searches.values().map(|search| &search.auth))
        .flat_map(Auth::secrets)
        .chain(bucket.map(|key| key.secret_access_key.clone()))
        .chain(bucket.and_then(|key| key.session_token.clone()))
        .chain((config.traffic.iter()).flat_map(|by| {
            match &by.how {
                TrafficHow::NameServer { key, .. } => vec![key.secret.clone()],
                TrafficHow::Route53(zone) => [
                    Some(zone.credentials.secret_access_key.clone()),
                    zone.credentials.session_token.clone(),
                ]
                .into_iter()
                .flatten()
                .collect(),
                TrafficHow::Command { .. } | TrafficHow::ExternalDns { .. } => Vec::new(),
            }
        }))
        .collect()
}

/// The users' names as they are configured; the configuration has no command without words.
fn traffic(
    by: &TrafficBy,
    config: &Config,
    regions: &BTreeMap<RegionId, Region>,
    dial: Arc<Tcp>,
    clock: &Clock,
    tap: Option<&Tap>,
) -> Option<Box<dyn Traffic>> {
    // Only whom a name server answers must not be guessed by others: an answer to a change is signed.
    let seed = u16::try_from(clock.wall().subsec_nanosecond() & 0xffff).unwrap_or_default();
    match &by.how {
        TrafficHow::Command { to, show, limit } => Some(Box::new(Hook {
            show: Line::of(show.clone())?,
            to: (to.iter())
                .filter_map(|(regions, words)| Some((regions.clone(), Line::of(words.clone())?)))
                .collect(),
            regions: (config.installation.regions().iter())
                .map(|region| (region.name.clone(), region.id))
                .collect(),
            environment: Environment {
                hidden: secrets(config),
                ..Environment::default()
            },
            limit: *limit,
            clock: clock.clone(),
        })),
        TrafficHow::NameServer { update, key } => {
            // The configuration has tried the key.
            let server = NameServer::new(update.clone(), Some(key), dial, clock.clone(), seed).ok()?;
            Some(Box::new(server))
        }
        TrafficHow::ExternalDns { update, at, .. } => {
            let endpoint = |at: &EndpointAt| DnsEndpoint {
                // A region's cluster is logged into once.
                cluster: (regions.values())
                    .find(|region| *region.cluster.access() == at.access)
                    .map_or_else(
                        || kubernetes_cluster(&at.access, &dial, clock, tap),
                        |region| region.cluster.clone(),
                    ),
                namespace: at.namespace.clone(),
                name: at.name.clone(),
            };
            let places = match at {
                EndpointsAt::One(at) => Places::One(endpoint(at)),
                EndpointsAt::Each(each) => {
                    Places::Each(each.iter().map(|(region, at)| (*region, endpoint(at))).collect())
                }
            };
            let names = ExternalDns::new(places, update.clone(), dial.clone(), clock.clone(), seed).ok()?;
            Some(Box::new(names))
        }
        #[cfg(feature = "route53")]
        TrafficHow::Route53(zone) => hosted_zone(zone, dial, clock, seed, tap),
        // The configuration takes none.
        #[cfg(not(feature = "route53"))]
        TrafficHow::Route53(_) => None,
    }
}

/// A hosted zone as it is configured; the configuration has tried the key.
#[cfg(feature = "route53")]
fn hosted_zone(
    zone: &config::ZoneAt,
    dial: Arc<Tcp>,
    clock: &Clock,
    seed: u16,
    tap: Option<&Tap>,
) -> Option<Box<dyn Traffic>> {
    use c8dr_systems::route53::{PROPAGATION, Route53, Zone};
    let server = match &zone.read_from {
        Some(update) => Some(NameServer::new(update.clone(), None, dial.clone(), clock.clone(), seed).ok()?),
        None => None,
    };
    let zone = Zone {
        id: zone.id.clone(),
        names: zone.led.names.clone(),
        targets: zone.led.targets.clone(),
        ttl_s: zone.led.ttl_s,
        endpoint: zone.endpoint.clone(),
        region: zone.region.clone(),
        credentials: zone.credentials.clone(),
        tls: zone.tls.clone(),
        limit: zone.led.limit,
        propagation: PROPAGATION,
    };
    let names = Route53::new(zone, server, dial, clock.clone(), tap.cloned()).ok()?;
    Some(Box::new(names))
}

/// A platform as it is configured; the configuration has no command without words.
fn platform(
    by: &PlatformBy,
    region: Option<&Region>,
    hidden: Vec<SecretString>,
    clock: &Clock,
) -> Option<Box<dyn Platform>> {
    let mut eyes = match (by.pods.clone().and_then(Line::of), region) {
        (Some(pods), _) => Eyes::new(pods),
        (None, Some(region)) => Eyes::of(region.clone()),
        (None, None) => return None,
    };
    eyes.environment.hidden = hidden;
    eyes.volumes = by.volumes.clone().and_then(Line::of);
    eyes.region = region.cloned();
    let lines = |commands: &[Vec<String>]| -> Vec<Line> {
        commands
            .iter()
            .filter_map(|words| Line::of(words.clone()))
            .collect()
    };
    let tasks = Tasks {
        install: lines(&by.install),
        webapps_down: lines(&by.webapps_down),
        webapps_up: lines(&by.webapps_up),
    };
    let commands = Commands::new(eyes.clone(), tasks, clock.clone());
    if !by.is_manual {
        return Some(Box::new(commands));
    }
    // A person types what c8dr would have run.
    let tasks = Tasks {
        install: commands.command(PlatformEffect::Install),
        webapps_down: commands.command(PlatformEffect::WebappsDown),
        webapps_up: commands.command(PlatformEffect::WebappsUp),
    };
    Some(Box::new(Manual::new(eyes, tasks, clock.clone())))
}
