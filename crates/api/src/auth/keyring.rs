//! The keys that are known: those of the settings, and those of the database, kept in memory so that a database that is down keeps
//! nobody out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use store::{ApiKeyChange, Store, StoredApiKey};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::hash::{ApiKeyError, Digest, Kind, SecretHash, sha256};
use super::scope::{Scope, ScopeError};
use crate::error::ApiError;
use crate::password::ScryptHash;

/// Wrong secrets that are remembered, so that a client that repeats one costs one check.
const REFUSED_MAX: usize = 64;
/// Requests that may wait for a check by scrypt. One runs at a time: wrong keys can take one core and no more.
const WAITING_MAX: usize = 32;
/// Longest secret that is looked at.
const SECRET_OCTETS_MAX: usize = 1024;
/// How exactly the last use of a key is noted.
const USED_EVERY_SECS: i64 = 60;
/// Longest pause between two looks at the stored keys while the database fails.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A key with its name and limits. The key itself is not in it.
pub struct ApiKey {
    name: String,
    secret: Secret,
    scope: Arc<Scope>,
    /// Seconds since 1970.
    expires_at: Option<i64>,
    /// Of a stored key: seconds since 1970, 0 for not yet.
    used_at: AtomicI64,
    /// What of it stands in the database.
    noted_at: AtomicI64,
    /// As it stands in the database; absent for one of the settings.
    stored: Option<StoredApiKey>,
}

/// A hash, and what was last found to fit it.
pub(crate) struct Secret {
    hash: SecretHash,
    /// SHA-256 of a secret whose scrypt was right.
    proven: Mutex<Option<Digest>>,
}

impl Secret {
    fn new(hash: SecretHash) -> Secret {
        Secret { hash, proven: Mutex::new(None) }
    }

    /// What can be said at once. False may be a matter of a check by scrypt.
    fn is_known(&self, presented: &Digest) -> Choice {
        match &self.hash.0 {
            Kind::Sha256(digest) => digest.ct_eq(presented),
            Kind::Scrypt(_) => match &*self.proven.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(digest) => digest.ct_eq(presented),
                None => Choice::from(0),
            },
        }
    }

    fn scrypt(&self) -> Option<&ScryptHash> {
        match &self.hash.0 {
            Kind::Scrypt(scrypt) => Some(scrypt),
            Kind::Sha256(_) => None,
        }
    }

    fn remember(&self, digest: Digest) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
    }
}

impl ApiKey {
    /// A key of the settings without limits: the secret itself, or its hash.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`] if it cannot be compared with.
    pub fn new(name: impl Into<String>, setting: &str) -> Result<ApiKey, ApiKeyError> {
        Ok(ApiKey::with(name.into(), SecretHash::of_setting(setting)?, Scope::default(), None))
    }

    /// A key of the settings with limits; `expires_at` in seconds since 1970.
    pub fn with(name: String, hash: SecretHash, scope: Scope, expires_at: Option<i64>) -> ApiKey {
        let secret = Secret::new(hash);
        let (used_at, noted_at) = (AtomicI64::new(0), AtomicI64::new(0));
        ApiKey { name, secret, scope: Arc::new(scope), expires_at, used_at, noted_at, stored: None }
    }

    fn from_stored(stored: StoredApiKey) -> Result<ApiKey, StoredKeyError> {
        let hash = SecretHash::parse(&stored.hash)?;
        let scope = Scope::read(&stored.zones, &stored.types, &stored.names, stored.read_only)?;
        let mut key = ApiKey::with(stored.name.clone(), hash, scope, stored.expires_at);
        let used_at = stored.used_at.unwrap_or(0);
        (key.used_at, key.noted_at, key.stored) = (AtomicI64::new(used_at), AtomicI64::new(used_at), Some(stored));
        Ok(key)
    }

    /// Its name: the journal shows `api:NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    pub fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// From when on it is refused, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    pub(crate) fn used_at(&self) -> Option<i64> {
        Some(self.used_at.load(Ordering::Relaxed)).filter(|&at| at != 0)
    }

    /// When it was made; absent for one of the settings.
    pub(crate) fn made_at(&self) -> Option<i64> {
        self.stored.as_ref().map(|stored| stored.made_at)
    }

    fn is_current(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }

    /// Whether `stored` says of it what it said before, but for its use.
    fn is_same(&self, stored: &StoredApiKey) -> bool {
        self.stored.as_ref().is_some_and(|known| StoredApiKey { used_at: known.used_at, ..stored.clone() } == *known)
    }
}

#[derive(Debug, thiserror::Error)]
enum StoredKeyError {
    #[error("hash: {0}")]
    Hash(#[from] ApiKeyError),
    #[error("{0}")]
    Scope(#[from] ScopeError),
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// All keys, and the bounds on checking them.
pub struct Keyring {
    configured: Vec<Arc<ApiKey>>,
    stored: RwLock<Vec<Arc<ApiKey>>>,
    checks: Checks,
}

impl Keyring {
    /// With the keys of the settings; [`Keyring::keep`] adds those of the database.
    pub fn new(configured: Vec<ApiKey>) -> Keyring {
        let configured = configured.into_iter().map(Arc::new).collect();
        Keyring { configured, stored: RwLock::default(), checks: Checks::new() }
    }

    /// Whether the settings have no key.
    pub fn is_unconfigured(&self) -> bool {
        self.configured.is_empty()
    }

    /// All keys, those of the settings first.
    pub(crate) fn all(&self) -> Vec<Arc<ApiKey>> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        self.configured.iter().chain(stored.iter()).cloned().collect()
    }

    /// The key that `presented` is, if there is one that has not expired at `now` (seconds since 1970).
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] when too many wait to be checked.
    pub(crate) async fn find(&self, presented: &[u8], now: i64) -> Result<Option<Arc<ApiKey>>, ApiError> {
        let keys: Vec<Arc<ApiKey>> = self.all().into_iter().filter(|key| key.is_current(now)).collect();
        let found = self.checks.find(&keys, |key| &key.secret, presented).await?;
        Ok(found.map(|at| {
            let key = Arc::clone(&keys[at]);
            key.used_at.store(now, Ordering::Relaxed);
            key
        }))
    }

    /// Reads the stored keys. Those that did not change keep what is known of them.
    ///
    /// # Errors
    ///
    /// The database does not answer; the keys stay as they are.
    pub(crate) async fn refresh(&self, store: &dyn Store) -> Result<(), store::StoreError> {
        let rows = store.api_keys().await?;
        let known = self.stored.read().unwrap_or_else(PoisonError::into_inner).clone();
        let is_same = known.len() == rows.len() && known.iter().zip(&rows).all(|(key, row)| key.is_same(row));
        if is_same {
            return Ok(());
        }
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(same) = known.iter().find(|key| key.name == row.name && key.is_same(&row)) {
                keys.push(Arc::clone(same));
                continue;
            }
            let name = row.name.clone();
            match ApiKey::from_stored(row) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(error) => tracing::warn!(name, %error, "a stored API key cannot be read and is refused"),
            }
        }
        tracing::info!(keys = keys.len(), "API keys of the database changed");
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = keys;
        // What was wrong yesterday may be right today.
        self.checks.forget();
        Ok(())
    }

    /// Follows the database for ever, looking every `poll`, and notes there when keys were used.
    pub async fn keep(self: Arc<Keyring>, store: Arc<dyn Store>, poll: Duration) {
        let mut pause = poll;
        loop {
            pause = match self.refresh(&*store).await {
                Ok(()) => {
                    self.note_used(&*store).await;
                    poll
                }
                Err(error) => {
                    tracing::debug!(error = store::with_causes(&error), "stored API keys were not read");
                    (pause * 2).min(RETRY_MAX)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn note_used(&self, store: &dyn Store) {
        let keys = self.stored.read().unwrap_or_else(PoisonError::into_inner).clone();
        let is_due = |key: &&Arc<ApiKey>| {
            let noted = key.noted_at.load(Ordering::Relaxed);
            key.used_at.load(Ordering::Relaxed) >= noted + USED_EVERY_SECS
        };
        let due: Vec<&Arc<ApiKey>> = keys.iter().filter(is_due).collect();
        if due.is_empty() {
            return;
        }
        let mut used = Vec::with_capacity(due.len());
        for key in due {
            let at = key.used_at.load(Ordering::Relaxed);
            // Once a minute is enough to try, whatever comes of it.
            key.noted_at.store(at, Ordering::Relaxed);
            used.push((key.name.clone(), at));
        }
        if let Err(error) = store.change_api_key(ApiKeyChange::Used(used)).await {
            // A standby cannot, and nobody is the worse for it.
            tracing::debug!(error = store::with_causes(&error), "the use of API keys was not noted");
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().iter().map(|key| key.name.clone())).finish()
    }
}

/// The password of the pages beside the API.
pub struct PagePassword {
    secrets: Vec<Secret>,
    checks: Checks,
}

impl PagePassword {
    /// The password itself, or its hash.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`] if it cannot be compared with.
    pub fn new(setting: &str) -> Result<PagePassword, ApiKeyError> {
        Ok(PagePassword { secrets: vec![Secret::new(SecretHash::of_setting(setting)?)], checks: Checks::new() })
    }

    pub(crate) async fn is(&self, presented: &[u8]) -> Result<bool, ApiError> {
        Ok(self.checks.find(&self.secrets, |secret| secret, presented).await?.is_some())
    }
}

impl fmt::Debug for PagePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Comparing in bounded time and memory.
struct Checks {
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
    refused: Mutex<VecDeque<Digest>>,
}

impl Checks {
    fn new() -> Checks {
        Checks { turn: Arc::new(Semaphore::new(1)), waiting: AtomicUsize::new(0), refused: Mutex::default() }
    }

    fn forget(&self) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Which of `all` has the secret `presented`.
    async fn find<T>(
        &self,
        all: &[T],
        secret: impl Fn(&T) -> &Secret,
        presented: &[u8],
    ) -> Result<Option<usize>, ApiError> {
        if presented.is_empty() || presented.len() > SECRET_OCTETS_MAX {
            return Ok(None);
        }
        let digest = sha256(presented);
        let known = || {
            // All are compared, so that time does not tell which one was near.
            let matches: Vec<Choice> = all.iter().map(|one| secret(one).is_known(&digest)).collect();
            matches.into_iter().position(bool::from)
        };
        let is_refused = || self.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest);
        if let Some(at) = known() {
            return Ok(Some(at));
        }
        let scrypts: Vec<(usize, ScryptHash)> =
            all.iter().enumerate().filter_map(|(at, one)| Some((at, secret(one).scrypt()?.clone()))).collect();
        if scrypts.is_empty() || is_refused() {
            return Ok(None);
        }
        let _place = Place::take(&self.waiting)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| ApiError::Busy)?;
        // Whoever was before may have presented the same.
        if let Some(at) = known() {
            return Ok(Some(at));
        }
        if is_refused() {
            return Ok(None);
        }
        let presented = Zeroizing::new(presented.to_vec());
        let check = tokio::task::spawn_blocking(move || {
            // The turn ends with the check, not with the client that waits for it and may hang up.
            let _turn = turn;
            scrypts.iter().find(|(_, scrypt)| scrypt.matches(&presented)).map(|&(at, _)| at)
        });
        let found = check.await.map_err(|failed| ApiError::Internal(format!("a key was not checked: {failed}")))?;
        match found {
            Some(at) => secret(&all[at]).remember(digest),
            None => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                if refused.len() >= REFUSED_MAX {
                    refused.pop_front();
                }
                refused.push_back(digest);
            }
        }
        Ok(found)
    }
}

/// One of those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Place<'a>, ApiError> {
        let place = Place(waiting);
        match waiting.fetch_add(1, Ordering::Relaxed) {
            ..WAITING_MAX => Ok(place),
            _ => Err(ApiError::Busy),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOSEN: &str = "$scrypt$ln=10,p=1,r=8$cU/GAcLYEqHpa4hq0kZzUg==$R0yCU1VbfzG4m00rcjm+hwhJy2zjCN4BCkbyEjMOyc8=";

    async fn found(ring: &Keyring, secret: &str, now: i64) -> Option<String> {
        ring.find(secret.as_bytes(), now).await.unwrap().map(|key| key.name().to_owned())
    }

    #[tokio::test]
    async fn section_1_2_any_key_opens_and_nothing_else() {
        let keys =
            [ApiKey::new("a", "hush").unwrap(), ApiKey::new("b", "other").unwrap(), ApiKey::new("c", CHOSEN).unwrap()];
        let ring = Keyring::new(keys.into());
        for (secret, name) in [("hush", "a"), ("other", "b"), ("secret", "c"), ("secret", "c")] {
            assert_eq!(found(&ring, secret, 0).await.as_deref(), Some(name));
        }
        for wrong in ["", "hus", "hush2", "HUSH", CHOSEN, "Secret"] {
            assert_eq!(found(&ring, wrong, 0).await, None, "{wrong}");
        }
        assert_eq!(found(&ring, &"x".repeat(SECRET_OCTETS_MAX + 1), 0).await, None);
        assert_eq!(found(&Keyring::new(Vec::new()), "hush", 0).await, None);
    }

    #[tokio::test]
    async fn a_key_ends_at_its_date() {
        let hash = || SecretHash::of_random(b"hush");
        let ring = Keyring::new(vec![ApiKey::with("a".into(), hash(), Scope::default(), Some(100))]);
        assert_eq!(found(&ring, "hush", 99).await.as_deref(), Some("a"));
        assert_eq!(found(&ring, "hush", 100).await, None);
    }

    #[tokio::test]
    async fn scrypt_runs_once_for_a_right_secret_and_once_for_a_wrong_one() {
        let ring = Keyring::new(vec![ApiKey::new("c", CHOSEN).unwrap()]);
        assert_eq!(found(&ring, "secret", 0).await.as_deref(), Some("c"));
        assert_eq!(found(&ring, "wrong", 0).await, None);
        // Nobody gets a turn from here on: what is known needs none.
        let _all = Arc::clone(&ring.checks.turn).acquire_owned().await.unwrap();
        assert_eq!(found(&ring, "secret", 0).await.as_deref(), Some("c"));
        assert_eq!(found(&ring, "wrong", 0).await, None);
        let waits = tokio::time::timeout(Duration::from_millis(20), ring.find(b"another", 0)).await;
        assert!(waits.is_err(), "it waits for its turn");
        assert_eq!(ring.checks.waiting.load(Ordering::Relaxed), 0, "and leaves when its client does");
        ring.checks.waiting.store(WAITING_MAX, Ordering::Relaxed);
        assert!(matches!(ring.find(b"another", 0).await, Err(ApiError::Busy)));
    }

    #[tokio::test]
    async fn wrong_secrets_are_remembered_within_bounds() {
        let ring = Keyring::new(vec![
            ApiKey::new("c", "$scrypt$ln=1,p=1,r=1$cU8=$R0yCU1VbfzG4m00rcjm+hwhJy2zjCN4BCkbyEjMOyc8=").unwrap(),
        ]);
        for number in 0..200 {
            assert_eq!(found(&ring, &format!("wrong {number}"), 0).await, None);
        }
        assert_eq!(ring.checks.refused.lock().unwrap().len(), REFUSED_MAX);
    }

    #[test]
    fn nothing_prints_a_key() {
        let key = ApiKey::new("a", "hush").unwrap();
        assert!(!format!("{key:?} {:?}", PagePassword::new("hush").unwrap()).contains("hush"));
        assert_eq!(format!("{:?}", Keyring::new(vec![key])), r#"["a"]"#);
    }
}
