//! The `bpf` system call: maps, the program, and the link that holds it at an interface.
//!
//! All of them are descriptors. When the last one of the link is closed, as when the process ends in whatever way, the program is gone
//! from the interface.

use super::program::{AddressKey, Instruction, KEY_OCTETS};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

// Commands, types and flags (include/uapi/linux/bpf.h).
const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const PROG_LOAD: libc::c_int = 5;
const LINK_CREATE: libc::c_int = 28;
const MAP_TYPE_HASH: u32 = 1;
const MAP_TYPE_XSKMAP: u32 = 17;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_TYPE_XDP: u32 = 37;
/// In `include/uapi/linux/if_link.h`.
const FLAGS_SKB_MODE: u32 = 1 << 1;
const FLAGS_DRV_MODE: u32 = 1 << 2;

/// What the kernel's verifier says of a program that it refuses; the end of it matters.
const LOG_OCTETS: usize = 1 << 16;

/// The largest of the structures that `union bpf_attr` consists of, as far as they are used.
#[repr(C)]
union Attributes {
    map: MapCreate,
    element: MapElement,
    program: ProgramLoad,
    link: LinkCreate,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
}

#[derive(Clone, Copy)]
#[repr(C)]
struct MapElement {
    map_fd: u32,
    unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct ProgramLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// # Safety
///
/// Addresses in `attributes` must be valid for what `command` does with them.
unsafe fn bpf(command: libc::c_int, attributes: &Attributes) -> io::Result<libc::c_long> {
    // SAFETY: `attributes` is valid for the size given, of which the kernel reads as much as it knows and wants the rest to be zero, as
    // `zeroed` has left it; what addresses in it are valid for is the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attributes, size_of::<Attributes>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// # Safety
///
/// As [`bpf`], and `command` must be one that returns a new descriptor.
unsafe fn bpf_descriptor(command: libc::c_int, attributes: &Attributes) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promises: a descriptor that is ours alone.
    unsafe { bpf(command, attributes).map(|descriptor| OwnedFd::from_raw_fd(descriptor as RawFd)) }
}

/// All zero, with `part` at its begin.
fn zeroed(set: impl FnOnce(&mut Attributes)) -> Attributes {
    // SAFETY: all parts are integers and arrays of them, for which zero octets are a valid value.
    let mut attributes = unsafe { std::mem::zeroed() };
    set(&mut attributes);
    attributes
}

fn map(map_type: u32, key_size: u32, value_size: u32, max_entries: u32, name: &[u8; 16]) -> io::Result<OwnedFd> {
    let attributes = zeroed(|attributes| {
        attributes.map = MapCreate {
            map_type,
            key_size,
            value_size,
            max_entries,
            map_flags: 0,
            inner_map_fd: 0,
            numa_node: 0,
            map_name: *name,
        };
    });
    // SAFETY: there is no address in it, and the command returns a new descriptor.
    unsafe { bpf_descriptor(MAP_CREATE, &attributes) }
}

/// The addresses that the program picks datagrams for.
pub(super) struct AddressMap(OwnedFd);

/// Most entries of an [`AddressMap`].
pub(super) const ADDRESSES_MAX: usize = 4096;

impl AsRawFd for AddressMap {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AddressMap {
    pub(super) fn new() -> io::Result<AddressMap> {
        map(MAP_TYPE_HASH, KEY_OCTETS as u32, 1, ADDRESSES_MAX as u32, b"dns_addresses\0\0\0").map(AddressMap)
    }

    pub(super) fn insert(&self, key: AddressKey) -> io::Result<()> {
        let (key, value) = (key.octets(), 1_u8);
        element(MAP_UPDATE_ELEM, &self.0, &key, Some(&[value]))
    }

    pub(super) fn remove(&self, key: AddressKey) -> io::Result<()> {
        element(MAP_DELETE_ELEM, &self.0, &key.octets(), None)
    }
}

/// The sockets that frames are handed to, by queue.
pub(super) struct SocketMap(OwnedFd);

impl AsRawFd for SocketMap {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl SocketMap {
    pub(super) fn new(queues: u32) -> io::Result<SocketMap> {
        map(MAP_TYPE_XSKMAP, 4, 4, queues, b"dns_sockets\0\0\0\0\0").map(SocketMap)
    }

    pub(super) fn insert(&self, queue: u32, socket: &impl AsRawFd) -> io::Result<()> {
        element(MAP_UPDATE_ELEM, &self.0, &queue.to_ne_bytes(), Some(&socket.as_raw_fd().to_ne_bytes()))
    }
}

/// Writes or deletes an entry. Key and value have the octets that the map was made for; the kernel reads as many.
fn element(command: libc::c_int, map: &OwnedFd, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
    let attributes = zeroed(|attributes| {
        attributes.element = MapElement {
            map_fd: map.as_raw_fd() as u32,
            unused: 0,
            key: key.as_ptr() as u64,
            value: value.map_or(0, |value| value.as_ptr() as u64),
            flags: 0,
        };
    });
    // SAFETY: key and value live through the call, and are as long as the map's are: the two kinds of maps have one caller for each
    // command. Deleting has no value.
    unsafe { bpf(command, &attributes).map(drop) }
}

/// A program that the kernel has verified.
pub(super) struct Program(OwnedFd);

impl Program {
    /// Has the kernel verify and compile a program for XDP.
    ///
    /// # Errors
    ///
    /// With the verifier's last words, if it had any.
    pub(super) fn load(instructions: &[Instruction]) -> io::Result<Program> {
        match load(instructions, &mut []) {
            Ok(program) => Ok(program),
            // It has nothing to say about missing rights.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) => Err(error),
            Err(_) => {
                let mut log = vec![0; LOG_OCTETS];
                load(instructions, &mut log).map_err(|error| {
                    let text = String::from_utf8_lossy(log.split(|octet| *octet == 0).next().unwrap_or_default());
                    let words = text.lines().rev().find(|line| !line.starts_with("processed ")).unwrap_or_default();
                    io::Error::new(error.kind(), format!("{error}; the verifier says: {words}"))
                })
            }
        }
    }

    /// Attaches it to an interface.
    pub(super) fn attach(&self, interface: u32, how: Attachment) -> io::Result<Link> {
        let flags = match how {
            Attachment::Native => FLAGS_DRV_MODE,
            Attachment::Generic => FLAGS_SKB_MODE,
        };
        let attributes = zeroed(|attributes| {
            attributes.link = LinkCreate {
                prog_fd: self.0.as_raw_fd() as u32,
                target_ifindex: interface,
                attach_type: ATTACH_TYPE_XDP,
                flags,
            };
        });
        // SAFETY: there is no address in it, and the command returns a new descriptor.
        unsafe { bpf_descriptor(LINK_CREATE, &attributes).map(Link) }
    }
}

fn load(instructions: &[Instruction], log: &mut [u8]) -> io::Result<Program> {
    let attributes = zeroed(|attributes| {
        attributes.program = ProgramLoad {
            prog_type: PROG_TYPE_XDP,
            insn_cnt: instructions.len() as u32,
            insns: instructions.as_ptr() as u64,
            // No helper that is used asks for GPL.
            license: c"MIT OR Apache-2.0".as_ptr() as u64,
            log_level: u32::from(!log.is_empty()),
            log_size: log.len() as u32,
            log_buf: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
            kern_version: 0,
            prog_flags: 0,
            prog_name: *b"dns_over_xdp\0\0\0\0",
            prog_ifindex: 0,
            expected_attach_type: ATTACH_TYPE_XDP,
        };
    });
    // SAFETY: instructions and log live through the call and are as long as it says, and the text ends with a zero; the command returns
    // a new descriptor.
    unsafe { bpf_descriptor(PROG_LOAD, &attributes).map(Program) }
}

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attachment {
    /// In the driver.
    Native,
    /// Before the kernel's stack.
    Generic,
}

/// Holds a program at an interface.
pub(super) struct Link(
    #[expect(dead_code, reason = "it is closed when it is dropped, and nothing else is done with it")] OwnedFd,
);
