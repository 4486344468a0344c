//! The OpenAPI document: complete, and true.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::Value;

use crate::stage::{Answer, OPERATOR, on_every_stage};

/// One documented operation.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) value: Value,
}

/// Every operation of the document.
pub(crate) fn operations(document: &Value) -> anyhow::Result<Vec<Operation>> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().context("paths")? {
        for (method, value) in item.as_object().context("a path item")? {
            let method = method.to_uppercase().parse()?;
            operations.push(Operation { method, path: path.clone(), value: value.clone() });
        }
    }
    Ok(operations)
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The kind of key that it needs.
    pub(crate) fn key_kind(&self) -> Option<&str> {
        let requirement = self.value["security"].get(0)?.as_object()?;
        requirement.keys().next().map(String::as_str)
    }

    /// The parameters of one place (`path`, `query`, `header`).
    pub(crate) fn parameters(&self, place: &str) -> Vec<&Value> {
        let all = self.value["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|parameter| parameter["in"] == place).collect()
    }

    /// The path with every parameter filled in.
    pub(crate) fn path_with(&self, value: impl Fn(&str) -> Option<String>) -> anyhow::Result<String> {
        let mut path = self.path.clone();
        for parameter in self.parameters("path") {
            let name = parameter["name"].as_str().context("a name")?;
            let value = value(name).with_context(|| format!("{}: nobody knows a {name}", self.name()))?;
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        ensure!(!path.contains('{'), "{}: a parameter of the path is not documented", self.name());
        Ok(path)
    }
}

#[test]
fn the_document_is_the_one_that_was_reviewed() {
    insta::assert_json_snapshot!("openapi", blazz_api::openapi());
}

#[test]
fn every_operation_says_what_it_takes_and_gives() -> anyhow::Result<()> {
    let document = serde_json::to_value(blazz_api::openapi())?;
    ensure!(
        document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
        "{}",
        document["openapi"]
    );
    let mut ids = HashSet::new();
    for operation in operations(&document)? {
        let (name, value) = (operation.name(), &operation.value);
        let id = value["operationId"].as_str().context("an operation id")?;
        ensure!(ids.insert(id.to_owned()), "{name}: {id} is there twice");
        ensure!(value["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}: no summary");
        ensure!(value["tags"].as_array().map(Vec::len) == Some(1), "{name}: one tag");
        let responses = value["responses"].as_object().context("responses")?;
        ensure!(responses.keys().any(|status| status.starts_with('2')), "{name}: no success");
        for (status, response) in responses {
            check_response(&name, status, response)?;
        }
        if operation.path.starts_with("/v1/") {
            for status in ["401", "403", "500", "503"] {
                ensure!(responses.contains_key(status), "{name}: {status} is missing");
            }
        }
        if !operation.parameters("path").is_empty() {
            ensure!(responses.contains_key("404"), "{name}: 404 is missing");
        }
        if value.get("requestBody").is_some() {
            ensure!(value["requestBody"]["required"] == true, "{name}: the body is required");
            for status in ["400", "413", "415"] {
                ensure!(responses.contains_key(status), "{name}: {status} is missing");
            }
        }
    }
    Ok(())
}

fn check_response(name: &str, status: &str, response: &Value) -> anyhow::Result<()> {
    ensure!(response["headers"]["X-Request-Id"].is_object(), "{name} {status}: no request id");
    ensure!(
        response["description"].as_str().is_some_and(|text| !text.is_empty()),
        "{name} {status}: no description"
    );
    if status == "204" {
        return Ok(());
    }
    let content = response["content"].as_object().with_context(|| format!("{name} {status}: no content"))?;
    let ready = name == "GET /readyz";
    if status.starts_with('2') || ready {
        ensure!(content.values().all(|content| content["schema"].is_object()), "{name} {status}: no schema");
        return Ok(());
    }
    let problem = &content["application/problem+json"];
    ensure!(problem["schema"]["$ref"] == "#/components/schemas/Problem", "{name} {status}: {problem}");
    let examples =
        problem["examples"].as_object().with_context(|| format!("{name} {status}: no examples"))?;
    for (code, example) in examples {
        ensure!(example["value"]["code"] == code.as_str(), "{name} {status} {code}");
        ensure!(example["value"]["status"] == status.parse::<u16>()?, "{name} {status} {code}");
    }
    Ok(())
}

#[test]
fn every_reference_leads_somewhere() -> anyhow::Result<()> {
    fn check(document: &Value, value: &Value) -> anyhow::Result<usize> {
        let mut seen = 0;
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').context("a local reference")?;
            ensure!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            seen += 1;
        }
        let children: Vec<&Value> = match value {
            Value::Object(fields) => fields.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        for child in children {
            seen += check(document, child)?;
        }
        Ok(seen)
    }
    let document = serde_json::to_value(blazz_api::openapi())?;
    ensure!(check(&document, &document)? > 50, "the document refers to its schemas");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_operation_is_served_and_nothing_else_is() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let served = tenant.get("/openapi.json").await?.ok()?.json()?;
        ensure!(
            served == serde_json::to_value(blazz_api::openapi())?,
            "the served document is the generated one"
        );
        for operation in operations(&served)? {
            let path = operation.path_with(|_| Some(uuid::Uuid::now_v7().to_string()))?;
            let key =
                if operation.key_kind() == Some("operator_key") { OPERATOR } else { tenant.key.as_str() };
            let answer = Answer::of(stage.with_key(key).request(operation.method.clone(), &path)).await?;
            let statuses = operation.value["responses"].as_object().context("responses")?;
            ensure!(
                statuses.contains_key(answer.status.as_str()),
                "{}: {answer:?} is not documented",
                operation.name()
            );
            let code = answer.json().ok().and_then(|body| body["code"].as_str().map(str::to_owned));
            ensure!(code.as_deref() != Some("route_not_found"), "{} is not served", operation.name());
        }
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v1/accounts/",
            "/v2/accounts",
            "/v1//accounts",
            "/internal",
            "/%00",
            "/v1/accounts/a/b/c",
        ] {
            tenant.get(path).await?.refuses(404, "route_not_found")?;
        }
        for (method, path, allow) in [
            (Method::PUT, "/v1/accounts", "GET, POST"),
            (Method::DELETE, "/v1/messages", "GET, POST"),
            (Method::POST, "/healthz", "GET"),
            (Method::GET, "/v1/accounts/x/session/start", "POST"),
        ] {
            let answer = Answer::of(tenant.request(method, path)).await?;
            answer.refuses(405, "method_not_allowed")?;
            ensure!(answer.header("allow") == allow, "{path}: {answer:?}");
        }
        Ok(stage)
    })
    .await
}
