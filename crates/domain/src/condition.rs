//! What must hold before an effect goes out, and what must be read back after it.
//!
//! Conditions are values: a plan prints them, the driver judges them against fresh readings, a report keeps the verdicts.
//! Guarantees G2, G5, G6, G8; traps from `spec: baseline.md` and `real-zeebe/README.md §6`.

mod asks;
pub(crate) mod exporting;
mod kept;
mod known;
mod reach;
mod rebuilt;
mod replicas;
pub(crate) mod search;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::fence::{self, Pale, READINGS};
use crate::ids::{BrokerId, ChangeId, ExporterId, RegionId, clause, counted, each_region, number, sentence};
use crate::observation::Observation;
use crate::picture::{Lead, Membership, Picture};
use crate::planted::{self, Bug};
use crate::search::Repository;
use crate::topology::{ChangeStatus, ExporterStatus, Health};

pub use asks::{Asks, SearchAsks};
pub use exporting::{Room, positions, room};
pub use known::Known;
pub use replicas::{is_placed, room_for_replicas};
pub(crate) use search::of_snapshot;
pub use search::{InTheWay, in_the_way};
pub use traffic::{names_at, names_ours};

/// Something that can be judged from readings alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// These parts of the quorum fence around the lost region stand. Guarantee G3.
    Fenced {
        /// The lost region.
        lost: RegionId,
        /// The parts that are wanted; an accepted override leaves some out.
        pales: BTreeSet<Pale>,
    },
    /// These brokers answer, over several readings: a force waits for each of them. `spec: procedure.md I20`
    Up {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
    },
    /// At least one of these is still a member. A force whose effect is there already is never sent again: the second one
    /// drops every leader. `spec: real-zeebe/README.md §6.3`
    StillMembers {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
    },
    /// No change is pending. `spec: procedure.md I5`
    NothingPending,
    /// The change that our effect began has ended well, and nothing is pending. Compares ids: while a change is pending,
    /// the *previous* one is shown as COMPLETED. `spec: baseline.md`
    ChangeEnded,
    /// Exactly these brokers are members, and the gateways' sizes follow.
    Members {
        /// The members.
        exactly: BTreeSet<BrokerId>,
        /// The replicas per partition that gateways must show.
        replication_factor: u32,
    },
    /// Every partition is led by one of these: by the leader's own account, by two gateways, in three readings.
    Led {
        /// The brokers that may lead.
        by: BTreeSet<BrokerId>,
    },
    /// Each leader has at least what any survivor had processed before: nothing acknowledged was cut off. Guarantee G5.
    NothingCutOff,
    /// An exporter has this status everywhere.
    Exporter {
        /// The exporter.
        exporter: ExporterId,
        /// Its status.
        status: ExporterStatus,
    },
    /// Each leader has exported what was processed when the watch began. `spec: procedure.md I6`
    ExportingAgain,
    /// Every gateway of the surviving side lists one healthy leader and the other replicas of each partition. While one is
    /// missing, a pause or a resume fails as a whole. `spec: edge-cases.md E3`
    Complete {
        /// Replicas per partition.
        replication_factor: u32,
    },
    /// Nothing of the returning region is left from before: no broker holds a replica, no volume is left over. Only so is
    /// it rebuilt empty. `spec: procedure.md I7`, guarantee G12
    NothingLeft {
        /// The returning region.
        region: RegionId,
    },
    /// These brokers are listed by the survivors' gateways; those that are no members hold nothing. `spec: procedure.md FB1`
    Joined {
        /// The returning brokers.
        brokers: BTreeSet<BrokerId>,
    },
    /// These brokers say of themselves that they are ready: they own partitions.
    Ready {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
    },
    /// No pod of Operate or Tasklist is there, not even one that terminates. `spec: procedure.md I8, I9`
    NoWebapps {
        /// In which region.
        region: RegionId,
    },
    /// No pod of Operate or Tasklist has come back since they were taken down. `spec: procedure.md I9`
    StillNoWebapps {
        /// In which region.
        region: RegionId,
    },
    /// Pods of Operate or Tasklist are there and start; what comes after need not wait for them.
    WebappsStarted {
        /// In which region.
        region: RegionId,
    },
    /// Operate and Tasklist are there and ready. `spec: procedure.md FB4`
    WebappsUp {
        /// In which region.
        region: RegionId,
    },
    /// Exporting is paused, hard, on every replica of these brokers, by their own account: the answer to the pause says
    /// nothing. `spec: api.md §4`
    ExportingPaused {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
    },
    /// Nothing is in the exporter's hands on any partition: the pause's answer is not that moment. `spec: procedure.md §3a`
    Drained {
        /// The exporter.
        exporter: ExporterId,
    },
    /// The position vector is still V, and exporting still paused: nobody has resumed it in between.
    Unmoved {
        /// The exporter.
        exporter: ExporterId,
    },
    /// Exporting goes on, by the account of each of these brokers.
    ExportingOn {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
    },
    /// The disks of these brokers last for this long at the pace at which they fill. Guarantee G9.
    RoomLeft {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
        /// How long, in seconds.
        floor_s: u64,
        /// What the brokers keep free: below it they take no commands. In bytes.
        reserve_bytes: u64,
    },
    /// The search answers, is the one it was before, is not the other region's, and has its data.
    SearchWell {
        /// Whose.
        region: RegionId,
    },
    /// Pods of this region can write into both searches by the exporters' own addresses, as far as that can be tried: a document
    /// is written, and taken away again. `spec: edge-cases.md E9`
    WritesArrive {
        /// From where.
        from: RegionId,
        /// The exporters, by the region whose search they write to.
        exporters: BTreeMap<RegionId, ExporterId>,
    },
    /// The repository is registered as it should be.
    Registered {
        /// In whose search.
        region: RegionId,
        /// The repository.
        repository: Repository,
    },
    /// This run's snapshot is whole, as seen from this region's search.
    SnapshotWhole {
        /// Seen from where.
        region: RegionId,
        /// In which repository, by name.
        repository: String,
    },
    /// No index of the snapshot stands in the way of the restore.
    WayClear {
        /// In whose search.
        region: RegionId,
    },
    /// No index with documents stands in the way of the restore: such a one is somebody's, and is not deleted. Guarantee G10
    NothingRealInTheWay {
        /// In whose search.
        region: RegionId,
    },
    /// Every index of the snapshot is back, with its documents, and all copying is done. `_status` would tell of the
    /// snapshot instead. `spec: procedure.md FB3 i, I12`
    Restored {
        /// In whose search.
        region: RegionId,
    },
    /// Both searches hold the same records, partition by partition, up to a position that both exporters have passed, and
    /// that is not below V. Guarantee G5.
    SameRecords,
    /// Exactly these brokers are members, however many replicas gateways show: a change that broke off leaves some partitions
    /// with one more than others.
    OnlyMembers {
        /// The members.
        exactly: BTreeSet<BrokerId>,
    },
    /// Every partition has its replicas where the round robin over these members puts them. `spec: concepts.md §2`
    Placed {
        /// The members.
        members: BTreeSet<BrokerId>,
        /// Replicas per partition.
        replication_factor: u32,
    },
    /// The disks of these brokers have room for a third replica beside each two.
    RoomForReplicas {
        /// The brokers.
        brokers: BTreeSet<BrokerId>,
        /// What the brokers keep free: below it they take no commands. In bytes.
        reserve_bytes: u64,
    },
    /// Where the users' names point can be read, and it is no place that belongs to neither region: what somebody has put
    /// there is not overwritten. `spec: procedure.md I3`
    NamesOurs,
    /// Every name of the users points to exactly these regions, as the authoritative place says. `spec: procedure.md I3`
    NamesAt {
        /// The regions.
        to: BTreeSet<RegionId>,
    },
}

/// How a condition stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds; the sentence says what was seen.
    Met(String),
    /// It does not hold, and may later; the sentence says what is waited for.
    NotYet(String),
    /// It will not hold by waiting: a person has to decide.
    Broken(String),
    /// What it rests on has moved: the run has to take it again from an earlier step.
    Moved(String),
}

impl Verdict {
    /// Whether it holds.
    pub fn is_met(&self) -> bool {
        matches!(self, Verdict::Met(_))
    }

    /// The sentence.
    pub fn words(&self) -> &str {
        match self {
            Verdict::Met(words) | Verdict::NotYet(words) | Verdict::Broken(words) | Verdict::Moved(words) => {
                words
            }
        }
    }
}

/// All of `conditions` at once: the first that is broken, else the first under which the ground has moved, else the first
/// that is not yet met, else met. Where brokers were removed already nothing else is asked: what is wanted before a removal
/// is wanted no more.
pub fn judge_all(conditions: &[Condition], picture: &Picture<'_>, known: &Known, facts: &Facts) -> Verdict {
    if let Some(words) = conditions.iter().find_map(|condition| match condition {
        Condition::StillMembers { brokers } => removed_already(picture, brokers),
        _ => None,
    }) {
        return Verdict::NotYet(words);
    }
    let verdicts: Vec<Verdict> = conditions
        .iter()
        .map(|condition| condition.judge(picture, known, facts))
        .collect();
    let first = |wanted: fn(&Verdict) -> bool| verdicts.iter().find(|verdict| wanted(verdict)).cloned();
    first(|verdict| matches!(verdict, Verdict::Broken(_)))
        .or_else(|| first(|verdict| matches!(verdict, Verdict::Moved(_))))
        .or_else(|| first(|verdict| matches!(verdict, Verdict::NotYet(_))))
        .unwrap_or_else(|| Verdict::Met(verdicts.iter().map(Verdict::words).collect::<Vec<_>>().join(" ")))
}

impl Condition {
    /// How it stands by the newest readings, and by what the run has learnt.
    pub fn judge(&self, picture: &Picture<'_>, known: &Known, facts: &Facts) -> Verdict {
        match self {
            Condition::Fenced { lost, pales } => fenced(picture, *lost, pales),
            Condition::Up { brokers } => up(picture, brokers),
            Condition::StillMembers { brokers } => still_members(picture, brokers),
            Condition::NothingPending => nothing_pending(picture),
            Condition::ChangeEnded => change_ended(picture, known.change),
            Condition::Members {
                exactly,
                replication_factor,
            } => members(picture, exactly, *replication_factor),
            Condition::Led { by } => led(picture, by),
            Condition::NothingCutOff => kept::nothing_cut_off(picture, &known.processed),
            Condition::Exporter { exporter, status } => kept::exporter_is(picture, exporter, status),
            Condition::ExportingAgain => kept::exporting_again(picture, &known.processed),
            Condition::Complete { replication_factor } => rebuilt::complete(picture, *replication_factor),
            Condition::NothingLeft { region } => rebuilt::nothing_left(picture, *region),
            Condition::Joined { brokers } => rebuilt::joined(picture, brokers),
            Condition::Ready { brokers } => rebuilt::ready(picture, brokers),
            Condition::NoWebapps { region } => rebuilt::no_webapps(picture, *region),
            Condition::StillNoWebapps { region } => rebuilt::still_no_webapps(picture, *region),
            Condition::WebappsStarted { region } => rebuilt::webapps_started(picture, *region),
            Condition::WebappsUp { region } => rebuilt::webapps_up(picture, *region),
            Condition::ExportingPaused { brokers } => exporting::paused(picture, brokers),
            Condition::Drained { exporter } => exporting::drained(picture, exporter),
            Condition::Unmoved { exporter } => exporting::unmoved(picture, exporter, facts),
            Condition::ExportingOn { brokers } => exporting::on(picture, brokers),
            Condition::RoomLeft {
                brokers,
                floor_s,
                reserve_bytes,
            } => exporting::room_left(picture, brokers, *floor_s, *reserve_bytes),
            Condition::SearchWell { region } => search::well(picture, *region, facts),
            Condition::WritesArrive { from, exporters } => reach::arrive(picture, *from, exporters),
            Condition::Registered { region, repository } => search::registered(picture, *region, repository),
            Condition::SnapshotWhole { region, .. } => search::snapshot_whole(picture, *region, facts),
            Condition::WayClear { region } => search::way_clear(picture, *region, facts),
            Condition::NothingRealInTheWay { region } => {
                search::nothing_real_in_the_way(picture, *region, facts)
            }
            Condition::Restored { region } => search::restored(picture, *region, facts),
            Condition::SameRecords => search::same_records(picture, facts),
            Condition::OnlyMembers { exactly } => replicas::only_members(picture, exactly),
            Condition::Placed {
                members,
                replication_factor,
            } => is_placed(picture, members, *replication_factor),
            Condition::RoomForReplicas {
                brokers,
                reserve_bytes,
            } => room_for_replicas(picture, brokers, *reserve_bytes),
            Condition::NamesOurs => names_ours(picture.installation, &picture.latest.traffic),
            Condition::NamesAt { to } => names_at(picture.installation, &picture.latest.traffic, to),
        }
    }

    /// What it asks for, as a phrase for plans.
    pub fn words(&self) -> String {
        match self {
            Condition::Fenced { pales, .. } => format!("the lost region is fenced ({})", {
                crate::ids::listed(pales.iter().map(|pale| pale_words(*pale)))
            }),
            Condition::Up { brokers } => {
                format!(
                    "{} over {READINGS} readings",
                    clause("broker", brokers, "answers", "answer")
                )
            }
            Condition::StillMembers { brokers } => {
                format!(
                    "not all of the lost brokers are removed yet ({})",
                    counted("broker", brokers)
                )
            }
            Condition::NothingPending => "no configuration change is pending".to_owned(),
            Condition::ChangeEnded => {
                "nothing is pending, and the last change is ours (by its id) and COMPLETED".to_owned()
            }
            Condition::Members {
                exactly,
                replication_factor,
            } => format!(
                "the members are exactly {}, and gateways show {} brokers with {replication_factor} replicas",
                counted("broker", exactly),
                exactly.len()
            ),
            Condition::Led { by } => format!(
                "every partition is led by one of {}, by its own account and two gateways, in {READINGS} readings",
                counted("broker", by)
            ),
            Condition::NothingCutOff => {
                "every leader holds what any survivor had processed before".to_owned()
            }
            Condition::Exporter { exporter, status } => {
                format!("the exporter {exporter} is {status} everywhere")
            }
            Condition::ExportingAgain => {
                "every leader has exported what was processed when we began to look".to_owned()
            }
            Condition::Complete { replication_factor } => format!(
                "gateways list one healthy leader and {} followers of every partition",
                replication_factor.saturating_sub(1)
            ),
            Condition::NothingLeft { region } => format!("nothing of region {region} is left from before"),
            Condition::Joined { brokers } => format!(
                "{} by the survivors' gateways, and empty unless a member",
                clause("broker", brokers, "is listed", "are listed")
            ),
            Condition::Ready { brokers } => clause("broker", brokers, "is ready", "are ready"),
            Condition::NoWebapps { region } => {
                format!(
                    "no pod of Operate or Tasklist is there in region {region}, not even one that terminates"
                )
            }
            Condition::StillNoWebapps { region } => {
                format!("no pod of Operate or Tasklist has come back in region {region}")
            }
            Condition::WebappsStarted { region } => {
                format!("pods of Operate or Tasklist are started in region {region}")
            }
            Condition::WebappsUp { region } => format!("Operate and Tasklist are ready in region {region}"),
            Condition::ExportingPaused { brokers } => format!(
                "exporting is paused by the account of {}",
                clause("broker", brokers, "itself", "themselves")
            ),
            Condition::Drained { exporter } => {
                format!("nothing is in the hands of {exporter}: handed over = acknowledged, on each leader")
            }
            Condition::Unmoved { exporter } => {
                format!("exporting is still paused, and {exporter} still stands at V")
            }
            Condition::ExportingOn { brokers } => format!(
                "exporting goes on by the account of {}",
                clause("broker", brokers, "itself", "themselves")
            ),
            Condition::RoomLeft { floor_s, .. } => {
                format!("the brokers' disks last for {floor_s} s more at this pace, where that can be read")
            }
            Condition::SearchWell { region } => {
                format!("the search of region {region} answers, is the same as before, and has its data")
            }
            Condition::WritesArrive { from, .. } => {
                format!(
                    "what pods of region {from} write by the exporters' addresses arrives in both searches, where that can be tried"
                )
            }
            Condition::Registered { region, repository } => {
                format!(
                    "the repository {} is registered in region {region}",
                    repository.name
                )
            }
            Condition::SnapshotWhole { region, .. } => {
                format!("this run's snapshot is SUCCESS without a failed shard, as seen from region {region}")
            }
            Condition::WayClear { region } => {
                format!("no index of the snapshot stands in the way in region {region}")
            }
            Condition::NothingRealInTheWay { region } => {
                format!("no index with documents stands in the way in region {region}")
            }
            Condition::Restored { region } => format!(
                "every index is back in region {region} with its documents, all copying done, health as good as the source's"
            ),
            Condition::SameRecords => {
                "both searches hold the same records of every partition, up to V and beyond".to_owned()
            }
            Condition::OnlyMembers { exactly } => {
                format!("the members are exactly {}", counted("broker", exactly))
            }
            Condition::Placed {
                members,
                replication_factor,
            } => format!(
                "every partition has its {replication_factor} replicas where the round robin over {} puts them",
                counted("broker", members)
            ),
            Condition::RoomForReplicas { brokers, .. } => format!(
                "the disks of {} have room for half as much again as is on them",
                counted("broker", brokers)
            ),
            Condition::NamesOurs => {
                "where the users' names point can be read, and it is no place of somebody else's".to_owned()
            }
            Condition::NamesAt { to } => format!(
                "the users' names point to {} and to nothing else, as the authoritative place says",
                each_region(to)
            ),
        }
    }
}

fn pale_words(pale: Pale) -> &'static str {
    match pale {
        Pale::LostSilent => "its brokers are silent",
        Pale::SurvivorsUp => "all survivors answer",
        Pale::NoQuorumLost => "it holds no majority of any partition",
        Pale::Leaderless => "no partition has a leader",
    }
}

fn fenced(picture: &Picture<'_>, lost: RegionId, pales: &BTreeSet<Pale>) -> Verdict {
    // Two leaders of one partition mean that the other side has a quorum of its own. No override covers that.
    if let Some(why) = fence::led_twice_words(picture) {
        return match fence::led_twice(picture)
            .values()
            .any(|twice| twice.readings >= 2)
        {
            true => Verdict::Broken(why),
            false => Verdict::NotYet(why),
        };
    }
    let gaps: Vec<_> = fence::gaps(picture, lost)
        .into_iter()
        .filter(|gap| pales.contains(&gap.pale))
        .collect();
    let words = |which: fn(&fence::Gap) -> bool| {
        gaps.iter()
            .filter(|gap| which(gap))
            .map(|gap| gap.why.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    // What no patience closes is said alone: it is what a person has to decide on.
    if gaps.iter().any(|gap| !gap.may_close) {
        Verdict::Broken(words(|gap| !gap.may_close))
    } else if gaps.is_empty() {
        Verdict::Met(format!(
            "Region {} is fenced.",
            picture.installation.region(lost).name
        ))
    } else {
        Verdict::NotYet(words(|_| true))
    }
}

fn up(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Verdict {
    let is_listed = |broker: &BrokerId| {
        let mut seen = picture.latest.topologies();
        seen.any(|(_, _, topology)| topology.brokers.contains_key(broker))
    };
    if planted::is(Bug::GhostBelieved) && brokers.iter().all(is_listed) {
        return Verdict::Met(sentence("broker", brokers, "is listed.", "are listed."));
    }
    let down: BTreeSet<BrokerId> = brokers
        .iter()
        .filter(|broker| {
            picture
                .latest
                .brokers
                .get(broker)
                .is_some_and(|sight| sight.is_silent())
        })
        .copied()
        .collect();
    if !down.is_empty() {
        return Verdict::NotYet(sentence("broker", &down, "does not answer.", "do not answer."));
    }
    let streak = picture
        .history
        .streak_to(READINGS, SignedDuration::ZERO, |reading| {
            reading.silent().is_disjoint(brokers)
        });
    if streak.readings < READINGS {
        return Verdict::NotYet(format!(
            "{} of {READINGS} readings in which all survivors answer.",
            streak.readings
        ));
    }
    Verdict::Met(sentence("broker", brokers, "answers.", "answer."))
}

/// That none of these is a member any more, as far as the configuration is known.
fn removed_already(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Option<String> {
    let configuration = picture.configuration()?;
    let is_member = |broker: &BrokerId| configuration.members.contains_key(broker);
    (!brokers.iter().any(is_member)).then(|| {
        sentence(
            "broker",
            brokers,
            "was removed already; leaders are awaited.",
            "were removed already; leaders are awaited.",
        )
    })
}

fn still_members(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Verdict {
    if let Some(words) = removed_already(picture, brokers) {
        return Verdict::NotYet(words);
    }
    match picture.configuration() {
        Some(configuration) => {
            let left: BTreeSet<BrokerId> = brokers
                .iter()
                .filter(|broker| configuration.members.contains_key(broker))
                .copied()
                .collect();
            Verdict::Met(sentence(
                "broker",
                &left,
                "is still a member.",
                "are still members.",
            ))
        }
        // A removal gives the configuration a new coordinator, which answers, and the gateways new sizes. So silence of
        // the coordinator says "not removed yet" only where it is one of those to be removed, and the sizes agree;
        // else it is a survivor that is slow, and a force on its silence could be the second one.
        None => match picture.coordinator_silent() {
            Some(_)
                if picture
                    .coordinator()
                    .is_some_and(|broker| brokers.contains(&broker))
                    && picture.membership() == Membership::Whole =>
            {
                Verdict::Met("The lost coordinator is still the coordinator.".to_owned())
            }
            Some(why) => Verdict::NotYet(format!("The configuration cannot be read: {why}.")),
            None => Verdict::NotYet("The configuration was not read.".to_owned()),
        },
    }
}

fn nothing_pending(picture: &Picture<'_>) -> Verdict {
    match picture.configuration() {
        Some(configuration) => match &configuration.pending_change {
            Some(change) => Verdict::NotYet(match change.waits_for() {
                Some(broker) => format!("Change {} is pending; it waits for broker {broker}.", change.id),
                None => format!("Change {} is pending.", change.id),
            }),
            None => Verdict::Met("No change is pending.".to_owned()),
        },
        // With the coordinator lost this cannot be read; the rehearsal's 409 then tells.
        None => match picture.coordinator_silent() {
            Some(why) => Verdict::Met(format!("The coordinator is lost ({why}); a rehearsal will tell.")),
            None => Verdict::NotYet("The configuration was not read.".to_owned()),
        },
    }
}

fn change_ended(picture: &Picture<'_>, ours: Option<ChangeId>) -> Verdict {
    let Some(configuration) = picture.configuration() else {
        return Verdict::NotYet("The configuration cannot be read.".to_owned());
    };
    if let Some(change) = &configuration.pending_change {
        let (done, owed) = (change.completed.len(), change.pending.len());
        let waits = change
            .waits_for()
            .map_or(String::new(), |broker| format!(", waiting for broker {broker}"));
        return Verdict::NotYet(format!(
            "{done} of {} of change {} done{waits}.",
            number(done + owed, "operation"),
            change.id
        ));
    }
    // Without an id (resumed, or answered by nobody) what counts is the state, which the other conditions judge.
    let Some(ours) = ours else {
        return Verdict::Met("Nothing is pending.".to_owned());
    };
    match &configuration.last_change {
        Some(last) if last.id == ours && last.status == ChangeStatus::Completed => {
            Verdict::Met(format!("Change {ours} is COMPLETED."))
        }
        Some(last) if last.id == ours && last.status == ChangeStatus::Cancelled => Verdict::Broken(format!(
            "Change {ours}, which is ours, ended as {}: somebody cancelled it, and c8dr did not. What it had done by then stays done.",
            last.status
        )),
        Some(last) if last.id == ours => Verdict::Broken(format!("Change {ours} ended as {}.", last.status)),
        Some(last) if last.id > ours => Verdict::Met(format!(
            "Change {} came after ours ({ours}); what it left is judged.",
            last.id
        )),
        _ => Verdict::NotYet(format!("Change {ours} is not shown yet.")),
    }
}

fn members(picture: &Picture<'_>, exactly: &BTreeSet<BrokerId>, replication_factor: u32) -> Verdict {
    let Some((gateway, configuration)) = picture.latest.configuration() else {
        return Verdict::NotYet("The configuration cannot be read.".to_owned());
    };
    let members: BTreeSet<BrokerId> = configuration.members.keys().copied().collect();
    if members != *exactly {
        return Verdict::NotYet(format!(
            "The members are {}, by gateway {gateway}.",
            counted("broker", &members)
        ));
    }
    let side: BTreeSet<RegionId> = exactly.iter().map(|broker| RegionId::of(*broker)).collect();
    for (gateway, region, topology) in picture.latest.topologies() {
        let sizes = (topology.cluster_size, topology.replication_factor);
        if side.contains(&region) && sizes != (exactly.len() as u32, replication_factor) {
            return Verdict::NotYet(format!(
                "Gateway {gateway} still shows {} brokers, {} replicas.",
                sizes.0, sizes.1
            ));
        }
    }
    Verdict::Met(format!("The members are {}.", counted("broker", exactly)))
}

fn led(picture: &Picture<'_>, by: &BTreeSet<BrokerId>) -> Verdict {
    if let Some(why) = first_unled(picture, picture.latest, by) {
        return match led_behind_calls(picture, by) {
            Some(words) => Verdict::Met(words),
            None => Verdict::NotYet(why),
        };
    }
    let streak = picture
        .history
        .streak_to(READINGS, SignedDuration::ZERO, |reading| {
            // The newest was judged just now.
            std::ptr::eq(reading, picture.latest) || first_unled(picture, reading, by).is_none()
        });
    if streak.readings < READINGS {
        return Verdict::NotYet(format!(
            "{} of {READINGS} readings in which every partition is led.",
            streak.readings
        ));
    }
    let leaders: BTreeSet<BrokerId> = picture.leads().values().filter_map(Lead::leader).collect();
    Verdict::Met(format!(
        "Every partition is led, by {}.",
        counted("broker", &leaders)
    ))
}

/// For so long a leader must have been listed whose own account does not come: no stale listing was seen to last longer
/// than 55 s. `spec: edge-cases.md E6`
const LISTED_LONG: SignedDuration = SignedDuration::from_secs(60);

/// Whether every partition is led as far as can be seen while brokers tell nothing of themselves. An exporter that is enabled
/// to a region of which nothing comes back sits in its calls, and its broker's account waits behind them. What ends that is
/// the step behind the force: this exporter is disabled. So the force is not to wait for the accounts; when the exporter is
/// disabled, this says nothing more, and they are wanted as ever. `spec: edge-cases.md E1, E6`
fn led_behind_calls(picture: &Picture<'_>, by: &BTreeSet<BrokerId>) -> Option<String> {
    let regions: BTreeSet<RegionId> = by.iter().map(|broker| RegionId::of(*broker)).collect();
    let here = regions.first().filter(|_| regions.len() == 1)?;
    let exporter = &picture.installation.region(here.other()).exporter;
    let is_on = picture.latest.exporters()?.get(exporter) == Some(&ExporterStatus::Enabled);
    let lists = |reading: &Observation| first_unlisted(picture, reading, by).is_none();
    let streak = picture.history.streak_to(READINGS, LISTED_LONG, lists);
    (is_on && streak.reaches(READINGS, LISTED_LONG)).then(|| {
        format!(
            "Every partition has a leader that gateways have listed for {} s; brokers do not tell of their partitions while {exporter} is enabled.",
            LISTED_LONG.as_secs()
        )
    })
}

fn first_unlisted(picture: &Picture<'_>, reading: &Observation, by: &BTreeSet<BrokerId>) -> Option<String> {
    first_unled_as(picture, reading, by, |lead| match lead {
        Lead::Claimed(claimed) if claimed.len() == 1 => claimed
            .first()
            .copied()
            .filter(|broker| (reading.brokers.get(broker)).is_some_and(|sight| sight.answers())),
        lead => lead.leader(),
    })
}

fn first_unled(picture: &Picture<'_>, reading: &Observation, by: &BTreeSet<BrokerId>) -> Option<String> {
    first_unled_as(picture, reading, by, Lead::leader)
}

/// The first partition that is not led by one of these, where a leader is who is believed to be one.
fn first_unled_as(
    picture: &Picture<'_>,
    reading: &Observation,
    by: &BTreeSet<BrokerId>,
    believed: impl Fn(&Lead) -> Option<BrokerId>,
) -> Option<String> {
    picture.installation.partitions().find_map(|partition| {
        let lead = picture.lead(partition, reading);
        let Some(leader) = believed(&lead) else {
            return Some(crate::diagnose::lead_words(partition, &lead));
        };
        if !by.contains(&leader) {
            return Some(format!(
                "Partition {partition} is led by broker {leader}, which does not belong to the cluster any more."
            ));
        }
        let side: Vec<_> = reading
            .topologies()
            .filter(|(_, region, _)| by.iter().any(|broker| RegionId::of(*broker) == *region))
            .collect();
        let agreeing = side
            .iter()
            .filter(|(_, _, topology)| {
                topology
                    .leaders(partition)
                    .any(|(listed, replica)| listed == leader && replica.health == Health::Healthy)
            })
            .count();
        let wanted = side.len().clamp(1, 2);
        (agreeing < wanted).then(|| {
            format!(
                "Partition {partition} is led by broker {leader}; {agreeing} of {} gateways say so, {wanted} are wanted.",
                side.len()
            )
        })
    })
}

/// How long ago a reading may have ended when a force goes out on it. Guarantee G1.
pub const FORCE_FRESHNESS: SignedDuration = SignedDuration::from_secs(2);
