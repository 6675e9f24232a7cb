//! What strikes the world from outside, as values: so that a disaster can be written down, and happens to the moment.

use c8dr_engine::clock::Moment;

use crate::cluster::raft::ExporterPhase;
use crate::ids::{BrokerId, Region};
use crate::search::store::StoreState;
use crate::world::{Data, Event, SearchFault, World};

/// Something that happens to the world, whoever does it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blow {
    /// All brokers of a region are killed, its search and its webapps.
    RegionDies(Region),
    /// What is down in a region is started.
    RegionReturns(Region, Data),
    /// A region's platform is built anew, with nothing on it.
    RegionIsBare(Region),
    /// A broker is killed.
    BrokerDies(BrokerId),
    /// A broker that is down is started with the disk it had.
    BrokerStarts(BrokerId),
    /// A broker stands still.
    BrokerFreezes(BrokerId),
    /// A frozen broker goes on.
    BrokerThaws(BrokerId),
    /// No packet passes between the regions any more.
    LinkIsCut,
    /// Packets pass between the regions again.
    LinkHeals,
    /// A region's search is killed.
    SearchDies(Region),
    /// A region's search is started with the disks it had.
    SearchStarts(Region),
    /// A region's search turns red: nothing can be written to it.
    SearchTurnsRed(Region),
    /// It is green again.
    SearchTurnsGreen(Region),
    /// Something goes wrong with a region's search once.
    SearchFails(Region, SearchFault),
    /// The object store of both regions is well or not.
    StoreIs(StoreState),
    /// Somebody resumes exporting on every broker that answers.
    SomebodyResumes,
    /// Somebody pauses exporting on every broker that answers.
    SomebodyPauses,
}

impl World {
    /// Lets something happen now.
    pub fn strike(&mut self, blow: Blow) {
        match blow {
            Blow::RegionDies(region) => self.lose_region(region),
            Blow::RegionReturns(region, data) => self.return_region(region, data),
            Blow::RegionIsBare(region) => self.rebuild_bare(region),
            Blow::BrokerDies(broker) => self.kill_broker(broker),
            Blow::BrokerStarts(broker) => self.start_broker(broker, Data::Old),
            Blow::BrokerFreezes(broker) => self.freeze(broker),
            Blow::BrokerThaws(broker) => self.thaw(broker),
            Blow::LinkIsCut => self.cut_link(),
            Blow::LinkHeals => self.heal_link(),
            Blow::SearchDies(region) => self.set_search(region, false),
            Blow::SearchStarts(region) => self.set_search(region, true),
            Blow::SearchTurnsRed(region) => self.set_search_red(region, true),
            Blow::SearchTurnsGreen(region) => self.set_search_red(region, false),
            Blow::SearchFails(region, fault) => self.spoil_search(region, fault),
            Blow::StoreIs(state) => self.set_store(state),
            Blow::SomebodyResumes => self.somebody_sets(ExporterPhase::Exporting),
            Blow::SomebodyPauses => self.somebody_sets(ExporterPhase::Paused),
        }
    }

    /// Lets something happen at a moment to come, or at once if that has passed.
    pub fn strike_at(&mut self, at: Moment, blow: Blow) {
        self.after(at.since(self.now()), Event::Blow { blow });
    }

    fn somebody_sets(&mut self, phase: ExporterPhase) {
        self.say(format!("Somebody sets exporting to {}.", phase.name()));
        for id in self.broker_ids() {
            if self.broker(id).is_some_and(super::Broker::answers) {
                self.set_phase(id, phase);
            }
        }
    }
}
