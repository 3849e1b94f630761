//! Keeps `ordername`, `auth` and empty non-terminals as `pdnsutil rectify-zone` would leave them, at the cost of the
//! change: what stands below a name is asked of an index, and read only below a cut that comes or goes.

use std::collections::HashSet;

use wire::{Name, RecordType};

use crate::StoreError;
use crate::derive::{Below, Order, Tree};
use crate::rows::{self, Derived, Look};
use crate::rrsets::{RecordRow, Rows};
use crate::session::Session;

/// A rectification in two steps: before new rows are written, since they carry their columns, and after, since empty
/// non-terminals depend on what is stored then.
pub(crate) struct Rectifier {
    zone: i64,
    tree: Tree,
    /// Names from which on down `rows` holds everything.
    complete_below: Vec<Name>,
    /// Names that may have become empty non-terminals, or ceased to be.
    candidates: HashSet<Name>,
}

impl Rectifier {
    /// For some names of a zone. `rows` holds them and all their ancestors as they will be; `cuts` are those of them
    /// that begin or cease to be one. Sets the columns of rows not yet written; returns what is to change in others.
    pub(crate) async fn for_names(
        session: &mut Session,
        zone: i64,
        apex: &Name,
        order: &Order,
        rows: &mut Rows,
        names: &HashSet<Name>,
        cuts: &[Name],
    ) -> Result<(Rectifier, Vec<Derived>), StoreError> {
        let mut targets = names.clone();
        for cut in cuts {
            for (name, found) in rows::below(session, zone, cut).await? {
                // What the edit has in hand is newer.
                rows.entry(name.clone()).or_insert(found);
                targets.insert(name);
            }
        }
        let candidates = with_ancestors(apex, &targets);
        let tree = Tree::new(apex, order, rows);
        let derived = settle_rows(&tree, rows, |name| targets.contains(name));
        Ok((Rectifier { zone, tree, complete_below: cuts.to_vec(), candidates }, derived))
    }

    /// For a whole zone, all of which is in `rows`.
    pub(crate) fn for_zone(zone: i64, apex: &Name, order: &Order, rows: &mut Rows) -> (Rectifier, Vec<Derived>) {
        let tree = Tree::new(apex, order, rows);
        let mut candidates: HashSet<Name> = tree.with_descendants().cloned().collect();
        candidates.extend(
            rows.iter().filter(|(_, rows)| rows.iter().any(|row| row.rtype.is_none())).map(|(name, _)| name.clone()),
        );
        let derived = settle_rows(&tree, rows, |name| name.is_under(apex));
        (Rectifier { zone, tree, complete_below: vec![apex.clone()], candidates }, derived)
    }

    /// Writes, changes and removes empty non-terminals; returns how many rows that was.
    pub(crate) async fn settle_ents(self, session: &mut Session, rows: &Rows) -> Result<u64, StoreError> {
        let mut doubtful: Vec<(&Name, Below)> = Vec::new();
        let mut settled: Vec<(&Name, Below)> = Vec::new();
        for name in &self.candidates {
            if rows_at(rows, name).iter().any(RecordRow::is_data) {
                settled.push((name, Below::default()));
            } else if self.complete_below.iter().any(|root| name.is_under(root)) {
                settled.push((name, self.tree.below(name)));
            } else {
                doubtful.push((name, self.tree.below(name)));
            }
        }
        self.look_below(session, &mut doubtful, rows).await?;
        settled.append(&mut doubtful);

        let mut removed = Vec::new();
        let mut changed = Vec::new();
        let mut added = Vec::new();
        for (name, below) in settled {
            let mut present = ent_at(rows, name);
            if below.has_data {
                let (ordername, auth) = self.tree.ent_columns(name, below);
                match present.next() {
                    None => added.push((name, empty_non_terminal(ordername, auth))),
                    Some(row) if row.ordername == ordername && row.auth == Some(auth) => {}
                    Some(row) => changed.extend(row.id.map(|id| Derived { id, ordername, auth })),
                }
            }
            removed.extend(present.filter_map(|row| row.id));
        }
        rows::delete(session, &removed).await?;
        rows::update_derived(session, &changed).await?;
        let added: Vec<(&Name, &RecordRow)> = added.iter().map(|(name, row)| (*name, row)).collect();
        rows::insert(session, self.zone, &added).await?;
        Ok((removed.len() + changed.len() + added.len()) as u64)
    }

    /// Asks the database for what the rows in hand do not show.
    async fn look_below(
        &self,
        session: &mut Session,
        names: &mut [(&Name, Below)],
        rows: &Rows,
    ) -> Result<(), StoreError> {
        for look in self.tree.looks() {
            let unknown: Vec<&Name> = names
                .iter()
                .filter(|(name, below)| match look {
                    Look::Data => !below.has_data,
                    _ if !below.has_data || self.tree.is_under_cut(name) => false,
                    // An empty non-terminal that had none of it gains it only from what is in hand.
                    Look::Auth => !below.has_auth && !ent_at(rows, name).any(|row| row.auth == Some(false)),
                    Look::Chained => {
                        !below.has_chained
                            && !ent_at(rows, name).any(|row| row.auth == Some(false) && row.ordername.is_none())
                    }
                })
                .map(|(name, _)| *name)
                .collect();
            let found: HashSet<Name> =
                rows::having_below(session, self.zone, self.tree.apex(), &unknown, *look).await?.into_iter().collect();
            for (_, below) in names.iter_mut().filter(|(name, _)| found.contains(*name)) {
                look.note(below);
            }
        }
        if self.tree.is_data_chained() {
            for (_, below) in names.iter_mut() {
                below.has_chained |= below.has_data;
            }
        }
        Ok(())
    }
}

fn rows_at<'a>(rows: &'a Rows, name: &Name) -> &'a [RecordRow] {
    rows.get(name).map_or(&[], Vec::as_slice)
}

fn ent_at<'a>(rows: &'a Rows, name: &Name) -> impl Iterator<Item = &'a RecordRow> {
    rows_at(rows, name).iter().filter(|row| row.rtype.is_none())
}

fn empty_non_terminal(ordername: Option<String>, auth: bool) -> RecordRow {
    RecordRow {
        id: None,
        rtype: None,
        content: String::new(),
        prio: 0,
        ttl: 0,
        is_disabled: false,
        ordername,
        auth: Some(auth),
    }
}

/// The names and what is between them and the apex.
fn with_ancestors(apex: &Name, names: &HashSet<Name>) -> HashSet<Name> {
    let mut all = HashSet::new();
    for name in names {
        let mut next = Some(name.clone());
        while let Some(name) = next.filter(|name| name != apex && name.is_under(apex)) {
            next = name.parent();
            if !all.insert(name) {
                break;
            }
        }
    }
    all
}

/// Gives the rows of the names asked for their columns.
fn settle_rows(tree: &Tree, rows: &mut Rows, is_wanted: impl Fn(&Name) -> bool) -> Vec<Derived> {
    let mut changed = Vec::new();
    for (name, rows) in rows.iter_mut().filter(|(name, _)| is_wanted(name)) {
        let columns = tree.columns(name, rows);
        for (row, columns) in rows.iter_mut().zip(columns) {
            let Some((ordername, auth)) = columns else { continue };
            if row.ordername == ordername && row.auth == Some(auth) {
                continue;
            }
            row.ordername.clone_from(&ordername);
            row.auth = Some(auth);
            changed.extend(row.id.map(|id| Derived { id, ordername, auth }));
        }
    }
    changed
}

/// Those of `names` that are a cut on one side only.
pub(crate) fn changed_cuts(apex: &Name, before: &Rows, after: &Rows, names: &HashSet<Name>) -> Vec<Name> {
    let is_cut = |rows: &Rows, name: &Name| rows_at(rows, name).iter().any(|row| row.is_enabled(RecordType::NS));
    names
        .iter()
        .filter(|name| *name != apex && name.is_under(apex) && is_cut(before, name) != is_cut(after, name))
        .cloned()
        .collect()
}
