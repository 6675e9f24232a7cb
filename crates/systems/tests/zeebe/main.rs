//! The Zeebe adapter against recordings, against servers of its own, and against every fault of the network.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod grpc;
mod grpc_fuzz;
#[cfg(test)]
mod hostile;
#[cfg(test)]
#[path = "../in_memory/mod.rs"]
mod in_memory;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
