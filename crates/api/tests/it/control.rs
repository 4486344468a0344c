//! The signed scope: what nodes call, and nobody else.

use std::time::Duration;

use anyhow::ensure;
use blazz_domain::{
    AccountId, Address, Epoch, Lease, MediaId, MessageContent, OutboxId, ProviderMessageId, SessionEvent,
    SessionMessage, SystemClock,
};
use blazz_domain::{Clock as _, Incarnation};
use blazz_wire::control_api::{ENTRY_VERSION, EventBatch, EventEntry, Heartbeat, OfferMedia, Register};
use blazz_wire::keys::FleetSecret;
use blazz_wire::{CallError, ControlClient, FileToSend};
use reqwest::Method;
use serde_json::json;
use sha2::Digest as _;

use crate::attacks::{Between, Mode};
use crate::node::Node;
use crate::stage::{Answer, Caller, on_every_stage};

fn heartbeat(incarnation: Incarnation, number: u64) -> Heartbeat {
    Heartbeat {
        incarnation,
        number,
        changes: Vec::new(),
        removed: Vec::new(),
        outdated: None,
        sessions: 0,
        memory_bytes: 1,
    }
}

fn lease(tenant: &Caller, account: &str) -> anyhow::Result<Lease> {
    Ok(Lease {
        workspace_id: tenant.workspace_id.parse()?,
        account_id: account.parse::<AccountId>()?,
        epoch: Epoch(1),
    })
}

fn batch(incarnation: Incarnation, text: &str) -> anyhow::Result<EventBatch> {
    let contact =
        Address { jid: "15550000002@s.whatsapp.net".parse()?, phone: "+15550000002".parse().ok(), lid: None };
    let event = SessionEvent::Message(SessionMessage {
        chat: contact.clone(),
        sender: contact,
        from_me: false,
        id: ProviderMessageId("3EB0AA".to_owned()),
        push_name: Some("Ada".to_owned()),
        content: MessageContent::Text { text: text.to_owned() },
        reply_to: None,
        sent_at: SystemClock.now(),
    });
    let event = serde_json::value::to_raw_value(&event)?;
    Ok(EventBatch {
        version: ENTRY_VERSION,
        incarnation,
        outbox_id: OutboxId::new(),
        written_under: Epoch(1),
        entries: vec![EventEntry { sequence: 1, event }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_registers_beats_and_delivers() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        let answer = node.control.heartbeat(&heartbeat(node.incarnation, 1)).await?;
        ensure!(answer.number == 1 && answer.stop.is_empty(), "{answer:?}");

        let lease = lease(&tenant, &account)?;
        let batch = batch(node.incarnation, "Hello back!")?;
        for _ in 0..3 {
            ensure!(node.control.events(&lease, &batch).await?.sequence == 1, "acknowledged");
        }
        let messages = tenant.get("/v1/messages").await?.ok()?.json()?;
        ensure!(
            messages["data"].as_array().map(Vec::len) == Some(1),
            "delivered thrice, stored once: {messages}"
        );
        ensure!(messages["data"][0]["content"]["text"] == "Hello back!", "{messages}");
        ensure!(messages["data"][0]["direction"] == "inbound", "{messages}");
        let metrics = tenant.get("/metrics").await?.ok()?.text();
        ensure!(metrics.contains("blazz_ingest_batches_total{outcome=\"acknowledged\"} 3"), "{metrics}");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_and_foreign_claims_are_refused_with_their_codes() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (node, other) = (stage.node("node-1").await?, stage.node("node-2").await?);
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        other.script(|script| script.start = blazz_domain::AccountState::Connected);
        let lease = lease(&tenant, &account)?;
        let session = tenant.get(&format!("/v1/accounts/{account}/session")).await?.ok()?.json()?;
        let (holder, stranger) =
            if session["node_id"] == "node-1" { (&node, &other) } else { (&other, &node) };
        let refusal = stranger.control.events(&lease, &batch(stranger.incarnation, "x")?).await;
        ensure!(
            matches!(&refusal, Err(CallError::Refused(problem)) if problem.code.as_str() == "stale_lease"),
            "{refusal:?}"
        );
        let refusal =
            holder.control.events(&lease, &batch(Incarnation(holder.incarnation.0 + 9), "x")?).await;
        ensure!(
            matches!(&refusal, Err(CallError::Refused(problem)) if problem.code.as_str() == "not_registered"),
            "{refusal:?}"
        );
        let messages = tenant.get("/v1/messages").await?.ok()?.json()?;
        ensure!(messages["data"] == json!([]), "nothing was stored: {messages}");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_sign_as_a_node_is_refused_everywhere() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        for path in [
            "/internal/v1/register",
            "/internal/v1/heartbeat",
            "/internal/v1/events",
            "/internal/v1/media",
            "/internal/v1/media/019c1f7e-3c52-7e21-9a56-0f2a8c9d1e09",
            "/internal/v1",
            "/internal/v1/nope",
        ] {
            for caller in [&tenant, &stage.operator(), &stage.with_key("nope")] {
                for method in [Method::POST, Method::GET, Method::PUT] {
                    let answer = Answer::of(caller.request(method, path).json(&json!({}))).await?;
                    ensure!(
                        answer.status == 401 && answer.json()?["code"] == "bad_signature",
                        "{path}: {answer:?}"
                    );
                }
            }
        }
        // Signed, but with keys of another fleet.
        let foreign = FleetSecret::generate();
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5))?;
        let keys = foreign.node_secret(&node.id).keys(&node.id);
        let clock = std::sync::Arc::new(SystemClock);
        let url = format!("http://{}", stage.address).parse()?;
        let impostor = ControlClient::new(http, node.id.clone(), url, keys, clock);
        let answer = impostor.heartbeat(&heartbeat(node.incarnation, 7)).await;
        ensure!(answer.is_err(), "{answer:?}");
        Ok(stage)
    })
    .await
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

fn offer(bytes: &[u8]) -> OfferMedia {
    OfferMedia {
        sha256: sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        size: u64::try_from(bytes.len()).unwrap_or_default(),
        mime_type: "text/plain".to_owned(),
        filename: None,
    }
}

fn file(bytes: &[u8]) -> FileToSend {
    let size = u64::try_from(bytes.len()).unwrap_or_default();
    FileToSend { sha256: sha256(bytes), size, body: bytes.to_vec().into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_put_once_and_only_as_the_one_that_was_offered() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (node, other) = (stage.node("node-1").await?, stage.node("node-2").await?);
        let (tenant, stranger) = (stage.tenant("a").await?, stage.tenant("b").await?);
        let lease = lease(&tenant, &tenant.connected_account(&node).await?)?;
        let session =
            tenant.get(&format!("/v1/accounts/{}/session", lease.account_id)).await?.ok()?.json()?;
        let (holder, idle) = if session["node_id"] == "node-1" { (&node, &other) } else { (&other, &node) };
        let refusal = |answer: Result<(), CallError>| match answer {
            Err(CallError::Refused(problem)) => Ok(problem.code.as_str().to_owned()),
            other => Err(anyhow::anyhow!("{other:?}")),
        };
        let (bytes, wrong) = (b"a file".as_slice(), b"a lie!".as_slice());
        ensure!(
            refusal(idle.control.offer_media(&lease, &offer(bytes)).await.map(drop))? == "stale_lease",
            "not the holder"
        );
        let large = OfferMedia { size: u64::MAX, ..offer(bytes) };
        ensure!(
            refusal(holder.control.offer_media(&lease, &large).await.map(drop))? == "body_too_large",
            "too large"
        );

        let slot = holder.control.offer_media(&lease, &offer(bytes)).await?;
        ensure!(
            slot.is_wanted && slot == holder.control.offer_media(&lease, &offer(bytes)).await?,
            "{slot:?}"
        );
        let content = format!("/v1/media/{}/content", slot.media_id);
        tenant.get(&content).await?.refuses(404, "media_not_found")?;
        ensure!(
            refusal(holder.control.put_media(&lease, slot.media_id, file(wrong)).await.map(drop))?
                == "invalid_request",
            "another file"
        );
        // Signed as one file, sent as another.
        let forged = FileToSend { body: wrong.to_vec().into(), ..file(bytes) };
        let answer = holder.control.put_media(&lease, slot.media_id, forged).await;
        ensure!(matches!(answer, Err(CallError::BadAnswer(_))), "{answer:?}");
        ensure!(
            refusal(idle.control.put_media(&lease, slot.media_id, file(bytes)).await.map(drop))?
                == "stale_lease",
            "not the holder"
        );
        tenant.get(&content).await?.refuses(404, "media_not_found")?;

        for _ in 0..2 {
            ensure!(!holder.control.put_media(&lease, slot.media_id, file(bytes)).await?.is_wanted, "stored");
        }
        ensure!(tenant.get(&content).await?.ok()?.body == bytes, "the bytes");
        stranger.get(&content).await?.refuses(404, "media_not_found")?;
        let again = holder.control.offer_media(&lease, &offer(bytes)).await?;
        ensure!(!again.is_wanted && again.media_id == slot.media_id, "{again:?}");

        let mut fetched = Vec::new();
        holder.control.fetch_media(&lease, slot.media_id, 100, &mut fetched).await?;
        ensure!(fetched == bytes, "{fetched:?}");
        let small = holder.control.fetch_media(&lease, slot.media_id, 3, &mut Vec::new()).await;
        ensure!(matches!(small, Err(CallError::BadAnswer(_))), "{small:?}");
        let stale = idle.control.fetch_media(&lease, slot.media_id, 100, &mut Vec::new()).await;
        ensure!(refusal(stale.map(drop))? == "stale_lease", "not the holder");
        Ok(stage)
    })
    .await
}

/// What a node calls, and whether it may arrive twice.
async fn call(
    client: &ControlClient,
    route: &str,
    node: &Node,
    lease: &Lease,
) -> anyhow::Result<Result<(), CallError>> {
    let register = Register {
        node_id: node.id.clone(),
        url: "http://127.0.0.1:9".to_owned(),
        root_id: uuid::Uuid::nil(),
        capacity: 1,
        version: "0.1.0".to_owned(),
        started_at: SystemClock.now(),
        sandbox: true,
    };
    Ok(match route {
        "/heartbeat" => client.heartbeat(&heartbeat(node.incarnation, 50)).await.map(drop),
        "/events" => client.events(lease, &batch(node.incarnation, "x")?).await.map(drop),
        "/media" => client.offer_media(lease, &offer(b"a file")).await.map(drop),
        "PUT /media/{id}" => client.put_media(lease, MediaId::new(), file(b"a file")).await.map(drop),
        "GET /media/{id}" => {
            client.fetch_media(lease, MediaId::new(), 100, &mut tokio::io::sink()).await.map(drop)
        }
        _ => client.register(&register).await.map(drop),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_believes_what_was_changed_replayed_or_signed_by_another() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (node, other) = (stage.node("node-1").await?, stage.node("node-2").await?);
        let tenant = stage.tenant("a").await?;
        let lease = lease(&tenant, &tenant.connected_account(&node).await?)?;
        let between = Between::before(&format!("http://{}", stage.address));
        let client = |keys| -> anyhow::Result<ControlClient> {
            let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5))?;
            let clock = std::sync::Arc::new(SystemClock);
            Ok(ControlClient::new(http, node.id.clone(), between.url().parse()?, keys, clock))
        };
        let own = client(stage.fleet.node_secret(&node.id).keys(&node.id))?;
        let foreign = client(stage.fleet.node_secret(&other.id).keys(&other.id))?;
        // The registration comes last: it begins another incarnation.
        for (route, may_repeat) in [
            ("/heartbeat", true),
            ("/events", true),
            ("/media", false),
            ("PUT /media/{id}", false),
            ("GET /media/{id}", false),
            ("/register", false),
        ] {
            ensure!(call(&foreign, route, &node, &lease).await?.is_err(), "it does not arrive");
            ensure!(between.fire(&between.take()).await == 401, "{route} with another node's key");
            ensure!(call(&own, route, &node, &lease).await?.is_err(), "it does not arrive");
            between.attack(&between.take(), may_repeat).await;
        }
        between.turn_to(Mode::ForgeAnswers);
        for route in ["/heartbeat", "/events", "/media", "GET /media/{id}", "/register"] {
            let answer = call(&own, route, &node, &lease).await?;
            ensure!(matches!(answer, Err(CallError::BadAnswer(_))), "{route}: {answer:?}");
        }
        Ok(stage)
    })
    .await
}
