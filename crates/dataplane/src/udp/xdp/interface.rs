//! What is to be known of a network interface.

use std::ffi::{CStr, CString};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::{mem, ptr};

/// `ETHTOOL_GCHANNELS` and its structure (include/uapi/linux/ethtool.h).
const GCHANNELS: u32 = 0x3c;

#[derive(Default)]
#[repr(C)]
struct Channels {
    command: u32,
    max: [u32; 4],
    receive: u32,
    transmit: u32,
    other: u32,
    combined: u32,
}

/// An interface as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) mac: [u8; 6],
    pub(super) mtu: usize,
    /// Receive queues in use.
    pub(super) queues: u32,
}

impl Interface {
    pub(super) fn find(name: &str) -> io::Result<Interface> {
        let text = CString::new(name).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        // SAFETY: the text ends with a zero and lives through the call.
        let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
        if index == 0 {
            return Err(io::Error::new(ErrorKind::NotFound, "there is no such interface"));
        }
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?.into();
        let request = ask(&socket, &text, libc::SIOCGIFHWADDR)?;
        // SAFETY: the kernel has written a socket address.
        let address = unsafe { request.ifr_ifru.ifru_hwaddr };
        if address.sa_family != libc::ARPHRD_ETHER {
            return Err(io::Error::new(ErrorKind::Unsupported, "it is no Ethernet"));
        }
        let mut mac = [0; 6];
        mac.iter_mut().zip(address.sa_data).for_each(|(to, from)| *to = from as u8);
        let request = ask(&socket, &text, libc::SIOCGIFMTU)?;
        // SAFETY: the kernel has written an integer.
        let mtu = unsafe { request.ifr_ifru.ifru_mtu };
        let queues = queues(&socket, &text);
        Ok(Interface { name: name.to_owned(), index, mac, mtu: mtu.try_into().unwrap_or(0), queues })
    }
}

fn request_for(name: &CStr) -> io::Result<libc::ifreq> {
    // SAFETY: integers, arrays and a pointer, for all of which zero octets are a valid value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let octets = name.to_bytes_with_nul();
    if octets.len() > request.ifr_name.len() {
        return Err(ErrorKind::InvalidInput.into());
    }
    request.ifr_name.iter_mut().zip(octets).for_each(|(to, from)| *to = *from as libc::c_char);
    Ok(request)
}

/// One of the requests that fill in a fixed part of `ifreq`.
fn ask(socket: &OwnedFd, name: &CStr, what: libc::c_ulong) -> io::Result<libc::ifreq> {
    let mut request = request_for(name)?;
    // SAFETY: the request is valid and ours, and the two requests that come here write into it alone.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), what as libc::Ioctl, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(request) }
}

/// Drivers with one queue often cannot be asked.
fn queues(socket: &OwnedFd, name: &CStr) -> u32 {
    let Ok(mut request) = request_for(name) else { return 1 };
    let mut channels = Channels { command: GCHANNELS, ..Channels::default() };
    request.ifr_ifru.ifru_data = (&raw mut channels).cast();
    // SAFETY: `ifru_data` points to the structure of the command that it begins with, which lives through the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as libc::Ioctl, &raw mut request) };
    if result < 0 { 1 } else { (channels.combined + channels.receive).max(1) }
}

/// An address of this host, and the interface it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalAddress {
    pub(super) ip: IpAddr,
    pub(super) interface: String,
}

/// All addresses of this host, now.
pub(super) fn local_addresses() -> io::Result<Vec<LocalAddress>> {
    let mut first = ptr::null_mut();
    // SAFETY: the call writes one pointer, to a list that is ours until it is freed.
    if unsafe { libc::getifaddrs(&raw mut first) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: it is an entry of the list, which is not changed until it is freed.
        let entry = unsafe { &*next };
        next = entry.ifa_next;
        // SAFETY: the address is null or of the family that it says; the name ends with a zero.
        unsafe {
            if let Some(ip) = ip_of(entry.ifa_addr) {
                let interface = CStr::from_ptr(entry.ifa_name).to_string_lossy().into_owned();
                found.push(LocalAddress { ip, interface });
            }
        }
    }
    // SAFETY: it came from `getifaddrs` and is freed once.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

/// # Safety
///
/// `address` must be null, or point to a socket address of the family that it says.
unsafe fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: the caller's promise. It may be unaligned for its own type, so it is read as such.
    unsafe {
        match libc::c_int::from((*address).sa_family) {
            libc::AF_INET => {
                let address = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
            }
            libc::AF_INET6 => {
                let address = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_its_addresses_and_is_no_ethernet() {
        let addresses = local_addresses().unwrap();
        assert!(addresses.contains(&LocalAddress { ip: Ipv4Addr::LOCALHOST.into(), interface: "lo".into() }));
        assert_eq!(Interface::find("lo").unwrap_err().to_string(), "it is no Ethernet");
    }

    #[test]
    fn names_of_no_interface_are_refused() {
        for name in ["", "no-such-one", "a name that is longer than any", "nul\0"] {
            assert!(Interface::find(name).is_err(), "{name:?}");
        }
    }
}
