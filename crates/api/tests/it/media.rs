//! Files: uploaded, read, deleted, and sent by their id.

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Caller, MOST_BYTES, on_every_stage};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

async fn upload(tenant: &Caller, path: &str, mime_type: &str, bytes: &[u8]) -> anyhow::Result<Answer> {
    let request = tenant.request(Method::POST, path).header("content-type", mime_type);
    Answer::of(request.body(bytes.to_vec())).await
}

async fn uploaded(tenant: &Caller, mime_type: &str, bytes: &[u8]) -> anyhow::Result<String> {
    upload(tenant, "/v1/media", mime_type, bytes).await?.created()?.id()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_what_was_uploaded() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let answer = upload(&tenant, "/v1/media?filename=..%2FPreis%20liste.png", "image/png", PNG)
            .await?
            .created()?;
        let file = answer.json()?;
        ensure!(answer.header("location") == format!("/v1/media/{}", answer.id()?), "{:?}", answer.headers);
        ensure!(file["mime_type"] == "image/png" && file["size"] == PNG.len(), "{file}");
        ensure!(
            file["filename"] == "Preis liste.png" && file["sha256"].as_str().map(str::len) == Some(64),
            "{file}"
        );
        let path = format!("/v1/media/{}", answer.id()?);
        ensure!(tenant.get(&path).await?.ok()?.json()? == file, "the same again");

        let content = tenant.get(&format!("{path}/content")).await?.ok()?;
        ensure!(content.body == PNG && content.header("content-type") == "image/png", "{content:?}");
        ensure!(content.header("content-length") == PNG.len().to_string(), "{content:?}");
        ensure!(content.header("x-content-type-options") == "nosniff", "{content:?}");
        let disposition = content.header("content-disposition");
        ensure!(disposition == "attachment; filename*=UTF-8''Preis%20liste.png", "{disposition}");
        let part = tenant.request(Method::GET, &format!("{path}/content")).header("range", "bytes=1-3");
        let part = Answer::of(part).await?;
        ensure!(part.status == 206 && part.body == b"PNG", "{part:?}");
        ensure!(part.header("content-range") == format!("bytes 1-3/{}", PNG.len()), "{part:?}");

        // The same file again is the same; under another name it is another, with the same bytes.
        let again =
            upload(&tenant, "/v1/media?filename=Preis%20liste.png", "image/png", PNG).await?.created()?;
        ensure!(again.json()? == file, "{again:?}");
        let other = uploaded(&tenant, "image/png", PNG).await?;
        ensure!(other != answer.id()?, "another name");
        tenant.delete(&path).await?.is(reqwest::StatusCode::NO_CONTENT)?;
        tenant.get(&path).await?.refuses(404, "media_not_found")?;
        tenant.delete(&path).await?.refuses(404, "media_not_found")?;
        ensure!(tenant.get(&format!("/v1/media/{other}/content")).await?.ok()?.body == PNG, "its bytes stay");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_or_another_than_it_says_is_refused() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        upload(&tenant, "/v1/media", "image/png", b"").await?.refuses(400, "invalid_request")?;
        upload(&tenant, "/v1/media", "image/png", b"%PDF-1.7")
            .await?
            .refuses(415, "unsupported_media_type")?;
        upload(&tenant, "/v1/media", "nonsense", PNG).await?.refuses(415, "unsupported_media_type")?;
        upload(&tenant, "/v1/media?name=x", "image/png", PNG).await?.refuses(400, "invalid_request")?;
        let sniffed =
            upload(&tenant, "/v1/media", "application/octet-stream", PNG).await?.created()?.json()?;
        ensure!(sniffed["mime_type"] == "image/png", "{sniffed}");
        // Too large: said at once, or only found out.
        let large = vec![b'x'; MOST_BYTES + 1];
        upload(&tenant, "/v1/media", "text/plain", &large).await?.refuses(413, "body_too_large")?;
        let pieces: Vec<_> =
            large.chunks(100_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        let answer = Answer::of(tenant.request(Method::POST, "/v1/media").body(body)).await?;
        answer.refuses(413, "body_too_large")?;
        upload(&tenant, "/v1/media", "text/plain", &large[..MOST_BYTES]).await?.created()?;
        Ok(stage)
    })
    .await
}

fn message(account: &str, kind: &str, content: Value) -> Value {
    json!({ "account_id": account, "to": "+15550000002", kind: content })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_by_its_id_as_what_it_is() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let (tenant, other) = (stage.tenant("a").await?, stage.tenant("b").await?);
        let account = tenant.connected_account(&node).await?;
        let picture = uploaded(&tenant, "image/png", PNG).await?;
        let pdf = upload(&tenant, "/v1/media?filename=a.pdf", "application/pdf", b"%PDF-1.7").await?.created()?.id()?;

        let body = message(&account, "image", json!({ "media_id": picture, "caption": "look" }));
        let sent = tenant.post("/v1/messages", body).await?.created()?.json()?;
        ensure!(sent["status"] == "sent" && sent["content"]["kind"] == "image", "{sent}");
        ensure!(sent["content"]["caption"] == "look" && sent["content"]["media"]["id"] == picture, "{sent}");
        ensure!(sent["content"]["media"]["state"] == "stored", "{sent}");
        let body = message(&account, "document", json!({ "media_id": pdf, "filename": "contract.pdf" }));
        let sent = tenant.post("/v1/messages", body).await?.created()?.json()?;
        ensure!(sent["content"]["media"]["filename"] == "contract.pdf", "{sent}");
        let body = message(&account, "document", json!({ "media_id": pdf }));
        let sent = tenant.post("/v1/messages", body).await?.created()?.json()?;
        ensure!(sent["content"]["media"]["filename"] == "a.pdf", "{sent}");

        for (kind, id) in [("image", &pdf), ("video", &picture), ("audio", &picture), ("sticker", &picture)] {
            let body = message(&account, kind, json!({ "media_id": id }));
            tenant.post("/v1/messages", body).await?.refuses(422, "media_not_sendable")?;
        }
        let theirs = uploaded(&other, "image/png", b"\x89PNG\r\n\x1a\n theirs").await?;
        let body = message(&account, "image", json!({ "media_id": theirs }));
        tenant.post("/v1/messages", body).await?.refuses(404, "media_not_found")?;
        for bad in [
            json!({ "account_id": account, "to": "+15550000002", "text": "a", "image": { "media_id": picture } }),
            message(&account, "image", json!({ "media_id": picture, "voice": true })),
            message(&account, "image", json!({})),
            message(&account, "document", json!({ "media_id": pdf, "filename": "/" })),
        ] {
            tenant.post("/v1/messages", bad).await?.refuses(400, "invalid_request")?;
        }
        Ok(stage)
    })
    .await
}
