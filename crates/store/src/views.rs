//! Views and networks: which variants of zones the clients of a network see (PDNS-DIALECT section 11).

use std::collections::BTreeMap;

use wire::{Name, Network, ZoneName};

use crate::StoreError;
use crate::session::{Session, Sql, Value};

/// Views and networks as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredViews {
    /// The zones of each view, of which at most one has an apex.
    pub zones: BTreeMap<String, Vec<ZoneName>>,
    /// The view of each network.
    pub networks: Vec<(Network, String)>,
}

/// One change of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    /// The view shows this zone, in the place of another of its apex.
    AddZone {
        /// Which view.
        view: String,
        /// It need not exist.
        zone: ZoneName,
    },
    /// The view shows this zone no longer.
    RemoveZone {
        /// Which view.
        view: String,
        /// Exactly this variant.
        zone: ZoneName,
    },
    /// Clients of the network see the view; `None`: what everybody sees.
    SetNetwork {
        /// Which clients.
        network: Network,
        /// It need not have zones.
        view: Option<String>,
    },
}

/// Reads all of them.
pub(crate) async fn read(session: &mut Session) -> Result<StoredViews, StoreError> {
    const ZONES: Sql = Sql::both("SELECT view, zone, variant FROM signpost_view ORDER BY view, zone");
    const NETWORKS: Sql = Sql::both("SELECT network, view FROM signpost_network ORDER BY network");
    let mut views = StoredViews::default();
    for row in session.rows("reading views", ZONES, []).await? {
        match zone_name(row.text(1)?, row.text(2)?) {
            Some(zone) => views.zones.entry(row.text(0)?.to_owned()).or_default().push(zone),
            None => tracing::warn!(zone = row.text(1)?, variant = row.text(2)?, "a row of signpost_view names no zone"),
        }
    }
    for row in session.rows("reading networks", NETWORKS, []).await? {
        match row.text(0)?.parse() {
            Ok(network) => views.networks.push((network, row.text(1)?.to_owned())),
            Err(error) => tracing::warn!(%error, "a row of signpost_network names no network"),
        }
    }
    Ok(views)
}

fn zone_name(apex: &str, variant: &str) -> Option<ZoneName> {
    let zone = ZoneName::from(Name::parse(apex).ok()?);
    if variant.is_empty() { Some(zone) } else { zone.with_variant(variant).ok() }
}

/// Makes one change. Returns whether there was anything to change.
pub(crate) async fn change(session: &mut Session, change: &ViewChange) -> Result<bool, StoreError> {
    const ADD: Sql = Sql::both(
        "INSERT INTO signpost_view (view, zone, variant) VALUES ($1, $2, $3) \
         ON CONFLICT (view, zone) DO UPDATE SET variant = excluded.variant WHERE signpost_view.variant <> excluded.variant",
    );
    const REMOVE: Sql = Sql::both("DELETE FROM signpost_view WHERE view = $1 AND zone = $2 AND variant = $3");
    const SET: Sql = Sql::both(
        "INSERT INTO signpost_network (network, view) VALUES ($1, $2) \
         ON CONFLICT (network) DO UPDATE SET view = excluded.view WHERE signpost_network.view <> excluded.view",
    );
    const UNSET: Sql = Sql::both("DELETE FROM signpost_network WHERE network = $1");
    let of_zone = |view: &str, zone: &ZoneName| {
        vec![Value::from(view), Value::Text(zone.apex().to_dotless()), Value::from(zone.variant().unwrap_or_default())]
    };
    let key = |network: &Network| {
        let (first, prefix) = network.parts();
        Value::Text(format!("{first}/{prefix}"))
    };
    let (statement, values) = match change {
        ViewChange::AddZone { view, zone } => (ADD, of_zone(view, zone)),
        ViewChange::RemoveZone { view, zone } => (REMOVE, of_zone(view, zone)),
        ViewChange::SetNetwork { network, view: Some(view) } => (SET, vec![key(network), Value::from(view.as_str())]),
        ViewChange::SetNetwork { network, view: None } => (UNSET, vec![key(network)]),
    };
    Ok(session.execute("changing a view", statement, values).await? > 0)
}
