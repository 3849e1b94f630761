//! An AF_XDP socket: memory shared with the kernel, cut into frames, and four rings that say whose turn it is with each frame.
//!
//! ```text
//!   fill ------> kernel -----> receive -----> answered ---> fill        frames for receiving
//!   transmit --> kernel -----> completion --> free -------> transmit    frames for replies
//! ```

use super::ring::{FromKernel, Kind, Mapping, ToKernel};
use crate::xdp::ZeroCopy;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;
use std::{mem, ptr};

/// Frames for each direction, and entries of each ring: what a burst may be until the kernel drops.
const FRAMES: u32 = 2048;
/// Frames taken at once, as for sockets.
const BATCH: u32 = 64;
/// What the kernel leaves free before a received frame when it copies (`XDP_PACKET_HEADROOM`).
const HEADROOM: usize = 256;
/// Sizes a frame may have: half a page or a whole one.
const FRAME_OCTETS: [usize; 2] = [2048, 4096];
/// Calls to send until the rest waits for the next batch; each takes the kernel through 32 frames when it copies.
const KICKS_MAX: u32 = 16;
/// Asked for, so that more than a few frames may be on their way when the kernel copies.
const SEND_BUFFER_OCTETS: usize = 4 << 20;
/// Not in `libc` yet: how many frames one call sends when the kernel copies (Linux 6.17).
const XDP_MAX_TX_SKB_BUDGET: libc::c_int = 9;

/// A socket with its rings and memory.
pub(super) struct XdpSocket {
    fill: ToKernel<u64>,
    receive: FromKernel<libc::xdp_desc>,
    transmit: ToKernel<libc::xdp_desc>,
    completion: FromKernel<u64>,
    /// Addresses of frames for replies that nobody uses.
    free: Vec<u64>,
    frame_octets: usize,
    is_zero_copy: bool,
    // Closed before the memory is given back.
    descriptor: OwnedFd,
    memory: Mapping,
}

// SAFETY: its pointers lead into mappings that it owns, and nothing of them belongs to a thread.
unsafe impl Send for XdpSocket {}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Handled {
    /// Frames taken.
    pub(super) received: u64,
    /// Replies that wait for the kernel.
    pub(super) queued: u64,
    /// Replies for which no frame was free.
    pub(super) unsent: u64,
}

/// What the kernel counts (`struct xdp_statistics`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct KernelCounts {
    /// Frames dropped because none was free to receive into, or they were too long.
    pub(super) dropped: u64,
    /// Frames dropped because the receive ring was full.
    pub(super) ring_full: u64,
}

/// The frame size for an interface, and the longest frame in it.
pub(super) fn frame_octets(mtu: usize) -> Option<usize> {
    FRAME_OCTETS.into_iter().find(|octets| HEADROOM + 14 + mtu <= *octets)
}

impl XdpSocket {
    /// Binds to one queue of an interface. `frame_octets` is from [`frame_octets()`].
    ///
    /// # Errors
    ///
    /// Naming the step that failed.
    pub(super) fn open(interface: u32, queue: u32, frame_octets: usize, copying: ZeroCopy) -> io::Result<XdpSocket> {
        // SAFETY: a plain call, which returns a descriptor that is ours alone.
        let descriptor = unsafe {
            let descriptor = libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
            if descriptor < 0 {
                return Err(step("no socket of AF_XDP (it needs CAP_NET_RAW)")(io::Error::last_os_error()));
            }
            OwnedFd::from_raw_fd(descriptor)
        };
        let memory =
            Mapping::anonymous(2 * FRAMES as usize * frame_octets).map_err(step("no memory for its frames"))?;
        let registered = libc::xdp_umem_reg {
            addr: memory.start() as u64,
            len: memory.octets() as u64,
            chunk_size: frame_octets as u32,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        set_option(&descriptor, libc::XDP_UMEM_REG, &registered).map_err(step(
            "its frames cannot be locked in memory (it needs CAP_IPC_LOCK, or a higher limit of locked memory)",
        ))?;
        for kind in [Kind::Fill, Kind::Completion, Kind::Receive, Kind::Transmit] {
            set_option(&descriptor, kind.size_option(), &FRAMES).map_err(step("a ring of its size is refused"))?;
        }
        let offsets = option(&descriptor, libc::XDP_MMAP_OFFSETS).map_err(step("its rings cannot be found"))?;
        let unmapped = || step("its rings cannot be mapped");
        let mut socket = XdpSocket {
            fill: ToKernel::map(&descriptor, Kind::Fill, FRAMES, &offsets).map_err(unmapped())?,
            receive: FromKernel::map(&descriptor, Kind::Receive, FRAMES, &offsets).map_err(unmapped())?,
            transmit: ToKernel::map(&descriptor, Kind::Transmit, FRAMES, &offsets).map_err(unmapped())?,
            completion: FromKernel::map(&descriptor, Kind::Completion, FRAMES, &offsets).map_err(unmapped())?,
            free: (u64::from(FRAMES)..u64::from(2 * FRAMES)).map(|frame| frame * frame_octets as u64).collect(),
            frame_octets,
            is_zero_copy: false,
            descriptor,
            memory,
        };
        (0..u64::from(FRAMES)).for_each(|frame| socket.fill.push(frame * frame_octets as u64));
        socket.fill.publish();
        // Both only make it faster.
        let _: io::Result<()> = set_option(&socket.descriptor, XDP_MAX_TX_SKB_BUDGET, &FRAMES);
        let _: io::Result<()> = socket2::SockRef::from(&socket.descriptor).set_send_buffer_size(SEND_BUFFER_OCTETS);
        socket.bind(interface, queue, copying)?;
        let options: libc::xdp_options =
            option(&socket.descriptor, libc::XDP_OPTIONS).map_err(step("it tells nothing of itself"))?;
        socket.is_zero_copy = options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0;
        Ok(socket)
    }

    fn bind(&self, interface: u32, queue: u32, copying: ZeroCopy) -> io::Result<()> {
        let copying = match copying {
            ZeroCopy::Auto => 0,
            ZeroCopy::Require => libc::XDP_ZEROCOPY,
            ZeroCopy::Never => libc::XDP_COPY,
        };
        let address = libc::sockaddr_xdp {
            sxdp_family: libc::AF_XDP as libc::__u16,
            sxdp_flags: libc::XDP_USE_NEED_WAKEUP | copying,
            sxdp_ifindex: interface,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        let length = size_of::<libc::sockaddr_xdp>() as libc::socklen_t;
        // SAFETY: the address is of the length given and lives through the call.
        let result = unsafe { libc::bind(self.descriptor.as_raw_fd(), (&raw const address).cast(), length) };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        Err(match error.raw_os_error() {
            Some(libc::EBUSY) => step("another program has it")(error),
            Some(libc::EOPNOTSUPP) if copying == libc::XDP_ZEROCOPY => {
                step("its driver cannot do without copying")(error)
            }
            _ => step("the socket cannot be bound")(error),
        })
    }

    pub(super) fn is_zero_copy(&self) -> bool {
        self.is_zero_copy
    }

    /// Waits for a frame.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NetworkDown`] when the interface is down or gone; it may come back.
    pub(super) fn wait(&mut self, most: Duration) -> io::Result<()> {
        if self.receive.waiting() > 0 {
            return Ok(());
        }
        // What could not be sent at once goes on when the call drives it.
        let most = if self.transmit.pending() > 0 { most.min(Duration::from_millis(1)) } else { most };
        let mut entry = libc::pollfd { fd: self.descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, valid through the call.
        let result = unsafe { libc::poll(&raw mut entry, 1, most.as_millis() as libc::c_int) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        if entry.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
            let error = socket2::SockRef::from(&self.descriptor).take_error()?;
            return Err(error.unwrap_or_else(|| ErrorKind::NetworkDown.into()));
        }
        Ok(())
    }

    /// Takes what has arrived, up to a batch, and lets `answer` write a reply frame to each frame, or none.
    pub(super) fn answer_each(&mut self, mut answer: impl FnMut(&[u8], &mut [u8]) -> Option<usize>) -> Handled {
        self.reap();
        let mut handled = Handled::default();
        let (frame_octets, start) = (self.frame_octets as u64, self.memory.start());
        let received_octets = u64::from(FRAMES) * frame_octets;
        self.receive.take(BATCH, |entry| {
            handled.received += 1;
            let frame = entry.addr - entry.addr % frame_octets;
            let is_inside = entry.addr + u64::from(entry.len) <= frame + frame_octets && frame < received_octets;
            assert!(is_inside, "the kernel hands out frames of the receiving half alone");
            let Some(&reply_frame) = self.free.last() else {
                // What no reply can be sent to need not be looked at.
                handled.unsent += 1;
                self.fill.push(frame);
                return;
            };
            // SAFETY: the received octets are within one frame of the receiving half, which the kernel has handed to us and does not
            // touch until it is back in the fill ring; the other frame is of the half for replies and in nobody's use, and its
            // octets are initialised since all memory is.
            let (received, reply) = unsafe {
                (
                    std::slice::from_raw_parts(start.add(entry.addr as usize), entry.len as usize),
                    std::slice::from_raw_parts_mut(start.add(reply_frame as usize), frame_octets as usize),
                )
            };
            if let Some(octets) = answer(received, reply) {
                assert!(octets <= reply.len());
                self.free.pop();
                self.transmit.push(libc::xdp_desc { addr: reply_frame, len: octets as u32, options: 0 });
                handled.queued += 1;
            }
            self.fill.push(frame);
        });
        self.fill.publish();
        self.transmit.publish();
        handled
    }

    /// Has the kernel send what was queued, and take in what was freed.
    pub(super) fn send(&mut self) {
        let mut kicks = 0;
        while self.transmit.pending() > 0 && self.transmit.wants_wakeup() && kicks < KICKS_MAX {
            kicks += 1;
            let before = self.transmit.pending();
            // SAFETY: no octet is sent but those in the ring, so that no address is needed.
            let result = unsafe {
                libc::sendto(self.descriptor.as_raw_fd(), ptr::null(), 0, libc::MSG_DONTWAIT, ptr::null(), 0)
            };
            // Buffers are full: the rest goes with the next batch, or while there is nothing to do.
            if result < 0 && self.transmit.pending() == before {
                break;
            }
        }
        if self.fill.wants_wakeup() {
            // SAFETY: no octet is received into anything.
            unsafe {
                libc::recvfrom(
                    self.descriptor.as_raw_fd(),
                    ptr::null_mut(),
                    0,
                    libc::MSG_DONTWAIT,
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            };
        }
    }

    /// Takes back the frames of replies that are gone.
    fn reap(&mut self) {
        self.completion.take(FRAMES, |frame| self.free.push(frame));
    }
}

impl AsFd for XdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for XdpSocket {
    fn as_raw_fd(&self) -> libc::c_int {
        self.descriptor.as_raw_fd()
    }
}

/// What the kernel has counted for a socket.
pub(super) fn kernel_counts(socket: &OwnedFd) -> io::Result<KernelCounts> {
    let counts: libc::xdp_statistics = option(socket, libc::XDP_STATISTICS)?;
    Ok(KernelCounts { dropped: counts.rx_dropped, ring_full: counts.rx_ring_full })
}

/// Puts before an error what was tried.
fn step(what: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn set_option<T>(socket: &OwnedFd, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value is of the length given and lives through the call.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_XDP, name, ptr::from_ref(value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an option whose structure consists of integers.
fn option<T: Copy>(socket: &OwnedFd, name: libc::c_int) -> io::Result<T> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: all callers name structures of integers, for which zero octets are valid, and the kernel writes at most the length given.
    unsafe {
        let mut value: T = mem::zeroed();
        let result =
            libc::getsockopt(socket.as_raw_fd(), libc::SOL_XDP, name, (&raw mut value).cast(), &raw mut length);
        if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
    }
}
