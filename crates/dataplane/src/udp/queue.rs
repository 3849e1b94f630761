//! The replies of a batch, and which of them the kernel is given as one.
//!
//! Where many questions come from one port, as from a load balancer or a forwarder, their replies can pass the kernel as one large
//! datagram that is cut apart at the end of its way (`UDP_SEGMENT`): all pieces of one length, but for the last, which may be shorter.
//! Which ones those are is decided here; [`super::batch`] makes the system call.

use super::batch::BATCH;
use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// Places of the table that finds repeated clients; with four for each reply, neighbours are seldom in the way.
const SLOTS: usize = 4 * BATCH;
/// Octets in one large datagram: what an IPv4 datagram can hold (65,507), and somewhat less.
const RUN_OCTETS_MAX: usize = 65_000;

/// A reply that waits to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    client: u64,
    /// The datagram it replies to.
    pub(crate) received: u8,
    pub(crate) octets: u32,
}

/// At most one reply for each datagram of a batch.
pub(crate) struct Queue {
    replies: [Queued; BATCH],
    count: usize,
    /// One more than the place of a client's first reply, by the client's hash; 0: none.
    slots: [u8; SLOTS],
    has_repeats: bool,
}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue { replies: [Queued::default(); BATCH], count: 0, slots: [0; SLOTS], has_repeats: false }
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.slots = [0; SLOTS];
        self.has_repeats = false;
    }

    /// Adds the reply to datagram `received`, which came from `source`.
    ///
    /// # Panics
    ///
    /// With more replies than a batch has.
    pub(crate) fn push(&mut self, received: usize, source: SocketAddr, octets: usize) {
        let client = client_of(source);
        self.replies[self.count] = Queued { client, received: received as u8, octets: octets as u32 };
        self.count += 1;
        // The product's top bits depend on all of the client's.
        let mut slot = (client.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SLOTS;
        while self.slots[slot] != 0 {
            if self.replies[usize::from(self.slots[slot]) - 1].client == client {
                self.has_repeats = true;
                return;
            }
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = self.count as u8;
    }

    pub(crate) fn replies(&self) -> &[Queued] {
        &self.replies[..self.count]
    }

    /// Puts replies to one client together, longer ones first. What is to be sent one by one stays as it is.
    pub(crate) fn sort(&mut self) {
        if self.has_repeats {
            self.replies[..self.count].sort_unstable_by_key(|reply| (reply.client, Reverse(reply.octets)));
        }
    }

    /// How far a run of replies reaches that begins at `first` and that can be sent as one; at least that reply. `are_alike` tells
    /// whether two datagrams came from one place and to one address, since other clients may look the same here.
    pub(crate) fn run(&self, first: usize, are_alike: impl Fn(usize, usize) -> bool) -> Range<usize> {
        let replies = self.replies();
        let head = replies[first];
        let mut end = first + 1;
        if !self.has_repeats {
            return first..end;
        }
        let mut octets = head.octets as usize;
        while let Some(next) = replies.get(end) {
            octets += next.octets as usize;
            if next.client != head.client
                || octets > RUN_OCTETS_MAX
                || !are_alike(usize::from(head.received), usize::from(next.received))
            {
                break;
            }
            end += 1;
            // Nothing may follow a shorter one.
            if next.octets != head.octets {
                break;
            }
        }
        first..end
    }
}

/// Different for most clients.
fn client_of(source: SocketAddr) -> u64 {
    let port = u64::from(source.port());
    match source.ip() {
        IpAddr::V4(address) => u64::from(address.to_bits()) << 16 | port,
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            ((bits >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (bits as u64).rotate_left(16) ^ port
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of each run, for replies of `(client, octets)`.
    fn runs(replies: &[(u16, usize)], are_alike: impl Fn(usize, usize) -> bool) -> Vec<Vec<u32>> {
        let mut queue = Queue::new();
        for (received, &(port, octets)) in replies.iter().enumerate() {
            queue.push(received, SocketAddr::from(([192, 0, 2, 1], port)), octets);
        }
        queue.sort();
        let mut all = Vec::new();
        let mut first = 0;
        while first < replies.len() {
            let run = queue.run(first, &are_alike);
            first = run.end;
            all.push(queue.replies()[run].iter().map(|reply| reply.octets).collect());
        }
        all.sort();
        all
    }

    #[test]
    fn replies_of_one_length_to_one_client_are_one_run_and_one_shorter_ends_it() {
        let replies = [(1, 100), (2, 100), (1, 90), (1, 100), (2, 300), (1, 80), (1, 80), (3, 100)];
        assert_eq!(runs(&replies, |_, _| true), [vec![80, 80], vec![100], vec![100, 100, 90], vec![300, 100]]);
    }

    #[test]
    fn clients_that_ask_once_keep_their_order() {
        let mut queue = Queue::new();
        for port in [5, 3, 4] {
            queue.push(usize::from(port), SocketAddr::from(([0xfd; 16], port)), 60);
        }
        queue.sort();
        assert_eq!(queue.replies().iter().map(|reply| reply.received).collect::<Vec<_>>(), [5, 3, 4]);
        assert_eq!(queue.run(0, |_, _| true), 0..1);
    }

    #[test]
    fn a_run_ends_at_a_client_that_only_looks_the_same_and_at_the_longest_datagram() {
        assert_eq!(runs(&[(1, 50), (1, 50), (1, 50)], |a, b| a.max(b) < 2), [vec![50], vec![50, 50]]);
        let long = runs(&[(1, 4096); 20], |_, _| true);
        assert_eq!(long.iter().map(Vec::len).collect::<Vec<_>>(), [5, 15]);
    }

    #[test]
    fn a_cleared_queue_knows_no_clients() {
        let mut queue = Queue::new();
        let source = SocketAddr::from(([192, 0, 2, 1], 53));
        (0..BATCH).for_each(|received| queue.push(received, source, 40));
        assert_eq!(queue.run(0, |_, _| true), 0..BATCH);
        queue.clear();
        queue.push(0, source, 40);
        assert_eq!(queue.run(0, |_, _| true), 0..1);
    }
}
