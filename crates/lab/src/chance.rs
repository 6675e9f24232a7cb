//! Seeded chance, in one stream per component, so that a new draw in one place does not change all others.

use std::time::Duration;

use base64::Engine as _;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::timings::Span;

/// Who draws. Each has a stream of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stream {
    Shape,
    Replication,
    Election,
    StepDown,
    Gossip,
    Membership,
    Change,
    Workload,
    Answer,
    Start,
    Search,
    Webapps,
    Bucket,
    Link,
}

/// How many streams there are.
const STREAMS: usize = Stream::Link as usize + 1;

/// All streams of one world.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    seed: u64,
    /// Each begins when it is first drawn from.
    streams: [Option<ChaCha8Rng>; STREAMS],
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance {
            seed,
            streams: [const { None }; STREAMS],
        }
    }

    fn next(&mut self, stream: Stream) -> u64 {
        let seed = self.seed;
        self.streams[stream as usize]
            .get_or_insert_with(|| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(stream as u64 + 1);
                rng
            })
            .next_u64()
    }

    /// A name as Elasticsearch gives them: 128 bits in 22 characters.
    pub(crate) fn uuid(&mut self, stream: Stream) -> String {
        let bits = (u128::from(self.next(stream)) << 64) | u128::from(self.next(stream));
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits.to_be_bytes())
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, stream: Stream, n: usize) -> usize {
        let draw = self.next(stream);
        if n == 0 {
            0
        } else {
            usize::try_from(draw % n as u64).unwrap_or(0)
        }
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self, stream: Stream) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next(stream) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True once in `1 / p` draws.
    pub(crate) fn happens(&mut self, stream: Stream, p: f64) -> bool {
        self.unit(stream) < p
    }

    /// A duration from the span.
    pub(crate) fn span(&mut self, stream: Stream, span: Span) -> Duration {
        let share = self.unit(stream);
        span.from + span.to.saturating_sub(span.from).mul_f64(share)
    }

    /// Puts `items` into an arbitrary order.
    pub(crate) fn shuffle<T>(&mut self, stream: Stream, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(stream, i + 1);
            items.swap(i, j);
        }
    }
}
