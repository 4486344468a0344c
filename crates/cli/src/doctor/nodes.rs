//! The nodes: does the API hear them, and do they hear the API?

use blazz_domain::{Clock as _, SystemClock, Timestamp};
use futures_util::future::join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Finding, Patient, clock};
use crate::settings::Which;

const LIST: &str = "nodes.list";
const HEARTBEAT: &str = "nodes.heartbeat";
const REACHABLE: &str = "nodes.reachable";
const CLOCK: &str = "clock.node";

/// A heartbeat that is older than this was missed at least once, in seconds: the longest interval is a third of the longest patience.
const LATE_SECONDS: u64 = 20;

/// What the API's list says of a node.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) url: String,
    pub(super) version: String,
    pub(super) heartbeat_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Node>,
}

/// What the API says when it has asked a node.
#[derive(Debug, Deserialize)]
struct Probe {
    is_reachable: bool,
    duration_ms: u64,
    clock_ahead_ms: Option<i64>,
    problem: Option<String>,
}

/// Asks the API for its nodes, and to ask each of them.
pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    if patient.api_url.is_none() {
        return vec![];
    }
    if patient.operator_key.is_none() {
        return vec![Finding::warning(
            LIST,
            "api",
            "not asked: the operator key is not known here",
            "set BLAZZ_OPERATOR_KEY to see the nodes as the API sees them",
        )];
    }
    let nodes = match list(patient).await {
        Ok(nodes) => nodes,
        Err(why) => {
            return vec![Finding::error(
                LIST,
                "api",
                format!("the API does not list its nodes: {why}"),
                "see that the API runs and that the operator key is the one it was given",
            )];
        }
    };
    let mut findings = strangers(patient, &nodes);
    if nodes.is_empty() {
        findings.push(Finding::warning(
            LIST,
            "api",
            "no session node has ever registered",
            "start one: without a node no number can be linked",
        ));
    }
    for both in join_all(nodes.iter().map(|node| look(patient, node))).await {
        findings.extend(both);
    }
    findings
}

/// The nodes as the API knows them.
pub(super) async fn list(patient: &Patient) -> Result<Vec<Node>, String> {
    get::<List>(patient, "/v1/nodes").await.map(|list| list.data)
}

/// Nodes with settings here that the API does not know.
fn strangers(patient: &Patient, known: &[Node]) -> Vec<Finding> {
    let here = patient.of(Which::SessionNode);
    let strangers = here.filter(|subject| known.iter().all(|node| node.id != subject.name));
    let finding = |name: &str| {
        Finding::error(
            HEARTBEAT,
            name,
            "the API has never heard of this node",
            "start it; if it runs, its log says why the API does not take it: most often the secret, the address or the clock",
        )
    };
    strangers.map(|subject| finding(&subject.name)).collect()
}

async fn look(patient: &Patient, node: &Node) -> Vec<Finding> {
    let mut findings = vec![heartbeat(node, SystemClock.now())];
    match get::<Probe>(patient, &format!("/v1/nodes/{}/probe", node.id)).await {
        Ok(probe) => findings.extend(reached(node, &probe)),
        Err(why) => findings.push(Finding::warning(
            REACHABLE,
            &node.id,
            format!("not asked: {why}"),
            "an API of an older version cannot probe its nodes: bring it up to date",
        )),
    }
    findings
}

fn heartbeat(node: &Node, now: Timestamp) -> Finding {
    let age = now.since(node.heartbeat_at).as_secs();
    let text = format!("last heard of {age} s ago");
    let advice = "see that the node runs and reaches BLAZZ_API_URL; a node that is gone for good may stay in this list";
    if node.state != "ready" {
        return Finding::error(HEARTBEAT, &node.id, format!("lost: {text}"), advice);
    }
    if age > LATE_SECONDS {
        return Finding::warning(HEARTBEAT, &node.id, text, "compare this machine's clock with the API's");
    }
    Finding::ok(HEARTBEAT, &node.id, text)
}

fn reached(node: &Node, probe: &Probe) -> Vec<Finding> {
    if !probe.is_reachable {
        let why = probe.problem.as_deref().unwrap_or("no answer");
        return vec![Finding::error(
            REACHABLE,
            &node.id,
            format!("the API does not reach it at {}: {why}", node.url),
            "see that BLAZZ_NODE_URL is an address that the API's machine reaches, and that both have the same fleet",
        )];
    }
    let reached = Finding::ok(REACHABLE, &node.id, format!("the API reaches it in {} ms", probe.duration_ms));
    let ahead = probe.clock_ahead_ms.map(|ahead| {
        // Half of what the call took is not known.
        let sure = ahead.unsigned_abs().saturating_sub(probe.duration_ms.div_ceil(2));
        clock::judge(CLOCK, &node.id, "the API's", sure)
    });
    std::iter::once(reached).chain(ahead).collect()
}

/// `GET` of an operator's route; why not, in words, when it gives nothing.
async fn get<T: DeserializeOwned>(patient: &Patient, path: &str) -> Result<T, String> {
    let url = patient.api_url.as_ref().map(|url| url.as_str().trim_end_matches('/')).unwrap_or_default();
    let key = patient.operator_key.as_deref().unwrap_or_default();
    let answer = patient.http.get(format!("{url}{path}")).bearer_auth(key).send().await;
    let answer = answer.map_err(|_| "it does not answer".to_owned())?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("it answers {status}"));
    }
    answer.json().await.map_err(|_| "its answer is not understood".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::Level;

    fn node(state: &str, heartbeat_at: Timestamp) -> Node {
        let text = str::to_owned;
        Node {
            id: text("node-1"),
            state: text(state),
            url: text("http://x"),
            version: text("0.1.0"),
            heartbeat_at,
        }
    }

    #[test]
    fn a_heartbeat_that_stays_away_is_noticed() {
        let now = SystemClock.now();
        let level = |state, age| heartbeat(&node(state, now.minus(Duration::from_secs(age))), now).level;
        assert_eq!(level("ready", 2), Level::Ok);
        assert_eq!(level("ready", 21), Level::Warning);
        assert_eq!(level("lost", 2), Level::Error);
    }

    #[test]
    fn a_node_that_cannot_be_reached_or_has_another_time_is_named() {
        let node = node("ready", SystemClock.now());
        let probe = |is_reachable, ahead| Probe {
            is_reachable,
            duration_ms: 100,
            clock_ahead_ms: ahead,
            problem: (!is_reachable).then(|| "refused with bad_signature".to_owned()),
        };
        let lost = reached(&node, &probe(false, None));
        assert!(lost[0].level == Level::Error && lost[0].text.contains("bad_signature"), "{lost:?}");
        let levels = |ahead| reached(&node, &probe(true, Some(ahead))).last().unwrap().level;
        assert_eq!(levels(1_040), Level::Ok, "within what the call took");
        assert_eq!(levels(-2_000), Level::Warning);
        assert_eq!(levels(31_000), Level::Error);
    }
}
