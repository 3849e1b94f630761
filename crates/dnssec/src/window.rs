//! When a signature begins, ends and is renewed: a function of time and of what is signed, of nothing else.
//!
//! ```text
//!            slot k                     slot k+1
//!   |-----------------------------|-----------------------------|--- time
//!   ^ start                       ^ refresh_at = next start
//! inception = start - offset       expiration = start + lifetime ----------->
//! ```
//!
//! A slot is `lifetime - refresh` long, and its start is shifted by a hash of owner and type, which spreads the work of renewal
//! evenly. Replicas agree on every window without talking, and one that restarts comes back to the same ones.

use std::time::Duration;

use wire::RecordType;

/// When signatures begin, end and are renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningPolicy {
    /// From the moment a signature is due to be made to its expiration. Default 21 days; 10 years at most.
    pub lifetime: Duration,
    /// Renewed when this much is left. Default 14 days; must be less than `lifetime`.
    pub refresh: Duration,
    /// Inception lies this far before that moment, for validators with slow clocks. Default 1 hour; 30 days at most.
    pub inception_offset: Duration,
}

/// Why a [`SigningPolicy`] cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct PolicyError {
    /// The field of [`SigningPolicy`].
    pub field: &'static str,
    /// For a person.
    pub reason: &'static str,
}

const DAY: u64 = 86_400;
const LIFETIME_MAX: Duration = Duration::from_secs(3650 * DAY);
const INCEPTION_OFFSET_MAX: Duration = Duration::from_secs(30 * DAY);

impl Default for SigningPolicy {
    fn default() -> SigningPolicy {
        SigningPolicy {
            lifetime: Duration::from_secs(21 * DAY),
            refresh: Duration::from_secs(14 * DAY),
            inception_offset: Duration::from_secs(3600),
        }
    }
}

impl SigningPolicy {
    /// Checks the fields against their bounds and each other.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the first field at fault.
    pub fn check(&self) -> Result<(), PolicyError> {
        // RFC 4034 section 3.1.5 compares times as 32-bit serial numbers: validity must stay far below 2^31 seconds.
        if self.lifetime > LIFETIME_MAX {
            return Err(PolicyError { field: "lifetime", reason: "more than 10 years" });
        }
        if self.inception_offset > INCEPTION_OFFSET_MAX {
            return Err(PolicyError { field: "inception_offset", reason: "more than 30 days" });
        }
        if self.refresh.as_secs() == 0 {
            return Err(PolicyError { field: "refresh", reason: "less than a second" });
        }
        if self.refresh.as_secs() >= self.lifetime.as_secs() {
            return Err(PolicyError { field: "refresh", reason: "not less than lifetime" });
        }
        Ok(())
    }
}

/// The validity of one signature, in Unix seconds modulo 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start of validity.
    pub inception: u32,
    /// End of validity.
    pub expiration: u32,
    /// When the next one should take over.
    pub refresh_at: u32,
}

/// A policy as whole seconds within its bounds.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    lifetime: i64,
    period: i64,
    inception_offset: i64,
}

impl Windows {
    /// A policy that [`SigningPolicy::check`] would refuse is brought within its bounds, so that signatures stay valid.
    pub(crate) fn new(policy: &SigningPolicy) -> Windows {
        let lifetime = policy.lifetime.min(LIFETIME_MAX).as_secs().max(2) as i64;
        let refresh = policy.refresh.min(LIFETIME_MAX).as_secs() as i64;
        let period = if refresh < lifetime { (lifetime - refresh).min(lifetime - 1) } else { lifetime / 2 };
        let inception_offset = policy.inception_offset.min(INCEPTION_OFFSET_MAX).as_secs() as i64;
        Windows { lifetime, period, inception_offset }
    }

    /// The window for `owner` (wire format) and `rtype` at `now`.
    pub(crate) fn at(&self, owner: &[u8], rtype: RecordType, now: u32) -> Window {
        let phase = (spread(owner, rtype) % self.period as u64) as i64;
        let start = (i64::from(now) + phase).div_euclid(self.period) * self.period - phase;
        // Truncation to 32 bits is RFC 1982's serial arithmetic, which RFC 4034 section 3.1.5 asks for.
        Window {
            inception: (start - self.inception_offset) as u32,
            expiration: (start + self.lifetime) as u32,
            refresh_at: (start + self.period) as u32,
        }
    }

    /// Whether a signature with this refresh time should be replaced at `now`: its slot is over, or the clock was set back so
    /// far that what was made before is about to lie in the future.
    pub(crate) fn is_over(&self, refresh_at: u32, now: u32) -> bool {
        let until_refresh = i64::from(refresh_at.wrapping_sub(now) as i32);
        // Half of the offset: a clock that is stepped back a little at the start of a slot does not make two slots alternate.
        until_refresh <= 0 || until_refresh > self.period + self.inception_offset / 2
    }

    /// The policy as numbers, for the key set's identity.
    pub(crate) fn to_octets(&self) -> [u8; 24] {
        let mut octets = [0; 24];
        let numbers = [self.lifetime, self.period, self.inception_offset];
        octets
            .chunks_exact_mut(8)
            .zip(numbers)
            .for_each(|(chunk, number)| chunk.copy_from_slice(&number.to_be_bytes()));
        octets
    }
}

/// Whether `a` is later than `b` (RFC 1982 section 3.2).
pub(crate) fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// FNV-1a over owner and type, mixed once more: only evenness is asked of it, and that it never changes.
fn spread(owner: &[u8], rtype: RecordType) -> u64 {
    let octets = owner.iter().map(u8::to_ascii_lowercase).chain(rtype.0.to_be_bytes());
    let hash =
        octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows() -> Windows {
        Windows::new(&SigningPolicy::default())
    }

    const WEEK: u32 = 7 * DAY as u32;
    const NOW: u32 = 1_790_000_000;

    #[test]
    fn defaults_are_21_days_renewed_with_14_left() {
        let window = windows().at(b"\x01a\0", RecordType::A, NOW);
        assert_eq!(window.expiration - window.inception, 21 * DAY as u32 + 3600);
        assert_eq!(window.expiration - window.refresh_at, 14 * DAY as u32);
    }

    #[test]
    fn owners_and_types_are_spread_over_the_period() {
        let windows = windows();
        let mut days = [0; 7];
        for index in 0..7000u32 {
            let owner = [&[4], &index.to_be_bytes()[..], &[0]].concat();
            let refresh_at = windows.at(&owner, RecordType::TXT, NOW).refresh_at;
            days[((refresh_at - NOW - 1) / DAY as u32) as usize] += 1;
        }
        assert!(days.iter().all(|&count| (850..1150).contains(&count)), "{days:?}");
        let a = windows.at(b"\x01a\0", RecordType::A, NOW);
        assert_ne!(a, windows.at(b"\x01a\0", RecordType::AAAA, NOW));
        assert_eq!(a, windows.at(b"\x01A\0", RecordType::A, NOW));
    }

    #[test]
    fn a_policy_out_of_bounds_is_named_and_survived() {
        let mut policy = SigningPolicy { refresh: Duration::from_secs(30 * DAY), ..SigningPolicy::default() };
        assert_eq!(policy.check().unwrap_err().field, "refresh");
        let window = Windows::new(&policy).at(b"\0", RecordType::A, NOW);
        assert!(window.refresh_at > NOW && window.expiration > window.refresh_at);
        policy.refresh = Duration::ZERO;
        assert_eq!(policy.check().unwrap_err().field, "refresh");
        policy = SigningPolicy { lifetime: Duration::MAX, ..SigningPolicy::default() };
        assert_eq!(policy.check().unwrap_err().field, "lifetime");
        let window = Windows::new(&policy).at(b"\0", RecordType::A, NOW);
        assert!(is_after(window.expiration, NOW) && is_after(NOW, window.inception));
        policy = SigningPolicy { inception_offset: Duration::MAX, ..SigningPolicy::default() };
        assert_eq!(policy.check().unwrap_err().field, "inception_offset");
        assert!(SigningPolicy::default().check().is_ok());
    }

    #[test]
    fn times_wrap_after_2106() {
        let window = windows().at(b"\x01a\0", RecordType::A, u32::MAX - 10);
        assert!(is_after(window.expiration, u32::MAX - 10));
        assert!(window.expiration < NOW);
        assert!(!windows().is_over(window.refresh_at, u32::MAX - 10));
    }

    proptest! {
        #[test]
        fn a_window_holds_its_moment_with_room_on_both_sides(owner in proptest::collection::vec(any::<u8>(), 1..20), now in WEEK * 4..) {
            let window = windows().at(&owner, RecordType::A, now);
            prop_assert!(now.wrapping_sub(window.inception) >= 3600);
            prop_assert!(is_after(window.refresh_at, now));
            prop_assert!(window.expiration.wrapping_sub(now) > 14 * DAY as u32);
            prop_assert!(!windows().is_over(window.refresh_at, now));
            prop_assert!(windows().is_over(window.refresh_at, window.refresh_at));
        }

        /// A clock set back: what was made before is kept only as long as it is already valid.
        #[test]
        fn a_clock_step_back_never_leaves_a_signature_in_the_future(owner in proptest::collection::vec(any::<u8>(), 1..20), now in WEEK * 20.., back in 0..WEEK * 10) {
            let window = windows().at(&owner, RecordType::A, now);
            let then = now.wrapping_sub(back);
            prop_assert!(windows().is_over(window.refresh_at, then) || !is_after(window.inception, then));
        }
    }
}
