//! The routes as the OpenAPI document declares them: which methods a path takes and whose key each needs.
//!
//! The gate is driven by the document, so neither can promise what the other does not hold; a route that declares no security does not
//! get as far as being served.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail};
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
    /// A workspace's.
    Workspace,
}

/// Every documented route.
#[derive(Debug)]
pub(crate) struct RouteTable(HashMap<String, BTreeMap<String, Access>>);

impl RouteTable {
    /// Reads the document.
    ///
    /// # Errors
    /// When an operation does not declare exactly one known kind of security (`security(())` for none).
    pub(crate) fn new(document: &OpenApi) -> anyhow::Result<Self> {
        let document = serde_json::to_value(document)?;
        let paths = document.get("paths").and_then(Value::as_object).context("the document has no paths")?;
        let mut table = HashMap::new();
        for (path, item) in paths {
            let mut methods = BTreeMap::new();
            for (method, operation) in item.as_object().into_iter().flatten() {
                let access = access(operation).with_context(|| format!("{method} {path}"))?;
                methods.insert(method.to_uppercase(), access);
            }
            table.insert(path.clone(), methods);
        }
        Ok(Self(table))
    }

    /// The methods of the path with this template.
    pub(crate) fn methods(&self, template: &str) -> Option<&BTreeMap<String, Access>> {
        self.0.get(template)
    }
}

fn access(operation: &Value) -> anyhow::Result<Access> {
    let declared = operation.get("security").and_then(Value::as_array).context("no security is declared")?;
    let [requirement] = declared.as_slice() else { bail!("one security requirement is expected") };
    let names: Vec<&str> =
        requirement.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    match names.as_slice() {
        [] => Ok(Access::Public),
        [OPERATOR] => Ok(Access::Operator),
        [WORKSPACE] => Ok(Access::Workspace),
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
        assert!(methods.values().all(|access| *access == Access::Workspace));
        assert_eq!(table.methods("/v1/nodes").unwrap()["GET"], Access::Operator);
        assert_eq!(table.methods("/healthz").unwrap()["GET"], Access::Public);
        let unguarded: Vec<_> = table
            .0
            .iter()
            .filter(|(path, m)| path.starts_with("/v1/") && m.values().any(|a| *a == Access::Public))
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
        ] {
            assert!(access(&operation).is_err(), "{operation}");
        }
    }
}
