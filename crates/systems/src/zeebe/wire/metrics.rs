//! `GET /actuator/prometheus`: how far a broker's exporters are, and how much disk it has left.
//! `spec: procedure.md §3a`, `edge-cases.md E1`
//!
//! The page has thousands of lines; only three series are read. Whatever cannot be a position is unknown, and an unknown
//! position is never drained, so junk can delay a failback but not make it lose records.

use c8dr_domain::exporting::{BrokerMetrics, ExporterPositions};
use c8dr_domain::ids::{ExporterId, PartitionId};
use c8dr_domain::plain::plain;

use super::Garbled;

const HANDED: &str = "zeebe_exporter_last_exported_position";
const ACKNOWLEDGED: &str = "zeebe_exporter_last_updated_exported_position";

/// Spring's own, one for each path that it was told to watch: a broker's is that of its data.
const DISK_FREE: &str = "disk_free_bytes";
const DISK_TOTAL: &str = "disk_total_bytes";

/// Above this a double no longer tells neighbours apart, and positions must be compared exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads the two positions of every exporter, and the smallest of the disks' free spaces. A broker that has not exported
/// anything yet shows no exporters; one that cannot read its disk shows no number for it.
///
/// # Errors
/// If it is no page of metrics at all, or tells one position twice and differently.
pub fn broker_metrics(body: &[u8]) -> Result<BrokerMetrics, Garbled> {
    let mut metrics = BrokerMetrics::default();
    let mut is_metrics = false;
    for line in body.split(|byte| *byte == b'\n') {
        is_metrics |= line.starts_with(b"# TYPE ") || line.starts_with(b"# HELP ");
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        match Sample::read(line) {
            None | Some(Sample::DiskFree(None) | Sample::DiskTotal(None)) => {}
            // The disk whose free space is told is the fullest; of several the biggest errs on the safe side.
            Some(Sample::DiskTotal(Some(bytes))) => {
                metrics.disk_total_bytes =
                    Some(metrics.disk_total_bytes.map_or(bytes, |most| most.max(bytes)));
            }
            Some(Sample::DiskFree(Some(bytes))) => {
                let least = metrics.disk_free_bytes.map_or(bytes, |least| least.min(bytes));
                metrics.disk_free_bytes = Some(least);
            }
            Some(Sample::Position(sample)) => note(&mut metrics, sample)?,
        }
    }
    if is_metrics {
        Ok(metrics)
    } else {
        Err(Garbled::content("", "this is no page of metrics"))
    }
}

fn note(metrics: &mut BrokerMetrics, sample: PositionSample) -> Result<(), Garbled> {
    let positions = metrics
        .exporters
        .entry(sample.partition)
        .or_default()
        .entry(sample.exporter)
        .or_insert(ExporterPositions {
            handed: None,
            acknowledged: None,
        });
    let known = match sample.series {
        Series::Handed => &mut positions.handed,
        Series::Acknowledged => &mut positions.acknowledged,
    };
    if known.is_some() && *known != sample.position {
        let what = format!("one position of partition {} is told twice", sample.partition);
        return Err(Garbled::content("", what));
    }
    *known = sample.position;
    Ok(())
}

enum Sample {
    Position(PositionSample),
    /// Bytes; `None` where there stands no such number.
    DiskFree(Option<u64>),
    /// The same.
    DiskTotal(Option<u64>),
}

struct PositionSample {
    series: Series,
    exporter: ExporterId,
    partition: PartitionId,
    position: Option<i64>,
}

#[derive(Clone, Copy)]
enum Series {
    Handed,
    Acknowledged,
}

impl Sample {
    /// Reads a line; `None` if it is none of ours.
    fn read(line: &str) -> Option<Sample> {
        let (name, rest) = line.split_once('{')?;
        let series = match name.trim() {
            HANDED => Some(Series::Handed),
            ACKNOWLEDGED => Some(Series::Acknowledged),
            DISK_FREE | DISK_TOTAL => None,
            _ => return None,
        };
        let (mut exporter, mut partition) = (None, None);
        let mut rest = rest;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once('=')?;
            let (value, after) = quoted(after.trim_start())?;
            match label.trim() {
                "exporter" => exporter = Some(value),
                "partition" => partition = value.parse().ok(),
                _ => {}
            }
            rest = after;
        }
        let number = rest.split_ascii_whitespace().next();
        Some(match series {
            None if name.trim() == DISK_TOTAL => Sample::DiskTotal(number.and_then(bytes)),
            None => Sample::DiskFree(number.and_then(bytes)),
            Some(series) => Sample::Position(PositionSample {
                series,
                exporter: ExporterId::new(plain(&exporter?)),
                partition: PartitionId(partition?),
                position: number.and_then(position),
            }),
        })
    }
}

/// A label's value between quotes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            plain => value.push(plain),
        }
    }
    None
}

/// A position, which the page writes as a floating-point number (`5733.0`, `1.2345678E7`). −1 is "not known yet".
fn position(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    let is_position = (0.0..EXACT_MAX).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and within the bounds"
    )]
    is_position.then_some(number as i64)
}

/// A number of bytes. NaN is what Spring shows where it cannot read the disk.
fn bytes(text: &str) -> Option<u64> {
    // Ten million terabytes: more is no disk.
    const BYTES_MAX: f64 = 1e19;
    let number: f64 = text.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the bounds, and a part of a byte does not matter"
    )]
    (0.0..=BYTES_MAX).contains(&number).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use c8dr_domain::exporting::ExporterMetrics;

    use super::*;

    const HEAD: &str = "# HELP x y\n";

    fn page(lines: &str) -> BrokerMetrics {
        broker_metrics(format!("{HEAD}{lines}").as_bytes()).unwrap()
    }

    fn read(lines: &str) -> ExporterMetrics {
        page(lines).exporters
    }

    fn of(metrics: &ExporterMetrics, partition: u32, exporter: &str) -> (Option<i64>, Option<i64>) {
        let positions = metrics[&PartitionId(partition)][&ExporterId::new(exporter)];
        (positions.handed, positions.acknowledged)
    }

    #[test]
    fn labels_come_in_any_order_and_numbers_in_any_notation() {
        let metrics = read(concat!(
            "zeebe_exporter_last_exported_position{exporter=\"a\",partition=\"3\",} 1.2345678E7\n",
            "zeebe_exporter_last_updated_exported_position{partition=\"3\", cluster=\"x}y\\\"\",exporter=\"a\"} 12345678 1700000000\r\n",
            "zeebe_exporter_last_exported_position_total{exporter=\"a\",partition=\"3\"} 9\n",
            "zeebe_exporter_state{partition=\"3\",} 1.0\n",
        ));
        assert_eq!(of(&metrics, 3, "a"), (Some(12_345_678), Some(12_345_678)));
        assert!(metrics[&PartitionId(3)][&ExporterId::new("a")].is_drained());
    }

    #[test]
    fn what_is_no_position_is_unknown_and_never_drained() {
        for value in [
            "NaN",
            "+Inf",
            "-1.0",
            "1.5",
            "9.007199254740993E15",
            "",
            "x",
            "1e400",
        ] {
            let metrics = read(&format!(
                "{HANDED}{{exporter=\"a\",partition=\"1\"}} {value}\n{ACKNOWLEDGED}{{exporter=\"a\",partition=\"1\"}} {value}\n"
            ));
            assert_eq!(of(&metrics, 1, "a"), (None, None), "{value}");
            assert!(!metrics[&PartitionId(1)][&ExporterId::new("a")].is_drained());
        }
        // Both are 0 before anything was exported, and that is drained.
        let metrics = read(&format!(
            "{HANDED}{{exporter=\"a\",partition=\"1\"}} 0.0\n{ACKNOWLEDGED}{{exporter=\"a\",partition=\"1\"}} 0\n"
        ));
        assert!(metrics[&PartitionId(1)][&ExporterId::new("a")].is_drained());
    }

    #[test]
    fn junk_is_skipped() {
        let mut page = HEAD.as_bytes().to_vec();
        for junk in [
            "{",
            "}",
            "=",
            "{}",
            "a{b=\"",
            "zeebe_exporter_last_exported_position",
            "zeebe_exporter_last_exported_position{exporter=\"a\" 1",
            "zeebe_exporter_last_exported_position{exporter=\"a\",partition=\"x\"} 1",
            "zeebe_exporter_last_exported_position{partition=\"1\"} 1",
            "zeebe_exporter_last_exported_position{exporter=\"a\\",
            "disk_free_bytes 1",
            "disk_free_bytes{path=\"/\" 1",
            "disk_free_bytes{path=\"/\"}",
        ] {
            page.extend_from_slice(junk.as_bytes());
            page.push(b'\n');
        }
        page.extend_from_slice(
            b"zeebe_exporter_last_exported_position{exporter=\"\xff\",partition=\"1\"} 1\n",
        );
        assert_eq!(broker_metrics(&page), Ok(BrokerMetrics::default()));
    }

    #[test]
    fn a_position_that_is_told_twice_is_not_chosen_from() {
        let line =
            |extra: &str, at: u32| format!("{HANDED}{{exporter=\"a\",partition=\"1\",{extra}}} {at}\n");
        assert_eq!(
            of(&read(&(line("", 5) + &line("t=\"x\"", 5))), 1, "a"),
            (Some(5), None)
        );
        let twice = format!("{HEAD}{}{}", line("t=\"x\"", 5), line("t=\"y\"", 6));
        assert!(broker_metrics(twice.as_bytes()).is_err());
    }

    #[test]
    fn something_else_is_no_page_of_metrics() {
        for body in ["", "{}", "<html>", "ok\n"] {
            assert!(broker_metrics(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_fullest_disk_is_told() {
        let free = |lines: &str| page(lines).disk_free_bytes;
        assert_eq!(
            free("disk_free_bytes{path=\"/usr/local/zeebe/.\",} 1.0325897216E10\n"),
            Some(10_325_897_216)
        );
        assert_eq!(
            free(
                "disk_free_bytes{path=\"/a\"} 7e9\ndisk_free_bytes{path=\"/b\"} 0.0\ndisk_free_bytes{path=\"/c\"} NaN\n"
            ),
            Some(0)
        );
        assert_eq!(free("disk_total_bytes{path=\"/\"} 5\nother 1\n"), None);
        for value in ["NaN", "-1.0", "+Inf", "1e400", "x", ""] {
            assert_eq!(
                free(&format!("disk_free_bytes{{path=\"/\"}} {value}\n")),
                None,
                "{value}"
            );
        }
    }
}
