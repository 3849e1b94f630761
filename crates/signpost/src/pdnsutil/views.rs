//! Views and networks, as PowerDNS has them from 5.0 on.

use store::ViewChange;
use wire::Network;

use super::Tool;
use super::output::{Failure, Outcome};

pub(super) async fn add_zone(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let view = view(&parameters[0])?;
    for text in &parameters[1..] {
        let zone = Tool::zone_name(text)?;
        tool.store.change_views(&ViewChange::AddZone { view: view.clone(), zone }).await?;
    }
    Ok(())
}

pub(super) async fn remove_zone(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let view = view(&parameters[0])?;
    for text in &parameters[1..] {
        let zone = Tool::zone_name(text)?;
        let shown = zone.to_dotless();
        if !tool.store.change_views(&ViewChange::RemoveZone { view: view.clone(), zone }).await? {
            return Err(Failure::Said(format!("Zone '{shown}' is not in view '{view}'")));
        }
    }
    Ok(())
}

pub(super) async fn list(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let view = view(&parameters[0])?;
    let stored = tool.store.views().await?;
    for zone in stored.zones.get(&view).ok_or_else(|| Failure::Said(format!("View '{view}' shows no zone")))? {
        tool.output.data(zone.to_dotless());
    }
    Ok(())
}

pub(super) async fn list_all(tool: &mut Tool) -> Outcome {
    for view in tool.store.views().await?.zones.keys() {
        tool.output.data(view);
    }
    Ok(())
}

pub(super) async fn networks(tool: &mut Tool) -> Outcome {
    for (network, view) in tool.store.views().await?.networks {
        tool.output.data(format_args!("{network}\t{view}"));
    }
    Ok(())
}

/// Without a view the clients of the network see what everybody sees.
pub(super) async fn set_network(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let network: Network = parameters[0].parse().map_err(|error| Failure::Said(format!("Error: {error}")))?;
    let view = match parameters.get(1).map(String::as_str) {
        None | Some("") => None,
        Some(text) => Some(view(text)?),
    };
    tool.store.change_views(&ViewChange::SetNetwork { network, view }).await?;
    Ok(())
}

fn view(text: &str) -> Result<String, Failure> {
    api::views::checked(text).map(str::to_owned).map_err(|error| Failure::Said(format!("Error: {error}")))
}
