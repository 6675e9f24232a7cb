//! The faults, by what is wrong.

mod configuration;
mod index;
mod init;
mod page;
mod people;
mod schema;
