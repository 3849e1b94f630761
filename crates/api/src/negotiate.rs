//! In which form a client reads errors and exports (PDNS-DIALECT 1.4 and 4.6).

use axum::http::{HeaderMap, header};

/// The body of an error other than 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// `{"error": "..."}`
    Json,
    /// A small page.
    Html,
    /// The status text alone.
    Text,
}

/// The form of the OpenAPI documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocsForm {
    Json,
    Yaml,
    YamlAsText,
}

/// What the request says about bodies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accepts {
    accept: Option<String>,
    content_type: Option<String>,
}

impl Accepts {
    /// Reads `Accept` and `Content-Type`; several headers of a name count as one list.
    pub(crate) fn of(headers: &HeaderMap) -> Accepts {
        let list = |name: header::HeaderName| {
            let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            (!values.is_empty()).then(|| values.join(",").to_ascii_lowercase())
        };
        Accepts { accept: list(header::ACCEPT), content_type: list(header::CONTENT_TYPE) }
    }

    fn names(&self, media_type: &str) -> bool {
        self.accept.as_deref().is_some_and(|accept| accept.contains(media_type))
    }

    /// JSON unless another form is asked for. Who sends no `Accept` reads what it writes, if that is HTML; else it reads JSON as
    /// well as text, and learns the reason.
    pub(crate) fn error_form(&self) -> ErrorForm {
        if self.accept.is_none() {
            let writes_html = self.content_type.as_deref().is_some_and(|written| written.contains("text/html"));
            return if writes_html { ErrorForm::Html } else { ErrorForm::Json };
        }
        if self.names("*/*") || self.names("application/json") {
            ErrorForm::Json
        } else if self.names("text/html") {
            ErrorForm::Html
        } else {
            ErrorForm::Text
        }
    }

    /// How `/api/docs` is read: JSON by name or by `*/*`, else YAML; who sends no `Accept` sees it as text.
    pub(crate) fn docs_form(&self) -> DocsForm {
        if self.names("application/json") {
            DocsForm::Json
        } else if self.names("yaml") {
            DocsForm::Yaml
        } else if self.names("*/*") {
            DocsForm::Json
        } else {
            DocsForm::YamlAsText
        }
    }

    /// Whether JSON is asked for by name.
    pub(crate) fn wants_json(&self) -> bool {
        self.names("application/json")
    }

    /// Whether an export is wanted as JSON. Without `Accept` it is text: scripts count on that.
    pub(crate) fn export_as_json(&self) -> bool {
        self.names("application/json") || self.names("*/*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: Option<&'static str>) -> Accepts {
        let mut headers = HeaderMap::new();
        headers.extend(value.map(|value| (header::ACCEPT, value.parse().unwrap())));
        Accepts::of(&headers)
    }

    #[test]
    fn section_1_4_errors_follow_accept() {
        for (accept, form) in [
            (None, ErrorForm::Json),
            (Some("*/*"), ErrorForm::Json),
            (Some("application/json"), ErrorForm::Json),
            (Some("text/html"), ErrorForm::Html),
            (Some("text/html, */*;q=0.8"), ErrorForm::Json),
            (Some("application/x-yaml"), ErrorForm::Text),
            (Some("text/plain"), ErrorForm::Text),
        ] {
            assert_eq!(accepts(accept).error_form(), form, "{accept:?}");
        }
    }

    #[test]
    fn section_1_4_errors_follow_content_type_where_there_is_no_accept() {
        for (accept, content_type, form) in [
            (None, "text/html; charset=utf-8", ErrorForm::Html),
            (None, "application/json", ErrorForm::Json),
            (None, "application/x-www-form-urlencoded", ErrorForm::Json),
            (Some("text/plain"), "text/html", ErrorForm::Text),
            (Some("application/json"), "text/html", ErrorForm::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            headers.extend(accept.map(|value| (header::ACCEPT, value.parse().unwrap())));
            assert_eq!(Accepts::of(&headers).error_form(), form, "{accept:?} {content_type}");
        }
    }

    #[test]
    fn section_2_docs_are_json_by_accept_and_yaml_else() {
        for (accept, form) in [
            (None, DocsForm::YamlAsText),
            (Some("text/html"), DocsForm::YamlAsText),
            (Some("application/x-yaml, */*"), DocsForm::Yaml),
            (Some("text/x-yaml"), DocsForm::Yaml),
            (Some("*/*"), DocsForm::Json),
            (Some("application/json"), DocsForm::Json),
        ] {
            assert_eq!(accepts(accept).docs_form(), form, "{accept:?}");
        }
    }

    #[test]
    fn section_4_6_exports_are_text_without_accept() {
        assert!(!accepts(None).export_as_json());
        assert!(!accepts(Some("text/plain")).export_as_json());
        assert!(accepts(Some("*/*")).export_as_json());
        assert!(accepts(Some("application/json")).export_as_json());
    }
}
