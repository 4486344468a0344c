//! Every way to bend a request is refused before a handler runs. Each case starts from a request that is accepted.

use crate::forge::{Draft, Key, LEASELESS, Shot};
use crate::served::{NODE, Served, a_lease};

type Bend<T> = Box<dyn Fn(&mut T)>;

/// Fires what `draft` and `shot` make of a good request; it must be refused and reach no handler.
pub(crate) async fn refuse(
    served: &Served,
    good: Draft,
    what: &str,
    draft: impl Fn(&mut Draft),
    shot: impl Fn(&mut Shot),
) {
    let mut bent = Draft { nonce: Some(uuid::Uuid::new_v4().simple().to_string()), ..good };
    draft(&mut bent);
    let mut fired = bent.sign();
    shot(&mut fired);
    let hit = fired.fire(&served.url).await;
    assert_eq!((hit.status, hit.code().as_str()), (401, "bad_signature"), "{what}");
    assert!(served.take_seen().is_empty(), "{what} reached a handler");
    let text = String::from_utf8(hit.body).unwrap();
    assert!(!text.contains("detail"), "{what} was explained to the sender: {text}");
}

#[tokio::test]
async fn a_node_believes_the_proper_request() {
    let node = Served::node();
    let mut shot = node.draft_to_node(&a_lease()).sign();
    let hit = shot.fire(&node.url).await;
    assert_eq!(hit.status, 200);
    assert!(hit.is_signed_for(&mut shot, &node.key("node-to-api")));
    assert_eq!(node.take_seen().len(), 1);
}

#[tokio::test]
async fn nothing_can_be_changed_after_signing() {
    let node = Served::node();
    let (lease, other) = (a_lease(), a_lease());
    let cases: Vec<(&str, Bend<Shot>)> = vec![
        ("one bit of the body", Box::new(|s| s.body[10] ^= 1)),
        ("a byte more", Box::new(|s| s.body.push(b' '))),
        ("no body", Box::new(|s| s.body.clear())),
        (
            "body and digest",
            Box::new(|s| {
                s.body[10] ^= 1;
                *s.field("content-digest") = crate::forge::digest(&s.body);
            }),
        ),
        ("another action", Box::new(|s| s.path = s.path.replace("/messages", "/stop"))),
        (
            "another account",
            Box::new(move |s| {
                s.path = s.path.replace(&lease.account_id.to_string(), &other.account_id.to_string());
            }),
        ),
        ("an escaped path", Box::new(|s| s.path = s.path.replace("sessions", "%73essions"))),
        ("a query", Box::new(|s| s.query = Some("wait_ms=1".to_owned()))),
        ("another method", Box::new(|s| s.method = "PUT")),
        ("another content type", Box::new(|s| *s.field("content-type") = "text/plain".to_owned())),
        ("another sender", Box::new(|s| *s.field("blazz-from") = NODE.to_owned())),
        ("another receiver", Box::new(|s| *s.field("blazz-to") = "node-2".to_owned())),
        ("another lease", Box::new(move |s| *s.field("blazz-lease") = other.to_string())),
        ("no lease", Box::new(|s| s.remove("blazz-lease"))),
        ("another time", Box::new(|s| bend(s, ";created=1", ";created=2"))),
        ("another nonce", Box::new(|s| bend(s, ";nonce=\"", ";nonce=\"0"))),
        ("another tag", Box::new(|s| bend(s, "tag=\"blazz\"", "tag=\"blizz\""))),
        (
            "another label",
            Box::new(|s| {
                bend(s, "blazz=(", "other=(");
                *s.field("signature") = s.field("signature").replace("blazz=", "other=");
            }),
        ),
        ("a component left out of the list", Box::new(|s| bend(s, " \"@query\"", ""))),
        ("the other direction's key id", Box::new(|s| bend(s, "api-to-node", "node-to-api"))),
        (
            "another generation's key id",
            Box::new(|s| {
                let at = s.field("signature-input").rfind("\";tag").unwrap();
                s.field("signature-input").replace_range(at - 8..at, "00000000");
            }),
        ),
        (
            "a signature of zeros",
            Box::new(|s| {
                *s.field("signature") = format!("blazz=:{}=:", "A".repeat(43));
            }),
        ),
        ("an empty signature", Box::new(|s| *s.field("signature") = "blazz=::".to_owned())),
        ("a second signature", Box::new(|s| s.field("signature").push_str(", b=:AAAA:"))),
    ];
    for (what, shot) in cases {
        refuse(&node, node.draft_to_node(&lease), what, |_| {}, shot).await;
    }
}

fn bend(shot: &mut Shot, from: &str, to: &str) {
    let input = shot.field("signature-input");
    assert!(input.contains(from), "{from} is not in {input}");
    *input = input.replace(from, to);
}

#[tokio::test]
async fn every_field_must_come_exactly_once() {
    let node = Served::node();
    let fields = [
        "content-type",
        "content-digest",
        "blazz-from",
        "blazz-to",
        "blazz-lease",
        "signature-input",
        "signature",
    ];
    for field in fields {
        let draft = || node.draft_to_node(&a_lease());
        refuse(&node, draft(), &format!("{field} missing"), |_| {}, |s| s.remove(field)).await;
        refuse(&node, draft(), &format!("{field} twice"), |_| {}, |s| s.repeat(field)).await;
    }
}

#[tokio::test]
async fn a_holder_of_the_key_must_keep_the_rules_too() {
    let node = Served::node();
    let now = node.clock.seconds();
    let with_lease: Vec<&str> = LEASELESS.into_iter().chain(["blazz-lease"]).collect();
    let mut cases: Vec<(String, Bend<Draft>)> = vec![
        ("signed 61 s ahead".to_owned(), Box::new(move |d| d.created = now + 61)),
        ("signed before the start".to_owned(), Box::new(move |d| d.created = now - 31)),
        ("from another node".to_owned(), Box::new(|d| d.from = "node-2".to_owned())),
        ("for another node".to_owned(), Box::new(|d| d.to = "node-2".to_owned())),
        ("for nobody".to_owned(), Box::new(|d| d.to = String::new())),
        ("without nonce".to_owned(), Box::new(|d| d.nonce = None)),
        ("with a short nonce".to_owned(), Box::new(|d| d.nonce = Some("0".repeat(15)))),
        ("with a long nonce".to_owned(), Box::new(|d| d.nonce = Some("0".repeat(65)))),
        ("with another tag".to_owned(), Box::new(|d| d.tag = "other")),
        ("with another parameter".to_owned(), Box::new(|d| d.more_params = ";expires=1")),
        ("with a parameter twice".to_owned(), Box::new(|d| d.more_params = ";tag=\"blazz\"")),
        ("with the lease uncovered".to_owned(), Box::new(|d| d.covered = Some(LEASELESS.to_vec()))),
        ("without a lease on a session route".to_owned(), Box::new(|d| d.lease = None)),
        ("covering nothing".to_owned(), Box::new(|d| d.covered = Some(vec![]))),
        ("with the path escaped".to_owned(), Box::new(|d| d.path = d.path.replace("sessions", "%73essions"))),
        ("with the node's own key".to_owned(), {
            let key = node.key("node-to-api");
            Box::new(move |d| d.key = key.clone())
        }),
        ("with the node's own key under the API's name".to_owned(), {
            let (id, bytes) = (node.key("api-to-node").id, node.key("node-to-api").bytes);
            Box::new(move |d| d.key = Key { id: id.clone(), bytes })
        }),
        ("with another node's key".to_owned(), {
            let key = Key::derive(&node.fleet.to_hex(), "node-2", "api-to-node");
            Box::new(move |d| d.key = key.clone())
        }),
    ];
    for (at, left_out) in with_lease.clone().into_iter().enumerate() {
        let mut covered = with_lease.clone();
        covered.remove(at);
        cases
            .push((format!("not covering {left_out}"), Box::new(move |d| d.covered = Some(covered.clone()))));
        let mut turned = with_lease.clone();
        turned.swap(at, (at + 1) % with_lease.len());
        cases.push((
            format!("{left_out} in another place"),
            Box::new(move |d| d.covered = Some(turned.clone())),
        ));
    }
    for more in ["blazz-lease", "date", "@authority"] {
        let covered: Vec<&str> = with_lease.iter().copied().chain([more]).collect();
        cases.push((format!("covering {more} too"), Box::new(move |d| d.covered = Some(covered.clone()))));
    }
    for (what, draft) in cases {
        refuse(&node, node.draft_to_node(&a_lease()), &what, draft, |_| {}).await;
    }
}

#[tokio::test]
async fn a_node_cannot_speak_for_another_one() {
    let api = Served::control();
    assert_eq!(api.draft_to_control().sign().fire(&api.url).await.status, 200);
    api.take_seen();
    let fleet = api.fleet.to_hex();
    let other = Key::derive(&fleet, "node-2", "node-to-api");
    let cases: Vec<(&str, Bend<Draft>)> = vec![
        ("another's name", Box::new(|d| d.from = "node-2".to_owned())),
        (
            "another's name and key id",
            Box::new(move |d| {
                d.from = "node-2".to_owned();
                d.key.id = other.id.clone();
            }),
        ),
        ("the API's name", Box::new(|d| d.from = "api".to_owned())),
        ("no key id at all", Box::new(|d| d.key.id = "x".to_owned())),
        ("a key id of no node", Box::new(|d| d.key.id = "NOT A NODE/node-to-api/00000000".to_owned())),
        ("the API's key", {
            let key = api.key("api-to-node");
            Box::new(move |d| d.key = key.clone())
        }),
        ("for another receiver", Box::new(|d| d.to = NODE.to_owned())),
        ("signed 61 s ago", {
            let now = api.clock.seconds();
            Box::new(move |d| d.created = now - 61)
        }),
    ];
    for (what, draft) in cases {
        refuse(&api, api.draft_to_control(), what, draft, |_| {}).await;
    }
}

#[tokio::test]
async fn a_refusal_is_signed_when_its_key_exists() {
    let node = Served::node();
    let draft = node.draft_to_node(&a_lease());
    let mut known = Draft { to: "node-2".to_owned(), ..draft.clone() }.sign();
    let hit = known.fire(&node.url).await;
    assert_eq!(hit.status, 401);
    assert!(hit.is_signed_for(&mut known, &node.key("node-to-api")));

    let stranger = Key::derive(&"ab".repeat(32), NODE, "api-to-node");
    let hit = Draft { key: stranger, ..draft }.sign().fire(&node.url).await;
    assert_eq!((hit.status, hit.is_signed()), (401, false));
}
