//! How long the modelled Zeebe takes, as measured on the real one: every wait is drawn from a span, by the seed.

use std::time::Duration;

/// A range that a wait is drawn from, evenly.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Span {
    /// The shortest.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
}

impl Span {
    /// From so many to so many milliseconds.
    pub const fn ms(from: u64, to: u64) -> Span {
        Span {
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
        }
    }

    const ZERO: Span = Span::ms(0, 0);

    /// Whether nothing ever takes any time.
    pub(crate) const fn is_zero(self) -> bool {
        self.to.is_zero()
    }
}

/// The waits of the modelled installation. [`Timings::measured`] is what the recordings show.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Timings {
    /// One way between two brokers of a region.
    pub in_region_hop: Span,
    /// One way between brokers of different regions.
    pub cross_region_hop: Span,
    /// What a slow link adds to one way.
    pub slow_link_extra: Span,
    /// How long a flapping link is away each time.
    pub link_flap_down: Span,
    /// How long it is there in between.
    pub link_flap_up: Span,
    /// From the loss of the majority to the end of a leadership.
    pub step_down: Span,
    /// What comes on top when the others stand still instead of being gone.
    pub step_down_frozen_extra: Span,
    /// How long after the loss `/actuator/partitions` begins to hang.
    pub partitions_hang_from: Duration,
    /// After how long it gives up and answers `{}`.
    pub partitions_hang_limit: Duration,
    /// How long a step-down waits for an exporter whose target is silent.
    pub exporter_timeout_block: Span,
    /// How long a slow search takes for one bulk.
    pub slow_bulk: Span,
    /// After how long an exporter gives up a call that nobody answers, and begins the next.
    pub exporter_call_limit: Duration,
    /// How long an exporter pauses between two calls that fail.
    pub exporter_call_pause: Span,
    /// From the loss of a leader to the next one, where there is a majority.
    pub election: Span,
    /// From a forced configuration to a leader, where one was about to stand anyway.
    pub election_after_force_fast: Span,
    /// The same where somebody has to time out first.
    pub election_after_force_slow: Span,
    /// Until a gateway hears of a new role.
    pub role_gossip: Span,
    /// From the first contact of a restarted replica with its leader until its role is told to others.
    pub role_told_after_start: Span,
    /// The same for replicas that have just joined.
    pub role_gossip_after_join: Span,
    /// Until a gateway no longer lists a broker that is gone.
    pub gateway_drop: Span,
    /// The same when the suspicion takes a second round.
    pub gateway_drop_slow: Span,
    /// What comes on top when the broker stands still.
    pub gateway_drop_frozen_extra: Span,
    /// How long after it was dropped a dead broker is listed again, if it is.
    pub ghost_after: Span,
    /// For how long.
    pub ghost_for: Span,
    /// From the start of a process to its being listed, with 4 brokers.
    pub list_new_broker: Span,
    /// From renewed contact to being listed, for a broker that was known.
    pub list_again: Span,
    /// Until another broker hears of a changed configuration.
    pub config_gossip: Span,
    /// The same when the two had lost each other.
    pub config_sync_after_heal: Span,
    /// From the start of a broker that was removed meanwhile to its first own look for a newer configuration: nobody tells
    /// it before, as nobody counts it as a member.
    pub config_sync_of_removed: Span,
    /// From the start of a process to its ports.
    pub process_start: Span,
    /// From its ports to its partitions.
    pub partitions_start: Span,
    /// From hearing that it was removed to its end.
    pub self_shutdown: Span,
    /// One forced reconfiguration.
    pub force_operation: Span,
    /// What the first of them sometimes takes longer.
    pub force_extra: Span,
    /// Adding or removing a broker.
    pub broker_operation: Span,
    /// Enabling or disabling an exporter on one replica.
    pub exporter_operation: Span,
    /// What the first of them sometimes takes longer.
    pub exporter_extra: Span,
    /// What comes on top on a leader whose exporter waits for a silent target.
    pub exporter_operation_blocked: Span,
    /// One replica joining, with little state.
    pub join_operation: Span,
    /// What one of them sometimes takes longer.
    pub join_extra: Span,
    /// One replica leaving, or a change of priority.
    pub leave_operation: Span,
    /// The exporter's flush timer (its bulk delay).
    pub flush_interval: Duration,
    /// How often followers hear how far the exporters have come.
    pub exporter_gossip: Duration,
    /// How often a partition is snapshotted.
    pub snapshot_period: Duration,
    /// Until a pause, or a resume that is in luck, is answered.
    pub pause_answer: Span,
    /// Until a resume is answered that waits for a bulk.
    pub resume_answer_slow: Span,
    /// Any other answer.
    pub answer: Span,
    /// After how long a gateway gives up on a create.
    pub create_timeout: Duration,
    /// After how long a gateway gives up on a coordinator that is silent.
    pub coordinator_timeout: Duration,
    /// Until a rebalance has moved a leader.
    pub rebalance: Span,
    /// Copying one shard into a snapshot, whatever is in it.
    pub snapshot_shard: Duration,
    /// What each of its documents adds.
    pub snapshot_document: Duration,
    /// Bringing one shard back, whatever is in it.
    pub restore_shard: Duration,
    /// What each of its documents adds.
    pub restore_document: Duration,
    /// From the creation of a webapp's pod to its first write.
    pub webapp_start: Span,
    /// How long a webapp's pod goes on after it was told to end.
    pub webapp_termination: Span,
    /// How often a webapp writes.
    pub webapp_write: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Timings::measured()
    }
}

impl Timings {
    /// What was measured on the real 8.6.0 (spec: real-zeebe/README.md §4, edge-cases.md, baseline.md).
    pub const fn measured() -> Self {
        Timings {
            in_region_hop: Span::ms(1, 4),
            cross_region_hop: Span::ms(2, 9),
            // Not recorded: most of a second is what a congested or rerouted line adds.
            slow_link_extra: Span::ms(200, 900),
            // Not recorded: routes that are learned and forgotten; some outages outlast an election, some do not.
            link_flap_down: Span::ms(1_000, 9_000),
            link_flap_up: Span::ms(800, 8_000),
            // No leader on any survivor 5.4 / 5.5 / 5.7 s after the kill.
            step_down: Span::ms(5_000, 5_600),
            // Frozen region: 6-8 s.
            step_down_frozen_extra: Span::ms(1_000, 2_400),
            partitions_hang_from: Duration::from_millis(4_800),
            // A hang longer than this is answered 200 `{}` (E6: after 5.06 s).
            partitions_hang_limit: Duration::from_millis(5_060),
            // Stepping down stood for 55 s in a call to the unreachable Elasticsearch (E6).
            exporter_timeout_block: Span::ms(48_000, 56_000),
            // The stand-in that was told to be slow: readings took up to 1.5 s, the pause 1.56 s (E1).
            slow_bulk: Span::ms(1_300, 1_560),
            // "SocketTimeoutException: 30,000 milliseconds timeout" (E6).
            exporter_call_limit: Duration::from_secs(30),
            // Not recorded: it waits for its bulk's delay, or backs off to 10 s at most.
            exporter_call_pause: Span::ms(1_000, 10_000),
            election: Span::ms(2_500, 4_500),
            election_after_force_fast: Span::ms(200, 600),
            election_after_force_slow: Span::ms(3_300, 6_200),
            role_gossip: Span::ms(20, 300),
            // A restarted broker is listed without partitions; some roles were told 2.3 s after another led, one later.
            role_told_after_start: Span::ms(300, 2_600),
            // After an add, replicas were listed 1.2-7.2 s after COMPLETED.
            role_gossip_after_join: Span::ms(900, 5_000),
            gateway_drop: Span::ms(9_800, 13_400),
            gateway_drop_slow: Span::ms(13_400, 24_000),
            gateway_drop_frozen_extra: Span::ms(2_000, 3_000),
            ghost_after: Span::ms(8_000, 11_000),
            ghost_for: Span::ms(9_000, 11_000),
            // Empty region started -> listed: 6.0, 8.7 s (4 brokers), 14.9, 16.5-25.7 s (8).
            list_new_broker: Span::ms(5_800, 9_200),
            list_again: Span::ms(400, 2_500),
            config_gossip: Span::ms(3, 40),
            config_sync_after_heal: Span::ms(500, 2_900),
            // Started 08:18:35.9, heard 08:18:46.1 (recorded: 7-survivor-down 090).
            config_sync_of_removed: Span::ms(9_600, 10_300),
            // One broker alone -> ready 4.2-4.6 s; its management answered after 3.4-4.1 s (E9).
            process_start: Span::ms(3_400, 4_000),
            partitions_start: Span::ms(700, 1_200),
            // Heard 08:18:46.139, closing its ports 14 ms later (7-survivor-down 090); gone 1.9-3.5 s after a heal (E6).
            self_shutdown: Span::ms(50, 600),
            // 4 force operations and 2 removals in 0.12 s.
            force_operation: Span::ms(12, 35),
            force_extra: Span::ms(300, 1_600),
            broker_operation: Span::ms(6, 20),
            exporter_operation: Span::ms(8, 24),
            exporter_extra: Span::ms(300, 1_100),
            // Target silent (link cut): 3 of 8 operations in 32 s, 5 in 57 s (E6).
            exporter_operation_blocked: Span::ms(9_000, 13_000),
            // 8 joins in 3.7 s; now and then one of several seconds.
            join_operation: Span::ms(180, 540),
            join_extra: Span::ms(500, 2_500),
            leave_operation: Span::ms(60, 220),
            flush_interval: Duration::from_millis(1_000),
            exporter_gossip: Duration::from_secs(15),
            snapshot_period: Duration::from_secs(300),
            pause_answer: Span::ms(7, 40),
            resume_answer_slow: Span::ms(1_350, 1_520),
            answer: Span::ms(2, 40),
            create_timeout: Duration::from_secs(15),
            coordinator_timeout: Duration::from_secs(10),
            rebalance: Span::ms(300, 4_000),
            // A throttled snapshot of some 40 MB took tens of seconds (spec: real-parts.md §1); ours are not throttled.
            snapshot_shard: Duration::from_millis(30),
            snapshot_document: Duration::from_micros(40),
            restore_shard: Duration::from_millis(50),
            restore_document: Duration::from_micros(60),
            // Not recorded: a Spring Boot application on a fast node, whose schema check finds little to do.
            webapp_start: Span::ms(4_000, 9_000),
            // Not recorded: an idle Spring Boot application; Kubernetes would wait for 30 s.
            webapp_termination: Span::ms(1_000, 6_000),
            webapp_write: Duration::from_secs(2),
        }
    }

    /// No engine delay at all, for benchmarks of those who call; the flush timer and the client's time-outs remain.
    pub const fn zero() -> Self {
        Timings {
            in_region_hop: Span::ZERO,
            cross_region_hop: Span::ZERO,
            slow_link_extra: Span::ZERO,
            link_flap_down: Span::ZERO,
            link_flap_up: Span::ZERO,
            step_down: Span::ZERO,
            step_down_frozen_extra: Span::ZERO,
            partitions_hang_from: Duration::ZERO,
            partitions_hang_limit: Duration::from_millis(5_060),
            exporter_timeout_block: Span::ZERO,
            slow_bulk: Span::ZERO,
            exporter_call_limit: Duration::ZERO,
            exporter_call_pause: Span::ZERO,
            election: Span::ZERO,
            election_after_force_fast: Span::ZERO,
            election_after_force_slow: Span::ZERO,
            role_gossip: Span::ZERO,
            role_told_after_start: Span::ZERO,
            role_gossip_after_join: Span::ZERO,
            gateway_drop: Span::ZERO,
            gateway_drop_slow: Span::ZERO,
            gateway_drop_frozen_extra: Span::ZERO,
            ghost_after: Span::ZERO,
            ghost_for: Span::ZERO,
            list_new_broker: Span::ZERO,
            list_again: Span::ZERO,
            config_gossip: Span::ZERO,
            config_sync_after_heal: Span::ZERO,
            config_sync_of_removed: Span::ZERO,
            process_start: Span::ZERO,
            partitions_start: Span::ZERO,
            self_shutdown: Span::ZERO,
            force_operation: Span::ZERO,
            force_extra: Span::ZERO,
            broker_operation: Span::ZERO,
            exporter_operation: Span::ZERO,
            exporter_extra: Span::ZERO,
            exporter_operation_blocked: Span::ZERO,
            join_operation: Span::ZERO,
            join_extra: Span::ZERO,
            leave_operation: Span::ZERO,
            flush_interval: Duration::from_millis(1_000),
            exporter_gossip: Duration::from_secs(15),
            snapshot_period: Duration::from_secs(300),
            pause_answer: Span::ZERO,
            resume_answer_slow: Span::ZERO,
            answer: Span::ZERO,
            create_timeout: Duration::from_secs(15),
            coordinator_timeout: Duration::from_secs(10),
            rebalance: Span::ZERO,
            snapshot_shard: Duration::ZERO,
            snapshot_document: Duration::ZERO,
            restore_shard: Duration::ZERO,
            restore_document: Duration::ZERO,
            webapp_start: Span::ZERO,
            webapp_termination: Span::ZERO,
            webapp_write: Duration::from_secs(2),
        }
    }

    /// True when the engine is modelled without delays; chance events that only cost time are left out then.
    pub(crate) fn is_zero(&self) -> bool {
        self.step_down == Span::ZERO
    }
}
