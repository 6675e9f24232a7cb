//! What befalls few nights: links that are half open, names that are lost, disks that fill, clocks that jump, exporters that
//! stick, and what people do to a platform beside c8dr.
//!
//! What nobody could live through is not drawn: survivors that are restarted, uninstalled or forced out by somebody are drills.

use c8dr_lab::{AnswerFault, Blow, BrokerId, Door};

use super::{Disaster, moment, strikes};
use crate::chance::{Dice, Stream};
use crate::fault::{Fault, What};
use crate::scenario::Scenario;

/// In how many of a hundred disasters of all kinds something of this happens.
const IN_PERCENT: u64 = 15;

/// In how many of a hundred a search answers late or not at all: of all kinds, and of those that are about such things.
const SLOW_IN_PERCENT: u64 = 4;
const SLOW_IN_PERCENT_OF_SEARCHES: u64 = 25;

impl Disaster {
    /// Drawn by itself: what was drawn before is the same with and without it.
    pub(super) fn draw_rare(&mut self, scenario: Scenario) {
        if self.second_operator {
            // Only the one cut: see `others`.
            return;
        }
        let mut dice = Dice::of(self.seed, Stream::Rare);
        let count = match scenario {
            Scenario::Any => u64::from(dice.percent(IN_PERCENT)),
            Scenario::Rare => 1 + dice.below(2),
            _ => 0,
        };
        for _ in 0..count {
            let fault = self.rare(&mut dice);
            self.faults.push(fault);
        }
    }

    /// A search that answers late or not at all, so that exporters sit in their calls and brokers tell nothing. Drawn by
    /// itself, as well.
    pub(super) fn draw_slow(&mut self, scenario: Scenario) {
        let in_percent = match scenario {
            _ if self.second_operator => 0,
            Scenario::Any => SLOW_IN_PERCENT,
            Scenario::Rare | Scenario::Searches => SLOW_IN_PERCENT_OF_SEARCHES,
            _ => 0,
        };
        let mut dice = Dice::of(self.seed, Stream::Slow);
        if !dice.percent(in_percent) {
            return;
        }
        let target = dice.pick(&[self.survivor(), self.gone()], self.survivor());
        let slow = Blow::SearchIsSlow(target);
        let (blow, from_ms, to_ms) = dice.pick(
            &[
                (slow, 10_000, 120_000),
                (Blow::SearchFreezes(target), 5_000, 40_000),
            ],
            (slow, 10_000, 120_000),
        );
        // What it takes of the surviving region's brokers is felt in the failover, too.
        let when = moment(&mut dice, target == self.survivor());
        let what = strikes(blow, &mut dice, from_ms, to_ms);
        self.faults.push(Fault { when, what });
    }

    fn rare(&self, dice: &mut Dice) -> Fault {
        let (here, there) = (self.survivor(), self.gone());
        let either = dice.pick(&[here, there], here);
        let half = u64::from(self.brokers / 2);
        let place = u32::try_from(dice.below(half)).unwrap_or(0);
        let broker = BrokerId(place * 2 + dice.pick(&[self.lost.0, self.lost.other().0], 0));
        let seconds = dice.pick(&[-3_600, -30, 30, 3_600], 30);
        let door = dice.pick(&[Door::Brokers, Door::Searches, Door::Bucket], Door::Brokers);
        let answer = dice.pick(
            &[
                AnswerFault::Reset,
                AnswerFault::LostBeforeEffect,
                AnswerFault::LostAfterEffect,
                AnswerFault::TimeoutAfterEffect,
                AnswerFault::Twice,
            ],
            AnswerFault::Reset,
        );
        let (blow, from_ms, to_ms, in_failover_too) = dice.pick(
            &[
                (Blow::LinkIsCutOneWay(either), 2_000, 40_000, true),
                (Blow::LinkFlaps, 5_000, 40_000, true),
                (Blow::LinkIsSlow, 5_000, 60_000, true),
                (Blow::NamesAreLost, 10_000, 60_000, true),
                (Blow::VolumeFills(broker), 5_000, 60_000, false),
                (Blow::ClocksJump(seconds), 0, 1, true),
                (Blow::SearchFills(either), 5_000, 40_000, false),
                (Blow::ExportersStick(here), 5_000, 40_000, false),
                (Blow::SomebodyUpgrades(either), 0, 1, false),
                (Blow::UpgradeIsInterrupted(there), 10_000, 40_000, false),
                (Blow::SomebodyRestartsBrokers(there), 0, 1, false),
                (Blow::SomebodyCancels, 0, 1, false),
                (Blow::SomebodyRebalances, 0, 1, true),
                (Blow::AnswerIsSpoilt(door, answer), 0, 1, true),
            ],
            (Blow::LinkIsSlow, 5_000, 60_000, true),
        );
        let what = match blow.healed_by() {
            Some(_) => strikes(blow, dice, from_ms, to_ms),
            None => What::Strikes { blow, lasts: None },
        };
        Fault {
            when: moment(dice, in_failover_too),
            what,
        }
    }
}
