//! The dynamic cluster configuration of Zeebe 8.6: members, pending change, and how two copies are merged.
//!
//! Every broker holds a copy. The copy with the higher version wins; equal versions are merged member by member,
//! which is why two sides that were both forced look healthy after the link heals (spec: edge-cases.md E10).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use c8dr_engine::clock::Moment;

use crate::ids::{BrokerId, PartitionId};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MemberState {
    Joining,
    Active,
    Leaving,
    Left,
}

impl MemberState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            MemberState::Joining => "JOINING",
            MemberState::Active => "ACTIVE",
            MemberState::Leaving => "LEAVING",
            MemberState::Left => "LEFT",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ExporterEntry {
    pub(crate) enabled: bool,
    pub(crate) metadata_version: u64,
    pub(crate) initialized_from: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    pub(crate) state: MemberState,
    pub(crate) priority: u32,
    pub(crate) exporters: BTreeMap<String, ExporterEntry>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) version: u64,
    /// Absent until the first change.
    pub(crate) last_updated: Option<Moment>,
    pub(crate) state: MemberState,
    pub(crate) partitions: BTreeMap<PartitionId, Placed>,
}

impl Member {
    fn touch(&mut self, now: Moment) {
        self.version += 1;
        self.last_updated = Some(now);
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    BrokerAdd,
    /// The executing broker leaves by itself.
    BrokerLeave,
    BrokerRemove {
        broker: BrokerId,
    },
    Join {
        partition: PartitionId,
        priority: u32,
    },
    Leave {
        partition: PartitionId,
    },
    Priority {
        partition: PartitionId,
        priority: u32,
    },
    Force {
        partition: PartitionId,
        brokers: Vec<BrokerId>,
    },
    Disable {
        partition: PartitionId,
        exporter: String,
    },
    Enable {
        partition: PartitionId,
        exporter: String,
        from: Option<String>,
    },
}

/// One step of a change: who carries it out, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Operation {
    pub(crate) executor: BrokerId,
    pub(crate) deed: Deed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChangeStatus {
    Completed,
    Cancelled,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DoneChange {
    pub(crate) id: u64,
    pub(crate) status: ChangeStatus,
    pub(crate) started_at: Moment,
    pub(crate) completed_at: Moment,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PendingChange {
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) started_at: Moment,
    pub(crate) completed: Vec<(Operation, Moment)>,
    pub(crate) pending: VecDeque<Operation>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Configuration {
    pub(crate) version: u64,
    /// Shared between copies: nearly all gossip repeats what is known.
    pub(crate) members: BTreeMap<BrokerId, Arc<Member>>,
    pub(crate) last_change: Option<DoneChange>,
    pub(crate) pending: Option<Arc<PendingChange>>,
    /// Whether members came or went since the start: Zeebe's maps are ordered differently then (recorded).
    pub(crate) reshaped: bool,
}

impl Configuration {
    /// The id that a change would get now: change ids are versions (recorded: 2, 4, 6; after a cancel 2 → 5).
    pub(crate) fn next_change_id(&self) -> u64 {
        self.version + 1
    }

    pub(crate) fn coordinator(&self) -> Option<BrokerId> {
        self.members.keys().next().copied()
    }

    pub(crate) fn partitions(&self) -> BTreeSet<PartitionId> {
        self.members
            .values()
            .flat_map(|m| m.partitions.keys().copied())
            .collect()
    }

    pub(crate) fn replicas(&self, partition: PartitionId) -> BTreeSet<BrokerId> {
        let holds = |m: &Member| m.partitions.contains_key(&partition);
        self.members
            .iter()
            .filter(|(_, m)| holds(m))
            .map(|(b, _)| *b)
            .collect()
    }

    /// The smallest number of replicas that any partition has.
    pub(crate) fn replication_factor(&self) -> usize {
        let mut replicas: BTreeMap<PartitionId, usize> = BTreeMap::new();
        for partition in self.members.values().flat_map(|member| member.partitions.keys()) {
            *replicas.entry(*partition).or_default() += 1;
        }
        replicas.into_values().min().unwrap_or(0)
    }

    pub(crate) fn exporter_enabled(&self, broker: BrokerId, partition: PartitionId, exporter: &str) -> bool {
        self.members
            .get(&broker)
            .and_then(|m| m.partitions.get(&partition))
            .and_then(|p| p.exporters.get(exporter))
            .is_some_and(|e| e.enabled)
    }

    /// Starts a change with these operations; gives its id.
    pub(crate) fn start(&mut self, operations: Vec<Operation>, now: Moment) -> u64 {
        self.version += 1;
        let id = self.version;
        self.pending = Some(Arc::new(PendingChange {
            id,
            version: 1,
            started_at: now,
            completed: Vec::new(),
            pending: operations.into(),
        }));
        id
    }

    /// Cancels the pending change; nothing that was done is undone.
    pub(crate) fn cancel(&mut self, now: Moment) {
        if let Some(change) = self.pending.take() {
            self.version += 2;
            self.last_change = Some(DoneChange {
                id: change.id,
                status: ChangeStatus::Cancelled,
                started_at: change.started_at,
                completed_at: now,
            });
        }
    }

    pub(crate) fn next_operation(&self) -> Option<(u64, usize, &Operation)> {
        let change = self.pending.as_ref()?;
        change
            .pending
            .front()
            .map(|o| (change.id, change.completed.len(), o))
    }

    /// Records the outcome of the first pending operation; completes the change when it was the last.
    pub(crate) fn advance(&mut self, now: Moment) {
        let Some(change) = self.pending.as_mut().map(Arc::make_mut) else {
            return;
        };
        let Some(operation) = change.pending.pop_front() else {
            return;
        };
        change.completed.push((operation, now));
        change.version += 1;
        if change.pending.is_empty() {
            self.last_change = Some(DoneChange {
                id: change.id,
                status: ChangeStatus::Completed,
                started_at: change.started_at,
                completed_at: now,
            });
            self.pending = None;
            self.version += 1;
            self.members.retain(|_, m| m.state != MemberState::Left);
        }
    }

    /// What an operation writes when it begins.
    pub(crate) fn begin(&mut self, operation: &Operation, now: Moment) {
        let executor = operation.executor;
        match &operation.deed {
            Deed::BrokerAdd => {
                self.reshaped = true;
                let member = self.members.entry(executor).or_insert_with(|| {
                    Arc::new(Member {
                        version: 0,
                        last_updated: None,
                        state: MemberState::Joining,
                        partitions: BTreeMap::new(),
                    })
                });
                Arc::make_mut(member).touch(now);
            }
            Deed::BrokerLeave => self.mark(executor, MemberState::Leaving, now),
            Deed::BrokerRemove { broker } => self.mark(*broker, MemberState::Leaving, now),
            Deed::Join { partition, priority } => {
                let exporters = self.exporters_of(*partition);
                if let Some(member) = self.member_mut(executor) {
                    let placed = Placed {
                        state: MemberState::Joining,
                        priority: *priority,
                        exporters,
                    };
                    member.partitions.insert(*partition, placed);
                    member.touch(now);
                }
            }
            Deed::Leave { partition } => {
                if let Some(member) = self.member_mut(executor) {
                    if let Some(placed) = member.partitions.get_mut(partition) {
                        placed.state = MemberState::Leaving;
                    }
                    member.touch(now);
                }
            }
            Deed::Priority { .. } | Deed::Force { .. } | Deed::Disable { .. } | Deed::Enable { .. } => {}
        }
    }

    /// What an operation writes when it is done.
    pub(crate) fn finish(&mut self, operation: &Operation, now: Moment) {
        let executor = operation.executor;
        match &operation.deed {
            Deed::BrokerAdd => self.mark(executor, MemberState::Active, now),
            Deed::BrokerLeave => self.mark(executor, MemberState::Left, now),
            Deed::BrokerRemove { broker } => self.mark(*broker, MemberState::Left, now),
            Deed::Join { partition, .. } => self.with_placed(executor, *partition, now, |p| {
                p.state = MemberState::Active;
            }),
            Deed::Leave { partition } => {
                if let Some(member) = self.member_mut(executor) {
                    member.partitions.remove(partition);
                    member.touch(now);
                }
            }
            Deed::Priority { partition, priority } => self.with_placed(executor, *partition, now, |p| {
                p.priority = *priority;
            }),
            Deed::Force { partition, brokers } => {
                let holds = |member: &Member| member.partitions.contains_key(partition);
                for (id, member) in &mut self.members {
                    if !brokers.contains(id) && holds(member) {
                        let member = Arc::make_mut(member);
                        member.partitions.remove(partition);
                        member.touch(now);
                    }
                }
            }
            Deed::Disable { partition, exporter } => self.with_placed(executor, *partition, now, |p| {
                if let Some(entry) = p.exporters.get_mut(exporter) {
                    entry.enabled = false;
                }
            }),
            Deed::Enable {
                partition,
                exporter,
                from,
            } => self.with_placed(executor, *partition, now, |p| {
                let entry = p.exporters.entry(exporter.clone()).or_insert(ExporterEntry {
                    enabled: true,
                    metadata_version: 0,
                    initialized_from: None,
                });
                entry.enabled = true;
                entry.metadata_version += 1;
                entry.initialized_from.clone_from(from);
            }),
        }
    }

    fn member_mut(&mut self, broker: BrokerId) -> Option<&mut Member> {
        self.members.get_mut(&broker).map(Arc::make_mut)
    }

    fn mark(&mut self, broker: BrokerId, state: MemberState, now: Moment) {
        if state == MemberState::Left {
            self.reshaped = true;
        }
        if let Some(member) = self.member_mut(broker) {
            member.state = state;
            if state == MemberState::Left {
                member.partitions.clear();
            }
            member.touch(now);
        }
    }

    fn with_placed(
        &mut self,
        broker: BrokerId,
        partition: PartitionId,
        now: Moment,
        edit: impl FnOnce(&mut Placed),
    ) {
        if let Some(member) = self.member_mut(broker)
            && let Some(placed) = member.partitions.get_mut(&partition)
        {
            edit(placed);
            member.touch(now);
        }
    }

    /// A joining replica takes over the exporters of the partition's other replicas.
    fn exporters_of(&self, partition: PartitionId) -> BTreeMap<String, ExporterEntry> {
        let other = self.members.values().find_map(|m| m.partitions.get(&partition));
        other.map(|p| p.exporters.clone()).unwrap_or_default()
    }

    /// What the members will be once these operations are done.
    pub(crate) fn after(&self, operations: &[Operation], now: Moment) -> BTreeMap<BrokerId, Arc<Member>> {
        let mut copy = self.clone();
        for operation in operations {
            copy.begin(operation, now);
            copy.finish(operation, now);
        }
        copy.members.retain(|_, m| m.state != MemberState::Left);
        copy.members
    }

    /// What a broker holds after it heard of `other`, where that is anything new.
    pub(crate) fn learning(
        self: &Arc<Configuration>,
        other: &Arc<Configuration>,
    ) -> Option<Arc<Configuration>> {
        if !self.learns_from(other) {
            return None;
        }
        if other.version > self.version {
            return Some(Arc::clone(other));
        }
        // Where it has nothing of its own, it holds the very same from now on.
        let is_all = other.holds_all_of(self);
        Some(if is_all {
            Arc::clone(other)
        } else {
            Arc::new(self.merged(other))
        })
    }

    /// Whether a broker holds anything new after it heard of `other`.
    pub(crate) fn learns_from(self: &Arc<Configuration>, other: &Arc<Configuration>) -> bool {
        // Nearly all gossip repeats what is known.
        !Arc::ptr_eq(self, other)
            && other.version >= self.version
            && (other.version > self.version || self.has_news_from(other))
    }

    /// Whether merging a configuration of the same version would change anything.
    fn has_news_from(&self, other: &Configuration) -> bool {
        // Both are in the order of their ids, and mostly of the same: they are gone through side by side.
        let mut own_members = self.members.iter().peekable();
        let mut is_newer = |(id, theirs): (&BrokerId, &Arc<Member>)| {
            while own_members.next_if(|(own, _)| *own < id).is_some() {}
            let own = own_members.next_if(|(own, _)| *own == id);
            own.is_none_or(|(_, own)| own.version < theirs.version)
        };
        let has_gone_on = match (&self.pending, &other.pending) {
            (Some(own), Some(theirs)) => theirs.version > own.version,
            _ => false,
        };
        has_gone_on || (other.reshaped && !self.reshaped) || other.members.iter().any(&mut is_newer)
    }

    /// Whether merging it with one of the same version gives this one.
    fn holds_all_of(&self, other: &Configuration) -> bool {
        let holds = |(id, theirs): (&BrokerId, &Arc<Member>)| {
            (self.members.get(id)).is_some_and(|own| own.version > theirs.version || own == theirs)
        };
        let is_as_far = match (&self.pending, &other.pending) {
            (Some(own), Some(theirs)) => own.version > theirs.version || own == theirs,
            (None, None) => true,
            _ => false,
        };
        is_as_far
            && self.last_change == other.last_change
            && (self.reshaped || !other.reshaped)
            && other.members.iter().all(holds)
    }

    /// What a broker holds after it heard of `other`.
    pub(crate) fn merged(&self, other: &Configuration) -> Configuration {
        if other.version != self.version {
            return if other.version > self.version {
                other.clone()
            } else {
                self.clone()
            };
        }
        let mut merged = self.clone();
        merged.reshaped |= other.reshaped;
        for (id, member) in &other.members {
            match merged.members.get(id) {
                Some(own) if own.version >= member.version => {}
                _ => {
                    merged.members.insert(*id, member.clone());
                }
            }
        }
        if let (Some(own), Some(theirs)) = (&merged.pending, &other.pending)
            && theirs.version > own.version
        {
            merged.pending = other.pending.clone();
        }
        merged
    }
}
