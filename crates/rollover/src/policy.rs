//! What an operator wants of a zone's keys.

use std::time::Duration;

/// Rules for the keys of a zone. [`Policy::default`] is sound for nearly everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// One key for everything, or a key-signing and a zone-signing key. Default: two.
    pub layout: Layout,
    /// DNSSEC algorithm number of new keys. Default 13 (ECDSA P-256, RFC 8624). When it changes, keys of other algorithms are
    /// rolled away (RFC 6781 section 4.1.4).
    pub algorithm: u8,
    /// Age at which a KSK or CSK is to be gone; `None` for never. Default 365 days. The roll begins as much earlier as it takes.
    pub ksk_lifetime: Option<Duration>,
    /// Age at which a ZSK is to be gone; `None` for never. Default 90 days. The roll begins as much earlier as it takes.
    pub zsk_lifetime: Option<Duration>,
    /// KSKs (CSKs) kept ready beside the one in use, in the DNSKEY set and as DS at the parent. Default 0, at most 1.
    pub standby_ksk: u8,
    /// ZSKs kept ready beside the one in use, in the DNSKEY set. Default 0, at most 1.
    pub standby_zsk: u8,
    /// From a signature's inception to its expiration. Default 21 days.
    pub signature_lifetime: Duration,
    /// What is left of a signature's life when it is renewed. Default 14 days.
    pub signature_refresh: Duration,
    /// TTL of the DNSKEY set. Default 1 hour. Waits follow the TTLs that were served, which may be older.
    pub dnskey_ttl: Duration,
    /// Time a change takes to reach every server of the zone: replicas, their caches of answers, secondaries. Default 1 hour.
    pub propagation_delay: Duration,
    /// Added to the wait for a DNSKEY set to be in every cache. Default 1 hour.
    pub publish_safety: Duration,
    /// Added to the wait for signatures and DS sets to be in no cache. Default 1 hour.
    pub retire_safety: Duration,
    /// Time a change takes from one of the parent's servers to all of them, of those we do not see. Default 1 hour.
    pub parent_propagation_delay: Duration,
    /// TTL of the DS set where none was seen: at first, and at least this while a server of the parent is silent. Default 1 day.
    /// Otherwise what was seen counts.
    pub parent_ds_ttl: Duration,
    /// Longest time between a CDS set, or a request at the registrar, and the DS set at the parent. Default 2 days. An old request
    /// may be carried out as late as that, although a newer one was made.
    pub registration_delay: Duration,
    /// Whether CDS and CDNSKEY records tell the parent what to publish (RFC 7344). Default [`Cds::Publish`].
    pub cds: Cds,
}

/// How the two jobs of a key are given to keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One key signs DNSKEY and everything else.
    Csk,
    /// One key signs DNSKEY, another everything else.
    KskAndZsk,
}

/// How the parent learns of a new DS set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cds {
    /// By CDS and CDNSKEY records in the zone.
    Publish,
    /// By a person or a hook.
    Off,
}

/// A field of a [`Policy`] that can not be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
#[non_exhaustive]
pub struct PolicyError {
    /// The name of the field.
    pub field: &'static str,
    /// Why not.
    pub reason: String,
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86400);

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            layout: Layout::KskAndZsk,
            algorithm: 13,
            ksk_lifetime: Some(365 * DAY),
            zsk_lifetime: Some(90 * DAY),
            standby_ksk: 0,
            standby_zsk: 0,
            signature_lifetime: 21 * DAY,
            signature_refresh: 14 * DAY,
            dnskey_ttl: HOUR,
            propagation_delay: HOUR,
            publish_safety: HOUR,
            retire_safety: HOUR,
            parent_propagation_delay: HOUR,
            parent_ds_ttl: DAY,
            registration_delay: 2 * DAY,
            cds: Cds::Publish,
        }
    }
}

impl Policy {
    /// Says whether all fields make sense, alone and together.
    ///
    /// # Errors
    ///
    /// The first field that does not, and why.
    pub fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, reason: String| Err(PolicyError { field, reason });
        if !ALGORITHMS.contains(&self.algorithm) {
            return fail("algorithm", format!("{} is none of {ALGORITHMS:?}", self.algorithm));
        }
        for (field, count) in [("standby_ksk", self.standby_ksk), ("standby_zsk", self.standby_zsk)] {
            if count > STANDBY_MAX {
                return fail(field, format!("{count} keys, and at most {STANDBY_MAX} is kept ready"));
            }
        }
        if self.layout == Layout::Csk && self.standby_zsk > 0 {
            return fail("standby_zsk", "a zone whose keys sign everything has no ZSK".to_owned());
        }
        let waits = [
            ("dnskey_ttl", self.dnskey_ttl),
            ("propagation_delay", self.propagation_delay),
            ("publish_safety", self.publish_safety),
            ("retire_safety", self.retire_safety),
            ("parent_propagation_delay", self.parent_propagation_delay),
            ("parent_ds_ttl", self.parent_ds_ttl),
            ("registration_delay", self.registration_delay),
        ];
        for (field, wait) in waits {
            if wait > WAIT_MAX {
                return fail(field, format!("{}, and at most {} is useful", words(wait), words(WAIT_MAX)));
            }
        }
        for (field, value) in [("dnskey_ttl", self.dnskey_ttl), ("parent_ds_ttl", self.parent_ds_ttl)] {
            if value.is_zero() {
                return fail(field, "0 would keep resolvers asking for every answer".to_owned());
            }
        }
        if self.signature_refresh.is_zero() {
            return fail("signature_refresh", "0 would serve each signature until it has expired".to_owned());
        }
        if self.signature_lifetime <= self.signature_refresh {
            return fail(
                "signature_lifetime",
                format!(
                    "{} is not above signature_refresh, {}",
                    words(self.signature_lifetime),
                    words(self.signature_refresh)
                ),
            );
        }
        let served = self.dnskey_ttl + self.propagation_delay;
        if self.signature_refresh <= served {
            return fail(
                "signature_refresh",
                format!(
                    "{} is not above dnskey_ttl and propagation_delay, {}: caches would hold expired signatures",
                    words(self.signature_refresh),
                    words(served)
                ),
            );
        }
        let lives = [
            ("ksk_lifetime", self.ksk_lifetime, self.ksk_lead(self.dnskey_ttl, self.parent_ds_ttl)),
            ("zsk_lifetime", self.zsk_lifetime, self.zsk_lead(self.dnskey_ttl, 2 * DAY)),
        ];
        for (field, life, lead) in lives {
            if let Some(life) = life.filter(|life| *life < 2 * lead) {
                return fail(
                    field,
                    format!("{} is less than twice what a roll may take, {}", words(life), words(lead)),
                );
            }
        }
        Ok(())
    }

    /// How long before the end of its life the successor of a KSK is made. Keys that are kept ready are as old as the one in use at
    /// first, and go one after the other.
    pub(crate) fn ksk_lead(&self, dnskey_ttl: Duration, ds_ttl: Duration) -> Duration {
        let dnskey = dnskey_ttl + self.propagation_delay + self.publish_safety;
        let ds = ds_ttl + self.parent_propagation_delay + self.retire_safety;
        (2 * dnskey + 2 * self.registration_delay + 2 * ds + DAY) * (1 + u32::from(self.standby_ksk))
    }

    /// How long before the end of its life the successor of a ZSK is made, as [`Policy::ksk_lead`].
    pub(crate) fn zsk_lead(&self, dnskey_ttl: Duration, zone_ttl: Duration) -> Duration {
        let dnskey = dnskey_ttl + self.propagation_delay + self.publish_safety;
        let zone = zone_ttl + self.propagation_delay + self.retire_safety;
        (2 * dnskey + zone + DAY) * (1 + u32::from(self.standby_zsk))
    }
}

/// A duration as an operator says it: `2 days 3 h`.
pub(crate) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts =
        [(seconds / 86400, " days"), (seconds / 3600 % 24, " h"), (seconds / 60 % 60, " min"), (seconds % 60, " s")];
    let text: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).take(2).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0 s".to_owned() } else { text.join(" ") }
}

/// Algorithms that keys are made of; SHA-1 is not among them (RFC 8624).
const ALGORITHMS: [u8; 6] = [8, 10, 13, 14, 15, 16];
const STANDBY_MAX: u8 = 1;
const WAIT_MAX: Duration = Duration::from_secs(60 * 86400);

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Policy)) -> String {
        let mut policy = Policy::default();
        change(&mut policy);
        policy.check().expect_err("this policy makes no sense").to_string()
    }

    #[test]
    fn the_default_is_sound() {
        Policy::default().check().expect("sound");
    }

    #[test]
    fn a_refusal_names_field_and_reason() {
        assert_eq!(refused(|p| p.algorithm = 5), "algorithm: 5 is none of [8, 10, 13, 14, 15, 16]");
        assert_eq!(refused(|p| p.standby_ksk = 2), "standby_ksk: 2 keys, and at most 1 is kept ready");
        assert_eq!(
            refused(|p| p.signature_lifetime = 14 * DAY),
            "signature_lifetime: 14 days is not above signature_refresh, 14 days"
        );
        assert_eq!(
            refused(|p| p.registration_delay = 61 * DAY),
            "registration_delay: 61 days, and at most 60 days is useful"
        );
        assert!(refused(|p| p.dnskey_ttl = 14 * DAY).starts_with("signature_refresh: 14 days is not above dnskey_ttl"));
        assert!(refused(|p| p.zsk_lifetime = Some(DAY)).starts_with("zsk_lifetime: 1 days is less than twice"));
        assert!(refused(|p| p.ksk_lifetime = Some(DAY)).starts_with("ksk_lifetime: 1 days is less than twice"));
        assert!(refused(|p| p.dnskey_ttl = Duration::ZERO).starts_with("dnskey_ttl: 0 "));
        assert!(refused(|p| p.signature_refresh = Duration::ZERO).starts_with("signature_refresh: 0 "));
        let csk = |p: &mut Policy| (p.layout, p.standby_zsk) = (Layout::Csk, 1);
        assert!(refused(csk).starts_with("standby_zsk: "));
    }
}
