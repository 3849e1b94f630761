//! Character-strings (RFC 1035 sections 3.3 and 5.1) and what escapes stand in them.

use super::RdataError;
use super::fields::push;
use super::words::{Word, Words, excerpt};

/// Longest character-string, without its length octet (RFC 1035 section 3.3).
pub(crate) const STRING_OCTETS_MAX: usize = 255;

/// What to make of a backslash before digits that are not `000` to `255`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// An error.
    Strict,
    /// The first digit for itself: PowerDNS has let such text into tables.
    Lenient,
}

/// Appends the octets that `text` stands for.
pub(crate) fn append_unescaped(text: &str, escapes: Escapes, out: &mut Vec<u8>) -> Result<(), RdataError> {
    let octets = text.as_bytes();
    let mut at = 0;
    while let Some(run) = octets[at..].iter().position(|&octet| octet == b'\\') {
        out.extend(&octets[at..at + run]);
        at += run + 1;
        let (octet, length) = escaped(&octets[at..], escapes)
            .ok_or_else(|| RdataError::new(format!("bad escape in '{}'", excerpt(text))))?;
        out.push(octet);
        at += length;
    }
    out.extend(&octets[at..]);
    Ok(())
}

/// The octet meant by what follows a backslash, and how many octets say so.
fn escaped(octets: &[u8], escapes: Escapes) -> Option<(u8, usize)> {
    let &first = octets.first()?;
    if !first.is_ascii_digit() {
        return Some((first, 1));
    }
    let value = octets
        .first_chunk::<3>()
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .map(|digits| digits.iter().fold(0, |value, &digit| value * 10 + u32::from(digit - b'0')));
    match value.and_then(|value| u8::try_from(value).ok()) {
        Some(octet) => Some((octet, 3)),
        None if escapes == Escapes::Lenient => Some((first, 1)),
        None => None,
    }
}

/// Prints octets between quotes, escaped where they must be.
pub(super) fn print_quoted(octets: &[u8], out: &mut String) {
    out.push('"');
    print_escaped(octets, out);
    out.push('"');
}

pub(super) fn print_escaped(octets: &[u8], out: &mut String) {
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(octet));
            }
            b' '..=b'~' => out.push(char::from(octet)),
            _ => push(out, format_args!("\\{octet:03}")),
        }
    }
}

/// Prints well-formed character-strings, each in quotes.
pub(super) fn print_strings(octets: &[u8], out: &mut String) {
    let mut rest = octets;
    let mut separator = "";
    while let Some((&length, tail)) = rest.split_first() {
        let (string, tail) = tail.split_at(usize::from(length));
        out.push_str(separator);
        print_quoted(string, out);
        separator = " ";
        rest = tail;
    }
}

/// Reads one character-string.
pub(super) fn parse_string(word: Word<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let length_at = wire.len();
    wire.push(0);
    append_unescaped(word.text, Escapes::Strict, wire)?;
    let length = wire.len() - length_at - 1;
    wire[length_at] = u8::try_from(length)
        .map_err(|_| RdataError::new(format!("string of {length} octets is longer than {STRING_OCTETS_MAX}")))?;
    Ok(())
}

/// Reads character-strings from all words that are left, at least one.
///
/// Text over 255 octets in one word becomes several strings, as PowerDNS and its clients have it.
pub(super) fn parse_strings(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    append_split(words.need()?.text, Escapes::Strict, wire)?;
    while let Some(word) = words.next()? {
        append_split(word.text, Escapes::Strict, wire)?;
    }
    Ok(())
}

/// Appends `text` as one character-string, or as many as its length takes.
pub(crate) fn append_split(text: &str, escapes: Escapes, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let length_at = wire.len();
    wire.push(0);
    append_unescaped(text, escapes, wire)?;
    let mut length = wire.len() - length_at - 1;
    if length <= STRING_OCTETS_MAX {
        wire[length_at] = length as u8;
        return Ok(());
    }
    let octets = wire.split_off(length_at + 1);
    wire.truncate(length_at);
    for string in octets.chunks(STRING_OCTETS_MAX) {
        length = string.len();
        wire.push(length as u8);
        wire.extend(string);
    }
    Ok(())
}

/// Checks the octets of a CAA tag: one at least, and nothing that would end a word. RFC 8659 section 4.1 allows letters
/// and digits alone, but PowerDNS has let others into tables.
pub(super) fn check_tag(tag: &[u8]) -> Result<(), RdataError> {
    let ends_word = |octet: &u8| !octet.is_ascii_graphic() || matches!(octet, b'"' | b'\\' | b'(' | b')' | b';');
    if tag.is_empty() || tag.iter().any(ends_word) {
        return Err(RdataError::new("is empty or has octets other than letters, digits and hyphens"));
    }
    Ok(())
}

/// Reads a CAA tag.
pub(super) fn parse_tag(word: Word<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    check_tag(word.text.as_bytes())?;
    parse_string(word, wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str, escapes: Escapes) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        append_unescaped(text, escapes, &mut out).ok().map(|()| out)
    }

    #[test]
    fn escapes_stand_for_octets() {
        assert_eq!(unescaped("a\\\"b\\\\c\\000\\255", Escapes::Strict), Some(b"a\"b\\c\0\xff".to_vec()));
        for text in ["\\1", "\\25", "\\256", "\\2a5"] {
            assert_eq!(unescaped(text, Escapes::Strict), None, "{text}");
            assert_eq!(unescaped(text, Escapes::Lenient), Some(text[1..].into()), "{text}");
        }
        assert_eq!(unescaped("a\\", Escapes::Lenient), None);
    }

    #[test]
    fn long_text_becomes_several_strings() {
        let mut wire = vec![9];
        append_split(&"x".repeat(600), Escapes::Strict, &mut wire).unwrap();
        assert_eq!(wire.len(), 1 + 3 + 600);
        assert_eq!((wire[0], wire[1], wire[257], wire[513]), (9, 255, 255, 90));
    }
}
