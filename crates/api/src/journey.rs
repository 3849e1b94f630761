//! What a request is known by in logs and to its client: an id, and one line when it is answered.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom, SystemRandom};

use crate::state::RequestLog;

/// In requests and answers.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a client.
const OCTETS_MAX: usize = 128;
/// Random octets of one of ours.
const OCTETS: usize = 12;

/// A request from its arrival to its answer.
pub(crate) struct Journey {
    id: HeaderValue,
    start: Instant,
}

impl Journey {
    /// Takes the client's id, or makes one if it has none that could stand in a log.
    pub(crate) fn begin(headers: &HeaderMap) -> Journey {
        let id = headers.get(HEADER).filter(|value| is_id(value.as_bytes())).cloned();
        Journey { id: id.unwrap_or_else(random), start: Instant::now() }
    }

    /// The id, for the log.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().expect("ids are graphic ASCII")
    }

    /// Puts the id into the answer.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(HEADER, self.id.clone());
    }

    /// Writes the line. `path` comes without its query, which may hold anything.
    pub(crate) fn log(&self, log: RequestLog, method: &Method, path: &str, status: u16, who: &str) {
        let ms = self.start.elapsed().as_micros() as f64 / 1000.0;
        let is_read = matches!(*method, Method::GET | Method::OPTIONS | Method::HEAD);
        match log {
            RequestLog::None => {}
            RequestLog::Normal if is_read => {
                tracing::debug!(target: "api::requests", %method, path, status, who, ms, "request answered");
            }
            RequestLog::Normal | RequestLog::All => {
                tracing::info!(target: "api::requests", %method, path, status, who, ms, "request answered");
            }
        }
    }
}

fn is_id(octets: &[u8]) -> bool {
    let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.:/+=@".contains(octet);
    (1..=OCTETS_MAX).contains(&octets.len()) && octets.iter().all(is_plain)
}

fn random() -> HeaderValue {
    let mut octets = [0; OCTETS];
    // Without random numbers the id is a poor one, and the request is answered.
    let _ = SystemRandom::new().fill(&mut octets);
    HeaderValue::try_from(HEXLOWER.encode(&octets)).expect("hex digits are header text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(given: Option<&'static str>) -> String {
        let header = given.map(|id| (HEADER, HeaderValue::from_static(id)));
        Journey::begin(&HeaderMap::from_iter(header)).id().to_owned()
    }

    #[test]
    fn plain_ids_are_kept_and_others_replaced() {
        for id in ["a", "3f2c/7:x-1_2.3+4=@"] {
            assert_eq!(id_of(Some(id)), id);
        }
        let long: &'static str = "x".repeat(OCTETS_MAX + 1).leak();
        for id in [None, Some(""), Some("a b"), Some("a\"b"), Some(long)] {
            let made = id_of(id);
            assert!(made.len() == 2 * OCTETS && made.bytes().all(|octet| octet.is_ascii_hexdigit()), "{id:?}: {made}");
        }
        assert_ne!(id_of(None), id_of(None));
    }
}
