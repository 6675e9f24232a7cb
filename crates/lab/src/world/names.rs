//! The names that clients come by, as a name server has them: one record with a serial and a time to live.
//!
//! It stands outside both regions, knows nothing of the cluster, and does what it is told: it may refuse, take a change
//! and not carry it out, or hang, as a provider's API does on a bad night.

use std::collections::BTreeSet;
use std::time::Duration;

use super::World;
use crate::ids::Region;

/// What the record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRecord {
    /// The name.
    pub name: String,
    /// The regions that it points to.
    pub regions: BTreeSet<Region>,
    /// A target that belongs to neither region.
    pub strange: Option<String>,
    /// Counts its changes.
    pub serial: u64,
    /// How long resolvers may keep it.
    pub ttl: Duration,
}

impl Default for NameRecord {
    fn default() -> Self {
        NameRecord {
            name: "zeebe.lab.example".to_owned(),
            regions: Region::BOTH.into(),
            strange: None,
            serial: 1,
            ttl: Duration::from_secs(60),
        }
    }
}

/// What is wrong with the name server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamesTrouble {
    /// Nothing.
    #[default]
    None,
    /// It refuses changes.
    Refuses,
    /// It takes changes, and does not carry them out.
    Ignores,
    /// It neither answers nor changes anything.
    Hangs,
    /// It carries changes out, and does not answer.
    Mute,
}

/// What a change of the record came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesChanged {
    /// It was taken.
    Taken,
    /// It is not ours to change.
    Refused,
    /// The serial is another one than was expected.
    Stale,
    /// No answer comes.
    Silence,
}

impl World {
    /// What the record says; `None` while the server hangs.
    pub fn names(&self) -> Option<&NameRecord> {
        (self.names_trouble != NamesTrouble::Hangs).then_some(&self.names)
    }

    /// What the record really says, whether or not anybody can read it.
    pub fn names_really(&self) -> &NameRecord {
        &self.names
    }

    /// Points the name to these regions, where its serial is the expected one.
    pub fn point_names(&mut self, to: BTreeSet<Region>, expected: Option<u64>) -> NamesChanged {
        match self.names_trouble {
            NamesTrouble::Hangs => return NamesChanged::Silence,
            NamesTrouble::Refuses => return NamesChanged::Refused,
            NamesTrouble::None | NamesTrouble::Ignores | NamesTrouble::Mute => {}
        }
        if expected.is_some_and(|expected| expected != self.names.serial) {
            return NamesChanged::Stale;
        }
        if self.names_trouble == NamesTrouble::Ignores {
            return NamesChanged::Taken;
        }
        self.set_names(to, None);
        match self.names_trouble {
            NamesTrouble::Mute => NamesChanged::Silence,
            _ => NamesChanged::Taken,
        }
    }

    /// Somebody points the name elsewhere, past everybody.
    pub fn set_names(&mut self, to: BTreeSet<Region>, strange: Option<String>) {
        self.names.serial += 1;
        self.names.regions = to;
        self.names.strange = strange;
        let names = &self.config.region_names;
        let mut targets: Vec<String> = (self.names.regions.iter())
            .map(|region| names[region.index()].clone())
            .collect();
        targets.extend(self.names.strange.clone());
        let words = match targets.is_empty() {
            true => "nothing".to_owned(),
            false => targets.join(" and "),
        };
        self.say(format!("The clients' name points to {words}."));
    }

    /// What is wrong with the name server from now on.
    pub fn trouble_names(&mut self, trouble: NamesTrouble) {
        self.names_trouble = trouble;
        self.say(match trouble {
            NamesTrouble::None => "The name server is well.".to_owned(),
            NamesTrouble::Refuses => "The name server refuses changes.".to_owned(),
            NamesTrouble::Ignores => "The name server takes changes, and does not carry them out.".to_owned(),
            NamesTrouble::Hangs => "The name server hangs.".to_owned(),
            NamesTrouble::Mute => "The name server does not answer changes.".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::config::WorldConfig;

    #[test]
    fn a_change_is_taken_only_on_what_was_read() {
        let mut world = World::new(WorldConfig::default(), Timestamp::UNIX_EPOCH).unwrap();
        let first: BTreeSet<Region> = [Region::BOTH[0]].into();
        assert_eq!(world.point_names(first.clone(), Some(1)), NamesChanged::Taken);
        assert_eq!(world.names().unwrap().regions, first);
        assert_eq!(
            world.point_names(Region::BOTH.into(), Some(1)),
            NamesChanged::Stale
        );
        assert_eq!(world.names().unwrap().regions, first);
        world.trouble_names(NamesTrouble::Ignores);
        assert_eq!(
            world.point_names(Region::BOTH.into(), Some(2)),
            NamesChanged::Taken
        );
        assert_eq!(world.names().unwrap().regions, first);
        world.trouble_names(NamesTrouble::Hangs);
        assert!(world.names().is_none());
    }
}
