//! The text of one record's data, word by word (RFC 1035 section 5.1, RFC 9460 appendix A).

use super::RdataError;
use crate::RecordType;

/// One word: a quoted string without its quotes, or everything up to the next space. Escapes are
/// still in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    /// As written.
    pub(crate) text: &'a str,
    /// Whether it stood between quotes.
    pub(crate) is_quoted: bool,
    /// Where it begins.
    pub(crate) at: usize,
}

/// Reads words from the left.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    whole: &'a str,
    at: usize,
}

fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Words<'a> {
    /// Reads `text`.
    pub(crate) fn new(text: &'a str) -> Words<'a> {
        Words { whole: text, at: 0 }
    }

    /// The next word, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Word<'a>>, RdataError> {
        let octets = self.whole.as_bytes();
        while self.at < octets.len() && is_space(octets[self.at]) {
            self.at += 1;
        }
        let Some(&first) = octets.get(self.at) else {
            return Ok(None);
        };
        let word = if first == b'"' {
            let start = self.at + 1;
            let end = closing_quote(octets, start).ok_or_else(|| self.unbalanced())?;
            self.at = end + 1;
            Word { text: &self.whole[start..end], is_quoted: true, at: start - 1 }
        } else {
            let start = self.at;
            let mut at = start;
            while at < octets.len() && !is_space(octets[at]) {
                at = match octets[at] {
                    b'\\' => (at + 2).min(octets.len()),
                    // A quote inside a word, as in `alpn="h2,h3"`, takes spaces in.
                    b'"' => closing_quote(octets, at + 1).ok_or_else(|| self.unbalanced())? + 1,
                    _ => at + 1,
                };
            }
            // An escape may have stepped into a character of several octets.
            while !self.whole.is_char_boundary(at) {
                at += 1;
            }
            self.at = at;
            Word { text: &self.whole[start..at], is_quoted: false, at: start }
        };
        Ok(Some(word))
    }

    /// The next word, which must be there.
    pub(crate) fn need(&mut self) -> Result<Word<'a>, RdataError> {
        match self.next()? {
            Some(word) => Ok(word),
            None => Err(RdataError::new(format!("missing field at the end of record content '{}'", self.excerpt()))),
        }
    }

    /// Whether the data begins with the mark of RFC 3597 section 5, `\#`, as a word of its own.
    pub(crate) fn starts_with_generic_mark(&self) -> bool {
        let rest = self.whole.trim_ascii_start();
        rest.strip_prefix("\\#").is_some_and(|rest| rest.bytes().next().is_none_or(is_space))
    }

    /// Whether nothing but spaces is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.whole.as_bytes()[self.at..].iter().all(|&octet| is_space(octet))
    }

    /// Refuses anything that is left.
    pub(super) fn finish(self, rtype: RecordType) -> Result<(), RdataError> {
        if self.is_at_end() {
            return Ok(());
        }
        let rest = &self.whole[self.at..];
        Err(RdataError::new(format!("When parsing {rtype} trailing data was not parsed: '{}'", excerpt(rest))))
    }

    /// The whole text as error messages quote it.
    pub(crate) fn excerpt(&self) -> &'a str {
        excerpt(self.whole)
    }

    fn unbalanced(&self) -> RdataError {
        RdataError::new(format!("Data field in DNS should end on a quote (\") in '{}'", self.excerpt()))
    }
}

/// Characters of a text that an error message quotes at most.
const EXCERPT_CHARS: usize = 1_000;

/// A piece of `text` short enough for an error message.
pub(crate) fn excerpt(text: &str) -> &str {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Where the quote that closes a string is, counting from `at`, just after the one that opens it.
fn closing_quote(octets: &[u8], mut at: usize) -> Option<usize> {
    while let Some(&octet) = octets.get(at) {
        match octet {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, bool)> {
        let mut words = Words::new(text);
        let mut found = Vec::new();
        while let Some(word) = words.next().unwrap() {
            found.push((word.text.to_string(), word.is_quoted));
        }
        found
    }

    fn expected(list: &[(&str, bool)]) -> Vec<(String, bool)> {
        list.iter().map(|&(text, is_quoted)| (text.to_string(), is_quoted)).collect()
    }

    #[test]
    fn quotes_hold_spaces_together() {
        assert_eq!(words(" a\t\"b c\"\n d"), expected(&[("a", false), ("b c", true), ("d", false)]));
        assert_eq!(words("\"a\"\"b\""), expected(&[("a", true), ("b", true)]));
        assert_eq!(words("alpn=\"h2 h3\" x"), expected(&[("alpn=\"h2 h3\"", false), ("x", false)]));
    }

    #[test]
    fn escapes_hide_quotes_and_spaces() {
        assert_eq!(words("a\\ b \"c\\\"d\""), expected(&[("a\\ b", false), ("c\\\"d", true)]));
        assert_eq!(words("a\\é b"), expected(&[("a\\é", false), ("b", false)]));
        assert_eq!(words("a\\"), expected(&[("a\\", false)]));
    }

    #[test]
    fn an_open_quote_is_an_error() {
        for text in ["\"abc", "\"", "\"abc\\\"", "\"abc\\", "x=\"y"] {
            assert!(Words::new(text).next().unwrap_err().reason.contains("should end on a quote"), "{text}");
        }
    }
}
