//! JSON values as YAML 1.2, in block style. Texts are quoted always, so that none is taken for a number or a truth value.

use std::fmt::Write;

use serde_json::Value;

/// The whole document.
pub(super) fn text(document: &Value) -> String {
    let mut out = String::with_capacity(64 * 1024);
    append(&mut out, document, 0);
    out
}

/// `value`, which begins a line of its own at `depth`.
fn append(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                indent(out, depth);
                key_text(out, key);
                out.push(':');
                append_behind(out, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(out, depth);
                out.push('-');
                append_behind(out, item, depth);
            }
        }
        scalar => {
            let _ = writeln!(out, "{scalar}");
        }
    }
}

/// `value` behind a key or a dash.
fn append_behind(out: &mut String, value: &Value, depth: usize) {
    let is_block =
        value.as_object().is_some_and(|map| !map.is_empty()) || value.as_array().is_some_and(|a| !a.is_empty());
    out.push(if is_block { '\n' } else { ' ' });
    append(out, value, depth + 1);
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Keys of letters stand as they are, unless YAML 1.1 reads them as something else.
fn key_text(out: &mut String, key: &str) {
    const NOT_TEXT: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain = !key.is_empty()
        && key.bytes().all(|octet| octet.is_ascii_alphabetic() || octet == b'_')
        && !NOT_TEXT.contains(&key.to_ascii_lowercase().as_str());
    if is_plain {
        out.push_str(key);
    } else {
        let _ = write!(out, "{}", Value::from(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_yaml_would_misread_and_all_texts_are_quoted() {
        let value =
            json!({"responses": {"200": {}, "on": [], "a_b": ["x: y", 3, true, [1], {"k": null}]}, "no\"": "é\n"});
        let wanted = "\"no\\\"\": \"é\\n\"\nresponses:\n  \"200\": {}\n  a_b:\n    - \"x: y\"\n    - 3\n    - true\n    -\n      - 1\n    \
                      -\n      k: null\n  \"on\": []\n";
        assert_eq!(text(&value), wanted);
    }
}
