//! Ethernet frames on the link between two hosts, sent and read as they are on the wire: what a kernel would neither send nor show.

use crate::link::Link;
use crate::process::run;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

/// Sends all frames, then prints what comes from UDP port 53 until all message IDs that are waited for have come.
const EXCHANGE: &str = r#"
import socket, sys
wanted = set(int(word) for word in sys.argv[2:])
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(("client", 0))
link.settimeout(20)
for line in open(sys.argv[1]).read().split():
    link.send(bytes.fromhex(line))
while wanted:
    frame, source = link.recvfrom(65535)
    if source[2] == socket.PACKET_OUTGOING:
        continue
    ip = frame[14:]
    if frame[12:14] == b"\x08\x00":
        protocol, udp = ip[9], ip[(ip[0] & 15) * 4:]
    elif frame[12:14] == b"\x86\xdd":
        protocol, udp = ip[6], ip[40:]
    else:
        continue
    if protocol == 17 and udp[:2] == b"\x00\x35":
        wanted.discard(int.from_bytes(udp[8:10], "big"))
        print(frame.hex())
"#;

/// Asks over UDP, one query after the other.
const ASK: &str = r#"
import socket, sys
asker = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, socket.SOCK_DGRAM)
asker.connect((sys.argv[2], 53))
asker.settimeout(20)
for line in open(sys.argv[1]).read().split():
    asker.send(bytes.fromhex(line))
    print(asker.recv(65535).hex())
"#;

/// One end of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// On the link.
    pub mac: [u8; 6],
    /// In its packet.
    pub address: SocketAddr,
}

/// The MAC of the interface of one host of the link, `server` or `client`.
///
/// # Panics
///
/// When there is no such interface.
pub fn mac(link: &Link, host: &str) -> [u8; 6] {
    let mut show = Command::new("ip");
    show.args(["-o", "link", "show", "dev", host]);
    let printed = run(&mut if host == "server" { link.on_server(&show) } else { link.on_client(&show) });
    let text = printed.split_whitespace().skip_while(|word| *word != "link/ether").nth(1).expect("Ethernet has a MAC");
    let octets = text.split(':').map(|octet| u8::from_str_radix(octet, 16).expect("hex"));
    octets.collect::<Vec<u8>>().try_into().expect("six octets")
}

/// Sends frames from the client's interface as they are; returns those from UDP port 53 that came until replies with all of `ids` had.
///
/// # Panics
///
/// When they do not come.
pub fn exchange(link: &Link, frames: &[Vec<u8>], ids: &[u16]) -> Vec<Vec<u8>> {
    let mut python = Command::new("python3");
    python.args(["-c", EXCHANGE]).arg(written(link, frames)).args(ids.iter().map(u16::to_string));
    read(&mut link.on_client(&python))
}

/// Replies of the server's own host to queries over UDP.
///
/// # Panics
///
/// When there is none.
pub fn ask_on_server(link: &Link, server: IpAddr, queries: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut python = Command::new("python3");
    python.args(["-c", ASK]).arg(written(link, queries)).arg(server.to_string());
    read(&mut link.on_server(&python))
}

/// A file of octets in hex, a line each.
fn written(link: &Link, lines: &[Vec<u8>]) -> PathBuf {
    let path = link.folder().join("lines");
    let text: String = lines.iter().map(|octets| data_encoding::HEXLOWER.encode(octets) + "\n").collect();
    std::fs::write(&path, text).expect("the folder is ours");
    path
}

/// What a program prints in the same way.
fn read(command: &mut Command) -> Vec<Vec<u8>> {
    let printed = run(command);
    printed.lines().map(|line| data_encoding::HEXLOWER.decode(line.as_bytes()).expect("hex")).collect()
}

/// A frame with one datagram, all lengths and checksums right.
pub fn frame(from: End, to: End, payload: &[u8]) -> Vec<u8> {
    frame_with(from, to, payload, &[])
}

/// The same, with IPv4 options or IPv6 extension headers, which begin with the number of the next one's protocol; the last one's is UDP.
///
/// # Panics
///
/// When the ends are of two families.
pub fn frame_with(from: End, to: End, payload: &[u8], more: &[u8]) -> Vec<u8> {
    let mut udp = [from.address.port().to_be_bytes(), to.address.port().to_be_bytes()].concat();
    udp.extend(((8 + payload.len()) as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    let mut frame = [to.mac, from.mac].concat();
    let (addresses, ip) = match (from.address.ip(), to.address.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let addresses = [from.octets(), to.octets()].concat();
            let mut ip = vec![0x45 + (more.len() / 4) as u8, 0];
            ip.extend(((20 + more.len() + udp.len()) as u16).to_be_bytes());
            ip.extend([0, 1, 0x40, 0, 64, 17, 0, 0]);
            ip.extend(&addresses);
            ip.extend(more);
            let header_sum = !sum(&ip);
            ip[10..12].copy_from_slice(&header_sum.to_be_bytes());
            frame.extend([0x08, 0x00]);
            (addresses, ip)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let addresses = [from.octets(), to.octets()].concat();
            let mut ip = vec![0x60, 0, 0, 0];
            ip.extend(((more.len() + udp.len()) as u16).to_be_bytes());
            // Destination options are the one extension header that tests use.
            ip.extend([if more.is_empty() { 17 } else { 60 }, 64]);
            ip.extend(&addresses);
            ip.extend(more);
            frame.extend([0x86, 0xdd]);
            (addresses, ip)
        }
        _ => panic!("{} and {}", from.address, to.address),
    };
    let sum = !udp_sum(&addresses, &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    [frame, ip, udp].concat()
}

/// The payload of a frame from one end to another, every header field and checksum of which is as it has to be.
///
/// # Panics
///
/// When one is not.
pub fn open(frame: &[u8], from: End, to: End) -> Vec<u8> {
    assert_eq!(frame[..12], [to.mac, from.mac].concat());
    let (ip, rest) = frame[14..].split_at(if from.address.is_ipv4() { 20 } else { 40 });
    let (length, addresses, hops) = match (from.address.ip(), to.address.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            assert_eq!(frame[12..15], [0x08, 0x00, 0x45], "{frame:x?}");
            assert_eq!(sum(ip), u16::MAX, "the header's checksum: {frame:x?}");
            assert_eq!((&ip[6..8], ip[9]), (&[0, 0][..], 17), "no flags, no fragment, UDP");
            assert_eq!(ip[12..], [from.octets(), to.octets()].concat());
            (usize::from(u16::from_be_bytes([ip[2], ip[3]])) - 20, &ip[12..], ip[8])
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            assert_eq!(frame[12..15], [0x86, 0xdd, 0x60], "{frame:x?}");
            assert_eq!(ip[6], 17);
            assert_eq!(ip[8..], [from.octets(), to.octets()].concat());
            (usize::from(u16::from_be_bytes([ip[4], ip[5]])), &ip[8..], ip[7])
        }
        _ => panic!("{} and {}", from.address, to.address),
    };
    assert_eq!(hops, 64);
    let (udp, filling) = rest.split_at(length);
    assert!(filling.iter().all(|octet| *octet == 0) && (filling.is_empty() || frame.len() == 60), "{frame:x?}");
    let ports = [from.address.port().to_be_bytes(), to.address.port().to_be_bytes()].concat();
    assert_eq!(udp[..4], ports);
    assert_eq!(usize::from(u16::from_be_bytes([udp[4], udp[5]])), length);
    assert_eq!(udp_sum(addresses, udp), u16::MAX, "UDP's checksum: {frame:x?}");
    udp[8..].to_vec()
}

/// Makes the checksum of an IPv4 header right again.
pub fn renew_ip_sum(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let sum = !sum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// RFC 768 and RFC 8200 section 8.1.
fn udp_sum(addresses: &[u8], udp: &[u8]) -> u16 {
    sum(&[addresses, &(udp.len() as u32).to_be_bytes(), &[0, 0, 0, 17], udp].concat())
}

/// RFC 1071.
fn sum(octets: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    octets.chunks(2).map(word).fold(0, |sum, word| (sum + word) % 0x1_0000 + (sum + word) / 0x1_0000) as u16
}
