//! Disks fill while exporters stand still, stop the clients when they are full, and are freed when all goes on.

mod asking;

use asking::{Asking, body_status};
use c8dr_lab::{BrokerId, ConfigError, Data, Disk, Region, WorldConfig};

const MIB: u64 = 1 << 20;

/// Room for some 400 process instances in all replicas of a broker before commands are refused.
fn small() -> Asking {
    let disk = Disk {
        volume_bytes: 500 * MIB,
        instance_bytes: MIB,
        processing_free_bytes_min: 100 * MIB,
        replication_free_bytes_min: 50 * MIB,
    };
    Asking::new(WorldConfig {
        disk,
        ..WorldConfig::default()
    })
}

fn free(lab: &Asking) -> u64 {
    let status = lab.lab.status();
    let brokers = status.regions.iter().flat_map(|r| &r.brokers);
    brokers.map(|b| b.disk_free_bytes).min().unwrap_or(0)
}

fn refused(lab: &Asking) -> u64 {
    lab.lab.status().failed_creates.get(&429).copied().unwrap_or(0)
}

async fn snapshot_now(lab: &Asking) {
    for broker in 0..4 {
        lab.management(broker, "POST", "/actuator/partitions/takeSnapshot", "")
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_fills_the_disks_and_a_resume_frees_them() {
    let lab = small();
    lab.sleep(5.0).await;
    let (_, body) = lab.management(0, "POST", "/actuator/exporting/pause", "").await;
    assert_eq!(body_status(&body), 204);
    let at_pause = free(&lab);
    lab.sleep(30.0).await;
    snapshot_now(&lab).await;
    assert!(
        free(&lab) + 80 * MIB < at_pause,
        "nothing is compacted while exporters are paused"
    );
    lab.until(300.0, "clients are refused", async || refused(&lab) > 0)
        .await;
    assert!(free(&lab) < 100 * MIB);
    let create = r#"{"processDefinitionId":"work"}"#;
    let (status, problem) = lab.rest(0, "POST", "/v2/process-instances", create).await;
    assert_eq!(
        (status, problem["title"].as_str()),
        (429, Some("RESOURCE_EXHAUSTED")),
        "{problem}"
    );
    let standing = lab.lab.status().acknowledged;
    lab.sleep(20.0).await;
    assert_eq!(lab.lab.status().acknowledged, standing);

    let (_, body) = lab.management(0, "POST", "/actuator/exporting/resume", "").await;
    assert_eq!(body_status(&body), 204);
    lab.sleep(5.0).await;
    snapshot_now(&lab).await;
    assert!(free(&lab) > 400 * MIB);
    lab.until(10.0, "clients are served again", async || {
        lab.lab.status().acknowledged > standing
    })
    .await;
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_dead_search_holds_the_log_until_its_exporter_is_disabled() {
    let lab = small();
    lab.sleep(5.0).await;
    lab.lab.set_search(Region::Odd, false);
    lab.sleep(40.0).await;
    snapshot_now(&lab).await;
    let held = free(&lab);
    assert!(held < 400 * MIB, "{held}");
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.sleep(5.0).await;
    snapshot_now(&lab).await;
    assert!(free(&lab) > held + 50 * MIB, "a disabled exporter holds nothing");
}

#[tokio::test(start_paused = true)]
async fn a_new_disk_is_empty_and_what_is_replicated_is_counted() {
    let lab = small();
    lab.sleep(10.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.lab.return_region(Region::Odd, Data::Empty);
    let status = lab.lab.status();
    assert_eq!(status.regions[1].brokers[0].disk_free_bytes, 500 * MIB);
    let page = lab.management(0, "GET", "/actuator/prometheus", "").await.1;
    let page = page.as_str().unwrap_or_default();
    let series = r#"atomix_append_entries_data_rate_total{follower="2""#;
    assert!(page.contains(series), "{page}");
}

#[tokio::test(start_paused = true)]
async fn the_metrics_tell_what_is_free_unless_they_are_told_not_to() {
    for shown in [true, false] {
        let lab = Asking::new(WorldConfig {
            shows_free_disk: shown,
            ..WorldConfig::default()
        });
        lab.sleep(15.0).await;
        lab.lab.with(|w| w.set_load(0.0));
        lab.sleep(5.0).await;
        let path = "/actuator/prometheus";
        let page = lab.ask(lab.lab.management(BrokerId(0)), "GET", path, "").await;
        let Ok(page) = page.map(|p| p.text) else {
            panic!("broker 0 is up");
        };
        let series = "disk_free_bytes{path=\"/usr/local/zeebe/.\",} ";
        let told = page.lines().find_map(|l| l.strip_prefix(series));
        let told = told.and_then(|n| n.parse::<f64>().ok()).map(|n| n as u64);
        let free = lab.lab.with(|w| w.disk_free_bytes(BrokerId(0)));
        assert_eq!(told, shown.then_some(free));
    }
}

#[test]
fn watermarks_must_leave_room() {
    let disk = Disk {
        processing_free_bytes_min: 64 << 30,
        ..Disk::default()
    };
    let config = WorldConfig {
        disk,
        ..WorldConfig::default()
    };
    assert_eq!(config.check(), Err(ConfigError::Disk(disk)));
}
