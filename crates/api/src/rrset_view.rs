//! RRsets as the API shows them, written piece by piece (PDNS-DIALECT section 3).

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use serde::Serialize;
use store::StoredRrset;
use wire::content;

use crate::error::{ApiError, invalid};
use crate::json;

/// Zones up to this many RRsets are answered in one piece, with a Content-Length.
const STREAMED_FROM: usize = 2000;
/// Size of a piece of a longer answer.
const PIECE_OCTETS: usize = 64 * 1024;

#[derive(Serialize)]
struct RrsetView<'a> {
    comments: Vec<CommentView<'a>>,
    name: String,
    records: Vec<RecordView<'a>>,
    ttl: u32,
    #[serde(rename = "type")]
    rtype: String,
}

#[derive(Serialize)]
struct CommentView<'a> {
    account: &'a str,
    content: &'a str,
    modified_at: i64,
}

#[derive(Serialize)]
struct RecordView<'a> {
    content: &'a str,
    disabled: bool,
}

/// Turns stored contents into the API's, in place: before the status is sent, since one that cannot be read is a 422.
pub(crate) fn make_presentable(rrsets: &mut [StoredRrset]) -> Result<(), ApiError> {
    for rrset in rrsets {
        for record in &mut rrset.records {
            let text = content::to_api(rrset.rtype, &record.content, Some(record.prio));
            record.content =
                text.map_err(|why| invalid(format!("Ill-formed record contents found for {}: {why}", rrset.name)))?;
        }
    }
    Ok(())
}

fn append(out: &mut Vec<u8>, rrset: &StoredRrset) {
    let comments = rrset.comments.iter().map(|comment| CommentView {
        account: &comment.account,
        content: &comment.content,
        modified_at: comment.modified_at.unwrap_or(0),
    });
    let records = rrset.records.iter().map(|record| RecordView { content: &record.content, disabled: record.disabled });
    let view = RrsetView {
        comments: comments.collect(),
        name: rrset.name.to_string(),
        records: records.collect(),
        ttl: rrset.ttl,
        rtype: rrset.rtype.to_string(),
    };
    json::append(out, &view);
}

/// `head`, all RRsets, `tail`. A long answer is a stream whose RRsets are freed as they are sent.
pub(crate) fn body(head: Vec<u8>, rrsets: Vec<StoredRrset>, tail: Vec<u8>) -> Body {
    let is_long = rrsets.len() >= STREAMED_FROM;
    let pieces = Pieces { next: head, rrsets: rrsets.into_iter(), is_first: true, tail: Some(tail) };
    if is_long {
        return Body::from_stream(futures_util::stream::iter(pieces.map(Ok::<Bytes, Infallible>)));
    }
    let mut whole = Vec::new();
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    Body::from(whole)
}

struct Pieces {
    next: Vec<u8>,
    rrsets: std::vec::IntoIter<StoredRrset>,
    is_first: bool,
    tail: Option<Vec<u8>>,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = std::mem::take(&mut self.next);
        while piece.len() < PIECE_OCTETS {
            let Some(rrset) = self.rrsets.next() else {
                match self.tail.take() {
                    Some(tail) => piece.extend_from_slice(&tail),
                    None if piece.is_empty() => return None,
                    None => {}
                }
                break;
            };
            if !std::mem::take(&mut self.is_first) {
                piece.extend_from_slice(b", ");
            }
            append(&mut piece, &rrset);
        }
        Some(piece.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::StoredRecord;
    use wire::{Name, RecordType};

    fn rrset(number: usize) -> StoredRrset {
        StoredRrset {
            name: Name::parse(&format!("h{number}.example.test")).unwrap(),
            rtype: RecordType::A,
            ttl: 60,
            records: vec![StoredRecord { content: "192.0.2.1".to_owned(), prio: 0, disabled: false }],
            comments: Vec::new(),
        }
    }

    async fn text(count: usize) -> String {
        let body = body(b"[".to_vec(), (0..count).map(rrset).collect(), b"]".to_vec());
        String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().into()).unwrap()
    }

    #[tokio::test]
    async fn one_piece_and_many_pieces_are_the_same_json() {
        assert_eq!(text(0).await, "[]");
        assert_eq!(
            text(1).await,
            r#"[{"comments": [], "name": "h0.example.test.", "records": [{"content": "192.0.2.1", "disabled": false}], "ttl": 60, "type": "A"}]"#
        );
        for count in [2, STREAMED_FROM - 1, STREAMED_FROM, 5000] {
            let value: serde_json::Value = serde_json::from_str(&text(count).await).unwrap();
            assert_eq!(value.as_array().unwrap().len(), count);
            assert_eq!(value[count - 1]["name"], format!("h{}.example.test.", count - 1));
        }
    }
}
