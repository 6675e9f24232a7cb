//! The faults, by what is wrong.

mod index;
mod page;
mod people;
