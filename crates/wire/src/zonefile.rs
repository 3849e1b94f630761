//! Master files (RFC 1035 section 5): `$ORIGIN`, `$TTL`, `$GENERATE`, parentheses, comments, TTL units, omitted owners.
//!
//! What `dig AXFR` prints is a master file too: its comments are skipped, and so is the SOA at its end. Finding
//! duplicates, names out of zone and conflicts is left to who asked.

mod entry;
mod generate;

use crate::content;
use crate::name::NameError;
use crate::rdata::interval;
use crate::rdata::words::excerpt;
use crate::{Name, RecordType};
use entry::{Entries, Entry, Word};
use generate::Generator;

/// Records that all `$GENERATE` lines of a file may make: a /16 in reverse.
pub const GENERATED_RECORDS_MAX: usize = 65_536;

/// Octets of text that all `$GENERATE` lines of a file may make.
pub const GENERATED_OCTETS_MAX: usize = 1 << 24;

/// Largest TTL (RFC 2181 section 8).
pub const TTL_MAX: u32 = i32::MAX as u32;

/// One record of a master file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFileRecord {
    /// Owner, absolute.
    pub name: Name,
    /// TTL in seconds.
    pub ttl: u32,
    /// Type.
    pub rtype: RecordType,
    /// Data, names made absolute.
    pub content: content::Content,
}

/// Why a master file cannot be read: line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ZoneFileError {
    /// One-based; of a record over several lines, the first.
    pub line: usize,
    /// For a person.
    pub reason: String,
}

/// Reads a whole master file.
///
/// A record without a TTL takes that of the last `$TTL` (RFC 2308 section 4), without one the last TTL that
/// was stated (RFC 1035 section 5.1), and without any `default_ttl`. Only class IN is taken. A second SOA is
/// skipped. `$INCLUDE` is refused: the text may come from a stranger.
///
/// # Errors
///
/// [`ZoneFileError`] with the first fault.
pub fn parse(text: &str, origin: &Name, default_ttl: u32) -> Result<Vec<ZoneFileRecord>, ZoneFileError> {
    let mut reader = Reader {
        origin: origin.clone(),
        owner: None,
        ttl: default_ttl,
        is_ttl_fixed: false,
        has_soa: false,
        generated_records: 0,
        generated_octets: 0,
        records: Vec::new(),
    };
    let mut entries = Entries::new(text);
    let mut entry = Entry::default();
    while entries.next_into(&mut entry)? {
        reader.take(&entry).map_err(|reason| ZoneFileError { line: entry.line, reason: reason.0 })?;
    }
    Ok(reader.records)
}

/// A fault in an entry, whose line is known further up.
struct Fault(String);

impl Fault {
    fn new(reason: impl Into<String>) -> Fault {
        Fault(reason.into())
    }

    fn in_name(text: &str, error: NameError) -> Fault {
        Fault(format!("name '{}': {error}", excerpt(text)))
    }
}

struct Reader {
    origin: Name,
    /// Of the record before.
    owner: Option<Name>,
    /// For records without.
    ttl: u32,
    /// Whether a `$TTL` has set `ttl`; a record's own TTL then changes nothing for the next.
    is_ttl_fixed: bool,
    has_soa: bool,
    generated_records: usize,
    generated_octets: usize,
    records: Vec<ZoneFileRecord>,
}

impl Reader {
    fn take(&mut self, entry: &Entry<'_>) -> Result<(), Fault> {
        let Some(first) = entry.words.first() else {
            return Ok(());
        };
        if first.text.starts_with('$') && !entry.is_indented {
            return self.directive(first.text, &entry.words[1..]);
        }
        let words = if entry.is_indented {
            if self.owner.is_none() {
                return Err(Fault::new("the first record has no owner name"));
            }
            &entry.words[..]
        } else {
            self.owner = Some(self.name(first)?);
            &entry.words[1..]
        };
        self.record(words)
    }

    fn name(&self, word: &Word<'_>) -> Result<Name, Fault> {
        if word.is_quoted {
            return Err(Fault::new(format!("name {} in quotes", excerpt(word.text))));
        }
        Name::parse_relative(word.text, &self.origin).map_err(|error| Fault::in_name(word.text, error))
    }

    fn directive(&mut self, directive: &str, words: &[Word<'_>]) -> Result<(), Fault> {
        let directive = directive.to_ascii_uppercase();
        match (directive.as_str(), words) {
            ("$ORIGIN", [name]) => self.origin = self.name(name)?,
            ("$TTL", [ttl]) => {
                self.ttl = ttl_of(ttl.text).ok_or_else(|| Fault::new(format!("'{}' is no TTL", excerpt(ttl.text))))?;
                self.is_ttl_fixed = true;
            }
            ("$GENERATE", [range, owner, rest @ ..]) => return self.generate(range.text, owner.text, rest),
            ("$INCLUDE", _) => return Err(Fault::new("$INCLUDE is not allowed")),
            ("$ORIGIN" | "$TTL" | "$GENERATE", _) => {
                return Err(Fault::new(format!("{directive} has {} arguments", words.len())));
            }
            _ => return Err(Fault::new(format!("unknown directive '{}'", excerpt(&directive)))),
        }
        Ok(())
    }

    /// A record of the present owner: TTL and class in either order, type, data.
    fn record(&mut self, words: &[Word<'_>]) -> Result<(), Fault> {
        let (head, data) = Head::of(words)?;
        self.push(&head, &join(data))
    }

    fn push(&mut self, head: &Head, data: &str) -> Result<(), Fault> {
        if let Some(ttl) = head.ttl
            && !self.is_ttl_fixed
        {
            self.ttl = ttl;
        }
        if head.rtype == RecordType::SOA {
            if self.has_soa {
                return Ok(());
            }
            self.has_soa = true;
        }
        let Some(name) = self.owner.clone() else {
            return Err(Fault::new("the first record has no owner name"));
        };
        let content = content::from_zone_file(head.rtype, data, &self.origin)
            .map_err(|error| Fault::new(format!("{name} {}: {error}", head.rtype)))?;
        self.records.push(ZoneFileRecord { name, ttl: head.ttl.unwrap_or(self.ttl), rtype: head.rtype, content });
        Ok(())
    }

    /// `$GENERATE RANGE OWNER [TTL] [CLASS] TYPE DATA`, as BIND has it.
    fn generate(&mut self, range: &str, owner: &str, words: &[Word<'_>]) -> Result<(), Fault> {
        let (head, data) = Head::of(words)?;
        let generator = Generator::new(range, owner, &join(data))?;
        self.generated_records = self.generated_records.saturating_add(generator.count());
        if self.generated_records > GENERATED_RECORDS_MAX {
            return Err(Fault::new(format!("$GENERATE makes more than {GENERATED_RECORDS_MAX} records")));
        }
        for number in generator.numbers() {
            let (owner, data) = generator.at(number)?;
            self.generated_octets += owner.len() + data.len();
            if self.generated_octets > GENERATED_OCTETS_MAX {
                return Err(Fault::new(format!("$GENERATE makes more than {GENERATED_OCTETS_MAX} octets")));
            }
            self.owner =
                Some(Name::parse_relative(&owner, &self.origin).map_err(|error| Fault::in_name(&owner, error))?);
            self.push(&head, &data)?;
        }
        Ok(())
    }
}

/// What stands between owner and data.
struct Head {
    ttl: Option<u32>,
    rtype: RecordType,
}

impl Head {
    /// Reads TTL, class and type, and returns what follows.
    fn of<'w, 't>(words: &'w [Word<'t>]) -> Result<(Head, &'w [Word<'t>]), Fault> {
        let mut ttl = None;
        let mut has_class = false;
        for (index, word) in words.iter().enumerate() {
            if !has_class && is_class_in(word.text) {
                has_class = true;
            } else if ttl.is_none() && word.text.starts_with(|first: char| first.is_ascii_digit()) {
                let stated = ttl_of(word.text).ok_or_else(|| not_a_type(word.text))?;
                ttl = Some(stated);
            } else {
                let rtype: RecordType = word.text.parse().map_err(|_| not_a_type(word.text))?;
                if rtype.is_meta() {
                    return Err(Fault::new(format!("{rtype} is no type of zone data")));
                }
                return Ok((Head { ttl, rtype }, &words[index + 1..]));
            }
        }
        Err(Fault::new("the record ends before its type"))
    }
}

/// IN, or `CLASS1` (RFC 3597 section 5).
fn is_class_in(text: &str) -> bool {
    text.eq_ignore_ascii_case("IN") || text.eq_ignore_ascii_case("CLASS1")
}

fn ttl_of(text: &str) -> Option<u32> {
    interval(text).filter(|&ttl| ttl <= TTL_MAX)
}

fn not_a_type(text: &str) -> Fault {
    let is_class = ["CH", "HS", "CS", "NONE"].iter().any(|class| class.eq_ignore_ascii_case(text));
    if is_class {
        return Fault::new(format!("class {text} is not IN"));
    }
    Fault::new(format!("'{}' doesn't look like a qtype", excerpt(text)))
}

/// The data on one line.
fn join(words: &[Word<'_>]) -> String {
    let mut line = String::with_capacity(words.iter().map(|word| word.text.len() + 1).sum());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word.text);
    }
    line
}

#[cfg(test)]
mod tests;
