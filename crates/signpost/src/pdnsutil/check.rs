//! check-zone and check-all-zones: what is wrong with a zone's records.

mod delegations;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use ::dnssec::ZoneKey;
use ::dnssec::presigned::{self, Depth, Fault};
use publish::{Assembler, Unmade, ZoneRules};
use store::{LoadItem, LoadZones, RrsetFilter, StoredKey, StoredRecord, StoredRrset, ZoneFilter, ZoneSummary};
use wire::{Name, RecordType};

use super::output::{Failure, Outcome, Output};
use super::{Tool, content};
use rows::{Rows, Unreadable};

/// RSA keys of fewer bits than this are not to be relied on (NIST SP 800-57).
const RSA_BITS_SAFE: u32 = 2048;

pub(super) async fn check(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let Some(summary) = tool.store.zone(&zone).await? else {
        tool.output.data(format_args!("[Error] Unable to get zone information for zone '{}'", zone.to_dotless()));
        return Err(Failure::Silent);
    };
    if check_one(tool, &summary).await? > 0 { Err(Failure::Silent) } else { Ok(()) }
}

pub(super) async fn check_all(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let stops_at_errors = match parameters.first().map(String::as_str) {
        None => false,
        Some("exit-on-error") => true,
        Some(_) => return Err(Failure::Usage),
    };
    let (mut checked, mut with_errors) = (0, 0);
    for zone in tool.store.zones(&ZoneFilter::default()).await? {
        checked += 1;
        if check_one(tool, &zone).await? > 0 {
            with_errors += 1;
            if stops_at_errors {
                return Err(Failure::Silent);
            }
        }
    }
    tool.output.data(format_args!("Checked {checked} zones, {with_errors} had errors."));
    if with_errors > 0 { Err(Failure::Silent) } else { Ok(()) }
}

/// Prints what was found and returns the number of errors.
async fn check_one(tool: &mut Tool, zone: &ZoneSummary) -> Result<usize, Failure> {
    let metadata = tool.store.metadata(zone.id).await?;
    let is_presigned = metadata.iter().any(|(kind, values)| kind == "PRESIGNED" && values.iter().any(|v| v == "1"));
    let rrsets = tool.store.rrsets(zone.id, &RrsetFilter::default()).await?;
    let mut findings = examine(zone.name.apex(), &rrsets, is_presigned);
    examine_keys(zone.name.apex(), &tool.store.keys(zone.id).await?, &mut findings);
    let (rows, faults) = load(tool, zone, is_presigned).await?;
    rows.examine(zone.name.apex(), &mut findings);
    for fault in faults {
        findings.error(format!("Presigned zone '{}': {fault}", zone.name.to_dotless()));
    }
    for line in &findings.lines {
        tool.output.data(line);
    }
    tool.output.data(findings.summary(&zone.name.to_dotless()));
    Ok(findings.errors)
}

/// Prints what is wrong with contents that are not stored yet, and returns the number of errors.
pub(super) fn check_draft(output: &mut Output, zone: &Name, rrsets: &[StoredRrset]) -> usize {
    let findings = examine(zone, rrsets, false);
    for line in &findings.lines {
        output.data(line);
    }
    output.data(findings.summary(&zone.to_dotless()));
    findings.errors
}

/// Keys that cannot be used, and those that few will believe.
fn examine_keys(zone: &Name, keys: &[StoredKey], findings: &mut Findings) {
    let zone = zone.to_dotless();
    for key in keys {
        if let Some(why) = api::keys::unusable(key) {
            let text = format!("Key {} of zone '{zone}' cannot be used: {why}", key.id);
            // One that signs and stands nowhere is missed by nobody.
            if key.active { findings.error(text) } else { findings.warning(text) }
        } else if let Ok(read) = ZoneKey::from_isc(&key.content, key.flags)
            && read.algorithm().fixed_bits().is_none()
            && read.bits() < RSA_BITS_SAFE
        {
            let bits = read.bits();
            findings.warning(format!(
                "Key {} of zone '{zone}' has {bits} bits: RSA keys below {RSA_BITS_SAFE} are weak, and some validators ignore them",
                key.id
            ));
        }
    }
    let is_active = |key: &&StoredKey| key.active;
    if keys.iter().any(|key| key.active) && keys.iter().filter(is_active).all(|key| api::keys::unusable(key).is_some())
    {
        findings.error(format!("No active key of zone '{zone}' can be used: validating resolvers get SERVFAIL"));
    }
}

/// The zone's rows as they are loaded to be served, and what is missing or wrong among the signatures and denial records of a presigned
/// zone.
async fn load(tool: &Tool, zone: &ZoneSummary, is_presigned: bool) -> Result<(Rows, Vec<Fault>), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32);
    let mut assembler = None;
    let mut rows = Rows::default();
    let mut take = |item| match item {
        LoadItem::Zone(header) if is_presigned => {
            assembler = Some(Assembler::new(&header, &ZoneRules::default(), now));
        }
        LoadItem::Record(record) => {
            rows.take(&record);
            if let Some(assembler) = &mut assembler {
                assembler.add(record);
            }
        }
        LoadItem::BadRow { name, rtype, reason } => rows.take_bad(name, rtype, reason),
        LoadItem::Zone(_) | LoadItem::Views(_) | LoadItem::EndOfZone => {}
    };
    tool.store.load(LoadZones::Some(vec![zone.id]), &mut take).await?;
    // Without SOA there is nothing more to say.
    let served = assembler.and_then(|assembler: Assembler| assembler.finish(Unmade::LeftOut).ok());
    let faults = served.map(|served| presigned::examine(&served.zone, now, Depth::Signatures).faults);
    Ok((rows, faults.unwrap_or_default()))
}

/// What a check found, in the words of PowerDNS where it has them.
#[derive(Debug, Default)]
struct Findings {
    lines: Vec<String>,
    errors: usize,
    warnings: usize,
    /// Enabled ones, empty non-terminals counted as the table holds them.
    records: usize,
    unreadable: Unreadable,
}

impl Findings {
    fn error(&mut self, text: String) {
        self.errors += 1;
        self.lines.push(format!("[Error] {text}"));
    }
    fn warning(&mut self, text: String) {
        self.warnings += 1;
        self.lines.push(format!("[Warning] {text}"));
    }
    fn info(&mut self, text: String) {
        self.lines.push(format!("[Info] {text}"));
    }
    fn summary(&self, zone: &str) -> String {
        format!("Checked {} records of '{}', {} errors, {} warnings.", self.records, zone, self.errors, self.warnings)
    }
}

/// A zone's enabled records by owner.
struct Contents<'z> {
    zone: &'z Name,
    names: BTreeMap<&'z Name, Vec<(RecordType, Vec<&'z StoredRecord>)>>,
}

impl<'z> Contents<'z> {
    fn new(zone: &'z Name, rrsets: &'z [StoredRrset]) -> Contents<'z> {
        let mut names: BTreeMap<&Name, Vec<_>> = BTreeMap::new();
        for rrset in rrsets {
            let enabled: Vec<&StoredRecord> = rrset.records.iter().filter(|record| !record.disabled).collect();
            if !enabled.is_empty() {
                names.entry(&rrset.name).or_default().push((rrset.rtype, enabled));
            }
        }
        Contents { zone, names }
    }

    fn records(&self, name: &Name, rtype: RecordType) -> &[&'z StoredRecord] {
        let types = self.names.get(name).map(Vec::as_slice).unwrap_or_default();
        types.iter().find(|(present, _)| *present == rtype).map(|(_, records)| records.as_slice()).unwrap_or_default()
    }

    fn has(&self, name: &Name, rtype: RecordType) -> bool {
        !self.records(name, rtype).is_empty()
    }

    /// Names between an owner and the apex that own nothing.
    fn empty_non_terminals(&self) -> usize {
        let mut empty = BTreeSet::new();
        for name in self.names.keys().filter(|name| name.is_under(self.zone)) {
            let mut above = name.parent();
            while let Some(name) = above.filter(|name| name != self.zone && name.is_under(self.zone)) {
                above = name.parent();
                if !self.names.contains_key(&name) && !empty.insert(name) {
                    break;
                }
            }
        }
        empty.len()
    }

    /// Whether the zone itself has addresses, or what makes them, for a name that is not below a cut.
    fn answers(&self, name: &Name) -> bool {
        let makes = |name: &Name| {
            let makers = [RecordType::A, RecordType::AAAA, RecordType::CNAME, RecordType::ALIAS, RecordType::LUA];
            makers.into_iter().any(|rtype| self.has(name, rtype))
        };
        if self.names.contains_key(name) {
            return makes(name);
        }
        let mut above = name.parent();
        while let Some(encloser) = above.filter(|above| above.is_under(self.zone)) {
            // Whatever a wildcard or a DNAME makes of it.
            let has_dname = self.has(&encloser, RecordType::DNAME);
            if has_dname || encloser.child(b"*").is_ok_and(|wildcard| makes(&wildcard)) {
                return true;
            }
            above = encloser.parent();
        }
        false
    }

    /// The cut at or above a name, the apex left out.
    fn cut(&self, name: &Name) -> Option<Name> {
        let mut at = Some(name.clone());
        let mut found = None;
        while let Some(name) = at.filter(|name| name != self.zone && name.is_under(self.zone)) {
            at = name.parent();
            if self.has(&name, RecordType::NS) {
                found = Some(name);
            }
        }
        found
    }
}

/// Examines all records of a zone.
fn examine(zone: &Name, rrsets: &[StoredRrset], is_presigned: bool) -> Findings {
    let contents = Contents::new(zone, rrsets);
    let mut findings = Findings::default();
    let shown = zone.to_dotless();
    match contents.records(zone, RecordType::SOA).len() {
        0 => {
            findings.error(format!("No SOA record present, or active, in zone '{shown}'"));
            return findings;
        }
        1 => check_soa(&mut findings, &contents),
        many => findings.error(format!("{many} SOA records at the apex of zone '{shown}', one is allowed")),
    }
    for (name, types) in &contents.names {
        for (rtype, records) in types {
            findings.records += records.len();
            for (at, record) in records.iter().enumerate() {
                check_content(&mut findings, name, *rtype, record);
                if records[..at].iter().any(|other| other.content == record.content && other.prio == record.prio) {
                    findings.error(format!("Duplicate record found in rrset: '{}'", described(name, *rtype, record)));
                }
                if !name.is_under(zone) {
                    findings.error(format!(
                        "Record '{}' in zone '{shown}' is out-of-zone.",
                        described(name, *rtype, record)
                    ));
                }
            }
            check_place(&mut findings, &contents, name, *rtype, is_presigned);
        }
        check_cname(&mut findings, name, types);
        check_made(&mut findings, &contents, name);
    }
    findings.records += contents.empty_non_terminals();
    if !contents.has(zone, RecordType::NS) {
        findings.error(format!("No NS record at zone apex in zone '{shown}'"));
    }
    check_targets(&mut findings, &contents);
    delegations::examine(&mut findings, &contents);
    check_occlusion(&mut findings, &contents);
    findings
}

fn described(name: &Name, rtype: RecordType, record: &StoredRecord) -> String {
    format!("{} IN {rtype} {}", name.to_dotless(), content::stored_text(rtype, record))
}

/// A content must parse, and should stand as it would be printed.
fn check_content(findings: &mut Findings, name: &Name, rtype: RecordType, record: &StoredRecord) {
    let wire = match wire::content::to_wire(rtype, &record.content, Some(record.prio)) {
        Ok(wire) => wire,
        Err(error) => {
            findings.error(format!("Following record had a problem: \"{}\"", described(name, rtype, record)));
            findings.lines.push(format!("[Error] Error was: {error}"));
            findings.unreadable.insert((name.clone(), rtype));
            return;
        }
    };
    let Ok(canonical) = wire::content::from_wire(rtype, &wire) else { return };
    // Addresses in another spelling and TXT without quotes are served as they are meant.
    if matches!(rtype, RecordType::A | RecordType::AAAA) || (rtype == RecordType::TXT && !record.content.contains('"'))
    {
        return;
    }
    // Final dots, and case inside names, are how older versions wrote them.
    let loose = |text: &str| text.trim_end_matches('.').replace(". ", " ").to_ascii_lowercase();
    if loose(&canonical.stored) != loose(&record.content) {
        findings.warning(format!(
            "Parsed and original record content are not equal: {} IN {rtype} '{}' (Content parsed as '{}')",
            name.to_dotless(),
            record.content,
            canonical.stored
        ));
    }
}

/// Types that do not belong where they stand.
fn check_place(findings: &mut Findings, contents: &Contents<'_>, name: &Name, rtype: RecordType, is_presigned: bool) {
    let (zone, shown) = (contents.zone.to_dotless(), name.to_dotless());
    let is_apex = name == contents.zone;
    match rtype {
        RecordType::RRSIG if !is_presigned => findings
            .error(format!("RRSIG found at '{shown}' in non-presigned zone. These do not belong in the database.")),
        RecordType::NSEC | RecordType::NSEC3 if !is_presigned => {
            findings.error(format!("NSEC or NSEC3 found at '{shown}'. These do not belong in the database."));
        }
        RecordType::NSEC3PARAM if !is_presigned => findings
            .error(format!("NSEC3PARAM found at '{shown}'. It belongs into the metadata of the zone, see set-nsec3.")),
        RecordType::DS if is_apex => findings.warning(format!("DS at apex in zone '{zone}', should not be here.")),
        RecordType::DS if !contents.has(name, RecordType::NS) => {
            findings.warning(format!("DS record without a delegation '{shown}'."));
        }
        RecordType::DNSKEY => {
            if !is_apex {
                for record in contents.records(name, rtype) {
                    let record = described(name, rtype, record);
                    findings
                        .warning(format!("DNSKEY record not at apex '{record}' in zone '{zone}', should not be here."));
                }
            }
            if !is_presigned {
                findings.warning(format!(
                    "DNSKEY at '{shown}' in non-presigned zone will mostly be ignored and can cause problems."
                ));
            }
        }
        RecordType::SOA if !is_apex => {
            for record in contents.records(name, rtype) {
                let record = described(name, rtype, record);
                findings.error(format!("SOA record not at apex '{record}' in zone '{zone}'"));
            }
        }
        RecordType::A | RecordType::AAAA if !is_hostname(name) => {
            findings.info(format!("{name} record for '{rtype}' is not a valid hostname."));
        }
        _ => {}
    }
}

/// RFC 1123 section 2.1; a wildcard may stand first.
fn is_hostname(name: &Name) -> bool {
    name.labels().enumerate().all(|(at, label)| {
        (at == 0 && label == b"*") || label.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
    })
}

/// What PowerDNS puts into a SOA when nobody says what belongs there.
const MISCONFIGURED: &str = "a.misconfigured.dns.server.invalid";

/// A SOA that nobody thought about. No warning: every zone made with PowerDNS's defaults has it.
fn check_soa(findings: &mut Findings, contents: &Contents<'_>) {
    let is_misconfigured = |record: &&StoredRecord| record.content.starts_with(MISCONFIGURED);
    if contents.records(contents.zone, RecordType::SOA).iter().any(is_misconfigured) {
        let zone = contents.zone.to_dotless();
        findings.info(format!("SOA of zone '{zone}' names {MISCONFIGURED} as its primary: see default-soa-content"));
    }
}

/// ALIAS and LUA, which stand for other records.
fn check_made(findings: &mut Findings, contents: &Contents<'_>, name: &Name) {
    let shown = name.to_dotless();
    if contents.has(name, RecordType::LUA) {
        findings.warning(format!("LUA at '{shown}' is not run: what it would make is answered SERVFAIL"));
    }
    let aliases = contents.records(name, RecordType::ALIAS).len();
    if aliases > 1 {
        findings.warning(format!("{aliases} ALIAS records at '{shown}': the first one counts"));
    }
    if aliases > 0 && contents.has(name, RecordType::A) && contents.has(name, RecordType::AAAA) {
        findings.warning(format!("ALIAS at '{shown}' makes nothing: A and AAAA are stored there"));
    }
}

/// RFC 1034 section 3.6.2: a CNAME is alone, and single.
fn check_cname(findings: &mut Findings, name: &Name, types: &[(RecordType, Vec<&StoredRecord>)]) {
    let Some((_, cnames)) = types.iter().find(|(rtype, _)| *rtype == RecordType::CNAME) else { return };
    let shown = name.to_dotless();
    if cnames.len() > 1 {
        findings.error(format!("Duplicate CNAME found at '{shown}'"));
    }
    if types.iter().any(|(rtype, _)| !matches!(*rtype, RecordType::CNAME | RecordType::RRSIG | RecordType::NSEC)) {
        findings.error(format!("CNAME {shown} found, but other records with same label exist."));
    }
}

/// Targets of NS, MX and SRV: glue, and no CNAME (RFC 2181 section 10.3).
fn check_targets(findings: &mut Findings, contents: &Contents<'_>) {
    let zone = contents.zone.to_dotless();
    for (name, types) in &contents.names {
        for (rtype, records) in types {
            if !matches!(*rtype, RecordType::NS | RecordType::MX | RecordType::SRV) {
                continue;
            }
            for target in records.iter().filter_map(|record| record.content.split(' ').next_back()) {
                let undotted = target.trim_end_matches('.');
                if undotted.parse::<IpAddr>().is_ok() {
                    let shown = name.to_dotless();
                    findings.warning(format!(
                        "'{shown}|{rtype}' has a target ({undotted}) that is an IP address, not a name."
                    ));
                    continue;
                }
                let Ok(target) = Name::parse(undotted).map(|target| target.to_lowercase()) else { continue };
                let is_here = target.is_under(contents.zone);
                let has_address = contents.has(&target, RecordType::A) || contents.has(&target, RecordType::AAAA);
                let is_delegated_away = contents.cut(&target).is_some_and(|cut| !name.is_under(&cut));
                let is_cut = *rtype == RecordType::NS && *name != contents.zone;
                if is_cut && is_here && !has_address && !is_delegated_away && !contents.has(&target, RecordType::CNAME)
                {
                    findings.warning(format!("Missing glue for '{}' in zone '{zone}'", target.to_dotless()));
                }
                if contents.has(&target, RecordType::CNAME) {
                    findings.warning(format!(
                        "'{}|{rtype} has a target ({}) that is a CNAME.",
                        name.to_dotless(),
                        target.to_dotless()
                    ));
                }
            }
        }
    }
}

/// Data below a DNAME or a cut is never answered (RFC 6672 section 2.4, RFC 1034 section 4.2); addresses below a cut are glue.
fn check_occlusion(findings: &mut Findings, contents: &Contents<'_>) {
    let zone = contents.zone.to_dotless();
    for (name, types) in &contents.names {
        let mut at = name.is_under(contents.zone).then(|| (*name).clone());
        while let Some(above) = at {
            let is_cut = above != *contents.zone && contents.has(&above, RecordType::NS);
            let has_dname = contents.has(&above, RecordType::DNAME);
            for (rtype, _) in types {
                let is_own = above == **name;
                // NSEC and RRSIG are those of a presigned zone (RFC 4035 section 2.3).
                let of_parent = [RecordType::NS, RecordType::DS, RecordType::NSEC, RecordType::RRSIG];
                let belongs = is_own && of_parent.contains(rtype);
                let is_glue = matches!(*rtype, RecordType::A | RecordType::AAAA);
                let by = match (is_cut && !belongs && !is_glue, has_dname && !is_own) {
                    (true, _) => "delegation",
                    (_, true) => "DNAME",
                    _ => continue,
                };
                findings.warning(format!(
                    "'{}|{rtype}' in zone '{zone}' is occluded by a {by} at '{}'",
                    name.to_dotless(),
                    above.to_dotless()
                ));
            }
            at = above.parent().filter(|above| above.is_under(contents.zone));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rrset(name: &str, rtype: &str, contents: &[&str]) -> StoredRrset {
        let record = |content: &&str| StoredRecord { content: (*content).to_owned(), prio: 10, disabled: false };
        StoredRrset {
            name: Name::parse(name).unwrap(),
            rtype: rtype.parse().unwrap(),
            ttl: 300,
            records: contents.iter().map(record).collect(),
            comments: Vec::new(),
        }
    }

    fn found(extra: Vec<StoredRrset>) -> (Vec<String>, usize, usize, usize) {
        let mut rrsets = vec![
            rrset("bad.test", "SOA", &["ns.bad.test host.bad.test 5 1 2 3 4"]),
            rrset("bad.test", "NS", &["ns.elsewhere.test"]),
        ];
        rrsets.extend(extra);
        let findings = examine(&Name::parse("bad.test").unwrap(), &rrsets, false);
        (findings.lines, findings.errors, findings.warnings, findings.records)
    }

    #[test]
    fn a_sound_zone_has_no_findings_and_its_empty_non_terminals_count() {
        let (lines, errors, warnings, records) = found(vec![rrset("a.b.c.bad.test", "TXT", &["\"x\""])]);
        assert_eq!((lines, errors, warnings, records), (vec![], 0, 0, 5));
    }

    #[test]
    fn without_soa_nothing_else_is_looked_at() {
        let findings = examine(&Name::parse("x.test").unwrap(), &[], false);
        assert_eq!(findings.lines, ["[Error] No SOA record present, or active, in zone 'x.test'"]);
        assert_eq!((findings.errors, findings.records), (1, 0));
    }

    #[test]
    fn section_13_2_the_words_of_powerdns() {
        let ds = "1 13 2 1234567890123456789012345678901234567890123456789012345678901234";
        let (lines, errors, warnings, _) = found(vec![
            rrset("www.bad.test", "CNAME", &["x.test"]),
            rrset("www.bad.test", "A", &["192.0.2.1"]),
            rrset("dup.bad.test", "A", &["192.0.2.1", "192.0.2.1"]),
            rrset("cc.bad.test", "CNAME", &["a.x", "b.x"]),
            rrset("out.test", "A", &["192.0.2.1"]),
            rrset("sig.bad.test", "RRSIG", &["A 13 3 300 20300101000000 20250101000000 1 bad.test. AAAA"]),
            rrset("bad.test", "DS", &[ds]),
            rrset("ds.bad.test", "DS", &[ds]),
            rrset("broken.bad.test", "A", &["nonsense"]),
            rrset("mx.bad.test", "MX", &["www.bad.test"]),
            rrset("under_score.bad.test", "A", &["192.0.2.1"]),
            rrset("sub.bad.test", "NS", &["ns.sub.bad.test"]),
            rrset("dn.bad.test", "DNAME", &["x.y"]),
            rrset("b.dn.bad.test", "A", &["192.0.2.1"]),
        ]);
        for wanted in [
            "[Warning] DS at apex in zone 'bad.test', should not be here.",
            "[Error] Following record had a problem: \"broken.bad.test IN A nonsense\"",
            "[Error] Duplicate CNAME found at 'cc.bad.test'",
            "[Error] Duplicate record found in rrset: 'dup.bad.test IN A 192.0.2.1'",
            "[Error] Record 'out.test IN A 192.0.2.1' in zone 'bad.test' is out-of-zone.",
            "[Error] RRSIG found at 'sig.bad.test' in non-presigned zone. These do not belong in the database.",
            "[Info] under_score.bad.test. record for 'A' is not a valid hostname.",
            "[Error] CNAME www.bad.test found, but other records with same label exist.",
            "[Warning] Missing glue for 'ns.sub.bad.test' in zone 'bad.test'",
            "[Warning] 'b.dn.bad.test|A' in zone 'bad.test' is occluded by a DNAME at 'dn.bad.test'",
            "[Warning] 'mx.bad.test|MX has a target (www.bad.test) that is a CNAME.",
            "[Warning] DS record without a delegation 'ds.bad.test'.",
        ] {
            assert!(lines.iter().any(|line| line == wanted), "{wanted} is missing in {lines:#?}");
        }
        assert_eq!((errors, warnings), (6, 5));
    }

    #[test]
    fn rfc4035_section_2_3_nsec_and_rrsig_at_a_cut_are_not_occluded() {
        let rrsets = [
            rrset("bad.test", "SOA", &["ns.bad.test host.bad.test 5 1 2 3 4"]),
            rrset("bad.test", "NS", &["ns.elsewhere.test"]),
            rrset("sub.bad.test", "NS", &["ns.elsewhere.test"]),
            rrset("sub.bad.test", "NSEC", &["bad.test. NS RRSIG NSEC"]),
            rrset("sub.bad.test", "RRSIG", &["NSEC 13 3 300 20300101000000 20250101000000 1 bad.test. AAAA"]),
            rrset("x.sub.bad.test", "NSEC", &["bad.test. NSEC"]),
        ];
        let lines = examine(&Name::parse("bad.test").unwrap(), &rrsets, true).lines;
        let occluded: Vec<&String> = lines.iter().filter(|line| line.contains("occluded")).collect();
        assert_eq!(
            occluded,
            ["[Warning] 'x.sub.bad.test|NSEC' in zone 'bad.test' is occluded by a delegation at 'sub.bad.test'"]
        );
    }

    /// Those that PowerDNS has no words for, in ours.
    #[test]
    fn name_servers_that_cannot_be_found_and_records_that_make_nothing_are_named() {
        let many: Vec<String> = (0..14).map(|n| format!("ns{n}.elsewhere.test")).collect();
        let (lines, errors, _, _) = found(vec![
            rrset("many.bad.test", "NS", &many.iter().map(String::as_str).collect::<Vec<_>>()),
            // In a circle; and one that only needs a sound one.
            rrset("a.bad.test", "NS", &["ns.b.bad.test"]),
            rrset("b.bad.test", "NS", &["ns.c.bad.test"]),
            rrset("c.bad.test", "NS", &["ns.a.bad.test"]),
            rrset("d.bad.test", "NS", &["ns.e.bad.test"]),
            rrset("e.bad.test", "NS", &["ns.f.bad.test", "ns.a.bad.test"]),
            rrset("f.bad.test", "NS", &["ns.f.bad.test"]),
            rrset("ns.f.bad.test", "A", &["192.0.2.1"]),
            rrset("lua.bad.test", "LUA", &["A \"x\""]),
            rrset("alias.bad.test", "ALIAS", &["a.test", "b.test"]),
            rrset("full.bad.test", "ALIAS", &["a.test"]),
            rrset("full.bad.test", "A", &["192.0.2.1"]),
            rrset("full.bad.test", "AAAA", &["2001:db8::1"]),
            rrset("e.bad.test", "TXT", &["\"hidden\""]),
        ]);
        let circle = |cut: &str| {
            format!(
                "[Warning] No name server of the delegation '{cut}.bad.test' in zone 'bad.test' can be found: they are below \
                 delegations of which that is true as well"
            )
        };
        for wanted in [
            "[Warning] 14 NS records at 'many.bad.test' in zone 'bad.test': more than 13 are too many to be of use"
                .to_owned(),
            circle("a"),
            circle("b"),
            circle("c"),
            "[Warning] LUA at 'lua.bad.test' is not run: what it would make is answered SERVFAIL".to_owned(),
            "[Warning] 2 ALIAS records at 'alias.bad.test': the first one counts".to_owned(),
            "[Warning] ALIAS at 'full.bad.test' makes nothing: A and AAAA are stored there".to_owned(),
            "[Warning] 'e.bad.test|TXT' in zone 'bad.test' is occluded by a delegation at 'e.bad.test'".to_owned(),
        ] {
            assert!(lines.contains(&wanted), "{wanted} is missing in {lines:#?}");
        }
        for sound in ["d", "e", "f"] {
            assert!(!lines.contains(&circle(sound)), "{sound}: {lines:#?}");
        }
        assert_eq!(errors, 0);
    }

    #[test]
    fn the_zones_own_name_servers_need_addresses_wherever_they_come_from() {
        let lines = |host: &str, extra: Vec<StoredRrset>| {
            let mut rrsets = vec![
                rrset("x.test", "SOA", &["a.misconfigured.dns.server.invalid hostmaster.x.test 5 1 2 3 4"]),
                rrset("x.test", "NS", &[host]),
            ];
            rrsets.extend(extra);
            examine(&Name::parse("x.test").unwrap(), &rrsets, false).lines
        };
        let info = "[Info] SOA of zone 'x.test' names a.misconfigured.dns.server.invalid as its primary: see default-soa-content";
        let missing = "[Warning] Name server 'ns.x.test' of zone 'x.test' has no address in it";
        assert_eq!(lines("ns.x.test", Vec::new()), [info, missing]);
        assert_eq!(lines("ns.other.test", Vec::new()), [info]);
        for (owner, rtype, content) in
            [("ns.x.test", "AAAA", "2001:db8::1"), ("*.x.test", "A", "192.0.2.1"), ("ns.x.test", "ALIAS", "a.test")]
        {
            assert_eq!(lines("ns.x.test", vec![rrset(owner, rtype, &[content])]), [info], "{owner} {rtype}");
        }
    }

    #[test]
    fn disabled_records_are_not_looked_at() {
        let mut disabled = rrset("out.test", "A", &["nonsense"]);
        disabled.records[0].disabled = true;
        assert_eq!(found(vec![disabled]).0, [""; 0]);
    }
}
