//! Indices and documents, named as those of Camunda 8.6.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cluster::raft::Token;
use crate::ids::PartitionId;

/// What a document is known by in its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum DocumentId {
    /// An exported record: `<partition>-<position>`, so that exporting it again changes nothing.
    Record { partition: PartitionId, position: i64 },
    /// Something that Operate or Tasklist wrote.
    Webapp(u64),
}

impl DocumentId {
    pub(crate) fn text(self) -> String {
        match self {
            DocumentId::Record { partition, position } => format!("{partition}-{position}"),
            DocumentId::Webapp(number) => number.to_string(),
        }
    }

    pub(crate) fn field(self, document: &Document, field: &str) -> Option<i64> {
        match (self, field) {
            (DocumentId::Record { partition, .. }, "partitionId") => Some(i64::from(partition.0)),
            (DocumentId::Record { position, .. }, "position") => Some(position),
            (DocumentId::Record { partition, .. }, "sequence") => {
                Some(numbered(partition, document.sequence))
            }
            (_, "key") => Some(document.key),
            (_, "token") => document.token.and_then(|t| i64::try_from(t.0).ok()),
            _ => None,
        }
    }
}

/// What the lab keeps of a document: small, because there are many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Document {
    pub(crate) key: i64,
    /// The client's request that this came of.
    pub(crate) token: Option<Token>,
    /// A record's number among those of its partition and value type, as its exporter counted; 0 for others.
    pub(crate) sequence: u64,
}

/// A sequence as it is written: with its partition in the upper bits, as in a key.
pub(crate) fn numbered(partition: PartitionId, sequence: u64) -> i64 {
    (i64::from(partition.0) << 51) | i64::try_from(sequence).unwrap_or(0)
}

/// Who owns an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Records,
    Operate,
    Tasklist,
    Other,
}

/// By its name, as everybody has to.
pub(crate) fn family(name: &str) -> Family {
    if name.starts_with("zeebe-record") {
        Family::Records
    } else if name.starts_with("operate-") {
        Family::Operate
    } else if name.starts_with("tasklist-") {
        Family::Tasklist
    } else {
        Family::Other
    }
}

/// What one stored document weighs: the order of the recorded indices.
pub(crate) const DOCUMENT_BYTES: u64 = 700;

/// An open index.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Index {
    pub(crate) uuid: String,
    pub(crate) shards: u32,
    /// Shared with the snapshots taken of it until either changes.
    pub(crate) documents: Arc<BTreeMap<DocumentId, Document>>,
}

impl Index {
    pub(crate) fn new(name: &str, uuid: String) -> Index {
        Index {
            uuid,
            // The exporter's default is 3 shards, that of the webapps 1; neither has replicas.
            shards: if family(name) == Family::Records { 3 } else { 1 },
            documents: Arc::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// True when the id is new.
    pub(crate) fn put(&mut self, id: DocumentId, document: Document) -> bool {
        Arc::make_mut(&mut self.documents).insert(id, document).is_none()
    }

    /// The shard that a document is in: records are routed by their partition.
    pub(crate) fn shard_of(&self, id: DocumentId) -> u32 {
        match id {
            DocumentId::Record { partition, .. } => partition.0 % self.shards.max(1),
            DocumentId::Webapp(_) => 0,
        }
    }

    /// What is in one shard now.
    pub(crate) fn shard(&self, shard: u32) -> Arc<BTreeMap<DocumentId, Document>> {
        if self.shards == 1 {
            return Arc::clone(&self.documents);
        }
        let own = self
            .documents
            .iter()
            .filter(|(id, _)| self.shard_of(**id) == shard);
        Arc::new(own.map(|(id, d)| (*id, *d)).collect())
    }

    /// The aliases that its template or its owner gives it.
    pub(crate) fn alias(name: &str) -> Option<String> {
        let (front, _) = name.rsplit_once('_')?;
        match family(name) {
            // zeebe-record_job_8.6.0_2026-01-01 -> zeebe-record-job
            Family::Records => {
                let kind = front.strip_prefix("zeebe-record_")?.rsplit_once('_')?.0;
                Some(format!("zeebe-record-{kind}"))
            }
            Family::Operate | Family::Tasklist => Some(format!("{name}alias")),
            Family::Other => None,
        }
    }
}

/// A document's `_source` as the exporter writes it, and besides the client's token.
pub(crate) fn source(index: &str, id: DocumentId, document: &Document) -> Value {
    match id {
        DocumentId::Record { partition, position } => {
            let kind = index.split('_').nth(1).unwrap_or("record");
            json!({
                "partitionId": partition.0,
                "value": {"processInstanceKey": document.key, "bpmnProcessId": "work"},
                "key": document.key,
                "valueType": kind.replace('-', "_").to_uppercase(),
                "recordType": "EVENT",
                "brokerVersion": "8.6.0",
                "position": position,
                "sequence": numbered(partition, document.sequence),
                "token": document.token.map(|t| t.0),
            })
        }
        DocumentId::Webapp(number) => json!({"id": number.to_string(), "key": document.key}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_aliased_as_the_exporter_does() {
        let name = "zeebe-record_process-instance_8.6.0_2026-01-01";
        assert_eq!(
            Index::alias(name).as_deref(),
            Some("zeebe-record-process-instance")
        );
        assert_eq!(
            Index::alias("operate-event-8.3.0_").as_deref(),
            Some("operate-event-8.3.0_alias")
        );
    }

    #[test]
    fn the_shards_of_an_index_are_all_of_it() {
        let mut index = Index::new("zeebe-record_job_8.6.0_2026-01-01", String::new());
        for n in 1..20 {
            let id = DocumentId::Record {
                partition: PartitionId(n),
                position: 16,
            };
            let document = Document {
                key: 1,
                token: None,
                sequence: 0,
            };
            index.put(id, document);
        }
        let parts: usize = (0..index.shards).map(|s| index.shard(s).len()).sum();
        assert_eq!(parts, index.len());
    }
}
