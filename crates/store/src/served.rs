//! A row of `records` as it is served: which rows count, and their wire format.

use std::collections::HashMap;

use wire::{Name, RecordType};

use crate::session::Row;
use crate::{ServedRecord, StoreError};

/// Turns rows into records. Remembers the types it has read: a zone has millions of rows and a dozen types.
pub(crate) struct Reader {
    default_ttl: u32,
    types: HashMap<String, Option<RecordType>>,
}

/// Why a row cannot be served, with the row's own words.
#[derive(Debug)]
pub(crate) struct Unservable {
    pub(crate) name: String,
    pub(crate) rtype: String,
    pub(crate) reason: String,
}

impl Reader {
    /// `default_ttl` holds where a row has none.
    pub(crate) fn new(default_ttl: u32) -> Reader {
        Reader { default_ttl, types: HashMap::new() }
    }

    /// Reads the columns `name, type, content, ttl, prio` that begin at `first`, of an enabled row of the zone `apex`.
    pub(crate) fn read(
        &mut self,
        row: &Row,
        first: usize,
        apex: &Name,
    ) -> Result<Result<ServedRecord, Unservable>, StoreError> {
        let (name, rtype, content) = match (row.text(first), row.text(first + 1), row.text(first + 2)) {
            (Ok(name), Ok(rtype), Ok(content)) => (name, rtype, content),
            // SQLite keeps what it is given, text that is not UTF-8 included.
            (name, rtype, _) => {
                return Ok(Err(Unservable {
                    name: name.unwrap_or("?").to_owned(),
                    rtype: rtype.unwrap_or("?").to_owned(),
                    reason: "not valid UTF-8".to_owned(),
                }));
            }
        };
        let ttl = row.int_or_null(first + 3)?;
        let prio = row.int_or_null(first + 4)?;
        Ok(self.convert(name, rtype, content, ttl, prio, apex).map_err(|reason| Unservable {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            reason,
        }))
    }

    fn convert(
        &mut self,
        name: &str,
        rtype: &str,
        content: &str,
        ttl: Option<i64>,
        prio: Option<i64>,
        apex: &Name,
    ) -> Result<ServedRecord, String> {
        // PowerDNS looks names up as they are written, so it never finds these.
        if name.bytes().any(|octet| octet.is_ascii_uppercase()) {
            return Err("name is not in lower case".to_owned());
        }
        let name = Name::parse(name).map_err(|error| error.to_string())?;
        if !name.is_under(apex) {
            return Err("name is out of zone".to_owned());
        }
        let rtype = self.record_type(rtype).ok_or("unknown type")?;
        let ttl = match ttl {
            None => self.default_ttl,
            Some(ttl) => u32::try_from(ttl)
                .ok()
                .filter(|&ttl| ttl <= i32::MAX as u32)
                .ok_or_else(|| format!("ttl {ttl} is not between 0 and 2147483647"))?,
        };
        let prio = prio.map(|prio| i32::try_from(prio).unwrap_or(i32::MAX));
        let rdata = wire::content::to_wire(rtype, content, prio).map_err(|error| error.to_string())?;
        Ok(ServedRecord { name, rtype, ttl, rdata })
    }

    fn record_type(&mut self, text: &str) -> Option<RecordType> {
        if let Some(known) = self.types.get(text) {
            return *known;
        }
        // Bounded by what the column holds: a hostile writer could name every TYPEnnn, no more.
        let rtype = text.parse().ok();
        self.types.insert(text.to_owned(), rtype);
        rtype
    }
}
