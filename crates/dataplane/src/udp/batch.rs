//! The datagrams of one `recvmmsg`, and the replies of one `sendmmsg`.

use super::queue::Queue;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::RawFd;
use std::ptr;

/// Datagrams taken at once; 8 have most of the gain.
pub(crate) const BATCH: usize = 64;
/// The longest query taken; longer ones are cut off there, and malformed then.
const QUERY_OCTETS_MAX: usize = 4096;
/// Added to each buffer's length, so that their first octets do not all fall on one set of the cache.
const STAGGER: usize = 64;
const QUERY_STRIDE: usize = QUERY_OCTETS_MAX + STAGGER;

/// Room for one `in_pktinfo` or `in6_pktinfo` with its header (32 and 40 octets), and the length of segments with its own (24).
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
    /// Replies that took no message of their own, since they went together with another to the same client.
    pub(crate) joined: u64,
}

/// Whether replies to one client may be given to the kernel as one datagram that it cuts apart (`UDP_SEGMENT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segmentation {
    /// Each reply is a message of its own.
    Off,
    /// Replies of one length to one port are sent as one.
    On,
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
    queue: Queue,
    segmentation: Segmentation,
}

impl Batch {
    /// Buffers for replies of at most `reply_octets_max` octets.
    pub(crate) fn new(reply_octets_max: usize, segmentation: Segmentation) -> Batch {
        let reply_stride = reply_octets_max.next_multiple_of(64) + STAGGER;
        let replies_octets = BATCH * reply_stride;
        let replies = Box::into_raw(vec![0_u8; replies_octets].into_boxed_slice()).cast::<u8>();
        // SAFETY: all fields are integers, raw pointers or arrays of them, for which zero octets are a valid value.
        let parts = Box::into_raw(unsafe { Box::<Parts>::new_zeroed().assume_init() });
        let queue = Queue::new();
        Batch { parts, replies, replies_octets, reply_stride, reply_octets_max, used: BATCH, queue, segmentation }
    }

    /// Waits for at least one datagram, as long as the socket's read timeout, and takes what is there. With
    /// [`libc::MSG_DONTWAIT`] in `flags` it does not wait.
    pub(crate) fn receive(&mut self, descriptor: RawFd, flags: libc::c_int) -> io::Result<usize> {
        (0..self.used).for_each(|index| self.make_ready(index));
        self.used = 0;
        self.queue.clear();
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
        self.answer_all(|datagrams, replies| {
            for (index, datagram) in datagrams {
                replies.write(index, datagram.source, |reply| answer(datagram, reply));
            }
        });
    }

    /// Gives `answer` the datagrams, each with its place, and room for a reply to each. Not among them are those from addresses of a
    /// family we did not ask for.
    pub(crate) fn answer_all<'b>(
        &'b mut self,
        answer: impl FnOnce(&mut dyn Iterator<Item = (usize, Datagram<'b>)>, &mut Replies<'b>),
    ) {
        let (parts, used) = (self.parts, self.used);
        let mut datagrams = (0..used).filter_map(move |index| {
            // SAFETY: `index < used`, the number of datagrams that the kernel has filled in. Queries and sources are not written to
            // while `self` is borrowed: `Replies` reaches the replies' buffers and the queue alone.
            unsafe { datagram(parts, index) }.map(|datagram| (index, datagram))
        });
        let mut replies = Replies {
            buffers: self.replies,
            stride: self.reply_stride,
            octets_max: self.reply_octets_max,
            count: self.used,
            queue: &mut self.queue,
        };
        answer(&mut datagrams, &mut replies);
    }

    fn source(&self, index: usize) -> Option<SocketAddr> {
        assert!(index < self.used);
        // SAFETY: the kernel has filled in `used` datagrams.
        unsafe { source(self.parts, index) }
    }

    /// Sends all queued replies; one that the kernel refuses is left out.
    pub(crate) fn send(&mut self, descriptor: RawFd) -> Sent {
        let mut sent = Sent::default();
        if self.segmentation == Segmentation::On {
            self.queue.sort();
        }
        // First replies of the messages.
        let mut firsts = [0_u8; BATCH];
        let (mut messages, mut first) = (0, 0);
        while first < self.queue.replies().len() {
            let run = match self.segmentation {
                Segmentation::On => self.queue.run(first, |one, other| self.are_alike(one, other)),
                Segmentation::Off => first..first + 1,
            };
            firsts[messages] = first as u8;
            first = run.end;
            self.lay_out(messages, run);
            messages += 1;
        }
        sent.joined = (self.queue.replies().len() - messages) as u64;
        let mut next = 0;
        while next < messages {
            // SAFETY: headers from `next` to `messages` were filled in by `lay_out` with pointers into `parts` and `replies`, which live
            // as long as `self`.
            let (count, pieces) = unsafe {
                let headers = (&raw mut (*self.parts).to_send).cast::<libc::mmsghdr>().add(next);
                let count = libc::sendmmsg(descriptor, headers, (messages - next) as u32, 0);
                (count, (*headers).msg_hdr.msg_iovlen as u64)
            };
            if let Ok(count) = usize::try_from(count) {
                next += count;
                continue;
            }
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            // An error is the first message's: a firewall, no route, no buffer. The rest may still go.
            if pieces == 1 {
                sent.failed += 1;
            } else {
                // EIO: where these replies leave, nothing computes the checksums of the pieces. Else it may be this client's path alone,
                // such as a tunnel that is too narrow for pieces of that length.
                if error.raw_os_error() == Some(libc::EIO) {
                    self.segmentation = Segmentation::Off;
                }
                let first = usize::from(firsts[next]);
                sent.joined -= pieces - 1;
                sent.failed += self.send_singly(descriptor, first..first + pieces as usize);
            }
            next += 1;
        }
        self.queue.clear();
        sent
    }

    /// Whether two datagrams came from the same port and were sent to the same address.
    fn are_alike(&self, one: usize, other: usize) -> bool {
        assert!(one < self.used && other < self.used);
        if self.source(one) != self.source(other) {
            return false;
        }
        // SAFETY: both indices are in bounds; the kernel has written `msg_controllen` octets of control messages, at most the length of
        // `Control`, and all of those are initialised.
        unsafe {
            let control = |index: usize| {
                let header = &raw const (*self.parts).received[index].msg_hdr;
                let octets = (&raw const (*self.parts).controls[index]).cast::<u8>();
                std::slice::from_raw_parts(octets, (*header).msg_controllen.min(size_of::<Control>()))
            };
            control(one) == control(other)
        }
    }

    /// Makes message `message` of the replies in `run`: to where the first one's datagram came from, and from the address that was
    /// sent to.
    fn lay_out(&mut self, message: usize, run: Range<usize>) {
        assert!(message < BATCH && run.start < run.end && run.end <= BATCH);
        let replies = &self.queue.replies()[run.clone()];
        // SAFETY: all indices are in bounds, lengths are at most those of the reply buffers, and all places are fields of `parts` or
        // within `replies`, to which no reference exists: `self` is borrowed mutably. `received` was filled in by the kernel.
        unsafe {
            let parts = self.parts;
            for (place, reply) in run.clone().zip(replies) {
                let octets = self.replies.add(usize::from(reply.received) * self.reply_stride);
                (*parts).reply_vectors[place] = libc::iovec { iov_base: octets.cast(), iov_len: reply.octets as usize };
            }
            let received = &raw mut (*parts).received[usize::from(replies[0].received)].msg_hdr;
            let header = &raw mut (*parts).to_send[message].msg_hdr;
            (*header).msg_name = (*received).msg_name;
            (*header).msg_namelen = (*received).msg_namelen;
            (*header).msg_iov = &raw mut (*parts).reply_vectors[run.start];
            (*header).msg_iovlen = run.len();
            // The control message received tells the kernel the source to send from, once the interface is taken out of it.
            (*header).msg_control = (*received).msg_control;
            (*header).msg_controllen = free_interface(received);
            if run.len() > 1 {
                (*header).msg_controllen = add_segments(header, replies[0].octets as u16);
            }
        }
    }

    /// Sends replies that the kernel did not take as one. Returns how many it refused.
    fn send_singly(&mut self, descriptor: RawFd, run: Range<usize>) -> u64 {
        let mut failed = 0;
        for place in run {
            self.lay_out(0, place..place + 1);
            // SAFETY: `lay_out` has filled in the header with pointers into `parts` and `replies`, which live as long as `self`. That this
            // was the header of a message before does not matter: it has been sent, or is being sent now.
            while unsafe { libc::sendmsg(descriptor, &raw const (*self.parts).to_send[0].msg_hdr, 0) } < 0 {
                if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                    failed += 1;
                    break;
                }
            }
        }
        failed
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

/// Room for the replies to one batch.
pub(crate) struct Replies<'b> {
    buffers: *mut u8,
    stride: usize,
    octets_max: usize,
    count: usize,
    queue: &'b mut Queue,
}

impl Replies<'_> {
    /// Lets `write` fill in the reply to datagram `index`, which came from `source`, and say how long it is; `None`: there is none.
    pub(crate) fn write(&mut self, index: usize, source: SocketAddr, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        assert!(index < self.count);
        // SAFETY: `index` is in bounds, so that the octets lie within the buffers of the batch, which is borrowed mutably as long as
        // this lives; no other reference to them exists, since `self` is borrowed mutably, too.
        let reply = unsafe { std::slice::from_raw_parts_mut(self.buffers.add(index * self.stride), self.octets_max) };
        if let Some(length) = write(reply) {
            self.queue.push(index, source, length.min(self.octets_max));
        }
    }
}

/// Datagram `index`; `None` for an address of a family that we did not ask for.
///
/// # Safety
///
/// The kernel must have filled in that datagram, and nothing may write to its query as long as the result lives.
unsafe fn datagram<'b>(parts: *const Parts, index: usize) -> Option<Datagram<'b>> {
    // SAFETY: the kernel has initialised `msg_len` octets of the query, at most its buffer's length; the rest is the caller's promise.
    let octets = unsafe {
        let length = ((*parts).received[index].msg_len as usize).min(QUERY_OCTETS_MAX);
        std::slice::from_raw_parts((&raw const (*parts).queries[index]).cast::<u8>(), length)
    };
    // SAFETY: the caller's promise.
    let source = unsafe { source(parts, index) }?;
    Some(Datagram { octets, source })
}

/// The sender of datagram `index`; `None` for an address of a family that we did not ask for.
///
/// # Safety
///
/// The kernel must have filled in that datagram.
unsafe fn source(parts: *const Parts, index: usize) -> Option<SocketAddr> {
    // SAFETY: the kernel has written a socket address of the family it says, and `sockaddr_storage` is large enough and aligned for
    // either; octets that it did not write are zero or of an earlier address, so all are initialised.
    unsafe {
        let storage = &raw const (*parts).sources[index];
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

/// Adds to a message the length of its pieces. Returns the length of all its control messages.
///
/// # Safety
///
/// `header` must have `msg_control` point to a [`Control`], whose first `msg_controllen` octets are no or one control message with an
/// address, with its padding.
unsafe fn add_segments(header: *mut libc::msghdr, octets: u16) -> usize {
    // SAFETY: `CMSG_SPACE` only calculates. 40 octets at most are used of 64, and this needs 24: what is written lies within `Control`,
    // and is aligned since that is and each control message's length is a multiple of 8.
    unsafe {
        let before = (*header).msg_controllen;
        let space = libc::CMSG_SPACE(size_of::<u16>() as u32) as usize;
        assert!(before.is_multiple_of(8) && before + space <= size_of::<Control>());
        let control = (*header).msg_control.cast::<u8>().add(before).cast::<libc::cmsghdr>();
        (*control).cmsg_level = libc::SOL_UDP;
        (*control).cmsg_type = libc::UDP_SEGMENT;
        (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as usize;
        libc::CMSG_DATA(control).cast::<u16>().write_unaligned(octets);
        before + space
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

    /// Sends 3 times 40 datagrams of 1 to 40 octets from each of two clients to `server`, has those of even length answered, and returns
    /// how many replies were sent together with others.
    fn all_even_ones_are_answered(server: &UdpSocket, segmentation: Segmentation) -> u64 {
        let clients = [socket(), socket()];
        for round in 0..3_u8 {
            for number in 0..40_u8 {
                for (place, client) in clients.iter().enumerate() {
                    // 127.0.0.1 and 127.0.0.2 are both this host's.
                    let address = [127, 0, 0, 1 + place as u8 % 2];
                    let to = if server.local_addr().unwrap().ip().is_unspecified() { address } else { [127, 0, 0, 1] };
                    client.connect(SocketAddr::from((to, server.local_addr().unwrap().port()))).unwrap();
                    client.send(&vec![round; 1 + usize::from(number)]).unwrap();
                }
            }
        }
        let mut batch = Batch::new(512, segmentation);
        let (mut seen, mut joined) = (0, 0);
        while seen < 3 * 80 {
            seen += batch.receive(server.as_raw_fd(), 0).unwrap();
            batch.answer_each(|datagram, reply| {
                let length = datagram.octets.len();
                let port = datagram.source.port().to_be_bytes();
                reply[..2].copy_from_slice(&port);
                reply[2] = length as u8;
                // Replies of four lengths.
                (length % 2 == 0).then_some(3 + length / 10)
            });
            let sent = batch.send(server.as_raw_fd());
            assert_eq!(sent.failed, 0);
            joined += sent.joined;
        }
        for client in &clients {
            // They are connected: a reply from another address than the one asked would not come.
            let mut lengths = Vec::new();
            for _ in 0..3 * 20 {
                let mut reply = [0; 16];
                let octets = client.recv(&mut reply).unwrap();
                assert_eq!(octets, 3 + usize::from(reply[2]) / 10);
                assert_eq!(u16::from_be_bytes([reply[0], reply[1]]), client.local_addr().unwrap().port());
                lengths.push(reply[2]);
            }
            lengths.sort_unstable();
            let wanted: Vec<_> = (1..=20_u8).flat_map(|half| [2 * half; 3]).collect();
            assert_eq!(lengths, wanted);
        }
        joined
    }

    #[test]
    fn many_datagrams_go_both_ways_and_each_reply_to_its_sender() {
        assert_eq!(all_even_ones_are_answered(&socket(), Segmentation::Off), 0);
    }

    #[test]
    fn replies_to_one_client_go_together_and_arrive_apart() {
        assert!(all_even_ones_are_answered(&socket(), Segmentation::On) > 60);
    }

    #[test]
    fn replies_that_go_together_leave_from_the_address_that_was_asked() {
        let server = super::super::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        assert!(super::super::socket::can_segment(&server));
        assert!(all_even_ones_are_answered(&server.into(), Segmentation::On) > 60);
    }

    #[test]
    fn what_the_kernel_does_not_take_together_goes_one_by_one() {
        let server = socket();
        // Without checksums there are no segments (EINVAL).
        let on: libc::c_int = 1;
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is open, and `on` is a `c_int` of the length given.
        let set = unsafe {
            libc::setsockopt(server.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, (&raw const on).cast(), length)
        };
        assert_eq!(set, 0);
        assert_eq!(all_even_ones_are_answered(&server, Segmentation::On), 0);
    }

    #[test]
    fn a_reply_the_kernel_refuses_does_not_hold_back_the_others() {
        let (server, client) = (socket(), socket());
        for _ in 0..3 {
            client.send_to(&[1], server.local_addr().unwrap()).unwrap();
        }
        // Longer than any IPv4 datagram may be: EMSGSIZE.
        let mut batch = Batch::new(70_000, Segmentation::On);
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
        let error = Batch::new(512, Segmentation::On).receive(server.as_raw_fd(), 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
