//! Mistakes that others have made, each of which can be planted on purpose: a storm that does not notice one of them would
//! not notice it in earnest either.
//!
//! Only a build with the feature `planted` can. Without it [`is`] is a constant `false`, which is proven below when the
//! crate is compiled, so the compiler leaves nothing of any of them in a real build.

use strum::VariantArray;

/// A mistake. Its name, as it is typed, is the variant's in kebab case.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Bug {
    /// Whoever types the name of a region that lives is believed.
    WrongRegion,
    /// The exporter that is disabled is that of region 0 where nobody says which.
    DefaultRegionZero,
    /// Brokers are added with `force=true`.
    ForceOnAdd,
    /// HTTP 200 is success, whatever it wraps.
    WrappedFailureBelieved,
    /// A failover is done when its change is COMPLETED, whoever leads.
    DoneAtCompleted,
    /// A force whose answer is lost is sent again.
    BlindRepeat,
    /// The exporter is disabled before the lost brokers are removed.
    DisableBeforeForce,
    /// Exporting is resumed when the enabling was accepted, not when it is done.
    ResumeBeforeEnabled,
    /// The returning exporter is enabled without a position to begin at.
    EnableWithoutInitializeFrom,
    /// Exporting is resumed before the returning exporter is enabled.
    EnableAfterResume,
    /// A restore is done when `_status` says SUCCESS, which is said of the snapshot.
    RestoreByStatus,
    /// Every snapshot has the same name, and one that is there already will do.
    SnapshotNameReused,
    /// Who gives up forgets to resume.
    PauseForgotten,
    /// Surviving brokers are restarted while they hold two replicas of each partition.
    RestartAtRfTwo,
    /// A broker that a gateway still lists is up.
    GhostBelieved,
    /// What was sent is written down afterwards.
    JournalAfterEffect,
    /// Nobody is asked whether the other region was given up already.
    LockNotTaken,
    /// A pending change that is in the way is cancelled, whosever it is.
    ForeignChangeCancelled,
    /// The snapshot is taken when the pause is answered, with records still in the exporters' hands.
    SnapshotAtPauseAnswer,
    /// Everything is forced although a broker that is to be kept is down.
    ForceWithSurvivorDown,
    /// The second try of a force keeps other brokers than the first.
    KeepSetChanged,
    /// Once read, the position vector V is never looked at again.
    VectorNotReadAgain,
    /// A snapshot that lacks shards is restored like any other.
    PartialSnapshotTaken,
}

impl Bug {
    /// All that there are.
    pub const ALL: &[Bug] = Bug::VARIANTS;

    /// Its name, as it is typed.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The mistake, as a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Bug::WrongRegion => "Whoever types the name of a region that lives is believed.",
            Bug::DefaultRegionZero => "The exporter of region 0 is disabled, whichever region is lost.",
            Bug::ForceOnAdd => "Brokers are added with `force=true`.",
            Bug::WrappedFailureBelieved => "HTTP 200 is success, also where it wraps a 500.",
            Bug::DoneAtCompleted => "A failover is done when its change is COMPLETED, whoever leads.",
            Bug::BlindRepeat => "A force whose answer is lost is sent again.",
            Bug::DisableBeforeForce => "The exporter is disabled before the lost brokers are removed.",
            Bug::ResumeBeforeEnabled => "Exporting is resumed while the exporter is still being enabled.",
            Bug::EnableWithoutInitializeFrom => "The exporter is enabled without `initializeFrom`.",
            Bug::EnableAfterResume => "Exporting is resumed before the exporter is enabled.",
            Bug::RestoreByStatus => "A restore is done when `_status` says SUCCESS.",
            Bug::SnapshotNameReused => "Every snapshot has the same name.",
            Bug::PauseForgotten => "Who gives up forgets to resume exporting.",
            Bug::RestartAtRfTwo => "Surviving brokers are restarted while partitions have two replicas.",
            Bug::GhostBelieved => "A broker that a gateway lists is up, if only in one reading.",
            Bug::JournalAfterEffect => "What is sent is written down afterwards.",
            Bug::LockNotTaken => "Nobody asks whether the other region was given up already.",
            Bug::ForeignChangeCancelled => "A change of somebody else's is cancelled when it is in the way.",
            Bug::SnapshotAtPauseAnswer => "The snapshot is taken as soon as the pause is answered.",
            Bug::ForceWithSurvivorDown => "Everything is forced while a broker that stays is down.",
            Bug::KeepSetChanged => "The second try of a force keeps fewer brokers than the first.",
            Bug::VectorNotReadAgain => "Whether V has moved is not looked at again.",
            Bug::PartialSnapshotTaken => "A PARTIAL snapshot is restored.",
        }
    }
}

#[cfg(not(feature = "planted"))]
mod none {
    use super::Bug;

    /// Whether this mistake is planted. Never, in this build.
    pub const fn is(_: Bug) -> bool {
        false
    }

    /// Which mistake is planted. None, in this build.
    pub const fn planted() -> Option<Bug> {
        None
    }

    const _: () = assert!(!is(Bug::WrongRegion) && planted().is_none());
}

#[cfg(not(feature = "planted"))]
pub use none::{is, planted};

#[cfg(feature = "planted")]
mod some {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        /// A storm lives through a disaster on one thread, and plants what is planted before it.
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether this mistake is planted on this thread.
    pub fn is(bug: Bug) -> bool {
        planted() == Some(bug)
    }

    /// Which mistake is planted on this thread.
    pub fn planted() -> Option<Bug> {
        PLANTED.get()
    }

    /// Plants a mistake on this thread, or takes the last one out.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }
}

#[cfg(feature = "planted")]
pub use some::{is, plant, planted};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_has_a_name_and_a_sentence_of_its_own() {
        for bug in Bug::ALL {
            assert_eq!(bug.as_str().parse(), Ok(*bug));
            assert!(bug.words().ends_with('.'), "{bug:?}");
        }
        assert!(Bug::ALL.len() >= 22);
    }

    #[test]
    fn nothing_is_planted_by_itself() {
        assert_eq!(planted(), None);
        assert!(Bug::ALL.iter().all(|bug| !is(*bug)));
    }
}
