//! The object stores: the race that the direction rests on, and every answer that is none.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod server;
#[cfg(test)]
mod stores;
