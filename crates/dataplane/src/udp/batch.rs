//! The datagrams of one `recvmmsg`, and the replies of one `sendmmsg`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::ptr;

/// Datagrams taken at once; 8 have most of the gain.
pub(crate) const BATCH: usize = 64;
/// The longest query taken; longer ones are cut off there, and malformed then.
const QUERY_OCTETS_MAX: usize = 4096;
/// Added to each buffer's length, so that their first octets do not all fall on one set of the cache.
const STAGGER: usize = 64;
const QUERY_STRIDE: usize = QUERY_OCTETS_MAX + STAGGER;

/// Room for one `in_pktinfo` or `in6_pktinfo` with its header (32 and 40 octets).
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Where a datagram came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram<'b> {
    pub(crate) octets: &'b [u8],
    pub(crate) source: SocketAddr,
}

/// What `sendmmsg` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    /// Replies the kernel refused.
    pub(crate) failed: u64,
}

/// Everything the two system calls point to. It is reached through a raw pointer only, because its parts point to each other.
struct Parts {
    received: [libc::mmsghdr; BATCH],
    to_send: [libc::mmsghdr; BATCH],
    query_vectors: [libc::iovec; BATCH],
    reply_vectors: [libc::iovec; BATCH],
    sources: [libc::sockaddr_storage; BATCH],
    controls: [Control; BATCH],
    queries: [[u8; QUERY_STRIDE]; BATCH],
}

/// Buffers for one round of receiving, answering and sending, made once for each worker.
pub(crate) struct Batch {
    parts: *mut Parts,
    replies: *mut u8,
    replies_octets: usize,
    reply_stride: usize,
    reply_octets_max: usize,
    /// Entries of `received` that the kernel has written to and that must be made ready again.
    used: usize,
    reply_count: usize,
}

impl Batch {
    /// Buffers for replies of at most `reply_octets_max` octets.
    pub(crate) fn new(reply_octets_max: usize) -> Batch {
        let reply_stride = reply_octets_max.next_multiple_of(64) + STAGGER;
        let replies_octets = BATCH * reply_stride;
        let replies = Box::into_raw(vec![0_u8; replies_octets].into_boxed_slice()).cast::<u8>();
        // SAFETY: all fields are integers, raw pointers or arrays of them, for which zero octets are a valid value.
        let parts = Box::into_raw(unsafe { Box::<Parts>::new_zeroed().assume_init() });
        Batch { parts, replies, replies_octets, reply_stride, reply_octets_max, used: BATCH, reply_count: 0 }
    }

    /// Waits for at least one datagram, as long as the socket's read timeout, and takes what is there. With
    /// [`libc::MSG_DONTWAIT`] in `flags` it does not wait.
    pub(crate) fn receive(&mut self, descriptor: RawFd, flags: libc::c_int) -> io::Result<usize> {
        (0..self.used).for_each(|index| self.make_ready(index));
        self.used = 0;
        self.reply_count = 0;
        // SAFETY: `received` holds BATCH headers, each made ready with pointers into `parts`, which lives as long as `self`, and
        // their true lengths; nobody else reaches them during the call.
        let count = unsafe {
            let headers = (&raw mut (*self.parts).received).cast::<libc::mmsghdr>();
            libc::recvmmsg(descriptor, headers, BATCH as u32, libc::MSG_WAITFORONE | flags, ptr::null_mut())
        };
        if count < 0 {
            return Err(io::Error::last_os_error());
        }
        self.used = count as usize;
        Ok(self.used)
    }

    /// Points header `index` at its buffers and says how long they are.
    fn make_ready(&mut self, index: usize) {
        assert!(index < BATCH);
        // SAFETY: `index` is in bounds, and all places are fields of `parts`, to which no reference exists: `self` is borrowed
        // mutably.
        unsafe {
            let parts = self.parts;
            (*parts).query_vectors[index] =
                libc::iovec { iov_base: (&raw mut (*parts).queries[index]).cast(), iov_len: QUERY_OCTETS_MAX };
            let header = &raw mut (*parts).received[index].msg_hdr;
            (*header).msg_name = (&raw mut (*parts).sources[index]).cast();
            (*header).msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            (*header).msg_iov = &raw mut (*parts).query_vectors[index];
            (*header).msg_iovlen = 1;
            (*header).msg_control = (&raw mut (*parts).controls[index]).cast();
            (*header).msg_controllen = size_of::<Control>();
            (*header).msg_flags = 0;
        }
    }

    /// Lets `answer` write a reply to each datagram, or none.
    pub(crate) fn answer_each(&mut self, mut answer: impl FnMut(Datagram<'_>, &mut [u8]) -> Option<usize>) {
        for index in 0..self.used {
            let Some(source) = self.source(index) else { continue };
            // SAFETY: `index < used <= BATCH`; the kernel has initialised `msg_len` octets of the query, at most its buffer's
            // length; the reply's buffer is disjoint from it and from those of other replies.
            let (octets, reply) = unsafe {
                let length = ((*self.parts).received[index].msg_len as usize).min(QUERY_OCTETS_MAX);
                let query = (&raw const (*self.parts).queries[index]).cast::<u8>();
                let reply = self.replies.add(index * self.reply_stride);
                (
                    std::slice::from_raw_parts(query, length),
                    std::slice::from_raw_parts_mut(reply, self.reply_octets_max),
                )
            };
            if let Some(length) = answer(Datagram { octets, source }, reply) {
                self.queue_reply(index, length.min(self.reply_octets_max));
            }
        }
    }

    /// The sender of datagram `index`; `None` for an address of a family we did not ask for.
    fn source(&self, index: usize) -> Option<SocketAddr> {
        assert!(index < self.used);
        // SAFETY: the kernel has written a socket address of the family it says, and `sockaddr_storage` is large enough and aligned
        // for either; octets that it did not write are zero or of an earlier address, so all are initialised.
        unsafe {
            let storage = &raw const (*self.parts).sources[index];
            match libc::c_int::from((*storage).ss_family) {
                libc::AF_INET => {
                    let address = storage.cast::<libc::sockaddr_in>();
                    let ip = Ipv4Addr::from(u32::from_be((*address).sin_addr.s_addr));
                    Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be((*address).sin_port)))
                }
                libc::AF_INET6 => {
                    let address = storage.cast::<libc::sockaddr_in6>();
                    let ip = Ipv6Addr::from((*address).sin6_addr.s6_addr);
                    Some(SocketAddr::new(IpAddr::V6(ip), u16::from_be((*address).sin6_port)))
                }
                _ => None,
            }
        }
    }

    /// Queues the reply to datagram `index`: to where that came from, and from the address it was sent to.
    fn queue_reply(&mut self, index: usize, length: usize) {
        assert!(index < self.used && self.reply_count < BATCH);
        // SAFETY: both indices are in bounds, `length` is at most the reply buffer's, and all places are fields of `parts` or
        // within `replies`, to which no reference exists: `self` is borrowed mutably.
        unsafe {
            let parts = self.parts;
            (*parts).reply_vectors[index] =
                libc::iovec { iov_base: self.replies.add(index * self.reply_stride).cast(), iov_len: length };
            let received = &raw mut (*parts).received[index].msg_hdr;
            let header = &raw mut (*parts).to_send[self.reply_count].msg_hdr;
            (*header).msg_name = (*received).msg_name;
            (*header).msg_namelen = (*received).msg_namelen;
            (*header).msg_iov = &raw mut (*parts).reply_vectors[index];
            (*header).msg_iovlen = 1;
            // The control message received tells the kernel the source to send from, once the interface is taken out of it.
            (*header).msg_control = (*received).msg_control;
            (*header).msg_controllen = free_interface(received);
        }
        self.reply_count += 1;
    }

    /// Sends all queued replies; one that the kernel refuses is left out.
    pub(crate) fn send(&mut self, descriptor: RawFd) -> Sent {
        let mut sent = Sent::default();
        let mut next = 0;
        while next < self.reply_count {
            // SAFETY: headers from `next` to `reply_count` were filled in by `queue_reply` with pointers into `parts` and `replies`,
            // which live as long as `self`.
            let count = unsafe {
                let headers = (&raw mut (*self.parts).to_send).cast::<libc::mmsghdr>().add(next);
                libc::sendmmsg(descriptor, headers, (self.reply_count - next) as u32, 0)
            };
            match usize::try_from(count) {
                Ok(count) => next += count,
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                // An error is the first message's: a firewall, no route, no buffer. The rest may still go.
                Err(_) => {
                    sent.failed += 1;
                    next += 1;
                }
            }
        }
        self.reply_count = 0;
        sent
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: both came from `Box::into_raw` in `new`, with this type and this length, and are freed once.
        unsafe {
            drop(Box::from_raw(self.parts));
            drop(Box::from_raw(ptr::slice_from_raw_parts_mut(self.replies, self.replies_octets)));
        }
    }
}

/// Takes the interface out of a received control message, so that routing decides where the reply leaves: on hosts with several
/// uplinks that need not be where the query came in. Link-local IPv6 addresses mean nothing without it. Returns the control
/// message's length, 0 if there is none.
///
/// # Safety
///
/// `header` must be one that `recvmmsg` has filled in, with `msg_control` still valid for `msg_controllen` octets.
unsafe fn free_interface(header: *mut libc::msghdr) -> usize {
    // SAFETY: the caller's promise; the macros stay within `msg_controllen`, and the data of a control message is as long as its
    // level and type say, since the kernel wrote it. It may be unaligned, so it is read and written as such.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(header);
        if control.is_null() {
            return 0;
        }
        match ((*control).cmsg_level, (*control).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let data = libc::CMSG_DATA(control).cast::<libc::in_pktinfo>();
                let mut info = data.read_unaligned();
                info.ipi_ifindex = 0;
                data.write_unaligned(info);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let data = libc::CMSG_DATA(control).cast::<libc::in6_pktinfo>();
                let mut info = data.read_unaligned();
                if !Ipv6Addr::from(info.ipi6_addr.s6_addr).is_unicast_link_local() {
                    info.ipi6_ifindex = 0;
                }
                data.write_unaligned(info);
            }
            _ => return 0,
        }
        (*header).msg_controllen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    #[test]
    fn many_datagrams_go_both_ways_and_each_reply_to_its_sender() {
        let server = socket();
        let clients = [socket(), socket()];
        for round in 0..3_u8 {
            for number in 0..40_u8 {
                for client in &clients {
                    let length = 1 + usize::from(number);
                    client.send_to(&vec![round; length], server.local_addr().unwrap()).unwrap();
                }
            }
        }
        let mut batch = Batch::new(512);
        let mut seen = 0;
        while seen < 3 * 80 {
            seen += batch.receive(server.as_raw_fd(), 0).unwrap();
            batch.answer_each(|datagram, reply| {
                let port = datagram.source.port().to_be_bytes();
                reply[..2].copy_from_slice(&port);
                reply[2] = datagram.octets.len() as u8;
                // Odd lengths stay unanswered.
                (datagram.octets.len() % 2 == 0).then_some(3)
            });
            assert_eq!(batch.send(server.as_raw_fd()), Sent { failed: 0 });
        }
        for client in &clients {
            let mut lengths = Vec::new();
            for _ in 0..3 * 20 {
                let mut reply = [0; 16];
                assert_eq!(client.recv(&mut reply).unwrap(), 3);
                assert_eq!(u16::from_be_bytes([reply[0], reply[1]]), client.local_addr().unwrap().port());
                lengths.push(reply[2]);
            }
            assert_eq!(lengths.iter().filter(|&&length| length == 40).count(), 3);
        }
    }

    #[test]
    fn a_reply_the_kernel_refuses_does_not_hold_back_the_others() {
        let (server, client) = (socket(), socket());
        for _ in 0..3 {
            client.send_to(&[1], server.local_addr().unwrap()).unwrap();
        }
        // Longer than any IPv4 datagram may be: EMSGSIZE.
        let mut batch = Batch::new(70_000);
        let mut failed = 0;
        let mut seen = 0;
        while seen < 3 {
            let before = seen;
            seen += batch.receive(server.as_raw_fd(), 0).unwrap();
            let mut number = before;
            batch.answer_each(|_, reply| {
                number += 1;
                reply[0] = number as u8;
                Some(if number == 2 { 70_000 } else { 1 })
            });
            failed += batch.send(server.as_raw_fd()).failed;
        }
        assert_eq!(failed, 1);
        let mut reply = [0; 4];
        assert_eq!((client.recv(&mut reply).unwrap(), reply[0]), (1, 1));
        assert_eq!((client.recv(&mut reply).unwrap(), reply[0]), (1, 3));
    }

    #[test]
    fn without_traffic_receive_ends_with_the_sockets_timeout() {
        let server = socket();
        server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let error = Batch::new(512).receive(server.as_raw_fd(), 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
