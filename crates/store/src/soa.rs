//! The serial inside a stored SOA content, which is text: `MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM`.

/// The serial of a stored SOA; `None` where there is none to read (old rows have fewer than seven fields).
pub(crate) fn serial_of(content: &str) -> Option<u32> {
    content.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// The content with another serial. Everything else stays as it was stored, spacing apart.
pub(crate) fn with_serial(content: &str, serial: u32) -> String {
    let mut fields: Vec<&str> = content.split_ascii_whitespace().collect();
    let text = serial.to_string();
    match fields.get_mut(2) {
        Some(field) => *field = &text,
        None => {
            while fields.len() < 2 {
                fields.push(".");
            }
            fields.push(&text);
        }
    }
    fields.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serial_is_the_third_field() {
        assert_eq!(serial_of("ns1.x hostmaster.x 2026112401 10800 3600 604800 3600"), Some(2_026_112_401));
        assert_eq!(serial_of("ns1.x  hostmaster.x\t7 1 2 3 4"), Some(7));
        assert_eq!(serial_of("ns1.x hostmaster.x"), None);
        assert_eq!(serial_of("ns1.x hostmaster.x 4294967296"), None);
        assert_eq!(with_serial("ns1.x  hostmaster.x 1 2 3 4 5", 9), "ns1.x hostmaster.x 9 2 3 4 5");
        assert_eq!(with_serial("ns1.x", 9), "ns1.x . 9");
    }
}
