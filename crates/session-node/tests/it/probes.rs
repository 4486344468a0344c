//! What the node tells whoever watches it.

use crate::stage::{ANNA, BERT, Stage, get};

#[tokio::test(flavor = "multi_thread")]
async fn probes_say_what_the_node_is_and_does() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    node.send(&lease, BERT, "3EB0000000000000000003", "hello").await;

    let (status, health) = get(&format!("{}/healthz", node.url)).await.unwrap();
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!(status, 200);
    assert_eq!((health["status"].as_str(), health["sandbox"].as_bool()), (Some("ok"), Some(true)));

    let (status, ready) = get(&format!("{}/readyz", node.url)).await.unwrap();
    assert_eq!((status, ready.contains("\"registered\":true")), (200, true));

    let (status, metrics) = get(&format!("{}/metrics", node.url)).await.unwrap();
    assert_eq!(status, 200);
    for line in [
        "blazz_node_sessions{state=\"connected\"} 1",
        "blazz_node_sends_total{outcome=\"acknowledged\"} 1",
        "blazz_node_session_crashes_total 0",
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line} is missing in\n{metrics}");
    }
    assert!(!metrics.contains(ANNA) && !metrics.contains(&lease.account_id.to_string()));
    node.end().await.unwrap();
}
