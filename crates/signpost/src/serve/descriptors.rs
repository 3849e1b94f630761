//! How many files and sockets the system lets this process have open (RLIMIT_NOFILE), and what fits into that.
//!
//! Without a descriptor left nothing can be accepted, and the connection that was idle longest is not closed for a new one,
//! because the new one is never seen. So the cap on connections has to be reached first.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for what is not counted: log, standard streams, a SQLite file with its journal, timers, one file being read.
const RESERVE: usize = 64;

/// Raises the soft limit to the hard one, which needs no privilege, and returns it. Systems start processes with 1024 for the sake
/// of `select`, which nobody here calls.
pub(super) fn raise() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, ..limit };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
        }
    }
    limit.current.and_then(|current| usize::try_from(current).ok()).unwrap_or(usize::MAX)
}

/// How many connections of `wanted` fit beside `others` under `limit`; at least one. Fewer than wanted are warned about.
pub(super) fn fitting(wanted: usize, others: usize, limit: usize) -> usize {
    let fitting = limit.saturating_sub(others + RESERVE).clamp(1, wanted.max(1));
    if fitting < wanted {
        tracing::warn!(
            limit,
            "tcp-connections-max: {fitting} instead of {wanted} connections at a time, because the system allows this process \
             {limit} open files (LimitNOFILE, ulimit -Hn)"
        );
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_fits_or_is_cut() {
        assert_eq!(fitting(4096, 120, 65_536), 4096);
        assert_eq!(fitting(4096, 120, 1024), 1024 - 120 - RESERVE);
        assert_eq!(fitting(4096, 120, 100), 1);
        assert_eq!(fitting(4096, 120, usize::MAX), 4096);
    }
}
