//! Carries out plans: the ports to the outside, the one clock, the journal, and the driver.
//!
//! Knows no particular system and prints nothing; everything outside comes in through [`ports`] and [`clock`].

pub mod backoff;
pub mod clock;
pub mod direction;
pub mod drive;
pub mod events;
pub mod handover;
pub mod journal;
pub mod observe;
pub mod ports;
pub mod survey;
