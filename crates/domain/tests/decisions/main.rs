//! The domain's decisions, held against a told world: what is diagnosed, planned, waited for, complained of and recorded.

#[cfg(test)]
#[path = "../world/mod.rs"]
mod world;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod arbitrary_failbacks;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod checker;
#[cfg(test)]
mod diagnoses;
#[cfg(test)]
mod failback_checker;
#[cfg(test)]
mod failbacks;
#[cfg(test)]
mod filling;
#[cfg(test)]
mod forces;
#[cfg(test)]
mod hanging;
#[cfg(test)]
mod names;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod readiness;
#[cfg(test)]
mod reinforcing;
#[cfg(test)]
mod retreats;
#[cfg(test)]
mod returning;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod traps;
