//! One datagram in its Ethernet frame: taken apart, and headers made for the reply.
//!
//! What comes here the kernel has not looked at, so that everything its stack would check is checked here.

use super::program::{V4_HEADERS, V6_HEADERS};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
const UDP: usize = 8;
/// Shorter frames are filled up (IEEE 802.3: 64 octets with the check sequence); not every driver does it.
const FRAME_OCTETS_MIN: usize = 60;
/// What Linux starts with unless told otherwise.
const HOPS: u8 = 64;
const PROTOCOL_UDP: u8 = 17;

/// A datagram that was received, and its headers for the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received<'f> {
    /// All before the payload.
    headers: &'f [u8],
    /// The payload.
    pub(super) datagram: &'f [u8],
    /// Who sent it.
    pub(super) source: SocketAddr,
}

/// Why a frame is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Shorter than it says, or not what the program picks.
    Malformed,
    /// A checksum is wrong.
    Checksum,
    /// No host has this address.
    Source,
}

impl Received<'_> {
    /// Takes a frame apart. Octets after the datagram are left out: short frames are filled up, and IP may have more than UDP wants
    /// (RFC 9868).
    pub(super) fn parse(frame: &[u8]) -> Result<Received<'_>, Unusable> {
        match frame.get(12..ETHERNET) {
            Some([0x08, 0x00]) => parse_v4(frame),
            Some([0x86, 0xdd]) => parse_v6(frame),
            _ => Err(Unusable::Malformed),
        }
    }

    /// Octets before the reply's payload.
    pub(super) fn reply_headers(&self) -> usize {
        self.headers.len()
    }

    /// Writes the headers of the reply around its payload, which stands in `frame` after [`Received::reply_headers`] octets; back to the
    /// MAC and address it came from. `identification` is for IPv4. Returns the frame's length.
    pub(super) fn finish_reply(&self, frame: &mut [u8], payload: usize, identification: u16) -> usize {
        let octets = self.headers.len() + payload;
        let (headers, rest) = frame.split_at_mut(self.headers.len());
        headers[..6].copy_from_slice(&self.headers[6..12]);
        headers[6..12].copy_from_slice(&self.headers[..6]);
        headers[12..ETHERNET].copy_from_slice(&self.headers[12..ETHERNET]);
        let (ip, udp) = headers[ETHERNET..].split_at_mut(self.headers.len() - ETHERNET - UDP);
        let (old_ip, old_udp) = self.headers[ETHERNET..].split_at(ip.len());
        let length = ((UDP + payload) as u16).to_be_bytes();
        if self.source.is_ipv4() {
            // As the kernel sends from our sockets: neither marked nor held together, so that a narrow path fragments it rather than
            // losing it.
            ip[..4].copy_from_slice(&[0x45, 0, 0, 0]);
            ip[2..4].copy_from_slice(&((IPV4 + UDP + payload) as u16).to_be_bytes());
            ip[4..6].copy_from_slice(&identification.to_be_bytes());
            ip[6..12].copy_from_slice(&[0, 0, HOPS, PROTOCOL_UDP, 0, 0]);
            ip[12..16].copy_from_slice(&old_ip[16..20]);
            ip[16..20].copy_from_slice(&old_ip[12..16]);
            let checksum = !fold(sum(ip));
            ip[10..12].copy_from_slice(&checksum.to_ne_bytes());
        } else {
            ip[..4].copy_from_slice(&[0x60, 0, 0, 0]);
            ip[4..6].copy_from_slice(&length);
            ip[6..8].copy_from_slice(&[PROTOCOL_UDP, HOPS]);
            ip[8..24].copy_from_slice(&old_ip[24..40]);
            ip[24..40].copy_from_slice(&old_ip[8..24]);
        }
        udp[..2].copy_from_slice(&old_udp[2..4]);
        udp[2..4].copy_from_slice(&old_udp[..2]);
        udp[4..6].copy_from_slice(&length);
        udp[6..].copy_from_slice(&[0, 0]);
        let total = pseudo_header(addresses(ip), length) + sum(udp) + sum(&rest[..payload]);
        // Zero would say that there is none (RFC 768).
        let checksum = match !fold(total) {
            0 => u16::MAX,
            checksum => checksum,
        };
        udp[6..].copy_from_slice(&checksum.to_ne_bytes());
        if octets >= FRAME_OCTETS_MIN {
            return octets;
        }
        rest[payload..FRAME_OCTETS_MIN - self.headers.len()].fill(0);
        FRAME_OCTETS_MIN
    }
}

/// The two addresses of an IP header.
fn addresses(ip: &[u8]) -> &[u8] {
    if ip.len() == IPV4 { &ip[12..20] } else { &ip[8..40] }
}

fn parse_v4(frame: &[u8]) -> Result<Received<'_>, Unusable> {
    let headers = frame.get(..V4_HEADERS).ok_or(Unusable::Malformed)?;
    let ip = &headers[ETHERNET..ETHERNET + IPV4];
    let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    if ip[0] != 0x45 || ip[9] != PROTOCOL_UDP || u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0 {
        return Err(Unusable::Malformed);
    }
    if fold(sum(ip)) != u16::MAX {
        return Err(Unusable::Checksum);
    }
    let udp = frame[ETHERNET..].get(IPV4..length).ok_or(Unusable::Malformed)?;
    let address = Ipv4Addr::from([ip[12], ip[13], ip[14], ip[15]]);
    // RFC 1122 section 3.2.1.3.
    if address.octets()[0] == 0 || address.is_loopback() || address.octets()[0] >= 224 {
        return Err(Unusable::Source);
    }
    parse_udp(headers, udp, address.into())
}

fn parse_v6(frame: &[u8]) -> Result<Received<'_>, Unusable> {
    let headers = frame.get(..V6_HEADERS).ok_or(Unusable::Malformed)?;
    let ip = &headers[ETHERNET..ETHERNET + IPV6];
    let length = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    if ip[0] >> 4 != 6 || ip[6] != PROTOCOL_UDP {
        return Err(Unusable::Malformed);
    }
    let udp = frame[ETHERNET + IPV6..].get(..length).ok_or(Unusable::Malformed)?;
    let address = Ipv6Addr::from(<[u8; 16]>::try_from(&ip[8..24]).expect("16 octets"));
    // RFC 4291 sections 2.5.2, 2.5.3 and 2.7; mapped ones would pass for IPv4 in lists of networks.
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() || address.to_ipv4_mapped().is_some()
    {
        return Err(Unusable::Source);
    }
    parse_udp(headers, udp, address.into())
}

/// `rest` is what IP has after its header, which `headers` reaches into.
fn parse_udp<'f>(headers: &'f [u8], rest: &'f [u8], address: IpAddr) -> Result<Received<'f>, Unusable> {
    let header = rest.get(..UDP).ok_or(Unusable::Malformed)?;
    let length = [header[4], header[5]];
    let udp = rest.get(..u16::from_be_bytes(length).into()).ok_or(Unusable::Malformed)?;
    let datagram = udp.get(UDP..).ok_or(Unusable::Malformed)?;
    let ip = &headers[ETHERNET..headers.len() - UDP];
    match u16::from_ne_bytes([header[6], header[7]]) {
        // None was made, which IPv6 does not allow (RFC 8200 section 8.1).
        0 if address.is_ipv4() => {}
        0 => return Err(Unusable::Checksum),
        checksum => {
            let pseudo = pseudo_header(addresses(ip), length);
            // Between virtual machines and namespaces the sender leaves it to hardware that is not there: then the field has the sum of
            // the pseudo-header alone.
            if fold(pseudo + sum(udp)) != u16::MAX && checksum != fold(pseudo) {
                return Err(Unusable::Checksum);
            }
        }
    }
    let source = SocketAddr::new(address, u16::from_be_bytes([header[0], header[1]]));
    Ok(Received { headers, datagram, source })
}

/// The sum of the pseudo-header (RFC 768, RFC 8200 section 8.1). Zeros do not count, so that it is the same for both families.
fn pseudo_header(addresses: &[u8], length: [u8; 2]) -> u64 {
    sum(addresses) + sum(&length) + u64::from(u16::from_ne_bytes([0, PROTOCOL_UDP]))
}

/// The sum of 16-bit words, in whatever byte order the machine has (RFC 1071 section 2 B), not folded yet.
fn sum(octets: &[u8]) -> u64 {
    let (words, rest) = octets.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).map(|word| u64::from(u32::from_ne_bytes(*word))).sum()
}

/// Carries added until 16 bits are left.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071 section 4.1, word by word.
    fn checksum(octets: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in octets.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn udp_checksum(source: IpAddr, destination: IpAddr, udp: &[u8]) -> u16 {
        let mut all = Vec::new();
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => all.extend(address.octets()),
                IpAddr::V6(address) => all.extend(address.octets()),
            }
        }
        all.extend((udp.len() as u32).to_be_bytes());
        all.extend([0, 0, 0, 17]);
        all.extend(udp);
        checksum(&all)
    }

    const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

    /// A frame with all lengths and checksums right.
    pub(in super::super) fn frame(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
        let mut udp = Vec::new();
        udp.extend(source.port().to_be_bytes());
        udp.extend(destination.port().to_be_bytes());
        udp.extend(((8 + payload.len()) as u16).to_be_bytes());
        udp.extend([0, 0]);
        udp.extend(payload);
        let sum = match udp_checksum(source.ip(), destination.ip(), &udp) {
            0 => u16::MAX,
            sum => sum,
        };
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        let mut frame = [SERVER_MAC, CLIENT_MAC].concat();
        match (source.ip(), destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut ip = vec![0x45, 0];
                ip.extend(((20 + udp.len()) as u16).to_be_bytes());
                ip.extend([0, 7, 0x40, 0, 55, 17, 0, 0]);
                ip.extend(source.octets());
                ip.extend(destination.octets());
                let sum = checksum(&ip);
                ip[10..12].copy_from_slice(&sum.to_be_bytes());
                frame.extend([8, 0]);
                frame.extend(ip);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend([0x86, 0xdd, 0x60, 1, 2, 3]);
                frame.extend((udp.len() as u16).to_be_bytes());
                frame.extend([17, 55]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            _ => panic!("one family"),
        }
        frame.extend(udp);
        frame
    }

    fn ends(is_v4: bool) -> (SocketAddr, SocketAddr) {
        if is_v4 {
            ("192.0.2.7:40000".parse().unwrap(), "192.0.2.53:53".parse().unwrap())
        } else {
            ("[2001:db8::7]:40000".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap())
        }
    }

    fn parsed(frame: &[u8]) -> Result<(Vec<u8>, SocketAddr), Unusable> {
        Received::parse(frame).map(|received| (received.datagram.to_vec(), received.source))
    }

    proptest! {
        #[test]
        fn a_reply_is_a_frame_that_the_client_reads_with_all_checksums_right(
            is_v4: bool,
            query in prop::collection::vec(any::<u8>(), 0..100),
            reply in prop::collection::vec(any::<u8>(), 0..1300),
            identification: u16,
        ) {
            let (client, server) = ends(is_v4);
            let asked = frame(client, server, &query);
            let received = Received::parse(&asked).unwrap();
            prop_assert_eq!((received.datagram, received.source), (&query[..], client));
            let mut buffer = vec![0xaa; 2048];
            let start = received.reply_headers();
            buffer[start..start + reply.len()].copy_from_slice(&reply);
            let octets = received.finish_reply(&mut buffer, reply.len(), identification);
            let sent = &buffer[..octets];
            prop_assert_eq!(octets, (start + reply.len()).max(60));
            // Made by the other way, but for what differs on purpose.
            let mut wanted = frame(server, client, &reply);
            wanted[..6].copy_from_slice(&CLIENT_MAC);
            wanted[6..12].copy_from_slice(&SERVER_MAC);
            if is_v4 {
                wanted[18..20].copy_from_slice(&identification.to_be_bytes());
                wanted[20..22].copy_from_slice(&[0, 0]);
                wanted[22] = 64;
                wanted[24..26].copy_from_slice(&[0, 0]);
                let sum = checksum(&wanted[14..34]);
                wanted[24..26].copy_from_slice(&sum.to_be_bytes());
            } else {
                wanted[15..18].copy_from_slice(&[0, 0, 0]);
                wanted[21] = 64;
            }
            wanted.resize(octets, 0);
            prop_assert_eq!(sent, &wanted[..]);
            prop_assert_eq!(parsed(sent), Ok((reply, server)));
        }

        #[test]
        fn octets_of_any_kind_are_taken_apart_or_refused(octets in prop::collection::vec(any::<u8>(), 0..120)) {
            let _: Result<_, _> = parsed(&octets);
        }

        #[test]
        fn a_changed_frame_is_refused_or_says_the_same(
            is_v4: bool,
            at in 0_usize..82,
            bits in 1_u8..,
            length in 0_usize..100,
        ) {
            let (client, server) = ends(is_v4);
            let query = [0x5a; 20];
            let mut changed = frame(client, server, &query);
            if let Some(octet) = changed.get_mut(at) {
                *octet ^= bits;
            }
            changed.resize(length, 0);
            // MACs, and of IPv6 traffic class, flow label and hop limit, are under no checksum.
            if let Ok(found) = parsed(&changed) {
                prop_assert_eq!(found, (query.to_vec(), client));
            }
        }
    }

    #[test]
    fn lengths_that_disagree_are_refused_and_octets_beyond_left_out() {
        for is_v4 in [true, false] {
            let (client, server) = ends(is_v4);
            let good = frame(client, server, b"query");
            let start = good.len() - 5 - 8;
            assert_eq!(parsed(&good), Ok((b"query".to_vec(), client)));
            let filled = [&good[..], &[0; 13]].concat();
            assert_eq!(parsed(&filled), Ok((b"query".to_vec(), client)), "filled up to 60 octets");
            for length in 0..good.len() {
                assert_eq!(parsed(&good[..length]), Err(Unusable::Malformed), "{length} octets");
            }
            // A UDP length above what IP has, and below its own header's.
            for length in [14_u16, u16::MAX, 0, 7] {
                let mut wrong = good.clone();
                wrong[start + 4..start + 6].copy_from_slice(&length.to_be_bytes());
                assert_eq!(parsed(&wrong), Err(Unusable::Malformed), "UDP length {length}");
            }
            // An IP length above the frame's, and below the headers'.
            let at = if is_v4 { 16 } else { 18 };
            for length in [u16::MAX, 0, 7, 27] {
                let mut wrong = good.clone();
                wrong[at..at + 2].copy_from_slice(&length.to_be_bytes());
                if is_v4 {
                    wrong[24..26].copy_from_slice(&[0, 0]);
                    let sum = checksum(&wrong[14..34]);
                    wrong[24..26].copy_from_slice(&sum.to_be_bytes());
                }
                assert_eq!(parsed(&wrong), Err(Unusable::Malformed), "IP length {length}");
            }
        }
    }

    /// RFC 9868: what IP has beyond the UDP length are options, which those who do not know them leave alone.
    #[test]
    fn udp_options_are_left_alone() {
        let (client, server) = ends(false);
        let mut with_options = frame(client, server, b"query");
        with_options.extend([0; 6]);
        with_options[18..20].copy_from_slice(&(13_u16 + 6).to_be_bytes());
        assert_eq!(parsed(&with_options), Ok((b"query".to_vec(), client)));
    }

    #[test]
    fn checksums_are_checked_as_far_as_there_are_any() {
        for is_v4 in [true, false] {
            let (client, server) = ends(is_v4);
            let good = frame(client, server, b"query");
            let at = good.len() - 5 - 2;
            let with = |checksum: [u8; 2]| {
                let mut changed = good.clone();
                changed[at..at + 2].copy_from_slice(&checksum);
                parsed(&changed)
            };
            let fine = Ok((b"query".to_vec(), client));
            assert_eq!(with([0, 0]), if is_v4 { fine.clone() } else { Err(Unusable::Checksum) });
            let [high, low] = [good[at], good[at + 1]];
            assert_eq!(with([high, low ^ 1]), Err(Unusable::Checksum));
            // The sum of the pseudo-header alone, as a virtual sender leaves it.
            let partial = !udp_checksum(client.ip(), server.ip(), &[]);
            let partial = !checksum(&[&partial.to_be_bytes()[..], &(8_u16 + 5).to_be_bytes()].concat());
            assert_eq!(with(partial.to_be_bytes()), fine);
        }
        let (client, server) = ends(true);
        let mut wrong = frame(client, server, b"query");
        wrong[24] ^= 1;
        assert_eq!(parsed(&wrong), Err(Unusable::Checksum), "that of the IPv4 header");
    }

    #[test]
    fn sources_that_no_host_has_are_refused() {
        for source in ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"] {
            let source = SocketAddr::new(source.parse().unwrap(), 1024);
            assert_eq!(parsed(&frame(source, ends(true).1, b"query")), Err(Unusable::Source), "{source}");
        }
        for source in ["::", "::1", "ff02::1", "::ffff:192.0.2.1"] {
            let source = SocketAddr::new(source.parse().unwrap(), 1024);
            assert_eq!(parsed(&frame(source, ends(false).1, b"query")), Err(Unusable::Source), "{source}");
        }
        for source in ["1.0.0.1", "223.255.255.255", "10.0.0.1"] {
            let source = SocketAddr::new(source.parse().unwrap(), 1024);
            assert!(parsed(&frame(source, ends(true).1, b"query")).is_ok(), "{source}");
        }
    }
}
