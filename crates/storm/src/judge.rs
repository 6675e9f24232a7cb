//! The checkers: they watch the model while the disaster goes on, and believe no endpoint, no journal and no plan.
//!
//! Safety is judged here, at every look that c8dr takes and at every event of its runs; whether a disaster comes to an end
//! at all is judged by `crate::scene`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::effect::{Request, ZeebeEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::Kind;
use c8dr_domain::run::Event;
use c8dr_engine::clock::Moment;
use c8dr_lab::{BrokerId, Lab, PartitionId, Region, World};

use crate::fate::Milestones;
use crate::fault::Chapter;
use crate::plot::Plot;

/// For so long after a fault the world may be otherwise than it was read: an election, and a little more.
const UNSETTLED: Duration = Duration::from_secs(15);

/// Whether a broker answers is known to whoever looks when it has been so for as long as this: twice what a reading may be
/// old when a force goes out on it, and a little more for the readings before.
const LOOKED_AT: Duration = Duration::from_secs(5);

/// Two leaders that both have a majority, for longer than one needs to hear of the other.
const TWO_LEADERS: Duration = Duration::from_secs(10);

/// The promise that was broken. Each is judged by the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Two replicas have committed different histories of a partition, or two leaders with a majority each go on beside
    /// one another.
    SplitBrain,
    /// A forced removal removed anybody else than the brokers of the lost region, or kept not all of the others.
    WrongRegionForced,
    /// A forced removal was sent again when there was nobody left to remove: it drops every leader for nothing.
    ForcedTwice,
    /// A forced removal removed brokers that were up and answered.
    LivingForced,
    /// A forced removal keeps brokers that were down: it hangs on them, and blocks every other change.
    ForcedOntoDead,
    /// Survivors that ran were started anew by their platform, where each partition has two replicas: it stands still.
    SurvivorRestarted,
    /// A change of somebody else's was cancelled.
    ForeignChangeCancelled,
    /// Nothing went wrong but the loss itself, and the region was not brought back.
    NeverDone,
    /// A survivor's disk was emptied.
    SurvivorEmptied,
    /// Documents vanished from the surviving search.
    SurvivingSearchLost,
    /// Verified, and a partition has no leader.
    VerifiedLeaderless,
    /// Verified, and an exporter that should run does not, or one runs that should not.
    VerifiedNotExporting,
    /// Verified, and the members are others than planned.
    VerifiedMembers,
    /// Verified, and a region of it lacks its replicas.
    VerifiedUnprotected,
    /// A run has ended or was given up, and exporting is paused.
    LeftPaused,
    /// What was acknowledged to a client is in no log.
    AcknowledgedLost,
    /// A failback was verified, and a search lacks what was acknowledged, or both do not hold the same.
    SearchesDiffer,
    /// c8dr made a mistake of its own: a transition that may not be, or a plan that its own checker refuses.
    OwnMistake,
}

impl Law {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Law::SplitBrain => "two histories or two leaders of a partition",
            Law::WrongRegionForced => "others removed by force than the lost brokers",
            Law::ForcedTwice => "forced again with nobody left to remove",
            Law::LivingForced => "brokers that were up were removed by force",
            Law::ForcedOntoDead => "a force that keeps brokers that were down",
            Law::SurvivorRestarted => "survivors were started anew",
            Law::ForeignChangeCancelled => "somebody else's change was cancelled",
            Law::NeverDone => "nothing else went wrong, and it was never done",
            Law::SurvivorEmptied => "a survivor's disk was emptied",
            Law::SurvivingSearchLost => "documents vanished from the surviving search",
            Law::VerifiedLeaderless => "called done with a partition that nobody leads",
            Law::VerifiedNotExporting => "called done with an exporter not as it should be",
            Law::VerifiedMembers => "called done with other members than wanted",
            Law::VerifiedUnprotected => "called done with brokers that hold no replica",
            Law::LeftPaused => "exporting is paused in the end",
            Law::AcknowledgedLost => "acknowledged, and in no log",
            Law::SearchesDiffer => "called done, and the searches lack records or differ",
            Law::OwnMistake => "a mistake of c8dr's own",
        }
    }
}

/// A law that was broken, with when and how.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Violation {
    /// Seconds since the disaster's start.
    pub at_s: f64,
    /// Which law.
    pub law: Law,
    /// How, as a sentence.
    pub words: String,
}

/// Whether an event says that exporting is asked to be paused.
fn pauses(event: &Event) -> bool {
    matches!(
        event,
        Event::Intended {
            request: Request::Zeebe {
                effect: ZeebeEffect::PauseExporting,
                ..
            },
            ..
        }
    )
}

/// Who watches one disaster.
pub(crate) struct Judge {
    lab: Lab,
    plot: Plot,
    /// Both regions, as the lab calls them.
    here: Region,
    there: Region,
    survivors: BTreeSet<BrokerId>,
    gone: BTreeSet<BrokerId>,
    violations: Vec<Violation>,
    forces_judged: usize,
    documents: Option<(String, usize)>,
    two_leaders_since: BTreeMap<PartitionId, Moment>,
    /// When something outside c8dr last changed the world.
    last_trouble: Moment,
    milestones: Milestones,
    /// Whether a broker answers, and since when it was seen so.
    answers: BTreeMap<BrokerId, (bool, Moment)>,
    /// Whether c8dr can see from where it is whether a region lives.
    sees_both: bool,
    /// Whether c8dr has asked for a pause: one that it never asked for is not its to end.
    has_paused: bool,
    /// Whether people send requests of their own: a change that is cancelled may be by whoever began it.
    is_by_hand: bool,
}

impl Judge {
    pub(crate) fn new(lab: Lab, plot: Plot, lost: RegionId, brokers: u32) -> Judge {
        let here = crate::disaster::region(lost.other());
        let of = |region: Region| -> BTreeSet<BrokerId> {
            (0..brokers)
                .map(BrokerId)
                .filter(|b| b.region() == region)
                .collect()
        };
        Judge {
            survivors: of(here),
            gone: of(here.other()),
            there: here.other(),
            here,
            lab,
            plot,
            violations: Vec::new(),
            forces_judged: 0,
            documents: None,
            two_leaders_since: BTreeMap::new(),
            last_trouble: Moment::START,
            milestones: Milestones::default(),
            answers: BTreeMap::new(),
            sees_both: true,
            has_paused: false,
            is_by_hand: false,
        }
    }

    /// From where c8dr is now, only one region can be seen: that the other one lives is not its to know.
    pub(crate) fn only_one_is_seen(&mut self) {
        self.sees_both = false;
    }

    /// Whoever decides does it by hand, and tells nobody what is asked for: any pause is theirs to end.
    pub(crate) fn by_hand(&mut self) {
        self.has_paused = true;
        self.is_by_hand = true;
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(crate) fn milestones(&self) -> Milestones {
        self.milestones
    }

    /// The region is lost now.
    pub(crate) fn lost(&mut self) {
        self.milestones.lost = Some(self.lab.clock().now());
    }

    /// Something outside c8dr changes the world now.
    pub(crate) fn troubled(&mut self) {
        self.last_trouble = self.lab.clock().now();
    }

    pub(crate) fn broken(&mut self, law: Law, words: String) {
        // The first of a kind tells the story; a state that lasts would be told at every look.
        if self.violations.iter().all(|known| known.law != law) {
            self.violations.push(Violation {
                at_s: self.lab.clock().now().since_start().as_secs_f64(),
                law,
                words,
            });
        }
    }

    /// Sees who answers, also while c8dr only asks for a plan.
    pub(crate) fn watch(&mut self) {
        let lab = self.lab.clone();
        lab.with(|world| self.watch_answers(world));
    }

    /// Judges what must hold at any time.
    pub(crate) fn look(&mut self) {
        let lab = self.lab.clone();
        lab.with(|world| {
            self.judge_history(world);
            self.judge_forces(world);
            self.watch_answers(world);
            self.judge_meddling(world);
            self.judge_disks(world);
            self.judge_documents(world);
        });
    }

    fn judge_history(&mut self, world: &World) {
        for partition in world.forked() {
            let words = format!("Partition {partition} has two committed histories.");
            self.broken(Law::SplitBrain, words);
        }
        let leading = world.leading();
        let now = world.now();
        let mut twice = BTreeSet::new();
        let mut before: Option<PartitionId> = None;
        let mut led = 0;
        for one in leading.iter().filter(|one| one.has_majority) {
            if before == Some(one.partition) {
                twice.insert(one.partition);
            } else {
                led += 1;
            }
            before = Some(one.partition);
        }
        if self.milestones.lost.is_some() && led == world.config().partitions as usize {
            self.milestones.served.get_or_insert(now);
        }
        self.two_leaders_since
            .retain(|partition, _| twice.contains(partition));
        for partition in twice {
            let since = *self.two_leaders_since.entry(partition).or_insert(now);
            if now.since(since) > TWO_LEADERS {
                let words =
                    format!("Partition {partition} has two leaders with a majority each, since {since:?}.");
                self.broken(Law::SplitBrain, words);
            }
        }
    }

    fn judge_forces(&mut self, world: &World) {
        let forces = world.forces();
        if forces.len() == self.forces_judged {
            return;
        }
        let new: Vec<_> = forces.iter().skip(self.forces_judged).cloned().collect();
        self.forces_judged = forces.len();
        for force in new {
            if force.removed.is_empty() {
                let words = format!(
                    "At {:?} everything was forced again, with nobody left to remove.",
                    force.at
                );
                self.broken(Law::ForcedTwice, words);
            }
            let living = self.known_to(true, &force.removed, force.at);
            if !living.is_empty() && self.sees_both {
                let words = format!(
                    "At {:?} brokers {living:?} were removed, which were up.",
                    force.at
                );
                self.broken(Law::LivingForced, words);
            }
            let dead = self.known_to(false, &force.kept, force.at);
            if !dead.is_empty() {
                let words = format!("At {:?} brokers {dead:?} were kept, which were down.", force.at);
                self.broken(Law::ForcedOntoDead, words);
            }
            if !force.removed.is_subset(&self.gone) || force.kept != self.survivors {
                let words = format!(
                    "At {:?} brokers {:?} were removed and {:?} kept; lost are {:?}.",
                    force.at, force.removed, force.kept, self.gone
                );
                self.broken(Law::WrongRegionForced, words);
            }
        }
    }

    /// Brokers of these that have been seen to answer, or not to, for so long that whoever looks knows it.
    fn known_to(&self, answer: bool, brokers: &BTreeSet<BrokerId>, at: Moment) -> BTreeSet<BrokerId> {
        let is_known = |broker: &&BrokerId| {
            let known = self.answers.get(broker);
            known.is_some_and(|(is, since)| *is == answer && at.since(*since) > LOOKED_AT)
        };
        brokers.iter().filter(is_known).copied().collect()
    }

    fn watch_answers(&mut self, world: &World) {
        let now = world.now();
        for (broker, answers) in world.answering() {
            let known = self.answers.entry(broker).or_insert((answers, now));
            if known.0 != answers {
                *known = (answers, now);
            }
        }
    }

    fn judge_meddling(&mut self, world: &World) {
        let own = world.rolled().iter().find(|(_, b)| self.survivors.contains(b));
        if let Some((at, broker)) = own {
            let words = format!("At {at:?} the survivor {broker} was started anew by its platform.");
            self.broken(Law::SurvivorRestarted, words);
        }
        if let Some(change) = world.foreign_cancelled().filter(|_| !self.is_by_hand) {
            let words = format!("Change {change} was somebody else's, and was cancelled.");
            self.broken(Law::ForeignChangeCancelled, words);
        }
    }

    fn judge_disks(&mut self, world: &World) {
        let emptied = world.disks_emptied();
        let touched: Vec<_> = self
            .survivors
            .iter()
            .filter(|b| emptied.contains_key(b))
            .collect();
        if !touched.is_empty() {
            let words = format!("The disks of the survivors {touched:?} were emptied.");
            self.broken(Law::SurvivorEmptied, words);
        }
    }

    fn judge_documents(&mut self, world: &World) {
        let (uuid, documents) = world.search_documents(self.here);
        if let Some((before, most)) = &self.documents
            && (before != uuid || documents < *most)
        {
            let words = format!("The surviving search held {most} documents, and holds {documents} now.");
            self.broken(Law::SurvivingSearchLost, words);
        }
        match &mut self.documents {
            Some((before, most)) if before == uuid => *most = documents,
            known => *known = Some((uuid.to_owned(), documents)),
        }
    }

    /// Judges what a run says of itself.
    pub(crate) fn hear(&mut self, kind: Kind, event: &Event) {
        self.look();
        self.has_paused |= pauses(event);
        match event {
            Event::Verified { .. } => self.called_done(kind),
            Event::Aborted { .. } => self.lab.clone().with(|world| self.judge_pause(world)),
            _ => {}
        }
    }

    /// Judges what somebody calls done, whoever it is.
    pub(crate) fn called_done(&mut self, kind: Kind) {
        self.look();
        let now = self.lab.clock().now();
        match kind {
            Kind::Failover => self.milestones.failed_over.get_or_insert(now),
            Kind::Failback => self.milestones.failed_back.get_or_insert(now),
        };
        self.lab.clone().with(|world| match kind {
            Kind::Failover => self.judge_failover(world),
            Kind::Failback => self.judge_failback(world),
        });
    }

    /// Whether the world may have changed since it was read, by something else than c8dr.
    fn is_unsettled(&self, world: &World) -> bool {
        let trouble = self.plot.troubled_until().max(self.last_trouble);
        world.now() < trouble + UNSETTLED
    }

    fn judge_leaders(&mut self, world: &World) {
        let leading = world.leading();
        let able: BTreeSet<PartitionId> = leading
            .iter()
            .filter(|one| one.has_majority)
            .map(|one| one.partition)
            .collect();
        let wanted = world.config().partitions as usize;
        if able.len() < wanted && !self.is_unsettled(world) {
            let words = format!(
                "Verified, and only {} of {wanted} partitions have a leader.",
                able.len()
            );
            self.broken(Law::VerifiedLeaderless, words);
        }
    }

    fn judge_exporting(&mut self, world: &World, region: Region, runs: bool) {
        let to = world.exporting_to(region).len();
        let wanted = if runs {
            world.config().partitions as usize
        } else {
            0
        };
        let is_wrong = if runs { to < wanted } else { to > wanted };
        if is_wrong && !self.is_unsettled(world) {
            let words = format!(
                "Verified, and {to} partitions export to region{}; {wanted} should.",
                region.index()
            );
            self.broken(Law::VerifiedNotExporting, words);
        }
    }

    fn judge_pause(&mut self, world: &World) {
        let paused = world.paused();
        if !paused.is_empty() && self.has_paused && !self.is_unsettled(world) {
            let words = format!("The run has ended, and exporting is paused on brokers {paused:?}.");
            self.broken(Law::LeftPaused, words);
        }
    }

    fn judge_members(&mut self, world: &World, wanted: &BTreeSet<BrokerId>) {
        let members = world.members_known_in(self.here);
        if members != *wanted && !self.is_unsettled(world) {
            let words = format!("Verified, and the members are {members:?} instead of {wanted:?}.");
            self.broken(Law::VerifiedMembers, words);
        }
    }

    fn judge_failover(&mut self, world: &World) {
        self.judge_leaders(world);
        self.judge_members(world, &self.survivors.clone());
        self.judge_exporting(world, self.here, true);
        self.judge_exporting(world, self.there, false);
        self.judge_pause(world);
    }

    fn judge_failback(&mut self, world: &World) {
        let all: BTreeSet<BrokerId> = self.survivors.union(&self.gone).copied().collect();
        self.judge_leaders(world);
        self.judge_members(world, &all);
        self.judge_exporting(world, self.here, true);
        self.judge_exporting(world, self.there, true);
        self.judge_pause(world);
        let status = world.status();
        let bare: Vec<u32> = (status.regions.iter().flat_map(|region| &region.brokers))
            .filter(|broker| broker.leads.is_empty() && broker.follows.is_empty())
            .map(|broker| broker.id)
            .collect();
        if !bare.is_empty() && !self.is_unsettled(world) {
            let words = format!("Verified, and brokers {bare:?} hold no replica.");
            self.broken(Law::VerifiedUnprotected, words);
        }
    }

    /// The last reckoning: everybody rests, and everything is healed.
    pub(crate) fn reckon(&mut self, is_whole: bool, chapter: Chapter) {
        self.look();
        let lab = self.lab.clone();
        lab.with(|world| {
            let lost = world.promises_broken();
            if !lost.is_empty() {
                let words = format!(
                    "{} of {} acknowledged instances are in no log, first {}.",
                    lost.len(),
                    world.status().acknowledged,
                    lost.first().copied().unwrap_or_default()
                );
                self.broken(Law::AcknowledgedLost, words);
            }
            self.judge_pause(world);
            if !is_whole {
                return;
            }
            let audit = world.final_audit();
            if !audit.exporters_caught_up {
                let words = "A verified failback, and the exporters do not catch up.".to_owned();
                self.broken(Law::VerifiedNotExporting, words);
            } else if !audit.is_whole() {
                let [a, b] = &audit.regions;
                let words = format!(
                    "{}: of {} acknowledged the searches lack {} and {}; {} and {} records are only in one, {} in neither, {} in no log, {} are others than in the log, {} and {} were passed over by importers; exporters stand beyond the log of {:?}.",
                    chapter.as_str(),
                    audit.acknowledged,
                    a.missing.count,
                    b.missing.count,
                    a.records_only_here,
                    b.records_only_here,
                    audit.records_in_neither,
                    audit.records_not_in_log,
                    audit.records_otherwise,
                    a.passed_over.count,
                    b.passed_over.count,
                    audit.exporters_beyond_log,
                );
                self.broken(Law::SearchesDiffer, words);
            }
        });
    }
}
