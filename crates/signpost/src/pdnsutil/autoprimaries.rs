//! add-autoprimary, remove-autoprimary, list-autoprimaries.

use std::net::IpAddr;

use store::{Autoprimary, AutoprimaryChange, StoreError};

use super::Tool;
use super::output::{Failure, Outcome};

pub(super) async fn add(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (ip, nameserver) = (address(&parameters[0])?, parameters[1].clone());
    Tool::name(&nameserver)?;
    let account = parameters.get(2).cloned().unwrap_or_default();
    let new = Autoprimary { ip: ip.to_string(), nameserver, account };
    let shown = format!("{} {}", new.ip, new.nameserver);
    match tool.store.change_autoprimary(AutoprimaryChange::Add(new)).await {
        Err(StoreError::Exists { .. }) => Err(Failure::Said(format!("Error: autoprimary {shown} exists already"))),
        other => Ok(other?),
    }
}

/// One that is not there is no failure, as in PowerDNS.
pub(super) async fn remove(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (ip, nameserver) = (parameters[0].clone(), parameters[1].clone());
    tool.store.change_autoprimary(AutoprimaryChange::Remove { ip, nameserver }).await?;
    Ok(())
}

pub(super) async fn list(tool: &mut Tool) -> Outcome {
    for one in tool.store.autoprimaries().await? {
        tool.output.data(format_args!("IP={}, NS={}, account={}", one.ip, one.nameserver, one.account));
    }
    Ok(())
}

fn address(text: &str) -> Result<IpAddr, Failure> {
    text.parse().map_err(|_| Failure::Said(format!("Error: Unable to convert presentation address '{text}'")))
}
