//! The NSEC3 owner-name hash (RFC 5155 section 5).
//!
//! Only hashing lives here. Which names get hashed is in `chain.rs`, what the records prove in
//! the `dnssec` crate.

use data_encoding::{BASE32HEX_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use sha1::{Digest, Sha1};
use std::fmt;
use std::str::FromStr;
use wire::Name;

/// The raw 20 octets of a hashed owner name.
pub type Nsec3Hash = [u8; 20];

/// More iterations are not hashed with: PowerDNS's default for `max-nsec3-iterations`, which it brings zones down to, too.
pub const NSEC3_ITERATIONS_MAX: u16 = 100;

/// Hash algorithm 1 with these parameters (RFC 5155 section 4); default `1 0 0 -` (RFC 9276 section 3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nsec3Params {
    /// Whether the records carry the opt-out flag (RFC 5155 section 6).
    pub opt_out: bool,
    /// Additional iterations.
    pub iterations: u16,
    /// At most 255 octets.
    pub salt: Vec<u8>,
}

/// Why a text is no NSEC3PARAM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Nsec3ParamError {
    /// Only SHA-1 is defined (RFC 5155 section 11).
    #[error("hash algorithm {0} is not 1")]
    Algorithm(String),
    /// Four fields: algorithm, flags, iterations, salt.
    #[error("{field} is malformed: {text}")]
    Field {
        /// Which.
        field: &'static str,
        /// As given.
        text: String,
    },
}

/// Returns the NSEC3 hash of `name` in its canonical form under `params`.
pub fn nsec3_hash(name: &Name, params: &Nsec3Params) -> Nsec3Hash {
    nsec3_hash_wire(&name.as_wire().to_ascii_lowercase(), params)
}

/// The same for a name already in lower-case wire format.
pub fn nsec3_hash_wire(lower: &[u8], params: &Nsec3Params) -> Nsec3Hash {
    let mut hash: Nsec3Hash = Sha1::new().chain_update(lower).chain_update(&params.salt).finalize().into();
    for _ in 0..params.iterations {
        hash = Sha1::new().chain_update(hash).chain_update(&params.salt).finalize().into();
    }
    hash
}

/// Lower-case base32hex without padding (32 characters), as owner names and `ordername` hold it.
pub fn base32hex(hash: &Nsec3Hash) -> String {
    BASE32HEX_NOPAD.encode(hash).to_ascii_lowercase()
}

impl Nsec3Params {
    /// The RDATA of an NSEC3PARAM record; its flags are always zero (RFC 5155 section 4.1.2).
    pub fn nsec3param_rdata(&self) -> Vec<u8> {
        let mut rdata = self.rdata_head();
        rdata[1] = 0;
        rdata
    }

    /// The RDATA of an NSEC3 record (RFC 5155 section 3.2) up to its type bitmap, in pieces.
    pub fn nsec3_rdata(&self, next: &Nsec3Hash, mut put: impl FnMut(&[u8])) {
        let [high, low] = self.iterations.to_be_bytes();
        put(&[1, u8::from(self.opt_out), high, low, self.salt.len() as u8]);
        put(&self.salt);
        put(&[next.len() as u8]);
        put(next);
    }

    /// The parameters at the front of NSEC3 or NSEC3PARAM RDATA, the opt-out flag aside. `None`: another hash algorithm, unknown
    /// flags (RFC 5155 section 8.2), or malformed.
    pub(crate) fn of_rdata(rdata: &[u8]) -> Option<Nsec3Params> {
        let (&[algorithm, flags, iterations_high, iterations_low, salt_octets], rest) =
            rdata.split_first_chunk::<5>()?;
        let salt = rest.get(..usize::from(salt_octets)).filter(|_| algorithm == 1 && flags <= 1)?.to_vec();
        Some(Nsec3Params { opt_out: false, iterations: u16::from_be_bytes([iterations_high, iterations_low]), salt })
    }

    /// Algorithm, flags, iterations and salt, as NSEC3 and NSEC3PARAM begin (RFC 5155 sections 3.2, 4.2).
    pub(crate) fn rdata_head(&self) -> Vec<u8> {
        let mut rdata = vec![1, u8::from(self.opt_out)];
        rdata.extend_from_slice(&self.iterations.to_be_bytes());
        rdata.push(self.salt.len() as u8);
        rdata.extend_from_slice(&self.salt);
        rdata
    }
}

impl fmt::Display for Nsec3Params {
    /// The canonical form of the metadata NSEC3PARAM, `1 0 0 -`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let salt = if self.salt.is_empty() { "-".to_owned() } else { HEXLOWER.encode(&self.salt) };
        write!(f, "1 {} {} {salt}", u8::from(self.opt_out), self.iterations)
    }
}

impl FromStr for Nsec3Params {
    type Err = Nsec3ParamError;

    fn from_str(text: &str) -> Result<Nsec3Params, Nsec3ParamError> {
        let malformed = |field, text: &str| Nsec3ParamError::Field { field, text: text.to_owned() };
        let mut fields = text.split_ascii_whitespace();
        let algorithm = fields.next().unwrap_or_default();
        if algorithm != "1" {
            return Err(Nsec3ParamError::Algorithm(algorithm.to_owned()));
        }
        let flags = fields.next().unwrap_or_default();
        let flags_value: u8 = flags.parse().map_err(|_| malformed("flags", flags))?;
        let iterations = fields.next().unwrap_or_default();
        let iterations_value = iterations.parse().map_err(|_| malformed("iterations", iterations))?;
        let salt = fields.next().unwrap_or_default();
        let salt_value = match salt {
            "-" => Vec::new(),
            hex => HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| malformed("salt", salt))?,
        };
        if salt_value.len() > 255 || salt.is_empty() || fields.next().is_some() {
            return Err(malformed("salt", salt));
        }
        Ok(Nsec3Params { opt_out: flags_value & 1 != 0, iterations: iterations_value, salt: salt_value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5155 appendix A: salt AABBCCDD, 12 iterations.
    #[test]
    fn rfc5155_appendix_a_hashes() {
        let params = "1 0 12 aabbccdd".parse().unwrap();
        for (name, hash) in [
            ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"),
            ("ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
            ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
            ("X.Y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"),
        ] {
            assert_eq!(base32hex(&nsec3_hash(&Name::parse(name).unwrap(), &params)), hash, "{name}");
        }
    }

    #[test]
    fn parameters_in_text_go_both_ways() {
        for text in ["1 0 0 -", "1 1 10 abcd"] {
            assert_eq!(text.parse::<Nsec3Params>().unwrap().to_string(), text);
        }
        assert_eq!("1 0 5 ABcd".parse::<Nsec3Params>().unwrap().to_string(), "1 0 5 abcd");
        assert_eq!(Nsec3Params::default().nsec3param_rdata(), [1, 0, 0, 0, 0]);
        for bad in ["", "2 0 0 -", "1 x 0 -", "1 0 65536 -", "1 0 0", "1 0 0 xyz", "1 0 0 - -"] {
            bad.parse::<Nsec3Params>().unwrap_err();
        }
    }
}
