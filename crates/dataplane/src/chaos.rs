//! Class CH: what the server tells of itself (RFC 4892, and the customs before it).

use crate::Profile;
use crate::answer::{Limits, Reply};
use crate::options::ReplyOptions;
use crate::profile::{LABEL_OCTETS_MAX, Label};
use crate::tail::Refusal;
use wire::RecordType;
use wire::message::{CLASS_CH, Query, Rcode, Section, Writer};

/// Names of this server's version, its own and those that PowerDNS has.
const VERSION_NAMES: [&[u8]; 3] = [b"\x07version\x04bind\0", b"\x07version\x06server\0", b"\x07version\x04pdns\0"];
/// Names of this server among others at one address.
const ID_NAMES: [&[u8]; 2] = [b"\x02id\x06server\0", b"\x08hostname\x04bind\0"];

/// Answers a query of class CH: TXT at the names above, nothing of other types there, and REFUSED elsewhere.
///
/// # Errors
///
/// [`Refusal::NotAuthoritative`] at other names, [`Refusal::Undisclosed`] where the profile has nothing to tell.
pub(crate) fn answer(
    query: &Query<'_>,
    profile: &Profile,
    limits: &Limits,
    options: &ReplyOptions<'_>,
    reply: &mut [u8],
) -> Result<Reply, Refusal> {
    let told = told(query.name(), profile)?;
    let mut writer = Writer::new(reply, query.header(), query.question(), limits.reply_octets)?;
    writer.set_class(CLASS_CH);
    writer.set_authoritative();
    if matches!(query.qtype(), RecordType::TXT | RecordType::ANY) {
        let text = told.as_bytes();
        let mut encoded = [0; 2 + 1 + LABEL_OCTETS_MAX];
        encoded[..2].copy_from_slice(&(text.len() as u16 + 1).to_be_bytes());
        encoded[2] = text.len() as u8;
        encoded[3..3 + text.len()].copy_from_slice(text);
        writer.rrset(Section::Answer, query.name(), RecordType::TXT, 0, &encoded[..3 + text.len()])?;
    }
    if let Some(opt) = limits.opt(query.edns()) {
        writer.opt(&opt)?;
        options.write_what_fits(&mut writer);
    }
    Ok(Reply {
        octets: writer.finish(),
        rcode: Rcode::NOERROR,
        qtype: Some(query.qtype()),
        is_dnssec_ok: query.is_dnssec_ok(),
        is_truncated: false,
        refusal: None,
        cookie: options.proof(),
        likeness: 0,
    })
}

fn told<'p>(name: &[u8], profile: &'p Profile) -> Result<&'p Label, Refusal> {
    let told = if VERSION_NAMES.contains(&name) {
        &profile.version
    } else if ID_NAMES.contains(&name) {
        &profile.server_id
    } else {
        return Err(Refusal::NotAuthoritative);
    };
    told.as_ref().ok_or(Refusal::Undisclosed)
}
