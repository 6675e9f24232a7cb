//! How long to wait between two looks: fast at first, slower later, a little uneven, all of it from a seed; and how much
//! hurry there is, which is a matter of the step that is waited in.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The longest pause after the first [`SOON`], whatever the hurry.
const FAR_MAX: Duration = Duration::from_secs(1);
/// What counts as soon.
const SOON: Duration = Duration::from_secs(15);

/// How much hurry there is between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Clients wait, or the exporters stand still and go on within a second: each tenth counts. Leaders come back some six
    /// seconds after a force.
    #[default]
    Hurried,
    /// Exporting is paused, and something copies or starts meanwhile: each second counts.
    Steady,
    /// One region serves and exports, and something takes as long as it takes: nothing is gained by asking more often.
    Patient,
}

impl Pace {
    /// The pace of a step.
    pub const fn of(step: StepId) -> Pace {
        match step {
            StepId::Fo1 | StepId::Fo2 | StepId::Fb2b | StepId::Fb5 | StepId::Fb6 => Pace::Hurried,
            // What takes back what was begun ends a pause, or an outage.
            StepId::Rt1 | StepId::Rt2 | StepId::Rt3 | StepId::Rt4 => Pace::Hurried,
            StepId::Fb3a
            | StepId::Fb3b
            | StepId::Fb3c
            | StepId::Fb3d
            | StepId::Fb3e
            | StepId::Fb4a
            | StepId::Fb4b
            // Users may still be led to where nobody is; their names change as fast as they do.
            | StepId::Ut1
            | StepId::Ut2 => Pace::Steady,
            StepId::Fb1
            | StepId::Fb2a
            | StepId::Fb7
            | StepId::Re1
            | StepId::Ut3
            | StepId::Rt5
            | StepId::Rt6 => Pace::Patient,
        }
    }

    /// The first pause, also between the readings that confirm one another.
    const fn first(self) -> Duration {
        match self {
            // With the reading itself some 50 ms.
            Pace::Hurried => Duration::from_millis(25),
            Pace::Steady => Duration::from_millis(50),
            Pace::Patient => Duration::from_millis(150),
        }
    }

    /// The longest pause in the first [`SOON`].
    const fn near_max(self) -> Duration {
        match self {
            Pace::Hurried => Duration::from_millis(100),
            Pace::Steady => Duration::from_millis(500),
            Pace::Patient => FAR_MAX,
        }
    }

    /// By how much a pause is longer than the one before.
    const fn growth(self) -> f64 {
        match self {
            Pace::Hurried => 1.3,
            Pace::Steady => 1.4,
            Pace::Patient => 1.6,
        }
    }
}

/// A sequence of pauses.
#[derive(Debug)]
pub struct Backoff {
    pace: Pace,
    next: Duration,
    waited: Duration,
    dice: ChaCha8Rng,
}

impl Backoff {
    /// Pauses drawn from a seed, in a hurry until something else is [said](Backoff::begin).
    pub fn seeded(seed: u64) -> Self {
        let pace = Pace::default();
        Backoff {
            pace,
            next: pace.first(),
            waited: Duration::ZERO,
            dice: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Something else is waited for from now on, with this much hurry.
    pub fn begin(&mut self, pace: Pace) {
        self.pace = pace;
        self.waited = Duration::ZERO;
        self.quicken();
    }

    /// Begins again with short pauses: something has moved, and more may follow.
    pub fn quicken(&mut self) {
        self.next = self.pace.first();
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let max = if self.waited < SOON {
            self.pace.near_max()
        } else {
            FAR_MAX
        };
        let even = self.next.min(max);
        self.next = even.mul_f64(self.pace.growth());
        self.waited += even;
        // Between 90 and 110 %, so that several c8dr do not fall into step.
        let share = 0.9 + f64::from(self.dice.next_u32()) / f64::from(u32::MAX) * 0.2;
        even.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(backoff: &mut Backoff, span: Duration) -> usize {
        let (mut total, mut looks) = (Duration::ZERO, 0);
        while total < span {
            total += backoff.pause();
            looks += 1;
        }
        looks
    }

    #[test]
    fn pauses_grow_to_their_bound_and_the_same_seed_gives_the_same() {
        let (mut one, mut two) = (Backoff::seeded(7), Backoff::seeded(7));
        let mut total = Duration::ZERO;
        for _ in 0..500 {
            let pause = one.pause();
            assert_eq!(pause, two.pause());
            assert!(pause <= FAR_MAX.mul_f64(1.1));
            total += pause;
        }
        assert!(total > SOON);
        one.quicken();
        assert!(one.pause() <= Pace::Hurried.first().mul_f64(1.1));
    }

    #[test]
    fn each_wait_has_its_own_hurry_however_long_the_ones_before_it_took() {
        let mut backoff = Backoff::seeded(3);
        backoff.begin(Pace::Patient);
        let patient = over(&mut backoff, SOON);
        assert!((15..=25).contains(&patient), "{patient} looks in a slow wait");
        backoff.begin(Pace::Hurried);
        let hurried = over(&mut backoff, SOON);
        assert!(hurried >= 140, "{hurried} looks while clients wait");
        backoff.begin(Pace::Steady);
        let steady = over(&mut backoff, SOON);
        assert!((28..=45).contains(&steady), "{steady} looks in a pause");
    }

    #[test]
    fn clients_are_never_kept_waiting_by_a_slow_pace() {
        for step in [StepId::Fo1, StepId::Fo2, StepId::Rt2, StepId::Rt4] {
            assert_eq!(Pace::of(step), Pace::Hurried, "{step}");
        }
    }
}
