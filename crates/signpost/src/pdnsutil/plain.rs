//! Commands that need no database: hash-password, raw-lua-from-content.

use std::fmt::Write;

use api::password::{LOG_WORK_FACTOR_DEFAULT, ScryptError, ScryptHash};
use zeroize::Zeroizing;

use super::content;
use super::output::{Failure, Outcome, Output};

/// Hashes a line of standard input, which is not shown while it is typed.
pub(super) fn hash_password(output: &mut Output, parameters: &[String]) -> Outcome {
    let log_work_factor = match parameters.first() {
        None => LOG_WORK_FACTOR_DEFAULT,
        Some(text) => log_of(text)?,
    };
    let secret = Zeroizing::new(output.ask_secretly("Password: ").ok_or(Failure::Silent)?);
    let hash = ScryptHash::new(secret.as_bytes(), log_work_factor).map_err(|error| {
        let why = match error {
            ScryptError::Cost { .. } => "the work factor is not a power of two from 2 to 131072".to_owned(),
            other => other.to_string(),
        };
        Failure::Said(format!("Error while hashing the supplied password: {why}"))
    })?;
    output.data(hash);
    Ok(())
}

/// The logarithm of a work factor; 0 for what is no power of two, and refused later.
fn log_of(text: &str) -> Result<u8, Failure> {
    let factor: u64 =
        text.parse().map_err(|_| Failure::Said(format!("Unable to parse the supplied work factor: '{text}'")))?;
    Ok(if factor.is_power_of_two() { factor.trailing_zeros() as u8 } else { 0 })
}

/// The wire format of a content as a Lua string: octets that are no letters or digits as three decimal digits.
pub(super) fn raw_lua(output: &mut Output, parameters: &[String]) -> Outcome {
    let rtype = content::rtype(&parameters[0])?;
    let record = content::parse(rtype, &parameters[1])?;
    let wire = wire::content::to_wire(rtype, &record.content, Some(record.prio))
        .map_err(|error| Failure::Said(format!("Error: {error}")))?;
    let mut lua = String::from("\"");
    for octet in wire {
        if octet.is_ascii_alphanumeric() {
            lua.push(char::from(octet));
        } else {
            let _ = write!(lua, "\\{octet:03}");
        }
    }
    lua.push('"');
    output.data(lua);
    Ok(())
}
