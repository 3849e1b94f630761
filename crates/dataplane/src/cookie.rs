//! Server cookies (RFC 7873, RFC 9018): a client that returns one shows that it receives what is sent to its address.
//!
//! A server cookie is a version octet, three reserved octets, the time it was made, and SipHash-2-4 of the client cookie, these eight
//! octets and the client's address. Nothing is remembered of a client. Replicas that share a secret accept each other's
//! cookies, and those of any server that follows RFC 9018.

use siphasher::sip::SipHasher24;
use std::fmt;
use std::net::IpAddr;
use wire::message::{Edns, OptionCode};

/// Octets of the part that the client chooses (RFC 7873 section 4).
const CLIENT_OCTETS: usize = 8;
/// Octets of version, reserved and timestamp (RFC 9018 section 4.1 to 4.3).
const STAMP_OCTETS: usize = 8;
/// Octets of a whole server cookie of version 1.
const SERVER_OCTETS: usize = 16;
/// Octets of the option's data in replies.
pub(crate) const COOKIE_OCTETS: usize = CLIENT_OCTETS + SERVER_OCTETS;
const VERSION: u8 = 1;
/// A cookie made longer ago is no proof any more (RFC 9018 section 4.3).
const AGE_MAX_SECS: i32 = 3600;
/// How far the clock of another replica may be ahead of ours (RFC 9018 section 4.3).
const AHEAD_MAX_SECS: i32 = 300;
/// A cookie made longer ago is replaced by a fresh one (RFC 9018 section 4.3).
const FRESH_SECS: i32 = 1800;

/// A key of SipHash. It is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CookieSecret([u8; 16]);

impl CookieSecret {
    /// Takes the key.
    pub const fn new(key: [u8; 16]) -> CookieSecret {
        CookieSecret(key)
    }

    /// The hash of a server cookie that begins with `stamp` (RFC 9018 section 4.4).
    fn hash(&self, client: &[u8; CLIENT_OCTETS], stamp: &[u8; STAMP_OCTETS], address: IpAddr) -> u64 {
        let mut input = [0; CLIENT_OCTETS + STAMP_OCTETS + 16];
        input[..CLIENT_OCTETS].copy_from_slice(client);
        input[CLIENT_OCTETS..CLIENT_OCTETS + STAMP_OCTETS].copy_from_slice(stamp);
        let octets = CLIENT_OCTETS + STAMP_OCTETS;
        let octets = match address {
            IpAddr::V4(address) => {
                input[octets..octets + 4].copy_from_slice(&address.octets());
                octets + 4
            }
            IpAddr::V6(address) => {
                input[octets..].copy_from_slice(&address.octets());
                octets + 16
            }
        };
        SipHasher24::new_with_key(&self.0).hash(&input[..octets])
    }
}

impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The secret that cookies are made with, and those whose cookies are accepted too, so that it can be changed while clients hold
/// cookies of the old one, and before all replicas have the new one (RFC 9018 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSecrets {
    making: CookieSecret,
    others: Vec<CookieSecret>,
}

impl CookieSecrets {
    /// Most secrets besides the first: each costs a hash for a cookie that is none of ours.
    pub const OTHERS_MAX: usize = 7;

    /// Makes cookies with the first secret and accepts those of the others too, of which [`Self::OTHERS_MAX`] count.
    pub fn new(making: CookieSecret, others: impl IntoIterator<Item = CookieSecret>) -> CookieSecrets {
        CookieSecrets { making, others: others.into_iter().take(CookieSecrets::OTHERS_MAX).collect() }
    }
}

/// What a query's COOKIE option shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CookieProof {
    /// Nothing: there is none, or cookies are not answered here.
    #[default]
    None,
    /// The client knows cookies, and has none of ours yet.
    ClientOnly,
    /// A server cookie that is not ours, or too old.
    Invalid,
    /// The client receives what is sent to its address.
    Valid,
}

/// A client's cookie judged, and what it gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) proof: CookieProof,
    pub(crate) reply: [u8; COOKIE_OCTETS],
}

/// Judges the first COOKIE option (RFC 7873 section 5.2); `None` without one.
pub(crate) fn judge(secrets: &CookieSecrets, edns: &Edns<'_>, address: IpAddr, now: u32) -> Option<Judged> {
    let (_, data) = edns.options().find(|(code, _)| *code == OptionCode::COOKIE)?;
    let (client, server) = data.split_first_chunk()?;
    let (proof, is_fresh) = match server {
        [] => (CookieProof::ClientOnly, false),
        server => secrets.prove(client, server, address, now),
    };
    let mut reply = [0; COOKIE_OCTETS];
    if is_fresh {
        reply.copy_from_slice(data);
    } else {
        reply[..CLIENT_OCTETS].copy_from_slice(client);
        reply[CLIENT_OCTETS..].copy_from_slice(&secrets.make(client, address, now));
    }
    Some(Judged { proof, reply })
}

impl CookieSecrets {
    fn make(&self, client: &[u8; CLIENT_OCTETS], address: IpAddr, now: u32) -> [u8; SERVER_OCTETS] {
        let mut stamp = [VERSION, 0, 0, 0, 0, 0, 0, 0];
        stamp[4..].copy_from_slice(&now.to_be_bytes());
        let mut server = [0; SERVER_OCTETS];
        server[..STAMP_OCTETS].copy_from_slice(&stamp);
        server[STAMP_OCTETS..].copy_from_slice(&self.making.hash(client, &stamp, address).to_le_bytes());
        server
    }

    /// What `server` proves, and whether the client may keep it.
    fn prove(&self, client: &[u8; CLIENT_OCTETS], server: &[u8], address: IpAddr, now: u32) -> (CookieProof, bool) {
        const INVALID: (CookieProof, bool) = (CookieProof::Invalid, false);
        let Ok(server) = <&[u8; SERVER_OCTETS]>::try_from(server) else { return INVALID };
        let (Some(stamp), Some(hash)) = (server.first_chunk::<STAMP_OCTETS>(), server.last_chunk::<8>()) else {
            return INVALID;
        };
        // Serial arithmetic (RFC 1982), as the 32 bits run over in 2106.
        let made = u32::from_be_bytes([stamp[4], stamp[5], stamp[6], stamp[7]]);
        let age = now.wrapping_sub(made).cast_signed();
        if stamp[0] != VERSION || !(-AHEAD_MAX_SECS..=AGE_MAX_SECS).contains(&age) {
            return INVALID;
        }
        let hash = u64::from_le_bytes(*hash);
        if self.making.hash(client, stamp, address) == hash {
            return (CookieProof::Valid, (0..=FRESH_SECS).contains(&age));
        }
        match self.others.iter().any(|secret| secret.hash(client, stamp, address) == hash) {
            true => (CookieProof::Valid, false),
            false => INVALID,
        }
    }
}
