//! Every answer that these tests get is held to both OpenAPI documents: its status, its media type, its body.
//!
//! The documents are read as a client reads them. To OpenAPI 3.1 answers are held strictly: a field that is not described is
//! a failure too.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{Answer, KEY};

pub(crate) struct Documents {
    swagger2: Value,
    openapi31: Value,
}

impl Documents {
    pub(crate) async fn read(router: &Router) -> Documents {
        Documents { swagger2: read(router, "2.0").await, openapi31: read(router, "3.1").await }
    }

    /// Panics if the answer is not as described.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Answer) {
        let mut faults = Vec::new();
        for document in [&self.swagger2, &self.openapi31] {
            if let Some(operation) = operation(document, method, path) {
                check(document, operation, answer, &mut faults);
            }
        }
        assert!(faults.is_empty(), "{method} {path}: {} {}\n{}", answer.status, answer.body, faults.join("\n"));
    }
}

async fn read(router: &Router, version: &str) -> Value {
    let request = Request::get(format!("/api/docs?openapi={version}")).header("x-api-key", KEY);
    let request = request.header("accept", "application/json").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// What the document says about a request; nothing about methods and paths that are refused as such.
fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let path = path.split('?').next()?;
    let fits = |template: &str| {
        let (wanted, given) = (template.split('/'), path.split('/'));
        wanted.clone().count() == given.clone().count()
            && wanted.zip(given).all(|(wanted, given)| match wanted {
                "{server_id}" => given == "localhost",
                _ if wanted.starts_with('{') => !given.is_empty(),
                _ => wanted == given,
            })
    };
    let (_, item) = document["paths"].as_object()?.iter().find(|(template, _)| fits(template))?;
    item.get(method.to_ascii_lowercase())
}

fn check(document: &Value, operation: &Value, answer: &Answer, faults: &mut Vec<String>) {
    let status = answer.status.as_u16();
    let Some(response) = operation["responses"].get(status.to_string()) else {
        // What is switched off is not there.
        if status != 404 {
            faults.push(format!("status {status} is not described"));
        }
        return;
    };
    let media_type = answer.header("content-type").map(|value| value.split(';').next().unwrap_or(value));
    // Errors come as text to who reads nothing else.
    if status >= 400 && status != 422 && media_type.is_some_and(|media_type| media_type.starts_with("text/")) {
        return;
    }
    let (schema, is_strict) = match (document.get("openapi"), media_type) {
        (Some(_), None) => (response.get("content"), true),
        (Some(_), Some(media_type)) => match response["content"].get(media_type) {
            Some(content) => (content.get("schema"), true),
            None => return faults.push(format!("media type {media_type} is not described")),
        },
        (None, _) => (response.get("schema"), false),
    };
    match (schema, media_type) {
        (None, None) if answer.body.is_empty() => {}
        (Some(schema), Some("application/json")) => {
            check_value(&Rules { document, is_strict }, schema, &answer.json(), "body", faults);
        }
        (Some(_), Some(_)) => {}
        _ => faults.push("a body without description, or a description without body".to_owned()),
    }
}

struct Rules<'d> {
    document: &'d Value,
    /// Whether fields that are not described are faults.
    is_strict: bool,
}

/// As much of JSON Schema as the documents use of it.
fn check_value(rules: &Rules<'_>, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = rules.document.pointer(reference.trim_start_matches('#'));
        return check_value(rules, schema.expect("references are resolved"), value, at, faults);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice: &Value| {
            let mut faults = Vec::new();
            check_value(rules, choice, value, at, &mut faults);
            faults.is_empty()
        };
        if !choices.iter().any(fits) {
            faults.push(format!("{at}: none of several fits {value}"));
        }
        return;
    }
    let has_type = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.as_i64().is_some_and(|number| {
            schema["minimum"].as_i64().is_none_or(|least| number >= least)
                && schema["maximum"].as_i64().is_none_or(|most| number <= most)
        }),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("type {other} is not known here"),
    };
    let is_choice = schema["enum"].as_array().is_none_or(|choices| choices.contains(value));
    if !has_type || !is_choice {
        faults.push(format!("{at}: {value} is not {schema}"));
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        check_value(rules, &schema["items"], item, &format!("{at}[{number}]"), faults);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for needed in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(needed).is_none() {
            faults.push(format!("{at}: {needed} is missing"));
        }
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            Some(schema) => check_value(rules, schema, field, &format!("{at}.{name}"), faults),
            None if rules.is_strict => faults.push(format!("{at}: {name} is not described")),
            None => {}
        }
    }
}

mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_as_described_is_found() {
        let document = json!({"thing": {
            "type": "object",
            "properties": {"a": {"type": "integer", "minimum": 0}, "b": {"type": "array", "items": {"type": "string", "enum": ["x"]}}},
            "required": ["a"],
        }});
        let schema = json!({"$ref": "#/thing"});
        let faults = |value: Value| {
            let mut faults = Vec::new();
            check_value(&Rules { document: &document, is_strict: true }, &schema, &value, "body", &mut faults);
            faults.len()
        };
        assert_eq!(faults(json!({"a": 1, "b": ["x", "x"]})), 0);
        for (value, count) in [
            (json!({}), 1),
            (json!({"a": -1}), 1),
            (json!({"a": "1"}), 1),
            (json!({"a": 1, "b": ["y"]}), 1),
            (json!({"a": 1, "c": 1}), 1),
            (json!([]), 2),
        ] {
            assert_eq!(faults(value.clone()), count, "{value}");
        }
    }
}
