//! How long to wait between two looks: fast at first, slower later, a little uneven, all of it from a seed.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The first pause, also between the readings that confirm one another: with the reading itself some 50 ms.
const FIRST: Duration = Duration::from_millis(25);
/// The longest pause in the first [`SOON`]: leaders come back some six seconds after a force, and each tenth counts.
const NEAR_MAX: Duration = Duration::from_millis(100);
/// The longest pause later.
const FAR_MAX: Duration = Duration::from_secs(1);
/// What counts as soon.
const SOON: Duration = Duration::from_secs(15);

/// A sequence of pauses.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    waited: Duration,
    dice: ChaCha8Rng,
}

impl Backoff {
    /// Pauses drawn from a seed.
    pub fn seeded(seed: u64) -> Self {
        Backoff {
            next: FIRST,
            waited: Duration::ZERO,
            dice: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Begins again with short pauses: something has moved, and more may follow.
    pub fn quicken(&mut self) {
        self.next = FIRST;
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let max = if self.waited < SOON { NEAR_MAX } else { FAR_MAX };
        let even = self.next.min(max);
        self.next = even.mul_f64(1.3);
        self.waited += even;
        // Between 90 and 110 %, so that several c8dr do not fall into step.
        let share = 0.9 + f64::from(self.dice.next_u32()) / f64::from(u32::MAX) * 0.2;
        even.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(one.pause() <= FIRST.mul_f64(1.1));
    }
}
