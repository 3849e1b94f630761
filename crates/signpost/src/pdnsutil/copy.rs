//! b2b-migrate: everything of one database into another, empty one.

use std::sync::Arc;

use api::ZoneDefaults;
use store::{ApiKeyChange, AutoprimaryChange, Store, StoreSettings, TsigKeyChange, ViewChange, ZoneFilter};

use super::output::{Failure, Outcome, Output};
use crate::config::postgres_url;
use crate::database;

/// How long a statement of a copy may take; those of whole zones have longer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// `FROM TO`, both as database URLs. Each zone is one transaction, and is read again and compared before the next.
pub(super) async fn migrate(output: &mut Output, parameters: &[String]) -> Outcome {
    let (from_url, to_url) = (&parameters[0], &parameters[1]);
    for url in [from_url, to_url] {
        let is_url = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme));
        if !is_url {
            return Err(Failure::Said(format!(
                "Unknown backend '{}': name databases by their URLs, sqlite:FILE and postgres://...",
                postgres_url::redacted(url)
            )));
        }
    }
    let (from, to) = (open(from_url, false).await?, open(to_url, true).await?);
    let (from_shown, to_shown) = (postgres_url::redacted(from_url), postgres_url::redacted(to_url));
    output.data(format_args!("Moving zone(s) from {from_shown} to {to_shown}"));
    let all = ZoneFilter { without_dnssec: true, ..ZoneFilter::default() };
    if !to.zones(&all).await?.is_empty() {
        return Err(Failure::said("Error: Target backend has zone(s), please clean it first"));
    }
    // Somebody may rely on what a key there may not do.
    let views = to.views().await?;
    if !(views.zones.is_empty() && views.networks.is_empty() && to.api_keys().await?.is_empty()) {
        return Err(Failure::said("Error: Target backend has views or API keys, please clean it first"));
    }
    let zones = from.zones(&all).await?;
    for zone in &zones {
        let shown = zone.name.to_dotless();
        output.data(format_args!("Processing '{shown}'"));
        let rows = from.zone_rows(zone.id).await?;
        to.restore_zone(&rows).await?;
        let missing = || Failure::Said(format!("Error: '{shown}' is not there after it was copied"));
        let copied = to.zone_rows(to.zone(&zone.name).await?.ok_or_else(missing)?.id).await?;
        if !copied.is_same(&rows) {
            return Err(Failure::Said(format!("Error: '{shown}' differs after it was copied")));
        }
        output.data(format_args!(
            "Moved {} record(s), {} comment(s), {} metadata(s) and {} cryptokey(s)",
            rows.records.len(),
            rows.comments.len(),
            rows.metadata.len(),
            rows.keys.len()
        ));
    }
    let keys = from.tsig_keys(None).await?;
    for key in &keys {
        to.change_tsig_key(TsigKeyChange::Put(key.clone())).await?;
    }
    let autoprimaries = from.autoprimaries().await?;
    for one in &autoprimaries {
        to.change_autoprimary(AutoprimaryChange::Add(one.clone())).await?;
    }
    let copied = copy_own(&*from, &*to).await?;
    let counts = [to.zones(&all).await?.len(), to.tsig_keys(None).await?.len(), to.autoprimaries().await?.len()];
    if counts != [zones.len(), keys.len(), autoprimaries.len()] {
        return Err(Failure::said("Error: somebody changes the target while it is filled"));
    }
    let [zones, keys, autoprimaries] = counts;
    output.data(format_args!("Moved {zones} zone(s), {keys} TSIG key(s) and {autoprimaries} autoprimary(s)"));
    if copied != (Own { views: 0, networks: 0, api_keys: 0 }) {
        let Own { views, networks, api_keys } = copied;
        output.data(format_args!("Moved {views} view(s), {networks} network(s) and {api_keys} API key(s)"));
    }
    Ok(())
}

/// How much there was of what PowerDNS's tables have no place for.
#[derive(PartialEq, Eq)]
struct Own {
    views: usize,
    networks: usize,
    api_keys: usize,
}

/// Views, networks and API keys.
async fn copy_own(from: &dyn Store, to: &dyn Store) -> Result<Own, Failure> {
    let (views, api_keys) = (from.views().await?, from.api_keys().await?);
    for (view, zones) in &views.zones {
        for zone in zones {
            to.change_views(&ViewChange::AddZone { view: view.clone(), zone: zone.clone() }).await?;
        }
    }
    for (network, view) in &views.networks {
        to.change_views(&ViewChange::SetNetwork { network: *network, view: Some(view.clone()) }).await?;
    }
    for key in &api_keys {
        to.change_api_key(ApiKeyChange::Add(key.clone())).await?;
    }
    Ok(Own { views: views.zones.len(), networks: views.networks.len(), api_keys: api_keys.len() })
}

async fn open(url: &str, is_target: bool) -> Result<Arc<dyn Store>, Failure> {
    let shown = postgres_url::redacted(url);
    if !is_target && database::sqlite_path(url).is_some_and(|path| !path.exists()) {
        return Err(Failure::Said(format!("Error: database {shown} does not exist")));
    }
    let settings = StoreSettings {
        url: url.to_owned(),
        connections_max: 2,
        timeout: TIMEOUT,
        default_ttl: ZoneDefaults::default().ttl,
        migrate: true,
    };
    store::open(&settings)
        .await
        .map_err(|error| Failure::Said(format!("Error: cannot open {shown}: {}", store::with_causes(&error))))
}
