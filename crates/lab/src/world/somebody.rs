//! What other people do to the installation while c8dr is at work: with the best intentions, and without asking.

use std::time::Duration;

use crate::chance::Stream;
use crate::cluster::configuration::Operation;
use crate::cluster::plan;
use crate::cluster::raft::ExporterPhase;
use crate::ids::{BrokerId, PartitionId, Region};
use crate::views::Kept;
use crate::world::{Broker, Data, Event, World};

/// How often the stateful set's controller looks whether the pod that it replaced is ready.
const ROLLOUT_LOOK: Duration = Duration::from_secs(1);

/// An exporter that no installation has: enabling it is accepted and never ends (spec: README §6.6).
const MISTYPED: &str = "elasticsearchregoin1";

impl World {
    /// Sets exporting on every broker that answers, whoever had set it to something else.
    pub(super) fn somebody_sets(&mut self, phase: ExporterPhase) {
        self.say(format!("Somebody sets exporting to {}.", phase.name()));
        for id in self.broker_ids() {
            if self.broker(id).is_some_and(Broker::answers) {
                self.set_phase(id, phase);
            }
        }
    }

    /// `helm upgrade` with the usual values, from another machine: the webapps are on again, whoever had switched them
    /// off.
    pub(super) fn somebody_upgrades(&mut self, region: Region) {
        match self.upgrade(region, true) {
            Ok(()) => {}
            Err(error) => self.say(format!("Somebody's upgrade fails: {error}.")),
        }
    }

    /// `kubectl rollout restart`: the brokers of a region are replaced one after the other, the highest first, each when
    /// the one before is ready. One that never gets ready stops it.
    pub(super) fn somebody_restarts_brokers(&mut self, region: Region) {
        self.say(format!(
            "Somebody restarts the brokers of {}, one after the other.",
            self.region_name(region)
        ));
        self.rollouts[region.index()] += 1;
        let rollout = self.rollouts[region.index()];
        let Some(&broker) = self.brokers_of(region).last() else {
            return;
        };
        self.replace_pod(broker);
        self.after(ROLLOUT_LOOK, Event::RollsOut { broker, rollout });
    }

    fn replace_pod(&mut self, broker: BrokerId) {
        self.kill_broker(broker);
        self.start_broker(broker, Data::Old);
    }

    pub(crate) fn rolls_out(&mut self, broker: BrokerId, rollout: u64) {
        let region = broker.region();
        let goes_on =
            self.rollouts[region.index()] == rollout && self.sites[region.index()].release.is_some();
        if !goes_on {
            return;
        }
        let ready = self.broker(broker).is_some_and(|b| b.ready && b.runs());
        if !ready {
            self.after(ROLLOUT_LOOK, Event::RollsOut { broker, rollout });
            return;
        }
        let next = self.brokers_of(region).into_iter().rfind(|b| *b < broker);
        if let Some(broker) = next {
            self.replace_pod(broker);
            self.after(ROLLOUT_LOOK, Event::RollsOut { broker, rollout });
        }
    }

    /// Somebody forces everybody out but one region's brokers, from there. Refused as the real one refuses.
    pub(super) fn somebody_forces(&mut self, keeps: Region) {
        self.somebody_plans(
            &format!("Somebody forces everybody out but {}", self.region_name(keeps)),
            |world| {
                let retain = world.brokers_of(keeps).into_iter().collect();
                let coordinator = world.brokers_of(keeps).into_iter().next()?;
                let known = world.configuration(coordinator)?.clone();
                let operations = plan::force(&known, world.order, &retain).ok()?;
                Some((coordinator, operations))
            },
        );
    }

    /// Somebody enables an exporter whose name is mistyped: a change that never ends and blocks every other one.
    pub(super) fn somebody_mistypes(&mut self) {
        self.somebody_plans("Somebody enables an exporter that does not exist", |world| {
            let coordinator = world.acting_coordinator()?;
            let known = world.configuration(coordinator)?.clone();
            let operations = plan::enable(&known, world.order, MISTYPED, None).ok()?;
            Some((coordinator, operations))
        });
    }

    fn somebody_plans(
        &mut self,
        what: &str,
        plan: impl FnOnce(&World) -> Option<(BrokerId, Vec<Operation>)>,
    ) {
        let planned = plan(self).filter(|(at, _)| {
            let pending = self.configuration(*at).is_some_and(|c| c.pending.is_some());
            self.broker(*at).is_some_and(Broker::answers) && !pending
        });
        match planned {
            Some((coordinator, operations)) if !operations.is_empty() => {
                self.say(format!("{what}."));
                self.foreign_change = Some(self.start_change(coordinator, operations));
            }
            _ => self.say(format!("{what}, and is refused.")),
        }
    }

    /// Somebody cancels the pending change, whosever it is.
    pub(super) fn somebody_cancels(&mut self) {
        let coordinator = self.acting_coordinator();
        let pending = coordinator.filter(|c| self.configuration(*c).is_some_and(|c| c.pending.is_some()));
        match pending {
            Some(coordinator) => {
                self.say("Somebody cancels the pending change.".to_owned());
                self.foreign_change = None;
                self.cancel_change(coordinator);
            }
            None => self.say("Somebody wants to cancel a change, and is refused.".to_owned()),
        }
    }

    /// The lowest member, if it answers: nobody else plans anything that is not forced.
    fn acting_coordinator(&self) -> Option<BrokerId> {
        let knowing = self.brokers.values().find(|b| b.answers())?;
        let coordinator = knowing.configuration.as_ref()?.coordinator()?;
        self.broker(coordinator).filter(|b| b.answers()).map(|b| b.id)
    }

    /// The names of the other region's brokers can no longer be resolved, or again: who runs goes on, who starts cannot.
    pub(super) fn set_names_known(&mut self, known: bool) {
        if std::mem::replace(&mut self.names_known, known) != known {
            let words = if known { "are known again" } else { "are unknown" };
            self.say(format!("The brokers' names {words} to the resolver."));
        }
    }

    /// Something else fills a broker's volume, until less is free than raft needs, or is deleted from it.
    pub(super) fn set_volume_filled(&mut self, broker: BrokerId, filled: bool) {
        let was = if filled {
            !self.filled.insert(broker)
        } else {
            !self.filled.remove(&broker)
        };
        if was {
            return;
        }
        let words = if filled { "is full" } else { "has room again" };
        self.say(format!("The volume of broker {broker} {words}."));
        if !filled {
            // Leaders that were turned away try again.
            for partition in self.partition_ids() {
                if let Some(leader) = self.working_leader(partition) {
                    self.bring_up_to_date(leader, partition);
                }
            }
        }
    }

    /// The disks of a region's search are full, or have room again.
    pub(super) fn set_search_filled(&mut self, region: Region, filled: bool) {
        if std::mem::replace(&mut self.searches[region.index()].flooded, filled) != filled {
            let words = if filled { "are full" } else { "have room again" };
            self.say(format!(
                "The disks of the search of {} {words}.",
                self.region_name(region)
            ));
        }
    }

    /// The wall clocks of all servers jump; what was written before keeps its time.
    pub(super) fn clocks_jump(&mut self, seconds: i64) {
        let now = self.now;
        self.wall.jump(now, seconds);
        // What was told with its time is told otherwise now.
        self.kept = Kept::default();
        self.say(format!("All servers' clocks jump by {seconds} s."));
    }

    /// Every exporter to a region that is open now, on its leader, is caught in opening again, and holds up its partition.
    pub(super) fn exporters_stick(&mut self, target: Region) {
        self.say(format!(
            "The exporters to {} are stuck in opening.",
            self.region_name(target)
        ));
        for partition in self.partition_ids() {
            let Some(leader) = self.working_leader(partition) else {
                continue;
            };
            let (Some(broker), Some(replica)) = (self.broker(leader), self.replica(leader, partition)) else {
                continue;
            };
            let stuck = (broker.life, replica.term, target);
            self.stuck_exporters.insert((leader, partition), stuck);
        }
    }

    /// The exporters to a region are open again.
    pub(super) fn exporters_come_loose(&mut self, target: Region) {
        self.stuck_exporters.retain(|_, (_, _, stuck)| *stuck != target);
        self.say(format!(
            "The exporters to {} are open again.",
            self.region_name(target)
        ));
        for partition in self.partition_ids() {
            if let Some(leader) = self.working_leader(partition) {
                self.export_soon(leader, partition);
            }
        }
    }

    /// Whether an exporter of this leader is stuck in opening. A new leadership opens them anew. Since 8.8 not even
    /// disabling it helps (spec: concepts.md §13, issue 38724).
    pub(crate) fn exporter_sticks(&self, leader: BrokerId, partition: PartitionId) -> bool {
        let Some((life, term, target)) = self.stuck_exporters.get(&(leader, partition)) else {
            return false;
        };
        let same_life = self.broker(leader).is_some_and(|b| b.life == *life);
        let same_term = self.replica(leader, partition).is_some_and(|r| r.term == *term);
        let enabled = self.enabled_exporters(leader, partition).contains(target);
        same_life && same_term && (enabled || self.config.version.disabled_exporters_still_block())
    }

    /// Ends the processes of a region as an uninstall does, and leaves its volumes for whoever installs next.
    pub(super) fn uninstalled_by_somebody(&mut self, region: Region) {
        if self.uninstall(region).is_err() {
            self.say(format!(
                "There is nothing to uninstall in {}.",
                self.region_name(region)
            ));
        }
    }

    /// Deletes what an uninstall has left; whoever has installed again meanwhile keeps it.
    pub(super) fn volumes_deleted_by_somebody(&mut self, region: Region) {
        if let Err(error) = self.delete_volumes(region) {
            self.say(format!(
                "The volumes of {} stay: {error}.",
                self.region_name(region)
            ));
        }
    }

    /// How long a broker that cannot resolve its peers waits before it tries again; none when it never does.
    pub(crate) fn waits_for_names(&mut self) -> Option<Duration> {
        if self.config.version.hangs_without_names() {
            return None;
        }
        // Never at once, or a world without timings would try for ever in one moment.
        let wait = self.chance.span(Stream::Start, self.config.timings.process_start);
        Some(wait.max(Duration::from_millis(100)))
    }
}
