//! `GET /_cat/indices?format=json`: all indices.

use std::collections::BTreeMap;

use c8dr_domain::search::Index;
use serde::Deserialize;

use super::cluster::color_named;
use super::{Garbled, json};
use crate::foreign::json::Int;
use crate::foreign::shown;

/// Reads the indices, in the order of their names.
///
/// # Errors
/// If one is open and has no color, or is listed twice.
pub fn indices(body: &[u8]) -> Result<Vec<Index>, Garbled> {
    let rows: Vec<Row> = json::read(body)?;
    let mut indices = BTreeMap::new();
    for row in rows {
        // A closed index keeps a color in some versions; it tells nothing, as nothing in it can be read.
        let color = match (row.status.as_deref(), &row.health) {
            (Some("close"), _) => None,
            (_, Some(health)) => Some(color_named(health, &path(&row.index))?),
            (_, None) => return Err(Garbled::content(path(&row.index), "it is open and has no color")),
        };
        let index = Index {
            name: row.index.clone(),
            documents: row.documents.map(|count| count.0).filter(|_| color.is_some()),
            color,
        };
        if indices.insert(row.index.clone(), index).is_some() {
            return Err(Garbled::content(path(&row.index), "it is listed twice"));
        }
    }
    Ok(indices.into_values().collect())
}

/// Reads how many primary shards each index has.
///
/// # Errors
/// If it is no list of indices.
pub fn primaries(body: &[u8]) -> Result<BTreeMap<String, u64>, Garbled> {
    let rows: Vec<Row> = json::read(body)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((row.index, row.primaries?.0)))
        .collect())
}

/// The index as the place of what is wrong.
fn path(index: &str) -> String {
    shown(index.as_bytes(), 200)
}

#[derive(Deserialize)]
struct Row {
    index: String,
    health: Option<String>,
    status: Option<String>,
    #[serde(rename = "docs.count")]
    documents: Option<Int<u64>>,
    #[serde(rename = "pri")]
    primaries: Option<Int<u64>>,
}

#[cfg(test)]
mod tests {
    use c8dr_domain::search::Color;

    use super::*;

    #[test]
    fn the_documents_of_a_closed_index_are_unknown_and_not_none() {
        let body = br#"[
            {"health":"red","status":"close","index":"b","pri":"1","docs.count":null},
            {"health":"green","status":"open","index":"a","pri":"2","docs.count":"12"},
            {"health":"red","status":"open","index":"c","pri":"1","docs.count":null}]"#;
        let read = indices(body).unwrap();
        let told: Vec<_> = read
            .iter()
            .map(|index| (index.name.as_str(), index.documents, index.color))
            .collect();
        assert_eq!(
            told,
            [
                ("a", Some(12), Some(Color::Green)),
                ("b", None, None),
                ("c", None, Some(Color::Red))
            ]
        );
        assert_eq!(primaries(body).unwrap()["a"], 2);
    }

    #[test]
    fn what_is_unclear_is_not_guessed() {
        for body in [
            r#"[{"index":"a","status":"open"}]"#,
            r#"[{"index":"a","status":"open","health":"blue"}]"#,
            r#"[{"index":"a","status":"close"},{"index":"a","status":"close"}]"#,
            r#"[{"status":"open","health":"green"}]"#,
            r#"[{"index":"a","status":"open","health":"green","docs.count":"-1"}]"#,
            "{}",
        ] {
            assert!(indices(body.as_bytes()).is_err(), "{body}");
        }
    }
}
