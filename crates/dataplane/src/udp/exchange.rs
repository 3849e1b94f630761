//! The bare loop: the server's system calls and buffers, and no DNS.
//!
//! Benchmarks compare the server with it, and load the server through it: to a load generator the
//! server's reply is the datagram, and the next query what goes back.

use super::batch::{Batch, Segmentation};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest datagram sent back.
const OCTETS_MAX: usize = 4096;

/// Sends something back for every datagram, until `stop` is set and the socket's read timeout has passed. `answer` is given
/// the datagram and room for the reply, and returns the reply's length, or `None` for none.
///
/// # Errors
///
/// What `recvmmsg` fails with, timeouts and interruptions aside.
pub fn exchange(
    socket: &UdpSocket,
    stop: &AtomicBool,
    segmentation: Segmentation,
    mut answer: impl FnMut(&[u8], &mut [u8]) -> Option<usize>,
) -> io::Result<()> {
    let mut batch = Batch::new(OCTETS_MAX, segmentation);
    while !stop.load(Ordering::Relaxed) {
        match batch.receive(socket.as_raw_fd(), 0) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => continue,
            Err(error) => return Err(error),
        }
        batch.answer_each(|datagram, reply| answer(datagram.octets, reply));
        batch.send(socket.as_raw_fd());
    }
    Ok(())
}
