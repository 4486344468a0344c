//! The listening addresses: free, or held by the very program that is meant?

use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::Value;

use super::{Finding, Patient};
use crate::settings::{Subject, Which};

const CHECK: &str = "port";

/// Tries the address; when somebody has it, asks who.
pub(super) async fn check(patient: &Patient, subject: &Subject) -> Vec<Finding> {
    let (Some(address), Some(url)) = (subject.listen(), subject.local_url()) else { return vec![] };
    if address.port() == 0 {
        return vec![Finding::ok(CHECK, &subject.name, "any free port is taken")];
    }
    let finding = match TcpListener::bind(address) {
        Ok(_) => {
            Finding::ok(CHECK, &subject.name, format!("{address} is free: the program does not run here"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let health = ask(patient, url.as_str()).await;
            held(subject, &address.to_string(), health.as_ref())
        }
        Err(error) => Finding::error(
            CHECK,
            &subject.name,
            format!("{address} cannot be listened on: {error}"),
            "choose an address of this machine, and a port above 1023 unless the program may use lower ones",
        ),
    };
    vec![finding]
}

async fn ask(patient: &Patient, url: &str) -> Option<Value> {
    let answer = patient.http.get(format!("{url}healthz")).send().await.ok()?;
    serde_json::from_str(&answer.text().await.ok()?).ok()
}

/// Who holds the address, by what it says of its health.
fn held(subject: &Subject, address: &str, health: Option<&Value>) -> Finding {
    let says = |name: &str| health.and_then(|health| health.get(name)).and_then(Value::as_str);
    let is_meant = match subject.which {
        Which::Api => says("service") == Some("blazz-api"),
        Which::SessionNode => {
            says("service") == Some("session-node") && says("node_id") == Some(&subject.name)
        }
        Which::Emulator => health.is_some(),
    };
    if is_meant {
        return Finding::ok(CHECK, &subject.name, format!("{address} is served by {}", subject.name));
    }
    let who = match (says("service"), says("node_id")) {
        (Some(_), Some(node)) => format!("the session node {node}"),
        (Some(service), None) => service.to_owned(),
        _ => "another program".to_owned(),
    };
    Finding::error(
        CHECK,
        &subject.name,
        format!("{address} is held by {who}"),
        "end that program, or choose another address; `ss -ltnp` shows who listens where",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Level;

    fn level(which: Which, health: Option<Value>) -> Level {
        let values = [("BLAZZ_NODE_ID".to_owned(), "node-1".to_owned())].into();
        held(&Subject::new(which, "here".to_owned(), values, vec![]), "127.0.0.1:1", health.as_ref()).level
    }

    #[test]
    fn only_the_program_that_is_meant_may_hold_the_address() {
        let api = json!({ "status": "ok", "service": "blazz-api" });
        let node = |id| json!({ "service": "session-node", "node_id": id });
        assert_eq!(level(Which::Api, Some(api.clone())), Level::Ok);
        assert_eq!(level(Which::SessionNode, Some(node("node-1"))), Level::Ok);
        for (which, health) in [
            (Which::Api, None),
            (Which::Api, Some(node("node-1"))),
            (Which::SessionNode, Some(node("node-2"))),
            (Which::SessionNode, Some(api)),
        ] {
            assert_eq!(level(which, health), Level::Error, "{which:?}");
        }
    }
}
