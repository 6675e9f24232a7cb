//! A partition's replica: raft configuration, term, log, and the two questions that decide everything: quorum and who
//! has the longest log.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_engine::clock::Moment;

use crate::ids::BrokerId;

/// A client's request, known to the client by this number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Token(pub(crate) u64);

/// One process instance in the log: all of its records, the last of which has this position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) term: u64,
    pub(crate) position: i64,
    pub(crate) token: Option<Token>,
    /// When it was written: records are indexed under this day, whenever they are exported.
    pub(crate) at: Moment,
}

/// What kind of record an entry is: exporters index and number each kind by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ValueType {
    Creation,
    Deployment,
}

impl ValueType {
    pub(crate) const BOTH: [ValueType; 2] = [ValueType::Creation, ValueType::Deployment];

    /// As it is called in an index's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            ValueType::Creation => "process-instance-creation",
            ValueType::Deployment => "deployment",
        }
    }
}

impl Entry {
    pub(crate) const fn value_type(self) -> ValueType {
        match self.token {
            Some(_) => ValueType::Creation,
            None => ValueType::Deployment,
        }
    }
}

/// How many records of each value type an exporter has exported. It numbers them by that, and importers read by these
/// numbers. They are the exporter's metadata: acknowledged with its position, and copied with it when another exporter is
/// initialized from this one. An exporter that is initialized from none counts from 0 again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counted {
    creations: u64,
    deployments: u64,
}

impl Counted {
    /// The number of the next record of this type.
    pub(crate) fn next(&mut self, of: ValueType) -> u64 {
        let count = match of {
            ValueType::Creation => &mut self.creations,
            ValueType::Deployment => &mut self.deployments,
        };
        *count += 1;
        *count
    }
}

/// The records of one process instance (recorded: positions grow by 16).
pub(crate) const RECORDS_PER_INSTANCE: i64 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Not running on this broker now.
    Absent,
    Follower,
    Leader,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExporterPhase {
    Exporting,
    Paused,
    SoftPaused,
}

impl ExporterPhase {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            ExporterPhase::Exporting => "EXPORTING",
            ExporterPhase::Paused => "PAUSED",
            ExporterPhase::SoftPaused => "SOFT_PAUSED",
        }
    }

    /// As `zeebe_exporter_state` says it.
    pub(crate) const fn metric(self) -> u32 {
        match self {
            ExporterPhase::Exporting => 0,
            ExporterPhase::Paused => 1,
            ExporterPhase::SoftPaused => 2,
        }
    }
}

/// How far one exporter of one replica has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ExportPosition {
    /// Handed to the exporter, perhaps still in its buffer.
    pub(crate) handed: i64,
    /// Acknowledged by it.
    pub(crate) acked: i64,
    /// What it had counted there.
    pub(crate) counted: Counted,
}

impl ExportPosition {
    /// Everything up to here is acknowledged, and counted so.
    pub(crate) fn at(position: i64, counted: Counted) -> ExportPosition {
        ExportPosition {
            handed: position,
            acked: position,
            counted,
        }
    }
}

/// What a replica falls back to whenever its role changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Snapshot {
    pub(crate) index: usize,
    pub(crate) term: u64,
    pub(crate) processed: i64,
    pub(crate) exported: i64,
    pub(crate) exporters: BTreeMap<String, (i64, Counted)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) members: BTreeSet<BrokerId>,
    /// Counts the partition's raft configurations: of two the later one holds.
    pub(crate) configured: u64,
    /// The configuration on disk and its number, where the one in use is in memory only, and a restart loses it.
    pub(crate) stored: Option<(u64, BTreeSet<BrokerId>)>,
    pub(crate) term: u64,
    pub(crate) role: Role,
    pub(crate) log: Vec<Entry>,
    pub(crate) committed: usize,
    /// What each member has of the leader's log. Leaders only.
    pub(crate) replicated: BTreeMap<BrokerId, usize>,
    /// Since when a leader has had no majority.
    pub(crate) quorum_lost: Option<Moment>,
    /// When the step-down under way ends.
    pub(crate) steps_down_at: Option<Moment>,
    /// Survives restarts (spec: edge-cases.md E3).
    pub(crate) phase: ExporterPhase,
    pub(crate) processing_paused: bool,
    pub(crate) exporters: BTreeMap<String, ExportPosition>,
    /// The exported position last heard from a leader: −1 until then.
    pub(crate) distributed: i64,
    pub(crate) snapshot: Option<Snapshot>,
    /// How many entries are no longer on disk. The lab keeps them in memory for its reckoning.
    pub(crate) compacted: usize,
    /// Entries sent to each follower in this life of the process. Leaders only.
    pub(crate) appended: BTreeMap<BrokerId, u64>,
}

impl Replica {
    pub(crate) fn new(members: BTreeSet<BrokerId>) -> Self {
        Replica {
            members,
            configured: 0,
            stored: None,
            term: 0,
            role: Role::Absent,
            log: Vec::new(),
            committed: 0,
            replicated: BTreeMap::new(),
            quorum_lost: None,
            steps_down_at: None,
            phase: ExporterPhase::Exporting,
            processing_paused: false,
            exporters: BTreeMap::new(),
            distributed: -1,
            snapshot: None,
            compacted: 0,
            appended: BTreeMap::new(),
        }
    }

    /// The process ends: what was in memory only is gone.
    pub(crate) fn forget_what_is_not_stored(&mut self) {
        if let Some((number, members)) = self.stored.take() {
            self.configured = number;
            self.members = members;
        }
    }

    /// A change of role opens the state anew from the last snapshot: what exporters acknowledged since is forgotten, and
    /// exported again (recorded: 225 of 225 items before the first snapshot).
    pub(crate) fn reopen(&mut self) {
        for (exporter, position) in &mut self.exporters {
            let kept = self
                .snapshot
                .as_ref()
                .and_then(|s| s.exporters.get(exporter))
                .copied()
                .unwrap_or_default();
            if kept.0 < position.acked {
                (position.acked, position.counted) = kept;
            }
            position.handed = position.acked;
        }
        self.distributed = -1;
    }

    /// A snapshot of what this replica has processed and its exporters have acknowledged.
    pub(crate) fn take_snapshot(&mut self, exported: i64) {
        self.snapshot = Some(Snapshot {
            index: self.committed,
            term: self.term,
            processed: self.committed_position(),
            exported,
            exporters: self
                .exporters
                .iter()
                .map(|(id, p)| (id.clone(), (p.acked, p.counted)))
                .collect(),
        });
    }

    /// Drops from disk what the snapshot covers, up to this position.
    pub(crate) fn compact(&mut self, acked: i64) {
        let covered = self.snapshot.as_ref().map_or(0, |s| s.index);
        let exported = self.log.partition_point(|e| e.position <= acked);
        self.compacted = self.compacted.max(covered.min(exported));
    }

    /// How many entries are on disk.
    pub(crate) fn held(&self) -> usize {
        self.log.len().saturating_sub(self.compacted)
    }

    pub(crate) fn majority(&self) -> usize {
        self.members.len() / 2 + 1
    }

    /// Compared at an election: the last term, then the length.
    pub(crate) fn log_rank(&self) -> (u64, usize) {
        (self.log.last().map_or(0, |e| e.term), self.log.len())
    }

    pub(crate) fn last_position(&self) -> i64 {
        self.log.last().map_or(0, |e| e.position)
    }

    pub(crate) fn committed_position(&self) -> i64 {
        self.committed
            .checked_sub(1)
            .and_then(|i| self.log.get(i))
            .map_or(0, |e| e.position)
    }

    /// How much of this leader's log a majority has.
    pub(crate) fn majority_has(&self) -> usize {
        let mut have: Vec<usize> = self
            .members
            .iter()
            .map(|b| self.replicated.get(b).copied().unwrap_or(0))
            .collect();
        have.sort_unstable_by(|a, b| b.cmp(a));
        have.get(self.majority() - 1).copied().unwrap_or(0)
    }
}

/// Makes a log equal to the leader's; what the leader never had is given up.
pub(crate) fn catch_up(log: &mut Vec<Entry>, leader_log: &[Entry]) {
    let mut same = log.len().min(leader_log.len());
    while same > 0 && log.get(same - 1) != leader_log.get(same - 1) {
        same -= 1;
    }
    log.truncate(same);
    log.extend_from_slice(leader_log.get(same..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(term: u64, position: i64) -> Entry {
        Entry {
            term,
            position,
            token: None,
            at: Moment::START,
        }
    }

    #[test]
    fn commits_only_what_a_majority_has() {
        let mut leader = Replica::new([0, 1, 2, 3].map(BrokerId).into());
        leader.log = vec![entry(1, 16), entry(1, 32)];
        leader.replicated = [(BrokerId(0), 2), (BrokerId(2), 2)].into();
        assert_eq!(leader.majority_has(), 0, "two of four are no majority");
        leader.replicated.insert(BrokerId(3), 1);
        assert_eq!(leader.majority_has(), 1);
    }

    #[test]
    fn the_slower_of_snapshot_and_exporter_holds_the_log() {
        let mut replica = Replica::new([0].map(BrokerId).into());
        replica.log = vec![entry(1, 16), entry(1, 32), entry(1, 48)];
        replica.committed = 2;
        replica.compact(48);
        assert_eq!(replica.held(), 3, "no snapshot yet");
        replica.take_snapshot(0);
        replica.compact(16);
        assert_eq!(replica.held(), 2);
        replica.compact(48);
        assert_eq!(replica.held(), 1, "the snapshot covers two entries");
        replica.compact(0);
        assert_eq!(replica.held(), 1, "what is gone is gone");
    }

    #[test]
    fn a_follower_gives_up_what_the_leader_never_had() {
        let mut log = vec![entry(1, 16), entry(1, 32)];
        catch_up(&mut log, &[entry(1, 16), entry(2, 32), entry(2, 48)]);
        assert_eq!(log, [entry(1, 16), entry(2, 32), entry(2, 48)]);
    }
}
