//! `$GENERATE`: many records from one line, as BIND's manual describes it.

use std::fmt::Write as _;

use super::Fault;
use crate::rdata::words::excerpt;

/// Widest number.
const WIDTH_MAX: usize = 63;
/// Places for numbers in one text.
const PLACES_MAX: usize = 64;

/// A piece of owner or data.
enum Part {
    Text(String),
    Number(Format),
}

/// How a number is written in its place: `${offset,width,base}`.
struct Format {
    offset: i64,
    width: usize,
    base: Base,
}

enum Base {
    Decimal,
    Octal,
    Hex,
    UpperHex,
    /// Hexadecimal digits from the last, with dots between them, as in `ip6.arpa`.
    Nibbles,
    UpperNibbles,
}

/// A line that was understood.
pub(super) struct Generator {
    first: u32,
    last: u32,
    step: u32,
    owner: Vec<Part>,
    data: Vec<Part>,
}

impl Generator {
    /// Understands `FIRST-LAST[/STEP]` and the places in owner and data.
    pub(super) fn new(range: &str, owner: &str, data: &str) -> Result<Generator, Fault> {
        let bad = || Fault::new(format!("$GENERATE range '{}' is not FIRST-LAST[/STEP]", excerpt(range)));
        let (bounds, step) = range.split_once('/').unwrap_or((range, "1"));
        let (first, last) = bounds.split_once('-').ok_or_else(bad)?;
        let number = |text: &str| {
            let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().ok()).flatten().filter(|&number| number <= i32::MAX as u32)
        };
        let (Some(first), Some(last), Some(step)) = (number(first), number(last), number(step)) else {
            return Err(bad());
        };
        if first > last || step == 0 {
            return Err(bad());
        }
        Ok(Generator { first, last, step, owner: parts(owner)?, data: parts(data)? })
    }

    /// How many records it makes.
    pub(super) fn count(&self) -> usize {
        ((self.last - self.first) / self.step) as usize + 1
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        (self.first..=self.last).step_by(self.step as usize)
    }

    /// Owner and data for `number`.
    pub(super) fn at(&self, number: u32) -> Result<(String, String), Fault> {
        Ok((fill(&self.owner, number)?, fill(&self.data, number)?))
    }
}

fn parts(template: &str) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut places = 0;
    let mut rest = template;
    while let Some(at) = rest.find(['$', '\\']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("\\$").or_else(|| rest.strip_prefix("$$")) {
            text.push('$');
            rest = after;
        } else if rest.starts_with('\\') {
            // Some other escape, for the record's own parser.
            let escape = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
            text.push_str(&rest[..escape]);
            rest = &rest[escape..];
        } else {
            places += 1;
            if places > PLACES_MAX {
                return Err(Fault::new(format!("$GENERATE with more than {PLACES_MAX} numbers in one text")));
            }
            parts.push(Part::Text(std::mem::take(&mut text)));
            let (format, after) = format(&rest[1..])?;
            parts.push(Part::Number(format));
            rest = after;
        }
    }
    text.push_str(rest);
    parts.push(Part::Text(text));
    Ok(parts)
}

/// What follows a `$`: nothing, or `{offset[,width[,base]]}`.
fn format(text: &str) -> Result<(Format, &str), Fault> {
    let Some(inner) = text.strip_prefix('{') else {
        return Ok((Format { offset: 0, width: 0, base: Base::Decimal }, text));
    };
    let bad = || Fault::new(format!("$GENERATE place '${}' is not ${{OFFSET,WIDTH,BASE}}", excerpt(text)));
    let (inner, rest) = inner.split_once('}').ok_or_else(bad)?;
    let mut fields = inner.split(',');
    let offset: i32 = fields.next().unwrap_or_default().parse().map_err(|_| bad())?;
    let width: usize = fields.next().unwrap_or("0").parse().ok().filter(|&width| width <= WIDTH_MAX).ok_or_else(bad)?;
    let base = match fields.next().unwrap_or("d") {
        "d" => Base::Decimal,
        "o" => Base::Octal,
        "x" => Base::Hex,
        "X" => Base::UpperHex,
        "n" => Base::Nibbles,
        "N" => Base::UpperNibbles,
        _ => return Err(bad()),
    };
    if fields.next().is_some() {
        return Err(bad());
    }
    Ok((Format { offset: i64::from(offset), width, base }, rest))
}

fn fill(parts: &[Part], number: u32) -> Result<String, Fault> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Number(format) => {
                let value = u64::try_from(i64::from(number) + format.offset)
                    .map_err(|_| Fault::new(format!("$GENERATE makes a negative number at {number}")))?;
                write_number(format, value, &mut text);
            }
        }
    }
    Ok(text)
}

fn write_number(format: &Format, value: u64, out: &mut String) {
    let width = format.width;
    let written = match format.base {
        Base::Decimal => write!(out, "{value:0width$}"),
        Base::Octal => write!(out, "{value:0width$o}"),
        Base::Hex => write!(out, "{value:0width$x}"),
        Base::UpperHex => write!(out, "{value:0width$X}"),
        // The width counts the dots too.
        Base::Nibbles => write!(out, "{}", nibbles(&format!("{value:0digits$x}", digits = width.div_ceil(2)))),
        Base::UpperNibbles => write!(out, "{}", nibbles(&format!("{value:0digits$X}", digits = width.div_ceil(2)))),
    };
    written.expect("a String takes everything");
}

fn nibbles(digits: &str) -> String {
    let mut dotted = String::with_capacity(digits.len() * 2);
    for digit in digits.chars().rev() {
        if !dotted.is_empty() {
            dotted.push('.');
        }
        dotted.push(digit);
    }
    dotted
}
