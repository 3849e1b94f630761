//! AF_XDP: datagrams without the kernel's network stack.
//!
//! For each interface a program of ours picks our datagrams from the frames received ([`program`]), and for each of its queues a
//! thread ([`worker`]) answers them, frame by frame ([`frame`]), through rings shared with the kernel ([`socket`]). A keeper for each
//! interface ([`keeper`]) tells the program which addresses are ours. The sockets of the kernel's stack stay: they answer what the
//! program lets pass.

mod bpf;
mod frame;
mod interface;
mod keeper;
mod program;
mod ring;
mod socket;
mod worker;

pub(crate) use keeper::Keeper;
pub(crate) use worker::XdpWorker;

use crate::xdp::{XdpMode, XdpSettings, ZeroCopy};
use bpf::{AddressMap, Attachment, Link, Program, SocketMap};
use interface::Interface;
use socket::XdpSocket;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use wire::message::UDP_PAYLOAD_MIN;

/// An IPv6 header and UDP's.
const IP_HEADERS: usize = 40 + 8;

/// One interface, ready to be served.
pub(crate) struct Opened {
    /// One for each queue that is served.
    pub(crate) queues: Vec<Queue>,
    pub(crate) keeper: Keeper,
}

/// What one thread serves.
pub(crate) struct Queue {
    socket: XdpSocket,
    /// For logs.
    name: String,
    /// What fits into one packet of the interface.
    pub(crate) payload_max: u16,
}

/// Opens all interfaces of the settings, for what is sent to `listen`.
///
/// # Errors
///
/// Naming the interface, what failed, and what it needs.
pub(crate) fn open(settings: &XdpSettings, listen: &[SocketAddr], payload_max: u16) -> io::Result<Vec<Opened>> {
    let of_interface = |name: &String| {
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("cannot use AF_XDP on interface {name}: {error}"));
        open_interface(settings, name, listen, payload_max).map_err(failed)
    };
    settings.interfaces.iter().map(of_interface).collect()
}

fn open_interface(settings: &XdpSettings, name: &str, listen: &[SocketAddr], payload_max: u16) -> io::Result<Opened> {
    let interface = Interface::find(name)?;
    let unsupported = |reason: String| io::Error::new(ErrorKind::Unsupported, reason);
    let frame_octets = socket::frame_octets(interface.mtu)
        .ok_or_else(|| unsupported(format!("its MTU of {} is too large for a frame", interface.mtu)))?;
    let fitting = interface.mtu.saturating_sub(IP_HEADERS);
    if fitting < UDP_PAYLOAD_MIN.into() {
        return Err(unsupported(format!("its MTU of {} is too small for DNS", interface.mtu)));
    }
    if listen.iter().all(|address| address.ip().is_loopback()) {
        return Err(unsupported("all addresses listened on are loopback's".to_owned()));
    }
    let queues = match settings.queues {
        0 => interface.queues,
        queues if queues <= interface.queues as usize => queues as u32,
        queues => return Err(unsupported(format!("it has {} receive queues, not {queues}", interface.queues))),
    };
    let addresses = AddressMap::new().map_err(rights("a map for its addresses cannot be made"))?;
    let by_queue = SocketMap::new(queues).map_err(rights("a map for its sockets cannot be made"))?;
    let instructions = program::picking(interface.mac, &addresses, &by_queue);
    let program = Program::load(&instructions).map_err(rights("the program cannot be loaded"))?;
    // First the program, whose maps are empty still: some drivers make the queues anew for it.
    let (link, attachment) = attach(&program, &interface, settings.mode)?;
    let copying = if attachment == Attachment::Generic { ZeroCopy::Never } else { settings.zero_copy };
    let payload_max = payload_max.min(fitting as u16);
    let mut sockets = Vec::new();
    let mut watched = Vec::new();
    for queue in 0..queues {
        let failed = |error: io::Error| io::Error::new(error.kind(), format!("queue {queue}: {error}"));
        let socket = XdpSocket::open(interface.index, queue, frame_octets, copying).map_err(failed)?;
        watched.push(socket.as_fd().try_clone_to_owned()?);
        sockets.push(Queue { socket, name: format!("{name} queue {queue}"), payload_max });
    }
    tracing::info!(
        interface = name,
        queues,
        mode = if attachment == Attachment::Native { "native" } else { "generic" },
        zero_copy = sockets.iter().all(|queue| queue.socket.is_zero_copy()),
        payload_max,
        "AF_XDP"
    );
    let keeper = Keeper::new(name, listen, addresses, link, watched)?;
    for (queue, served) in (0..).zip(&sockets) {
        by_queue.insert(queue, &served.socket)?;
    }
    Ok(Opened { queues: sockets, keeper })
}

fn attach(program: &Program, interface: &Interface, mode: XdpMode) -> io::Result<(Link, Attachment)> {
    let to = |how| program.attach(interface.index, how).map(|link| (link, how));
    let attached = match mode {
        XdpMode::Native => to(Attachment::Native),
        XdpMode::Generic => to(Attachment::Generic),
        XdpMode::Auto => match to(Attachment::Native) {
            // Where another program is, neither has room.
            Err(error) if error.raw_os_error() != Some(libc::EBUSY) => {
                tracing::warn!(interface = interface.name, %error, "its driver takes no XDP program: generic mode, which is slower");
                to(Attachment::Generic)
            }
            other => other,
        },
    };
    attached.map_err(|error| match error.raw_os_error() {
        Some(libc::EBUSY) => io::Error::new(error.kind(), format!("another XDP program is attached to it: {error}")),
        _ => rights("the program cannot be attached")(error),
    })
}

/// Puts before an error what was tried, and says which rights are missing.
fn rights(what: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| match error.raw_os_error() {
        Some(libc::EPERM) => {
            io::Error::new(error.kind(), format!("{what} (it needs CAP_BPF and CAP_NET_ADMIN): {error}"))
        }
        _ => io::Error::new(error.kind(), format!("{what}: {error}")),
    }
}
