//! Whole failovers and failbacks over sockets that fail as sockets do: a link that is cut one way, a peer that is gone and says nothing,
//! a host that crashes and comes back, in the middle of what changes something.
//!
//! The other rings end where a request is answered or not. Here the bytes travel: connections are made, segments are lost
//! or held, and what the adapters make of that is what the engine decides by.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod dial;
mod failbacks;
mod failovers;
mod hosts;
mod operator;
mod platform;
mod stage;
