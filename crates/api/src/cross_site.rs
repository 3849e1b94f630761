//! Requests that a browser sends because a page of another site told it to.
//!
//! It adds the password that its user gave for ours, or is within the networks that need none. The API itself is safe: its key is in
//! a header that no other site can set. Pages that change something, and the webhook, ask here.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::error::ApiError;

/// Who had a request sent (W3C Fetch Metadata). Over plain HTTP browsers tell it for loopback only.
const FETCH_SITE: &str = "sec-fetch-site";

/// # Errors
///
/// 403 if a page of another site had it sent.
pub(crate) fn refuse(parts: &Parts) -> Result<(), ApiError> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (text(FETCH_SITE), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            // HTTP/2 has it in the URI.
            let host = parts.uri.authority().map(|authority| authority.as_str()).or_else(|| text("host"));
            let from = origin.split_once("://").map(|(_, from)| from);
            from.zip(host).is_some_and(|(from, host)| from.eq_ignore_ascii_case(host))
        }
        (None, None) => true,
    };
    match is_ours {
        true => Ok(()),
        false => Err(ApiError::Forbidden("Forbidden: a page of another site sent this".to_owned())),
    }
}

/// # Errors
///
/// 403 for every browser, where only programs have business.
pub(crate) fn refuse_browsers(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.contains_key(header::ORIGIN) || headers.contains_key(FETCH_SITE) {
        true => Err(ApiError::Forbidden("Forbidden: this is no page for browsers".to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn is_refused(uri: &str, headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(Request::builder().uri(uri), |request, (name, value)| request.header(*name, *value));
        refuse(&request.body(()).unwrap().into_parts().0).is_err()
    }

    #[test]
    fn what_another_site_had_sent_is_told_from_our_own_forms() {
        let host = ("host", "dns.example:8081");
        assert!(!is_refused("/", &[host]), "programs");
        assert!(!is_refused("/", &[host, ("origin", "http://DNS.example:8081")]));
        assert!(!is_refused("https://dns.example:8081/", &[("origin", "https://dns.example:8081")]), "HTTP/2");
        assert!(!is_refused(
            "/",
            &[("host", "inside"), ("origin", "https://proxy"), ("sec-fetch-site", "same-origin")]
        ));
        for origin in ["http://evil.example", "http://dns.example", "http://dns.example:8081.evil.example", "null", ""]
        {
            assert!(is_refused("/", &[host, ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert!(is_refused("/", &[host, ("sec-fetch-site", site)]), "{site}");
        }
    }
}
