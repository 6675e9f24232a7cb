//! The generations of Camunda's chart, and what each calls things. `spec: api.md §10, §11`

use std::fmt;

/// A generation of charts: the first number of the chart's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// Chart 11: Camunda 8.6.
    Chart11,
    /// Chart 12: Camunda 8.7.
    Chart12,
    /// Chart 13: Camunda 8.8. Brokers, gateways and webapps are one StatefulSet from here on.
    Chart13,
    /// Chart 14: Camunda 8.9. The search is run by an operator.
    Chart14,
    /// Chart 15: Camunda 8.10.
    Chart15,
}

impl Generation {
    /// All of them.
    pub const ALL: [Generation; 5] = [
        Generation::Chart11,
        Generation::Chart12,
        Generation::Chart13,
        Generation::Chart14,
        Generation::Chart15,
    ];

    /// The generation of a chart's whole version, such as `11.12.3`; `None` of a range, and of a chart that is not known here.
    pub fn of(version: &str) -> Option<Self> {
        let mut numbers = version.splitn(3, '.');
        let major = numbers.next()?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let patch = |text: &str| {
            text.split(['-', '+']).next().is_some_and(is_number)
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
        };
        if !numbers.next().is_some_and(is_number) || !numbers.next().is_some_and(patch) {
            return None;
        }
        Self::ALL
            .into_iter()
            .find(|generation| generation.number().to_string() == major)
    }

    /// The number that the chart's version begins with.
    pub const fn number(self) -> u32 {
        match self {
            Generation::Chart11 => 11,
            Generation::Chart12 => 12,
            Generation::Chart13 => 13,
            Generation::Chart14 => 14,
            Generation::Chart15 => 15,
        }
    }

    /// The version of Camunda that it installs.
    pub const fn camunda(self) -> &'static str {
        match self {
            Generation::Chart11 => "8.6",
            Generation::Chart12 => "8.7",
            Generation::Chart13 => "8.8",
            Generation::Chart14 => "8.9",
            Generation::Chart15 => "8.10",
        }
    }

    /// Whether Operate and Tasklist are Deployments of their own, which are scaled; else they are switched off by values.
    pub const fn scales_webapps(self) -> bool {
        matches!(self, Generation::Chart11 | Generation::Chart12)
    }

    /// What is set to install without Operate and Tasklist.
    pub const fn webapps_off(self) -> &'static [&'static str] {
        match self {
            Generation::Chart11 | Generation::Chart12 => &["operate.enabled=false", "tasklist.enabled=false"],
            _ => &[
                "orchestration.profiles.operate=false",
                "orchestration.profiles.tasklist=false",
            ],
        }
    }

    /// The key under which the brokers' values stand.
    pub const fn brokers_key(self) -> &'static str {
        match self {
            Generation::Chart11 | Generation::Chart12 => "zeebe",
            _ => "orchestration",
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chart {} (Camunda {})", self.number(), self.camunda())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_version_has_a_generation() {
        assert_eq!(Generation::of("11.12.3"), Some(Generation::Chart11));
        assert_eq!(Generation::of("15.0.0-alpha2"), Some(Generation::Chart15));
        for range in [
            "11", "11.x", "^11.0.0", "11.0", "~11.1.2", ">=11.0.0", "", "10.0.0", "11.12.x", "011.1.1",
        ] {
            assert_eq!(Generation::of(range), None, "{range}");
        }
    }
}
