//! How long endpoints may take: two numbers, from which the limits of every kind of endpoint follow.

use std::ops::RangeInclusive;
use std::time::Duration;

use c8dr_systems::{bucket, elasticsearch, zeebe};

use super::error::ConfigError;
use super::file::File;
use super::source::Source;

/// How long an endpoint may take to connect, and how long to answer, in seconds. Below a tenth every connection over a
/// distance would fail; half a minute is what the slowest proxies wait, and each look waits for its slowest endpoint.
const BOUNDS_S: RangeInclusive<f64> = 0.1..=30.0;

/// For a connection where there may be port-forwards: it takes three calls to an API server, perhaps on another continent.
const CONNECT_BY_FORWARD: Duration = Duration::from_secs(3);

/// How long endpoints may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeouts {
    /// For a connection, TLS included: 1 s, if not said (3 s where a region has `kubernetes`); three times that for a bucket, which may be far away.
    pub connect: Duration,
    /// For a usual read of Zeebe: 2 s, if not said. All other reads are given more or less in proportion.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let usual = zeebe::Limits::default();
        Timeouts {
            connect: usual.connect,
            answer: usual.read,
        }
    }
}

impl Timeouts {
    pub(super) fn resolve(source: &Source, file: &File) -> Result<Self, ConfigError> {
        let mut usual = Timeouts::default();
        if file.regions.iter().any(|region| region.kubernetes.is_some()) {
            usual.connect = CONNECT_BY_FORWARD;
        }
        let Some(timeouts) = &file.timeouts else {
            return Ok(usual);
        };
        let of = |name: &str, said: Option<f64>, usual: Duration| {
            match said {
            None => Ok(usual),
            Some(said) if BOUNDS_S.contains(&said) => Ok(Duration::from_secs_f64(said)),
            Some(said) => Err(source.wrong(
                &format!("timeouts.{name}"),
                format!("`{name}` is {said}"),
                "Seconds, from 0.1 to 30, such as `timeouts: {connectSeconds: 1, answerSeconds: 2}`, which are the defaults.",
            )),
        }
        };
        Ok(Timeouts {
            connect: of("connectSeconds", timeouts.connect_seconds, usual.connect)?,
            answer: of("answerSeconds", timeouts.answer_seconds, usual.answer)?,
        })
    }

    /// The limits of a cluster.
    pub fn zeebe(self) -> zeebe::Limits {
        zeebe::Limits::paced(self.connect, self.answer)
    }

    /// The limits of a search.
    pub fn search(self) -> elasticsearch::Limits {
        elasticsearch::Limits::paced(self.connect, self.paces().1)
    }

    /// The limits of a bucket.
    pub fn bucket(self) -> bucket::Limits {
        let (connect, answer) = self.paces();
        bucket::Limits::paced(connect, answer)
    }

    /// How many times as long as by default.
    fn paces(self) -> (f64, f64) {
        let usual = Timeouts::default();
        (
            self.connect.as_secs_f64() / usual.connect.as_secs_f64(),
            self.answer.as_secs_f64() / usual.answer.as_secs_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_the_adapters_have_it() {
        let usual = Timeouts::default();
        assert_eq!(usual.zeebe(), zeebe::Limits::default());
        assert_eq!(usual.search(), elasticsearch::Limits::default());
        assert_eq!(usual.bucket(), bucket::Limits::default());
    }
}
