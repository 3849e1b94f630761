//! Reading a request's body within its bounds.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures_util::StreamExt;

use crate::error::ApiError;

/// How often the limit is read and dropped beyond it, so that a client that sends first and reads then sees our answer.
const DRAIN_FACTOR: usize = 4;

/// Reads the whole body of at most `octets_max` octets; each piece must come within `piece_timeout`.
///
/// # Errors
///
/// 400 if it is longer, late, or broken off.
pub(crate) async fn read(body: Body, octets_max: usize, piece_timeout: Duration) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut whole = Vec::with_capacity(announced.min(octets_max));
    let mut dropped = 0;
    let mut pieces = body.into_data_stream();
    loop {
        let piece = match tokio::time::timeout(piece_timeout, pieces.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(why))) => return Err(ApiError::BadRequest(format!("request body broke off: {why}"))),
            Ok(None) if dropped == 0 => return Ok(whole.into()),
            Ok(None) => break,
            Err(_) if dropped == 0 => {
                let text = format!("request body stopped for more than {} s", piece_timeout.as_secs());
                return Err(ApiError::BadRequest(text));
            }
            Err(_) => break,
        };
        if dropped == 0 && whole.len() + piece.len() <= octets_max {
            whole.extend_from_slice(&piece);
            continue;
        }
        dropped += piece.len();
        whole = Vec::new();
        if dropped > octets_max.saturating_mul(DRAIN_FACTOR) {
            break;
        }
    }
    Err(ApiError::BadRequest(format!("request body is longer than api-body-bytes-max ({octets_max} octets)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn section_1_1_a_body_at_the_limit_is_taken_and_one_octet_more_is_400() {
        assert_eq!(read(Body::from("12345"), 5, SECOND).await.unwrap(), "12345");
        assert!(matches!(read(Body::from("123456"), 5, SECOND).await, Err(ApiError::BadRequest(_))));
        assert_eq!(read(Body::empty(), 0, SECOND).await.unwrap(), "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_given_up() {
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::convert::Infallible>>());
        let error = read(never, 5, SECOND).await.unwrap_err();
        assert!(error.to_string().contains("stopped"), "{error}");
    }
}
