//! The bare loop that benchmarks compare the server with: the same system calls and buffers, and no DNS.

use super::batch::Batch;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sends every datagram back to where it came from, until `stop` is set and the socket's read timeout has passed.
///
/// # Errors
///
/// What `recvmmsg` fails with, timeouts and interruptions aside.
pub fn echo(socket: &UdpSocket, stop: &AtomicBool) -> io::Result<()> {
    let mut batch = Batch::new(4096);
    while !stop.load(Ordering::Relaxed) {
        match batch.receive(socket.as_raw_fd(), 0) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => continue,
            Err(error) => return Err(error),
        }
        batch.answer_each(|datagram, reply| {
            let reply = reply.get_mut(..datagram.octets.len())?;
            reply.copy_from_slice(datagram.octets);
            Some(reply.len())
        });
        batch.send(socket.as_raw_fd());
    }
    Ok(())
}
