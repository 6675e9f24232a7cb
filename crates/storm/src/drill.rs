//! Drills as text: small scripts that an SRE can read, write and run; tests in virtual time, and shows on the screen.
//!
//! - [`Drill::parse`] reads a script; what it does not understand is a [`Mistake`] with its place and the nearest known word.
//! - [`words`] is every word that there is, with an example and what it means.
//! - [`perform`] carries a script out, on whichever clock it is given: virtual in tests, the wall's on the screen.
//! - [`ALL`] are the drills of this repository, kept in the binary.

mod commands;
mod cursor;
mod deeds;
mod expect;
mod kept;
mod machine;
mod mistake;
mod parse;
mod perform;
mod script;
mod stage;
mod wishes;
pub mod words;

pub use commands::Done;
pub use kept::{ALL, Known, named};
pub use mistake::Mistake;
pub use parse::YOU;
pub use perform::{Failed, Happened, Outcome, perform, perform_virtually};
pub use script::{Drill, EXITS, Line};
