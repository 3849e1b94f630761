//! A line of a case's `ask`: what is asked, how, and over which transports.

use super::Transport;
use wire::{Name, RecordType};

/// OPT's options, by the words that ask for them.
const NSID: u16 = 3;
const COOKIE: u16 = 10;

/// One question: `NAME TYPE WORD...`, or `hex: OCTETS`, a message octet by octet. A line that begins with `#` is a comment.
///
/// | word | does |
/// | --- | --- |
/// | `+do` | EDNS with DO and a payload of 1232 |
/// | `+edns=N` | EDNS with a payload of N |
/// | `+version=N` | EDNS of another version |
/// | `+nsid`, `+cookie=HEX`, `+option=CODE:HEX` | an EDNS option |
/// | `+ednsflags=N` | EDNS flags as a number, DO being 32768 |
/// | `+rd`, `+ad`, `+cd`, `+z` | sets the flag, of which the last is reserved |
/// | `+opcode=N` | another opcode |
/// | `+ch`, `+class=N` | class CHAOS, or any |
/// | `+udp`, `+stream`, `+over=tcp,tls` | asks over UDP only, over all but UDP, over these; else all must give the same reply |
#[derive(Debug, Clone)]
pub struct Ask {
    /// The line.
    pub line: String,
    /// The message, with an id.
    pub message: Vec<u8>,
    /// The name asked for, where there is one.
    pub name: Option<Name>,
    transports: Vec<Transport>,
}

struct Parts {
    flags: u16,
    class: u16,
    edns: Option<Edns>,
    transports: Vec<Transport>,
}

#[derive(Default)]
struct Edns {
    payload: u16,
    version: u8,
    flags: u16,
    options: Vec<u8>,
}

impl Ask {
    /// Reads a line; `None` for an empty one and a comment.
    ///
    /// # Panics
    ///
    /// When it is no question.
    pub fn parse(line: &str) -> Option<Ask> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (words, switches): (Vec<&str>, Vec<&str>) =
            line.split_whitespace().partition(|word| !word.starts_with('+'));
        let mut parts = Parts { flags: 0, class: 1, edns: None, transports: Transport::ALL.to_vec() };
        for switch in switches {
            parts.switch(switch).unwrap_or_else(|| panic!("{line}: what is {switch}?"));
        }
        let (message, name) = match words[..] {
            ["hex:", ..] => (octets(&words[1..].concat()).unwrap_or_else(|| panic!("{line}: no octets")), None),
            [name, rtype] => {
                let name = Name::parse(name).unwrap_or_else(|error| panic!("{line}: {error}"));
                let rtype = rtype.parse().unwrap_or_else(|_| panic!("{line}: {rtype} is no type"));
                (parts.message(&name, rtype), Some(name))
            }
            _ => panic!("{line}: not a name and a type"),
        };
        Some(Ask { line: line.to_owned(), message, name, transports: parts.transports })
    }

    /// What the question is asked over.
    pub fn transports(&self) -> &[Transport] {
        &self.transports
    }
}

impl Parts {
    fn switch(&mut self, switch: &str) -> Option<()> {
        let (word, value) = switch.split_once('=').unwrap_or((switch, ""));
        match word {
            "+rd" => self.flags |= 0x0100,
            "+ad" => self.flags |= 0x0020,
            "+cd" => self.flags |= 0x0010,
            "+z" => self.flags |= 0x0040,
            "+opcode" => self.flags |= value.parse::<u16>().ok()? << 11,
            "+ch" => self.class = 3,
            "+class" => self.class = value.parse().ok()?,
            "+udp" => self.transports.retain(|&transport| transport == Transport::Udp),
            "+stream" => self.transports.retain(|&transport| transport != Transport::Udp),
            "+over" => {
                let names: Vec<&str> = value.split(',').collect();
                self.transports.retain(|transport| names.contains(&transport.name()));
            }
            "+do" => self.edns().flags |= 0x8000,
            "+ednsflags" => self.edns().flags |= value.parse::<u16>().ok()?,
            "+edns" => self.edns().payload = value.parse().ok()?,
            "+version" => self.edns().version = value.parse().ok()?,
            "+nsid" => self.option(NSID, &[]),
            "+cookie" => self.option(COOKIE, &octets(value)?),
            "+option" => {
                let (code, data) = value.split_once(':')?;
                self.option(code.parse().ok()?, &octets(data)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn edns(&mut self) -> &mut Edns {
        self.edns.get_or_insert_with(|| Edns { payload: 1232, ..Edns::default() })
    }

    fn option(&mut self, code: u16, data: &[u8]) {
        let length = u16::try_from(data.len()).expect("an option of a test is short");
        let options = &mut self.edns().options;
        options.extend_from_slice(&code.to_be_bytes());
        options.extend_from_slice(&length.to_be_bytes());
        options.extend_from_slice(data);
    }

    fn message(&self, name: &Name, rtype: RecordType) -> Vec<u8> {
        let mut message = vec![0, 0];
        message.extend_from_slice(&self.flags.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())]);
        message.extend_from_slice(name.as_wire());
        message.extend_from_slice(&rtype.0.to_be_bytes());
        message.extend_from_slice(&self.class.to_be_bytes());
        if let Some(edns) = &self.edns {
            message.extend_from_slice(&[0, 0, 41]);
            message.extend_from_slice(&edns.payload.to_be_bytes());
            message.extend_from_slice(&[0, edns.version]);
            message.extend_from_slice(&edns.flags.to_be_bytes());
            message.extend_from_slice(&(edns.options.len() as u16).to_be_bytes());
            message.extend_from_slice(&edns.options);
        }
        message
    }
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    digits.chunks(2).map(|pair| (pair.len() == 2).then(|| pair[0] << 4 | pair[1])).collect()
}
