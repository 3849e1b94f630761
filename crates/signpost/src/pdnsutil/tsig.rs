//! generate-tsig-key, import-tsig-key, list-tsig-keys, delete-tsig-key, activate-tsig-key, deactivate-tsig-key.

use api::tsigkeys::{generate_tsig_secret, is_tsig_secret, tsig_algorithm};
use store::{Rectify, SerialBump, StoreError, TsigKey, TsigKeyChange, ZoneEdit};
use wire::{Name, ZoneName};
use zeroize::Zeroizing;

use super::Tool;
use super::output::{Failure, Outcome};

pub(super) async fn generate(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let name = Tool::name(&parameters[0])?;
    let shown = name.to_dotless();
    let text = &parameters[1];
    let refused = |why: &str| Failure::Said(format!("Could not create new TSIG key {shown} {text}: {why}"));
    let algorithm = tsig_algorithm(text).ok_or_else(|| refused(&format!("Invalid TSIG algorithm: {text}")))?;
    // A key that is in use is not replaced by accident: import-tsig-key does so when told to.
    if tool.store.tsig_keys(Some(&name)).await?.iter().any(|key| key.algorithm.eq_ignore_ascii_case(algorithm)) {
        return Err(refused("it exists already"));
    }
    let secret = generate_tsig_secret(algorithm).ok_or_else(|| refused("the system has no random numbers"))?;
    let key = TsigKey { name, algorithm: algorithm.to_owned(), secret };
    tool.store.change_tsig_key(TsigKeyChange::Put(key.clone())).await?;
    tool.output.data(format_args!("Create new TSIG key {shown} {algorithm} {}", key.secret.as_str()));
    Ok(())
}

/// Takes the place of a key of the same name and algorithm.
pub(super) async fn import(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let name = Tool::name(&parameters[0])?;
    let shown = name.to_dotless();
    let text = &parameters[1];
    let algorithm =
        tsig_algorithm(text).ok_or_else(|| Failure::Said(format!("Error: Unknown TSIG algorithm: {text}")))?;
    if !is_tsig_secret(&parameters[2]) {
        return Err(Failure::said("Error: the key is not base64 of at most 255 characters"));
    }
    let secret = Zeroizing::new(parameters[2].clone());
    let key = TsigKey { name, algorithm: algorithm.to_owned(), secret };
    tool.store.change_tsig_key(TsigKeyChange::Put(key)).await?;
    tool.output.data(format_args!("Imported TSIG key {shown} {algorithm}"));
    Ok(())
}

pub(super) async fn list(tool: &mut Tool) -> Outcome {
    for key in tool.store.tsig_keys(None).await? {
        tool.output.data(format_args!("{} {}. {}", key.name, key.algorithm, key.secret.as_str()));
    }
    Ok(())
}

/// A key that is not there is no failure, as in PowerDNS.
pub(super) async fn delete(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let name = Tool::name(&parameters[0])?;
    match tool.store.change_tsig_key(TsigKeyChange::Remove { name: name.clone() }).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    tool.output.data(format_args!("Deleted TSIG key {}", name.to_dotless()));
    Ok(())
}

/// Keys that a zone's secondaries must use, or that it uses towards its primary.
fn kind_of_role(role: &str) -> Result<&'static str, Failure> {
    match role.to_ascii_lowercase().as_str() {
        "primary" | "master" | "producer" => Ok("TSIG-ALLOW-AXFR"),
        "secondary" | "slave" | "consumer" => Ok("AXFR-MASTER-TSIG"),
        _ => Err(Failure::Said(format!("Invalid parameter '{role}', expected primary or secondary type"))),
    }
}

pub(super) async fn activate(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (zone, key) = (Tool::zone_name(&parameters[0])?, Tool::name(&parameters[1])?);
    let kind = kind_of_role(&parameters[2])?;
    let mut values = present(tool, &zone, kind).await?;
    // The API writes names with a final dot, pdnsutil without.
    if !values.iter().any(|value| is_name(value, &key)) {
        values.push(key.to_dotless());
        set(tool, &zone, kind, values).await?;
    }
    if tool.store.tsig_keys(Some(&key)).await?.is_empty() {
        tool.output.chatter(format_args!("Warning: there is no TSIG key {} yet", key.to_dotless()));
    }
    tool.output.data(format_args!("Enabled TSIG key {} for {}", key.to_dotless(), zone.to_dotless()));
    Ok(())
}

/// A key that was not active is no failure, as in PowerDNS.
pub(super) async fn deactivate(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (zone, key) = (Tool::zone_name(&parameters[0])?, Tool::name(&parameters[1])?);
    let kind = kind_of_role(&parameters[2])?;
    let mut values = present(tool, &zone, kind).await?;
    let count = values.len();
    values.retain(|value| !is_name(value, &key));
    if values.len() < count {
        set(tool, &zone, kind, values).await?;
    }
    tool.output.data(format_args!("Disabled TSIG key {} for {}", key.to_dotless(), zone.to_dotless()));
    Ok(())
}

async fn present(tool: &Tool, zone: &ZoneName, kind: &str) -> Result<Vec<String>, Failure> {
    let summary = tool.zone(zone, || no_such_zone(zone)).await?;
    let metadata = tool.store.metadata(summary.id).await?;
    Ok(metadata.into_iter().find(|(present, _)| present == kind).map(|(_, values)| values).unwrap_or_default())
}

async fn set(tool: &Tool, zone: &ZoneName, kind: &str, values: Vec<String>) -> Outcome {
    let edit = ZoneEdit {
        metadata: vec![(kind.to_owned(), values)],
        serial: SerialBump::Keep,
        rectify: Rectify::Skip,
        ..ZoneEdit::default()
    };
    tool.edit(zone, edit, || no_such_zone(zone)).await?;
    Ok(())
}

fn is_name(value: &str, name: &Name) -> bool {
    Name::parse(value).is_ok_and(|value| value.to_lowercase() == *name)
}

fn no_such_zone(zone: &ZoneName) -> String {
    format!("Zone '{}' does not exist", zone.to_dotless())
}
