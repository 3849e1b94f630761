//! One NOTIFY message and what counts as its answer (RFC 1996 section 3).

use hickory_proto::ProtoError;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{self, DNSClass, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use wire::Name;

/// A NOTIFY as sent: its random id, and the octets.
pub(crate) struct NotifyMessage {
    id: u16,
    pub(crate) octets: Vec<u8>,
}

/// Asks the secondary to look at the SOA of `zone`. The id is random.
pub(crate) fn notify(zone: &Name) -> Result<NotifyMessage, ProtoError> {
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Notify;
    // Section 3.7 sets AA in the request too.
    message.metadata.authoritative = true;
    message.metadata.recursion_desired = false;
    let mut query = Query::query(rr::Name::from_bytes(zone.as_wire())?, RecordType::SOA);
    query.set_query_class(DNSClass::IN);
    message.add_query(query);
    Ok(NotifyMessage { id: message.metadata.id, octets: message.to_bytes()? })
}

impl NotifyMessage {
    /// The RCODE, if `octets` answer this message; anything else is noise.
    pub(crate) fn answer(&self, octets: &[u8]) -> Option<ResponseCode> {
        let answer = Message::from_bytes(octets).ok()?;
        let is_ours = answer.metadata.id == self.id
            && answer.metadata.message_type == MessageType::Response
            && answer.metadata.op_code == OpCode::Notify;
        is_ours.then_some(answer.metadata.response_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Name {
        Name::parse("example.test").unwrap()
    }

    /// RFC 1996 section 3.7 and 4.7: opcode 4, AA, one question for the SOA.
    #[test]
    fn rfc1996_section_3_7_the_request_is_an_authoritative_soa_question() {
        let sent = notify(&zone()).unwrap();
        let (header, question) = sent.octets.split_at(12);
        assert_eq!(header[..2], sent.id.to_be_bytes());
        assert_eq!(header[2..], [0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(question, b"\x07example\x04test\0\0\x06\0\x01");
    }

    #[test]
    fn only_a_response_to_this_notify_counts() {
        let sent = notify(&zone()).unwrap();
        let respond = |id: u16, op_code: OpCode| {
            let mut message = Message::response(id, op_code);
            message.metadata.response_code = ResponseCode::NotImp;
            message.to_bytes().unwrap()
        };
        assert_eq!(sent.answer(&respond(sent.id, OpCode::Notify)), Some(ResponseCode::NotImp));
        assert_eq!(sent.answer(&respond(sent.id.wrapping_add(1), OpCode::Notify)), None);
        assert_eq!(sent.answer(&respond(sent.id, OpCode::Query)), None);
        assert_eq!(sent.answer(&sent.octets), None);
        assert_eq!(sent.answer(b""), None);
    }
}
