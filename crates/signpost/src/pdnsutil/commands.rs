//! The commands by both their spellings, their parameters, and whether they write (PDNS-DIALECT section 13.1).

/// How a command was written; the two generations of PowerDNS differ in more than its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `add-record`, as up to 4.9: names relative to the zone, a ZSK by default, usage errors exit with 0.
    Old,
    /// `rrset add`, as from 5.0: absolute names, a KSK by default, usage errors exit with 1.
    New,
}

/// Whether a command changes the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Needs no database.
    None,
    /// Reads.
    Read,
    /// Writes.
    Write,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named as the command it stands for")]
pub(super) enum Command {
    ActivateTsigKey,
    ActivateZoneKey,
    AddAutoprimary,
    AddMeta,
    AddRecord,
    AddViewZone,
    AddZoneKey,
    B2bMigrate,
    ChangeSecondaryZonePrimary,
    CheckAllZones,
    CheckZone,
    ClearZone,
    CreateSecondaryZone,
    CreateZone,
    DeactivateTsigKey,
    DeactivateZoneKey,
    DeleteRrset,
    DeleteTsigKey,
    DeleteZone,
    DisableDnssec,
    EditZone,
    ExportZoneDnskey,
    ExportZoneDs,
    ExportZoneKey,
    ExportZoneKeyPem,
    GenerateTsigKey,
    GenerateZoneKey,
    GetMeta,
    HashPassword,
    HashZoneRecord,
    ImportTsigKey,
    ImportZoneKey,
    ImportZoneKeyPem,
    IncreaseSerial,
    ListAlgorithms,
    ListAllZones,
    ListAutoprimaries,
    ListKeys,
    ListNetworks,
    ListView,
    ListViews,
    ListMemberZones,
    ListTsigKeys,
    ListZone,
    LoadZone,
    PublishZoneKey,
    RawLuaFromContent,
    RectifyAllZones,
    RectifyZone,
    RemoveAutoprimary,
    RemoveViewZone,
    RemoveZoneKey,
    ReplaceRrset,
    SecureAllZones,
    SecureZone,
    SetAccount,
    SetCatalog,
    SetKind,
    SetMeta,
    SetNetwork,
    SetNsec3,
    SetOption,
    SetOptionsJson,
    SetPresigned,
    SetPublishCdnskey,
    SetPublishCds,
    ShowZone,
    UnpublishZoneKey,
    UnsetNsec3,
    UnsetPresigned,
    UnsetPublishCdnskey,
    UnsetPublishCds,
    ZonemdVerifyFile,
}

/// One command of the table.
#[derive(Debug)]
pub(super) struct Entry {
    /// Spelling up to 4.9; empty for what came later.
    pub(super) old: &'static str,
    /// Spelling from 5.0: object and verb; empty where it did not change.
    pub(super) new: (&'static str, &'static str),
    /// Parameters, for the usage line.
    pub(super) parameters: &'static str,
    /// Fewest parameters.
    pub(super) parameters_min: usize,
    /// What it does to the database.
    pub(super) access: Access,
    /// Which.
    pub(super) command: Command,
}

const fn entry(
    old: &'static str,
    new: (&'static str, &'static str),
    parameters: &'static str,
    parameters_min: usize,
    access: Access,
    command: Command,
) -> Entry {
    Entry { old, new, parameters, parameters_min, access, command }
}

use Access::{None as Nothing, Read, Write};

/// All commands that are offered.
pub(super) const COMMANDS: &[Entry] = &[
    entry("edit-zone", ("zone", "edit"), "ZONE", 1, Write, Command::EditZone),
    entry("b2b-migrate", ("", ""), "FROM-URL TO-URL", 2, Nothing, Command::B2bMigrate),
    entry(
        "activate-tsig-key",
        ("tsigkey", "activate"),
        "ZONE NAME {primary|secondary|producer|consumer}",
        3,
        Write,
        Command::ActivateTsigKey,
    ),
    entry("add-autoprimary", ("autoprimary", "add"), "IP NAMESERVER [account]", 2, Write, Command::AddAutoprimary),
    entry("add-supermaster", ("", ""), "IP NAMESERVER [account]", 2, Write, Command::AddAutoprimary),
    entry(
        "change-secondary-zone-primary",
        ("zone", "change-primary"),
        "ZONE primary-ip [primary-ip..]",
        2,
        Write,
        Command::ChangeSecondaryZonePrimary,
    ),
    entry(
        "change-slave-zone-master",
        ("", ""),
        "ZONE primary-ip [primary-ip..]",
        2,
        Write,
        Command::ChangeSecondaryZonePrimary,
    ),
    entry(
        "create-secondary-zone",
        ("zone", "create-secondary"),
        "ZONE primary-ip [primary-ip..]",
        2,
        Write,
        Command::CreateSecondaryZone,
    ),
    entry("create-slave-zone", ("", ""), "ZONE primary-ip [primary-ip..]", 2, Write, Command::CreateSecondaryZone),
    entry(
        "deactivate-tsig-key",
        ("tsigkey", "deactivate"),
        "ZONE NAME {primary|secondary|producer|consumer}",
        3,
        Write,
        Command::DeactivateTsigKey,
    ),
    entry("delete-tsig-key", ("tsigkey", "delete"), "NAME", 1, Write, Command::DeleteTsigKey),
    entry(
        "generate-tsig-key",
        ("tsigkey", "generate"),
        "NAME (hmac-md5|hmac-sha1|hmac-sha224|hmac-sha256|hmac-sha384|hmac-sha512)",
        2,
        Write,
        Command::GenerateTsigKey,
    ),
    entry("hash-password", ("", ""), "[WORK FACTOR]", 0, Nothing, Command::HashPassword),
    entry("import-tsig-key", ("tsigkey", "import"), "NAME ALGORITHM KEY", 3, Write, Command::ImportTsigKey),
    entry("list-autoprimaries", ("autoprimary", "list"), "", 0, Read, Command::ListAutoprimaries),
    entry("list-member-zones", ("catalog", "list-members"), "CATALOG", 1, Read, Command::ListMemberZones),
    entry("list-tsig-keys", ("tsigkey", "list"), "", 0, Read, Command::ListTsigKeys),
    entry("raw-lua-from-content", ("", ""), "TYPE CONTENT", 2, Nothing, Command::RawLuaFromContent),
    entry("remove-autoprimary", ("autoprimary", "remove"), "IP NAMESERVER", 2, Write, Command::RemoveAutoprimary),
    entry("set-catalog", ("catalog", "set"), "ZONE [CATALOG]", 1, Write, Command::SetCatalog),
    entry(
        "set-option",
        ("zone", "set-option"),
        "ZONE [producer|consumer] [coo|unique|group] VALUE [VALUE ...]",
        0,
        Write,
        Command::SetOption,
    ),
    entry("set-options-json", ("zone", "set-options-json"), "ZONE JSON", 0, Write, Command::SetOptionsJson),
    entry("activate-zone-key", ("zone", "activate-key"), "ZONE KEY-ID", 2, Write, Command::ActivateZoneKey),
    entry("add-meta", ("metadata", "add"), "ZONE KIND VALUE [VALUE ...]", 3, Write, Command::AddMeta),
    entry(
        "add-record",
        ("rrset", "add"),
        "ZONE name type [ttl] \"content\" [\"content\"...]",
        4,
        Write,
        Command::AddRecord,
    ),
    entry(
        "add-zone-key",
        ("zone", "add-key"),
        "ZONE [zsk|ksk] [BITS] [active|inactive] [published|unpublished] [rsasha256|rsasha512|ecdsa256|ecdsa384|ed25519]",
        1,
        Write,
        Command::AddZoneKey,
    ),
    entry("check-all-zones", ("zone", "check-all"), "[exit-on-error]", 0, Read, Command::CheckAllZones),
    entry("check-zone", ("zone", "check"), "ZONE", 1, Read, Command::CheckZone),
    entry("clear-zone", ("zone", "clear"), "ZONE", 1, Write, Command::ClearZone),
    entry("create-zone", ("zone", "create"), "ZONE [nsname]", 1, Write, Command::CreateZone),
    entry("deactivate-zone-key", ("zone", "deactivate-key"), "ZONE KEY-ID", 2, Write, Command::DeactivateZoneKey),
    entry("delete-rrset", ("rrset", "delete"), "ZONE name type", 3, Write, Command::DeleteRrset),
    entry("delete-zone", ("zone", "delete"), "ZONE", 1, Write, Command::DeleteZone),
    entry("disable-dnssec", ("zone", "dnssec-disable"), "ZONE", 1, Write, Command::DisableDnssec),
    entry("export-zone-dnskey", ("zone", "export-dnskey"), "ZONE KEY-ID", 2, Read, Command::ExportZoneDnskey),
    entry("export-zone-ds", ("zone", "export-ds"), "ZONE", 1, Read, Command::ExportZoneDs),
    entry("export-zone-key", ("zone", "export-key"), "ZONE KEY-ID", 2, Read, Command::ExportZoneKey),
    entry("export-zone-key-pem", ("zone", "export-key-pem"), "ZONE KEY-ID", 2, Read, Command::ExportZoneKeyPem),
    entry(
        "generate-zone-key",
        ("zone", "generate-key"),
        "zsk|ksk [rsasha256|rsasha512|ecdsa256|ecdsa384|ed25519] [bits]",
        1,
        Nothing,
        Command::GenerateZoneKey,
    ),
    entry("get-meta", ("metadata", "get"), "ZONE [KIND ...]", 1, Read, Command::GetMeta),
    entry("hash-zone-record", ("rrset", "hash"), "ZONE RNAME", 2, Read, Command::HashZoneRecord),
    entry(
        "import-zone-key",
        ("zone", "import-key"),
        "ZONE FILE [active|inactive] [ksk|zsk] [published|unpublished]",
        2,
        Write,
        Command::ImportZoneKey,
    ),
    entry(
        "import-zone-key-pem",
        ("zone", "import-key-pem"),
        "ZONE FILE ALGORITHM {ksk|zsk}",
        3,
        Write,
        Command::ImportZoneKeyPem,
    ),
    entry("increase-serial", ("zone", "increase-serial"), "ZONE", 1, Write, Command::IncreaseSerial),
    entry("list-algorithms", ("", ""), "[with-backend]", 0, Nothing, Command::ListAlgorithms),
    entry(
        "list-all-zones",
        ("zone", "list-all"),
        "[primary|secondary|native|producer|consumer]",
        0,
        Read,
        Command::ListAllZones,
    ),
    entry("list-keys", ("zone", "list-keys"), "[ZONE]", 0, Read, Command::ListKeys),
    entry("list-zone", ("zone", "list"), "ZONE", 1, Read, Command::ListZone),
    entry("load-zone", ("zone", "load"), "ZONE FILE [ZONE FILE] [...]", 2, Write, Command::LoadZone),
    entry("publish-zone-key", ("zone", "publish-key"), "ZONE KEY-ID", 2, Write, Command::PublishZoneKey),
    entry("rectify-all-zones", ("zone", "rectify-all"), "[quiet]", 0, Write, Command::RectifyAllZones),
    entry("rectify-zone", ("zone", "rectify"), "ZONE [ZONE ...]", 1, Write, Command::RectifyZone),
    entry("remove-zone-key", ("zone", "remove-key"), "ZONE KEY-ID", 2, Write, Command::RemoveZoneKey),
    entry(
        "replace-rrset",
        ("rrset", "replace"),
        "ZONE name type [ttl] \"content\" [\"content\"...]",
        4,
        Write,
        Command::ReplaceRrset,
    ),
    entry("secure-all-zones", ("zone", "secure-all"), "[increase-serial]", 0, Write, Command::SecureAllZones),
    entry("secure-zone", ("zone", "secure"), "ZONE", 1, Write, Command::SecureZone),
    entry("set-account", ("zone", "set-account"), "ZONE ACCOUNT", 2, Write, Command::SetAccount),
    entry("set-kind", ("zone", "set-kind"), "ZONE KIND", 2, Write, Command::SetKind),
    entry("set-meta", ("metadata", "set"), "ZONE KIND [VALUE ...]", 2, Write, Command::SetMeta),
    entry("set-nsec3", ("zone", "set-nsec3"), "ZONE ['params' [narrow]]", 1, Write, Command::SetNsec3),
    entry("set-presigned", ("zone", "set-presigned"), "ZONE", 1, Write, Command::SetPresigned),
    entry(
        "set-publish-cdnskey",
        ("zone", "set-publish-cdnskey"),
        "ZONE [delete]",
        1,
        Write,
        Command::SetPublishCdnskey,
    ),
    entry("set-publish-cds", ("zone", "set-publish-cds"), "ZONE [DIGESTALGOS]", 1, Write, Command::SetPublishCds),
    entry("show-zone", ("zone", "show"), "ZONE", 1, Read, Command::ShowZone),
    entry("test-zone", ("", ""), "ZONE", 1, Read, Command::CheckZone),
    entry("unpublish-zone-key", ("zone", "unpublish-key"), "ZONE KEY-ID", 2, Write, Command::UnpublishZoneKey),
    entry("unset-nsec3", ("zone", "unset-nsec3"), "ZONE", 1, Write, Command::UnsetNsec3),
    entry("unset-presigned", ("zone", "unset-presigned"), "ZONE", 1, Write, Command::UnsetPresigned),
    entry("unset-publish-cdnskey", ("zone", "unset-publish-cdnskey"), "ZONE", 1, Write, Command::UnsetPublishCdnskey),
    entry("unset-publish-cds", ("zone", "unset-publish-cds"), "ZONE", 1, Write, Command::UnsetPublishCds),
    entry("zonemd-verify-file", ("zone", "zonemd-verify-file"), "ZONE FILE", 2, Nothing, Command::ZonemdVerifyFile),
    entry("", ("network", "list"), "", 0, Read, Command::ListNetworks),
    entry("", ("network", "set"), "NETWORK [VIEW]", 1, Write, Command::SetNetwork),
    entry("", ("view", "add-zone"), "VIEW ZONE [ZONE ...]", 2, Write, Command::AddViewZone),
    entry("", ("view", "del-zone"), "VIEW ZONE [ZONE ...]", 2, Write, Command::RemoveViewZone),
    entry("", ("view", "list"), "VIEW", 1, Read, Command::ListView),
    entry("", ("view", "list-all"), "", 0, Read, Command::ListViews),
];

/// PowerDNS has them and we have not, and why.
const NOT_OFFERED: &[(&str, &str)] = &[
    ("backend-cmd", "there is no backend to send it to; use psql or sqlite3"),
    ("backend-lookup", "use list-zone, or the API's search-data"),
    ("bench-db", "benches/ in the sources measures"),
    ("create-bind-db", "there is no BIND backend"),
    ("hsm", "keys are kept in the database alone"),
    ("ipdecrypt", "no log of ours has encrypted addresses"),
    ("ipencrypt", "no log of ours has encrypted addresses"),
    ("test-schema", "tables are checked and completed whenever a database is opened"),
];

/// What the words at the start of a command line mean.
#[derive(Debug)]
pub(super) enum Recognised<'a> {
    /// A command, how it was spelt, and its parameters.
    Command(&'static Entry, Spelling, &'a [String]),
    /// One of PowerDNS's that is not offered, for this reason.
    NotOffered(&'static str),
    /// None.
    Unknown,
}

/// Looks a command line up.
pub(super) fn recognise(words: &[String]) -> Recognised<'_> {
    let Some(first) = words.first() else { return Recognised::Unknown };
    if let Some(entry) = COMMANDS.iter().find(|entry| !entry.old.is_empty() && entry.old == first) {
        return Recognised::Command(entry, Spelling::Old, &words[1..]);
    }
    // `record` may stand for `rrset`, and `views` for `view`.
    let object = match first.as_str() {
        "record" => "rrset",
        "views" => "view",
        object => object,
    };
    if let Some(verb) = words.get(1)
        && let Some(entry) = COMMANDS.iter().find(|entry| !object.is_empty() && entry.new == (object, verb.as_str()))
    {
        return Recognised::Command(entry, Spelling::New, &words[2..]);
    }
    let left_out = NOT_OFFERED.iter().find(|(name, _)| name == first);
    left_out.map_or(Recognised::Unknown, |(_, reason)| Recognised::NotOffered(reason))
}

/// Those whose usage line was an error already in 4.7.
const USAGE_ALWAYS_FAILS: &[Command] = &[
    Command::AddMeta,
    Command::GetMeta,
    Command::IncreaseSerial,
    Command::RawLuaFromContent,
    Command::SetMeta,
    Command::ZonemdVerifyFile,
];

impl Entry {
    /// The exit code after a usage line: PowerDNS up to 4.9 says 0 for most commands.
    pub(super) fn usage_exit(&self, spelling: Spelling) -> u8 {
        u8::from(spelling == Spelling::New || USAGE_ALWAYS_FAILS.contains(&self.command))
    }

    /// The usage line, as the generation of the spelling prints it.
    pub(super) fn usage(&self, spelling: Spelling) -> String {
        match spelling {
            Spelling::Old => format!("Syntax: pdnsutil {} {}", self.old, self.parameters),
            Spelling::New => format!("Usage: pdnsutil {} {} {}", self.new.0, self.new.1, self.parameters),
        }
        .trim_end()
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn section_13_1_both_spellings_mean_the_same_command() {
        for (old, new) in [
            ("create-zone", "zone create"),
            ("add-record", "rrset add"),
            ("add-record", "record add"),
            ("list-all-zones", "zone list-all"),
            ("disable-dnssec", "zone dnssec-disable"),
            ("set-meta", "metadata set"),
            ("export-zone-ds", "zone export-ds"),
        ] {
            let (old, new) = (words(&format!("{old} z x")), words(&format!("{new} z x")));
            let (Recognised::Command(a, Spelling::Old, p), Recognised::Command(b, Spelling::New, q)) =
                (recognise(&old), recognise(&new))
            else {
                panic!("{old:?} and {new:?} are not both known");
            };
            assert_eq!(a.command, b.command);
            assert_eq!((p, q), (&words("z x")[..], &words("z x")[..]));
        }
    }

    #[test]
    fn the_rest_is_told_apart() {
        assert!(matches!(recognise(&words("create-bind-db k")), Recognised::NotOffered(_)));
        assert!(matches!(recognise(&words("zone fly")), Recognised::Unknown));
        assert!(matches!(recognise(&words("bogus")), Recognised::Unknown));
        assert!(matches!(recognise(&[]), Recognised::Unknown));
    }
}
