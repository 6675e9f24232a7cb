//! A disaster: everything that is decided beforehand, drawn from one seed.

mod rare;

use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;
use c8dr_domain::planted::Bug;
use c8dr_lab::{Blow, BrokerId, Data, Region, SearchFault, StoreState};

use crate::chance::{Dice, Stream};
use crate::fault::{Chapter, Fault, Side, Spoil, What, When};
use crate::scenario::Scenario;
use crate::without::{Part, Without};

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
    /// A failover that somebody asks for before anything is lost, with the region that they type.
    pub typed: Option<RegionId>,
    /// Whether the link is cut first, both regions alive, and an operator in each, who sees that region only, gives the
    /// other one up.
    pub second_operator: bool,
    /// How long a plan lies about until somebody says yes.
    pub approval: Duration,
    /// What goes wrong besides.
    pub faults: Vec<Fault>,
    /// The mistake that c8dr makes in this disaster; none in a real build.
    pub planted: Option<Bug>,
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
            typed: None,
            second_operator: false,
            approval: Duration::ZERO,
            faults: Vec::new(),
            planted: None,
        };
        let mut dice = Dice::of(seed, Stream::Faults);
        let count = match scenario {
            Scenario::Plain | Scenario::Rare => 0,
            Scenario::Any => dice.below(FAULTS_MAX + 1),
            _ => 1 + dice.below(FAULTS_MAX),
        };
        for _ in 0..count {
            let fault = disaster.draw(scenario, &mut dice);
            disaster.faults.push(fault);
        }
        disaster.others(scenario);
        disaster.draw_rare(scenario);
        disaster.draw_slow(scenario);
        disaster
    }

    /// What people do besides, drawn by itself: what was drawn before is the same with and without it.
    fn others(&mut self, scenario: Scenario) {
        let mut dice = Dice::of(self.seed, Stream::Others);
        let in_percent = match scenario {
            Scenario::Any => 6,
            Scenario::People => 25,
            _ => return,
        };
        let region = RegionId(dice.pick(&[0, 1], 0));
        self.typed = dice.percent(in_percent).then_some(region);
        self.second_operator = dice.percent(2 * in_percent) && self.outside && !self.cut_first;
        let approval = dice.between_ms(60_000, 900_000);
        if dice.percent(in_percent) {
            self.approval = approval;
        }
        if dice.percent(2 * in_percent) {
            let fault = self.other(&mut dice);
            self.faults.push(fault);
        }
        if self.second_operator {
            // Only the one cut: where the link heals between two forces, both sides are lost, whoever forced them.
            self.faults.retain(|fault| {
                !matches!(
                    fault.what,
                    What::Strikes {
                        blow: Blow::LinkIsCut,
                        ..
                    }
                )
            });
        }
    }

    fn other(&self, dice: &mut Dice) -> Fault {
        match dice.below(4) {
            0 => Fault {
                when: moment(dice, false),
                what: strikes(Blow::SomebodyMistypes, dice, 1_000, 40_000),
            },
            1 => {
                let half = u64::from(self.brokers / 2);
                let id = u32::try_from(dice.below(half)).unwrap_or(0) * 2 + self.lost.other().0;
                Fault {
                    when: When::At {
                        chapter: Chapter::Failover,
                        after: dice.between_ms(0, 3_000),
                    },
                    what: strikes(Blow::BrokerDies(BrokerId(id)), dice, 15_000, 60_000),
                }
            }
            kind => Fault {
                when: When::Request {
                    step: match kind {
                        2 => StepId::Fo1,
                        _ => step(dice),
                    },
                    side: Side::Before,
                },
                what: What::C8drDiesSending {
                    late: dice.between_ms(1_000, 10_000),
                },
            },
        }
    }

    /// The parts of it that can be left out.
    pub fn parts(&self) -> Vec<Part> {
        let is = [
            (self.cut_first, Part::Cut),
            (self.returns_old, Part::OldDisks),
            (self.typed.is_some(), Part::Typed),
            (self.second_operator, Part::SecondOperator),
            (!self.approval.is_zero(), Part::LateApproval),
            (self.outside, Part::Bucket),
        ];
        let faults = (1..).zip(&self.faults).map(|(number, _)| Part::Fault(number));
        let others = is.into_iter().filter(|(is, _)| *is).map(|(_, part)| part);
        faults.chain(others).collect()
    }

    /// The same with some parts left out.
    #[must_use]
    pub fn without(mut self, parts: Without) -> Disaster {
        let mut number = 0;
        self.faults.retain(|_| {
            number += 1;
            !parts.has(Part::Fault(number))
        });
        self.cut_first &= !parts.has(Part::Cut);
        self.returns_old &= !parts.has(Part::OldDisks);
        self.typed = self.typed.filter(|_| !parts.has(Part::Typed));
        self.second_operator &= !parts.has(Part::SecondOperator);
        if parts.has(Part::LateApproval) {
            self.approval = Duration::ZERO;
        }
        // Without a bucket a second operator is not noticed by anybody: that is a limit, and no disaster of c8dr's.
        self.outside &= !parts.has(Part::Bucket) || self.second_operator;
        self
    }

    /// What goes wrong in it, in words. Faults keep the numbers by which they can be left out.
    pub fn told(&self, without: Without) -> Vec<String> {
        let numbers = (1..).filter(|number| !without.has(Part::Fault(*number)));
        let mut told: Vec<String> = (numbers.zip(&self.faults))
            .map(|(number, fault)| format!("{number}: {fault}"))
            .collect();
        let mut also = |is: bool, part: Part, words: &str| {
            if is {
                told.push(format!("{part}: {words}"));
            }
        };
        also(
            self.cut_first,
            Part::Cut,
            "the link is cut before the region is lost",
        );
        also(
            self.returns_old,
            Part::OldDisks,
            "the old region comes back with its disks",
        );
        also(
            self.typed.is_some(),
            Part::Typed,
            "somebody asks for a failover before anything is lost",
        );
        also(
            self.second_operator,
            Part::SecondOperator,
            "the link is cut, and an operator in each region gives the other one up",
        );
        also(
            !self.approval.is_zero(),
            Part::LateApproval,
            "the plan is approved late",
        );
        told
    }

    /// Whether nothing is wrong but the loss itself.
    pub fn is_plain(&self) -> bool {
        self.parts().into_iter().all(|part| part == Part::Bucket)
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
            Scenario::Any | Scenario::Plain | Scenario::Rare => {
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
