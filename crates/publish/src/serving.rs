//! What a zone's metadata and keys say about how it is served.

use crate::ZoneRules;
use dnssec::signer::KeyInUse;
use dnssec::{ZoneKey, ZoneSigner};
use std::sync::Arc;
use store::ZoneHeader;
use wire::name::NAME_OCTETS_MAX;
use wire::{Name, RecordType};
use zone::nsec3hash::NSEC3_ITERATIONS_MAX;
use zone::presigned::ITERATIONS_MAX;
use zone::{DenialMode, Nsec3Params, Rrset};

/// How one zone is served, read from its header.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    pub(crate) apex: Name,
    pub(crate) mode: DenialMode,
    pub(crate) signer: Option<Arc<ZoneSigner>>,
    /// The SOA-EDIT mode that holds, "" for none.
    pub(crate) soa_edit: String,
    /// Digest types of CDS; the single type 0 is the delete form.
    cds_digests: Vec<u8>,
    cdnskey: Cdnskey,
}

/// What the metadata PUBLISH-CDNSKEY asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cdnskey {
    None,
    Publish,
    /// RFC 8078 section 4.
    Delete,
}

impl Serving {
    /// Reads `header`. A key that cannot be used is logged and left out; a zone without a usable active
    /// key is served unsigned.
    pub(crate) fn new(header: &ZoneHeader, rules: &ZoneRules) -> Serving {
        let first = |kind: &str| header.first(kind);
        let is_presigned = header.is_presigned();
        let signer = if is_presigned { None } else { signer(header, rules) };
        let mode = match (&signer, first("NSEC3PARAM")) {
            // PowerDNS keeps the parameters of signed zones that it transferred in there.
            _ if is_presigned => DenialMode::Presigned(stored_params(first("NSEC3PARAM"))),
            (None, _) => DenialMode::Unsigned,
            (Some(_), "") => DenialMode::Nsec,
            (Some(_), text) => nsec3_mode(&header.name, text),
        };
        let default_soa_edit = if signer.is_some() && !rules.soa_edit_signed.is_empty() {
            &rules.soa_edit_signed
        } else {
            &rules.soa_edit
        };
        let soa_edit = match first("SOA-EDIT") {
            "" => default_soa_edit.clone(),
            mode => mode.to_owned(),
        };
        // The serial is part of what was signed.
        let soa_edit = if is_presigned { String::new() } else { soa_edit };
        let cds = non_empty(first("PUBLISH-CDS")).unwrap_or(&rules.publish_cds);
        let cdnskey = non_empty(first("PUBLISH-CDNSKEY")).unwrap_or(&rules.publish_cdnskey);
        Serving {
            apex: header.name.clone(),
            mode,
            signer,
            soa_edit,
            cds_digests: cds.split(',').filter_map(|digest| digest.trim().parse().ok()).collect(),
            cdnskey: match cdnskey {
                "0" => Cdnskey::Delete,
                "1" => Cdnskey::Publish,
                _ => Cdnskey::None,
            },
        }
    }

    /// The RRsets made for the apex; the types that are not wanted have none. `ttl` in seconds.
    pub(crate) fn made(&self, ttl: u32) -> [(RecordType, Option<Rrset>); 4] {
        let signer = self.signer.as_deref();
        let nsec3param = match &self.mode {
            DenialMode::Nsec3(params) => Some(Rrset::new(RecordType::NSEC3PARAM, ttl, vec![params.nsec3param_rdata()])),
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

fn nsec3_mode(zone: &Name, text: &str) -> DenialMode {
    // An owner of the chain is the apex and a label of 32 octets more (RFC 5155 section 3).
    if zone.as_wire().len() + 33 > NAME_OCTETS_MAX {
        tracing::error!(%zone, "the zone's name is too long for NSEC3: NSEC is served");
        return DenialMode::Nsec;
    }
    match text.parse::<Nsec3Params>() {
        Ok(params) if params.iterations > NSEC3_ITERATIONS_MAX => {
            // Each costs every query for a name that does not exist, and validators refuse many (RFC 9276 section 3.2).
            tracing::error!(%zone, params.iterations, max = NSEC3_ITERATIONS_MAX, "too many NSEC3 iterations: fewer are served");
            DenialMode::Nsec3(Nsec3Params { iterations: NSEC3_ITERATIONS_MAX, ..params })
        }
        Ok(params) => DenialMode::Nsec3(params),
        Err(error) => {
            tracing::error!(%zone, %error, "metadata NSEC3PARAM cannot be used: NSEC is served");
            DenialMode::Nsec
        }
    }
}

fn signer(header: &ZoneHeader, rules: &ZoneRules) -> Option<Arc<ZoneSigner>> {
    if header.keys.is_empty() {
        return None;
    }
    let usable = header.keys.iter().filter_map(|stored| match ZoneKey::from_isc(&stored.content, stored.flags) {
        Ok(key) => Some(KeyInUse { key: Arc::new(key), active: stored.active, published: stored.published }),
        Err(error) => {
            tracing::error!(zone = %header.name, key = stored.id, %error, "key cannot be used");
            None
        }
    });
    let signer = ZoneSigner::new(header.name.clone(), usable.collect(), rules.signing.clone());
    signer.can_sign().then(|| Arc::new(signer))
}
