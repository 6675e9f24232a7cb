//! What strikes the world from outside, as values: so that a disaster can be written down, and happens to the moment.

use c8dr_engine::clock::Moment;

use crate::cluster::raft::ExporterPhase;
use crate::ids::{BrokerId, Region};
use crate::search::store::StoreState;
use crate::world::{AnswerFault, Data, Event, SearchFault, World};

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
    /// Packets of this region to the other vanish; those of the other still arrive.
    LinkIsCutOneWay(Region),
    /// The link comes and goes, every few seconds.
    LinkFlaps,
    /// Packets between the regions take most of a second.
    LinkIsSlow,
    /// Packets pass between the regions again, whatever was wrong with the link.
    LinkHeals,
    /// The names of brokers can no longer be resolved: who runs goes on, who starts cannot.
    NamesAreLost,
    /// They can be resolved again.
    NamesAreFound,
    /// Something else fills a broker's volume.
    VolumeFills(BrokerId),
    /// It has room again.
    VolumeIsFreed(BrokerId),
    /// The wall clocks of all servers jump by so many seconds.
    ClocksJump(i64),
    /// A region's search is killed.
    SearchDies(Region),
    /// A region's search is started with the disks it had.
    SearchStarts(Region),
    /// A region's search turns red: nothing can be written to it.
    SearchTurnsRed(Region),
    /// It is green again.
    SearchTurnsGreen(Region),
    /// The disks of a region's search fill: it takes no writes, and restores stand still.
    SearchFills(Region),
    /// They have room again.
    SearchIsFreed(Region),
    /// A region's search takes its time for each bulk.
    SearchIsSlow(Region),
    /// It is quick again.
    SearchIsQuick(Region),
    /// A region's search stands still: it takes connections, and answers nobody.
    SearchFreezes(Region),
    /// It goes on.
    SearchThaws(Region),
    /// Every exporter to a region is stuck in opening, and holds up its partition's others.
    ExportersStick(Region),
    /// They are open again.
    ExportersComeLoose(Region),
    /// Something goes wrong with a region's search once.
    SearchFails(Region, SearchFault),
    /// The object store of both regions is well or not.
    StoreIs(StoreState),
    /// Somebody resumes exporting on every broker that answers.
    SomebodyResumes,
    /// Somebody pauses exporting on every broker that answers.
    SomebodyPauses,
    /// Somebody runs `helm upgrade` with the usual values: the webapps are on again.
    SomebodyUpgrades(Region),
    /// Somebody runs `kubectl rollout restart` on a region's brokers.
    SomebodyRestartsBrokers(Region),
    /// Somebody's upgrade is interrupted: the release stays `pending-upgrade`, and refuses every other upgrade.
    UpgradeIsInterrupted(Region),
    /// The interrupted upgrade is rolled back.
    UpgradeIsRolledBack(Region),
    /// Somebody uninstalls a region's release: its processes end, its volumes stay.
    SomebodyUninstalls(Region),
    /// What an uninstall left of a region's volumes is deleted.
    VolumesAreDeleted(Region),
    /// Somebody forces everybody out but the brokers of this region.
    SomebodyForces(Region),
    /// Somebody begins a change that never ends.
    SomebodyMistypes,
    /// Somebody cancels the pending change, whosever it is.
    SomebodyCancels,
    /// Somebody asks for leaders in their usual places.
    SomebodyRebalances,
    /// The next call at one of the doors meets this.
    AnswerIsSpoilt(Door, AnswerFault),
}

/// Where requests come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Any port of any broker.
    Brokers,
    /// The searches.
    Searches,
    /// The object store.
    Bucket,
}

impl Blow {
    /// What ends this, where something does. What happens once, or what nobody can take back, is not healed.
    pub const fn healed_by(self) -> Option<Blow> {
        match self {
            Blow::BrokerDies(broker) => Some(Blow::BrokerStarts(broker)),
            Blow::BrokerFreezes(broker) => Some(Blow::BrokerThaws(broker)),
            Blow::LinkIsCut | Blow::LinkIsCutOneWay(_) | Blow::LinkFlaps | Blow::LinkIsSlow => {
                Some(Blow::LinkHeals)
            }
            Blow::NamesAreLost => Some(Blow::NamesAreFound),
            Blow::VolumeFills(broker) => Some(Blow::VolumeIsFreed(broker)),
            Blow::SearchDies(region) => Some(Blow::SearchStarts(region)),
            Blow::SearchTurnsRed(region) => Some(Blow::SearchTurnsGreen(region)),
            Blow::SearchFills(region) => Some(Blow::SearchIsFreed(region)),
            Blow::SearchIsSlow(region) => Some(Blow::SearchIsQuick(region)),
            Blow::SearchFreezes(region) => Some(Blow::SearchThaws(region)),
            Blow::ExportersStick(region) => Some(Blow::ExportersComeLoose(region)),
            Blow::StoreIs(StoreState::Gone | StoreState::Denied) => Some(Blow::StoreIs(StoreState::Works)),
            Blow::SomebodyPauses => Some(Blow::SomebodyResumes),
            Blow::UpgradeIsInterrupted(region) => Some(Blow::UpgradeIsRolledBack(region)),
            Blow::SomebodyUninstalls(region) => Some(Blow::VolumesAreDeleted(region)),
            Blow::SomebodyMistypes => Some(Blow::SomebodyCancels),
            Blow::RegionDies(_)
            | Blow::RegionReturns(..)
            | Blow::RegionIsBare(_)
            | Blow::BrokerStarts(_)
            | Blow::BrokerThaws(_)
            | Blow::LinkHeals
            | Blow::NamesAreFound
            | Blow::VolumeIsFreed(_)
            | Blow::ClocksJump(_)
            | Blow::SearchStarts(_)
            | Blow::SearchTurnsGreen(_)
            | Blow::SearchIsFreed(_)
            | Blow::SearchIsQuick(_)
            | Blow::SearchThaws(_)
            | Blow::ExportersComeLoose(_)
            | Blow::SearchFails(..)
            | Blow::StoreIs(StoreState::Works)
            | Blow::SomebodyResumes
            | Blow::SomebodyUpgrades(_)
            | Blow::SomebodyRestartsBrokers(_)
            | Blow::UpgradeIsRolledBack(_)
            | Blow::VolumesAreDeleted(_)
            | Blow::SomebodyForces(_)
            | Blow::SomebodyCancels
            | Blow::SomebodyRebalances
            | Blow::AnswerIsSpoilt(..) => None,
        }
    }
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
            Blow::LinkIsCutOneWay(region) => self.cut_link_one_way(region),
            Blow::LinkFlaps => self.flap_link(),
            Blow::LinkIsSlow => self.slow_link(),
            Blow::LinkHeals => self.heal_link(),
            Blow::NamesAreLost => self.set_names_known(false),
            Blow::NamesAreFound => self.set_names_known(true),
            Blow::VolumeFills(broker) => self.set_volume_filled(broker, true),
            Blow::VolumeIsFreed(broker) => self.set_volume_filled(broker, false),
            Blow::ClocksJump(seconds) => self.clocks_jump(seconds),
            Blow::SearchDies(region) => self.set_search(region, false),
            Blow::SearchStarts(region) => self.set_search(region, true),
            Blow::SearchTurnsRed(region) => self.set_search_red(region, true),
            Blow::SearchTurnsGreen(region) => self.set_search_red(region, false),
            Blow::SearchFills(region) => self.set_search_filled(region, true),
            Blow::SearchIsFreed(region) => self.set_search_filled(region, false),
            Blow::SearchIsSlow(region) => self.set_search_slow(region, true),
            Blow::SearchIsQuick(region) => self.set_search_slow(region, false),
            Blow::SearchFreezes(region) => self.set_search_frozen(region, true),
            Blow::SearchThaws(region) => self.set_search_frozen(region, false),
            Blow::ExportersStick(region) => self.exporters_stick(region),
            Blow::ExportersComeLoose(region) => self.exporters_come_loose(region),
            Blow::SearchFails(region, fault) => self.spoil_search(region, fault),
            Blow::StoreIs(state) => self.set_store(state),
            Blow::SomebodyResumes => self.somebody_sets(ExporterPhase::Exporting),
            Blow::SomebodyPauses => self.somebody_sets(ExporterPhase::Paused),
            Blow::SomebodyUpgrades(region) => self.somebody_upgrades(region),
            Blow::SomebodyRestartsBrokers(region) => self.somebody_restarts_brokers(region),
            Blow::UpgradeIsInterrupted(region) => self.set_upgrade_pending(region, true),
            Blow::UpgradeIsRolledBack(region) => self.set_upgrade_pending(region, false),
            Blow::SomebodyUninstalls(region) => self.uninstalled_by_somebody(region),
            Blow::VolumesAreDeleted(region) => self.volumes_deleted_by_somebody(region),
            Blow::SomebodyForces(region) => self.somebody_forces(region),
            Blow::SomebodyMistypes => self.somebody_mistypes(),
            Blow::SomebodyCancels => self.somebody_cancels(),
            Blow::SomebodyRebalances => {
                self.say("Somebody asks for leaders in their usual places.".to_owned());
                self.rebalance();
            }
            Blow::AnswerIsSpoilt(Door::Brokers, fault) => self.spoil_answer(fault),
            Blow::AnswerIsSpoilt(Door::Searches, fault) => self.spoil_search_answer(fault),
            Blow::AnswerIsSpoilt(Door::Bucket, fault) => self.spoil_bucket_answer(fault),
        }
    }

    /// Lets something happen at a moment to come, or at once if that has passed.
    pub fn strike_at(&mut self, at: Moment, blow: Blow) {
        self.after(at.since(self.now()), Event::Blow { blow });
    }
}
