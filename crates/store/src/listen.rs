//! Being told of changes early: NOTIFY in Postgres, a wake-up within the process for our own.
//!
//! All of it is best effort. LISTEN works neither on a hot standby nor through a transaction pooler, so readers poll
//! anyway and only sleep shorter for this.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connect::Pools;
use crate::session::Sql;

const CHANNEL: &str = "signpost_feed";
/// A line that has been silent for this long is tried.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Wakes the readers of the feed.
pub(crate) struct Bell {
    wake: Arc<Notify>,
    /// An announcement is on its way and will tell of this change too.
    is_announcing: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Bell {
    /// Begins to listen, where the database has that.
    pub(crate) fn new(pools: &Pools, timeout: Duration) -> Bell {
        let wake = Arc::new(Notify::new());
        let listener = match pools {
            Pools::Postgres { options, .. } => {
                Some(tokio::spawn(listen(PgConnectOptions::clone(options), timeout, Arc::clone(&wake))))
            }
            Pools::Sqlite { .. } => None,
        };
        Bell { wake, is_announcing: Arc::new(AtomicBool::new(false)), listener }
    }

    /// Returns when a change is known of, or after `poll`.
    pub(crate) async fn wait(&self, poll: Duration) {
        let _ = tokio::time::timeout(poll, self.wake.notified()).await;
    }

    /// Tells this process at once and the others soon of a change that was just committed.
    pub(crate) fn ring(&self, pools: &Pools, timeout: Duration) {
        self.wake.notify_one();
        if matches!(pools, Pools::Sqlite { .. }) || self.is_announcing.swap(true, Ordering::AcqRel) {
            return;
        }
        let pools = pools.clone();
        let is_announcing = Arc::clone(&self.is_announcing);
        tokio::spawn(async move {
            const ANNOUNCE: Sql = Sql::both("SELECT pg_notify('signpost_feed', '')::text");
            let session = pools.session(timeout).await;
            // From here on a commit is not covered by this announcement.
            is_announcing.store(false, Ordering::Release);
            if let Ok(mut session) = session {
                let _ = session.execute("announcing a change", ANNOUNCE, []).await;
            }
        });
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

/// Listens for ever, on a connection of its own.
async fn listen(options: PgConnectOptions, timeout: Duration, wake: Arc<Notify>) {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(timeout)
        .connect_lazy_with(options);
    loop {
        if let Ok(mut listener) = PgListener::connect_with(&pool).await {
            let is_listening = tokio::time::timeout(timeout, listener.listen(CHANNEL)).await;
            if matches!(is_listening, Ok(Ok(()))) {
                // What was told while nobody listened.
                wake.notify_one();
                hear(&mut listener, timeout, &wake).await;
            }
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

/// Passes notifications on until the line is dead.
async fn hear(listener: &mut PgListener, timeout: Duration, wake: &Notify) {
    loop {
        match tokio::time::timeout(SILENCE_MAX, listener.try_recv()).await {
            // `None`: the line was lost and is up again, so something may have been missed.
            Ok(Ok(_)) => wake.notify_one(),
            Ok(Err(_)) => return,
            Err(_) => {
                let alive = tokio::time::timeout(timeout, listener.execute("SELECT 1")).await;
                if !matches!(alive, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}
