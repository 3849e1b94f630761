//! Which secrets server cookies are made with and accepted (RFC 9018 section 5).
//!
//! Replicas that are not given secrets share one through their database. From it a secret for each day is derived, so that all change
//! at once without a word between them; those of the day before and the day after are accepted too, for cookies that clients hold
//! and for replicas whose clock is not ours. Until the database was reached a secret of this process serves.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dataplane::{CookieSecret, CookieSecrets, ProfileHandle};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use store::{SecretPurpose, SharedSecret, Store};

/// A secret is used for a day: RFC 7873 section 7.1 asks for a new one at least every 26 hours.
const PERIOD_SECS: u64 = 86_400;
/// How late a new day may be noticed. The day before is accepted for as long as a day.
const TICK: Duration = Duration::from_secs(60);
/// Longest pause between tries to read the shared secret.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Secrets of this process alone, for the time before the database answers.
///
/// # Errors
///
/// The operating system has no random numbers.
pub(super) fn own() -> anyhow::Result<CookieSecret> {
    Ok(CookieSecret::new(random()?))
}

/// Reads the shared secret as soon as that can be, and changes secrets every day from then on.
pub(super) async fn keep(store: Arc<dyn Store>, profile: ProfileHandle, own: CookieSecret) {
    let master = shared(&*store).await;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = None;
    loop {
        ticks.tick().await;
        let period = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) / PERIOD_SECS;
        if known.replace(period) != Some(period) {
            profile.update(|profile| profile.cookies = Some(of_period(&master, period, own)));
        }
    }
}

async fn shared(store: &dyn Store) -> SharedSecret {
    let mut pause = Duration::from_millis(250);
    loop {
        let error = match random() {
            Ok(candidate) => match store.shared_secret(SecretPurpose::Cookie, &SharedSecret(candidate)).await {
                Ok(secret) => return secret,
                Err(error) => store::with_causes(&error),
            },
            Err(error) => error.to_string(),
        };
        if pause < RETRY_MAX {
            tracing::warn!(error, "the secret of cookies cannot be read: other replicas do not accept ours yet");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 4).min(RETRY_MAX);
    }
}

/// The secrets of one day: cookies are made with its own.
fn of_period(master: &SharedSecret, period: u64, own: CookieSecret) -> CookieSecrets {
    let others = [derive(master, period.wrapping_sub(1)), derive(master, period.wrapping_add(1)), own];
    CookieSecrets::new(derive(master, period), others)
}

fn derive(master: &SharedSecret, period: u64) -> CookieSecret {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &master.0));
    context.update(b"signpost server cookie");
    context.update(&period.to_be_bytes());
    let tag = context.sign();
    CookieSecret::new(*tag.as_ref().first_chunk().expect("SHA-256 has 32 octets"))
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).map_err(|_| anyhow::anyhow!("the operating system has no random numbers"))?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_agree_by_the_day_and_accept_the_days_beside_it() {
        let (master, own) = (SharedSecret([7; 32]), CookieSecret::new([1; 16]));
        let today = of_period(&master, 20_000, own);
        assert_eq!(today, of_period(&SharedSecret([7; 32]), 20_000, own));
        let [yesterday, now, tomorrow] = [19_999, 20_000, 20_001].map(|period| derive(&master, period));
        assert_eq!(today, CookieSecrets::new(now, [yesterday, tomorrow, own]));
        assert_ne!(now, tomorrow);
        assert_ne!(now, derive(&SharedSecret([8; 32]), 20_000));
    }
}
