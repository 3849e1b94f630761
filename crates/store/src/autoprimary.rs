//! Autoprimaries: servers from which zones may be taken over unasked (table `supermasters`, PDNS-DIALECT section 12.6).

use std::net::IpAddr;

use crate::StoreError;
use crate::session::{Session, Sql, Value};

/// Bounds of the columns.
const NAMESERVER_CHARS_MAX: usize = 255;
const ACCOUNT_CHARS_MAX: usize = 40;

/// One row of `supermasters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoprimary {
    /// Address; SQLite's column holds any text.
    pub ip: String,
    /// Name of the server as it was given, with or without a final dot.
    pub nameserver: String,
    /// Account of the zones it brings.
    pub account: String,
}

/// What happens to autoprimaries.
#[derive(Debug, Clone)]
pub enum AutoprimaryChange {
    /// Adds one. [`StoreError::Exists`] if it is there.
    Add(Autoprimary),
    /// Removes it, however address and name are spelled; none is no error.
    Remove {
        /// Address.
        ip: String,
        /// Name of the server.
        nameserver: String,
    },
}

/// All of them.
pub(crate) async fn autoprimaries(session: &mut Session) -> Result<Vec<Autoprimary>, StoreError> {
    const ALL: Sql = Sql {
        postgres: "SELECT host(ip), nameserver, account FROM supermasters ORDER BY ip, nameserver",
        sqlite: "SELECT ip, nameserver, account FROM supermasters ORDER BY ip, nameserver",
    };
    let rows = session.rows("reading autoprimaries", ALL, []).await?;
    let read = rows.iter().map(|row| {
        Ok(Autoprimary {
            ip: row.text(0)?.to_owned(),
            nameserver: row.text(1)?.to_owned(),
            account: row.text(2)?.to_owned(),
        })
    });
    read.collect()
}

/// Changes them in the transaction that is open; returns whether anything changed.
pub(crate) async fn change(session: &mut Session, change: &AutoprimaryChange) -> Result<bool, StoreError> {
    const ADD: Sql = Sql {
        postgres: "INSERT INTO supermasters (ip, nameserver, account) VALUES ($1::text::inet, $2, $3) \
                   ON CONFLICT DO NOTHING",
        sqlite: "INSERT INTO supermasters (ip, nameserver, account) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    };
    const REMOVE: Sql = Sql {
        postgres: "DELETE FROM supermasters WHERE host(ip) = $1 AND nameserver = $2",
        sqlite: "DELETE FROM supermasters WHERE ip = $1 AND nameserver = $2",
    };
    let present = autoprimaries(session).await?;
    match change {
        AutoprimaryChange::Add(new) => {
            check(new)?;
            if present.iter().any(|present| is_same(present, &new.ip, &new.nameserver)) {
                return Err(StoreError::Exists { what: "autoprimary" });
            }
            let values = [new.ip.as_str(), &new.nameserver, &new.account].map(Value::from);
            match session.execute("adding an autoprimary", ADD, values).await? {
                0 => Err(StoreError::Exists { what: "autoprimary" }),
                _ => Ok(true),
            }
        }
        AutoprimaryChange::Remove { ip, nameserver } => {
            let mut is_changed = false;
            for row in present.iter().filter(|present| is_same(present, ip, nameserver)) {
                let values = [row.ip.as_str(), &row.nameserver].map(Value::from);
                is_changed |= session.execute("removing an autoprimary", REMOVE, values).await? > 0;
            }
            Ok(is_changed)
        }
    }
}

/// Addresses are the same in any spelling, names with or without their final dot.
fn is_same(present: &Autoprimary, ip: &str, nameserver: &str) -> bool {
    let is_same_address = match (present.ip.parse::<IpAddr>(), ip.parse::<IpAddr>()) {
        (Ok(present), Ok(asked)) => present == asked,
        _ => present.ip == ip,
    };
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    is_same_address && plain(&present.nameserver) == plain(nameserver)
}

fn check(new: &Autoprimary) -> Result<(), StoreError> {
    if new.ip.parse::<IpAddr>().is_err() {
        return Err(StoreError::Refused(format!("ip: '{}' is not an IP address", new.ip)));
    }
    for (what, text, max) in
        [("nameserver", &new.nameserver, NAMESERVER_CHARS_MAX), ("account", &new.account, ACCOUNT_CHARS_MAX)]
    {
        if text.chars().count() > max {
            return Err(StoreError::Refused(format!("{what}: longer than {max} characters")));
        }
        if text.contains('\0') {
            return Err(StoreError::Refused(format!("{what}: has a NUL character")));
        }
    }
    Ok(())
}
