//! create-secondary-zone, change-secondary-zone-primary.

use store::{NewZone, Rectify, RrsetEdit, SerialBump, StoreError, ZoneEdit, ZoneKind};

use super::Tool;
use super::output::{Failure, Outcome};

pub(super) async fn create(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let shown = zone.to_dotless();
    let exists = || Failure::Said(format!("Zone '{shown}' exists already"));
    if tool.store.zone(&zone).await?.is_some() {
        return Err(exists());
    }
    let primaries = primaries(&parameters[1..])?;
    tool.output.chatter(format_args!("Creating secondary zone '{shown}', with primaries '{}'", primaries.join(",")));
    let edit = ZoneEdit {
        rrsets: RrsetEdit::ReplaceAll(Vec::new()),
        kind: Some(ZoneKind::Slave),
        masters: Some(primaries),
        account: Some(String::new()),
        serial: SerialBump::Keep,
        rectify: Rectify::Skip,
        actor: Some("pdnsutil".to_owned()),
        ..ZoneEdit::default()
    };
    match tool.store.create_zone(NewZone { name: zone.clone(), content: edit }).await {
        Err(StoreError::Exists { .. }) => Err(exists()),
        other => Ok(other.map(|_| ())?),
    }
}

pub(super) async fn change(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let shown = zone.to_dotless();
    let missing = || format!("Zone '{shown}' doesn't exist");
    tool.zone(&zone, missing).await?;
    let primaries = primaries(&parameters[1..])?;
    tool.output.chatter(format_args!("Updating secondary zone '{shown}', primaries to '{}'", primaries.join(",")));
    let edit =
        ZoneEdit { masters: Some(primaries), serial: SerialBump::Keep, rectify: Rectify::Skip, ..ZoneEdit::default() };
    tool.edit(&zone, edit, missing).await?;
    Ok(())
}

fn primaries(texts: &[String]) -> Result<Vec<String>, Failure> {
    let parse = |text: &String| {
        api::parse_primary(text)
            .map_err(|_| Failure::Said(format!("Error: Unable to convert presentation address '{text}'")))
    };
    texts.iter().map(parse).collect()
}
