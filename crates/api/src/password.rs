//! Hashes of keys and passwords as `pdnsutil hash-password` makes them: `$scrypt$ln=..,p=..,r=..$salt$hash` (PDNS-DIALECT 1.2,
//! RFC 7914).

use std::fmt;

use data_encoding::BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

/// The work factor if none is asked for, as a power of two.
pub const LOG_WORK_FACTOR_DEFAULT: u8 = 10;
/// The highest work factor that is made or taken, as a power of two: a check then takes 128 MiB and about half a second.
pub const LOG_WORK_FACTOR_MAX: u8 = 17;
/// Bounds of what is taken besides: with the work factor they make up memory (`r`) and time (`p`).
const BLOCK_SIZE_MAX: u32 = 8;
const PARALLELISM_MAX: u32 = 4;
/// Octets of a new salt, and of a new hash.
const SALT_OCTETS: usize = 16;
const HASH_OCTETS: usize = 32;
/// Bounds of those that are taken.
const SALT_OCTETS_MAX: usize = 64;
const HASH_OCTETS_RANGE: std::ops::RangeInclusive<usize> = 16..=64;

/// A hash with what it was made by. Its text can be shown: guessing is what it costs to find the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ScryptHash {
    log_work_factor: u8,
    parallelism: u32,
    block_size: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Why a hash was not read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScryptError {
    /// It is not of the form.
    #[error("hash is not of the form $scrypt$ln=..,p=..,r=..$salt$hash")]
    Form,
    /// A parameter would cost too much, or nothing.
    #[error("hash asks for ln={log_work_factor},p={parallelism},r={block_size}; at most ln=17,p=4,r=8 is taken")]
    Cost {
        /// Logarithm of the work factor.
        log_work_factor: u8,
        /// Parallelism.
        parallelism: u32,
        /// Block size.
        block_size: u32,
    },
    /// The system's random numbers are not to be had.
    #[error("the system has no random numbers")]
    NoRandomness,
}

impl ScryptHash {
    /// Hashes a secret with a salt of its own. Takes milliseconds to half a second of one core.
    ///
    /// # Errors
    ///
    /// [`ScryptError::Cost`] for a work factor that would not be taken, [`ScryptError::NoRandomness`].
    pub fn new(secret: &[u8], log_work_factor: u8) -> Result<ScryptHash, ScryptError> {
        let mut salt = vec![0; SALT_OCTETS];
        SystemRandom::new().fill(&mut salt).map_err(|_| ScryptError::NoRandomness)?;
        let mut made = ScryptHash { log_work_factor, parallelism: 1, block_size: 8, salt, hash: vec![0; HASH_OCTETS] };
        made.check_cost()?;
        made.hash = made.hash_of(secret);
        Ok(made)
    }

    /// Reads what `pdnsutil hash-password` printed.
    ///
    /// # Errors
    ///
    /// [`ScryptError`] for what is not such a hash, or would cost too much to check.
    pub fn parse(text: &str) -> Result<ScryptHash, ScryptError> {
        let rest = text.strip_prefix("$scrypt$").ok_or(ScryptError::Form)?;
        let mut parts = rest.split('$');
        let (Some(parameters), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ScryptError::Form);
        };
        let mut numbers = [None; 3];
        for parameter in parameters.split(',') {
            let (name, number) = parameter.split_once('=').ok_or(ScryptError::Form)?;
            let at = ["ln", "p", "r"].iter().position(|known| *known == name).ok_or(ScryptError::Form)?;
            let number = number.parse::<u32>().map_err(|_| ScryptError::Form)?;
            if numbers[at].replace(number).is_some() {
                return Err(ScryptError::Form);
            }
        }
        let [Some(log_work_factor), Some(parallelism), Some(block_size)] = numbers else {
            return Err(ScryptError::Form);
        };
        let octets = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| ScryptError::Form);
        let (salt, hash) = (octets(salt)?, octets(hash)?);
        if salt.is_empty() || salt.len() > SALT_OCTETS_MAX || !HASH_OCTETS_RANGE.contains(&hash.len()) {
            return Err(ScryptError::Form);
        }
        let log_work_factor = u8::try_from(log_work_factor).unwrap_or(u8::MAX);
        let read = ScryptHash { log_work_factor, parallelism, block_size, salt, hash };
        read.check_cost().map(|()| read)
    }

    /// Whether `secret` is what was hashed. Takes as long as hashing it, and the same time for any secret of one length.
    pub fn matches(&self, secret: &[u8]) -> bool {
        self.hash_of(secret).ct_eq(&self.hash).into()
    }

    fn check_cost(&self) -> Result<(), ScryptError> {
        let is_bearable = (1..=LOG_WORK_FACTOR_MAX).contains(&self.log_work_factor)
            && (1..=PARALLELISM_MAX).contains(&self.parallelism)
            && (1..=BLOCK_SIZE_MAX).contains(&self.block_size);
        match is_bearable {
            true => Ok(()),
            false => Err(ScryptError::Cost {
                log_work_factor: self.log_work_factor,
                parallelism: self.parallelism,
                block_size: self.block_size,
            }),
        }
    }

    fn hash_of(&self, secret: &[u8]) -> Vec<u8> {
        let parameters = scrypt::Params::new(self.log_work_factor, self.block_size, self.parallelism)
            .expect("check_cost() keeps them within scrypt's own bounds");
        let mut hash = vec![0; self.hash.len()];
        scrypt::scrypt(secret, &self.salt, &parameters, &mut hash).expect("16 to 64 octets are a length of hashes");
        hash
    }
}

impl fmt::Display for ScryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, hash) = (BASE64.encode(&self.salt), BASE64.encode(&self.hash));
        write!(f, "$scrypt$ln={},p={},r={}${salt}${hash}", self.log_work_factor, self.parallelism, self.block_size)
    }
}

impl fmt::Debug for ScryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScryptHash").field("log_work_factor", &self.log_work_factor).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by PowerDNS 4.7.3 of `hello`.
    const OF_POWERDNS: &str =
        "$scrypt$ln=10,p=1,r=8$vvKBpW9UrUvIyYb5xH51Qw==$SSU2YjyssOh4mFlNz1MrIsMqTauJnG7LQZpT5Q5GLu0=";

    #[test]
    fn section_1_2_what_powerdns_hashed_matches() {
        let hash = ScryptHash::parse(OF_POWERDNS).unwrap();
        assert!(hash.matches(b"hello") && !hash.matches(b"hello ") && !hash.matches(b""));
        assert_eq!(hash.to_string(), OF_POWERDNS);
    }

    #[test]
    fn section_1_2_a_new_hash_has_a_salt_of_its_own() {
        let (one, other) = (ScryptHash::new(b"key", 4).unwrap(), ScryptHash::new(b"key", 4).unwrap());
        assert_ne!(one, other);
        for hash in [one, other] {
            assert!(hash.to_string().starts_with("$scrypt$ln=4,p=1,r=8$"), "{hash}");
            assert!(ScryptHash::parse(&hash.to_string()).unwrap().matches(b"key"));
        }
        assert!(ScryptHash::new(b"key", 18).is_err());
    }

    #[test]
    fn hashes_that_would_cost_too_much_or_are_none_are_refused() {
        let cost = OF_POWERDNS.replace("ln=10", "ln=30");
        assert!(matches!(ScryptHash::parse(&cost), Err(ScryptError::Cost { .. })));
        for (from, to) in [
            ("ln=10", "ln=0"),
            ("p=1", "p=0"),
            ("r=8", "r=900"),
            ("ln=10", "ln=x"),
            ("ln=10,", ""),
            ("p=1", "p=1,p=1"),
            ("==", ""),
            ("$scrypt", "$bcrypt"),
            ("vvKBpW9UrUvIyYb5xH51Qw==", ""),
            ("SSU2YjyssOh4mFlNz1MrIsMqTauJnG7LQZpT5Q5GLu0=", "SSU2"),
        ] {
            assert!(ScryptHash::parse(&OF_POWERDNS.replace(from, to)).is_err(), "{from} {to}");
        }
        assert!(ScryptHash::parse(&format!("{OF_POWERDNS}$")).is_err());
    }
}
