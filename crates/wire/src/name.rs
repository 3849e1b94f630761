//! Domain names (RFC 1035 section 3.1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Longest name in wire format, root label included (RFC 1035 section 2.3.4).
pub const NAME_OCTETS_MAX: usize = 255;
/// Longest label (RFC 1035 section 2.3.4).
pub const LABEL_OCTETS_MAX: usize = 63;

/// A valid absolute domain name of at most 255 octets, in uncompressed wire format.
///
/// Letter case is kept; equality and hashing ignore it (RFC 4343), and [`Ord`] is the canonical
/// order of RFC 4034 section 6.1.
#[derive(Clone)]
pub struct Name(Box<[u8]>);

/// Why octets or text are not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A label over 63 octets.
    #[error("label of {0} octets is longer than 63")]
    LabelTooLong(usize),
    /// The whole name is over 255 octets.
    #[error("name is longer than 255 octets")]
    TooLong,
    /// Two dots in a row, or a leading dot.
    #[error("empty label")]
    EmptyLabel,
    /// A backslash that is not followed by a character or by `000` to `255`.
    #[error("bad escape")]
    BadEscape,
    /// The octets end inside the name, or go on after it.
    #[error("malformed name")]
    Malformed,
}

impl Name {
    /// The root.
    pub fn root() -> Name {
        Name(Box::new([0]))
    }

    /// Takes exactly one uncompressed name in wire format.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the octets are anything else.
    pub fn from_wire(wire: &[u8]) -> Result<Name, NameError> {
        let (name, rest) = Name::split_wire(wire)?;
        if rest.is_empty() { Ok(name) } else { Err(NameError::Malformed) }
    }

    /// Takes one uncompressed name from the front of `wire`, and returns it with what follows.
    ///
    /// # Errors
    ///
    /// [`NameError`] if `wire` does not begin with an uncompressed name.
    pub fn split_wire(wire: &[u8]) -> Result<(Name, &[u8]), NameError> {
        let at = wire_length(wire)?;
        let (name, rest) = wire.split_at(at);
        Ok((Name(name.into()), rest))
    }

    /// Parses presentation format (RFC 1035 section 5.1). The name is taken as absolute, with or
    /// without its final dot; `""` and `"."` are the root.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the first fault.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        Ok(parse_labels(text)?.0)
    }

    /// Parses presentation format relative to `origin`, unless it ends in an unescaped dot; `@` is
    /// the origin.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the first fault.
    pub fn parse_relative(text: &str, origin: &Name) -> Result<Name, NameError> {
        if text == "@" {
            return Ok(origin.clone());
        }
        let (name, is_absolute) = parse_labels(text)?;
        if is_absolute {
            return Ok(name);
        }
        let labels = &name.0[..name.0.len() - 1];
        let wire = [labels, origin.as_wire()].concat();
        if wire.len() > NAME_OCTETS_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Name(wire.into()))
    }

    /// The wire octets, root label included.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// Labels without the root: 0 for the root, 2 for `example.com.` (the RRSIG's field, a wildcard
    /// label counted).
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Labels from the leftmost, without the root.
    pub fn labels(&self) -> Labels<'_> {
        Labels(&self.0)
    }

    /// The name without its leftmost label; `None` for the root.
    pub fn parent(&self) -> Option<Name> {
        let length = usize::from(self.0[0]);
        (length != 0).then(|| Name(self.0[1 + length..].into()))
    }

    /// Whether the name equals `ancestor` or is below it.
    pub fn is_under(&self, ancestor: &Name) -> bool {
        let Some(cut) = self.0.len().checked_sub(ancestor.0.len()) else {
            return false;
        };
        let mut at = 0;
        while at < cut {
            at += 1 + usize::from(self.0[at]);
        }
        at == cut && self.0[cut..].eq_ignore_ascii_case(&ancestor.0)
    }

    /// Whether the leftmost label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The canonical, lower-case form (RFC 4034 section 6.2).
    pub fn to_lowercase(&self) -> Name {
        Name(self.0.to_ascii_lowercase().into())
    }

    /// The name `label.self`.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the label or the whole would be too long, or the label is empty.
    pub fn child(&self, label: &[u8]) -> Result<Name, NameError> {
        match label.len() {
            0 => return Err(NameError::EmptyLabel),
            1..=LABEL_OCTETS_MAX => {}
            length => return Err(NameError::LabelTooLong(length)),
        }
        let wire = [&[label.len() as u8], label, &self.0].concat();
        if wire.len() > NAME_OCTETS_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Name(wire.into()))
    }

    /// Presentation format for a master file (RFC 1035 section 5.1). What means something there is escaped too: quotes,
    /// parentheses, `;`, `@` and `$`, which PowerDNS, its tables and [`fmt::Display`] leave bare.
    pub fn to_master_file(&self) -> String {
        let mut text = String::new();
        for character in self.to_string().chars() {
            if matches!(character, '"' | '(' | ')' | ';' | '@' | '$') {
                text.push('\\');
            }
            text.push(character);
        }
        text
    }

    /// Presentation format without the final dot, as PowerDNS's tables hold names; the root is `.`.
    pub fn to_dotless(&self) -> String {
        let mut text = self.to_string();
        if text.len() > 1 {
            text.pop();
        }
        text
    }
}

/// Labels of a name from the leftmost, without the root.
#[derive(Debug, Clone)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at(usize::from(length));
        self.0 = rest;
        Some(label)
    }
}

/// The name in `text`, and whether it ended in a dot.
fn parse_labels(text: &str) -> Result<(Name, bool), NameError> {
    let mut wire = Vec::with_capacity(text.len() + 2);
    let ends_in_dot = append_labels(text, &mut wire)?;
    wire.push(0);
    if wire.len() > NAME_OCTETS_MAX {
        return Err(NameError::TooLong);
    }
    Ok((Name(wire.into()), ends_in_dot))
}

/// Appends the name in `text` to `wire`: relative to `origin` as in [`Name::parse_relative`], or absolute without one.
pub(crate) fn append_parsed(text: &str, origin: Option<&Name>, wire: &mut Vec<u8>) -> Result<(), NameError> {
    let start = wire.len();
    match origin {
        Some(origin) if text == "@" => wire.extend(origin.as_wire()),
        _ => {
            let ends_in_dot = append_labels(text, wire)?;
            match origin {
                Some(origin) if !ends_in_dot => wire.extend(origin.as_wire()),
                _ => wire.push(0),
            }
        }
    }
    if wire.len() - start > NAME_OCTETS_MAX {
        return Err(NameError::TooLong);
    }
    Ok(())
}

/// How many octets the uncompressed name at the front of `wire` has.
pub(crate) fn wire_length(wire: &[u8]) -> Result<usize, NameError> {
    let mut at = 0;
    loop {
        let length = usize::from(*wire.get(at).ok_or(NameError::Malformed)?);
        at += 1;
        if length == 0 {
            return Ok(at);
        }
        if length > LABEL_OCTETS_MAX {
            return Err(NameError::Malformed);
        }
        at += length;
        if at >= NAME_OCTETS_MAX {
            return Err(NameError::TooLong);
        }
    }
}

/// Appends the labels of `text` without a root label, and says whether the text ended in a dot.
fn append_labels(text: &str, wire: &mut Vec<u8>) -> Result<bool, NameError> {
    if text.is_empty() || text == "." {
        return Ok(text == ".");
    }
    let mut label_at = wire.len();
    wire.push(0);
    let mut ends_in_dot = false;
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if ends_in_dot {
            label_at = wire.len();
            wire.push(0);
            ends_in_dot = false;
        }
        let octet = match octet {
            b'.' => {
                close_label(wire, label_at)?;
                ends_in_dot = true;
                continue;
            }
            b'\\' => unescape(&mut octets)?,
            other => other,
        };
        wire.push(octet);
    }
    if !ends_in_dot {
        close_label(wire, label_at)?;
    }
    Ok(ends_in_dot)
}

fn close_label(wire: &mut [u8], label_at: usize) -> Result<(), NameError> {
    match wire.len() - label_at - 1 {
        0 => Err(NameError::EmptyLabel),
        length @ 1..=LABEL_OCTETS_MAX => {
            wire[label_at] = length as u8;
            Ok(())
        }
        length => Err(NameError::LabelTooLong(length)),
    }
}

/// The octet after a backslash: `\DDD` or `\X` (RFC 1035 section 5.1).
fn unescape(octets: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = octets.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = octets.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u32::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(octet))?,
                    0x21..=0x7e => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::parse(text)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in &self.0 {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    /// RFC 4034 section 6.1: label by label from the right, as lower-case octet strings.
    fn cmp(&self, other: &Name) -> Ordering {
        let ours: Vec<&[u8]> = self.labels().collect();
        let theirs: Vec<&[u8]> = other.labels().collect();
        for (a, b) in ours.iter().rev().zip(theirs.iter().rev()) {
            let order = a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase));
            if order.is_ne() {
                return order;
            }
        }
        ours.len().cmp(&theirs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn a_master_file_reads_the_name_it_was_given() {
        let odd = Name::root().child(b"$ORIGIN").unwrap().child(b"a;b\"(c)@ \\.").unwrap();
        assert_eq!(odd.to_master_file(), r#"a\;b\"\(c\)\@\032\\\..\$ORIGIN."#);
        let line = format!("{} 60 IN A 192.0.2.1\n", odd.to_master_file());
        let records = crate::zonefile::parse(&line, &Name::root(), 60).unwrap();
        assert_eq!(records[0].name, odd);
        assert_eq!(name("www.example.").to_master_file(), "www.example.");
    }

    #[test]
    fn presentation_goes_both_ways() {
        for text in [".", "example.com.", "a\\.b.example.", "\\000\\255x.example.", "*.x.", "_a.b/c.test."] {
            assert_eq!(name(text).to_string(), text);
        }
        assert_eq!(name("example.com").to_string(), "example.com.");
        assert_eq!(name("example.com.").to_dotless(), "example.com");
        assert_eq!(name("").to_dotless(), ".");
    }

    #[test]
    fn bad_names_are_refused_with_the_reason() {
        assert_eq!(Name::parse("a..b"), Err(NameError::EmptyLabel));
        assert_eq!(Name::parse(".a"), Err(NameError::EmptyLabel));
        assert_eq!(Name::parse(&"a".repeat(64)), Err(NameError::LabelTooLong(64)));
        assert_eq!(Name::parse("a\\25"), Err(NameError::BadEscape));
        assert_eq!(Name::parse("a\\256"), Err(NameError::BadEscape));
        assert_eq!(Name::parse("a\\"), Err(NameError::BadEscape));
        let longest = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        assert_eq!(name(&longest).as_wire().len(), 255);
        assert_eq!(Name::parse(&format!("{longest}x")), Err(NameError::TooLong));
        assert_eq!(Name::from_wire(b"\x01a"), Err(NameError::Malformed));
        assert_eq!(Name::from_wire(b"\x01a\0\0"), Err(NameError::Malformed));
        assert_eq!(Name::from_wire(b"\xc0\x0c"), Err(NameError::Malformed));
    }

    /// RFC 4034 section 6.1 gives this list.
    #[test]
    fn canonical_order_is_the_rfcs() {
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            "\\001.z.example",
            "*.z.example",
            "\\200.z.example",
        ];
        let mut names: Vec<Name> = sorted.iter().rev().map(|text| name(text)).collect();
        names.sort();
        assert_eq!(names, sorted.iter().map(|text| name(text)).collect::<Vec<_>>());
    }

    #[test]
    fn case_is_kept_and_ignored() {
        assert_eq!(name("WWW.Example.com"), name("www.example.COM"));
        assert_eq!(name("WWW.x").to_string(), "WWW.x.");
        assert!(name("a.B.c").is_under(&name("b.C")));
        assert!(name("b.c").is_under(&name("b.c")));
        assert!(name("b.c").is_under(&Name::root()));
        assert!(!name("xb.c").is_under(&name("b.c")));
        assert!(!name("c").is_under(&name("b.c")));
    }

    #[test]
    fn relative_names_take_the_origin() {
        let origin = name("example.com");
        assert_eq!(Name::parse_relative("www", &origin).unwrap(), name("www.example.com"));
        assert_eq!(Name::parse_relative("www.", &origin).unwrap(), name("www"));
        assert_eq!(Name::parse_relative("@", &origin).unwrap(), origin);
        assert_eq!(Name::parse_relative("a\\.", &origin).unwrap().to_string(), "a\\..example.com.");
    }

    #[test]
    fn parents_and_children() {
        assert_eq!(name("a.b").parent(), Some(name("b")));
        assert_eq!(Name::root().parent(), None);
        assert_eq!(name("b").child(b"a"), Ok(name("a.b")));
        assert!(name("*.b").is_wildcard());
        assert_eq!(name("*.b").label_count(), 2);
    }
}
