//! Long computations leave the network's threads.

use crate::error::ApiError;

/// Octets or records above which work is worth another thread: about a millisecond.
pub(crate) const LARGE: usize = 64 * 1024;

/// Runs `work` elsewhere if it is large.
pub(crate) async fn run<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    if size <= LARGE {
        return work();
    }
    let task = tokio::task::spawn_blocking(work);
    task.await.unwrap_or_else(|failed| Err(ApiError::Internal(format!("request handler failed: {failed}"))))
}
