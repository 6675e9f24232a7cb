//! The platform drivers over real little processes.

#[cfg(test)]
mod drivers;
