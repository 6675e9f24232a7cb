//! The state of an installation: a table of brokers × partitions, exporters, the diagnosis, and what next.

use std::fmt::Write;

use c8dr_domain::diagnose::{Code, Diagnosis, lead_words};
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, PartitionId, listed};
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::Sight;
use c8dr_domain::picture::{Lead, Picture};
use c8dr_domain::plan::StepId;
use c8dr_domain::run::Run;
use c8dr_domain::topology::Role;
use c8dr_domain::traffic::TrafficSight;
use c8dr_systems::zeebe::Endpoints;
use serde::Serialize;

use super::unheard::{self, Unheard};
use super::{BAD, DIM, GOOD, HEAD, OPEN, shortened, styled};

/// The document behind the screen.
#[derive(Serialize)]
pub(crate) struct Document {
    installation: String,
    diagnosis: Diagnosis,
    regions: Vec<Region>,
    partitions: Vec<Partition>,
    exporters: Vec<Exporter>,
    unheard: Vec<Unheard>,
    pending_change: Option<i64>,
    last_change: Option<i64>,
    readings: usize,
    /// Where the users' names point, where they are configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<String>,
    /// A run of this machine that has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_run: Option<OpenRun>,
}

/// A run of this machine that has not ended: whoever finds exporting paused should know of it first.
#[derive(Clone, Serialize)]
pub(crate) struct OpenRun {
    id: String,
    state: String,
    /// Where it is; none is before its first step, or at the proof behind its last.
    step: Option<StepId>,
}

impl OpenRun {
    pub(crate) fn of(run: &Run) -> OpenRun {
        OpenRun {
            id: run.id.to_string(),
            state: run.word().to_owned(),
            step: run.current_step().or_else(|| run.next_step()),
        }
    }

    fn words(&self) -> String {
        let at = self.step.map_or(String::new(), |step| format!(" at {step}"));
        format!(
            "{}, {}{at}: `c8dr why` tells what it waits for; if nobody works on it, `c8dr run resume`",
            self.id, self.state
        )
    }
}

#[derive(Serialize)]
struct Region {
    id: u32,
    name: String,
    brokers: Vec<Broker>,
}

#[derive(Serialize)]
struct Broker {
    id: u32,
    answers: bool,
    ready: Option<bool>,
    instead: Option<String>,
    leads: Vec<u32>,
    follows: Vec<u32>,
}

#[derive(Serialize)]
struct Partition {
    id: u32,
    leader: Option<u32>,
    words: String,
}

#[derive(Serialize)]
struct Exporter {
    id: String,
    region: String,
    status: Option<String>,
}

/// The state as a document.
pub(crate) fn document(
    installation: &Installation,
    endpoints: &Endpoints,
    history: &History,
    diagnosis: &Diagnosis,
    traffic: Option<&Sight<TrafficSight>>,
    open: Option<&OpenRun>,
) -> Option<Document> {
    let picture = Picture::of(installation, history)?;
    let regions = installation
        .regions()
        .iter()
        .map(|region| Region {
            id: region.id.0,
            name: region.name.clone(),
            brokers: installation
                .brokers_of(region.id)
                .into_iter()
                .map(|broker| broker_of(&picture, broker))
                .collect(),
        })
        .collect();
    let partitions = picture
        .leads()
        .into_iter()
        .map(|(id, lead)| Partition {
            id: id.0,
            leader: lead.leader().map(|leader| leader.0),
            words: lead_words(id, &lead),
        })
        .collect();
    let exporters = installation
        .regions()
        .iter()
        .map(|region| Exporter {
            id: region.exporter.to_string(),
            region: region.name.clone(),
            status: picture
                .latest
                .exporters()
                .and_then(|seen| seen.get(&region.exporter))
                .map(ToString::to_string),
        })
        .collect();
    let configuration = picture.configuration();
    Some(Document {
        installation: installation.name().to_owned(),
        diagnosis: diagnosis.clone(),
        regions,
        partitions,
        exporters,
        unheard: unheard::unheard(endpoints, history),
        pending_change: configuration
            .and_then(|seen| seen.pending_change.as_ref())
            .map(|change| change.id.0),
        last_change: configuration
            .and_then(|seen| seen.last_change.as_ref())
            .map(|change| change.id.0),
        readings: history.len(),
        traffic: traffic.map(|sight| traffic_words(installation, sight)),
        open_run: open.cloned(),
    })
}

fn broker_of(picture: &Picture<'_>, broker: BrokerId) -> Broker {
    let sight = picture.latest.brokers.get(&broker);
    let own = sight.and_then(|sight| sight.partitions.seen());
    let ids = |leads: bool| {
        own.into_iter()
            .flatten()
            .filter(|(_, replica)| replica.leads() == leads)
            .map(|(id, _)| id.0)
            .collect()
    };
    Broker {
        id: broker.0,
        answers: sight.is_some_and(|sight| sight.answers()),
        ready: sight.and_then(|sight| sight.ready.seen().copied()),
        instead: sight.and_then(|sight| sight.partitions.instead()),
        leads: ids(true),
        follows: ids(false),
    }
}

/// The state for people.
pub(crate) fn human(
    installation: &Installation,
    endpoints: &Endpoints,
    history: &History,
    diagnosis: &Diagnosis,
    traffic: Option<&Sight<TrafficSight>>,
    open: Option<&OpenRun>,
) -> String {
    let Some(picture) = Picture::of(installation, history) else {
        return "Nothing was read.".to_owned();
    };
    let mut text = String::new();
    // Writing to a string cannot fail; the results below are discarded for that reason.
    let _ = writeln!(
        text,
        "{}  {} brokers, {} partitions, replication factor {}\n",
        styled(HEAD, installation.name()),
        installation.cluster_size(),
        installation.partitions_count(),
        installation.replication_factor()
    );
    let _ = writeln!(text, "{}\n", matrix(&picture));
    let _ = writeln!(
        text,
        "{}",
        styled(
            DIM,
            "L leads · L? said to lead, unconfirmed · f follows · – none · × silent"
        )
    );
    let _ = writeln!(text, "\n{}", exporters(&picture));
    if let Some(configuration) = picture.configuration() {
        let change = match (&configuration.pending_change, &configuration.last_change) {
            (Some(change), _) => {
                let waits = change
                    .waits_for()
                    .map_or(String::new(), |broker| format!(", waits for broker {broker}"));
                styled(
                    OPEN,
                    format!(
                        "change {} pending ({} done, {} owed{waits})",
                        change.id,
                        change.completed.len(),
                        change.pending.len()
                    ),
                )
            }
            (None, Some(last)) => format!("last change {} {}", last.id, last.status),
            (None, None) => "no change yet".to_owned(),
        };
        let _ = writeln!(
            text,
            "members     {} · {change}",
            listed(configuration.members.keys())
        );
    } else if let Some(why) = picture.coordinator_silent() {
        let _ = writeln!(
            text,
            "members     {}",
            styled(OPEN, format!("cannot be read: {}", shortened(&why)))
        );
    }
    if let Some(sight) = traffic {
        let _ = writeln!(
            text,
            "traffic     {}",
            shortened(&traffic_words(installation, sight))
        );
    }
    if let Some(open) = open {
        let _ = writeln!(text, "open run    {}", styled(OPEN, open.words()));
    }
    text.push_str(&unheard::human(&unheard::unheard(endpoints, history), endpoints));
    let _ = write!(text, "\n{}", diagnosed(diagnosis));
    text
}

/// Where the users' names point, or why that is not known.
fn traffic_words(installation: &Installation, sight: &Sight<TrafficSight>) -> String {
    match sight {
        Sight::Seen(seen) => {
            let follow = seen
                .ttl_s
                .map_or(String::new(), |seconds| format!(" (kept up to {seconds} s)"));
            format!("{}{follow}", seen.words(installation))
        }
        other => format!("cannot be read: {}", other.instead().unwrap_or_default()),
    }
}

/// A diagnosis for people.
pub(crate) fn diagnosed(diagnosis: &Diagnosis) -> String {
    let style = match diagnosis.code {
        Code::Healthy => GOOD,
        Code::FailedOver
        | Code::RegionReturned
        | Code::ChangeRunning
        | Code::ElectingAfterForce
        | Code::ExporterOff => OPEN,
        _ => BAD,
    };
    let mut text = format!(
        "{}  {}\n",
        styled(style, diagnosis.code.as_str()),
        diagnosis.summary
    );
    for line in &diagnosis.evidence {
        let _ = writeln!(text, "  {} {}", styled(DIM, "seen"), shortened(line));
    }
    if diagnosis.code != Code::Healthy {
        let _ = writeln!(text, "  {} {}", styled(DIM, "cost"), diagnosis.cost_of_waiting);
    }
    for line in &diagnosis.next {
        let _ = writeln!(text, "  {} {line}", styled(DIM, "next"));
    }
    text
}

/// One line per partition, one column per broker, the regions side by side.
fn matrix(picture: &Picture<'_>) -> String {
    let installation = picture.installation;
    let mut lines = vec![String::new(), format!("{:<8}", "broker")];
    lines.extend(
        installation
            .partitions()
            .map(|partition| format!("p{:<7}", partition.0)),
    );
    lines[0].push_str("        ");
    for region in installation.regions() {
        let brokers = installation.brokers_of(region.id);
        let width = (brokers.len() * CELL).max(region.name.chars().count() + 2);
        let spare = width - brokers.len() * CELL;
        lines[0].push_str(&format!("{:<width$}", region.name));
        for broker in &brokers {
            let silent = picture
                .latest
                .brokers
                .get(broker)
                .is_some_and(|sight| sight.is_silent());
            lines[1].push_str(&format!(
                "{:<CELL$}",
                format!("{broker}{}", if silent { "×" } else { "" })
            ));
            for (line, partition) in lines[2..].iter_mut().zip(installation.partitions()) {
                line.push_str(&format!("{:<CELL$}", cell(picture, partition, *broker)));
            }
        }
        for line in &mut lines[1..] {
            line.push_str(&" ".repeat(spare));
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Characters of a cell in the table.
const CELL: usize = 4;

fn cell(picture: &Picture<'_>, partition: PartitionId, broker: BrokerId) -> String {
    let sight = picture.latest.brokers.get(&broker);
    match sight.map(|sight| &sight.partitions) {
        Some(Sight::Seen(own)) => match own.get(&partition) {
            Some(replica) if replica.leads() => "L".to_owned(),
            Some(_) => "f".to_owned(),
            None => "–".to_owned(),
        },
        _ => match picture.lead(partition, picture.latest) {
            Lead::Listed(leader) if leader == broker => "L".to_owned(),
            Lead::Claimed(leaders) if leaders.contains(&broker) => "L?".to_owned(),
            _ => listed_cell(picture, partition, broker),
        },
    }
}

/// What gateways list of a broker that does not speak for itself.
fn listed_cell(picture: &Picture<'_>, partition: PartitionId, broker: BrokerId) -> String {
    let mut listed = picture
        .latest
        .topologies()
        .filter_map(|(_, _, topology)| topology.brokers.get(&broker));
    match listed.find_map(|seen| seen.partitions.get(&partition)) {
        Some(replica) if replica.role == Role::Leader => "L?".to_owned(),
        Some(_) => "f?".to_owned(),
        None => "–".to_owned(),
    }
}

fn exporters(picture: &Picture<'_>) -> String {
    let seen = picture.latest.exporters();
    let words = picture.installation.regions().each_ref().map(|region| {
        let status = seen
            .and_then(|seen| seen.get(&region.exporter))
            .map_or("not read", |status| status.as_str());
        format!("{} {status} ({})", region.exporter, region.name)
    });
    let paused = picture.paused();
    let pause = if paused.is_empty() {
        String::new()
    } else {
        format!(
            " · {}",
            styled(
                BAD,
                format!(
                    "exporting PAUSED on {}",
                    c8dr_domain::ids::counted("broker", paused.keys())
                )
            )
        )
    };
    format!("exporters   {}{pause}", words.join(" · "))
}
