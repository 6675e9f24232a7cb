//! The engine against a scripted cluster, in virtual time, and against its own files: the three laws of every plan, every
//! guard of the driver, journals that are cut, flipped, foreign or full, and what a look asks.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod journals;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod observing;
mod outside;
#[cfg(test)]
mod stage;
