//! The names of things: brokers, partitions, regions, exporters, changes, gateways, runs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                $name(Arc::from(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

numeric_id! {
    /// A broker's node id. `spec: concepts.md §2`: node id = pod ordinal × regions + region id.
    BrokerId(u32)
}
numeric_id! {
    /// A partition, counted from 1.
    PartitionId(u32)
}
numeric_id! {
    /// A region's number: 0 or 1. A broker's region is its id modulo the number of regions.
    RegionId(u32)
}
numeric_id! {
    /// A configuration change. Ids grow, but not by one; never compute one. `spec: api.md §2.2`
    ChangeId(i64)
}
text_id! {
    /// An exporter, by its configuration key in lower case, e.g. `elasticsearchregion1`.
    ExporterId
}
text_id! {
    /// A gateway, by the name that the configuration gives it.
    GatewayName
}
text_id! {
    /// A run: a plan that is or was carried out.
    RunId
}

/// How many regions a dual-region installation has. `spec: concepts.md §2`: the procedure is for two only.
pub const REGIONS: u32 = 2;

impl RegionId {
    /// The region in which a broker lives. `spec: concepts.md §2`
    pub const fn of(broker: BrokerId) -> RegionId {
        RegionId(broker.0 % REGIONS)
    }

    /// The other of the two regions.
    pub const fn other(self) -> RegionId {
        RegionId((self.0 + 1) % REGIONS)
    }
}

/// Ids as a person writes them: `0, 2, 4 and 6`.
pub fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// `broker 2`, `brokers 0 and 2`: the word in its number, with the ids.
pub fn counted<T: fmt::Display>(word: &str, items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.len() {
        0 => format!("no {word}"),
        1 => format!("{word} {}", items[0]),
        _ => format!("{word}s {}", listed(items)),
    }
}

/// `region 0`, `region 0 and region 1`: each by itself, so that views can put in the names.
pub fn each_region<'a>(regions: impl IntoIterator<Item = &'a RegionId>) -> String {
    let regions: Vec<String> = regions
        .into_iter()
        .map(|region| format!("region {region}"))
        .collect();
    match regions.is_empty() {
        true => "no region".to_owned(),
        false => listed(regions),
    }
}

/// `1 reading`, `3 readings`: a number of things.
pub fn number(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// `broker 2 does not answer`, `brokers 0 and 2 do not answer`: the ids with a verb in their number.
pub fn clause<T: fmt::Display>(
    word: &str,
    items: impl IntoIterator<Item = T>,
    one: &str,
    many: &str,
) -> String {
    let items: Vec<T> = items.into_iter().collect();
    let verb = if items.len() > 1 { many } else { one };
    format!("{} {verb}", counted(word, items))
}

/// As [`clause`], beginning with a capital letter.
pub fn sentence<T: fmt::Display>(
    word: &str,
    items: impl IntoIterator<Item = T>,
    one: &str,
    many: &str,
) -> String {
    let clause = clause(word, items, one, many);
    let mut letters = clause.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => clause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_region_is_its_parity() {
        assert_eq!(RegionId::of(BrokerId(6)), RegionId(0));
        assert_eq!(RegionId::of(BrokerId(7)), RegionId(1));
        assert_eq!(RegionId(0).other(), RegionId(1));
        assert_eq!(RegionId(1).other(), RegionId(0));
    }

    #[test]
    fn ids_are_listed_as_people_do() {
        assert_eq!(counted("broker", [1, 3, 5]), "brokers 1, 3 and 5");
        assert_eq!(counted("broker", [1]), "broker 1");
        assert_eq!(counted("broker", Vec::<u32>::new()), "no broker");
        assert_eq!(sentence("broker", [1], "leads.", "lead."), "Broker 1 leads.");
        assert_eq!(clause("broker", [1, 3], "leads", "lead"), "brokers 1 and 3 lead");
        assert_eq!(
            sentence("broker", [0u32; 0], "leads.", "lead."),
            "No broker leads."
        );
    }
}
