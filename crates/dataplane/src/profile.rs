//! How this server answers, whatever zones it has: what operators configure beside them.

use crate::cookie::CookieSecrets;
use arc_swap::{ArcSwap, Guard};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::Network;

/// Longest [`Label`]: what one string of a TXT record holds (RFC 1035 section 3.3).
pub const LABEL_OCTETS_MAX: usize = 255;

/// What all transports share. [`Profile::default`] answers everyone and tells nothing of itself.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Profile {
    /// Which server this is: NSID (RFC 5001), and `id.server` and `hostname.bind` in class CH (RFC 4892). Default none: not told.
    pub server_id: Option<Label>,
    /// What software this is: `version.bind` and `version.server` in class CH. Default none: not told.
    pub version: Option<Label>,
    /// Who is answered. Default everyone.
    pub clients: Clients,
    /// Secrets of server cookies (RFC 9018). Default none: cookies are left unanswered.
    pub cookies: Option<CookieSecrets>,
    /// When a client that knows cookies must show a good one. Default under load only.
    pub cookie_demand: CookieDemand,
    /// Whether the zones are all there.
    pub readiness: Readiness,
    /// Set from [`DataPlaneSettings::tcp_idle`](crate::DataPlaneSettings::tcp_idle): what clients that ask are told of it.
    pub(crate) stream_idle: Duration,
}

/// Text of at most 255 octets that the server tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Arc<[u8]>);

/// A text is too long for one string of a TXT record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("longer than 255 octets")]
pub struct LabelTooLong;

impl Label {
    /// Takes a text.
    ///
    /// # Errors
    ///
    /// [`LabelTooLong`] above [`LABEL_OCTETS_MAX`].
    pub fn new(text: &str) -> Result<Label, LabelTooLong> {
        if text.len() > LABEL_OCTETS_MAX { Err(LabelTooLong) } else { Ok(Label(text.as_bytes().into())) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Who is answered; others get REFUSED (RFC 8914 section 4.19).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Clients {
    /// Whoever asks.
    #[default]
    All,
    /// Those whose address lies in one of these.
    Within(Vec<Network>),
}

impl Clients {
    #[inline]
    pub(crate) fn include(&self, address: IpAddr) -> bool {
        match self {
            Clients::All => true,
            Clients::Within(networks) => networks.iter().any(|network| network.contains(address)),
        }
    }
}

/// When a client that sends a COOKIE option over UDP must show a server cookie of ours (RFC 7873 section 5.2.3).
///
/// Clients without the option are never held to it: most resolvers have none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CookieDemand {
    /// When its network has reached its rate limit.
    #[default]
    UnderLoad,
    /// Always.
    Always,
}

/// Whether a name outside of the served zones is known to be outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Zones are being loaded: SERVFAIL, for any may still come.
    Loading,
    /// They are all there: REFUSED.
    #[default]
    Ready,
}

/// The profile in use, which is exchanged as a whole. Readers load it once for each batch and never wait.
#[derive(Clone)]
pub struct ProfileHandle(Arc<ArcSwap<Profile>>);

impl ProfileHandle {
    pub(crate) fn new(profile: Profile) -> ProfileHandle {
        ProfileHandle(Arc::new(ArcSwap::from_pointee(profile)))
    }

    pub(crate) fn load(&self) -> Guard<Arc<Profile>> {
        self.0.load()
    }

    /// Replaces the profile by one that `change` was made to. It may run more than once, when others change it too.
    pub fn update(&self, mut change: impl FnMut(&mut Profile)) {
        self.0.rcu(|profile| {
            let mut profile = Profile::clone(profile);
            change(&mut profile);
            profile
        });
    }
}

impl fmt::Debug for ProfileHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.load().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded_stays_as_it_was() {
        let handle = ProfileHandle::new(Profile::default());
        let before = handle.load();
        handle.clone().update(|profile| profile.readiness = Readiness::Loading);
        assert_eq!((before.readiness, handle.load().readiness), (Readiness::Ready, Readiness::Loading));
    }

    #[test]
    fn a_label_fits_into_one_string() {
        assert_eq!(Label::new(&"x".repeat(255)).unwrap().as_bytes().len(), 255);
        assert_eq!(Label::new(&"x".repeat(256)), Err(LabelTooLong));
    }
}
