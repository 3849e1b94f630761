//! DNS over HTTPS (RFC 8484), in HTTP/2 and HTTP/1.1.
//!
//! One connection serves requests until no query came for a while; everything it may hold is bounded: streams, headers, bodies, and
//! how often a client may take a request back (CVE-2023-44487).

use super::{SHUTDOWN_MAX, Shared, stopped};
use crate::answer::Asker;
use crate::counters::{Carrier, Channel, Counter, Event};
use crate::tcp::Ticket;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use data_encoding::BASE64URL_NOPAD;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};
use wire::message::{HEADER_OCTETS, least_ttl};

/// Where queries are answered.
const PATH: &str = "/dns-query";
const MEDIA_TYPE: &str = "application/dns-message";
/// Requests under way on one connection (RFC 9113 section 5.1.2 recommends no less).
const STREAMS_MAX: u32 = 100;
/// Longest header of a request, with its path.
const HEADER_OCTETS_MAX: u32 = 16 << 10;
/// Longest part of the path after `?`. Longer queries are for POST.
const QUERY_OCTETS_MAX: usize = 8 << 10;
/// Longest body; no DNS message is longer.
const BODY_OCTETS_MAX: usize = u16::MAX as usize;
/// Octets of a body that any number of requests on a connection may hold at once. Beyond, one after the other.
const SMALL_BODY_OCTETS: usize = 4 << 10;
/// Octets of bodies that come before they are asked for.
const STREAM_WINDOW: u32 = 16 << 10;
const CONNECTION_WINDOW: u32 = 64 << 10;
/// Octets of answers that wait for one stream.
const SEND_OCTETS: usize = 64 << 10;
/// Requests taken back that were not looked at yet; one more ends the connection.
const RESETS_MAX: usize = 20;

/// What is spoken in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// What is accepted over TLS (RFC 7301), in our order.
pub(crate) const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

impl Version {
    /// By the name agreed on in the handshake.
    pub(crate) fn agreed(protocol: Option<&[u8]>) -> Version {
        if protocol == Some(b"h2") { Version::Http2 } else { Version::Http1 }
    }

    /// By how the client begins, without TLS (RFC 9113 section 3.3): no method of HTTP/1.1 begins like this.
    pub(crate) async fn begun(stream: &TcpStream) -> io::Result<Version> {
        let mut begin = [0; 3];
        let octets = stream.peek(&mut begin).await?;
        Ok(if begin[..octets] == *b"PRI" { Version::Http2 } else { Version::Http1 })
    }
}

/// Who asks over a connection, and what its requests share.
struct Visitor {
    shared: Arc<Shared>,
    asker: Asker,
    ticket: Ticket,
    /// The right to a long body.
    long_body: Semaphore,
}

/// Serves a connection to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    version: Version,
    client: IpAddr,
    shared: Arc<Shared>,
    ticket: Ticket,
    stop: watch::Receiver<bool>,
) {
    let asker = Asker { address: client, transport: Carrier::Https.transport() };
    let visitor = Arc::new(Visitor { shared, asker, ticket, long_body: Semaphore::new(1) });
    let service = TowerToHyperService::new(routes().with_state(Arc::clone(&visitor)));
    let stream = TokioIo::new(stream);
    match version {
        Version::Http1 => {
            let connection = http1::Builder::new()
                .half_close(true)
                .max_buf_size(HEADER_OCTETS_MAX as usize)
                .timer(TokioTimer::new())
                .serve_connection(stream, service);
            drive(pin!(connection), |connection| connection.graceful_shutdown(), &visitor, stop).await;
        }
        Version::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(STREAMS_MAX)
                .max_header_list_size(HEADER_OCTETS_MAX)
                .max_pending_accept_reset_streams(RESETS_MAX)
                .max_local_error_reset_streams(RESETS_MAX)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_send_buf_size(SEND_OCTETS)
                .timer(TokioTimer::new())
                .serve_connection(stream, service);
            drive(pin!(connection), |connection| connection.graceful_shutdown(), &visitor, stop).await;
        }
    }
}

/// Runs a connection until its end: the client's, or when no query was answered for the idle time, or when we stop. The last two let
/// requests under way finish, for a while. A client that sends half a request, or does not read a reply, gets no query answered.
async fn drive<C: Future>(
    mut connection: Pin<&mut C>,
    wind_down: impl Fn(Pin<&mut C>),
    visitor: &Visitor,
    mut stop: watch::Receiver<bool>,
) {
    let shared = &visitor.shared;
    loop {
        let deadline = Instant::from_std(visitor.ticket.last()) + shared.idle;
        tokio::select! {
            _ = connection.as_mut() => return,
            () = visitor.ticket.closed() => return,
            () = stopped(&mut stop) => {
                wind_down(connection.as_mut());
                let _ = timeout(SHUTDOWN_MAX, connection).await;
                return;
            }
            () = sleep_until(deadline) => {}
        }
        if Instant::from_std(visitor.ticket.last()) + shared.idle <= Instant::now() {
            break;
        }
    }
    wind_down(connection.as_mut());
    let _ = timeout(SHUTDOWN_MAX, connection).await;
    shared.count(Carrier::Https, Event::Idle);
}

fn routes() -> Router<Arc<Visitor>> {
    Router::new()
        .route(PATH, get(by_get).post(by_post))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
}

/// Why a request is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Path,
    Method,
    NoParameter,
    Base64,
    NotDns,
    Slow,
    LongPath,
    LongBody,
    MediaType,
    /// The client took it back.
    Gone,
}

impl Refused {
    fn status(self) -> (StatusCode, &'static str) {
        match self {
            Refused::Path => (StatusCode::NOT_FOUND, "queries are answered at /dns-query\n"),
            Refused::Method => (StatusCode::METHOD_NOT_ALLOWED, "use GET or POST\n"),
            Refused::NoParameter => (StatusCode::BAD_REQUEST, "the parameter dns is missing\n"),
            Refused::Base64 => (StatusCode::BAD_REQUEST, "dns is not base64url without padding\n"),
            Refused::NotDns => (StatusCode::BAD_REQUEST, "not a DNS query\n"),
            Refused::Gone => (StatusCode::BAD_REQUEST, "the body is cut short\n"),
            Refused::Slow => (StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n"),
            Refused::LongPath => (StatusCode::URI_TOO_LONG, "use POST for long queries\n"),
            Refused::LongBody => (StatusCode::PAYLOAD_TOO_LARGE, "no DNS message is longer than 65535 octets\n"),
            Refused::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected application/dns-message\n"),
        }
    }
}

async fn by_get(State(visitor): State<Arc<Visitor>>, RawQuery(query): RawQuery) -> Response<Body> {
    visitor.reply(from_parameter(query.as_deref().unwrap_or_default()))
}

async fn by_post(State(visitor): State<Arc<Visitor>>, headers: HeaderMap, body: Body) -> Response<Body> {
    if !is_dns_message(&headers) {
        return visitor.reply(Err(Refused::MediaType));
    }
    let read = timeout(visitor.shared.idle, visitor.read(body)).await;
    visitor.reply(read.unwrap_or(Err(Refused::Slow)))
}

async fn no_such_path(State(visitor): State<Arc<Visitor>>) -> Response<Body> {
    visitor.reply(Err(Refused::Path))
}

async fn no_such_method(State(visitor): State<Arc<Visitor>>) -> Response<Body> {
    visitor.reply(Err(Refused::Method))
}

impl Visitor {
    fn reply(&self, message: Result<Vec<u8>, Refused>) -> Response<Body> {
        let answer = message.and_then(|message| self.answer(&message));
        // What is no query does not keep a connection open.
        if answer.is_ok() {
            self.ticket.touch(Instant::now().into_std());
        }
        answer.unwrap_or_else(|refused| {
            self.shared.counters.add(Counter::DohRefused, 1);
            let (status, reason) = refused.status();
            let mut response = Response::new(Body::from(reason));
            *response.status_mut() = status;
            response
        })
    }

    /// Every reply is a success of HTTP, whatever its RCODE (RFC 8484 section 4.2.1).
    fn answer(&self, message: &[u8]) -> Result<Response<Body>, Refused> {
        let channel = Channel::of(Carrier::Https, self.asker.address);
        let reply = self.shared.answers().to(message, self.asker, channel, <[u8]>::to_vec).ok_or(Refused::NotDns)?;
        // Caches may keep it for as long as its records (section 5.1), and a failure not at all.
        let max_age = format!("max-age={}", least_ttl(&reply).unwrap_or(0));
        let response = Response::builder().header(CONTENT_TYPE, MEDIA_TYPE).header(CACHE_CONTROL, max_age);
        Ok(response.body(Body::from(reply)).expect("both fields are plain text"))
    }

    async fn read(&self, mut body: Body) -> Result<Vec<u8>, Refused> {
        if body.size_hint().lower() > BODY_OCTETS_MAX as u64 {
            return Err(Refused::LongBody);
        }
        let mut message = Vec::new();
        let mut right = None;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(chunk) = frame.map_err(|_| Refused::Gone)?.into_data() else { continue };
            if message.len() + chunk.len() > BODY_OCTETS_MAX {
                return Err(Refused::LongBody);
            }
            if message.len() + chunk.len() > SMALL_BODY_OCTETS && right.is_none() {
                right = Some(self.long_body.acquire().await.expect("it is never closed"));
            }
            message.extend_from_slice(&chunk);
        }
        Ok(message)
    }
}

fn is_dns_message(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let media_type = value.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE)
}

/// The message in `dns=`, base64url without padding (RFC 8484 section 6).
fn from_parameter(query: &str) -> Result<Vec<u8>, Refused> {
    if query.len() > QUERY_OCTETS_MAX {
        return Err(Refused::LongPath);
    }
    let value = query.split('&').find_map(|pair| pair.strip_prefix("dns=")).ok_or(Refused::NoParameter)?;
    let message = BASE64URL_NOPAD.decode(value.as_bytes()).map_err(|_| Refused::Base64)?;
    if message.len() < HEADER_OCTETS { Err(Refused::NotDns) } else { Ok(message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// The example of RFC 8484 section 4.1.1.
    #[test]
    fn section_4_1_1_the_example_is_read() {
        let message = from_parameter("dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB").unwrap();
        assert_eq!(message[..12], [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&message[12..], b"\x03www\x07example\x03com\0\0\x01\0\x01");
        assert_eq!(from_parameter("ct&dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB&x=1"), Ok(message));
    }

    /// Section 6: padding MUST NOT be there, and the alphabet is that for URLs.
    #[test]
    fn section_6_other_forms_are_refused() {
        assert_eq!(from_parameter("AAAB"), Err(Refused::NoParameter));
        assert_eq!(from_parameter("dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQABAA=="), Err(Refused::Base64));
        assert_eq!(from_parameter("dns=++++"), Err(Refused::Base64));
        assert_eq!(from_parameter("dns=AAAB"), Err(Refused::NotDns));
        assert_eq!(from_parameter(&format!("dns={}", "A".repeat(QUERY_OCTETS_MAX))), Err(Refused::LongPath));
    }

    #[test]
    fn the_media_type_is_compared_without_case_and_parameters() {
        let with = |value: &'static str| {
            is_dns_message(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(with("application/dns-message"));
        assert!(with("Application/DNS-Message; charset=x"));
        assert!(!with("application/dns-json"));
        assert!(!is_dns_message(&HeaderMap::new()));
    }
}
