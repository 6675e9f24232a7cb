//! The link between the regions: whole, cut, open one way only, coming and going, or slow.

use std::time::Duration;

use serde::Serialize;

use crate::chance::Stream;
use crate::ids::{BrokerId, Region};
use crate::world::gossip::Loss;
use crate::world::{Event, World};

/// The link between the regions. Management access to both is not affected by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Packets pass.
    Up,
    /// Packets vanish, both ways.
    Cut,
    /// Packets of the even region arrive; those of the odd one vanish, answers included.
    OnlyFromEven,
    /// Packets of the odd region arrive; those of the even one vanish, answers included.
    OnlyFromOdd,
}

impl Link {
    /// A link on which only this region's packets arrive.
    pub const fn only_from(region: Region) -> Link {
        match region {
            Region::Even => Link::OnlyFromEven,
            Region::Odd => Link::OnlyFromOdd,
        }
    }

    /// Whether a packet gets from one region to the other.
    pub const fn passes(self, from: Region) -> bool {
        matches!(
            (self, from),
            (Link::Up, _) | (Link::OnlyFromEven, Region::Even) | (Link::OnlyFromOdd, Region::Odd)
        )
    }
}

/// What is wrong with the link beside whether it passes packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinkTrouble {
    /// Counts beginnings and ends of flapping: what belongs to an earlier one is void.
    epoch: u64,
    flaps: bool,
    slow: bool,
}

impl World {
    /// Drops every packet between the regions.
    pub fn cut_link(&mut self) {
        self.stop_flapping();
        self.set_link(Link::Cut);
    }

    /// Lets packets pass between the regions again, at once and quickly.
    pub fn heal_link(&mut self) {
        self.stop_flapping();
        if std::mem::take(&mut self.link_trouble.slow) {
            self.say("The link between the regions is quick again.".to_owned());
        }
        self.set_link(Link::Up);
    }

    /// Drops every packet of one region to the other; those of the other still arrive there.
    pub fn cut_link_one_way(&mut self, lost_from: Region) {
        self.stop_flapping();
        self.set_link(Link::only_from(lost_from.other()));
    }

    /// Lets the link come and go until it is healed or cut.
    pub fn flap_link(&mut self) {
        self.stop_flapping();
        self.link_trouble.flaps = true;
        self.say("The link between the regions begins to come and go.".to_owned());
        self.link_flaps(self.link_trouble.epoch);
    }

    /// Lets every packet between the regions take its time until the link is healed.
    pub fn slow_link(&mut self) {
        if !std::mem::replace(&mut self.link_trouble.slow, true) {
            self.say("The link between the regions is slow.".to_owned());
        }
    }

    fn stop_flapping(&mut self) {
        self.link_trouble.epoch += 1;
        self.link_trouble.flaps = false;
    }

    fn set_link(&mut self, link: Link) {
        if self.link == link {
            return;
        }
        self.link = link;
        let what = match link {
            Link::Up => "The link between the regions is healed.".to_owned(),
            Link::Cut => "The link between the regions is cut.".to_owned(),
            Link::OnlyFromEven | Link::OnlyFromOdd => {
                let from = if link.passes(Region::Even) {
                    Region::Even
                } else {
                    Region::Odd
                };
                format!(
                    "The link between the regions passes packets of {} only.",
                    self.region_name(from)
                )
            }
        };
        self.say(what);
        self.contacts_changed(Loss::Cut);
    }

    /// The link goes if it is there, and comes back if it is not.
    pub(crate) fn link_flaps(&mut self, epoch: u64) {
        if !self.link_trouble.flaps || self.link_trouble.epoch != epoch {
            return;
        }
        let timings = self.config.timings;
        let (next, span) = if self.link == Link::Up {
            (Link::Cut, timings.link_flap_down)
        } else {
            (Link::Up, timings.link_flap_up)
        };
        self.set_link(next);
        // Never at once, or a link without timings would flap for ever in one moment.
        let wait = self
            .chance
            .span(Stream::Link, span)
            .max(Duration::from_millis(100));
        self.after(wait, Event::LinkFlaps { epoch });
    }

    /// Whether a packet from one region gets to the other.
    pub(crate) fn passes(&self, from: Region, to: Region) -> bool {
        from == to || self.link.passes(from)
    }

    /// Whether a packet gets there and its answer back: nothing that is carried by TCP works with less.
    pub(crate) fn linked(&self, a: Region, b: Region) -> bool {
        a == b || self.link == Link::Up
    }

    /// What a slow link adds to one way between two brokers.
    pub(crate) fn lag(&mut self, a: BrokerId, b: BrokerId) -> Duration {
        if self.link_trouble.slow && a.region() != b.region() {
            let span = self.config.timings.slow_link_extra;
            self.chance.span(Stream::Link, span)
        } else {
            Duration::ZERO
        }
    }
}
