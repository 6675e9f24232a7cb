//! What a world is made of, and the errors of asking for an impossible one.

use crate::timings::Timings;

/// Which Zeebe the brokers are, as far as the lab knows the difference. Only 8.6 is held against recordings; what the
/// others do differently is what their documentation and issues say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Version {
    /// 8.6, as recorded.
    #[default]
    V8_6,
    /// 8.7.
    V8_7,
    /// 8.8.
    V8_8,
}

impl Version {
    /// Whether a broker that cannot resolve its peers when it starts hangs until it is started again (spec: concepts.md
    /// §9, issue 55038).
    pub const fn hangs_without_names(self) -> bool {
        matches!(self, Version::V8_7 | Version::V8_8)
    }

    /// Whether an exporter that is stuck in opening goes on blocking when it is disabled (spec: concepts.md §13, issue
    /// 38724).
    pub const fn disabled_exporters_still_block(self) -> bool {
        matches!(self, Version::V8_8)
    }
}

/// The installation to model.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Which Zeebe.
    pub version: Version,
    /// How many brokers: even, at least 4, half in each region (spec: concepts.md §1.1).
    pub brokers: u32,
    /// How many partitions, at least 1.
    pub partitions: u32,
    /// The replication factor: 4 (spec: concepts.md §1.1).
    pub replication_factor: u32,
    /// The names of the regions of the even and of the odd brokers.
    pub region_names: [String; 2],
    /// Decides every choice that chance makes.
    pub seed: u64,
    /// How long everything takes.
    pub timings: Timings,
    /// Process instances that the lab's own clients create per second; 0 for none.
    pub creates_per_second: f64,
    /// Chance, per gateway and lost broker, that a dropped broker is listed again for a while (edge: README §6.4).
    pub ghost_probability: f64,
    /// What a partition holds that a joining replica has to copy.
    pub state: State,
    /// Each broker's volume.
    pub disk: Disk,
    /// Whether the brokers' metrics tell what is free on it. Whether those of a real 8.6 do is unverified, so who
    /// watches disks has to live without.
    pub shows_free_disk: bool,
}

/// What is copied to a replica that joins, and how fast (spec: concepts.md §9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// A partition's snapshot, in bytes. Those of the recordings were tiny.
    pub partition_bytes: u64,
    /// How much of it is copied per second, in bytes: a join after the other, so the line is used by one.
    pub copied_bytes_per_second: u64,
}

impl Default for State {
    fn default() -> Self {
        State {
            partition_bytes: 0,
            // A gigabit between the regions.
            copied_bytes_per_second: 100 << 20,
        }
    }
}

/// A broker's volume, and when it counts as full (spec: concepts.md §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    /// How big it is, in bytes.
    pub volume_bytes: u64,
    /// What one process instance takes of it, in each replica's log.
    pub instance_bytes: u64,
    /// With less than this free a broker takes no commands (`freeSpace.processing`).
    pub processing_free_bytes_min: u64,
    /// With less than this free it takes no entries from leaders either (`freeSpace.replication`).
    pub replication_free_bytes_min: u64,
}

impl Default for Disk {
    fn default() -> Self {
        Disk {
            volume_bytes: 32 << 30,
            // 16 records of about a kibibyte.
            instance_bytes: 16 << 10,
            processing_free_bytes_min: 2 << 30,
            replication_free_bytes_min: 1 << 30,
        }
    }
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            version: Version::V8_6,
            brokers: 4,
            partitions: 4,
            replication_factor: 4,
            region_names: ["region0".to_owned(), "region1".to_owned()],
            seed: 0,
            timings: Timings::measured(),
            creates_per_second: 4.0,
            ghost_probability: 0.05,
            state: State::default(),
            disk: Disk::default(),
            shows_free_disk: true,
        }
    }
}

/// Why a world cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// Too few brokers or an odd number.
    #[error(
        "{0} brokers cannot be split over two regions with two replicas each: give an even number of at least 4"
    )]
    Brokers(u32),
    /// More brokers than the lab has addresses for.
    #[error("{0} brokers are more than the lab models; 200 at most")]
    TooManyBrokers(u32),
    /// No partition, or absurdly many.
    #[error("{0} partitions cannot be modelled: give 1 to 2000")]
    Partitions(u32),
    /// Not 4.
    #[error("replication factor {0} is not a dual-region one: it must be 4, two replicas in each region")]
    ReplicationFactor(u32),
    /// Empty or equal names.
    #[error("the regions need two different names, not {0:?} and {1:?}")]
    RegionNames(String, String),
    /// Not a usable rate.
    #[error("{0} creates per second cannot be modelled: give 0 to 1000")]
    Rate(f64),
    /// Watermarks that leave no room, or are the wrong way round.
    #[error("a volume of {} bytes cannot have watermarks of {} and {} bytes: processing stops first, and both are less than the volume", .0.volume_bytes, .0.processing_free_bytes_min, .0.replication_free_bytes_min)]
    Disk(Disk),
    /// Copying that never ends.
    #[error("a state of {} bytes cannot be copied at 0 bytes a second", .0.partition_bytes)]
    State(State),
    /// Not a probability.
    #[error("{0} is not a probability")]
    Probability(f64),
}

impl WorldConfig {
    /// Says what is wrong with this configuration, if anything.
    ///
    /// # Errors
    /// The first value that cannot be modelled.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.brokers < 4 || !self.brokers.is_multiple_of(2) {
            return Err(ConfigError::Brokers(self.brokers));
        }
        if self.brokers > 200 {
            return Err(ConfigError::TooManyBrokers(self.brokers));
        }
        if !(1..=2000).contains(&self.partitions) {
            return Err(ConfigError::Partitions(self.partitions));
        }
        if self.replication_factor != 4 {
            return Err(ConfigError::ReplicationFactor(self.replication_factor));
        }
        let [a, b] = &self.region_names;
        if a.is_empty() || b.is_empty() || a == b {
            return Err(ConfigError::RegionNames(a.clone(), b.clone()));
        }
        if !(0.0..=1000.0).contains(&self.creates_per_second) {
            return Err(ConfigError::Rate(self.creates_per_second));
        }
        if !(0.0..=1.0).contains(&self.ghost_probability) {
            return Err(ConfigError::Probability(self.ghost_probability));
        }
        if self.state.copied_bytes_per_second == 0 {
            return Err(ConfigError::State(self.state));
        }
        let Disk {
            volume_bytes,
            processing_free_bytes_min: stop,
            replication_free_bytes_min: halt,
            ..
        } = self.disk;
        if stop >= volume_bytes || halt > stop {
            return Err(ConfigError::Disk(self.disk));
        }
        Ok(())
    }
}
