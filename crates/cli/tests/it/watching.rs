//! Alert rules, dashboards and the runbook: they speak of what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::documents::repository;
use crate::stack::{Backend, Stack, required};

/// Labels that Prometheus itself adds, and the one of a histogram's buckets.
const ADDED: [&str; 2] = ["job", "instance"];
/// What stands before a list of labels.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const WORDS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

/// A metric that an expression names, with the labels that it asks for.
type Named = (String, BTreeSet<String>);

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The metrics of a PromQL expression, with the labels in their braces.
fn metrics(expression: &str) -> Vec<Named> {
    // What stands in quotes is no name.
    let bare: String = expression.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let (mut found, mut rest) = (Vec::new(), bare.as_str());
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        let next = behind.trim_start();
        // `sum by (le) (…)` calls as `sum(…)` does.
        let calls = next.starts_with('(') || next.starts_with("by ") || next.starts_with("without ");
        if LISTS.contains(&word) {
            rest = next.split_once(')').unwrap().1;
        } else if word.starts_with(|c: char| c.is_ascii_digit()) || WORDS.contains(&word) || calls {
            continue;
        } else if let Some(inside) = next.strip_prefix('{') {
            let (labels, behind) = inside.split_once('}').unwrap();
            let names =
                labels.split(',').map(|label| label.split(['=', '!']).next().unwrap().trim().to_owned());
            found.push((word.to_owned(), names.collect()));
            rest = behind;
        } else {
            found.push((word.to_owned(), BTreeSet::new()));
        }
    }
    found
}

#[test]
fn metrics_are_found_in_expressions() {
    let of = |expression| metrics(expression).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(
        of("sum by (le, x) (rate(a_total{b=~\"c|d\"}[5m])) / on (e) f > 0.05 or g == 0"),
        ["a_total", "f", "g"]
    );
    assert_eq!(
        metrics("a{b!~\"}\",c=\"d\"} offset 5m")[0].1,
        BTreeSet::from(["b".to_owned(), "c".to_owned()])
    );
}

/// A YAML file, read by the library that schemathesis brings.
fn yaml(path: &str) -> Value {
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let read =
        Command::new(required("BLAZZ_TEST_PYTHON")).args(["-c", script]).arg(repository(path)).output();
    let read = read.unwrap();
    assert!(read.status.success(), "{path}: {}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

fn rules() -> Vec<Value> {
    let file = yaml("deploy/prometheus/alerts.yml");
    let groups = file["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Each dashboard, by its file.
fn dashboards() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(repository("deploy/grafana")).unwrap();
    let read =
        |path: std::path::PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    files
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), read(file.path())))
        .collect()
}

/// Every expression, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut all: Vec<_> = rules().iter().map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect();
    for (file, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                all.push((format!("{file}: {}", panel["title"]), text(&target["expr"])));
            }
        }
    }
    all
}

/// The metrics that a process renders, with all labels that any of their lines has.
fn rendered(text: &str, into: &mut BTreeMap<String, BTreeSet<String>>) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name: String = line.chars().take_while(|c| is_word(*c)).collect();
        let labels = into.entry(name).or_default();
        labels.extend(line.split("=\"").filter_map(|part| {
            let label: String = part.chars().rev().take_while(|c| is_word(*c)).collect();
            (!label.is_empty()).then(|| label.chars().rev().collect())
        }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_watched_exists() {
    let stack = Stack::start(Backend::Sqlite).await;
    let mut known = BTreeMap::from([("up".to_owned(), BTreeSet::new())]);
    let nodes =
        stack.call_with(&stack.text("operator_key"), reqwest::Method::GET, "/v1/nodes", None).await.unwrap();
    let nodes =
        nodes.body["data"].as_array().unwrap().iter().map(|node| node["url"].as_str().unwrap().to_owned());
    let mut urls = vec![stack.text("api_url")];
    urls.extend(nodes);
    assert_eq!(urls.len(), 3, "the API and two nodes");
    for url in urls {
        let answer = stack.http.get(format!("{url}/metrics")).send().await.unwrap();
        rendered(&answer.text().await.unwrap(), &mut known);
    }
    let expressions = expressions();
    assert!(expressions.len() > 40, "{expressions:?}");
    for (place, expression) in expressions {
        let named = metrics(&expression);
        assert!(!named.is_empty(), "{place}: {expression}");
        for (name, labels) in named {
            let there = known.get(&name).unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
            for label in labels.iter().filter(|label| !ADDED.contains(&label.as_str())) {
                assert!(there.contains(label), "{place}: {name} has no label {label}, but {there:?}");
            }
        }
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let runbook = std::fs::read_to_string(repository("docs/operations/runbook.md")).unwrap();
    let sections: BTreeSet<_> = runbook.lines().filter_map(|line| line.strip_prefix("## Blazz")).collect();
    let mut named = BTreeSet::new();
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        assert!(rule["annotations"]["summary"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        let link = rule["annotations"]["runbook_url"].as_str().unwrap();
        let (page, anchor) = link.split_once('#').unwrap();
        assert!(page.ends_with("/docs/operations/runbook.md"), "{name}: {link}");
        assert_eq!(anchor, name.to_lowercase());
        named.insert(name.strip_prefix("Blazz").unwrap().to_owned());
    }
    assert_eq!(
        named,
        sections.into_iter().map(str::to_owned).collect(),
        "alerts, and sections of the runbook"
    );
}

#[test]
fn dashboards_have_names_and_a_data_source_to_choose() {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{file}");
        assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource", "{file}");
        let mut places = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(!panel["title"].as_str().unwrap().is_empty(), "{file}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{file}: {}", panel["title"]);
            assert!(
                places.insert((panel["gridPos"]["x"].as_i64(), panel["gridPos"]["y"].as_i64())),
                "{file}: {panel}"
            );
        }
    }
    assert_eq!(uids, BTreeSet::from(["blazz-api", "blazz-fleet", "blazz-messages"].map(str::to_owned)));
}
