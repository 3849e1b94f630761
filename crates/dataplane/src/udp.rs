//! UDP: a thread for each socket, and system calls for many datagrams at once.
//!
//! Every worker has a socket of its own on the same address (`SO_REUSEPORT`), so that the kernel spreads clients over workers and
//! nothing is shared but the zone table. This is the one place with `unsafe` code: `recvmmsg`, `sendmmsg` and the control messages
//! that carry addresses have no safe wrapper, nor has AF_XDP, nor the hint that fetches memory ahead.
#![allow(unsafe_code)]

mod affinity;
mod ahead;
mod batch;
mod clerk;
mod exchange;
mod queue;
mod socket;
mod worker;
#[cfg(feature = "xdp")]
pub(crate) mod xdp;

pub(crate) use affinity::cores;
pub use ahead::Readings;
pub use batch::Segmentation;
pub use clerk::{Clerk, Moment};
pub use exchange::exchange;
pub(crate) use socket::bind;
pub(crate) use worker::Worker;
