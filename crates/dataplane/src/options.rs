//! What goes into the OPT record of a reply, decided in one place for answers and refusals.
//!
//! Nothing is sent that the client did not ask for by an option of its own, Extended DNS Errors aside. Options that are not known, and
//! Client Subnet among them (RFC 7871), are left unanswered (RFC 6891 section 6.1.2).

use crate::Profile;
use crate::answer::{Asker, Transport};
use crate::cookie::{self, COOKIE_OCTETS, CookieProof, Judged};
use crate::tail::ExtendedError;
use wire::message::{Edns, Full, OptionCode, Writer};

/// Replies on encrypted transports are padded to a multiple of this (RFC 8467 section 4.1).
const PADDING_BLOCK: usize = 468;
/// Octets of an option before its data.
const OPTION_FIXED_OCTETS: usize = 4;

/// The options of one reply. Most have none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplyOptions<'p> {
    cookie: Option<Judged>,
    error: Option<ExtendedError>,
    /// The idle time-out in tenths of a second (RFC 7828 section 3.1).
    keepalive: Option<u16>,
    nsid: Option<&'p [u8]>,
    is_padded: bool,
}

impl<'p> ReplyOptions<'p> {
    /// What the client's options ask for.
    #[inline]
    pub(crate) fn new(edns: Option<&Edns<'_>>, profile: &'p Profile, asker: Asker, now: u32) -> ReplyOptions<'p> {
        match edns {
            Some(edns) if !edns.options.is_empty() => ReplyOptions::asked(edns, profile, asker, now),
            _ => ReplyOptions::default(),
        }
    }

    fn asked(edns: &Edns<'_>, profile: &'p Profile, asker: Asker, now: u32) -> ReplyOptions<'p> {
        let mut options = ReplyOptions::default();
        // Options of another version may mean something else (RFC 6891 section 6.1.3).
        if edns.version != 0 {
            return options;
        }
        for (code, data) in edns.options() {
            match code {
                OptionCode::NSID => options.nsid = profile.server_id.as_ref().map(|id| id.as_bytes()),
                OptionCode::COOKIE if options.cookie.is_none() => {
                    let judge = |secrets| cookie::judge(secrets, edns, asker.address, now);
                    options.cookie = profile.cookies.as_ref().and_then(judge);
                }
                OptionCode::TCP_KEEPALIVE if is_kept_alive(asker.transport) && data.is_empty() => {
                    let tenths = profile.stream_idle.as_millis() / 100;
                    options.keepalive = Some(u16::try_from(tenths).unwrap_or(u16::MAX));
                }
                OptionCode::PADDING => options.is_padded = is_encrypted(asker.transport),
                _ => {}
            }
        }
        options
    }

    /// The same with an Extended DNS Error.
    pub(crate) fn with_error(self, error: Option<ExtendedError>) -> ReplyOptions<'p> {
        ReplyOptions { error, ..self }
    }

    /// What the client's cookie shows.
    pub(crate) fn proof(&self) -> CookieProof {
        self.cookie.map_or(CookieProof::None, |judged| judged.proof)
    }

    /// Octets that all options take. Padding takes what is left.
    #[inline]
    pub(crate) fn octets(&self) -> usize {
        let of = |octets: Option<usize>| octets.map_or(0, |octets| OPTION_FIXED_OCTETS + octets);
        of(self.cookie.map(|_| COOKIE_OCTETS))
            + of(self.error.map(|error| 2 + error.text.len()))
            + of(self.keepalive.map(|_| 2))
            + of(self.nsid.map(<[u8]>::len))
    }

    /// Writes them after OPT, the most important first; what does not fit is left out.
    #[inline]
    pub(crate) fn write_what_fits(&self, writer: &mut Writer<'_>) {
        if let Some(judged) = &self.cookie {
            let _: Result<(), Full> = writer.option(OptionCode::COOKIE, &[&judged.reply]);
        }
        if let Some(error) = self.error {
            let parts = [&error.code.to_be_bytes(), error.text.as_bytes()];
            let _: Result<(), Full> = writer.option(OptionCode::EXTENDED_ERROR, &parts);
        }
        if let Some(tenths) = self.keepalive {
            let _: Result<(), Full> = writer.option(OptionCode::TCP_KEEPALIVE, &[&tenths.to_be_bytes()]);
        }
        if let Some(id) = self.nsid {
            let _: Result<(), Full> = writer.option(OptionCode::NSID, &[id]);
        }
        if self.is_padded {
            let _: Result<(), Full> = writer.pad(PADDING_BLOCK);
        }
    }
}

/// Whether the client states an idle time-out, which only servers do (RFC 7828 section 3.2.1).
pub(crate) fn has_bad_keepalive(edns: &Edns<'_>, transport: Transport) -> bool {
    !edns.options.is_empty()
        && is_kept_alive(transport)
        && edns.options().any(|(code, data)| code == OptionCode::TCP_KEEPALIVE && !data.is_empty())
}

/// Over UDP the option means nothing (RFC 7828 section 3.3.1); HTTP and QUIC have means of their own (RFC 9250 section 5.5.2).
fn is_kept_alive(transport: Transport) -> bool {
    matches!(transport, Transport::Tcp | Transport::Tls)
}

/// In the clear it would hide nothing (RFC 7830 section 6).
fn is_encrypted(transport: Transport) -> bool {
    matches!(transport, Transport::Tls | Transport::Https | Transport::Quic)
}
