//! Zones made of what the store hands over in a load.

use crate::ZoneRules;
use crate::apply::contained;
use crate::assemble::{Assembled, Assembler};
use crate::serving::Serving;
use dnssec::ZoneTable;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use store::{LoadItem, StoredViews, ZoneHeader, ZoneId};
use tokio::runtime::{Handle, RuntimeFlavor};
use zone::BuildError;

/// A zone of more records takes tens of milliseconds to build.
pub(crate) const LARGE: usize = 10_000;

/// Takes the items of one load. Holds nothing of the zones that are served, so that these can be changed in the meantime.
pub(crate) struct Loading {
    table: Arc<ZoneTable>,
    rules: ZoneRules,
    /// How zones were served before, with their incarnations.
    previous: HashMap<ZoneId, (u64, Serving)>,
    now: u32,
    current: Option<(ZoneHeader, Assembler)>,
    /// All that came, whatever became of them.
    pub(crate) loaded: BTreeSet<ZoneId>,
    /// Rows that could not be served.
    pub(crate) bad_rows: u64,
}

/// What has come of an item.
pub(crate) enum Loaded {
    Views(StoredViews),
    Zone(Box<Made>),
}

/// A zone as it was loaded.
pub(crate) struct Made {
    pub(crate) header: ZoneHeader,
    /// With its aliases withheld.
    pub(crate) assembled: Result<Assembled, BuildError>,
}

impl Loading {
    pub(crate) fn new(
        table: Arc<ZoneTable>,
        rules: ZoneRules,
        previous: HashMap<ZoneId, (u64, Serving)>,
        now: u32,
    ) -> Loading {
        Loading { table, rules, previous, now, current: None, loaded: BTreeSet::new(), bad_rows: 0 }
    }

    /// Takes one item; returns what it completes.
    pub(crate) fn take(&mut self, item: LoadItem) -> Option<Loaded> {
        match item {
            LoadItem::Views(views) => return Some(Loaded::Views(views)),
            LoadItem::Zone(header) => {
                let previous = self.previous.get(&header.id).filter(|(known, _)| *known == header.incarnation);
                let previous = previous.map(|(_, serving)| serving);
                let assembler = Assembler::with(Serving::new(&header, &self.rules, previous), self.now);
                self.current = Some((header, assembler));
            }
            LoadItem::Record(record) => {
                if let Some((_, assembler)) = &mut self.current {
                    assembler.add(record);
                }
            }
            LoadItem::BadRow { name, rtype, reason } => {
                self.bad_rows += 1;
                tracing::warn!(name, rtype, reason, "row cannot be served");
            }
            LoadItem::EndOfZone => {
                let (header, assembler) = self.current.take()?;
                self.loaded.insert(header.id);
                let is_large = assembler.record_count() >= LARGE;
                let make = || contained(header.id, || self.assemble(assembler));
                let assembled = if is_large { aside(make) } else { make() };
                return assembled.map(|assembled| Loaded::Zone(Box::new(Made { header, assembled })));
            }
        }
        None
    }

    fn assemble(&self, assembler: Assembler) -> Result<Assembled, BuildError> {
        let assembled = assembler.assemble()?;
        if assembled.served.signer.is_some()
            && let Some(old) = self.table.view().get(&assembled.served.name)
        {
            assembled.served.zone.adopt_signatures(&old.zone);
        }
        Ok(assembled)
    }
}

/// Does work that takes a while, with the runtime's other tasks (TCP clients among them) moved to another thread first.
fn aside<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
