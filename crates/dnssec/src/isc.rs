//! The private-key text of BIND (`Private-key-format: v1.2`), as PowerDNS keeps it in `cryptokeys.content`.
//!
//! Reading is lenient, since such texts come from many hands: any letter case, extra fields, extra spaces, and the lone `)`
//! that is left over when a key was cut out of a zone file. Writing is byte for byte what PowerDNS writes.

use data_encoding::{BASE64, BASE64_NOPAD};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Algorithm, KeyError};

/// Longest text that is looked at, in octets; the text of an RSA key of 4096 bits has about 3,300.
pub const TEXT_OCTETS_MAX: usize = 16_384;

/// Private material as it stands in the text.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) enum Material {
    /// ECDSA's scalar or EdDSA's seed, exactly as long as the algorithm wants it.
    Scalar(Vec<u8>),
    /// Big-endian numbers without leading zeros, in the order of [`RSA_FIELDS`].
    Rsa([Vec<u8>; 8]),
}

/// The numbers of an RSA key, in the order PowerDNS writes them.
pub(crate) const RSA_FIELDS: [&str; 8] =
    ["Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2", "Exponent1", "Exponent2", "Coefficient"];

/// A key text, read.
pub(crate) struct PrivateText {
    pub(crate) algorithm: Algorithm,
    pub(crate) material: Material,
}

/// Returns `text` in the form PowerDNS writes: fields it does not know are dropped, the order is fixed, lines end in LF.
///
/// # Errors
///
/// [`KeyError`] if the text is not a private key of a supported algorithm.
pub fn normalize(text: &str) -> Result<Zeroizing<String>, KeyError> {
    Ok(PrivateText::parse(text)?.print())
}

impl PrivateText {
    /// Reads the text.
    pub(crate) fn parse(text: &str) -> Result<PrivateText, KeyError> {
        if text.len() > TEXT_OCTETS_MAX {
            return Err(field("Private-key-format", format!("the text is longer than {TEXT_OCTETS_MAX} octets")));
        }
        // The leftover bracket may stand on a line of its own or behind the last value; base64 never holds one.
        let text = text.trim_end().trim_end_matches(')');
        if let Some(version) = value(text, "Private-key-format")
            && !version.starts_with("v1.")
        {
            return Err(field("Private-key-format", "only v1.x is known".to_owned()));
        }
        let algorithm = algorithm(text)?;
        if value(text, "Engine").is_some() || value(text, "Slot").is_some() {
            return Err(field("Engine", "keys on a PKCS#11 token are not supported".to_owned()));
        }
        let material = match scalar_octets(algorithm) {
            Some(length) => Material::Scalar(scalar(text, length)?),
            None => Material::Rsa(rsa_numbers(text)?),
        };
        Ok(PrivateText { algorithm, material })
    }

    /// Writes the text as PowerDNS does.
    pub(crate) fn print(&self) -> Zeroizing<String> {
        // Room for all of it, so that growing leaves no copy of a key behind in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_OCTETS_MAX));
        text.push_str("Private-key-format: v1.2\n");
        text.push_str(&format!("Algorithm: {} ({})\n", self.algorithm.number(), self.algorithm.mnemonic()));
        let mut line = |name: &str, octets: &[u8]| {
            text.push_str(name);
            text.push_str(": ");
            BASE64.encode_append(octets, &mut text);
            text.push('\n');
        };
        match &self.material {
            Material::Scalar(octets) => line("PrivateKey", octets),
            Material::Rsa(numbers) => RSA_FIELDS.iter().zip(numbers).for_each(|(name, number)| line(name, number)),
        }
        text
    }
}

/// Length of the private key of ECDSA and EdDSA algorithms (RFC 6605 section 6, RFC 8080 section 6).
fn scalar_octets(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::RsaSha256 | Algorithm::RsaSha512 => None,
        Algorithm::EcdsaP256Sha256 | Algorithm::Ed25519 => Some(32),
        Algorithm::EcdsaP384Sha384 => Some(48),
    }
}

fn algorithm(text: &str) -> Result<Algorithm, KeyError> {
    let value = value(text, "Algorithm").ok_or_else(|| field("Algorithm", "missing".to_owned()))?;
    let number = value.split([' ', '\t', '(']).next().unwrap_or_default();
    if number.is_empty() {
        return Err(field("Algorithm", "empty".to_owned()));
    }
    number.parse()
}

fn scalar(text: &str, length: usize) -> Result<Vec<u8>, KeyError> {
    let mut octets = number(text, "PrivateKey")?;
    // A scalar may have lost its leading zeros on the way, or gained some.
    while octets.len() > length && octets[0] == 0 {
        octets.remove(0);
    }
    if octets.len() > length || octets.is_empty() {
        let reason = format!("{} octets instead of {length}", octets.len());
        octets.zeroize();
        return Err(field("PrivateKey", reason));
    }
    let mut whole = vec![0; length];
    whole[length - octets.len()..].copy_from_slice(&octets);
    octets.zeroize();
    Ok(whole)
}

fn rsa_numbers(text: &str) -> Result<[Vec<u8>; 8], KeyError> {
    let mut numbers = Zeroizing::new(<[Vec<u8>; 8]>::default());
    for (slot, name) in numbers.iter_mut().zip(RSA_FIELDS) {
        let mut octets = number(text, name)?;
        let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
        *slot = octets[zeros..].to_vec();
        octets.zeroize();
        if slot.is_empty() {
            return Err(field(name, "zero".to_owned()));
        }
    }
    Ok(std::mem::take(&mut *numbers))
}

/// The value of the last line named `name`, in any letter case.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.rfind(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn number(text: &str, name: &str) -> Result<Vec<u8>, KeyError> {
    let value = value(text, name).ok_or_else(|| field(name, "missing".to_owned()))?;
    let mut packed = Zeroizing::new(Vec::with_capacity(value.len()));
    packed.extend(value.bytes().filter(|octet| !octet.is_ascii_whitespace()));
    let unpadded = packed.iter().rposition(|&octet| octet != b'=').map_or(0, |last| last + 1);
    BASE64_NOPAD.decode(&packed[..unpadded]).map_err(|_| field(name, "not base64".to_owned()))
}

fn field(name: &str, reason: String) -> KeyError {
    KeyError::Field { field: name.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc=\n";

    fn reason(text: &str) -> String {
        PrivateText::parse(text).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn texts_of_powerdns_are_written_as_they_were_read() {
        assert_eq!(*normalize(P256).unwrap(), P256);
        for text in [
            include_str!("../tests/keys/rsasha256-2048.private"),
            include_str!("../tests/keys/rsasha512-2048.private"),
            include_str!("../tests/keys/rsasha256-1024.private"),
        ] {
            assert_eq!(*normalize(text).unwrap(), text);
        }
    }

    #[test]
    fn any_reasonable_spelling_is_read() {
        for spelling in [
            "private-key-format: v1.3\r\nalgorithm: 13\r\nprivatekey: R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc=\r\nCreated: 20260101000000\r\n",
            "  Algorithm :   13   (ECDSAP256SHA256)  \n\n PRIVATEKEY:R+J1OBjDPUGT5k/g11ac ki7vcXHbFXBeTkc5lnXJzXc",
            "Algorithm: ECDSA256\nPrivateKey: R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc=\n)\n",
            "Algorithm: 13(x)\nPrivateKey: R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc= )",
            "noise\nAlgorithm: 13\nPrivateKey: AAAA\nPrivateKey: AEfidTgYwz1Bk+ZP4NdWnJIu73Fx2xVwXk5HOZZ1yc13\n",
        ] {
            assert_eq!(*normalize(spelling).unwrap(), P256, "{spelling}");
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        assert_eq!(reason(""), "private key field Algorithm: missing");
        assert_eq!(reason("Algorithm:\n"), "private key field Algorithm: empty");
        assert_eq!(reason("Algorithm: 16 (ED448)\n"), "algorithm 16 is not supported");
        let sha1 = "algorithm RSASHA1 signs with SHA-1, which must not be used (RFC 9905)";
        assert_eq!(reason("Algorithm: 5 (RSASHA1)\n"), sha1);
        assert_eq!(reason("Algorithm: 13\n"), "private key field PrivateKey: missing");
        assert_eq!(reason("Algorithm: 13\nPrivateKey: %%%\n"), "private key field PrivateKey: not base64");
        assert_eq!(reason("Algorithm: 13\nPrivateKey: \n"), "private key field PrivateKey: 0 octets instead of 32");
        let long = format!("Algorithm: 13\nPrivateKey: {}\n", BASE64.encode(&[1; 33]));
        assert_eq!(reason(&long), "private key field PrivateKey: 33 octets instead of 32");
        let no_prime = include_str!("../tests/keys/rsasha256-2048.private").replace("Prime2", "Prime9");
        assert_eq!(reason(&no_prime), "private key field Prime2: missing");
        assert_eq!(reason("Private-key-format: v2.0\n"), "private key field Private-key-format: only v1.x is known");
        assert_eq!(
            reason("Algorithm: 13\nEngine: x\nSlot: 1\nPIN: 1\nLabel: l\n"),
            "private key field Engine: keys on a PKCS#11 token are not supported"
        );
        assert!(reason(&"x".repeat(TEXT_OCTETS_MAX + 1)).contains("longer than 16384"));
    }
}
