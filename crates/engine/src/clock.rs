//! The one clock: engine, adapters and lab take every time and every wait from here.
//!
//! It counts on tokio's timer, so a test that pauses tokio's time owns this clock, too; and it can run faster
//! than the wall, so that a lab at speed 5 is watched by an engine at speed 5 and the times of both mean something.

use std::fmt;
use std::future::Future;
use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::Timestamp;

/// A point on the clock: the time since the clock was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The moment at which its clock was made.
    pub const START: Moment = Moment(Duration::ZERO);

    /// The moment this long after the clock was made.
    pub const fn after_start(since: Duration) -> Self {
        Moment(since)
    }

    /// How long after the clock was made this is.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:.3}s", self.0.as_secs_f64())
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, d: Duration) -> Moment {
        Moment(self.0.saturating_add(d))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, d: Duration) -> Moment {
        Moment(self.0.saturating_sub(d))
    }
}

/// The answer did not come before its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct Elapsed(pub Duration);

/// The clock. Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    made: tokio::time::Instant,
    made_wall: Timestamp,
    speed: f64,
}

impl Clock {
    /// A clock that starts now, at the wall's time and pace.
    ///
    /// Must be called inside a tokio runtime when tokio's time is paused.
    pub fn system() -> Self {
        Self::at_speed(1.0)
    }

    /// As [`Clock::system`], but `speed` times as fast as the wall. Not above 0: taken as 1.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn at_speed(speed: f64) -> Self {
        Self::new(Timestamp::now(), speed)
    }

    /// A clock whose wall time begins at `made_wall`: for tests and drills in virtual time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new(made_wall: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 {
            speed
        } else {
            1.0
        };
        Clock {
            made: tokio::time::Instant::now(),
            made_wall,
            speed,
        }
    }

    /// How many seconds of this clock pass in one second of the wall.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Whether it goes as the wall does: nearly every clock, and then nothing is reckoned.
    fn is_at_pace(&self) -> bool {
        self.speed.to_bits() == 1.0f64.to_bits()
    }

    /// How long `d` of this clock takes by the wall.
    fn by_the_wall(&self, d: Duration) -> Duration {
        match self.is_at_pace() {
            true => d,
            false => d.div_f64(self.speed),
        }
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Moment {
        let passed = tokio::time::Instant::now().saturating_duration_since(self.made);
        Moment(match self.is_at_pace() {
            true => passed,
            false => passed.mul_f64(self.speed),
        })
    }

    /// What the wall shows at a moment of this clock.
    pub fn wall_at(&self, moment: Moment) -> Timestamp {
        let since = jiff::SignedDuration::try_from(moment.0).unwrap_or(jiff::SignedDuration::MAX);
        self.made_wall.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// What the wall shows now.
    pub fn wall(&self) -> Timestamp {
        self.wall_at(self.now())
    }

    /// Waits for `d` of this clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub async fn sleep(&self, d: Duration) {
        tokio::time::sleep(self.by_the_wall(d)).await;
    }

    /// Waits until `moment`; at once if it has passed.
    pub async fn sleep_until(&self, moment: Moment) {
        let wait = moment.since(self.now());
        if !wait.is_zero() {
            self.sleep(wait).await;
        }
    }

    /// Runs `work` for at most `limit` of this clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub async fn timeout<F: Future>(&self, limit: Duration, work: F) -> Result<F::Output, Elapsed> {
        tokio::time::timeout(self.by_the_wall(limit), work)
            .await
            .map_err(|_| Elapsed(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn runs_at_its_speed() {
        let clock = Clock::new(noon(), 5.0);
        clock.sleep(Duration::from_secs(10)).await;
        assert!(clock.now().since(Moment::START) >= Duration::from_secs(10));
        assert!(clock.now().since(Moment::START) < Duration::from_millis(10_020));
        assert_eq!(clock.wall().as_second(), noon().as_second() + 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_counted_in_its_own_time() {
        let clock = Clock::new(noon(), 10.0);
        let hung = clock
            .timeout(Duration::from_secs(4), std::future::pending::<()>())
            .await;
        assert_eq!(hung, Err(Elapsed(Duration::from_secs(4))));
        assert!(clock.now().since(Moment::START) < Duration::from_millis(4_020));
    }
}
