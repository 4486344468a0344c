//! No workspace reaches into another: for every route of the document that takes an id, another workspace's id is 404 and changes nothing.
//! A route that this test cannot exercise makes it fail, so a new one cannot slip through.

use std::cmp::Reverse;
use std::collections::HashMap;

use anyhow::{Context as _, bail, ensure};
use blazz_domain::AccountState;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::document::{Operation, operations};
use crate::stage::{Answer, Caller, on_every_stage};

/// The ids of one workspace's objects, by the name that routes give them.
type Ids = HashMap<&'static str, String>;

#[tokio::test(flavor = "multi_thread")]
async fn another_workspaces_id_is_not_found_on_every_route() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let (a, b) = (stage.tenant("a").await?, stage.tenant("b").await?);
        let ids = populate(&b, b.connected_account(&node).await?).await?;
        populate(&a, a.connected_account(&node).await?).await?;
        node.script(|script| script.start = AccountState::Qr);
        let document = b.get("/openapi.json").await?.json()?;
        let before = everything_of(&b).await?;
        let calls = node.script(|script| script.request_ids.len());

        let (mut with_ids, mut without) = (Vec::new(), 0);
        for operation in operations(&document)? {
            if operation.key_kind() != Some("workspace_key") {
                continue;
            }
            if takes_an_id(&document, &operation)? {
                let answer = Call::of(&document, &operation, &ids)?.by(&a).await?;
                let own = ["account_not_found", "media_not_found"];
                let code = own.into_iter().find(|code| answer.text().contains(code)).unwrap_or("not_found");
                answer.refuses(404, code).with_context(|| operation.name())?;
                with_ids.push(operation);
            } else {
                without += 1;
                if operation.method == Method::GET {
                    let text = a.get(&operation.path).await?.ok()?.text();
                    let leaked = ids.values().find(|id| text.contains(*id));
                    ensure!(leaked.is_none(), "{}: shows {leaked:?}", operation.name());
                }
            }
        }
        ensure!(with_ids.len() >= 18 && without >= 4, "{} and {without} routes", with_ids.len());
        ensure!(everything_of(&b).await? == before, "another workspace's call has changed something");
        ensure!(
            node.script(|script| script.request_ids.len()) == calls,
            "another workspace's call has reached the node"
        );

        // The same calls by their owner do find something, so the test does exercise them. Those that delete come last, and
        // of them the one that deletes the most.
        with_ids.sort_by_key(|operation| (operation.method == Method::DELETE, Reverse(operation.path.len())));
        for operation in with_ids {
            let answer = Call::of(&document, &operation, &ids)?.by(&b).await?;
            ensure!(
                answer.status != 404 && !answer.status.is_server_error(),
                "{}: {answer:?}",
                operation.name()
            );
            ensure!(
                answer.status != 400,
                "{}: {answer:?} — the test's own request is wrong",
                operation.name()
            );
        }
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_id_is_not_found_either() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let document = tenant.get("/openapi.json").await?.json()?;
        for operation in operations(&document)? {
            if operation.parameters("path").is_empty() {
                continue;
            }
            let caller = if operation.key_kind() == Some("operator_key") { &operator } else { &tenant };
            for bad in ["nope", "1", "%00", "019c1f7e-3c52-7e21-9a56", "..%2f..%2fetc", "ü"] {
                let path = operation.path_with(|_| Some(bad.to_owned()))?;
                let mut request = caller.request(operation.method.clone(), &path);
                if let Some(body) = example_body(&document, &operation)? {
                    request = request.json(&body);
                }
                let answer = Answer::of(request).await?;
                ensure!(answer.status == 404, "{} with {bad}: {answer:?}", operation.name());
                ensure!(
                    answer.json()?["code"].as_str().is_some_and(|code| code.ends_with("not_found")),
                    "{answer:?}"
                );
            }
        }
        Ok(stage)
    })
    .await
}

/// One of everything in a workspace.
async fn populate(tenant: &Caller, account_id: String) -> anyhow::Result<Ids> {
    let message = tenant.send(&account_id, "for my eyes only").await?.created()?.json()?;
    let text = |name: &str| message[name].as_str().map(str::to_owned).context("an id");
    let upload = tenant.request(Method::POST, "/v1/media").body("for my eyes only");
    Ok(HashMap::from([
        ("media_id", Answer::of(upload).await?.created()?.id()?),
        ("account_id", account_id),
        ("message_id", text("id")?),
        ("conversation_id", text("conversation_id")?),
    ]))
}

/// All that a workspace can see of itself.
async fn everything_of(tenant: &Caller) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for path in ["/v1/accounts", "/v1/messages", "/v1/conversations", "/v1/events"] {
        all.push(tenant.get(path).await?.ok()?.json()?);
    }
    Ok(all)
}

fn is_id(name: &str) -> bool {
    name == "id" || name.ends_with("_id")
}

fn takes_an_id(document: &Value, operation: &Operation) -> anyhow::Result<bool> {
    let named = |parameter: &&Value| parameter["name"].as_str().is_some_and(is_id);
    let in_query = operation.parameters("query").iter().any(named);
    let body = example_body(document, operation)?;
    let in_body = body.is_some_and(|body| body.keys().any(|name| is_id(name)));
    Ok(!operation.parameters("path").is_empty() || in_query || in_body)
}

/// The example of the operation's body, which the document must have.
fn example_body(document: &Value, operation: &Operation) -> anyhow::Result<Option<Map<String, Value>>> {
    let Some(body) = operation.value.get("requestBody") else { return Ok(None) };
    // Bytes hold no id.
    let Some(json) = body.pointer("/content/application~1json") else { return Ok(None) };
    let reference = json.pointer("/schema/$ref").and_then(Value::as_str);
    let pointer = reference.and_then(|reference| reference.strip_prefix('#')).context("a body's schema")?;
    let schema = document.pointer(pointer).context("the schema of the body")?;
    let example =
        schema["example"].as_object().with_context(|| format!("{}: no example body", operation.name()))?;
    let properties = schema["properties"].as_object().context("properties")?;
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let must_be_there = |name: &&String| required.contains(&name.as_str()) || is_id(name);
    let missing = properties.keys().filter(must_be_there).find(|name| !example.contains_key(*name));
    ensure!(missing.is_none(), "{}: the example has no {missing:?}", operation.name());
    let unknown = example.keys().find(|name| !properties.contains_key(*name));
    ensure!(unknown.is_none(), "{}: the example has an unknown {unknown:?}", operation.name());
    Ok(Some(example.clone()))
}

/// Whether the body is no JSON but a JPEG.
fn takes_a_picture(operation: &Operation) -> bool {
    operation.value.pointer("/requestBody/content/image~1jpeg").is_some()
}

/// A request that names somebody's objects wherever it names any.
struct Call {
    method: Method,
    path: String,
    body: Option<Map<String, Value>>,
    picture: bool,
}

impl Call {
    fn of(document: &Value, operation: &Operation, ids: &Ids) -> anyhow::Result<Self> {
        let mut path = operation.path_with(|name| ids.get(name).cloned())?;
        let mut query = Vec::new();
        for parameter in operation.parameters("query") {
            let name = parameter["name"].as_str().context("a name")?;
            if is_id(name) {
                let id =
                    ids.get(name).with_context(|| format!("{}: nobody knows a {name}", operation.name()))?;
                query.push(format!("{name}={id}"));
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let mut body = example_body(document, operation)?;
        for (name, value) in body.iter_mut().flatten() {
            match ids.get(name.as_str()) {
                Some(id) => *value = Value::from(id.clone()),
                None if is_id(name) => bail!("{}: nobody knows a {name}", operation.name()),
                None => {}
            }
        }
        Ok(Self { method: operation.method.clone(), path, body, picture: takes_a_picture(operation) })
    }

    async fn by(&self, caller: &Caller) -> anyhow::Result<Answer> {
        let request = caller.request(self.method.clone(), &self.path);
        Answer::of(match &self.body {
            Some(body) => request.json(body),
            None if self.picture => {
                request.header("content-type", "image/jpeg").body(vec![0xff, 0xd8, 0xff, 0xe0])
            }
            None => request,
        })
        .await
    }
}
