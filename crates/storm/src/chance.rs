//! Seeded chance, one stream for each who draws, so that a new draw in one place does not change all others.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Who draws.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// The world: its size, its load, what it loses.
    Shape,
    /// What goes wrong besides, and when.
    Faults,
    /// How long the person takes, and what they make up their mind to.
    Person,
    /// What people do besides, and what befalls c8dr while a request of its is on its way.
    Others,
    /// What befalls few nights.
    Rare,
    /// Searches that answer late or not at all.
    Slow,
}

/// The dice of one stream.
#[derive(Clone, Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of a disaster's stream. The lab draws from the same seed in streams of its own, which count from 1.
    pub(crate) fn of(seed: u64, stream: Stream) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(1_000 + stream as u64);
        Dice(rng)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64().checked_rem(n).unwrap_or(0)
    }

    /// True in `percent` of a hundred draws.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T], otherwise: T) -> T {
        let place = usize::try_from(self.below(of.len() as u64)).unwrap_or(0);
        of.get(place).copied().unwrap_or(otherwise)
    }

    /// A time between two, in milliseconds.
    pub(crate) fn between_ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from)))
    }
}
