//! A region is lost and the other carries on: the whole way through, asked over HTTP in virtual time.

mod asking;

use asking::{Asking, body_status};
use c8dr_lab::{Data, Region, WorldConfig};

#[tokio::test(start_paused = true)]
async fn a_region_is_lost_failed_over_and_brought_back() {
    let lab = Asking::new(WorldConfig {
        seed: 7,
        ..WorldConfig::default()
    });
    lab.sleep(10.0).await;
    assert!(lab.all_led_by(0, &[0, 1, 2, 3]).await);

    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    assert_eq!(
        lab.led_by(0, &[0, 2]).await,
        0,
        "no majority, so no survivor leads"
    );

    let (status, body) = lab
        .management(0, "POST", "/actuator/cluster/brokers?force=true", r#"["0","2"]"#)
        .await;
    assert_eq!((status, body["changeId"].as_u64()), (202, Some(2)));
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "all partitions led by the survivors", async || {
        lab.all_led_by(0, &[0, 2]).await
    })
    .await;

    let (status, body) = lab
        .management(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
        .await;
    assert_eq!((status, body["changeId"].as_u64()), (202, Some(4)));
    lab.completed(0, 4, 10.0).await;

    lab.sleep(20.0).await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.until(30.0, "the new brokers are listed", async || {
        lab.topology(0).await["brokers"].as_array().map(Vec::len) == Some(4)
    })
    .await;
    assert_eq!(lab.readiness(1).await, 503);
    lab.until(10.0, "a pause that is accepted", async || {
        body_status(&lab.management(0, "POST", "/actuator/exporting/pause", "").await.1) == 204
    })
    .await;
    lab.sleep(3.0).await;
    let source = r#"{"initializeFrom":"elasticsearchregion0"}"#;
    let (status, _) = lab
        .management(
            0,
            "POST",
            "/actuator/exporters/elasticsearchregion1/enable",
            source,
        )
        .await;
    assert_eq!(status, 202);
    lab.completed(0, 6, 10.0).await;
    let (_, body) = lab.management(0, "POST", "/actuator/exporting/resume", "").await;
    assert_eq!(body_status(&body), 204);
    let all = r#"["0","1","2","3"]"#;
    let (status, _) = lab
        .management(0, "POST", "/actuator/cluster/brokers?replicationFactor=4", all)
        .await;
    assert_eq!(status, 202);
    lab.completed(0, 8, 30.0).await;
    lab.sleep(10.0).await;
    assert!(lab.all_led_by(0, &[0, 1, 2, 3]).await);
    assert_eq!(lab.readiness(3).await, 200);
    let audit = lab.lab.audit();
    assert!(audit.acknowledged > 100, "{audit:?}");
    assert_eq!(audit.missing, Vec::<i64>::new());
}
