//! Reads every workspace's event log to its end and beyond: what a phone sent is there once it is told there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clients::Tenant;
use crate::ledger::Ledger;
use crate::load::Phase;

/// How long it waits when there is nothing new, or nobody answers.
const PAUSE: Duration = Duration::from_millis(100);

/// Follows one log until the run is over.
pub(crate) async fn follow(tenant: Tenant, ledger: Arc<Ledger>, phase: watch::Receiver<Phase>) -> Result<()> {
    let (mut after, mut last) = (String::new(), 0);
    while *phase.borrow() != Phase::Over {
        let path = format!("/v1/events?limit=200{after}");
        let Ok(answer) = tenant.call(Method::GET, &path, None, None).await else {
            sleep(PAUSE).await;
            continue;
        };
        if answer.status != StatusCode::OK {
            if answer.status.is_client_error() {
                ledger.wrong(format!("the event log answers {} {}", answer.status, answer.body));
                return Ok(());
            }
            sleep(PAUSE).await;
            continue;
        }
        let events = answer.body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for event in events {
            take(event, &mut last, &ledger);
        }
        if let Some(next) = answer.body.get("next").and_then(Value::as_str) {
            after = format!("&after={next}");
        }
        if events.is_empty() {
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

fn take(event: &Value, last: &mut i64, ledger: &Ledger) {
    let sequence = event.get("sequence").and_then(Value::as_i64).unwrap_or_default();
    if sequence != *last + 1 {
        ledger.wrong(format!("the event log goes from {last} to {sequence}"));
    }
    *last = sequence;
    if event.get("type").and_then(Value::as_str) == Some("message.received") {
        let text = event.pointer("/data/content/text").and_then(Value::as_str);
        ledger.seen_in(text.unwrap_or("(no text)"));
    }
}
