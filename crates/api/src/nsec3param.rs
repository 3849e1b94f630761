//! The NSEC3PARAM setting of a zone, as API and `pdnsutil` take it (RFC 5155 section 4.3).

/// Why a text is not the NSEC3PARAM of a zone; shown after "NSEC3PARAMs provided for zone 'x.' are invalid. ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.join(" "))]
pub struct Nsec3ParamError {
    /// Each a sentence.
    pub reasons: Vec<String>,
}

impl Nsec3ParamError {
    fn one(reason: impl Into<String>) -> Nsec3ParamError {
        Nsec3ParamError { reasons: vec![reason.into()] }
    }
}

/// Takes `ALGORITHM FLAGS ITERATIONS SALT` and returns its canonical form (`1 0 0 -`), as it is stored.
///
/// A missing salt is none. `iterations_max` is `max-nsec3-iterations`; RFC 9276 section 3.1 asks for 0.
///
/// # Errors
///
/// [`Nsec3ParamError`] with every reason: another hash algorithm than 1, flags other than 0 and 1 (opt-out), too many
/// iterations, a salt that is not hex or over 255 octets.
pub fn canonical(text: &str, iterations_max: u16) -> Result<String, Nsec3ParamError> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let (algorithm, flags, iterations, salt) = match fields[..] {
        [algorithm, flags, iterations] => (algorithm, flags, iterations, "-"),
        [algorithm, flags, iterations, salt] => (algorithm, flags, iterations, salt),
        _ => return Err(Nsec3ParamError::one("Expected algorithm, flags, iterations and salt, such as '1 0 0 -'.")),
    };
    let number = |field: &str, text: &str| {
        text.parse::<u32>().map_err(|_| Nsec3ParamError::one(format!("The {field} '{text}' is not a number.")))
    };
    let (algorithm, flags, iterations) = (
        number("hash algorithm", algorithm)?,
        number("flags field", flags)?,
        number("number of iterations", iterations)?,
    );
    let mut reasons = Vec::new();
    if iterations > u32::from(iterations_max) {
        reasons.push("Number of NSEC3 iterations is above 'max-nsec3-iterations'.".to_owned());
    }
    if algorithm != 1 {
        reasons.push(format!("Invalid hash algorithm for NSEC3: '{algorithm}', the only valid value is '1'."));
    }
    if flags > 1 {
        reasons.push(format!("Invalid flags for NSEC3: '{flags}', the only valid values are '0' and '1'."));
    }
    let salt = salt.to_ascii_lowercase();
    if salt != "-" {
        match data_encoding::HEXLOWER.decode(salt.as_bytes()) {
            Ok(octets) if octets.is_empty() || octets.len() > 255 => {
                reasons.push("The salt must be of 1 to 255 octets, or '-' for none.".to_owned());
            }
            Ok(_) => {}
            Err(_) => reasons.push(format!("The salt '{salt}' is not hexadecimal, nor '-' for none.")),
        }
    }
    match reasons.is_empty() {
        true => Ok(format!("{algorithm} {flags} {iterations} {salt}")),
        false => Err(Nsec3ParamError { reasons }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_is_stored() {
        assert_eq!(canonical("1 0 0 -", 100).unwrap(), "1 0 0 -");
        assert_eq!(canonical(" 1  1 01 AB ", 100).unwrap(), "1 1 1 ab");
        assert_eq!(canonical("1 0 5", 100).unwrap(), "1 0 5 -");
    }

    #[test]
    fn every_fault_is_named_in_the_dialects_words() {
        assert_eq!(
            canonical("2 0 101 -", 100).unwrap_err().to_string(),
            "Number of NSEC3 iterations is above 'max-nsec3-iterations'. \
             Invalid hash algorithm for NSEC3: '2', the only valid value is '1'."
        );
        for bad in ["", "1", "1 0", "1 0 0 - x", "a 0 0 -", "1 b 0 -", "1 0 -1 -", "1 2 0 -", "1 0 0 abc", "1 0 0 zz"] {
            assert!(canonical(bad, 100).is_err(), "{bad:?}");
        }
        assert!(canonical(&format!("1 0 0 {}", "ab".repeat(256)), 100).is_err());
        assert!(canonical(&format!("1 0 0 {}", "ab".repeat(255)), 100).is_ok());
    }
}
