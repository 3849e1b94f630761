//! Which fields the RDATA of each type has, in wire order, which is the order of the text too.

use super::fields::Kind::*;
use super::fields::{Field, Kind};
use crate::RecordType;

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

macro_rules! layouts {
    ($($($rtype:ident)|+ => [$($field:literal $kind:ident),*],)*) => {
        /// The fields of `rtype`; `None` where no format is known and the data is any octets.
        pub(super) fn fields(rtype: RecordType) -> Option<&'static [Field]> {
            match rtype {
                $($(RecordType::$rtype)|+ => Some(const { &[$(field($field, $kind)),*] }),)*
                _ => None,
            }
        }
    };
}

// `Name` is lower-cased in the canonical form (RFC 4034 section 6.2 with RFC 6840 section 5.1, where
// RRSIG stays listed and NSEC does not), `CaseKeptName` is not (RFC 3597 section 7).
layouts! {
    A => ["address" Ipv4],
    AAAA => ["address" Ipv6],
    NS | MD | MF | CNAME | MB | MG | MR | PTR | DNAME => ["target" Name],
    ALIAS => ["target" CaseKeptName],
    SOA => ["mname" Name, "rname" Name, "serial" U32, "refresh" Interval, "retry" Interval, "expire" Interval,
        "minimum" Interval],
    MX => ["preference" U16, "exchange" Name],
    SRV => ["priority" U16, "weight" U16, "port" U16, "target" Name],
    TXT | SPF | RESINFO | WALLET => ["text" Strings],
    HINFO => ["cpu" CharString, "os" CharString],
    MINFO => ["rmailbx" Name, "emailbx" Name],
    RP => ["mbox" Name, "txt" Name],
    AFSDB => ["subtype" U16, "hostname" Name],
    RT => ["preference" U16, "intermediate" Name],
    KX => ["preference" U16, "exchanger" Name],
    PX => ["preference" U16, "map822" Name, "mapx400" Name],
    NXT => ["next" Name, "types" Hex],
    WKS => ["address" Ipv4, "services" Services],
    NAPTR => ["order" U16, "preference" U16, "flags" CharString, "services" CharString, "regexp" CharString,
        "replacement" Name],
    LOC => ["location" Location],
    CERT => ["type" CertType, "key tag" U16, "algorithm" Algorithm, "certificate" Base64],
    APL => ["prefixes" Prefixes],
    DS | CDS | DLV => ["key tag" U16, "algorithm" Algorithm, "digest type" U8, "digest" Hex],
    SSHFP => ["algorithm" U8, "fingerprint type" U8, "fingerprint" Hex],
    IPSECKEY => ["precedence" U8, "gateway" Gateway, "public key" Base64OrNone],
    RRSIG | SIG => ["type covered" TypeCode, "algorithm" Algorithm, "labels" U8, "original ttl" U32, "expiration" Time,
        "inception" Time, "key tag" U16, "signer" Name, "signature" Base64],
    NSEC => ["next" CaseKeptName, "types" TypeBitmap],
    DNSKEY | CDNSKEY | RKEY => ["flags" U16, "protocol" U8, "algorithm" Algorithm, "public key" Base64],
    KEY => ["flags" U16, "protocol" U8, "algorithm" Algorithm, "public key" Base64OrNone],
    DHCID => ["identifier" Base64],
    NSEC3 => ["hash algorithm" U8, "flags" U8, "iterations" U16, "salt" Salt, "next hashed owner" NextHash,
        "types" TypeBitmap],
    NSEC3PARAM => ["hash algorithm" U8, "flags" U8, "iterations" U16, "salt" Salt],
    TLSA | SMIMEA => ["usage" U8, "selector" U8, "matching type" U8, "certificate association" Hex],
    OPENPGPKEY => ["public key" Base64],
    CSYNC => ["serial" U32, "flags" U16, "types" TypeBitmap],
    ZONEMD => ["serial" U32, "scheme" U8, "hash algorithm" U8, "digest" Hex],
    SVCB | HTTPS => ["priority" U16, "target" CaseKeptName, "parameters" ServiceParams],
    HHIT | BRID => ["data" Base64],
    NID => ["preference" U16, "node identifier" Id64],
    L32 => ["preference" U16, "locator" Ipv4],
    L64 => ["preference" U16, "locator" Id64],
    LP => ["preference" U16, "locator name" CaseKeptName],
    EUI48 => ["address" Eui48],
    EUI64 => ["address" Eui64],
    TKEY => ["algorithm" CaseKeptName, "inception" U32, "expiration" U32, "mode" U16, "error" U16, "key" Counted,
        "other data" Counted],
    TSIG => ["algorithm" CaseKeptName, "time signed" U48, "fudge" U16, "mac" Counted, "original id" U16, "error" U16,
        "other data" Counted],
    URI => ["priority" U16, "weight" U16, "target" LongText],
    CAA => ["flags" U8, "tag" Tag, "value" LongText],
    LUA => ["type" TypeCode, "code" Strings],
}

/// The fields of `rtype` if its text has them too. Types without a mnemonic here are `\# LEN HEX` in text,
/// because that is how PowerDNS reads their rows.
pub(super) fn text_fields(rtype: RecordType) -> Option<&'static [Field]> {
    rtype.mnemonic().and_then(|_| fields(rtype))
}
