//! One disaster from its beginning to its end: the real engine on the lab, and a person who plans, resumes and gives up.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::ids::{ExporterId, RegionId};
use c8dr_domain::installation::{Installation, InvalidInstallation};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Bucket, Platform, Search, Zeebe};
use c8dr_lab::{Blow, ConfigError, Data, Lab, Timings, WorldConfig};
use jiff::Timestamp;

use crate::chance::{Dice, Stream};
use crate::disaster::Disaster;
use crate::ear::Ear;
use crate::fault::Chapter;
use crate::judge::{Judge, Law};
use crate::life::{Ending, Life};
use crate::planner::Planner;
use crate::plot::Plot;
use crate::rings::wire::{self, WireError};
use crate::rings::{Ports, Ring, ports};
use crate::spoilt::Spoilt;
use crate::story::{Line, Who};

/// A moment to begin with; virtual time has no other. Noon, so that no disaster crosses midnight by chance.
pub(crate) const DAWN: Timestamp = Timestamp::constant(1_767_268_800, 0);

/// How long exporters may take to bring everything to both searches when all is over.
const CAUGHT_UP_LIMIT: Duration = Duration::from_secs(300);

/// Why a disaster could not even begin.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The world cannot be modelled.
    #[error("there is no such world")]
    World(#[from] ConfigError),
    /// The installation is not one that c8dr handles.
    #[error("there is no such installation")]
    Installation(#[from] InvalidInstallation),
    /// The adapters cannot be set up.
    #[error("the wire ring could not be set up")]
    Wire(#[from] WireError),
    /// There is no runtime for virtual time.
    #[error("virtual time could not be set up")]
    Runtime(#[from] std::io::Error),
}

/// Everything that one disaster needs.
pub(crate) struct Scene<'a> {
    pub(crate) disaster: &'a Disaster,
    pub(crate) lab: Lab,
    pub(crate) clock: Clock,
    pub(crate) installation: Installation,
    pub(crate) zeebe: Spoilt<Arc<dyn Zeebe>>,
    pub(crate) searches: BTreeMap<RegionId, Spoilt<Arc<dyn Search>>>,
    pub(crate) platforms: BTreeMap<RegionId, Spoilt<Arc<dyn Platform>>>,
    pub(crate) bucket: Option<Box<dyn Bucket>>,
    pub(crate) plot: Plot,
    pub(crate) ear: Ear,
    pub(crate) person: Dice,
    /// The region that whoever is at the keyboard gives up.
    pub(crate) gives_up: RegionId,
    /// The runs that were begun.
    pub(crate) runs: u32,
    /// Who decides what is done.
    pub(crate) planner: Planner,
}

/// Lives through one disaster, in virtual time, on this thread.
///
/// # Errors
/// If it could not even begin: a world that cannot be modelled, no runtime.
pub fn live(disaster: &Disaster, ring: Ring, has_story: bool) -> Result<Life, SceneError> {
    in_virtual_time(async {
        #[cfg(feature = "planted")]
        c8dr_domain::planted::plant(disaster.planted);
        let mut scene = Scene::new(disaster, ring, Planner::C8dr, has_story)?;
        let ending = scene.play().await;
        #[cfg(feature = "planted")]
        c8dr_domain::planted::plant(None);
        Ok(scene.end(ending))
    })
}

/// Runs on tokio's paused clock, on this thread.
pub(crate) fn in_virtual_time<T>(work: impl Future<Output = Result<T, SceneError>>) -> Result<T, SceneError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(work)
}

/// A port behind a network that is as bad as the plot wants it.
pub(crate) fn spoilt<P>(port: P, plot: &Plot, clock: &Clock) -> Spoilt<P> {
    Spoilt {
        port,
        plot: plot.clone(),
        clock: clock.clone(),
        reaches_only: None,
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        disaster: &'a Disaster,
        ring: Ring,
        planner: Planner,
        has_story: bool,
    ) -> Result<Scene<'a>, SceneError> {
        let clock = Clock::new(DAWN, 1.0);
        let config = WorldConfig {
            brokers: disaster.brokers,
            partitions: disaster.partitions,
            seed: disaster.seed,
            timings: Timings::measured(),
            creates_per_second: disaster.creates_per_second,
            ..WorldConfig::default()
        };
        let lab = Lab::new(config, clock.clone())?;
        let regions = [0, 1].map(|i| {
            (
                format!("region{i}"),
                ExporterId::new(format!("elasticsearchregion{i}")),
            )
        });
        let installation = Installation::new(
            "storm",
            regions.to_vec(),
            disaster.brokers,
            disaster.partitions,
            4,
        )?;
        let plot = Plot::new(lab.clone(), disaster.faults.clone());
        let Ports {
            zeebe,
            searches,
            platforms,
            bucket,
        } = match ring {
            Ring::Wire => wire::ports(&lab, disaster.brokers, disaster.outside)?,
            Ring::Ports => ports::ports(&lab, disaster.brokers, disaster.outside)?,
        };
        let mut judge = Judge::new(lab.clone(), plot.clone(), disaster.lost, disaster.brokers);
        if planner != Planner::C8dr {
            judge.by_hand();
        }
        Ok(Scene {
            disaster,
            zeebe: spoilt(zeebe.into(), &plot, &clock),
            searches: (searches.into_iter())
                .map(|(region, port)| (region, spoilt(port.into(), &plot, &clock)))
                .collect(),
            platforms: (platforms.into_iter())
                .map(|(region, port)| (region, spoilt(port.into(), &plot, &clock)))
                .collect(),
            bucket,
            ear: Ear::new(judge, clock.clone(), has_story),
            person: Dice::of(disaster.seed, Stream::Person),
            installation,
            lab,
            clock,
            plot,
            gives_up: disaster.lost,
            runs: 0,
            planner,
        })
    }

    /// Loss, failover, rebuild, failback.
    pub(crate) async fn play(&mut self) -> Ending {
        self.begin(Chapter::Calm);
        let calm = self.person.between_ms(2_000, 6_000);
        self.clock.sleep(calm).await;
        if self.planner == Planner::C8dr {
            if let Some(ending) = self.typed_too_early().await {
                return ending;
            }
            if self.disaster.second_operator {
                return self.play_from_both_sides().await;
            }
        }
        if self.disaster.cut_first {
            self.strike(Blow::LinkIsCut);
            self.ear.reached("link cut, both regions alive");
            match self.planner {
                Planner::C8dr => self.refused_while_both_live().await,
                // "You have ensured that you fully lost a region": it is not, so nothing is typed.
                Planner::Guide | Planner::Scripts => self.waits_by_hand(15_000, 60_000).await,
            }
        }
        self.lose_the_region();
        if self.disaster.cut_first {
            // Whoever killed what was cut off has also mended the network before it is built anew.
            self.lab.with(|world| {
                let later = world.now() + Duration::from_secs(90);
                world.strike_at(later, Blow::LinkHeals);
            });
        }
        self.begin(Chapter::Failover);
        let ended = match self.planner {
            Planner::C8dr => self.fail_over().await,
            Planner::Guide | Planner::Scripts => self.fail_over_by_hand().await,
        };
        if let Some(ending) = ended {
            return ending;
        }
        self.play_the_way_back().await
    }

    /// The link is cut, and an operator in each region gives the other one up: only what is kept outside both says who was
    /// first. Then the region that was given up is stopped, and the link mended.
    async fn play_from_both_sides(&mut self) -> Ending {
        self.strike(Blow::LinkIsCut);
        self.ear.reached("link cut, an operator on each side");
        self.ear.heard().judge.only_one_is_seen();
        self.begin(Chapter::Failover);
        self.zeebe.reaches_only = Some(self.disaster.lost.other());
        if let Some(ending) = self.fail_over().await {
            return ending;
        }
        self.the_other_side_too().await;
        self.zeebe.reaches_only = None;
        self.lose_the_region();
        self.play_the_way_back().await
    }

    async fn play_the_way_back(&mut self) -> Ending {
        let gone = self.disaster.gone();
        self.begin(Chapter::Rebuild);
        let while_rebuilt = self.person.between_ms(2_000, 30_000);
        self.clock.sleep(while_rebuilt).await;
        if self.disaster.returns_old {
            self.strike(Blow::RegionReturns(gone, Data::Old));
            match self.planner {
                Planner::C8dr => self.refused_with_old_disks().await,
                // "The recreated region must not include any active deployments or residual volumes": it does.
                Planner::Guide | Planner::Scripts => self.waits_by_hand(15_000, 40_000).await,
            }
        }
        self.heal_everything().await;
        self.strike(Blow::RegionIsBare(gone));
        self.begin(Chapter::Failback);
        let ended = match self.planner {
            Planner::C8dr => self.fail_back().await,
            Planner::Guide | Planner::Scripts => self.fail_back_by_hand().await,
        };
        ended.unwrap_or(Ending::Verified)
    }

    /// The loss itself is what a failover is about: whatever is called verified afterwards has to hold in spite of it.
    fn lose_the_region(&mut self) {
        let gone = self.disaster.gone();
        self.lab.with(|world| world.strike(Blow::RegionDies(gone)));
        self.ear.heard().judge.lost();
    }

    fn begin(&mut self, chapter: Chapter) {
        self.plot.begin(chapter);
    }

    pub(crate) fn strike(&mut self, blow: Blow) {
        self.lab.with(|world| world.strike(blow));
        self.ear.heard().judge.troubled();
    }

    /// Faults that heal by themselves have, before a region is built anew: nobody builds on a broken network.
    async fn heal_everything(&mut self) {
        let until = self.plot.troubled_until();
        self.clock.sleep_until(until).await;
        self.strike(Blow::LinkHeals);
    }

    /// Reckons up, and says what became of it.
    pub(crate) fn end(self, ending: Ending) -> Life {
        let mut life = Life {
            seed: self.disaster.seed,
            ending,
            violations: Vec::new(),
            reached: BTreeMap::new(),
            decisions: 0,
            trace: 0,
            took_s: self.clock.now().since_start().as_secs_f64(),
            story: Vec::new(),
        };
        for (kind, count) in self.plot.happened() {
            for _ in 0..count {
                self.ear.reached(&format!("fault: {kind}"));
            }
        }
        self.ear.reached(&format!("ended: {}", life.ending.as_str()));
        if self.disaster.is_plain() && self.planner == Planner::C8dr && life.ending != Ending::Verified {
            let words = format!("Nothing else went wrong, and it ended as {:?}.", life.ending);
            self.ear.heard().judge.broken(Law::NeverDone, words);
        }
        let world_trace = self.lab.with(|world| world.trace());
        let world_story = match self.ear.has_story() {
            true => self.lab.timeline(),
            false => Vec::new(),
        };
        let mut heard = self.ear.heard();
        heard.decisions.bytes(life.ending.as_str().as_bytes());
        heard.trace.number(world_trace);
        life.violations = heard.judge.violations().to_vec();
        life.reached = std::mem::take(&mut heard.reached);
        life.decisions = heard.decisions.value();
        life.trace = heard.trace.value();
        life.story = std::mem::take(&mut heard.story);
        life.story.extend(world_story.into_iter().map(|event| Line {
            at: event.moment(),
            who: Who::World,
            what: event.what,
        }));
        life.story.sort_by_key(|line| line.at);
        life
    }

    /// Everybody rests, everything is healed, and the exporters finish.
    pub(crate) async fn rest(&mut self, is_whole: bool) {
        self.plot.call_off();
        // What was arranged for a time that is still to come happens all the same, and is healed with the rest.
        let still_to_come = self.plot.troubled_until().since(self.clock.now());
        self.clock.sleep(still_to_come).await;
        self.heal_everything().await;
        if is_whole && self.returning_is_dead() {
            // It died after it was proven to be back: with its disks it comes up again, and must lack nothing.
            self.strike(Blow::RegionReturns(self.disaster.gone(), Data::Old));
        }
        self.lab.with(|world| world.set_load(0.0));
        let began = self.clock.now();
        // Requests that are on their way come to their end, too.
        self.clock.sleep(Duration::from_secs(20)).await;
        while is_whole && !self.lab.exporters_caught_up() && self.clock.now().since(began) < CAUGHT_UP_LIMIT {
            self.clock.sleep(Duration::from_millis(500)).await;
        }
        self.ear.heard().judge.reckon(is_whole, Chapter::Reckoning);
    }
}
