//! What a zone's metadata and keys say about how it is served.

use crate::{AliasRule, ZoneRules};
use dnssec::signer::KeyInUse;
use dnssec::{ServedZone, ZoneKey, ZoneSigner};
use std::sync::Arc;
use store::ZoneHeader;
use wire::name::NAME_OCTETS_MAX;
use wire::{RecordType, ZoneName};
use zone::nsec3hash::NSEC3_ITERATIONS_MAX;
use zone::presigned::ITERATIONS_MAX;
use zone::{DenialMode, Nsec3Params, Rrset, Zone};

/// How one zone is served, read from its header.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    pub(crate) name: ZoneName,
    pub(crate) mode: DenialMode,
    /// Present where a key is active, even if none of those can be used: what has to be signed is then not answered.
    pub(crate) signer: Option<Arc<ZoneSigner>>,
    /// The usable keys by row.
    keys: Vec<(i64, Arc<ZoneKey>)>,
    /// How many of its rows hold a key that cannot be used.
    pub(crate) unusable_keys: usize,
    /// The SOA-EDIT mode that holds, "" for none.
    pub(crate) soa_edit: String,
    /// What ALIAS records are worth here.
    pub(crate) alias: AliasRule,
    /// Digest types of CDS; the single type 0 is the delete form.
    cds_digests: Vec<u8>,
    cdnskey: Cdnskey,
}

/// The metadata that asks for compact denial in a zone with NSEC, "1".
const COMPACT_DENIAL: &str = "X-SIGNPOST-COMPACT-DENIAL";

/// What the metadata PUBLISH-CDNSKEY asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cdnskey {
    None,
    Publish,
    /// RFC 8078 section 4.
    Delete,
}

impl Serving {
    /// Reads `header`. A key that cannot be used is logged and left out, unless its row held a usable one in `previous`, how the
    /// zone was served before: a row that was damaged must not take the zone's signatures away while this process knows better.
    pub(crate) fn new(header: &ZoneHeader, rules: &ZoneRules, previous: Option<&Serving>) -> Serving {
        let first = |kind: &str| header.first(kind);
        let is_presigned = header.is_presigned();
        let keys = match is_presigned {
            true => Keys::default(),
            false => Keys::read(header, previous.map(|previous| previous.keys.as_slice()).unwrap_or_default()),
        };
        let signer = if is_presigned { None } else { signer(header, &keys, rules) };
        let can_sign = signer.as_ref().is_some_and(|signer| signer.can_sign());
        let mode = match first("NSEC3PARAM") {
            // PowerDNS keeps the parameters of signed zones that it transferred in there.
            text if is_presigned => DenialMode::Presigned(stored_params(text)),
            _ if !can_sign => DenialMode::Unsigned,
            "" if first(COMPACT_DENIAL) == "1" => DenialMode::Compact,
            "" => DenialMode::Nsec,
            text => nsec3_mode(&header.name, text, first("NSEC3NARROW") == "1"),
        };
        let default_soa_edit =
            if can_sign && !rules.soa_edit_signed.is_empty() { &rules.soa_edit_signed } else { &rules.soa_edit };
        let soa_edit = match first("SOA-EDIT") {
            "" => default_soa_edit.clone(),
            mode => mode.to_owned(),
        };
        // The serial is part of what was signed.
        let soa_edit = if is_presigned { String::new() } else { soa_edit };
        let cds = non_empty(first("PUBLISH-CDS")).unwrap_or(&rules.publish_cds);
        let cdnskey = non_empty(first("PUBLISH-CDNSKEY")).unwrap_or(&rules.publish_cdnskey);
        Serving {
            name: header.name.clone(),
            mode,
            signer,
            // Nobody here can sign addresses for a presigned zone.
            alias: if is_presigned { AliasRule::LeaveOut } else { rules.alias },
            unusable_keys: keys.unusable,
            keys: keys.usable,
            soa_edit,
            cds_digests: cds.split(',').filter_map(|digest| digest.trim().parse().ok()).collect(),
            cdnskey: match cdnskey {
                "0" => Cdnskey::Delete,
                "1" => Cdnskey::Publish,
                _ => Cdnskey::None,
            },
        }
    }

    /// The same with a chain where proofs are made for each query: a zone that is written out whole has to have one.
    pub(crate) fn with_chain(self) -> Serving {
        let mode = match self.mode {
            DenialMode::Narrow(params) => DenialMode::Nsec3(params),
            DenialMode::Compact => DenialMode::Nsec,
            mode => mode,
        };
        Serving { mode, ..self }
    }

    /// A snapshot as it is served.
    pub(crate) fn served(&self, zone: Zone) -> ServedZone {
        ServedZone { zone: Arc::new(zone), signer: self.signer.clone(), name: self.name.clone() }
    }

    /// The RRsets made for the apex; the types that are not wanted have none. `ttl` in seconds.
    pub(crate) fn made(&self, ttl: u32) -> [(RecordType, Option<Rrset>); 4] {
        let signer = self.signer.as_deref().filter(|signer| signer.can_sign());
        let nsec3param = match &self.mode {
            DenialMode::Nsec3(params) | DenialMode::Narrow(params) => {
                Some(Rrset::new(RecordType::NSEC3PARAM, ttl, vec![params.nsec3param_rdata()]))
            }
            _ => None,
        };
        let cdnskey = signer.and_then(|signer| match self.cdnskey {
            Cdnskey::None => None,
            Cdnskey::Publish => signer.cdnskey_rrset(ttl),
            Cdnskey::Delete => Some(ZoneSigner::cdnskey_delete_rrset(ttl)),
        });
        [
            (RecordType::DNSKEY, signer.and_then(|signer| signer.dnskey_rrset(ttl))),
            (RecordType::NSEC3PARAM, nsec3param),
            (RecordType::CDS, signer.and_then(|signer| signer.cds_rrset(ttl, &self.cds_digests))),
            (RecordType::CDNSKEY, cdnskey),
        ]
    }
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn stored_params(text: &str) -> Option<Nsec3Params> {
    text.parse().ok().filter(|params: &Nsec3Params| params.iterations <= ITERATIONS_MAX)
}

fn nsec3_mode(zone: &ZoneName, text: &str, is_narrow: bool) -> DenialMode {
    // An owner of the chain is the apex and a label of 32 octets more (RFC 5155 section 3).
    if zone.apex().as_wire().len() + 33 > NAME_OCTETS_MAX {
        tracing::error!(%zone, "the zone's name is too long for NSEC3: NSEC is served");
        return DenialMode::Nsec;
    }
    let mut params = match text.parse::<Nsec3Params>() {
        Ok(params) => params,
        Err(error) => {
            tracing::error!(%zone, %error, "metadata NSEC3PARAM cannot be used: NSEC is served");
            return DenialMode::Nsec;
        }
    };
    if params.iterations > NSEC3_ITERATIONS_MAX {
        // Each costs every query for a name that does not exist, and validators refuse many (RFC 9276 section 3.2).
        tracing::error!(%zone, params.iterations, max = NSEC3_ITERATIONS_MAX, "too many NSEC3 iterations: fewer are served");
        params.iterations = NSEC3_ITERATIONS_MAX;
    }
    if is_narrow {
        // Opt-out saves nothing where there is no chain, and would only make denials insecure.
        return DenialMode::Narrow(Nsec3Params { opt_out: false, ..params });
    }
    DenialMode::Nsec3(params)
}

fn signer(header: &ZoneHeader, keys: &Keys, rules: &ZoneRules) -> Option<Arc<ZoneSigner>> {
    if header.keys.iter().all(|key| !key.active) {
        return None;
    }
    let in_use = header.keys.iter().filter_map(|stored| {
        let (_, key) = keys.usable.iter().find(|(id, _)| *id == stored.id)?;
        Some(KeyInUse { key: Arc::clone(key), active: stored.active, published: stored.published })
    });
    let signer = ZoneSigner::new(header.name.apex().clone(), in_use.collect(), rules.signing.clone());
    if !signer.can_sign() {
        tracing::error!(zone = %header.name, "no active key can be used: whoever asks for signatures gets SERVFAIL");
    }
    Some(Arc::new(signer))
}

/// The keys of a zone's rows.
#[derive(Default)]
struct Keys {
    usable: Vec<(i64, Arc<ZoneKey>)>,
    unusable: usize,
}

impl Keys {
    fn read(header: &ZoneHeader, previous: &[(i64, Arc<ZoneKey>)]) -> Keys {
        let mut keys = Keys { usable: Vec::new(), unusable: 0 };
        for stored in &header.keys {
            let reason = match ZoneKey::from_isc(&stored.content, stored.flags) {
                Ok(key) => match key.unfit() {
                    None => {
                        keys.usable.push((stored.id, Arc::new(key)));
                        continue;
                    }
                    Some(reason) => reason.to_owned(),
                },
                Err(error) => error.to_string(),
            };
            keys.unusable += 1;
            let kept = previous.iter().find(|(id, _)| *id == stored.id);
            tracing::error!(zone = %header.name, key = stored.id, reason, is_kept = kept.is_some(), "key cannot be used");
            keys.usable.extend(kept.cloned());
        }
        keys
    }
}
