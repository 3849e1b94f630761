//! Resolvers with every cache that is possible, and strict in what they believe.
//!
//! What is in a cache follows from what was served, when, and with which TTL, and from nothing else: no roller, no plan, no state. A set
//! and the signatures over it came in one answer and are cached together. Beside each other may be cached any DS set, DNSKEY set and
//! signed data whose TTLs have not run out.

use std::collections::BTreeMap;

/// A DNSKEY record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dnskey {
    pub(super) tag: u16,
    pub(super) algorithm: u8,
    pub(super) public: u64,
}

/// A DS record; the digest is the public key itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DsRecord {
    pub(super) tag: u16,
    pub(super) algorithm: u8,
    pub(super) digest: u64,
}

/// A signature; it verifies with the public key that it was made for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rrsig {
    pub(super) tag: u16,
    pub(super) algorithm: u8,
    pub(super) verifies_with: u64,
}

impl Rrsig {
    fn is_by(&self, key: &Dnskey) -> bool {
        (self.tag, self.algorithm, self.verifies_with) == (key.tag, key.algorithm, key.public)
    }
}

/// One answer of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    Ds(Vec<DsRecord>),
    Dnskey(Vec<Dnskey>, Vec<Rrsig>),
    Data(Vec<Rrsig>),
}

/// All resolvers.
#[derive(Default)]
pub(super) struct Resolvers {
    /// What may be cached, and until when.
    cached: BTreeMap<Answer, u64>,
}

impl Resolvers {
    /// A server gave `answer` with `ttl` at `now`. An error says which caches do not validate.
    pub(super) fn served(&mut self, now: u64, answer: &Answer, ttl: u64) -> Result<(), String> {
        self.cached.retain(|_, until| *until > now);
        if let Some(until) = self.cached.get_mut(answer) {
            *until = (*until).max(now + ttl);
            return Ok(());
        }
        self.cached.insert(answer.clone(), now + ttl);
        self.validate(answer)
    }

    /// Every combination that holds `new`.
    fn validate(&self, new: &Answer) -> Result<(), String> {
        let fits = |old: &Answer| std::mem::discriminant(old) != std::mem::discriminant(new) || old == new;
        for ds in self.cached.keys().filter(|answer| fits(answer)) {
            let Answer::Ds(ds) = ds else { continue };
            for set in self.cached.keys().filter(|answer| fits(answer)) {
                let Answer::Dnskey(keys, over_keys) = set else { continue };
                for data in self.cached.keys().filter(|answer| fits(answer)) {
                    let Answer::Data(over_data) = data else { continue };
                    believe(ds, keys, over_keys, over_data).map_err(|why| {
                        format!("{why}\n  {ds:?}\n  {keys:?} signed {over_keys:?}\n  data signed {over_data:?}")
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn believe(ds: &[DsRecord], keys: &[Dnskey], over_keys: &[Rrsig], over_data: &[Rrsig]) -> Result<(), String> {
    // Every algorithm of the DS set must lead to a key that signed the DNSKEY set.
    for wanted in ds {
        let trusted = |key: &&Dnskey| {
            let matches = |ds: &DsRecord| (ds.tag, ds.algorithm, ds.digest) == (key.tag, key.algorithm, key.public);
            key.algorithm == wanted.algorithm && ds.iter().any(matches)
        };
        if !keys.iter().filter(trusted).any(|key| over_keys.iter().any(|signature| signature.is_by(key))) {
            return Err(format!("no DS of algorithm {} leads to the DNSKEY set", wanted.algorithm));
        }
    }
    if ds.is_empty() {
        return Ok(());
    }
    // Every algorithm of the DNSKEY set must have signed the data.
    for wanted in keys {
        let alike = keys.iter().filter(|key| key.algorithm == wanted.algorithm);
        if !alike.into_iter().any(|key| over_data.iter().any(|signature| signature.is_by(key))) {
            return Err(format!("no signature of algorithm {} over the data verifies", wanted.algorithm));
        }
    }
    Ok(())
}

#[test]
fn they_reject_what_no_validator_may_believe() {
    let key = |tag, algorithm| Dnskey { tag, algorithm, public: u64::from(tag) };
    let by = |tag, algorithm| Rrsig { tag, algorithm, verifies_with: u64::from(tag) };
    let ds = |tag, algorithm| DsRecord { tag, algorithm, digest: u64::from(tag) };
    assert!(believe(&[ds(1, 13)], &[key(1, 13), key(2, 13)], &[by(1, 13)], &[by(2, 13)]).is_ok());
    assert!(believe(&[], &[key(1, 13)], &[], &[]).is_ok());
    assert!(believe(&[ds(1, 13)], &[], &[], &[]).is_err());
    assert!(believe(&[ds(1, 13)], &[key(1, 13), key(2, 13)], &[by(2, 13)], &[by(2, 13)]).is_err());
    assert!(believe(&[ds(1, 13)], &[key(1, 13), key(2, 13)], &[by(1, 13)], &[by(3, 13)]).is_err());
    assert!(believe(&[ds(1, 13), ds(4, 8)], &[key(1, 13)], &[by(1, 13)], &[by(1, 13)]).is_err());
    assert!(believe(&[ds(1, 13)], &[key(1, 13), key(4, 8)], &[by(1, 13)], &[by(1, 13)]).is_err());
}
