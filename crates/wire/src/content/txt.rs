//! TXT and its like: the spelling that is stored, beside the octets it stands for.

use crate::rdata::RdataError;
use crate::rdata::text::{Escapes, append_split, append_unescaped};
use crate::rdata::words::Words;

use super::{ContentError, unexpected_format};

/// Whether strings must stand in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    Required,
    Optional,
}

/// A text that was read.
pub(super) struct Txt {
    /// Character-strings of at most 255 octets.
    pub(super) wire: Vec<u8>,
    /// The strings as spelled, each in quotes, one space between.
    pub(super) spelling: String,
}

/// Reads the strings of `text`, of which there must be one at least.
pub(super) fn read(text: &str, quotes: Quotes) -> Result<Txt, ContentError> {
    if quotes == Quotes::Required {
        check_quotes(text)?;
    }
    Ok(read_with(text, Escapes::Strict)?)
}

/// Reads the strings of a row: anything that can be understood.
pub(super) fn read_stored(text: &str) -> Result<Txt, ContentError> {
    Ok(read_with(text, Escapes::Lenient)?)
}

/// The wire format of a row alone.
pub(super) fn stored_to_wire(text: &str) -> Result<Vec<u8>, RdataError> {
    let mut wire = Vec::with_capacity(text.len());
    let mut words = Words::new(text);
    append_split(words.need()?.text, Escapes::Lenient, &mut wire)?;
    append_strings(&mut words, &mut wire)?;
    Ok(wire)
}

/// Appends the strings that are left, leniently.
pub(super) fn append_strings(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    while let Some(word) = words.next()? {
        append_split(word.text, Escapes::Lenient, wire)?;
    }
    Ok(())
}

fn read_with(text: &str, escapes: Escapes) -> Result<Txt, RdataError> {
    let mut txt = Txt { wire: Vec::with_capacity(text.len()), spelling: String::with_capacity(text.len()) };
    let mut words = Words::new(text);
    let mut next = Some(words.need()?);
    while let Some(word) = next {
        if !txt.spelling.is_empty() {
            txt.spelling.push(' ');
        }
        append_split(word.text, escapes, &mut txt.wire)?;
        txt.spelling.push('"');
        if word.is_quoted {
            txt.spelling.push_str(word.text);
        } else {
            push_quotable(word.text, &mut txt.spelling);
        }
        txt.spelling.push('"');
        next = words.next()?;
    }
    Ok(txt)
}

/// Appends what stood without quotes so that it can stand between them.
fn push_quotable(text: &str, out: &mut String) {
    let mut is_escaped = false;
    for character in text.chars() {
        if character == '"' && !is_escaped {
            out.push('\\');
        }
        out.push(character);
        is_escaped = character == '\\' && !is_escaped;
    }
}

/// PowerDNS puts quotes around a single word to say what it expects, and gives up on several.
fn check_quotes(text: &str) -> Result<(), ContentError> {
    let mut words = Words::new(text);
    let mut is_first = true;
    while let Some(word) = words.next()? {
        if !word.is_quoted {
            if is_first && words.is_at_end() {
                let mut octets = Vec::new();
                append_unescaped(word.text, Escapes::Lenient, &mut octets)?;
                let mut quoted = String::from("\"");
                push_quotable(word.text, &mut quoted);
                quoted.push('"');
                return Err(unexpected_format(&quoted));
            }
            return Err(ContentError(format!(
                "Data field in DNS should start with quote (\") at position {} of '{}'",
                word.at,
                words.excerpt()
            )));
        }
        is_first = false;
    }
    Ok(())
}
