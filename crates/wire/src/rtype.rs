//! Record types and classes by number and mnemonic.

/// A record type (RFC 1035 section 3.2.2 and the IANA registry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);
// Constants RecordType::A .. for all types of PDNS-DIALECT 6.2, ALIAS = 65401, LUA = 65402, ANY, AXFR, IXFR.
// Display: mnemonic or TYPEnnn. FromStr: mnemonic in any case or TYPEnnn (5.x); Err(UnknownType).

impl RecordType {
    /// Address (RFC 1035).
    pub const A: RecordType = RecordType(1);
    /// Name server (RFC 1035).
    pub const NS: RecordType = RecordType(2);
    /// Canonical name (RFC 1035).
    pub const CNAME: RecordType = RecordType(5);
    /// Start of authority (RFC 1035).
    pub const SOA: RecordType = RecordType(6);
    /// Pointer (RFC 1035).
    pub const PTR: RecordType = RecordType(12);
    /// Mail exchange (RFC 1035).
    pub const MX: RecordType = RecordType(15);
    /// Text (RFC 1035).
    pub const TXT: RecordType = RecordType(16);
    /// IPv6 address (RFC 3596).
    pub const AAAA: RecordType = RecordType(28);
    /// Service (RFC 2782).
    pub const SRV: RecordType = RecordType(33);
    /// Redirection of a subtree (RFC 6672).
    pub const DNAME: RecordType = RecordType(39);
    /// EDNS (RFC 6891).
    pub const OPT: RecordType = RecordType(41);
    /// Delegation signer (RFC 4034).
    pub const DS: RecordType = RecordType(43);
    /// Signature (RFC 4034).
    pub const RRSIG: RecordType = RecordType(46);
    /// Denial (RFC 4034).
    pub const NSEC: RecordType = RecordType(47);
    /// Zone key (RFC 4034).
    pub const DNSKEY: RecordType = RecordType(48);
    /// Hashed denial (RFC 5155).
    pub const NSEC3: RecordType = RecordType(50);
    /// Parameters of hashed denial (RFC 5155).
    pub const NSEC3PARAM: RecordType = RecordType(51);
    /// Child's DS (RFC 7344).
    pub const CDS: RecordType = RecordType(59);
    /// Child's DNSKEY (RFC 7344).
    pub const CDNSKEY: RecordType = RecordType(60);
    /// Incremental transfer (RFC 1995).
    pub const IXFR: RecordType = RecordType(251);
    /// Transfer (RFC 5936).
    pub const AXFR: RecordType = RecordType(252);
    /// All types (RFC 8482).
    pub const ANY: RecordType = RecordType(255);
    /// PowerDNS: address of another name, at an apex too.
    pub const ALIAS: RecordType = RecordType(65401);
    /// PowerDNS: computed.
    pub const LUA: RecordType = RecordType(65402);
}
