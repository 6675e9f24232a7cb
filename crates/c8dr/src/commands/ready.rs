//! `c8dr ready`: whether the loss of each region could be handled now, and the region brought back. Changes nothing, unless
//! `--probe` asks to try what only writing proves; that is taken away again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::condition::Asks;
use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::effect::PlatformEffect;
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Observation, Sight, Silence};
use c8dr_domain::ready::survey::{BucketAt, BucketSurvey, Configured, NamesSurvey, Survey};
use c8dr_domain::ready::{Readiness, readiness};
use c8dr_domain::search::Repository;
use c8dr_engine::observe::{Look, observe_all};
use c8dr_engine::survey::{Probe, Questions, Surroundings, survey};
use c8dr_systems::bucket::Place;
use c8dr_systems::helm::Outlook;
use c8dr_systems::helm::values::{Drift, Weight};

use super::releases;
use crate::args::{Args, Ready};
use crate::config::{Config, Timeouts};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen};
use crate::site::Site;
use crate::watch::{GLANCE, may_clear};

/// How long one endpoint may hold everything up: three looks, each with an endpoint that hangs, still end within 5 s. A
/// healthy one answers in tens of milliseconds.
const HASTE: Duration = Duration::from_millis(1_400);

/// How long a tool may take to list pods: kubectl over a slow network takes a second or two.
const TOOL: Duration = Duration::from_secs(4);

/// How far readings lie apart. Over the two seconds that three of them take, a disk's pace can be seen.
const APART: Duration = Duration::from_millis(1_050);

/// How many readings there are at least.
const READINGS: u32 = 3;

pub(super) async fn run(args: &Args, screen: &Screen, asked: &Ready) -> Result<Exit, CliError> {
    let site = Site::open_as(args, screen, hasten)?;
    let probe = match asked.probe {
        true => Probe::Asked,
        false => Probe::No,
    };
    let readiness = look(&site, probe).await?;
    screen.result(&readiness, || show::ready::human(&readiness))?;
    Ok(match readiness.is_ready {
        true => Exit::Done,
        false => Exit::Refused,
    })
}

/// Nobody waits here for what is slow: that it is, is an answer. Whoever has configured longer times has a slow network, and
/// waits in proportion.
fn hasten(config: &mut Config) {
    let limit = haste(config, HASTE);
    let limits = &mut config.endpoints.limits;
    limits.read = limits.read.min(limit);
    limits.metrics = limits.metrics.min(limit);
    limits.connect = limits.connect.min(limit);
}

/// A limit for this configuration's network, in time of its clock: a lab that runs faster does not answer faster.
fn haste(config: &Config, limit: Duration) -> Duration {
    let usual = Timeouts::default();
    let slow = config.timeouts.answer.as_secs_f64() / usual.answer.as_secs_f64();
    limit.mul_f64(slow.max(1.0) * config.clock_speed.max(1.0))
}

/// Looks at everything at once, and judges it.
async fn look(site: &Site, probe: Probe) -> Result<Readiness, CliError> {
    let config = &site.config;
    let repository = site.repository().await?;
    let sources = site.sources();
    let trial = format!(
        "c8dr-probe-{}-{}",
        site.clock.wall().as_millisecond(),
        std::process::id()
    );
    let questions = Questions {
        sources: &sources,
        bucket: site.bucket.as_deref(),
        repository: repository.as_ref(),
        installation: config.installation.name(),
        probe,
        trial: &trial,
        limit: haste(config, HASTE),
        platform_limit: haste(config, TOOL),
    };
    let (surroundings, (mut history, diagnosis), charts, names) = tokio::join!(
        survey(&questions, &site.clock),
        watch_closely(site),
        charts(site, haste(config, TOOL)),
        names(site, haste(config, TOOL))
    );
    let survey = Survey {
        charts,
        names,
        values: values(site, &history),
        ..told(site, probe, repository, &surroundings)
    };
    with_surroundings(&mut history, surroundings);
    Ok(readiness(&config.installation, &history, &diagnosis, &survey))
}

/// Where the users' names point, where c8dr points them.
async fn names(site: &Site, limit: Duration) -> Option<NamesSurvey> {
    let (by, traffic) = (site.config.traffic.as_ref()?, site.traffic.as_ref()?);
    let seen = match site.clock.timeout(limit, traffic.look()).await {
        Ok(seen) => seen,
        Err(elapsed) => Sight::Silent {
            why: Silence::NoAnswer,
            detail: elapsed.to_string(),
        },
    };
    Some(NamesSurvey {
        normal: by.normal.clone(),
        seen,
    })
}

/// In what each release differs from the values files, where helm is what installs it.
async fn charts(site: &Site, limit: Duration) -> BTreeMap<RegionId, Sight<Vec<String>>> {
    let (one, other) = tokio::join!(chart(site, RegionId(0), limit), chart(site, RegionId(1), limit));
    one.into_iter().chain(other).collect()
}

async fn chart(site: &Site, region: RegionId, limit: Duration) -> Option<(RegionId, Sight<Vec<String>>)> {
    let outlook = site.helms.get(&region)?.outlook(PlatformEffect::WebappsUp);
    let sight = match site.clock.timeout(limit, outlook).await {
        Err(elapsed) => Sight::Silent {
            why: Silence::NoAnswer,
            detail: elapsed.to_string(),
        },
        Ok(Err(trouble)) => Sight::Garbled {
            problem: trouble.to_string(),
        },
        Ok(Ok(outlook)) => Sight::Seen(drifts(&outlook)),
    };
    Some((region, sight))
}

fn drifts(outlook: &Outlook) -> Vec<String> {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let drift = |drift: &Drift| {
        format!(
            "of `{}` {} is installed, and {} is in the files.",
            drift.key,
            side(&drift.installed),
            side(&drift.files)
        )
    };
    match outlook.release {
        // That it is missing says more than that every value is.
        None => vec!["it is not installed.".to_owned()],
        Some(_) => outlook.values.iter().map(drift).collect(),
    }
}

/// What is wrong with the values files, where helm is what installs a release.
fn values(site: &Site, history: &History) -> Sight<Vec<String>> {
    if site.helms.is_empty() {
        return Sight::NotAsked;
    }
    match releases::values(site, &releases::seen(history)) {
        Err(error) => Sight::Garbled {
            problem: error.to_string(),
        },
        Ok(mistakes) => Sight::Seen(
            mistakes
                .iter()
                .filter(|mistake| mistake.weight == Weight::Wrong)
                .map(ToString::to_string)
                .collect(),
        ),
    }
}

/// Reads the cluster with its metrics, often enough to see a pace, and longer where a state may clear.
async fn watch_closely(site: &Site) -> (History, Diagnosis) {
    let asks = Asks {
        both_regions: true,
        metrics: true,
        readiness: true,
        ..Asks::default()
    };
    let mut history = History::new();
    let began = site.clock.now();
    let mut count = 0;
    loop {
        history.add(observe_all(&site.sources(), &site.clock, Look::Everything, &asks).await);
        count += 1;
        let diagnosis = diagnose(&site.config.installation, &history);
        let is_clear = diagnosis.code == Code::Healthy || !may_clear(diagnosis.code);
        if count >= READINGS && (is_clear || site.clock.now().since(began) >= GLANCE) {
            return (history, diagnosis);
        }
        let next = began + APART * count;
        site.clock.sleep_until(next).await;
    }
}

/// The newest reading with what the searches and platforms said.
fn with_surroundings(history: &mut History, surroundings: Surroundings) {
    let Some(latest) = history.latest().cloned() else {
        return;
    };
    history.add(Observation {
        searches: surroundings.searches,
        platforms: surroundings.platforms,
        ..latest
    });
}

fn told(site: &Site, probe: Probe, repository: Option<Repository>, surroundings: &Surroundings) -> Survey {
    let rebuild = &site.config.rebuild;
    Survey {
        is_probed: probe == Probe::Asked,
        configured: Configured {
            repository,
            searches: rebuild.searches.keys().copied().collect(),
            platforms: rebuild.platforms.keys().copied().collect(),
            floor_s: rebuild.floor_s,
            reserve_bytes: rebuild.reserve_bytes,
            hosts: hosts(&site.config),
        },
        searches: surroundings.details.clone(),
        flush: surroundings.flush.clone(),
        bucket: site.bucket.as_ref().map(|bucket| BucketSurvey {
            place: bucket.place(),
            at: bucket_at(&site.config),
            listed: surroundings.listed.clone(),
            race: surroundings.race.clone(),
        }),
        // A clock that runs faster than the wall fits no server's.
        clocks: match site.config.clock_speed {
            1.0 => site.recorder.clocks(),
            _ => BTreeMap::new(),
        },
        ..Survey::default()
    }
}

/// The hosts at which each region's own services are reached.
fn hosts(config: &Config) -> BTreeMap<RegionId, BTreeSet<String>> {
    let mut hosts: BTreeMap<RegionId, BTreeSet<String>> = BTreeMap::new();
    for gateway in config.endpoints.gateways.values() {
        let urls = [&gateway.rest, &gateway.management, &gateway.grpc];
        let names = urls.into_iter().flatten().map(|url| url.host());
        hosts.entry(gateway.region).or_default().extend(names);
    }
    for (broker, url) in &config.endpoints.brokers {
        hosts.entry(RegionId::of(*broker)).or_default().insert(url.host());
    }
    for (region, search) in &config.rebuild.searches {
        hosts.entry(*region).or_default().insert(search.url.host());
    }
    hosts
}

fn bucket_at(config: &Config) -> BucketAt {
    let Some(bucket) = &config.rebuild.bucket else {
        return BucketAt::Service;
    };
    match (&bucket.place, &bucket.endpoint) {
        (Place::Folder(_) | Place::Memory, _) => BucketAt::Folder,
        (Place::S3 { .. }, Some(endpoint)) => BucketAt::Host(endpoint.host()),
        (Place::S3 { .. }, None) => BucketAt::Service,
    }
}
