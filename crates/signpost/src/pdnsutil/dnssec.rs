//! secure-zone, disable-dnssec, set-nsec3, rectify-zone, hash-zone-record, list-algorithms.

use ::dnssec::{Algorithm, ZoneKey};
use store::{KeyChange, Rectify, SerialBump, StoreError, ZoneEdit, ZoneFilter, ZoneKind, ZoneSummary};
use wire::ZoneName;
use zone::Nsec3Params;

use super::Tool;
use super::output::{Failure, Outcome, Output};

/// Parameters of set-nsec3 where none are given (RFC 9276 section 3.1).
const NSEC3PARAM_DEFAULT: &str = "1 0 0 -";

pub(super) async fn secure(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let mut has_failed = false;
    for text in parameters {
        match secure_one(tool, &Tool::zone_name(text)?, SerialBump::default()).await {
            Ok(line) => tool.output.chatter(line),
            Err(Failure::Said(message)) => {
                tool.output.chatter(message);
                has_failed = true;
            }
            Err(other) => return Err(other),
        }
    }
    if has_failed { Err(Failure::Silent) } else { Ok(()) }
}

pub(super) async fn secure_all(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let serial = match parameters.first().map(String::as_str) {
        None => SerialBump::default(),
        Some("increase-serial") => SerialBump::Increase,
        Some(_) => return Err(Failure::Usage),
    };
    let (mut secured, mut failed) = (0, 0);
    for zone in tool.store.zones(&ZoneFilter::default()).await? {
        if zone.is_secured || zone.serial.is_none() {
            continue;
        }
        tool.output.begin(format_args!("Securing {}: ", zone.name.to_dotless()));
        // PowerDNS leaves rectifying to another command, and so does not speak of it.
        match secure_one(tool, &zone.name, serial).await {
            Ok(_) => secured += 1,
            Err(Failure::Said(message)) => {
                tool.output.chatter(message);
                failed += 1;
            }
            Err(other) => return Err(other),
        }
    }
    tool.output.data(format_args!("Secured: {secured} zones. Errors: {failed}"));
    if failed > 0 { Err(Failure::Silent) } else { Ok(()) }
}

/// Secures one zone, and returns what a rectify of it says. One without SOA is secured all the same.
async fn secure_one(tool: &mut Tool, zone: &ZoneName, serial: SerialBump) -> Result<String, Failure> {
    let shown = zone.to_dotless();
    let summary = tool.zone(zone, || format!("Can't find a zone called '{shown}'")).await?;
    let already_secure =
        || Failure::Said(format!("Zone '{shown}' already secure, remove keys with pdnsutil remove-zone-key if needed"));
    if !tool.store.keys(summary.id).await?.is_empty() {
        return Err(already_secure());
    }
    if matches!(summary.kind, ZoneKind::Slave | ZoneKind::Consumer) {
        tool.output.chatter("Warning! This is a secondary zone! If this was a mistake, please run");
        tool.output.chatter(format_args!("pdnsutil disable-dnssec {shown} right now!"));
    }
    let (keys, mut metadata) =
        tool.defaults.secure().map_err(|error| Failure::Said(format!("No keys could be made: {error}")))?;
    // What set-nsec3 said before counts more than the default.
    if summary.nsec3param.is_some() {
        metadata.clear();
    }
    tool.output.data("Securing zone with default key size");
    for key in &keys {
        tool.output.data(format_args!("Adding {}", described(key, keys.len())));
    }
    let expects_secured = Some(summary.is_secured);
    let edit = ZoneEdit { keys, metadata, serial, expects_secured, rectify: Rectify::Whole, ..ZoneEdit::default() };
    let commit = match tool.edit(zone, edit, || format!("Can't find a zone called '{shown}'")).await {
        Err(Failure::Store(StoreError::Changed { .. })) => return Err(already_secure()),
        other => other?,
    };
    let summary = tool.zone(zone, || format!("Can't find a zone called '{shown}'")).await?;
    tool.output.data(format_args!("Zone {shown} secured"));
    Ok(match summary.serial {
        Some(_) => rectified(&summary, commit.rectified_rows),
        None => no_soa(zone),
    })
}

fn described(key: &KeyChange, keys: usize) -> String {
    let KeyChange::Add { flags, content, .. } = key else { return String::new() };
    let algorithm = match ZoneKey::from_isc(content, *flags).map(|key| key.algorithm()) {
        Ok(algorithm) => short_name(algorithm),
        Err(_) => "unknown",
    };
    match flags {
        257 if keys == 1 => format!("CSK (257) with algorithm {algorithm}"),
        257 => format!("KSK with algorithm {algorithm}"),
        _ => format!("ZSK with algorithm {algorithm}"),
    }
}

/// The words of the settings.
fn short_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaSha256 => "rsasha256",
        Algorithm::RsaSha512 => "rsasha512",
        Algorithm::EcdsaP256Sha256 => "ecdsa256",
        Algorithm::EcdsaP384Sha384 => "ecdsa384",
        Algorithm::Ed25519 => "ed25519",
        _ => "unknown",
    }
}

pub(super) async fn disable(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let shown = zone.to_dotless();
    let cannot = |reason: &str| Failure::Said(format!("{reason}\nCannot disable DNSSEC on {shown}"));
    let Some(summary) = tool.store.zone(&zone).await? else { return Err(cannot("No such zone in the database")) };
    if tool.store.keys(summary.id).await?.is_empty() {
        return Err(cannot(&format!("No keys for zone '{shown}'.")));
    }
    let (keys, metadata) = api::defaults::unsecure();
    let edit = ZoneEdit { keys, metadata, rectify: Rectify::Whole, ..ZoneEdit::default() };
    tool.edit(&zone, edit, || "No such zone in the database".to_owned()).await?;
    Ok(())
}

pub(super) async fn set_nsec3(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let text = parameters.get(1).map_or(NSEC3PARAM_DEFAULT, String::as_str);
    let is_narrow = match parameters.get(2).map(String::as_str) {
        None => false,
        Some("narrow") => true,
        Some(_) => return Err(Failure::Usage),
    };
    let params = api::nsec3param::canonical(text, tool.defaults.nsec3_iterations_max).map_err(|error| {
        Failure::Said(format!("Error: NSEC3PARAMs provided for zone '{}' are invalid: {error}", zone.to_dotless()))
    })?;
    let narrow = if is_narrow { vec!["1".to_owned()] } else { Vec::new() };
    let opt_out = if params.split(' ').nth(1) == Some("1") { " (opt-out)" } else { "" };
    set_denial(tool, &zone, vec![params], narrow).await?;
    let is_secured = tool.store.zone(&zone).await?.is_some_and(|zone| zone.is_secured);
    let next = match is_secured {
        true => "rectify your zone if your backend needs it",
        false => "secure and rectify your zone",
    };
    tool.output.chatter(format_args!(
        "NSEC3{opt_out} set, Done, please {next} (or reload it if you are using the bindbackend)"
    ));
    Ok(())
}

pub(super) async fn unset_nsec3(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    set_denial(tool, &zone, Vec::new(), Vec::new()).await?;
    tool.output.chatter(
        "Done, please rectify your zone if your backend needs it (or reload it if you are using the bindbackend)",
    );
    Ok(())
}

/// Unlike PowerDNS this also rectifies: its answers are wrong until that is done.
async fn set_denial(tool: &Tool, zone: &ZoneName, params: Vec<String>, narrow: Vec<String>) -> Outcome {
    let metadata = vec![("NSEC3PARAM".to_owned(), params), ("NSEC3NARROW".to_owned(), narrow)];
    let edit = ZoneEdit { metadata, rectify: Rectify::Whole, ..ZoneEdit::default() };
    tool.edit(zone, edit, || "No such zone in the database".to_owned()).await?;
    Ok(())
}

pub(super) async fn rectify(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let mut has_failed = false;
    for text in parameters {
        match rectify_one(tool, &Tool::zone_name(text)?).await {
            Ok(line) => tool.output.chatter(line),
            Err(Failure::Said(message)) => {
                tool.output.chatter(message);
                has_failed = true;
            }
            Err(other) => return Err(other),
        }
    }
    if has_failed { Err(Failure::Silent) } else { Ok(()) }
}

pub(super) async fn rectify_all(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let is_quiet = tool.is_quiet || parameters.first().is_some_and(|word| word == "quiet");
    let mut count = 0;
    let mut has_failed = false;
    for zone in tool.store.zones(&ZoneFilter { without_dnssec: true, ..ZoneFilter::default() }).await? {
        if zone.serial.is_none() {
            continue;
        }
        let shown = zone.name.to_dotless();
        match rectify_one(tool, &zone.name).await {
            Ok(line) if is_quiet => drop(line),
            Ok(line) => tool.output.chatter(format_args!("Rectifying {shown}: {line}")),
            Err(Failure::Said(message)) => {
                tool.output.chatter(format_args!("Rectifying {shown}: {message}"));
                has_failed = true;
            }
            Err(other) => return Err(other),
        }
        count += 1;
    }
    if !is_quiet {
        tool.output.data(format_args!("Rectified {count} zones."));
    }
    if has_failed { Err(Failure::Silent) } else { Ok(()) }
}

async fn rectify_one(tool: &Tool, zone: &ZoneName) -> Result<String, Failure> {
    let summary = tool.zone(zone, || no_soa(zone)).await?;
    if summary.serial.is_none() {
        return Err(Failure::Said(no_soa(zone)));
    }
    let edit = ZoneEdit { serial: SerialBump::Keep, rectify: Rectify::Whole, ..ZoneEdit::default() };
    let commit = tool.edit(zone, edit, || no_soa(zone)).await?;
    Ok(rectified(&summary, commit.rectified_rows))
}

/// What a rectify did, in PowerDNS's words.
fn rectified(zone: &ZoneSummary, rows: u64) -> String {
    let what = match &zone.nsec3param {
        _ if !zone.is_secured => "Adding empty non-terminals for non-DNSSEC",
        None => "Adding NSEC ordering information for",
        Some(_) if zone.nsec3narrow => "Erasing NSEC3 ordering since we are narrow, only setting 'auth' fields for",
        Some(params) if params.split_ascii_whitespace().nth(1) == Some("1") => {
            "Adding NSEC3 opt-out hashed ordering information for"
        }
        Some(_) => "Adding NSEC3 hashed ordering information for",
    };
    format!("{what} zone '{}', {rows} updates", zone.name.to_dotless())
}

fn no_soa(zone: &ZoneName) -> String {
    format!("No SOA known for '{}', is such a zone in the database?", zone.to_dotless())
}

/// A zone without NSEC3 is said on standard error, and is no failure.
pub(super) async fn hash(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (zone, name) = (Tool::zone_name(&parameters[0])?, Tool::name(&parameters[1])?);
    let Some(text) = tool.store.zone(&zone).await?.and_then(|zone| zone.nsec3param) else {
        tool.output.chatter(format_args!("The '{}' zone does not use NSEC3", zone.to_dotless()));
        return Ok(());
    };
    let params: Nsec3Params =
        text.parse().map_err(|error| Failure::Said(format!("Error: NSEC3PARAM '{text}': {error}")))?;
    tool.output.data(zone::nsec3hash::base32hex(&zone::nsec3hash::nsec3_hash(&name, &params)));
    Ok(())
}

pub(super) fn list_algorithms(output: &mut Output, parameters: &[String]) {
    let library = if parameters.first().is_some_and(|word| word == "with-backend") { " using ring" } else { "" };
    // PowerDNS's line as it stands: scripts skip it by its words.
    output.data("DNSKEY algorithms supported by this installation of PowerDNS:");
    for algorithm in Algorithm::ALL {
        output.data(format_args!("{} - {}{library}", algorithm.number(), algorithm.mnemonic()));
    }
}
