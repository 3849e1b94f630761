//! The PROXY protocol, version 2: what a load balancer puts before a message or a connection to say who its client is.
//!
//! The binary format is that of HAProxy's `proxy-protocol.txt`, section 2.2. Only addresses are read; extensions (TLVs) are skipped.

use crate::counters::Counter;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use tokio::io::{AsyncRead, AsyncReadExt};
use wire::Network;

/// What every header begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED_OCTETS: usize = SIGNATURE.len() + 4;

/// Bounds of the longest header that is taken; the upper one is what its length can say.
pub(crate) const HEADER_OCTETS: RangeInclusive<usize> = FIXED_OCTETS..=FIXED_OCTETS + u16::MAX as usize;

/// From whom headers are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    /// Sources that have to send a header, and the only ones that may. Default: none.
    pub from: Vec<Network>,
    /// The longest header in octets, 16 to 65,551. Default 512.
    pub header_octets_max: usize,
}

impl Default for Proxies {
    fn default() -> Proxies {
        Proxies { from: Vec::new(), header_octets_max: 512 }
    }
}

impl Proxies {
    /// Whether `peer` has to send a header.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.from.iter().any(|network| network.contains(peer))
    }

    /// Takes the header off a datagram from `peer`. Returns the client and its message.
    pub(crate) fn unwrap<'d>(&self, datagram: &'d [u8], peer: IpAddr) -> Result<(IpAddr, &'d [u8]), Unwrapped> {
        if !self.is_proxy(peer) {
            return if is_header(datagram) { Err(Unwrapped::Refused) } else { Ok((peer, datagram)) };
        }
        let header = parse(datagram).map_err(|_| Unwrapped::Invalid)?;
        if header.octets > self.header_octets_max {
            return Err(Unwrapped::Invalid);
        }
        Ok((header.client.unwrap_or(peer), &datagram[header.octets..]))
    }
}

/// Why a datagram is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwrapped {
    /// From a proxy, and without a valid header.
    Invalid,
    /// With a header, and not from a proxy.
    Refused,
}

impl Unwrapped {
    pub(crate) fn counter(self) -> Counter {
        match self {
            Unwrapped::Invalid => Counter::ProxyHeaderInvalid,
            Unwrapped::Refused => Counter::ProxyHeaderRefused,
        }
    }
}

/// A header that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The client; `None`: the proxy speaks for itself (a health check), or the client has no IP address.
    pub client: Option<IpAddr>,
    /// The header's length, extensions included.
    pub octets: usize,
}

/// What is not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a PROXY header of version 2")
    }
}

impl std::error::Error for Malformed {}

/// Whether `octets` begin as a header does, and no DNS message: as one this would be an inverse query with data in a section.
pub(crate) fn is_header(octets: &[u8]) -> bool {
    octets.starts_with(&SIGNATURE)
}

/// Reads the header that `octets` begin with.
///
/// # Errors
///
/// [`Malformed`]: another signature, version or command, or shorter than it says or than its addresses are.
pub fn parse(octets: &[u8]) -> Result<Header, Malformed> {
    let (fixed, rest) = octets.split_first_chunk::<FIXED_OCTETS>().ok_or(Malformed)?;
    let (command, length) = parse_fixed(fixed)?;
    let body = rest.get(..length).ok_or(Malformed)?;
    Ok(Header { client: parse_client(command, body)?, octets: FIXED_OCTETS + length })
}

/// What the fixed part says of the rest.
#[derive(Clone, Copy)]
enum Command {
    /// The proxy's own connection; addresses do not count.
    Local,
    /// On behalf of a client of this address family.
    Proxy(u8),
}

fn parse_fixed(fixed: &[u8; FIXED_OCTETS]) -> Result<(Command, usize), Malformed> {
    let [.., version_and_command, family, high, low] = *fixed;
    let command = match version_and_command {
        _ if !is_header(fixed) => return Err(Malformed),
        0x20 => Command::Local,
        0x21 => Command::Proxy(family >> 4),
        _ => return Err(Malformed),
    };
    Ok((command, usize::from(u16::from_be_bytes([high, low]))))
}

fn parse_client(command: Command, body: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    // Source address, destination address, both ports.
    match command {
        Command::Proxy(1) => {
            let addresses = body.first_chunk::<12>().ok_or(Malformed)?;
            let [a, b, c, d, ..] = *addresses;
            Ok(Some(Ipv4Addr::new(a, b, c, d).into()))
        }
        Command::Proxy(2) => {
            let addresses = body.first_chunk::<36>().ok_or(Malformed)?;
            let source: [u8; 16] = *addresses.first_chunk().expect("16 of 36");
            Ok(Some(IpAddr::V6(Ipv6Addr::from(source)).to_canonical()))
        }
        // 0: unknown, 3: a Unix socket, both of which the proxy may send and neither of which has an address for us.
        Command::Proxy(0 | 3) | Command::Local => Ok(None),
        Command::Proxy(_) => Err(Malformed),
    }
}

/// Reads a header off a stream and nothing of what follows it.
pub(crate) async fn read_header<S: AsyncRead + Unpin>(stream: &mut S, octets_max: usize) -> io::Result<Header> {
    let invalid = |_: Malformed| io::Error::from(ErrorKind::InvalidData);
    let mut fixed = [0; FIXED_OCTETS];
    stream.read_exact(&mut fixed).await?;
    let (command, length) = parse_fixed(&fixed).map_err(invalid)?;
    let octets = FIXED_OCTETS + length;
    if octets > octets_max {
        return Err(invalid(Malformed));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Header { client: parse_client(command, &body).map_err(invalid)?, octets })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    fn v4(client: [u8; 4]) -> Vec<u8> {
        header(0x21, 0x12, &[&client[..], &[192, 0, 2, 53, 0x12, 0x34, 0, 53]].concat())
    }

    fn client(octets: &[u8]) -> Result<Option<IpAddr>, Malformed> {
        parse(octets).map(|header| header.client)
    }

    #[test]
    fn clients_of_both_families_are_read_and_extensions_skipped() {
        assert_eq!(client(&v4([198, 51, 100, 7])), Ok(Some("198.51.100.7".parse().unwrap())));
        let mut body = [0; 36 + 5];
        body[..16].copy_from_slice(&"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
        let octets = [header(0x21, 0x21, &body), b"message".to_vec()].concat();
        let read = parse(&octets).unwrap();
        assert_eq!(read, Header { client: Some("2001:db8::7".parse().unwrap()), octets: 16 + 41 });
        body[..16].copy_from_slice(&Ipv4Addr::new(198, 51, 100, 7).to_ipv6_mapped().octets());
        assert_eq!(client(&header(0x21, 0x21, &body)), Ok(Some("198.51.100.7".parse().unwrap())));
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_names_no_client() {
        assert_eq!(client(&header(0x20, 0, b"")), Ok(None));
        assert_eq!(client(&header(0x20, 0x11, &[1; 12])), Ok(None));
        assert_eq!(client(&header(0x21, 0, b"")), Ok(None));
        assert_eq!(client(&header(0x21, 0x31, &[0; 216])), Ok(None));
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_malformed() {
        let whole = v4([198, 51, 100, 7]);
        for length in 0..whole.len() {
            assert_eq!(client(&whole[..length]), Err(Malformed), "{length}");
        }
        assert_eq!(client(&header(0x21, 0x11, &[1; 11])), Err(Malformed));
        assert_eq!(client(&header(0x21, 0x21, &[1; 35])), Err(Malformed));
        assert_eq!(client(&header(0x11, 0x11, &[1; 12])), Err(Malformed));
        assert_eq!(client(&header(0x22, 0x11, &[1; 12])), Err(Malformed));
        assert_eq!(client(&header(0x21, 0x41, &[1; 12])), Err(Malformed));
    }

    #[test]
    fn only_proxies_may_send_a_header_and_they_must() {
        let proxies = Proxies { from: vec!["192.0.2.0/24".parse().unwrap()], header_octets_max: 30 };
        let (proxy, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 3, 1]));
        let wrapped = [v4([198, 51, 100, 7]), b"query".to_vec()].concat();
        let named = IpAddr::from([198, 51, 100, 7]);
        assert_eq!(proxies.unwrap(&wrapped, proxy), Ok((named, &b"query"[..])));
        assert_eq!(proxies.unwrap(&wrapped, other), Err(Unwrapped::Refused));
        assert_eq!(proxies.unwrap(b"query", proxy), Err(Unwrapped::Invalid));
        assert_eq!(proxies.unwrap(b"query", other), Ok((other, &b"query"[..])));
        assert_eq!(proxies.unwrap(&header(0x20, 0, &[0; 15]), proxy), Err(Unwrapped::Invalid), "longer than allowed");
        assert_eq!(proxies.unwrap(&header(0x20, 0, &[0; 14]), proxy), Ok((proxy, &b""[..])));
    }

    #[tokio::test]
    async fn from_a_stream_the_header_alone_is_read() {
        let octets = [v4([198, 51, 100, 7]), b"rest".to_vec()].concat();
        let mut stream = &octets[..];
        let read = read_header(&mut stream, 512).await.unwrap();
        assert_eq!((read.client, stream), (Some(IpAddr::from([198, 51, 100, 7])), &b"rest"[..]));
        assert!(read_header(&mut &octets[..], 27).await.is_err(), "longer than allowed");
        assert!(read_header(&mut &octets[..27], 512).await.is_err(), "cut short");
    }
}
