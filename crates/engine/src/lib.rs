//! Carries out plans: the ports to the outside, the one clock, the journal, and the driver.

pub mod clock;
pub mod ports;
