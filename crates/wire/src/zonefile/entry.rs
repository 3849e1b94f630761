//! Entries of a master file: words with parentheses, comments and line ends taken out (RFC 1035 section 5.1).

use super::ZoneFileError;

/// One word as written, quotes and escapes in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// Whether it begins with a quote.
    pub(super) is_quoted: bool,
}

/// One entry, which parentheses or a quoted line end may spread over several lines.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    pub(super) words: Vec<Word<'a>>,
    /// Whether it begins with a space: the owner is that of the entry before.
    pub(super) is_indented: bool,
    /// Where it begins.
    pub(super) line: usize,
}

/// Takes entries from the front of a master file.
pub(super) struct Entries<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(text: &'a str) -> Entries<'a> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Entries { text, at: 0, line: 1 }
    }

    /// Reads the next entry, perhaps one without words, into `entry`; `false` at the end of the text.
    pub(super) fn next_into(&mut self, entry: &mut Entry<'a>) -> Result<bool, ZoneFileError> {
        let octets = self.text.as_bytes();
        entry.words.clear();
        entry.line = self.line;
        entry.is_indented = matches!(octets.get(self.at), Some(b' ' | b'\t'));
        if self.at >= octets.len() {
            return Ok(false);
        }
        // The lines of the parentheses that are open.
        let mut open: Vec<usize> = Vec::new();
        while let Some(&octet) = octets.get(self.at) {
            match octet {
                b'\n' | b'\r' => {
                    self.line_end();
                    if open.is_empty() {
                        return Ok(true);
                    }
                }
                b' ' | b'\t' => self.at += 1,
                b';' => self.skip_comment(),
                b'(' if open.len() < NESTED_MAX => {
                    open.push(self.line);
                    self.at += 1;
                }
                b'(' => return Err(self.fault(self.line, "parentheses are nested too deeply")),
                b')' => {
                    if open.pop().is_none() {
                        return Err(self.fault(self.line, "closing parenthesis without an opening one"));
                    }
                    self.at += 1;
                }
                _ => {
                    let word = self.word()?;
                    entry.words.push(word);
                }
            }
        }
        match open.first() {
            Some(&line) => Err(self.fault(line, "parenthesis is not closed")),
            None => Ok(true),
        }
    }

    fn fault(&self, line: usize, reason: &str) -> ZoneFileError {
        ZoneFileError { line, reason: reason.to_string() }
    }

    /// Steps over LF, CR, or CR LF.
    fn line_end(&mut self) {
        let is_pair = self.text.as_bytes()[self.at..].starts_with(b"\r\n");
        self.at += if is_pair { 2 } else { 1 };
        self.line += 1;
    }

    fn skip_comment(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|octet| matches!(octet, b'\n' | b'\r')).unwrap_or(rest.len());
    }

    /// A quoted string, or what goes to the next space, parenthesis or semicolon; quotes inside take those in.
    fn word(&mut self) -> Result<Word<'a>, ZoneFileError> {
        let octets = self.text.as_bytes();
        let start = self.at;
        let is_quoted = octets[start] == b'"';
        while let Some(&octet) = octets.get(self.at) {
            match octet {
                b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b';' => break,
                b'"' => {
                    self.quoted()?;
                    if is_quoted {
                        break;
                    }
                }
                b'\\' => self.escape(),
                _ => self.at += 1,
            }
        }
        Ok(Word { text: &self.text[start..self.at], is_quoted })
    }

    /// Steps over a quoted string.
    fn quoted(&mut self) -> Result<(), ZoneFileError> {
        let octets = self.text.as_bytes();
        let opened = self.line;
        self.at += 1;
        while let Some(&octet) = octets.get(self.at) {
            match octet {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape(),
                b'\n' | b'\r' => self.line_end(),
                _ => self.at += 1,
            }
        }
        Err(self.fault(opened, "quoted string is not closed"))
    }

    /// Steps over a backslash and what it escapes, but never over a line end.
    fn escape(&mut self) {
        self.at += 1;
        if let Some(character) = self.text[self.at..].chars().next()
            && !matches!(character, '\n' | '\r')
        {
            self.at += character.len_utf8();
        }
    }
}

/// Parentheses within parentheses.
const NESTED_MAX: usize = 16;
