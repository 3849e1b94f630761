//! Rings shared with the kernel: one side writes entries and counts them, the other reads them and counts those.
//!
//! A count is a position that never turns back but for wrapping around at 2^32; a ring's size is a power of two, so that its lower
//! bits say the place.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Memory from `mmap`.
pub(super) struct Mapping {
    start: *mut u8,
    octets: usize,
}

impl Mapping {
    /// Zeroed memory of our own, whose pages are there at once.
    pub(super) fn anonymous(octets: usize) -> io::Result<Mapping> {
        Mapping::new(octets, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE, -1, 0)
    }

    fn new(octets: usize, flags: libc::c_int, descriptor: libc::c_int, offset: libc::off_t) -> io::Result<Mapping> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at a place of the kernel's choice touches nothing that is there.
        let start = unsafe { libc::mmap(ptr::null_mut(), octets, access, flags, descriptor, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Mapping { start: start.cast(), octets })
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.start
    }

    pub(super) fn octets(&self) -> usize {
        self.octets
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it came from `mmap` with this length, and nobody has a pointer into it any more.
        unsafe { libc::munmap(self.start.cast(), self.octets) };
    }
}

/// Which of a socket's rings, with what is fixed for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Receive,
    Transmit,
    Fill,
    Completion,
}

impl Kind {
    /// The option that sets its size.
    pub(super) fn size_option(self) -> libc::c_int {
        match self {
            Kind::Receive => libc::XDP_RX_RING,
            Kind::Transmit => libc::XDP_TX_RING,
            Kind::Fill => libc::XDP_UMEM_FILL_RING,
            Kind::Completion => libc::XDP_UMEM_COMPLETION_RING,
        }
    }

    fn page_offset(self) -> libc::off_t {
        match self {
            Kind::Receive => libc::XDP_PGOFF_RX_RING,
            Kind::Transmit => libc::XDP_PGOFF_TX_RING,
            Kind::Fill => libc::XDP_UMEM_PGOFF_FILL_RING as libc::off_t,
            Kind::Completion => libc::XDP_UMEM_PGOFF_COMPLETION_RING as libc::off_t,
        }
    }

    fn offsets(self, all: &libc::xdp_mmap_offsets) -> &libc::xdp_ring_offset {
        match self {
            Kind::Receive => &all.rx,
            Kind::Transmit => &all.tx,
            Kind::Fill => &all.fr,
            Kind::Completion => &all.cr,
        }
    }
}

/// What both ends have in common.
struct Shared<T> {
    producer: *const AtomicU32,
    consumer: *const AtomicU32,
    flags: *const AtomicU32,
    entries: *mut T,
    size: u32,
    /// What all of them point into.
    _mapping: Mapping,
}

impl<T: Copy> Shared<T> {
    /// Maps a ring of `size` entries whose size the socket has been told.
    fn map(socket: &OwnedFd, kind: Kind, size: u32, offsets: &libc::xdp_mmap_offsets) -> io::Result<Shared<T>> {
        assert!(size.is_power_of_two());
        let offsets = kind.offsets(offsets);
        let octets = offsets.desc as usize + size as usize * size_of::<T>();
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        let mapping = Mapping::new(octets, flags, socket.as_raw_fd(), kind.page_offset())?;
        // SAFETY: the kernel says where in the mapping its parts are, aligned for their types; entries are last.
        let (producer, consumer, flags, entries) = unsafe {
            let at = |offset: u64| mapping.start.add(offset as usize);
            (
                at(offsets.producer).cast_const().cast(),
                at(offsets.consumer).cast_const().cast(),
                at(offsets.flags).cast_const().cast(),
                at(offsets.desc).cast(),
            )
        };
        Ok(Shared { producer, consumer, flags, entries, size, _mapping: mapping })
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: it points into the mapping, which lives as long as `self`, and is only ever used as an atomic, by the kernel too.
        unsafe { &*self.producer }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as for `producer`.
        unsafe { &*self.consumer }
    }

    fn flags(&self) -> &AtomicU32 {
        // SAFETY: as for `producer`.
        unsafe { &*self.flags }
    }

    fn place(&self, position: u32) -> *mut T {
        // SAFETY: the index is below the ring's size, for which the mapping has room.
        unsafe { self.entries.add((position & (self.size - 1)) as usize) }
    }
}

/// A ring that we write and the kernel reads.
pub(super) struct ToKernel<T> {
    ring: Shared<T>,
    /// Position of the next entry; those before the published one the kernel may read.
    next: u32,
}

impl<T: Copy> ToKernel<T> {
    pub(super) fn map(
        socket: &OwnedFd,
        kind: Kind,
        size: u32,
        offsets: &libc::xdp_mmap_offsets,
    ) -> io::Result<ToKernel<T>> {
        Shared::map(socket, kind, size, offsets).map(|ring| ToKernel { ring, next: 0 })
    }

    /// Entries that the kernel has not read yet, published or not.
    pub(super) fn pending(&self) -> u32 {
        self.next.wrapping_sub(self.ring.consumer().load(Ordering::Acquire))
    }

    /// Writes an entry, which the kernel sees with the next [`ToKernel::publish`].
    ///
    /// # Panics
    ///
    /// When there is no room: whoever writes has no more entries than the ring has places.
    pub(super) fn push(&mut self, entry: T) {
        assert!(self.pending() < self.ring.size, "the ring is full");
        // SAFETY: the place is not before the kernel's position, so that the kernel does not read it until it is published.
        unsafe { self.ring.place(self.next).write(entry) };
        self.next = self.next.wrapping_add(1);
    }

    pub(super) fn publish(&mut self) {
        // Entries are written before the kernel sees that they are.
        self.ring.producer().store(self.next, Ordering::Release);
    }

    /// Whether the kernel goes on only when it is told to.
    pub(super) fn wants_wakeup(&self) -> bool {
        self.ring.flags().load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

/// A ring that the kernel writes and we read.
pub(super) struct FromKernel<T> {
    ring: Shared<T>,
    /// Position of the next entry to read.
    next: u32,
}

impl<T: Copy> FromKernel<T> {
    pub(super) fn map(
        socket: &OwnedFd,
        kind: Kind,
        size: u32,
        offsets: &libc::xdp_mmap_offsets,
    ) -> io::Result<FromKernel<T>> {
        Shared::map(socket, kind, size, offsets).map(|ring| FromKernel { ring, next: 0 })
    }

    /// Entries that wait.
    pub(super) fn waiting(&self) -> u32 {
        self.ring.producer().load(Ordering::Acquire).wrapping_sub(self.next)
    }

    /// Reads up to `most` entries, whose places the kernel may then use again.
    pub(super) fn take(&mut self, most: u32, mut each: impl FnMut(T)) -> u32 {
        let count = self.waiting().min(most);
        for _ in 0..count {
            // SAFETY: the place is before the kernel's position, so that it has been written, and is not written again until we say
            // that it was read.
            each(unsafe { self.ring.place(self.next).read() });
            self.next = self.next.wrapping_add(1);
        }
        if count > 0 {
            self.ring.consumer().store(self.next, Ordering::Release);
        }
        count
    }
}
