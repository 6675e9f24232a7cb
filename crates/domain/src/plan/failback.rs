//! The plan for failing back: FB1 to FB7 of 8.6, as far as they are still owed.
//!
//! `spec: procedure.md §2, §3a, §5, §7`. Anything that would make it wrong is refused here, with the way out. Where the
//! procedure does several things in one step they are steps of their own, so that each has a look, a deed and a proof.

mod owed;
mod refusals;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::traffic::Reroute;
use super::{
    Accepted, Kind, Plan, Refusal, RefusalCode, Seen, Settled, Step, StepId, Waiting, overlooked, retreat,
};
use crate::condition::Condition;
use crate::diagnose::{Diagnosis, diagnose, is_adding};
use crate::effect::PlatformEffect;
use crate::history::History;
use crate::ids::{RegionId, counted};
use crate::installation::Installation;
use crate::picture::{Membership, Picture};
use crate::platform::Component;
use crate::record;
use crate::search::Repository;
use crate::topology::{ExporterStatus, PendingChange};
use crate::traffic::regions_words;

/// What brokers keep free by default: below it they take no commands. `spec: concepts.md §7.1`
pub const RESERVE_BYTES: u64 = 2_000_000_000;
/// How long the disks must last at least while exporting is paused: less, and the run turns round.
pub const FLOOR_S: u64 = 600;
/// How long the proof at the end may take: reading all records of both searches is most of it.
const PROOF_DEADLINE_MS: u64 = 3_600_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The region that returns.
    pub returning: RegionId,
    /// Where snapshots go.
    pub repository: Repository,
    /// Base URL of a surviving management endpoint, for the commands that a person would type.
    pub management: String,
    /// Base URLs of the searches, for the same.
    pub searches: BTreeMap<RegionId, String>,
    /// What a person would type for each effect on a platform.
    pub platform_commands: BTreeMap<RegionId, Vec<(PlatformEffect, Vec<String>)>>,
    /// Whether the installation has Operate and Tasklist.
    pub webapps: bool,
    /// Whether pods of the surviving region can be asked to write into both searches.
    pub trial_writes: bool,
    /// Take over a pause of somebody else's, for this reason.
    pub adopt_pause: Option<String>,
    /// How long the disks must last at least while exporting is paused, in seconds.
    pub floor_s: u64,
    /// What brokers keep free, in bytes.
    pub reserve_bytes: u64,
    /// The users' names, where c8dr points them.
    pub traffic: Option<Reroute>,
}

impl Request {
    /// The plain request.
    pub fn new(returning: RegionId, repository: Repository) -> Self {
        Request {
            returning,
            repository,
            management: "http://localhost:9600".to_owned(),
            searches: BTreeMap::new(),
            platform_commands: BTreeMap::new(),
            webapps: true,
            trial_writes: false,
            adopt_pause: None,
            floor_s: FLOOR_S,
            reserve_bytes: RESERVE_BYTES,
            traffic: None,
        }
    }

    /// What a person would type for an effect on a platform.
    pub(super) fn commands(&self, region: RegionId, effect: PlatformEffect) -> Vec<String> {
        self.platform_commands
            .get(&region)
            .into_iter()
            .flatten()
            .filter(|(of, _)| *of == effect)
            .flat_map(|(_, lines)| lines.clone())
            .collect()
    }

    fn search(&self, region: RegionId) -> String {
        self.searches
            .get(&region)
            .cloned()
            .unwrap_or_else(|| "http://localhost:9200".to_owned())
    }
}

/// Makes the plan from what was observed.
///
/// # Errors
/// A [`Refusal`] where a failback would be wrong, or cannot be shown to be right.
pub fn plan(
    installation: &Installation,
    history: &History,
    request: &Request,
    at: Timestamp,
) -> Result<Plan, Refusal> {
    let diagnosis = diagnose(installation, history);
    let Some(picture) = Picture::of(installation, history) else {
        let way_out = vec!["Look first: `c8dr status`.".to_owned()];
        return Err(Refusal::of(
            RefusalCode::NothingRead,
            "Nothing has been read yet.",
            &diagnosis,
            way_out,
        ));
    };
    let scene = Scene {
        picture: &picture,
        request,
        diagnosis: &diagnosis,
    };
    let progress = scene.progress()?;
    scene.refuse_what_is_wrong(&progress)?;
    let (settled, steps) = scene.steps(&progress);
    let accepted = request
        .adopt_pause
        .clone()
        .map(|reason| Accepted::PauseAdopted { reason });
    let notes = scene.notes(&progress);
    let proof = scene.proof();
    let mut plan = Plan {
        format: record::FORMAT,
        made_at: at,
        kind: Kind::Failback,
        installation: installation.clone(),
        lost: request.returning,
        seen: Seen::of(&picture),
        settled,
        steps,
        retreat: retreat::steps(&picture, request),
        proof,
        proof_deadline_ms: PROOF_DEADLINE_MS,
        waiting: Waiting {
            possible: true,
            disks_allow_s: None,
            words: "Waiting is possible: one region serves, but unprotected: one more broker lost stops its partitions."
                .to_owned(),
        },
        accepted: accepted.into_iter().collect(),
        notes,
        diagnosis,
    };
    overlooked::leave_out(&mut plan);
    Ok(plan)
}

/// How far a failback has come, by what is observed. `spec: procedure.md §7`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// The returning brokers are not all there, or webapps run where none may.
    Single,
    /// The returning brokers are listed, and hold nothing.
    Rebuilt,
    /// The returning exporter is on, exporting still paused.
    Enabled,
    /// Exporting goes on with both.
    Resumed,
    /// The brokers are being added, or were added in part.
    Adding,
    /// All are members.
    Whole,
}

struct Scene<'a> {
    picture: &'a Picture<'a>,
    request: &'a Request,
    diagnosis: &'a Diagnosis,
}

impl Scene<'_> {
    fn installation(&self) -> &Installation {
        self.picture.installation
    }

    fn survivors(&self) -> RegionId {
        self.request.returning.other()
    }

    fn name(&self, region: RegionId) -> &str {
        &self.installation().region(region).name
    }

    fn refuse<T>(
        &self,
        code: RefusalCode,
        summary: impl Into<String>,
        way_out: Vec<String>,
    ) -> Result<T, Refusal> {
        Err(Refusal::of(code, summary, self.diagnosis, way_out))
    }

    fn pending(&self) -> Option<&PendingChange> {
        self.picture
            .configuration()
            .and_then(|configuration| configuration.pending_change.as_ref())
    }

    /// Whether the returning brokers are being added.
    fn is_adding(&self) -> bool {
        let returning = self.installation().brokers_of(self.request.returning);
        self.pending().is_some_and(|change| is_adding(change, &returning))
    }

    /// How far it is.
    fn progress(&self) -> Result<Progress, Refusal> {
        if let Some(code) = RefusalCode::of_any_change(self.diagnosis.code) {
            return self.refuse(code, self.diagnosis.summary.clone(), self.diagnosis.next.clone());
        }
        let returning = self.request.returning;
        match self.picture.membership() {
            Membership::Only(region) if region == returning => self.refuse(
                RefusalCode::RegionServes,
                format!(
                    "Region {} is the one that serves; it has nowhere to return to.",
                    self.name(returning)
                ),
                vec![format!(
                    "It is region {} that is gone: `c8dr failback --returning {}`.",
                    self.name(self.survivors()),
                    self.name(self.survivors())
                )],
            ),
            Membership::Whole
                if self.picture.region(returning, self.picture.latest).all_silent() && !self.is_adding() =>
            {
                let name = self.name(returning);
                self.refuse(
                    RefusalCode::RegionNotGivenUp,
                    format!("Region {name} is silent, and was not given up: first the other region has to serve alone."),
                    vec![
                        format!("If it is lost: `c8dr failover --lost {name}`, then rebuild it, then repeat this command."),
                        "If it comes back with its disks, nothing is owed: `c8dr status --watch`.".to_owned(),
                    ],
                )
            }
            Membership::Unknown => self.refuse(
                RefusalCode::MembersUnreadable,
                "Which brokers are members cannot be read.",
                vec!["Repeat this command when the coordinator answers: `c8dr status --watch`.".to_owned()],
            ),
            Membership::Whole if self.is_adding() => Ok(Progress::Adding),
            // An add that was cancelled leaves members behind that hold nothing. `spec: edge-cases.md E4`
            Membership::Whole if !self.has_all_replicas() => Ok(Progress::Adding),
            Membership::Whole if self.has_failed_over() => Ok(Progress::Whole),
            Membership::Whole => self.refuse(
                RefusalCode::RegionNotGivenUp,
                format!(
                    "Region {} was not given up: its brokers are members, and its exporter is not on.",
                    self.name(returning)
                ),
                vec!["`c8dr status` shows what is wrong, if anything.".to_owned()],
            ),
            // A part of the brokers is in: an add that is under way or was cancelled. Adding is repeated; it takes in who is missing.
            Membership::Mixed(members)
                if members.is_superset(&self.installation().brokers_of(self.survivors())) =>
            {
                Ok(Progress::Adding)
            }
            Membership::Mixed(members) => self.refuse(
                RefusalCode::MembersUnexpected,
                format!(
                    "The members are {}: not all of the surviving region are among them.",
                    counted("broker", &members)
                ),
                self.diagnosis.next.clone(),
            ),
            Membership::Only(_) => Ok(self.progress_of_one_region()),
        }
    }

    /// Whether every partition has all its replicas where they belong, by the configuration. Their number alone would not do:
    /// an add that broke off after a reinforcement has enough of them, and too many of them in one region.
    fn has_all_replicas(&self) -> bool {
        self.picture.configuration().is_none_or(|configuration| {
            (self.installation().placement().into_iter()).all(|(partition, replicas)| {
                replicas.into_keys().all(|broker| {
                    (configuration.members.get(&broker))
                        .is_some_and(|member| member.partitions.contains_key(&partition))
                })
            })
        })
    }

    /// Both exporters on with all members: a failback has been carried so far, or nothing ever happened.
    fn has_failed_over(&self) -> bool {
        self.exporter_status(self.request.returning) == Some(ExporterStatus::Enabled)
    }

    fn exporter_status(&self, region: RegionId) -> Option<ExporterStatus> {
        self.picture
            .exporter_status(&self.installation().region(region).exporter)
    }

    /// Whether the returning brokers are listed, and hold nothing.
    fn has_joined(&self) -> bool {
        let returning = self.installation().brokers_of(self.request.returning);
        Condition::Joined { brokers: returning }
            .judge(self.picture, &Default::default(), &Default::default())
            .is_met()
    }

    fn progress_of_one_region(&self) -> Progress {
        let joined = self.has_joined();
        if self.exporter_status(self.request.returning) == Some(ExporterStatus::Enabled) && joined {
            return match self.picture.paused().is_empty() {
                true => Progress::Resumed,
                false => Progress::Enabled,
            };
        }
        let webapps = self.webapps_in(self.request.returning);
        match joined && !webapps {
            true => Progress::Rebuilt,
            false => Progress::Single,
        }
    }

    fn webapps_in(&self, region: RegionId) -> bool {
        self.picture
            .latest
            .platforms
            .get(&region)
            .and_then(|platform| platform.pods.seen())
            .is_some_and(|pods| pods.iter().any(|pod| pod.component == Component::Webapp))
    }

    /// The steps that are not owed, and those that are.
    fn steps(&self, progress: &Progress) -> (Vec<Settled>, Vec<Step>) {
        let all = owed::steps(self.picture, self.request);
        let is_settled = |id: StepId| match id {
            StepId::Fb1 => *progress >= Progress::Rebuilt,
            StepId::Fb2a
            | StepId::Fb2b
            | StepId::Fb3a
            | StepId::Fb3b
            | StepId::Fb3c
            | StepId::Fb3d
            | StepId::Fb3e
            | StepId::Fb5 => *progress >= Progress::Enabled,
            StepId::Fb4a | StepId::Fb4b | StepId::Ut3 => false,
            StepId::Fb6 => *progress >= Progress::Resumed && self.picture.paused().is_empty(),
            StepId::Fb7 => *progress >= Progress::Whole,
            _ => false,
        };
        let why = match progress {
            Progress::Single | Progress::Rebuilt => "The returning brokers are listed, and hold nothing.",
            Progress::Enabled => "Both exporters are on, and exporting is still paused.",
            Progress::Resumed => "Both exporters are on, and exporting goes on.",
            Progress::Adding => "Brokers of the returning region are members already.",
            Progress::Whole => "All brokers are members, and both exporters are on.",
        };
        let mut settled = Vec::new();
        let mut steps = Vec::new();
        for mut step in all {
            // A plan that begins behind the enable has no V to hold anything against.
            if *progress >= Progress::Enabled {
                step.before
                    .retain(|condition| !matches!(condition, Condition::Unmoved { .. }));
            }
            if is_settled(step.id) {
                settled.push(Settled {
                    id: step.id,
                    title: step.title,
                    why: why.to_owned(),
                });
            } else {
                steps.push(step);
            }
        }
        (settled, steps)
    }

    fn proof(&self) -> Vec<Condition> {
        let all = self.installation().brokers();
        let enabled = |region: RegionId| Condition::Exporter {
            exporter: self.installation().region(region).exporter.clone(),
            status: ExporterStatus::Enabled,
        };
        let mut proof = vec![
            Condition::NothingPending,
            Condition::Members {
                exactly: all.clone(),
                replication_factor: self.installation().replication_factor(),
            },
            Condition::Led { by: all.clone() },
            Condition::Complete {
                replication_factor: self.installation().replication_factor(),
            },
            enabled(self.survivors()),
            enabled(self.request.returning),
            Condition::ExportingOn { brokers: all },
            Condition::ExportingAgain,
            Condition::SearchWell {
                region: self.survivors(),
            },
            Condition::SearchWell {
                region: self.request.returning,
            },
            Condition::SameRecords,
        ];
        if self.picture.is_reinforced(self.survivors()) {
            proof.push(Condition::Placed {
                members: self.installation().brokers(),
                replication_factor: self.installation().replication_factor(),
            });
        }
        proof
    }

    fn notes(&self, progress: &Progress) -> Vec<String> {
        let mut notes = vec![
            "Until this is verified the installation is unprotected: one more broker lost stops its partitions.".to_owned(),
            format!(
                "If region {} dies before this is verified, region {} lacks acknowledged data: going on there is a loss that somebody has to accept by name.",
                self.name(self.survivors()),
                self.name(self.request.returning)
            ),
        ];
        if *progress <= Progress::Rebuilt {
            notes.push(
                "Processes run all the time. Operate and Tasklist are down from FB2 to FB4, and show nothing new until FB6."
                    .to_owned(),
            );
            notes.push(
                "While exporting is paused the brokers' logs grow; if the disks would not last, the run turns round by itself."
                    .to_owned(),
            );
        } else {
            notes.push(
                "The snapshot and restore were not done by this run: that both searches hold the same is proven at the end, but there is no position vector of the pause."
                    .to_owned(),
            );
        }
        notes.extend(self.request.traffic.as_ref().map(|traffic| {
            format!(
                "UT3 points the users' names to {} when the brokers are back; {}. Where that cannot be done it is told, and holds up nothing.",
                regions_words(self.installation(), &traffic.normal),
                traffic.follow()
            )
        }));
        notes.push(format!(
            "Leaders stay in region {} afterwards; `curl -X POST {}/actuator/rebalance` spreads them.",
            self.name(self.survivors()),
            self.request.management
        ));
        notes
    }
}
