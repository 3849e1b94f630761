//! What PowerDNS derives from a zone's records: `ordername`, `auth`, and which names are empty non-terminals
//! (PDNS-DIALECT section 8). No database here.

use std::collections::{HashMap, HashSet};

use wire::{Name, RecordType};
use zone::nsec3hash::NSEC3_ITERATIONS_MAX;
use zone::ordername::OrderMode;
use zone::{Nsec3Params, ordername};

use crate::rows::Look;
use crate::rrsets::{RecordRow, Rows};

/// How a zone is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) mode: OrderMode,
    /// Insecure delegations are left out of the chain (RFC 5155 section 6); also set for narrow zones.
    pub(crate) is_opt_out: bool,
}

impl Order {
    /// By keys and metadata: a zone without active key is not ordered, whatever its NSEC3PARAM.
    pub(crate) fn of(has_active_key: bool, nsec3param: Option<&str>, is_narrow: bool) -> Order {
        if !has_active_key {
            return Order { mode: OrderMode::Unsigned, is_opt_out: false };
        }
        match nsec3param.and_then(parse_nsec3param) {
            None => Order { mode: OrderMode::Nsec, is_opt_out: false },
            Some(params) if is_narrow => Order { mode: OrderMode::Narrow, is_opt_out: params.opt_out },
            Some(params) => Order { is_opt_out: params.opt_out, mode: OrderMode::Nsec3(params) },
        }
    }

    fn is_hashed(&self) -> bool {
        matches!(self.mode, OrderMode::Nsec3(_) | OrderMode::Narrow)
    }
}

/// Parses `ALGORITHM FLAGS ITERATIONS SALT` (RFC 5155 section 4.3).
fn parse_nsec3param(text: &str) -> Option<Nsec3Params> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, flags, iterations, salt] = fields[..] else { return None };
    let salt = match salt {
        "-" => Vec::new(),
        hex => {
            let digits: Option<Vec<u8>> =
                hex.bytes().map(|digit| char::from(digit).to_digit(16).map(|d| d as u8)).collect();
            let digits = digits.filter(|digits| digits.len().is_multiple_of(2) && digits.len() <= 510)?;
            digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
        }
    };
    Some(Nsec3Params {
        opt_out: flags.parse::<u8>().ok()? & 1 == 1,
        iterations: iterations.parse::<u16>().ok()?.min(NSEC3_ITERATIONS_MAX),
        salt,
    })
}

/// What is known to stand below a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Below {
    /// Any enabled record.
    pub(crate) has_data: bool,
    /// A name that is neither at nor below a cut.
    pub(crate) has_auth: bool,
    /// A name that is in the NSEC3 chain.
    pub(crate) has_chained: bool,
}

/// The columns a row ought to have.
pub(crate) type Columns = (Option<String>, bool);

/// A zone, or a part of it that holds every ancestor of every name.
pub(crate) struct Tree {
    apex: Name,
    order: Order,
    cuts: HashSet<Name>,
    below: HashMap<Name, Below>,
}

impl Tree {
    /// Takes in the names with data.
    pub(crate) fn new(apex: &Name, order: &Order, rows: &Rows) -> Tree {
        let cuts = rows
            .iter()
            .filter(|(name, rows)| *name != apex && rows.iter().any(|row| row.is_enabled(RecordType::NS)))
            .map(|(name, _)| name.clone())
            .collect();
        let mut tree = Tree { apex: apex.clone(), order: order.clone(), cuts, below: HashMap::new() };
        for (name, rows) in rows {
            if !rows.iter().any(RecordRow::is_data) || !name.is_under(apex) {
                continue;
            }
            let is_under_cut = tree.is_under_cut(name);
            let seen = Below {
                has_data: true,
                has_auth: !is_under_cut && !tree.cuts.contains(name),
                has_chained: !is_under_cut && tree.is_chained(rows),
            };
            let mut ancestor = name.parent();
            while let Some(name) = ancestor.filter(|name| name != apex && name.is_under(apex)) {
                ancestor = name.parent();
                let below = tree.below.entry(name).or_default();
                let wider = Below {
                    has_data: true,
                    has_auth: below.has_auth | seen.has_auth,
                    has_chained: below.has_chained | seen.has_chained,
                };
                if *below == wider {
                    // Whoever set this has told the ancestors too.
                    break;
                }
                *below = wider;
            }
        }
        tree
    }

    /// The zone's name.
    pub(crate) fn apex(&self) -> &Name {
        &self.apex
    }

    /// What stands below a name, as far as the tree goes.
    pub(crate) fn below(&self, name: &Name) -> Below {
        self.below.get(name).copied().unwrap_or_default()
    }

    /// Names that have something below them.
    pub(crate) fn with_descendants(&self) -> impl Iterator<Item = &Name> {
        self.below.keys()
    }

    /// What has to be known of a name's descendants for an empty non-terminal's columns, in this order.
    pub(crate) fn looks(&self) -> &'static [Look] {
        match (self.order.is_hashed(), self.order.is_opt_out) {
            (false, _) => &[Look::Data, Look::Auth],
            (true, false) => &[Look::Data],
            (true, true) => &[Look::Data, Look::Auth, Look::Chained],
        }
    }

    /// Whether any data below a name that is not below a cut puts that name into the NSEC3 chain.
    pub(crate) fn is_data_chained(&self) -> bool {
        self.order.is_hashed() && !self.order.is_opt_out
    }

    /// Whether a name is strictly below a cut.
    pub(crate) fn is_under_cut(&self, name: &Name) -> bool {
        if self.cuts.is_empty() {
            return false;
        }
        let mut ancestor = name.parent();
        while let Some(name) = ancestor.filter(|name| *name != self.apex && name.is_under(&self.apex)) {
            if self.cuts.contains(&name) {
                return true;
            }
            ancestor = name.parent();
        }
        false
    }

    /// Whether the rows of a name that is not below a cut put it into the NSEC3 chain.
    fn is_chained(&self, rows: &[RecordRow]) -> bool {
        rows.iter().any(|row| row.is_data() && (!self.order.is_opt_out || row.rtype != Some(RecordType::NS)))
    }

    /// The columns of each enabled row of a name, `None` for rows that keep theirs.
    pub(crate) fn columns(&self, name: &Name, rows: &[RecordRow]) -> Vec<Option<Columns>> {
        let is_under_cut = self.is_under_cut(name);
        let is_cut = self.cuts.contains(name);
        let is_authoritative = !is_cut && !is_under_cut;
        let ordername = match &self.order.mode {
            OrderMode::Nsec => Some(ordername::nsec_ordername(name, &self.apex)),
            OrderMode::Nsec3(_) if !is_under_cut && self.is_chained(rows) => {
                self.order.mode.ordername(name, &self.apex)
            }
            _ => None,
        };
        let has_ds = rows.iter().any(|row| row.is_enabled(RecordType::DS));
        rows.iter()
            .map(|row| {
                let rtype = row.rtype.filter(|_| row.is_data())?;
                Some(match rtype {
                    RecordType::DS => (ordername.clone(), true),
                    RecordType::A | RecordType::AAAA if !is_authoritative => (None, false),
                    RecordType::NS if !is_authoritative && self.order.is_opt_out && !has_ds => (None, false),
                    _ => (ordername.clone(), is_authoritative),
                })
            })
            .collect()
    }

    /// The columns of an empty non-terminal, given what stands below it.
    pub(crate) fn ent_columns(&self, name: &Name, below: Below) -> Columns {
        let is_under_cut = self.is_under_cut(name);
        if !self.order.is_hashed() {
            return (None, below.has_auth && !is_under_cut);
        }
        let is_chained = below.has_chained && !is_under_cut;
        let ordername = self.order.mode.ordername(name, &self.apex).filter(|_| is_chained);
        // PowerDNS counts a name above insecure delegations alone as its own, unless opt-out leaves those out.
        let auth = if self.order.is_opt_out { below.has_auth && !is_under_cut } else { is_chained };
        (ordername, auth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn zone(names: &[(&str, RecordType)]) -> Rows {
        let mut rows = Rows::new();
        for (owner, rtype) in names {
            rows.entry(name(owner)).or_default().push(RecordRow {
                id: None,
                rtype: Some(*rtype),
                content: String::new(),
                prio: 0,
                ttl: 60,
                is_disabled: false,
                ordername: None,
                auth: None,
            });
        }
        rows
    }

    fn delegations() -> Rows {
        zone(&[
            ("x", RecordType::SOA),
            ("a.b.x", RecordType::TXT),
            ("s.d.x", RecordType::NS),
            ("g.s.d.x", RecordType::A),
            ("t.s.d.x", RecordType::TXT),
            ("t.e.x", RecordType::NS),
            ("t.e.x", RecordType::DS),
        ])
    }

    fn show(tree: &Tree, rows: &Rows, owner: &str) -> Vec<Option<Columns>> {
        tree.columns(&name(owner), &rows[&name(owner)])
    }

    #[test]
    fn nsec_orders_everything_but_glue() {
        let rows = delegations();
        let tree = Tree::new(&name("x"), &Order::of(true, None, false), &rows);
        assert_eq!(show(&tree, &rows, "x"), [Some((Some(String::new()), true))]);
        assert_eq!(show(&tree, &rows, "a.b.x"), [Some((Some("b a".to_owned()), true))]);
        assert_eq!(show(&tree, &rows, "s.d.x"), [Some((Some("d s".to_owned()), false))]);
        assert_eq!(show(&tree, &rows, "g.s.d.x"), [Some((None, false))]);
        assert_eq!(show(&tree, &rows, "t.s.d.x"), [Some((Some("d s t".to_owned()), false))]);
        assert_eq!(
            show(&tree, &rows, "t.e.x"),
            [Some((Some("e t".to_owned()), false)), Some((Some("e t".to_owned()), true))]
        );
        for (ent, wanted) in [("b.x", true), ("d.x", false), ("e.x", false)] {
            assert_eq!(tree.ent_columns(&name(ent), tree.below(&name(ent))), (None, wanted), "{ent}");
        }
    }

    #[test]
    fn opt_out_leaves_insecure_delegations_out() {
        let rows = delegations();
        let tree = Tree::new(&name("x"), &Order::of(true, Some("1 1 0 -"), false), &rows);
        assert_eq!(show(&tree, &rows, "s.d.x"), [Some((None, false))]);
        assert!(show(&tree, &rows, "t.e.x").iter().all(|columns| columns.as_ref().unwrap().0.is_some()));
        assert_eq!(tree.ent_columns(&name("d.x"), tree.below(&name("d.x"))), (None, false));
        let (hash, is_auth) = tree.ent_columns(&name("e.x"), tree.below(&name("e.x")));
        assert!(!is_auth && hash.is_some_and(|hash| hash.len() == 32));
    }

    #[test]
    fn without_keys_nothing_is_ordered() {
        let rows = delegations();
        let tree = Tree::new(&name("x"), &Order::of(false, Some("1 0 0 -"), false), &rows);
        assert_eq!(show(&tree, &rows, "a.b.x"), [Some((None, true))]);
        assert_eq!(show(&tree, &rows, "s.d.x"), [Some((None, false))]);
    }

    #[test]
    fn parameters_are_read_as_powerdns_reads_them() {
        let params = parse_nsec3param("1 1 500 ab0F").unwrap();
        assert_eq!(params, Nsec3Params { opt_out: true, iterations: NSEC3_ITERATIONS_MAX, salt: vec![0xab, 0x0f] });
        for bad in ["", "1 0 0", "1 0 x -", "1 0 0 abc", "1 0 0 zz", "1 0 70000 -", "1 0 0 - 5"] {
            assert_eq!(parse_nsec3param(bad), None, "{bad}");
        }
    }
}
