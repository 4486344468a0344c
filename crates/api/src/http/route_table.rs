//! The routes as the OpenAPI document declares them: which methods a path takes, whose key each needs and what it is called.
//!
//! The gate is driven by the document, so neither can promise what the other does not hold; a route that declares no security does not
//! get as far as being served.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail, ensure};
use blazz_domain::Scope;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The name of the operator key's security scheme.
pub(crate) const OPERATOR: &str = "operator_key";
/// The name of the workspace key's security scheme.
pub(crate) const WORKSPACE: &str = "workspace_key";

/// Whose key a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody's.
    Public,
    /// The operator's.
    Operator,
    /// A workspace's, with this scope.
    Workspace(Scope),
}

/// One documented operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Whose key it needs.
    pub(crate) access: Access,
    /// Its id.
    pub(crate) operation: String,
    /// Whether its body is a file.
    pub(crate) takes_file: bool,
}

/// Every documented route.
#[derive(Debug)]
pub(crate) struct RouteTable(HashMap<String, BTreeMap<String, Route>>);

impl RouteTable {
    /// Reads the document.
    ///
    /// # Errors
    /// When an operation has no id, or does not declare exactly one known kind of security (`security(())` for none), and one scope for a
    /// workspace's key.
    pub(crate) fn new(document: &OpenApi) -> anyhow::Result<Self> {
        let document = serde_json::to_value(document)?;
        let paths = document.get("paths").and_then(Value::as_object).context("the document has no paths")?;
        let mut table = HashMap::new();
        for (path, item) in paths {
            let mut methods = BTreeMap::new();
            for (method, operation) in item.as_object().into_iter().flatten() {
                let route = route(operation).with_context(|| format!("{method} {path}"))?;
                methods.insert(method.to_uppercase(), route);
            }
            table.insert(path.clone(), methods);
        }
        Ok(Self(table))
    }

    /// The methods of the path with this template.
    pub(crate) fn methods(&self, template: &str) -> Option<&BTreeMap<String, Route>> {
        self.0.get(template)
    }
}

fn route(operation: &Value) -> anyhow::Result<Route> {
    let id = operation.get("operationId").and_then(Value::as_str).context("no operation id is declared")?;
    let takes_file = operation.pointer("/requestBody/content/application~1octet-stream").is_some();
    Ok(Route { access: access(operation)?, operation: id.to_owned(), takes_file })
}

fn access(operation: &Value) -> anyhow::Result<Access> {
    let declared = operation.get("security").and_then(Value::as_array).context("no security is declared")?;
    let [requirement] = declared.as_slice() else { bail!("one security requirement is expected") };
    let mut schemes = requirement.as_object().into_iter().flatten();
    let (scheme, None) = (schemes.next(), schemes.next()) else { bail!("one kind of key is expected") };
    let Some((name, scopes)) = scheme else { return Ok(Access::Public) };
    let scopes = scopes.as_array().map(Vec::as_slice).unwrap_or_default();
    match name.as_str() {
        OPERATOR => {
            ensure!(scopes.is_empty(), "the operator's key has no scopes");
            Ok(Access::Operator)
        }
        WORKSPACE => {
            let [scope] = scopes else { bail!("one scope is expected, such as \"accounts:read\"") };
            let scope = scope.as_str().and_then(Scope::find);
            Ok(Access::Workspace(scope.context("the scope is not in the table of scopes")?))
        }
        other => bail!("unknown security {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_route_declares_its_security() {
        let table = RouteTable::new(&crate::openapi()).unwrap();
        let methods = table.methods("/v1/accounts/{account_id}").unwrap();
        assert_eq!(methods.keys().collect::<Vec<_>>(), ["DELETE", "GET", "PATCH"]);
        assert_eq!(methods["GET"].access, Access::Workspace(Scope::AccountsRead));
        assert_eq!(methods["PATCH"].operation, "updateAccount");
        assert_eq!(methods["PATCH"].access, Access::Workspace(Scope::AccountsWrite));
        assert!(table.methods("/v1/media").unwrap()["POST"].takes_file && !methods["PATCH"].takes_file);
        assert_eq!(table.methods("/v1/nodes").unwrap()["GET"].access, Access::Operator);
        assert_eq!(table.methods("/healthz").unwrap()["GET"].access, Access::Public);
        let unguarded: Vec<_> = table
            .0
            .iter()
            .filter(|(path, m)| {
                path.starts_with("/v1/") && m.values().any(|route| route.access == Access::Public)
            })
            .collect();
        assert!(unguarded.is_empty(), "{unguarded:?}");
    }

    #[test]
    fn an_undeclared_security_is_an_error() {
        for operation in [
            serde_json::json!({}),
            serde_json::json!({ "security": [] }),
            serde_json::json!({ "security": [{ "x": [] }] }),
            serde_json::json!({ "security": [{}, { "operator_key": [] }] }),
            serde_json::json!({ "security": [{ "operator_key": [], "workspace_key": ["accounts:read"] }] }),
            serde_json::json!({ "security": [{ "operator_key": ["accounts:read"] }] }),
            serde_json::json!({ "security": [{ "workspace_key": [] }] }),
            serde_json::json!({ "security": [{ "workspace_key": ["accounts:fly"] }] }),
            serde_json::json!({ "security": [{ "workspace_key": ["accounts:read", "events:read"] }] }),
        ] {
            assert!(access(&operation).is_err(), "{operation}");
        }
    }
}
