//! What was said last, with what it was read as: a look repeats its questions several times a second, and most answers are the
//! same to the byte. What is the same is not read again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};

use crate::foreign::Garbled;

/// Answers beyond this are read each time: they are no everyday ones, and are not worth the room.
const BYTES_MAX: usize = 64 * 1024;

/// As many answers of one kind as both regions' endpoints give, and then some.
const ANSWERS_MAX: usize = 32;

/// The last answers of one kind.
pub(super) struct Said<T>(Mutex<VecDeque<(Vec<u8>, Arc<T>)>>);

impl<T> Default for Said<T> {
    fn default() -> Self {
        Said(Mutex::default())
    }
}

impl<T: Clone> Said<T> {
    /// Reads a body, or remembers as what the same was read. What is not understood is not kept.
    pub(super) fn read(
        &self,
        body: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Garbled>,
    ) -> Result<T, Garbled> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = last.iter().find(|(before, _)| before == body) {
            return Ok(value.as_ref().clone());
        }
        let value = read(body)?;
        if body.len() <= BYTES_MAX {
            if last.len() == ANSWERS_MAX {
                last.pop_front();
            }
            last.push_back((body.to_vec(), Arc::new(value.clone())));
        }
        Ok(value)
    }
}

/// All that is asked for in every look.
#[derive(Default)]
pub(super) struct Sayings {
    pub(super) topologies: Said<GatewayTopology>,
    pub(super) configurations: Said<ClusterConfiguration>,
    pub(super) exporters: Said<Exporters>,
    pub(super) partitions: Said<OwnPartitions>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_read_once_and_others_anew() {
        let said: Said<usize> = Said::default();
        let mut reads = 0;
        for body in ["one", "one", "three", "one"] {
            let read = said.read(body.as_bytes(), |body| {
                reads += 1;
                Ok(body.len())
            });
            assert_eq!(read, Ok(body.len()));
        }
        assert_eq!(reads, 2);
    }

    #[test]
    fn what_is_not_understood_is_read_again() {
        let said: Said<usize> = Said::default();
        let fails = |_: &[u8]| Err(Garbled::content("", "no"));
        assert!(said.read(b"x", fails).is_err());
        assert_eq!(said.read(b"x", |_| Ok(1)), Ok(1));
    }

    #[test]
    fn only_so_many_are_kept() {
        let said: Said<usize> = Said::default();
        for n in 0..2 * ANSWERS_MAX {
            assert_eq!(said.read(n.to_string().as_bytes(), |_| Ok(n)), Ok(n));
        }
        assert_eq!(said.0.lock().unwrap().len(), ANSWERS_MAX);
        let long = vec![b'x'; BYTES_MAX + 1];
        assert_eq!(said.read(&long, |_| Ok(1)), Ok(1));
        assert_eq!(said.read(&long, |_| Ok(2)), Ok(2), "too long to be kept");
    }
}
