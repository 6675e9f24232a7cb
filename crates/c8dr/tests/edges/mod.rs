//! The faults, by what is wrong.

mod configuration;
mod explain;
mod index;
mod init;
mod manners;
mod page;
mod people;
mod runbook;
mod schema;
mod why;
