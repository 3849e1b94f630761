//! JSON as PowerDNS writes it: one line, `", "` and `": "` between tokens (PDNS-DIALECT 1.4).
//!
//! Keys stand in byte order because the structs list their fields so: clients that search the text count on it.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Appends `value` to `out`.
pub(crate) fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let mut serializer = Serializer::with_formatter(out, Spaced);
    value.serialize(&mut serializer).expect("our objects have text keys, and a Vec takes every write");
}

/// `value` as text.
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    append(&mut out, value);
    out
}

/// `value` as PowerDNS writes and stores it.
pub fn json_text(value: &serde_json::Value) -> String {
    String::from_utf8(to_vec(value)).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_1_4_one_line_with_spaces_and_keys_in_byte_order() {
        let value = serde_json::json!({"b": [1, 2, {"x": "é\"\n"}], "a": null, "c": {}, "d": []});
        let text = String::from_utf8(to_vec(&value)).unwrap();
        assert_eq!(text, r#"{"a": null, "b": [1, 2, {"x": "é\"\n"}], "c": {}, "d": []}"#);
    }
}
