//! Zone keys: reading, making, DNSKEY, key tag, and the raw signature.
//!
//! The text form is in [`crate::isc`], DS and CDS in [`crate::ds`], what gets signed in [`crate::rrsig`].

use std::fmt;

use data_encoding::BASE64;
use p256::elliptic_curve::sec1::ToSec1Point;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use wire::Name;
use zeroize::Zeroizing;

pub use crate::algorithm::Algorithm;
use crate::ds;
use crate::isc::{Material, PrivateText};
use crate::rsa::{self, RSA_BITS_DEFAULT, RsaKey};

/// DNSKEY flags of a zone key (RFC 4034 section 2.1.1).
pub const FLAGS_ZSK: u16 = 256;
/// The same with the secure entry point bit (RFC 4034 section 2.1.1).
pub const FLAGS_KSK: u16 = 257;

/// Why a key cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A field of the ISC text is missing or malformed.
    #[error("private key field {field}: {reason}")]
    Field {
        /// Name as in the text.
        field: String,
        /// For a person.
        reason: String,
    },
    /// Not offered here.
    #[error("algorithm {0} is not supported")]
    Algorithm(String),
    /// Signatures with SHA-1, which nobody may make any more and many validators refuse (RFC 9905 section 2).
    #[error("algorithm {0} signs with SHA-1, which must not be used (RFC 9905)")]
    Sha1(&'static str),
    /// The crypto library refused it.
    #[error("key was refused: {0}")]
    Refused(String),
}

/// One key of a zone, ready to sign. Debug never prints private material; memory is zeroized where we own it.
pub struct ZoneKey {
    algorithm: Algorithm,
    flags: u16,
    bits: u32,
    key_tag: u16,
    dnskey: Box<[u8]>,
    secret: Secret,
}

enum Secret {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKey),
    /// A key that no one may sign with, and why.
    Unfit(String),
}

impl ZoneKey {
    /// Reads the ISC text; `flags` 256 or 257, as in the column of that name.
    ///
    /// A key that is well formed and must not sign, such as an RSA key of 256 bits, is read: see [`Self::unfit`].
    ///
    /// # Errors
    ///
    /// [`KeyError::Field`] and [`KeyError::Algorithm`] name what the text lacks; [`KeyError::Refused`] means that the numbers
    /// are no key.
    pub fn from_isc(text: &str, flags: u16) -> Result<ZoneKey, KeyError> {
        if flags != FLAGS_ZSK && flags != FLAGS_KSK {
            return Err(KeyError::Field {
                field: "flags".to_owned(),
                reason: format!("{flags} is neither 256 nor 257"),
            });
        }
        let text = PrivateText::parse(text)?;
        let (secret, public, bits) = Secret::new(&text)?;
        let mut dnskey = Vec::with_capacity(4 + public.len());
        dnskey.extend_from_slice(&flags.to_be_bytes());
        // The protocol field is always 3 (RFC 4034 section 2.1.2).
        dnskey.extend_from_slice(&[3, text.algorithm.number()]);
        dnskey.extend_from_slice(&public);
        Ok(ZoneKey { algorithm: text.algorithm, flags, bits, key_tag: key_tag(&dnskey), dnskey: dnskey.into(), secret })
    }

    /// Makes a key and returns its ISC text, to be stored. RSA keys get [`RSA_BITS_DEFAULT`] bits and take up to a second: call
    /// it where that holds nobody up.
    ///
    /// # Errors
    ///
    /// [`KeyError::Refused`] if the system has no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<String, KeyError> {
        ZoneKey::generate_sized(algorithm, algorithm.fixed_bits().unwrap_or(RSA_BITS_DEFAULT))
    }

    /// The same with a size, in bits: [`crate::RSA_BITS`] for RSA, where 4096 bits may take seconds; of other algorithms the one they have.
    ///
    /// # Errors
    ///
    /// [`KeyError::Refused`] for a size that the algorithm does not have, and if the system has no randomness.
    pub fn generate_sized(algorithm: Algorithm, bits: u32) -> Result<String, KeyError> {
        let octets = match algorithm.fixed_bits() {
            None => {
                let text = PrivateText { algorithm, material: Material::Rsa(rsa::generate(bits)?) };
                return Ok(text.print().as_str().to_owned());
            }
            Some(fixed) if fixed != bits => {
                return Err(KeyError::Refused(format!("keys of {algorithm} have {fixed} bits, not {bits}")));
            }
            Some(fixed) => fixed as usize / 8,
        };
        let mut scalar = Zeroizing::new(vec![0; octets]);
        loop {
            SystemRandom::new()
                .fill(&mut scalar)
                .map_err(|_| KeyError::Refused("the system's random number generator failed".to_owned()))?;
            let text = PrivateText { algorithm, material: Material::Scalar(scalar.to_vec()) };
            // A random number can lie outside of the curve's order, once in 2^32 tries for P-256: draw again.
            if Secret::new(&text).is_ok() {
                return Ok(text.print().as_str().to_owned());
            }
        }
    }

    /// Why the key must not sign; `None` if it can. Such a key is shown and kept, and used for nothing.
    pub fn unfit(&self) -> Option<&str> {
        match &self.secret {
            Secret::Unfit(why) => Some(why),
            Secret::Ecdsa(_) | Secret::Ed25519(_) | Secret::Rsa(_) => None,
        }
    }

    /// 256 or 257.
    pub fn flags(&self) -> u16 {
        self.flags
    }

    /// Whether the secure entry point bit is set (RFC 4034 section 2.1.1): a KSK or CSK by its flags.
    pub fn is_entry_point(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many signatures of ECDSA P-256 (23 µs where this was measured) take as long as one of this key, at least 1.
    pub(crate) fn cost(&self) -> u32 {
        /// Of RSA with 2048 bits; the time grows with the third power.
        const RSA_2048: u32 = 30;
        match self.algorithm {
            Algorithm::EcdsaP256Sha256 | Algorithm::Ed25519 => 1,
            Algorithm::EcdsaP384Sha384 => 22,
            Algorithm::RsaSha256 | Algorithm::RsaSha512 => {
                let size = self.bits.min(16_384) / 256;
                (RSA_2048 * size * size * size / 512).max(1)
            }
        }
    }

    /// Key size in bits as PowerDNS shows it (256 for algorithm 13).
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// RFC 4034 appendix B.
    pub fn key_tag(&self) -> u16 {
        self.key_tag
    }

    /// DNSKEY RDATA (RFC 4034 section 2.1), which is CDNSKEY's too (RFC 7344 section 3.2).
    pub fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// DNSKEY RDATA in presentation format: `257 3 13 BASE64`.
    pub fn dnskey_text(&self) -> String {
        format!("{} 3 {} {}", self.flags, self.algorithm.number(), BASE64.encode(&self.dnskey[4..]))
    }

    /// DS RDATA (RFC 4034 section 5.1), digest type 2 (SHA-256) or 4 (SHA-384); it is CDS's too (RFC 7344 section 3.1).
    pub fn ds(&self, zone: &Name, digest_type: u8) -> Option<Vec<u8>> {
        ds::ds(zone, &self.dnskey, digest_type)
    }

    /// The same in presentation format: `KEYTAG ALGORITHM TYPE hex`, in lower case.
    pub fn ds_text(&self, zone: &Name, digest_type: u8) -> Option<String> {
        self.ds(zone, digest_type).map(|rdata| ds::ds_text(&rdata))
    }

    /// The signature over `message`, in the form RRSIGs hold (RFC 6605 section 4: `r` and `s` side by side); `None` if the
    /// system has no randomness, and for a key that must not sign.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.secret {
            Secret::Ecdsa(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Secret::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Secret::Rsa(key) => key.sign(message),
            Secret::Unfit(_) => None,
        }
    }
}

impl fmt::Debug for ZoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZoneKey")
            .field("algorithm", &self.algorithm)
            .field("flags", &self.flags)
            .field("key_tag", &self.key_tag)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// The key ready to sign, the public key field of its DNSKEY, and its size in bits.
    fn new(text: &PrivateText) -> Result<(Secret, Vec<u8>, u32), KeyError> {
        let refused = |error: ring::error::KeyRejected| KeyError::Refused(error.to_string());
        let off_curve =
            |_| KeyError::Refused("the private key is not below the order of the curve, or zero".to_owned());
        let (secret, public) = match (&text.material, text.algorithm) {
            (Material::Rsa(numbers), algorithm) => {
                let rsa::Read { bits, public, key } = rsa::read(algorithm, numbers)?;
                return Ok((key.map_or_else(Secret::Unfit, Secret::Rsa), public, bits));
            }
            (Material::Scalar(seed), Algorithm::Ed25519) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(refused)?;
                let public = pair.public_key().as_ref().to_vec();
                (Secret::Ed25519(pair), public)
            }
            // ring takes a scalar only together with its point, and cannot compute the point.
            (Material::Scalar(scalar), Algorithm::EcdsaP384Sha384) => {
                let secret = p384::SecretKey::from_slice(scalar).map_err(off_curve)?;
                let point = secret.public_key().to_sec1_point(false);
                Secret::ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, scalar, point.as_bytes()).map_err(refused)?
            }
            (Material::Scalar(scalar), _) => {
                let secret = p256::SecretKey::from_slice(scalar).map_err(off_curve)?;
                let point = secret.public_key().to_sec1_point(false);
                Secret::ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, scalar, point.as_bytes()).map_err(refused)?
            }
        };
        Ok((secret, public, text.algorithm.fixed_bits().unwrap_or_default()))
    }

    fn ecdsa(
        signing: &'static ring::signature::EcdsaSigningAlgorithm,
        scalar: &[u8],
        point: &[u8],
    ) -> Result<(Secret, Vec<u8>), ring::error::KeyRejected> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, scalar, point, &SystemRandom::new())?;
        // Without the octet that says "uncompressed" (RFC 6605 section 4).
        Ok((Secret::Ecdsa(pair), point[1..].to_vec()))
    }
}

/// The key tag of DNSKEY RDATA (RFC 4034 appendix B).
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let mut sum = 0u32;
    for (index, &octet) in dnskey.iter().enumerate() {
        sum += if index % 2 == 0 { u32::from(octet) << 8 } else { u32::from(octet) };
    }
    ((sum + (sum >> 16)) & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn text(algorithm: &str, private: &str) -> String {
        format!("Private-key-format: v1.2\nAlgorithm: {algorithm}\nPrivateKey: {private}\n")
    }

    /// RFC 6605 section 6.1.
    #[test]
    fn rfc6605_section_6_1_p256_key_and_ds() {
        let key = ZoneKey::from_isc(&text("13 (ECDSAP256SHA256)", "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ="), 257);
        let key = key.unwrap();
        let public = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
        assert_eq!(key.dnskey_text(), format!("257 3 13 {public}"));
        let ds = "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
        assert_eq!(key.ds_text(&Name::parse("EXAMPLE.net").unwrap(), 2).unwrap(), ds);
        assert_eq!((key.key_tag(), key.bits(), key.flags()), (55648, 256, 257));
    }

    /// RFC 6605 section 6.2.
    #[test]
    fn rfc6605_section_6_2_p384_key_and_ds() {
        let private = "WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR";
        let key = ZoneKey::from_isc(&text("14 (ECDSAP384SHA384)", private), 257).unwrap();
        let public = "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40";
        assert_eq!(key.dnskey_text(), format!("257 3 14 {public}"));
        let ds = "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6";
        assert_eq!(key.ds_text(&Name::parse("example.net").unwrap(), 4).unwrap(), ds);
    }

    /// RFC 8080 section 6.1.
    #[test]
    fn rfc8080_section_6_1_ed25519_key_and_ds() {
        let private = "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=";
        let key = ZoneKey::from_isc(&text("15 (ED25519)", private), 257).unwrap();
        assert_eq!(key.dnskey_text(), "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");
        let ds = "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b";
        assert_eq!(key.ds_text(&Name::parse("example.com").unwrap(), 2).unwrap(), ds);
    }

    /// What `pdnsutil show-zone example.org` printed for these keys.
    #[test]
    fn public_keys_tags_and_digests_are_powerdnss() {
        let cases = [
            (
                include_str!("../tests/keys/rsasha256-2048.private").to_owned(),
                257,
                "257 3 8 AwEAAcnY8ouaf4QkaX6I6St7i8KSnyUt6T9lQCwP6wAh7P1q/K2LWn2EYh8WcogxjdLKtZud8B2DBIMFimo5L8FuxCcjhz8ZuByG/y13gRlDBKnUkITLNRXN/MguEKEERpKDzeCuTLryq4n0UyJXu071+yHM4mXpz3pMm8b2NYANceS/YxjoqsdRZl19brc4lYLUTEhf+5JMWnKza89ASy0ConAbGTJj53sZI0CYZVrf31LNDNHB0rxxQKyukgP9+Dpg6LRzwfKGAmbVrnp1ODe5xlw1wO6q6WFBwI/trc7LAwjPUd2zHdPuOM8PtMAU0sBxQpOnsWYTfX4ZOlw3k8Ybz2E=",
                "41489 8 2 557d35257ae0b2b44026a996b03fe2fc9d520d4c4a7443be578bd3b09918935f",
                "41489 8 4 4ce1bb283d90d3119225e678c5de08ce24dbff88410e22ee9397890e967aff019db3a61117d2e9bb7b4831599048cd62",
                2048,
            ),
            (
                include_str!("../tests/keys/rsasha512-2048.private").to_owned(),
                257,
                "257 3 10 AwEAAeearpsch3mgOqXquFc44cmhkEvfJcWfrayWUUnbPFvrnhTjEXZqi2HgPFwi5yygDpcVt21p/VvI35cL8XhtHjUgMwtYJ7iGd2caShc7cIUxGbWSMKkWLAXderANztl76cM35ElhuqX+o3sNOX8OaSrCOqLC6t+Q4UEQ2MTzkegWJGF0yye/X2Qg0mrgoCBuG0PFFc8lRHycHMp7G7wMpZMcAzL/IA9TF+7mM2dlkdbGWG+K1ipOYk0YDb01RBSot0EnuxTbeu6ivnTzrf5jjBiR/eNQFVOhTzZ49ReY5nyStsSmlKiSKIx8n1arYdfWShT8AeVPkdqVhUNr9MNPqv8=",
                "26202 10 2 f8e476e060b753227975f32f98f333a002c24bc8dbaa6e9a9aa4e09aa6f25cdf",
                "26202 10 4 2115d21d52f1a02f81ee6a9791d94cb2aa9b7f043ca925d496aef28d5e00e8882f2bebeaa46d0b089b57bebeaa6a5ac8",
                2048,
            ),
            (
                text("13", "R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc="),
                256,
                "256 3 13 dKzrmaujzmMWrGieQxBB1J66bGGc9Gm6mLDpQHzE7VRTxLBWeCO+cwipp6PYilOHtrw8Le60BP+zLZ+WzUViSw==",
                "24676 13 2 d3eb20b175acf0bfa9b92a66e5e8870c67337f6a0219916122a5a7833a99ee18",
                "24676 13 4 87131a03a28cbc8c199e68ecbb7e1b8a61341b91d1c57d00f03a404965b9da7e8a14afa44b28bb05b7115977814ca9f1",
                256,
            ),
            (
                text("14", "t6/PDzzNhZfiReHWlp3ZIJAQ9qJKzwwy3XrFgn7jGaExJvKuQh8q7YofJSCjvxBC"),
                256,
                "256 3 14 6mmFCBTwzEQeXLYbGQC0Y+ASmE7/1L6sW8genlyMznHvphetkOBaVh6Zny9UC+qOgLQJX5Clp9nAMMCHnbaq+3vWdsCu+4q/GLOOk8uc0TszY5rH+V9uxcrSmmfqgVqL",
                "40653 14 2 7320e3375afcbb0b36fa5a3135c1b5768c2f96caa5c473be28e05b7685a68e75",
                "40653 14 4 b8bd0ad88d3688cb8c06d89ead831c0a9aa673a3324247f36bf58a3aa0d2d814f76a2b096650c5298188b8457b6d0ac2",
                384,
            ),
            (
                text("15", "YhvhT7W3AvW0UOxaCUGM8WpjrKP1hNqZU0s/1ij94hE="),
                256,
                "256 3 15 IBjFJenG9itDQwD/UHsboUBOfUebLTRa75e1K/rzc84=",
                "6722 15 2 78b03865f5f0b457dc91bdba9a1c6bc6bfa9b61f829cf4ab9f7e804b360656ca",
                "6722 15 4 443bc53a79a508b58fab4c816205b8612c76a3071277953faa7fe608bfc1ccdc0fe3d60bc6f6a188a49995f26b1d3419",
                256,
            ),
        ];
        let zone = Name::parse("example.org").unwrap();
        for (text, flags, dnskey, sha256, sha384, bits) in cases {
            let key = ZoneKey::from_isc(&text, flags).unwrap();
            assert_eq!(key.dnskey_text(), dnskey);
            assert_eq!(key.ds_text(&zone, 2).unwrap(), sha256);
            assert_eq!(key.ds_text(&zone, 4).unwrap(), sha384);
            assert_eq!(key.bits(), bits);
            assert_eq!(key.ds(&zone, 1), None);
        }
    }

    /// RFC 5702 section 2: algorithm 8 has 512 to 4096 bits, algorithm 10 has 1024 to 4096.
    #[test]
    fn rfc5702_section_2_keys_of_other_sizes_are_read_and_do_not_sign() {
        let read = |text: &str| ZoneKey::from_isc(text, 256).unwrap();
        let as_10 = |text: &str| text.replace("Algorithm: 8 (RSASHA256)", "Algorithm: 10 (RSASHA512)");
        let (tiny, huge) =
            (include_str!("../tests/keys/rsasha256-256.private"), include_str!("../tests/keys/rsasha256-5120.private"));
        let (least, small) =
            (include_str!("../tests/keys/rfc5702-6.1.private"), include_str!("../tests/keys/rsasha256-1024.private"));
        for (text, bits, signs) in [
            (tiny.to_owned(), 256, false),
            (huge.to_owned(), 5120, false),
            (least.to_owned(), 512, true),
            (as_10(least), 512, false),
            (small.to_owned(), 1024, true),
            (as_10(small), 1024, true),
        ] {
            let key = read(&text);
            assert_eq!(key.bits(), bits);
            assert_eq!(key.unfit().is_none(), signs, "{bits}");
            assert_eq!(key.sign(b"x").map(|signature| signature.len() as u32 * 8), signs.then_some(bits));
            assert_eq!(*crate::isc::normalize(&text).unwrap(), text);
        }
        let why = "RSASHA256 with a key of 256 bits must not sign, only with 512 to 4096 (RFC 5702 section 2)";
        assert_eq!(read(tiny).unfit(), Some(why));
    }

    #[test]
    fn keys_that_are_none_are_refused_with_the_reason() {
        // Whoever signs with it, ring or the other library, takes no number that does not fit.
        for (text, stranger) in [
            (
                include_str!("../tests/keys/rsasha256-2048.private"),
                include_str!("../tests/keys/rsasha512-2048.private"),
            ),
            (include_str!("../tests/keys/rsasha256-1024.private"), include_str!("../tests/keys/rfc5702-6.2.private")),
        ] {
            for field in crate::isc::RSA_FIELDS {
                let foreign = stranger.lines().find(|line| line.starts_with(&format!("{field}: "))).unwrap();
                let other = if field == "PublicExponent" { "PublicExponent: Aw==" } else { foreign };
                let mixed: String = text
                    .lines()
                    .map(|line| if line.starts_with(&format!("{field}: ")) { other } else { line }.to_owned() + "\n")
                    .collect();
                assert_ne!(mixed, text);
                assert!(matches!(ZoneKey::from_isc(&mixed, 256), Err(KeyError::Refused(_))), "{field}");
            }
        }
        for algorithm in ["13", "14"] {
            let length = if algorithm == "13" { 32 } else { 48 };
            for scalar in [vec![0; length], vec![0xff; length]] {
                let text = text(algorithm, &BASE64.encode(&scalar));
                assert!(matches!(ZoneKey::from_isc(&text, 257), Err(KeyError::Refused(_))));
            }
        }
        let good = text("13", "R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc=");
        for flags in [0, 1, 255, 385] {
            assert!(ZoneKey::from_isc(&good, flags).unwrap_err().to_string().contains("neither 256 nor 257"));
        }
    }

    #[test]
    fn made_keys_are_new_and_read_back() {
        for algorithm in Algorithm::ALL {
            let text = ZoneKey::generate(algorithm).unwrap();
            assert_eq!(text, *crate::isc::normalize(&text).unwrap());
            let key = ZoneKey::from_isc(&text, 257).unwrap();
            let other = ZoneKey::from_isc(&ZoneKey::generate(algorithm).unwrap(), 257).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(key.unfit(), None);
            assert_eq!(key.bits(), algorithm.fixed_bits().unwrap_or(2048));
            assert_ne!(key.dnskey(), other.dnskey());
        }
    }

    /// Of these ring signs with 2048 and 3072 bits, the other library with the rest.
    #[test]
    fn rsa_keys_are_made_in_every_size_that_may_be_asked_for() {
        for bits in [1024, 1025, 1279, 1536, 2048, 2560, 3072] {
            let text = ZoneKey::generate_sized(Algorithm::RsaSha512, bits).unwrap();
            let key = ZoneKey::from_isc(&text, 257).unwrap();
            assert_eq!((key.bits(), key.unfit()), (bits, None));
            assert_eq!(key.sign(b"x").unwrap().len() as u32, bits.div_ceil(8));
        }
        for bits in [0, 512, 1023, 4097, 1 << 20] {
            let refused = ZoneKey::generate_sized(Algorithm::RsaSha256, bits).unwrap_err().to_string();
            assert_eq!(refused, format!("key was refused: new RSA keys have 1024 to 4096 bits, not {bits}"));
        }
        let refused = ZoneKey::generate_sized(Algorithm::EcdsaP256Sha256, 384).unwrap_err().to_string();
        assert_eq!(refused, "key was refused: keys of ECDSAP256SHA256 have 256 bits, not 384");
    }

    #[test]
    fn debug_shows_no_private_material() {
        let key = ZoneKey::from_isc(&text("13", "R+J1OBjDPUGT5k/g11acki7vcXHbFXBeTkc5lnXJzXc="), 256).unwrap();
        assert_eq!(format!("{key:?}"), "ZoneKey { algorithm: EcdsaP256Sha256, flags: 256, key_tag: 24676, .. }");
    }

    #[test]
    fn delete_records_are_rfc8078s() {
        assert_eq!(HEXLOWER.encode(&ds::CDS_DELETE), "0000000000");
        assert_eq!(ds::ds_text(&ds::CDS_DELETE), "0 0 0 00");
        // Flags 0, protocol 3, algorithm 0, the key one zero octet: `0 3 0 AA==`.
        assert_eq!(HEXLOWER.encode(&ds::CDNSKEY_DELETE), "0000030000");
    }
}
