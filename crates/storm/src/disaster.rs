//! A disaster: everything that is decided beforehand, drawn from one seed.

use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;
use c8dr_lab::{Blow, BrokerId, Data, Region, SearchFault, StoreState};

use crate::chance::{Dice, Stream};
use crate::fault::{Chapter, Fault, Side, Spoil, What, When};
use crate::scenario::Scenario;

/// As many faults as a bad night has.
const FAULTS_MAX: u64 = 4;

/// The steps whose requests can be met.
const FAILOVER: [StepId; 2] = [StepId::Fo1, StepId::Fo2];
const FAILBACK: [StepId; 12] = [
    StepId::Fb1,
    StepId::Fb2a,
    StepId::Fb2b,
    StepId::Fb3a,
    StepId::Fb3b,
    StepId::Fb3c,
    StepId::Fb3e,
    StepId::Fb4a,
    StepId::Fb4b,
    StepId::Fb5,
    StepId::Fb6,
    StepId::Fb7,
];

/// A disaster, as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Disaster {
    /// What everything is drawn from.
    pub seed: u64,
    /// Brokers of both regions together.
    pub brokers: u32,
    /// Partitions.
    pub partitions: u32,
    /// The region that is lost.
    pub lost: RegionId,
    /// What clients create, all the time, per second.
    pub creates_per_second: f64,
    /// Whether the link is cut first, both regions alive, before the region is killed.
    pub cut_first: bool,
    /// Whether direction and journal are kept outside this machine as well.
    pub outside: bool,
    /// Whether the old region comes back with its disks before it is built anew.
    pub returns_old: bool,
    /// What goes wrong besides.
    pub faults: Vec<Fault>,
}

/// What somebody wants of every disaster alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Brokers; drawn if not said.
    pub brokers: Option<u32>,
    /// Partitions; drawn if not said.
    pub partitions: Option<u32>,
}

impl Disaster {
    /// The disaster of a seed.
    pub fn of(seed: u64, scenario: Scenario, shape: Shape) -> Disaster {
        let mut dice = Dice::of(seed, Stream::Shape);
        let size = dice.pick(&[(4, 4), (4, 4), (4, 8), (6, 6), (8, 8)], (4, 4));
        let lost = RegionId(dice.pick(&[0, 1], 1));
        let creates_per_second = dice.pick(&[1.0, 2.0, 4.0, 8.0], 4.0);
        let cut_first = dice.percent(15) && matches!(scenario, Scenario::Any | Scenario::Network);
        let outside = dice.percent(30);
        let returns_old = dice.percent(15) && matches!(scenario, Scenario::Any | Scenario::Returning);
        let brokers = shape.brokers.unwrap_or(size.0);
        let mut disaster = Disaster {
            seed,
            brokers,
            partitions: shape.partitions.unwrap_or(size.1),
            lost,
            creates_per_second,
            cut_first,
            outside,
            returns_old: returns_old || scenario == Scenario::Returning,
            faults: Vec::new(),
        };
        let mut dice = Dice::of(seed, Stream::Faults);
        let count = match scenario {
            Scenario::Plain => 0,
            Scenario::Any => dice.below(FAULTS_MAX + 1),
            _ => 1 + dice.below(FAULTS_MAX),
        };
        for _ in 0..count {
            let fault = disaster.draw(scenario, &mut dice);
            disaster.faults.push(fault);
        }
        disaster
    }

    fn draw(&self, scenario: Scenario, dice: &mut Dice) -> Fault {
        let kinds = [
            Scenario::Answers,
            Scenario::Deaths,
            Scenario::Network,
            Scenario::Brokers,
            Scenario::Searches,
            Scenario::Returning,
            Scenario::People,
        ];
        match scenario {
            Scenario::Any | Scenario::Plain => {
                let kind = dice.pick(&kinds, Scenario::Answers);
                self.draw(kind, dice)
            }
            Scenario::Answers => spoilt(dice),
            Scenario::Deaths => death(dice),
            Scenario::Network => Fault {
                when: moment(dice, true),
                what: strikes(Blow::LinkIsCut, dice, 2_000, 60_000),
            },
            Scenario::Brokers => self.broker(dice),
            Scenario::Searches => self.search(dice),
            Scenario::Returning => self.returning(dice),
            Scenario::People => people(dice),
        }
    }

    /// The region that survives, as the lab calls it.
    pub fn survivor(&self) -> Region {
        region(self.lost.other())
    }

    /// The lost region, as the lab calls it.
    pub fn gone(&self) -> Region {
        region(self.lost)
    }

    fn broker(&self, dice: &mut Dice) -> Fault {
        let half = u64::from(self.brokers / 2);
        let survivors = self.lost.other().0;
        // Mostly a survivor: those of the other region are dead, or just back.
        let side = if dice.percent(75) { survivors } else { self.lost.0 };
        let broker = BrokerId(u32::try_from(dice.below(half)).unwrap_or(0) * 2 + side);
        let blow = dice.pick(
            &[Blow::BrokerDies(broker), Blow::BrokerFreezes(broker)],
            Blow::BrokerDies(broker),
        );
        Fault {
            when: moment(dice, side == survivors),
            what: strikes(blow, dice, 1_000, 45_000),
        }
    }

    fn search(&self, dice: &mut Dice) -> Fault {
        let here = self.survivor();
        let blow = dice.pick(
            &[
                Blow::SearchDies(here),
                Blow::SearchDies(here.other()),
                Blow::SearchTurnsRed(here),
                Blow::SearchFails(here, SearchFault::PartialSnapshot),
                Blow::SearchFails(here, SearchFault::FailedSnapshot),
                Blow::SearchFails(here.other(), SearchFault::EmptyIndices),
                Blow::StoreIs(StoreState::Gone),
                Blow::StoreIs(StoreState::Denied),
            ],
            Blow::SearchDies(here),
        );
        Fault {
            when: moment(dice, false),
            what: strikes(blow, dice, 1_000, 40_000),
        }
    }

    /// The lost region comes back by itself in the middle of the failover; or, rebuilt, dies once more.
    fn returning(&self, dice: &mut Dice) -> Fault {
        if dice.percent(50) {
            let step = dice.pick(&FAILOVER, StepId::Fo1);
            return Fault {
                when: When::Request {
                    step,
                    side: Side::After,
                },
                what: What::Strikes {
                    blow: Blow::RegionReturns(self.gone(), Data::Old),
                    lasts: None,
                },
            };
        }
        Fault {
            when: moment(dice, false),
            what: What::Strikes {
                blow: Blow::RegionDies(self.gone()),
                lasts: None,
            },
        }
    }
}

/// The lab's word for a region.
pub(crate) fn region(id: RegionId) -> Region {
    if id.0 == 0 { Region::Even } else { Region::Odd }
}

fn spoilt(dice: &mut Dice) -> Fault {
    let step = step(dice);
    let spoil = dice.pick(
        &[
            Spoil::LostBefore,
            Spoil::LostAfter,
            Spoil::LostAfter,
            Spoil::LateAfter,
            Spoil::NotSent,
            Spoil::Status(502),
            Spoil::Status(504),
            Spoil::Status(409),
        ],
        Spoil::LostAfter,
    );
    Fault {
        when: When::Request {
            step,
            side: Side::Before,
        },
        what: What::Spoilt(spoil),
    }
}

fn death(dice: &mut Dice) -> Fault {
    let when = match dice.below(3) {
        0 => When::Record {
            chapter: Chapter::Failover,
            number: 1 + usize::try_from(dice.below(14)).unwrap_or(0),
        },
        1 => When::Record {
            chapter: Chapter::Failback,
            number: 1 + usize::try_from(dice.below(70)).unwrap_or(0),
        },
        _ => When::Request {
            step: step(dice),
            side: dice.pick(&[Side::Before, Side::After], Side::After),
        },
    };
    Fault {
        when,
        what: What::C8drDies,
    }
}

fn people(dice: &mut Dice) -> Fault {
    let blow = dice.pick(
        &[Blow::SomebodyResumes, Blow::SomebodyPauses],
        Blow::SomebodyResumes,
    );
    Fault {
        when: moment(dice, blow == Blow::SomebodyPauses),
        what: strikes(blow, dice, 1_000, 20_000),
    }
}

fn step(dice: &mut Dice) -> StepId {
    if dice.percent(30) {
        dice.pick(&FAILOVER, StepId::Fo1)
    } else {
        dice.pick(&FAILBACK, StepId::Fb2b)
    }
}

/// Some time in the failback, or if it may be in the failover, too.
fn moment(dice: &mut Dice, in_failover_too: bool) -> When {
    let in_failover = in_failover_too && dice.percent(35);
    if dice.percent(50) {
        let step = if in_failover {
            dice.pick(&FAILOVER, StepId::Fo1)
        } else {
            dice.pick(&FAILBACK, StepId::Fb2b)
        };
        return When::Request {
            step,
            side: dice.pick(&[Side::Before, Side::After], Side::After),
        };
    }
    let (chapter, within) = if in_failover {
        (Chapter::Failover, 14_000)
    } else {
        (Chapter::Failback, 45_000)
    };
    When::At {
        chapter,
        after: dice.between_ms(0, within),
    }
}

fn strikes(blow: Blow, dice: &mut Dice, from_ms: u64, to_ms: u64) -> What {
    let lasts: Duration = dice.between_ms(from_ms, to_ms);
    What::Strikes {
        blow,
        lasts: blow.healed_by().map(|_| lasts),
    }
}
