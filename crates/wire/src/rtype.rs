//! Record types by number and mnemonic.
//!
//! The mnemonics are those PowerDNS knows, because the column `type` of its tables holds them: a row
//! written as `RT` would be invisible to a PowerDNS that asks for `TYPE21`. What the formats of the
//! types are is in [`crate::rdata`].

use std::fmt;
use std::str::FromStr;

/// A record type (RFC 1035 section 3.2.2 and the IANA registry).
///
/// Displayed by its mnemonic, or as `TYPEnnn` (RFC 3597 section 5) without one; read in any letter
/// case, from either form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

/// A type that is neither a known mnemonic nor `TYPEnnn`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown record type '{0}'")]
pub struct UnknownType(pub String);

macro_rules! record_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl RecordType {
            $($(#[$doc])* pub const $name: RecordType = RecordType($number);)*

            /// The mnemonic, if PowerDNS knows one.
            pub fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        const MNEMONICS: &[(&str, RecordType)] = &[$((stringify!($name), RecordType($number))),*];

        fn by_upper_case(text: &str) -> Option<RecordType> {
            $(if text == stringify!($name) { return Some(RecordType($number)); })*
            None
        }
    };
}

record_types! {
    // The most frequent come first: rows are read in this order of comparison.
    /// Address (RFC 1035).
    A = 1,
    /// Text (RFC 1035).
    TXT = 16,
    /// IPv6 address (RFC 3596).
    AAAA = 28,
    /// Canonical name (RFC 1035).
    CNAME = 5,
    /// Name server (RFC 1035).
    NS = 2,
    /// Start of authority (RFC 1035).
    SOA = 6,
    /// Mail exchange (RFC 1035).
    MX = 15,
    /// Service (RFC 2782).
    SRV = 33,
    /// Pointer (RFC 1035).
    PTR = 12,
    /// Mailbox (RFC 1035, experimental).
    MB = 7,
    /// Mail group member (RFC 1035, experimental).
    MG = 8,
    /// Mail rename (RFC 1035, experimental).
    MR = 9,
    /// Well-known services (RFC 1035).
    WKS = 11,
    /// Host information (RFC 1035, RFC 8482).
    HINFO = 13,
    /// Mailbox information (RFC 1035).
    MINFO = 14,
    /// Responsible person (RFC 1183).
    RP = 17,
    /// AFS database (RFC 1183, RFC 5864).
    AFSDB = 18,
    /// Signature of RFC 2535, since RFC 3755 for SIG(0) alone.
    SIG = 24,
    /// Key of RFC 2535, since RFC 3755 for SIG(0) and TKEY.
    KEY = 25,
    /// Location (RFC 1876).
    LOC = 29,
    /// Naming authority pointer (RFC 3403).
    NAPTR = 35,
    /// Key exchanger (RFC 2230).
    KX = 36,
    /// Certificate (RFC 4398).
    CERT = 37,
    /// IPv6 address in pieces (RFC 2874, historic).
    A6 = 38,
    /// Redirection of a subtree (RFC 6672).
    DNAME = 39,
    /// EDNS (RFC 6891).
    OPT = 41,
    /// Address prefix list (RFC 3123).
    APL = 42,
    /// Delegation signer (RFC 4034).
    DS = 43,
    /// SSH key fingerprint (RFC 4255).
    SSHFP = 44,
    /// IPsec key (RFC 4025).
    IPSECKEY = 45,
    /// Signature (RFC 4034).
    RRSIG = 46,
    /// Denial (RFC 4034).
    NSEC = 47,
    /// Zone key (RFC 4034).
    DNSKEY = 48,
    /// DHCP identifier (RFC 4701).
    DHCID = 49,
    /// Hashed denial (RFC 5155).
    NSEC3 = 50,
    /// Parameters of hashed denial (RFC 5155).
    NSEC3PARAM = 51,
    /// TLS certificate association (RFC 6698).
    TLSA = 52,
    /// S/MIME certificate association (RFC 8162).
    SMIMEA = 53,
    /// Key for encrypting records (draft-reid-dnsext-rkey).
    RKEY = 57,
    /// Child's DS (RFC 7344).
    CDS = 59,
    /// Child's DNSKEY (RFC 7344).
    CDNSKEY = 60,
    /// OpenPGP key (RFC 7929).
    OPENPGPKEY = 61,
    /// Child-to-parent synchronisation (RFC 7477).
    CSYNC = 62,
    /// Digest of a zone (RFC 8976).
    ZONEMD = 63,
    /// Service binding (RFC 9460).
    SVCB = 64,
    /// Service binding for HTTPS (RFC 9460).
    HTTPS = 65,
    /// Hierarchical host identity tag (RFC 9886).
    HHIT = 67,
    /// Broadcast remote identification (RFC 9886).
    BRID = 68,
    /// Sender policy (RFC 4408, obsolete).
    SPF = 99,
    /// Node identifier (RFC 6742).
    NID = 104,
    /// 32-bit locator (RFC 6742).
    L32 = 105,
    /// 64-bit locator (RFC 6742).
    L64 = 106,
    /// Locator pointer (RFC 6742).
    LP = 107,
    /// 48-bit hardware address (RFC 7043).
    EUI48 = 108,
    /// 64-bit hardware address (RFC 7043).
    EUI64 = 109,
    /// Transaction key (RFC 2930).
    TKEY = 249,
    /// Transaction signature (RFC 8945).
    TSIG = 250,
    /// Incremental transfer (RFC 1995).
    IXFR = 251,
    /// Transfer (RFC 5936).
    AXFR = 252,
    /// Mailbox-related types, a question only (RFC 1035).
    MAILB = 253,
    /// Mail agents, a question only (RFC 1035, obsolete).
    MAILA = 254,
    /// All types (RFC 8482).
    ANY = 255,
    /// Uniform resource identifier (RFC 7553).
    URI = 256,
    /// Certification authority authorisation (RFC 8659).
    CAA = 257,
    /// Resolver information (RFC 9606).
    RESINFO = 261,
    /// Public address of a wallet (IANA registry, by expert review).
    WALLET = 262,
    /// Look-aside validation (RFC 4431, obsolete).
    DLV = 32769,
    /// PowerDNS: A and AAAA asked of a backend at once; never stored.
    ADDR = 65400,
    /// PowerDNS: address of another name, at an apex too.
    ALIAS = 65401,
    /// PowerDNS: computed.
    LUA = 65402,
}

// Types whose names take part in the canonical form (RFC 4034 section 6.2), but which PowerDNS does not
// know: shown by number.
impl RecordType {
    /// Mail destination (RFC 1035, obsolete).
    pub const MD: RecordType = RecordType(3);
    /// Mail forwarder (RFC 1035, obsolete).
    pub const MF: RecordType = RecordType(4);
    /// Route through (RFC 1183).
    pub const RT: RecordType = RecordType(21);
    /// X.400 mapping (RFC 2163).
    pub const PX: RecordType = RecordType(26);
    /// Denial of RFC 2535 (obsolete).
    pub const NXT: RecordType = RecordType(30);
    /// In NSEC bitmaps only: the name does not exist (RFC 9824 section 3.3).
    pub const NXNAME: RecordType = RecordType(128);
}

impl RecordType {
    /// Whether the type never is zone data: OPT, and the range of meta types and QTYPEs (RFC 6895
    /// section 3.1), among them TKEY, TSIG, IXFR, AXFR and ANY; and type 0, which is reserved.
    pub fn is_meta(self) -> bool {
        self == RecordType::OPT || matches!(self.0, 0 | 128..=255)
    }

    /// Whether the type asks for something else than records of one type: IXFR, AXFR, MAILB, MAILA, ANY.
    pub fn is_question_only(self) -> bool {
        matches!(self.0, 251..=255)
    }

    /// Whether the type belongs to the signed zone itself and is there beside a CNAME (RFC 4034 section 2.5, RFC
    /// 2181 section 10.1): RRSIG, NSEC, and the obsolete SIG, KEY and NXT.
    pub fn is_allowed_beside_cname(self) -> bool {
        matches!(self, RecordType::RRSIG | RecordType::NSEC | RecordType::SIG | RecordType::KEY | RecordType::NXT)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.pad(mnemonic),
            None => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl FromStr for RecordType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<RecordType, UnknownType> {
        by_upper_case(text)
            .or_else(|| MNEMONICS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|&(_, rtype)| rtype))
            .or_else(|| by_number(text))
            .ok_or_else(|| UnknownType(text.chars().take(32).collect()))
    }
}

/// `TYPEnnn` (RFC 3597 section 5).
fn by_number(text: &str) -> Option<RecordType> {
    let (word, digits) = text.split_at_checked(4)?;
    // u16's own parser would take a sign.
    let is_number = word.eq_ignore_ascii_case("TYPE") && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(RecordType)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mnemonic_goes_both_ways_in_any_case() {
        for &(name, rtype) in MNEMONICS {
            assert_eq!(rtype.to_string(), name);
            assert_eq!(name.parse(), Ok(rtype));
            assert_eq!(name.to_lowercase().parse(), Ok(rtype));
        }
    }

    #[test]
    fn every_number_goes_both_ways() {
        for number in 0..=u16::MAX {
            let rtype = RecordType(number);
            assert_eq!(rtype.to_string().parse(), Ok(rtype));
            assert_eq!(format!("type{number}").parse(), Ok(rtype));
        }
    }

    #[test]
    fn numbers_are_the_registrys() {
        for (name, number) in [
            ("MX", 15),
            ("AFSDB", 18),
            ("NAPTR", 35),
            ("APL", 42),
            ("IPSECKEY", 45),
            ("NSEC3PARAM", 51),
            ("SMIMEA", 53),
            ("RKEY", 57),
            ("CSYNC", 62),
            ("ZONEMD", 63),
            ("HTTPS", 65),
            ("LP", 107),
            ("TKEY", 249),
            ("URI", 256),
            ("CAA", 257),
            ("RESINFO", 261),
            ("DLV", 32769),
        ] {
            assert_eq!(name.parse(), Ok(RecordType(number)), "{name}");
        }
    }

    #[test]
    fn other_words_are_unknown_types() {
        for text in ["", "TYPE", "TYPE65536", "TYPE+1", "TYPE-1", "TYPE1x", "AA", "A ", "тип1", "TYP1"] {
            assert_eq!(text.parse::<RecordType>(), Err(UnknownType(text.to_string())), "{text}");
        }
    }

    #[test]
    fn meta_types_are_no_zone_data() {
        for rtype in [RecordType::OPT, RecordType::TSIG, RecordType::TKEY, RecordType::ANY, RecordType(0)] {
            assert!(rtype.is_meta(), "{rtype}");
        }
        for rtype in [RecordType::A, RecordType::NSEC, RecordType::CAA, RecordType::ALIAS, RecordType(127)] {
            assert!(!rtype.is_meta(), "{rtype}");
        }
        assert!(RecordType::AXFR.is_question_only() && !RecordType::TSIG.is_question_only());
    }
}
