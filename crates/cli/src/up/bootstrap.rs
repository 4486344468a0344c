//! The first workspace and its key.

use anyhow::Context as _;
use blazz_domain::WorkspaceId;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::secrets::WorkspaceSecret;

#[derive(Deserialize)]
struct Made {
    id: WorkspaceId,
}

#[derive(Deserialize)]
struct MadeKey {
    secret: String,
}

/// Whether the API still knows a key.
pub(crate) async fn is_valid(
    http: &reqwest::Client,
    api: &str,
    known: &WorkspaceSecret,
) -> anyhow::Result<bool> {
    let answer = http.get(format!("{api}/v1/accounts?limit=1")).bearer_auth(&known.key).send().await?;
    Ok(answer.status() != StatusCode::UNAUTHORIZED)
}

/// Creates a workspace and a key for it.
pub(crate) async fn make(
    http: &reqwest::Client,
    api: &str,
    operator_key: &str,
) -> anyhow::Result<WorkspaceSecret> {
    let post = async |path: String| {
        let body = json!({ "name": "default" });
        http.post(format!("{api}{path}"))
            .bearer_auth(operator_key)
            .json(&body)
            .send()
            .await?
            .error_for_status()
    };
    let workspace: Made =
        post("/v1/workspaces".into()).await.context("cannot create a workspace")?.json().await?;
    let key: MadeKey = post(format!("/v1/workspaces/{}/keys", workspace.id))
        .await
        .context("cannot create a key")?
        .json()
        .await?;
    Ok(WorkspaceSecret { id: workspace.id, key: key.secret })
}
