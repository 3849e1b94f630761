//! add-zone-key, import-zone-key, the flags of keys, remove-zone-key, list-keys, and what can be exported of a key.

use api::keys::{KeyDescription, algorithm_name, describe, describe_all};
use dnssec::{Algorithm, RSA_BITS, RSA_BITS_DEFAULT, ZoneKey};
use store::{KeyChange, SerialBump, StoreError, StoredKey, ZoneEdit, ZoneFilter};
use wire::ZoneName;
use zeroize::Zeroizing;

use super::Tool;
use super::commands::Spelling;
use super::output::{Failure, Outcome, Output};

/// Longest key file, in octets: an RSA key of 4096 bits has 3,300.
const KEY_FILE_BYTES_MAX: u64 = 16_384;

/// What the words after the zone ask for.
struct Wanted {
    flags: Option<u16>,
    is_active: bool,
    is_published: bool,
    bits: Option<u32>,
    algorithm: Option<Algorithm>,
}

/// Reads the words in any order.
fn parse(words: &[String], is_active: bool) -> Result<Wanted, Failure> {
    let mut wanted = Wanted { flags: None, is_active, is_published: true, bits: None, algorithm: None };
    for word in words {
        match word.to_ascii_lowercase().as_str() {
            "ksk" => wanted.flags = Some(257),
            "zsk" => wanted.flags = Some(256),
            "active" => wanted.is_active = true,
            "inactive" | "passive" => wanted.is_active = false,
            "published" => wanted.is_published = true,
            "unpublished" => wanted.is_published = false,
            lower => match (lower.parse::<u32>(), lower.parse::<Algorithm>()) {
                (Ok(bits), _) => wanted.bits = Some(bits),
                (_, Ok(algorithm)) => wanted.algorithm = Some(algorithm),
                _ => return Err(Failure::Said(format!("Error: unknown algorithm, key flag or size '{word}'"))),
            },
        }
    }
    Ok(wanted)
}

pub(super) async fn add(tool: &mut Tool, parameters: &[String]) -> Outcome {
    // 4.7 shows its usage when only the zone is given, 5.x makes a key.
    if tool.spelling == Spelling::Old && parameters.len() < 2 {
        return Err(Failure::Usage);
    }
    let zone = Tool::zone_name(&parameters[0])?;
    let Some(summary) = tool.store.zone(&zone).await? else {
        tool.output.chatter("No such zone in the database");
        return Ok(());
    };
    let wanted = parse(&parameters[1..], false)?;
    let flags = wanted.flags.unwrap_or(match tool.spelling {
        Spelling::Old => 256,
        Spelling::New => 257,
    });
    let default = if flags == 257 { tool.defaults.ksk_algorithm } else { tool.defaults.zsk_algorithm };
    let algorithm = wanted.algorithm.or(default).or(tool.defaults.ksk_algorithm).unwrap_or(Algorithm::EcdsaP256Sha256);
    let bits = size(algorithm, wanted.bits.or(tool.defaults.bits(algorithm, flags)))?;
    let mut tags: Vec<u16> = tool
        .store
        .keys(summary.id)
        .await?
        .iter()
        .filter_map(|key| Some(ZoneKey::from_isc(&key.content, key.flags).ok()?.key_tag()))
        .collect();
    let content = api::defaults::generate_apart_from(&mut tags, algorithm, bits, flags)
        .map_err(|error| Failure::Said(format!("Adding key failed: {error}")))?;
    let id = put(tool, &zone, flags, &wanted, content).await?;
    let (name, active) = (if flags == 257 { "KSK" } else { "ZSK" }, u8::from(wanted.is_active));
    tool.output.chatter(format_args!("Added a {name} with algorithm = {}, active={active}", algorithm.number()));
    if let Some(bits) = wanted.bits {
        tool.output.chatter(format_args!("Requested specific key size of {bits} bits"));
    }
    tool.output.data(id);
    Ok(())
}

pub(super) async fn import(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let file = &parameters[1];
    let text = read_key_file(file)?;
    let wanted = parse(&parameters[2..], true)?;
    import_text(tool, &zone, file, &text, &wanted).await
}

/// PowerDNS takes the algorithm as a number only.
pub(super) async fn import_pem(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let file = &parameters[1];
    let unknown = |error| Failure::Said(format!("Error: {error}"));
    let algorithm: Algorithm = parameters[2].parse().map_err(unknown)?;
    let wanted = parse(&parameters[3..], true)?;
    let pem = read_key_file(file)?;
    let refused = |error| Failure::Said(format!("Error: Failed to read private key from PEM file `{file}`: {error}"));
    let text = dnssec::pem::read(&pem, algorithm).map_err(refused)?;
    import_text(tool, &zone, file, &text, &wanted).await
}

fn read_key_file(file: &str) -> Result<Zeroizing<String>, Failure> {
    let unreadable = || Failure::Said(format!("Error: Unable to read file '{file}' for generating DNS Private Key"));
    let length = std::fs::metadata(file).map_err(|_| unreadable())?.len();
    if length > KEY_FILE_BYTES_MAX {
        return Err(Failure::Said(format!("Error: key file '{file}' is longer than {KEY_FILE_BYTES_MAX} octets")));
    }
    std::fs::read_to_string(file).map(Zeroizing::new).map_err(|_| unreadable())
}

async fn import_text(tool: &mut Tool, zone: &ZoneName, file: &str, text: &str, wanted: &Wanted) -> Outcome {
    let flags = wanted.flags.unwrap_or(257);
    let refused = |error| Failure::Said(format!("Error: key file '{file}': {error}"));
    let key = ZoneKey::from_isc(text, flags).map_err(refused)?;
    if wanted.is_active
        && let Some(why) = key.unfit()
    {
        return Err(Failure::Said(format!("Error: key file '{file}': the key cannot be active: {why}")));
    }
    let content = dnssec::isc::normalize(text).map_err(refused)?.to_string();
    let id = put(tool, zone, flags, wanted, content).await?;
    tool.output.data(id);
    Ok(())
}

/// A key on standard output, for no zone.
pub(super) fn generate(output: &mut Output, parameters: &[String]) -> Result<(), Failure> {
    let wanted = parse(parameters, true)?;
    let flags = wanted.flags.unwrap_or(256);
    let algorithm = wanted.algorithm.unwrap_or(Algorithm::EcdsaP256Sha256);
    // Unlike add-zone-key, PowerDNS has a size for RSA here.
    let bits = size(algorithm, wanted.bits.or(Some(RSA_BITS_DEFAULT).filter(|_| algorithm.fixed_bits().is_none())))?;
    let name = if flags == 257 { "KSK" } else { "ZSK" };
    output.chatter(format_args!("Generating a {name} with algorithm = {}", algorithm.number()));
    if let Some(bits) = wanted.bits {
        output.chatter(format_args!("Requesting specific key size of {bits} bits"));
    }
    let made = ZoneKey::generate_sized(algorithm, bits);
    let text = made.map_err(|error| Failure::Said(format!("Error: no key could be made: {error}")))?;
    output.data(format_args!("Flags: {flags}"));
    output.data(text.trim_end());
    output.data("");
    Ok(())
}

/// The size of a new key, in bits.
fn size(algorithm: Algorithm, bits: Option<u32>) -> Result<u32, Failure> {
    let Some(bits) = bits.filter(|&bits| bits != 0).or(algorithm.fixed_bits()) else {
        let (number, name) = (algorithm.number(), algorithm.mnemonic());
        let text =
            format!("Error: Creating an algorithm {number} ({name}) key requires the size (in bits) to be passed.");
        return Err(Failure::Said(text));
    };
    match algorithm.fixed_bits() {
        Some(fixed) if fixed == bits => Ok(bits),
        None if RSA_BITS.contains(&bits) => Ok(bits),
        _ => Err(Failure::said("Error: The algorithm does not support the given bit size.")),
    }
}

async fn put(tool: &Tool, zone: &ZoneName, flags: u16, wanted: &Wanted, content: String) -> Result<i64, Failure> {
    let key = KeyChange::Add { flags, active: wanted.is_active, published: wanted.is_published, content };
    let edit = ZoneEdit { keys: vec![key], ..ZoneEdit::default() };
    let commit = tool.edit(zone, edit, || "No such zone in the database".to_owned()).await?;
    commit.key_ids.first().copied().ok_or_else(|| Failure::said("Error: the database named no id for the key"))
}

pub(super) async fn set_flags(
    tool: &mut Tool,
    parameters: &[String],
    active: Option<bool>,
    published: Option<bool>,
) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let id = key_id(&parameters[1])?;
    if active == Some(true)
        && let Some(summary) = tool.store.zone(&zone).await?
        && let Some(key) = tool.store.keys(summary.id).await?.iter().find(|key| key.id == id && !key.active)
        && let Some(why) = api::keys::unusable(key)
    {
        return Err(Failure::Said(format!("Error: key {id} cannot be used, and so not be activated: {why}")));
    }
    change_key(tool, &zone, KeyChange::Set { id, active, published }, id).await
}

/// An unknown id is no failure here, as in PowerDNS.
pub(super) async fn remove(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let id = key_id(&parameters[1])?;
    match change_key(tool, &zone, KeyChange::Remove { id }, id).await {
        Err(Failure::Said(_)) => Ok(()),
        other => other,
    }
}

async fn change_key(tool: &Tool, zone: &ZoneName, change: KeyChange, id: i64) -> Outcome {
    let edit = ZoneEdit { keys: vec![change], serial: SerialBump::default(), ..ZoneEdit::default() };
    let missing = || no_such_key(zone, id);
    match tool.edit(zone, edit, missing).await {
        Err(Failure::Store(StoreError::NotFound { .. })) => Err(Failure::Said(missing())),
        other => other.map(|_| ()),
    }
}

pub(super) async fn list(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zones = match parameters.first() {
        Some(text) => {
            let zone = Tool::zone_name(text)?;
            vec![tool.zone(&zone, || format!("Zone {} not found.", zone.to_dotless())).await?]
        }
        None => tool.store.zones(&ZoneFilter { without_dnssec: true, ..ZoneFilter::default() }).await?,
    };
    tool.output.data("Zone                          Type Act Pub Size    Algorithm       ID   Location    Keytag");
    tool.output.data("------------------------------------------------------------------------------------------");
    for zone in zones {
        let keys = tool.store.keys(zone.id).await?;
        for key in describe_all(zone.name.apex(), &keys, "") {
            tool.output.data(row(&zone.name, &key));
        }
    }
    Ok(())
}

/// One row of list-keys. A longer zone name has a line of its own.
fn row(zone: &ZoneName, key: &KeyDescription) -> String {
    let zone = zone.to_dotless();
    let zone = if zone.len() >= 30 { format!("{zone}\n{:30}", "") } else { format!("{zone:30}") };
    let (bits, tag) = match &key.public {
        Ok(public) => (public.bits.to_string(), public.key_tag.to_string()),
        Err(_) => ("?".to_owned(), "?".to_owned()),
    };
    let algorithm = algorithm_name(key.algorithm);
    let keytype = key.keytype.as_str().to_ascii_uppercase();
    let active = if key.active { "Act" } else { "   " };
    let published = if key.published { "Pub" } else { "   " };
    format!("{zone}{keytype:3}  {active} {published} {bits:8}{algorithm:16}{:<5}{:12}{tag}", key.id, "cryptokeys")
}

pub(super) async fn export(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (_, key) = find(tool, parameters).await?;
    tool.output.data(key.content.trim_end());
    tool.output.data("");
    Ok(())
}

pub(super) async fn export_pem(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (_, key) = find(tool, parameters).await?;
    let refused = |error| Failure::Said(format!("Error: key {}: {error}", key.id));
    let pem = dnssec::pem::write(&key.content).map_err(refused)?;
    tool.output.data(pem.trim_end());
    Ok(())
}

pub(super) async fn export_dnskey(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let (zone, key) = find(tool, parameters).await?;
    let keys = [key];
    let public = describe(zone.apex(), &keys[0], &keys, "")
        .public
        .map_err(|error| Failure::Said(format!("Error: key {}: {error}", keys[0].id)))?;
    let name = match tool.spelling {
        Spelling::Old => zone.to_dotless(),
        Spelling::New => zone.to_string(),
    };
    tool.output.data(format_args!("{name} IN DNSKEY {}", public.dnskey));
    Ok(())
}

/// The key that `ZONE KEY-ID` names.
async fn find(tool: &Tool, parameters: &[String]) -> Result<(ZoneName, StoredKey), Failure> {
    let zone = Tool::zone_name(&parameters[0])?;
    let id = key_id(&parameters[1])?;
    let missing = || format!("Error: {}", no_such_key(&zone, id));
    let summary = tool.zone(&zone, missing).await?;
    let keys = tool.store.keys(summary.id).await?;
    let key = keys.into_iter().find(|key| key.id == id).ok_or_else(|| Failure::Said(missing()))?;
    Ok((zone, key))
}

fn no_such_key(zone: &ZoneName, id: i64) -> String {
    format!("Can't find a key with id {id} for zone '{}'", zone.to_dotless())
}

fn key_id(text: &str) -> Result<i64, Failure> {
    text.parse().ok().filter(|id| *id > 0).ok_or_else(|| Failure::Said(format!("Invalid KEY-ID '{text}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_13_2_columns_of_list_keys() {
        let content = ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap();
        let tag = ZoneKey::from_isc(&content, 256).unwrap().key_tag();
        let zsk = StoredKey { id: 2, flags: 256, active: true, published: true, content };
        let zone = ZoneName::parse("example.test").unwrap();
        let shown = row(&zone, &describe(zone.apex(), &zsk, std::slice::from_ref(&zsk), ""));
        assert_eq!(
            shown,
            format!("example.test                  CSK  Act Pub 256     ECDSAP256SHA256 2    cryptokeys  {tag}")
        );
        let long = ZoneName::parse("a-zone-with-a-rather-long-name.example.test").unwrap();
        let unused = StoredKey { active: false, published: false, ..zsk };
        let shown = row(&long, &describe(long.apex(), &unused, std::slice::from_ref(&unused), ""));
        assert_eq!(
            shown,
            format!(
                "a-zone-with-a-rather-long-name.example.test\n{:30}CSK          256     ECDSAP256SHA256 2    cryptokeys  {tag}",
                ""
            )
        );
    }

    #[test]
    fn words_of_add_zone_key_come_in_any_order() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let wanted = parse(&words("ecdsa384 unpublished 384 KSK active"), false).unwrap();
        assert_eq!((wanted.flags, wanted.bits), (Some(257), Some(384)));
        assert_eq!(wanted.algorithm, Some(Algorithm::EcdsaP384Sha384));
        assert!(wanted.is_active && !wanted.is_published);
        assert!(parse(&words("blah"), false).is_err());
    }

    #[test]
    fn only_rsa_has_a_size_to_choose() {
        let refused = |algorithm, bits| size(algorithm, bits).unwrap_err().to_string();
        assert_eq!(size(Algorithm::Ed25519, None).unwrap(), 256);
        assert_eq!(size(Algorithm::RsaSha256, Some(1536)).unwrap(), 1536);
        assert_eq!(
            refused(Algorithm::RsaSha512, None),
            "Error: Creating an algorithm 10 (RSASHA512) key requires the size (in bits) to be passed."
        );
        for (algorithm, bits) in [(Algorithm::RsaSha256, 512), (Algorithm::EcdsaP256Sha256, 384)] {
            assert_eq!(refused(algorithm, Some(bits)), "Error: The algorithm does not support the given bit size.");
        }
    }

    #[test]
    fn key_ids_are_positive_numbers() {
        assert_eq!(key_id("7").unwrap(), 7);
        for bad in ["0", "-1", "x", ""] {
            assert_eq!(key_id(bad).unwrap_err().to_string(), format!("Invalid KEY-ID '{bad}'"));
        }
    }
}
