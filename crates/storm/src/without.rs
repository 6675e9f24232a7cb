//! Parts of a disaster that are left out of it, as they are written on the command line: `1,3,cut`.

use std::fmt;
use std::str::FromStr;

/// The faults of a disaster are numbered from 1, in the order in which they are told.
const FAULTS_MAX: u8 = 32;

/// A part that a disaster can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of its faults, counted from 1.
    Fault(u8),
    /// The link that is cut before the region is lost.
    Cut,
    /// The old region that comes back with its disks.
    OldDisks,
    /// The bucket outside both regions.
    Bucket,
    /// The failover that somebody asks for before anything is lost.
    Typed,
    /// The operator in the region that is given up.
    SecondOperator,
    /// The approval that takes its time.
    LateApproval,
}

impl Part {
    const NAMED: [(Part, &'static str); 6] = [
        (Part::Cut, "cut"),
        (Part::OldDisks, "old-disks"),
        (Part::Bucket, "bucket"),
        (Part::Typed, "typed"),
        (Part::SecondOperator, "second-operator"),
        (Part::LateApproval, "late-approval"),
    ];

    fn bit(self) -> u64 {
        let place = match self {
            Part::Fault(number) => u32::from(number),
            named => {
                let known = Part::NAMED.iter().position(|(part, _)| *part == named);
                u32::from(FAULTS_MAX) + 1 + known.map_or(0, |place| place as u32)
            }
        };
        1_u64.checked_shl(place).unwrap_or(0)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Fault(number) => write!(f, "{number}"),
            named => {
                let known = Part::NAMED.iter().find(|(part, _)| part == named);
                f.write_str(known.map_or("", |(_, name)| name))
            }
        }
    }
}

/// Parts that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without(u64);

impl Without {
    /// Whether a part is left out.
    pub fn has(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }

    /// Leaves out one more.
    #[must_use]
    pub fn and(self, part: Part) -> Without {
        Without(self.0 | part.bit())
    }

    /// Whether nothing is left out.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = (1..=FAULTS_MAX).map(Part::Fault);
        let named = Part::NAMED.into_iter().map(|(part, _)| part);
        let told: Vec<String> = faults
            .chain(named)
            .filter(|part| self.has(*part))
            .map(|part| part.to_string())
            .collect();
        f.write_str(&told.join(","))
    }
}

/// There is no such part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no disaster has a part {0:?}; there are faults by number, from 1 to {FAULTS_MAX}, and {known}",
    known = Part::NAMED.map(|(_, name)| name).join(", ")
)]
pub struct UnknownPart(pub String);

impl FromStr for Without {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        let mut without = Without::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let named = Part::NAMED.iter().find(|(_, name)| *name == word);
            let numbered = || {
                word.parse()
                    .ok()
                    .filter(|number| (1..=FAULTS_MAX).contains(number))
            };
            let part = named
                .map(|(part, _)| *part)
                .or_else(|| numbered().map(Part::Fault));
            without = without.and(part.ok_or_else(|| UnknownPart(word.to_owned()))?);
        }
        Ok(without)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_written_as_it_is_read() {
        for text in [
            "",
            "1",
            "1,3",
            "2,32,cut,old-disks,bucket",
            "typed,second-operator,late-approval",
        ] {
            assert_eq!(
                text.parse::<Without>().map(|parts| parts.to_string()),
                Ok(text.to_owned())
            );
        }
        let parts: Result<Without, _> = "3, cut".parse();
        assert_eq!(parts, Ok(Without::default().and(Part::Cut).and(Part::Fault(3))));
    }

    #[test]
    fn unknown_parts_are_errors_that_tell_the_known_ones() {
        for text in ["0", "33", "-1", "1;2", "cutt"] {
            let error = text.parse::<Without>().map_err(|error| error.to_string());
            assert!(error.is_err_and(|words| words.contains("old-disks")), "{text}");
        }
    }
}
