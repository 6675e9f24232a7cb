//! The Kubernetes adapter against API servers of its own: every answer, every fault, and every right that is used.

#[cfg(test)]
mod access;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod forward;
#[cfg(test)]
#[path = "../in_memory/mod.rs"]
mod in_memory;
#[cfg(test)]
mod names;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod server;
