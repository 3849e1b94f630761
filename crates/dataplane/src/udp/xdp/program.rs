//! The program that the kernel runs for every frame an interface receives, put together here as instructions.
//!
//! It hands plain UDP datagrams (untagged Ethernet, IPv4 without options or IPv6 without extension headers, no fragments) that are
//! for the interface's MAC and for an address and port of ours to the AF_XDP socket of their queue. Everything else goes the usual way,
//! into the kernel's stack: ARP, neighbour discovery, TCP, ICMP, and datagrams of queues that nobody serves.
//!
//! Instructions are those of RFC 9669.

use super::bpf::{AddressMap, SocketMap};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

/// One instruction (RFC 9669 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    /// Four bits each.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// A register: R0 holds results, R1 to R5 arguments, R6 to R9 survive calls, R10 points past the stack.
type Register = u8;

/// Octets of a load or store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    One = 0x10,
    Two = 0x08,
    Four = 0x00,
    Eight = 0x18,
}

/// Forward jumps alone are made: there is one place they lead to, or the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Ipv4,
    Lookup,
    /// What is not ours.
    Pass,
}
const LABELS: usize = 3;

// Instruction classes, sources and operations (RFC 9669 sections 4 and 5).
const LDX_MEM: u8 = 0x61;
const STX_MEM: u8 = 0x63;
const LD_IMM64: u8 = 0x18;
const MOV64_K: u8 = 0xb7;
const MOV64_X: u8 = 0xbf;
const ADD64_K: u8 = 0x07;
const AND64_K: u8 = 0x57;
const JA: u8 = 0x05;
const JEQ_K: u8 = 0x15;
const JGT_X: u8 = 0x2d;
/// Compares 32 bits: constants of 64 would be sign-extended.
const JNE32_K: u8 = 0x56;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// In the place of a source register: the constant is a descriptor of a map.
const PSEUDO_MAP_FD: u8 = 1;

// Helpers and results of the kernel (include/uapi/linux/bpf.h).
const MAP_LOOKUP_ELEM: i32 = 1;
const REDIRECT_MAP: i32 = 51;
const XDP_PASS: i32 = 2;

// Offsets in `struct xdp_md`.
const MD_DATA: i16 = 0;
const MD_DATA_END: i16 = 4;
const MD_QUEUE: i16 = 16;

// Offsets in a frame; those of IPv4 and IPv6 differ.
const DESTINATION_MAC: i16 = 0;
const ETHER_TYPE: i16 = 12;
const IP: i16 = 14;
const V4_FRAGMENT: i16 = IP + 6;
const V4_PROTOCOL: i16 = IP + 9;
const V4_DESTINATION: i16 = IP + 16;
const V4_PORT: i16 = IP + 20 + 2;
const V6_NEXT_HEADER: i16 = IP + 6;
const V6_DESTINATION: i16 = IP + 24;
const V6_PORT: i16 = IP + 40 + 2;
/// Ethernet, IP and UDP headers.
pub(super) const V4_HEADERS: usize = 14 + 20 + 8;
pub(super) const V6_HEADERS: usize = 14 + 40 + 8;

const UDP: i32 = 17;

/// An address and port of ours, as the program looks it up in its map of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub(super) struct AddressKey {
    /// An IPv4 address is the first four octets.
    address: [u8; 16],
    /// As on the wire.
    port: [u8; 2],
    /// So that no IPv6 address passes for an IPv4 one: 4 or 6.
    family: u16,
}

/// Where the key is made on the stack, below R10.
const KEY: i16 = -24;
pub(super) const KEY_OCTETS: usize = size_of::<AddressKey>();
const _: () = assert!(KEY_OCTETS == 20);

impl AddressKey {
    pub(super) fn new(address: SocketAddr) -> AddressKey {
        let port = address.port().to_be_bytes();
        match address.ip() {
            IpAddr::V4(ip) => {
                let mut address = [0; 16];
                address[..4].copy_from_slice(&ip.octets());
                AddressKey { address, port, family: 4 }
            }
            IpAddr::V6(ip) => AddressKey { address: ip.octets(), port, family: 6 },
        }
    }

    /// As the map has it.
    pub(super) fn octets(self) -> [u8; KEY_OCTETS] {
        let mut octets = [0; KEY_OCTETS];
        octets[..16].copy_from_slice(&self.address);
        octets[16..18].copy_from_slice(&self.port);
        octets[18..].copy_from_slice(&self.family.to_ne_bytes());
        octets
    }
}

/// The program for an interface with this MAC, and its maps.
pub(super) fn picking(mac: [u8; 6], addresses: &AddressMap, sockets: &SocketMap) -> Vec<Instruction> {
    picking_by(mac, addresses.as_raw_fd(), sockets.as_raw_fd())
}

fn picking_by(mac: [u8; 6], addresses: RawFd, sockets: RawFd) -> Vec<Instruction> {
    use Label::{Ipv4, Lookup, Pass};
    use Size::{Eight, Four, One, Two};
    let mut code = Assembler::default();
    code.copy(6, 1);
    code.load(Four, 2, 1, MD_DATA);
    code.load(Four, 3, 1, MD_DATA_END);
    code.require(V4_HEADERS);
    code.load(Four, 5, 2, DESTINATION_MAC);
    code.unless(5, i32::from_ne_bytes([mac[0], mac[1], mac[2], mac[3]]), Pass);
    code.load(Two, 5, 2, DESTINATION_MAC + 4);
    code.unless(5, on_wire([mac[4], mac[5]]), Pass);
    code.load(Two, 5, 2, ETHER_TYPE);
    code.when(5, on_wire([0x08, 0x00]), Ipv4);
    code.unless(5, on_wire([0x86, 0xdd]), Pass);

    code.require(V6_HEADERS);
    code.load(One, 5, 2, V6_NEXT_HEADER);
    code.unless(5, UDP, Pass);
    code.load(Eight, 5, 2, V6_DESTINATION);
    code.store(Eight, 10, KEY, 5);
    code.load(Eight, 5, 2, V6_DESTINATION + 8);
    code.store(Eight, 10, KEY + 8, 5);
    code.load(Two, 5, 2, V6_PORT);
    code.store(Two, 10, KEY + 16, 5);
    code.set(5, 6);
    code.jump(Lookup);

    code.here(Ipv4);
    // Version 4 and no options.
    code.load(One, 5, 2, IP);
    code.unless(5, 0x45, Pass);
    code.load(Two, 5, 2, V4_FRAGMENT);
    // All but "don't fragment" and the reserved bit: more fragments, and the offset.
    code.and(5, on_wire([0x3f, 0xff]));
    code.unless(5, 0, Pass);
    code.load(One, 5, 2, V4_PROTOCOL);
    code.unless(5, UDP, Pass);
    code.load(Four, 5, 2, V4_DESTINATION);
    code.store(Four, 10, KEY, 5);
    code.load(Two, 5, 2, V4_PORT);
    code.store(Two, 10, KEY + 16, 5);
    code.set(5, 0);
    code.store(Four, 10, KEY + 4, 5);
    code.store(Eight, 10, KEY + 8, 5);
    code.set(5, 4);

    code.here(Lookup);
    code.store(Two, 10, KEY + 18, 5);
    code.map(1, addresses);
    code.copy(2, 10);
    code.add(2, KEY.into());
    code.call(MAP_LOOKUP_ELEM);
    code.when(0, 0, Pass);
    code.load(Four, 2, 6, MD_QUEUE);
    code.map(1, sockets);
    // What becomes of frames of queues without a socket.
    code.set(3, XDP_PASS);
    code.call(REDIRECT_MAP);
    code.exit();

    code.here(Pass);
    code.set(0, XDP_PASS);
    code.exit();
    code.finish()
}

/// Two octets of a frame as a load has them.
fn on_wire(octets: [u8; 2]) -> i32 {
    u16::from_ne_bytes(octets).into()
}

/// Instructions in the making, with jumps to places still to come.
#[derive(Default)]
struct Assembler {
    instructions: Vec<Instruction>,
    jumps: Vec<(usize, Label)>,
    places: [Option<usize>; LABELS],
}

impl Assembler {
    fn push(&mut self, code: u8, destination: Register, source: Register, offset: i16, immediate: i32) {
        let registers =
            if cfg!(target_endian = "little") { source << 4 | destination } else { destination << 4 | source };
        self.instructions.push(Instruction { code, registers, offset, immediate });
    }

    fn load(&mut self, size: Size, to: Register, from: Register, offset: i16) {
        self.push(LDX_MEM | size as u8, to, from, offset, 0);
    }

    fn store(&mut self, size: Size, to: Register, offset: i16, from: Register) {
        self.push(STX_MEM | size as u8, to, from, offset, 0);
    }

    fn copy(&mut self, to: Register, from: Register) {
        self.push(MOV64_X, to, from, 0, 0);
    }

    fn set(&mut self, to: Register, value: i32) {
        self.push(MOV64_K, to, 0, 0, value);
    }

    fn add(&mut self, to: Register, value: i32) {
        self.push(ADD64_K, to, 0, 0, value);
    }

    fn and(&mut self, to: Register, value: i32) {
        self.push(AND64_K, to, 0, 0, value);
    }

    /// A map's address takes two instructions' room.
    fn map(&mut self, to: Register, descriptor: i32) {
        self.push(LD_IMM64, to, PSEUDO_MAP_FD, 0, descriptor);
        self.push(0, 0, 0, 0, 0);
    }

    fn call(&mut self, helper: i32) {
        self.push(CALL, 0, 0, 0, helper);
    }

    fn exit(&mut self) {
        self.push(EXIT, 0, 0, 0, 0);
    }

    fn jump(&mut self, to: Label) {
        self.jump_by(JA, 0, 0, 0, to);
    }

    /// Jumps where all 64 bits equal `value`.
    fn when(&mut self, register: Register, value: i32, to: Label) {
        self.jump_by(JEQ_K, register, 0, value, to);
    }

    /// Jumps where the lower 32 bits differ from `value`.
    fn unless(&mut self, register: Register, value: i32, to: Label) {
        self.jump_by(JNE32_K, register, 0, value, to);
    }

    /// Passes frames shorter than `octets`, which the kernel wants to see before it lets them be read. R2 is their begin, R3 their end.
    fn require(&mut self, octets: usize) {
        self.copy(4, 2);
        self.add(4, octets as i32);
        self.jump_by(JGT_X, 4, 3, 0, Label::Pass);
    }

    fn jump_by(&mut self, code: u8, destination: Register, source: Register, immediate: i32, to: Label) {
        self.jumps.push((self.instructions.len(), to));
        self.push(code, destination, source, 0, immediate);
    }

    fn here(&mut self, label: Label) {
        self.places[label as usize] = Some(self.instructions.len());
    }

    fn finish(mut self) -> Vec<Instruction> {
        for (at, label) in self.jumps {
            let place = self.places[label as usize].expect("every label that is jumped to is placed");
            self.instructions[at].offset = (place - at - 1) as i16;
        }
        self.instructions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const MAC: [u8; 6] = [0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54];
    const ADDRESSES: i32 = 7;
    const SOCKETS: i32 = 8;
    const REDIRECTED: u64 = 4;
    const QUEUE: u32 = 3;

    /// Runs the program as the kernel does; only what it uses is there. Memory is where its addresses say.
    fn run(program: &[Instruction], frame: &[u8], ours: &HashSet<[u8; KEY_OCTETS]>) -> u64 {
        const CONTEXT: u64 = 0x1000;
        const FRAME: u64 = 0x10_0000;
        const STACK: u64 = 0x20_0000;
        const STACK_OCTETS: usize = 512;
        let mut context = [0_u8; 24];
        context[0..4].copy_from_slice(&(FRAME as u32).to_ne_bytes());
        context[4..8].copy_from_slice(&(FRAME as u32 + frame.len() as u32).to_ne_bytes());
        context[16..20].copy_from_slice(&QUEUE.to_ne_bytes());
        // What was never written must not be read.
        let mut stack = [None; STACK_OCTETS];
        let mut registers = [0_u64; 11];
        registers[1] = CONTEXT;
        registers[10] = STACK + STACK_OCTETS as u64;
        let mut at = 0;
        for _ in 0..200 {
            let Instruction { code, registers: both, offset, immediate } = program[at];
            let (low, high) = (usize::from(both & 15), usize::from(both >> 4));
            let (to, from) = if cfg!(target_endian = "little") { (low, high) } else { (high, low) };
            let octets = match code & 0x18 {
                0x10 => 1,
                0x08 => 2,
                0x00 => 4,
                _ => 8,
            };
            let constant = i64::from(immediate) as u64;
            let mut jumps = false;
            at += 1;
            match code {
                EXIT => return registers[0],
                CALL if immediate == MAP_LOOKUP_ELEM => {
                    assert_eq!(registers[1], ADDRESSES as u64);
                    let start = (registers[2] - STACK) as usize;
                    let key = stack[start..start + KEY_OCTETS].iter().map(|octet| octet.expect("the key is whole"));
                    let key: Vec<u8> = key.collect();
                    registers[0] = u64::from(ours.contains(&key[..]));
                }
                CALL if immediate == REDIRECT_MAP => {
                    assert_eq!(registers[1..4], [SOCKETS as u64, u64::from(QUEUE), XDP_PASS as u64]);
                    registers[0] = REDIRECTED;
                }
                LD_IMM64 => {
                    assert_eq!((from, program[at].immediate), (usize::from(PSEUDO_MAP_FD), 0));
                    registers[to] = constant;
                    at += 1;
                }
                MOV64_K => registers[to] = constant,
                MOV64_X => registers[to] = registers[from],
                ADD64_K => registers[to] = registers[to].wrapping_add(constant),
                AND64_K => registers[to] &= constant,
                JA => jumps = true,
                JEQ_K => jumps = registers[to] == constant,
                JGT_X => jumps = registers[to] > registers[from],
                JNE32_K => jumps = registers[to] as u32 != immediate as u32,
                _ if code & !0x18 == LDX_MEM => {
                    let address = registers[from].wrapping_add_signed(offset.into());
                    let mut value = [0_u8; 8];
                    for (index, octet) in value[..octets].iter_mut().enumerate() {
                        *octet = match address + index as u64 {
                            address @ FRAME..STACK => frame[(address - FRAME) as usize],
                            address => context[(address - CONTEXT) as usize],
                        };
                    }
                    registers[to] = match octets {
                        1 => value[0].into(),
                        2 => u16::from_ne_bytes([value[0], value[1]]).into(),
                        4 => u32::from_ne_bytes([value[0], value[1], value[2], value[3]]).into(),
                        _ => u64::from_ne_bytes(value),
                    };
                }
                _ if code & !0x18 == STX_MEM => {
                    let start = (registers[to].wrapping_add_signed(offset.into()) - STACK) as usize;
                    let value = registers[from];
                    let value = match octets {
                        1 => vec![value as u8],
                        2 => (value as u16).to_ne_bytes().to_vec(),
                        4 => (value as u32).to_ne_bytes().to_vec(),
                        _ => value.to_ne_bytes().to_vec(),
                    };
                    for (index, octet) in value.into_iter().enumerate() {
                        stack[start + index] = Some(octet);
                    }
                }
                _ => panic!("{code:#x} is not used"),
            }
            if jumps {
                at = at.checked_add_signed(offset.into()).unwrap();
            }
        }
        panic!("it does not end");
    }

    /// What the program is to do, said in another way.
    fn is_ours(frame: &[u8], ours: &[SocketAddr]) -> bool {
        let Some((&[a, b, c, d, e, f, _, _, _, _, _, _, high, low], rest)) = frame.split_first_chunk() else {
            return false;
        };
        if [a, b, c, d, e, f] != MAC {
            return false;
        }
        let (ip, port): (IpAddr, [u8; 2]) = match u16::from_be_bytes([high, low]) {
            0x0800 if rest.len() >= 28 && rest[0] == 0x45 && rest[9] == 17 => {
                if u16::from_be_bytes([rest[6], rest[7]]) & 0x3fff != 0 {
                    return false;
                }
                (<[u8; 4]>::try_from(&rest[16..20]).unwrap().into(), [rest[22], rest[23]])
            }
            0x86dd if rest.len() >= 48 && rest[6] == 17 => {
                (<[u8; 16]>::try_from(&rest[24..40]).unwrap().into(), [rest[42], rest[43]])
            }
            _ => return false,
        };
        ours.contains(&SocketAddr::new(ip, u16::from_be_bytes(port)))
    }

    fn ours() -> Vec<SocketAddr> {
        ["192.0.2.1:53", "198.51.100.255:53", "[2001:db8::1]:53", "[fe80::ff]:5353"]
            .map(|text| text.parse().unwrap())
            .to_vec()
    }

    fn check(frame: &[u8]) -> bool {
        let ours = ours();
        let keys = ours.iter().map(|address| AddressKey::new(*address).octets()).collect();
        let action = run(&picking_by(MAC, ADDRESSES, SOCKETS), frame, &keys);
        let wanted = is_ours(frame, &ours);
        assert_eq!(action, if wanted { REDIRECTED } else { XDP_PASS as u64 }, "{frame:x?}");
        wanted
    }

    fn frame_to(address: SocketAddr) -> Vec<u8> {
        let mut frame = [&MAC[..], &[2; 6]].concat();
        match address.ip() {
            IpAddr::V4(ip) => {
                frame.extend([8, 0, 0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1]);
                frame.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 17, 64]);
                frame.extend([0xfd; 16]);
                frame.extend(ip.octets());
            }
        }
        frame.extend([0x30, 0x39]);
        frame.extend(address.port().to_be_bytes());
        frame.extend([0, 20, 0, 0]);
        frame.extend([0; 12]);
        frame
    }

    #[test]
    fn datagrams_to_our_addresses_are_picked_and_others_pass() {
        for address in ours() {
            assert!(check(&frame_to(address)), "{address}");
            let mut other_port = address;
            other_port.set_port(54);
            assert!(!check(&frame_to(other_port)), "{other_port}");
        }
        assert!(!check(&frame_to("192.0.2.2:53".parse().unwrap())));
        assert!(!check(&frame_to("[2001:db8::2]:53".parse().unwrap())));
        // The octets of an IPv4 address of ours, in IPv6.
        assert!(!check(&frame_to("[c000:201::]:53".parse().unwrap())));
    }

    #[test]
    fn every_header_field_that_matters_is_looked_at() {
        for (address, bits) in [
            // DF and the reserved bit do not matter, nor TOS, length, identification, TTL, checksum.
            (
                ours()[0],
                &[(20, 0x20), (20, 0x1f), (21, 0xff), (14, 0x10), (14, 0x02), (23, 0x10), (30, 1), (36, 1)][..],
            ),
            (ours()[2], &[(20, 0x20), (38, 1), (53, 1), (56, 1), (12, 1), (13, 1)]),
        ] {
            let frame = frame_to(address);
            for &(at, bit) in bits {
                let mut changed = frame.clone();
                changed[at] ^= bit;
                assert!(!check(&changed), "octet {at} of {address}");
            }
            for at in 0..6 {
                let mut changed = frame.clone();
                changed[at] ^= 0x80;
                assert!(!check(&changed), "octet {at} of the MAC");
            }
            for length in 0..frame.len() {
                let is_whole = length >= if address.is_ipv4() { V4_HEADERS } else { V6_HEADERS };
                assert_eq!(check(&frame[..length]), is_whole, "{length} octets");
            }
        }
    }

    proptest! {
        #[test]
        fn any_frame_is_picked_or_passed_as_the_rules_say(
            which in 0_usize..4,
            changes in prop::collection::vec((0_usize..70, any::<u8>()), 0..3),
            length in 0_usize..90,
        ) {
            let mut frame = frame_to(ours()[which]);
            for (at, octet) in changes {
                if let Some(place) = frame.get_mut(at) {
                    *place = octet;
                }
            }
            frame.resize(length, 0);
            check(&frame);
        }

        #[test]
        fn octets_of_any_kind_do_no_harm(frame in prop::collection::vec(any::<u8>(), 0..100)) {
            check(&frame);
        }
    }
}
