//! The normal form of what the API is sent: one space between words, nothing unprintable.

use std::fmt::Write as _;

use super::ContentError;
use crate::rdata::words::{Words, excerpt};

/// What to do with characters beyond ASCII between quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NonAscii {
    /// Leave them: TXT comes back as it was sent.
    Kept,
    /// Write their octets as `\DDD`, as the canonical form does.
    Escaped,
}

/// Puts `text` into normal form.
///
/// # Errors
///
/// Outside quotes, parentheses, semicolons and unprintable octets are refused: a master file would
/// read them as something else than data.
pub(super) fn normalise(text: &str, non_ascii: NonAscii) -> Result<String, ContentError> {
    let mut normal = String::with_capacity(text.len());
    let mut words = Words::new(text);
    while let Some(word) = words.next()? {
        if !normal.is_empty() {
            normal.push(' ');
        }
        let mut is_quoted = word.is_quoted;
        let mut is_escaped = false;
        if is_quoted {
            normal.push('"');
        }
        for character in word.text.chars() {
            let is_plain = !is_quoted && !is_escaped;
            if is_plain && (matches!(character, '(' | ')' | ';') || !matches!(character, ' '..='~')) {
                return Err(invalid_character(character, text));
            }
            push_printable(character, non_ascii, &mut normal);
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                // Inside a word, as in `alpn="h2 h3"`; between words the tokens' own quotes are gone.
                '"' => is_quoted = !is_quoted,
                _ => {}
            }
        }
        if word.is_quoted {
            normal.push('"');
        }
    }
    Ok(normal)
}

/// Puts one space between words and escapes control characters in them; refuses nothing.
pub(super) fn escape_controls(text: &str) -> Result<String, ContentError> {
    let mut normal = String::with_capacity(text.len());
    let mut words = Words::new(text);
    while let Some(word) = words.next()? {
        if !normal.is_empty() {
            normal.push(' ');
        }
        let quote = if word.is_quoted { "\"" } else { "" };
        normal.push_str(quote);
        for character in word.text.chars() {
            push_printable(character, NonAscii::Kept, &mut normal);
        }
        normal.push_str(quote);
    }
    Ok(normal)
}

fn push_printable(character: char, non_ascii: NonAscii, out: &mut String) {
    let is_kept = match character {
        ' '..='~' => true,
        _ if character.is_ascii() => false,
        _ => non_ascii == NonAscii::Kept,
    };
    if is_kept {
        out.push(character);
        return;
    }
    let mut octets = [0; 4];
    for octet in character.encode_utf8(&mut octets).bytes() {
        write!(out, "\\{octet:03}").expect("a String takes everything");
    }
}

fn invalid_character(character: char, text: &str) -> ContentError {
    let mut octets = [0; 4];
    let shown = match character {
        ' '..='~' => character.to_string(),
        _ => format!("\\x{:02x}", character.encode_utf8(&mut octets).as_bytes()[0]),
    };
    ContentError(format!("Invalid character '{shown}' in record content '{}'", excerpt(text)))
}
