//! Moments as Zeebe writes them.

use c8dr_engine::clock::Moment;
use jiff::{SignedDuration, Timestamp, ToSpan, Unit};

/// As many jumps of the clocks are told apart; later ones are taken for one with the last.
const JUMPS_MAX: usize = 4;

/// What the wall showed when the world began, and how it jumped since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall {
    begin: Timestamp,
    /// From when on, by how many seconds in all.
    jumps: [Option<(Moment, i64)>; JUMPS_MAX],
}

impl Wall {
    pub(crate) fn new(begin: Timestamp) -> Self {
        Wall {
            begin,
            jumps: [None; JUMPS_MAX],
        }
    }

    /// Lets the clocks jump; moments before keep their time.
    pub(crate) fn jump(&mut self, now: Moment, seconds: i64) {
        let so_far = self.jumped_by(now);
        let jump = Some((now, so_far.saturating_add(seconds)));
        let free = self.jumps.iter().position(Option::is_none);
        if let Some(place) = self.jumps.get_mut(free.unwrap_or(JUMPS_MAX - 1)) {
            *place = jump;
        }
    }

    fn jumped_by(self, moment: Moment) -> i64 {
        let mut before = self.jumps.iter().flatten().filter(|(at, _)| *at <= moment);
        before.next_back().map_or(0, |(_, seconds)| *seconds)
    }

    pub(crate) fn at(self, moment: Moment) -> Timestamp {
        let nanos = i64::try_from(moment.since_start().as_nanos()).unwrap_or(i64::MAX);
        let shown = self.begin.checked_add(nanos.nanoseconds());
        let jumped = SignedDuration::from_secs(self.jumped_by(moment));
        shown
            .and_then(|at| at.checked_add(jumped))
            .unwrap_or(Timestamp::MAX)
    }

    /// With nanoseconds, as `startedAt`; zeros at the end are left out (recorded).
    pub(crate) fn instant(self, moment: Moment) -> String {
        let nanos = format!("{:.9}", self.at(moment));
        let short = nanos
            .trim_end_matches('Z')
            .trim_end_matches('0')
            .trim_end_matches('.');
        format!("{short}Z")
    }

    /// To the second, as `completedAt` of an operation.
    pub(crate) fn second(self, moment: Moment) -> String {
        format!(
            "{:.0}",
            self.at(moment).round(Unit::Second).unwrap_or(Timestamp::MAX)
        )
    }

    /// To the millisecond, as a stream clock.
    pub(crate) fn milli(self, moment: Moment) -> String {
        format!("{:.3}", self.at(moment))
    }

    /// The day, as in an index name.
    pub(crate) fn day(self, moment: Moment) -> String {
        self.at(moment).strftime("%Y-%m-%d").to_string()
    }

    /// Milliseconds since the epoch.
    pub(crate) fn epoch_ms(self, moment: Moment) -> i64 {
        self.at(moment).as_millisecond()
    }

    /// Spring's form: `2026-11-22T06:53:55.495+00:00`.
    pub(crate) fn spring(self, moment: Moment) -> String {
        format!("{}+00:00", self.milli(moment).trim_end_matches('Z'))
    }
}
