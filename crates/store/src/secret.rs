//! Secrets that all servers on one database share, so that what one has made the others accept.

use std::fmt;

use crate::StoreError;
use crate::session::{Session, Sql};

/// What a shared secret is for; each has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretPurpose {
    /// Server cookies (RFC 9018).
    Cookie,
}

impl SecretPurpose {
    fn as_stored(self) -> &'static str {
        match self {
            SecretPurpose::Cookie => "cookie",
        }
    }
}

/// 32 random octets. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(pub [u8; 32]);

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Reads the secret, and stores `candidate` as it if there is none. A standby, which cannot, fails until its primary has one.
pub(crate) async fn shared(
    session: &mut Session,
    purpose: SecretPurpose,
    candidate: &SharedSecret,
) -> Result<SharedSecret, StoreError> {
    const INSERT: Sql =
        Sql::both("INSERT INTO signpost_secret (purpose, secret) VALUES ($1, $2) ON CONFLICT (purpose) DO NOTHING");
    if let Some(secret) = read(session, purpose).await? {
        return Ok(secret);
    }
    let text = data_encoding::HEXLOWER.encode(&candidate.0);
    session.begin_writing().await?;
    session.execute("storing a shared secret", INSERT, [purpose.as_stored().into(), text.into()]).await?;
    // Another server may have been first.
    let stored = read(session, purpose).await?;
    session.commit().await?;
    stored.ok_or_else(|| StoreError::Malformed("a shared secret was stored and is not there".to_owned()))
}

async fn read(session: &mut Session, purpose: SecretPurpose) -> Result<Option<SharedSecret>, StoreError> {
    const SELECT: Sql = Sql::both("SELECT secret FROM signpost_secret WHERE purpose = $1");
    let Some(row) = session.first("reading a shared secret", SELECT, [purpose.as_stored().into()]).await? else {
        return Ok(None);
    };
    let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(row.text(0)?.as_bytes()).ok();
    let secret = octets.and_then(|octets| <[u8; 32]>::try_from(octets).ok());
    let secret = secret.ok_or_else(|| StoreError::Malformed("a shared secret is not 32 octets in hex".to_owned()))?;
    Ok(Some(SharedSecret(secret)))
}
