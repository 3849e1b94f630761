//! What the objects of requests and answers hold (PDNS-DIALECT sections 3, 4, 5 and 9 to 11).
//!
//! Requests are read leniently: unknown fields are passed over, integers may be texts. What stands here is what to send.

use super::model::Shape::{AnyOf, Choice, Flag, Integer, List, Name, Object as Ref, Owner, Text};
use super::model::{Field, Object, Shape, both, shown, taken};

const TTL: Shape = Integer(0, 0x7fff_ffff);
const SERIAL: Shape = Integer(0, 0xffff_ffff);
const SECONDS: Shape = Integer(0, i64::MAX);
const COUNT: Shape = Integer(0, i64::MAX);
const TEXTS: Shape = List(&Text);
const KINDS: Shape = Choice(&["Native", "Master", "Slave", "Producer", "Consumer"]);

/// All of them, each once.
pub(super) const OBJECTS: &[Object] = &[
    Object { name: "ApiVersion", about: "A version of the API.", fields: API_VERSION },
    Object { name: "ApiFeatures", about: "What the API offers.", fields: API_FEATURES },
    Object { name: "Server", about: "The server.", fields: SERVER },
    Object { name: "Zone", about: "A zone: settings and content.", fields: ZONE },
    Object { name: "ZoneSummary", about: "A zone in the list of zones.", fields: ZONE_SUMMARY },
    Object { name: "RRSet", about: "The records of one name and type, with comments.", fields: RRSET },
    Object { name: "Record", about: "One record of an RRset.", fields: RECORD },
    Object { name: "Comment", about: "A comment on an RRset.", fields: COMMENT },
    Object { name: "ZoneExport", about: "A zone as text.", fields: ZONE_EXPORT },
    Object { name: "Result", about: "What an action did.", fields: RESULT },
    Object { name: "Retrieval", about: "Where to transfer a zone from.", fields: RETRIEVAL },
    Object { name: "Cryptokey", about: "A DNSSEC key.", fields: CRYPTOKEY },
    Object { name: "Metadata", about: "The values of one kind of metadata.", fields: METADATA },
    Object { name: "TSIGKey", about: "A TSIG key.", fields: TSIG_KEY },
    Object { name: "Autoprimary", about: "A primary whose NOTIFY may make new zones.", fields: AUTOPRIMARY },
    Object { name: "ApiKey", about: "A key of this API with its limits.", fields: API_KEY },
    Object { name: "ViewList", about: "All views.", fields: VIEW_LIST },
    Object { name: "View", about: "What a view shows.", fields: VIEW },
    Object { name: "ViewZone", about: "A zone for a view to show.", fields: VIEW_ZONE },
    Object { name: "NetworkList", about: "All networks that have a view.", fields: NETWORK_LIST },
    Object { name: "Network", about: "Which view clients of a network see.", fields: NETWORK },
    Object { name: "HistoryEntry", about: "One change of a zone.", fields: HISTORY_ENTRY },
    Object { name: "HistoryRRSet", about: "An RRset before and after a change.", fields: HISTORY_RRSET },
    Object { name: "HistoryState", about: "What an RRset held.", fields: HISTORY_STATE },
    Object { name: "HistoryRecord", about: "A record with its TTL.", fields: HISTORY_RECORD },
    Object { name: "HistoryComment", about: "A comment.", fields: HISTORY_COMMENT },
    Object { name: "Undo", about: "Where to go back to.", fields: UNDO },
    Object { name: "Undone", about: "What an undo did, or would do.", fields: UNDONE },
    Object { name: "UndoneRRSet", about: "An RRset that an undo puts back or takes away.", fields: UNDONE_RRSET },
    Object { name: "SearchResult", about: "A zone, a record or a comment that was found.", fields: SEARCH_RESULT },
    Object { name: "ConfigSetting", about: "A setting of the server.", fields: CONFIG_SETTING },
    Object { name: "CacheFlushResult", about: "How much was flushed.", fields: CACHE_FLUSH_RESULT },
    Object { name: "StatisticItem", about: "One counter.", fields: STATISTIC },
    Object { name: "MapStatisticItem", about: "Counters by a property of what is counted.", fields: MAP_STATISTIC },
    Object {
        name: "RingStatisticItem",
        about: "The last that came, by how often each is among them.",
        fields: RING_STATISTIC,
    },
    Object { name: "SimpleStatisticItem", about: "An entry of a map or ring.", fields: SIMPLE_STATISTIC },
    Object { name: "Error", about: "Why a request was refused or failed.", fields: ERROR },
];

const API_VERSION: &[Field] =
    &[shown("url", Text, "Path of this version."), shown("version", Integer(1, 1), "Its number.")];

const API_FEATURES: &[Field] =
    &[shown("api_features", TEXTS, "Always empty."), shown("server_url", Text, "Template of the path of a server.")];

const SERVER: &[Field] = &[
    shown("autoprimaries_url", Text, "Template of the path of autoprimaries."),
    shown("config_url", Text, "Template of the path of settings."),
    shown("daemon_type", Choice(&["authoritative"]), "What kind of server it is."),
    shown("id", Choice(&["localhost"]), "Its id in paths."),
    shown("type", Choice(&["Server"]), "Type of this object."),
    shown("url", Text, "Its path."),
    shown("version", Text, "The release of PowerDNS that it answers as (setting api-version)."),
    shown("zones_url", Text, "Template of the path of zones."),
];

const ZONE: &[Field] = &[
    both("account", Text, "Whose zone it is; at most 40 characters."),
    both(
        "api_rectify",
        Flag,
        "Whether changes keep the order of names and empty non-terminals (metadata API-RECTIFY).",
    ),
    both("catalog", Text, "The catalog zone it is a member of, or an empty text."),
    both("dnssec", Flag, "Whether it is signed. Set, keys are made by the defaults; unset, all keys are deleted."),
    shown("edited_serial", SERIAL, "The serial as DNS answers it."),
    shown("id", Text, "Its id in paths: the name, with =XX for octets outside A-Z a-z 0-9 . and -."),
    Field { taken: super::model::Taken::Ignored, ..both("kind", KINDS, "How it is replicated.") },
    taken(
        "kind",
        Text,
        "Native, Master or Primary, Slave or Secondary, Producer, Consumer; anything else means Native.",
    ),
    shown(
        "last_check",
        SECONDS,
        "When a secondary zone was last compared with its primary, in Unix time; 0 for never.",
    ),
    both("master_tsig_key_ids", TEXTS, "TSIG keys that may transfer it out."),
    both("masters", TEXTS, "Primaries of a secondary zone: addresses, with port where it is not 53."),
    both("name", Name, "Its name, with final dot."),
    taken("nameservers", List(&Name), "Names for NS records at the apex of a new zone, with final dot."),
    shown("notified_serial", SERIAL, "The serial that secondaries were last told about."),
    both("nsec3narrow", Flag, "Whether denials are made narrow, on demand. Read together with nsec3param only."),
    both("nsec3param", Text, "Parameters of NSEC3, such as `1 0 0 -`; empty for NSEC."),
    shown("record_count", COUNT, "Number of records, where it was asked for.").sometimes(),
    both("rrsets", List(&Ref("RRSet")), "Its content, or the changes to it.").sometimes(),
    both(
        "serial",
        SERIAL,
        "The serial in the database; 0 without SOA. For a new zone: that of the SOA that is made for it.",
    ),
    both("slave_tsig_key_ids", TEXTS, "The TSIG key that transfers in are signed with."),
    both("soa_edit", Text, "How the serial is changed when it is answered (metadata SOA-EDIT)."),
    both("soa_edit_api", Text, "How the API raises the serial (metadata SOA-EDIT-API)."),
    shown("url", Text, "Its path."),
    taken("write_unchanged", Flag, "Whether a PATCH raises the serial though it changes nothing."),
    taken("zone", Text, "Content of a new zone as a master file, instead of rrsets."),
];

const ZONE_SUMMARY: &[Field] = &[
    shown("account", Text, "Whose zone it is."),
    shown("catalog", Text, "The catalog zone it is a member of, or an empty text."),
    shown("dnssec", Flag, "Whether it is signed; left out with dnssec=false.").sometimes(),
    shown("edited_serial", SERIAL, "The serial as DNS answers it; left out with dnssec=false.").sometimes(),
    shown("id", Text, "Its id in paths."),
    shown("kind", KINDS, "How it is replicated."),
    shown(
        "last_check",
        SECONDS,
        "When a secondary zone was last compared with its primary, in Unix time; 0 for never.",
    ),
    shown("masters", TEXTS, "Primaries of a secondary zone."),
    shown("name", Text, "Its name, with final dot."),
    shown("notified_serial", SERIAL, "The serial that secondaries were last told about."),
    shown("serial", SERIAL, "The serial in the database; 0 without SOA."),
    shown("url", Text, "Its path."),
];

const RRSET: &[Field] = &[
    taken(
        "changetype",
        Choice(&["REPLACE", "DELETE", "EXTEND", "PRUNE"]),
        "What a PATCH does with it, and needed there: REPLACE makes it these records, DELETE removes it, EXTEND adds the one \
         record, PRUNE removes it. In any case.",
    ),
    both("comments", List(&Ref("Comment")), "Comments. Absent in a request: they stay as they are."),
    both("name", Owner, "Owner, with final dot.").needed(),
    both("records", List(&Ref("Record")), "Records; none deletes the RRset."),
    both("ttl", TTL, "Seconds that answers may be cached for. Needed with records."),
    both("type", Text, "Type of the records, such as `AAAA` or `TYPE65280`.").needed(),
];

const RECORD: &[Field] = &[
    both("content", Text, "Data in presentation format, names with final dot.").needed(),
    both("disabled", Flag, "Whether DNS leaves it out."),
];

const COMMENT: &[Field] = &[
    both("account", Text, "Who wrote it; at most 40 characters.").needed(),
    both("content", Text, "The text.").needed(),
    both("modified_at", Integer(0, 0x7fff_ffff), "When it was written, in Unix time; the default is now."),
];

const ZONE_EXPORT: &[Field] = &[shown("zone", Text, "Lines of NAME, TTL, class, TYPE and CONTENT between tabs.")];

const RESULT: &[Field] = &[shown("result", Text, "What was done.")];

const RETRIEVAL: &[Field] = &[taken("primary", Text, "Address of the primary, with port where it is not 53.")];

const CRYPTOKEY: &[Field] = &[
    both("active", Flag, "Whether it signs. Default false for a new key; needed when a key is changed."),
    both("algorithm", Text, "Mnemonic of the algorithm, such as ECDSAP256SHA256; for a new key also its number."),
    both("bits", Integer(0, 65_535), "Size of the key."),
    taken("content", Text, "Another name of privatekey."),
    shown("cds", TEXTS, "Those of ds that the zone publishes as CDS.").sometimes(),
    shown("dnskey", Text, "The DNSKEY record."),
    shown("ds", TEXTS, "DS records for the parent zone; not for a ZSK.").sometimes(),
    shown("flags", Integer(0, 65_535), "256 or 257."),
    shown("id", Integer(0, i64::MAX), "Number of the key."),
    both("keytype", Choice(&["ksk", "zsk", "csk"]), "What it signs. Needed for a new key."),
    both(
        "privatekey",
        Text,
        "The private key in BIND's format. Answered for a single key only; absent for a new key: one is made.",
    )
    .sometimes(),
    both("published", Flag, "Whether it stands in the DNSKEY RRset. Default true."),
    shown("type", Choice(&["Cryptokey"]), "Type of this object."),
    shown("unusable", Text, "Why the key signs nothing, whatever its flags say.").sometimes(),
];

const METADATA: &[Field] = &[
    both("kind", Text, "Kind of metadata, such as ALLOW-AXFR-FROM."),
    both("metadata", TEXTS, "Its values.").needed(),
    shown("type", Choice(&["Metadata"]), "Type of this object."),
];

const TSIG_KEY: &[Field] = &[
    both("algorithm", Text, "Such as hmac-sha256."),
    shown("id", Text, "Its id in paths: the name with final dot, encoded as a zone's."),
    both("key", Text, "The secret in base64; empty in the list. Empty or absent for a new key: one is made."),
    both("name", Text, "Its name."),
    shown("type", Choice(&["TSIGKey"]), "Type of this object."),
];

const AUTOPRIMARY: &[Field] = &[
    both("account", Text, "Account of the zones it makes."),
    both("ip", Text, "Its address.").needed(),
    both("nameserver", Text, "The name server that it must be in new zones.").needed(),
];

const API_KEY: &[Field] = &[
    both("expires_at", SECONDS, "Seconds since 1970 from which on it is refused; absent: never.").sometimes(),
    shown("key", Text, "The key, when it is made.").sometimes(),
    shown("made_at", SECONDS, "Seconds since 1970; absent for a key of the settings.").sometimes(),
    both("name", Text, "Its name: letters, digits, '.', '_' and '-'."),
    both("names", TEXTS, "Names that it may change with all below them; empty: all."),
    both("read_only", Flag, "Whether it may change nothing."),
    shown("source", Choice(&["database", "settings"]), "Where it stands."),
    shown("type", Choice(&["ApiKey"]), "Type of this object."),
    both("types", TEXTS, "Record types that it may change; empty: all."),
    shown("used_at", SECONDS, "Seconds since 1970; absent: not yet.").sometimes(),
    both("zones", TEXTS, "Patterns of the zones it may use; empty: all."),
];

const VIEW_LIST: &[Field] = &[shown("views", TEXTS, "Their names.")];

const VIEW: &[Field] = &[shown("zones", TEXTS, "Names of zones, a variant as `example.com..variant`.")];

const VIEW_ZONE: &[Field] = &[taken("name", Text, "The zone, as `example.com.` or `example.com..variant`.").needed()];

const NETWORK_LIST: &[Field] = &[shown("networks", List(&Ref("Network")), "In no particular order.")];

const NETWORK: &[Field] =
    &[shown("network", Text, "First address and prefix length."), both("view", Text, "The name of the view.")];

const HISTORY_ENTRY: &[Field] = &[
    shown("actor", Text, "Who asked: api:NAME of the key, pdnsutil, and so on.").sometimes(),
    shown("id", COUNT, "Its number, greater than those of earlier changes."),
    shown("is_after_gap", Flag, "Whether the tables may have been written by others since the change before."),
    shown("is_complete", Flag, "Whether rrsets holds all that changed; false if there were too many to keep."),
    shown("rrsets", List(&Ref("HistoryRRSet")), "RRsets that changed."),
    shown("serial_after", SERIAL, "The stored serial afterwards.").sometimes(),
    shown("serial_before", SERIAL, "The stored serial before.").sometimes(),
    shown("settings", TEXTS, "What else changed, in words."),
    shown("time", SECONDS, "When, in Unix time."),
];

const HISTORY_RRSET: &[Field] = &[
    shown("name", Text, "Owner."),
    shown("new", Ref("HistoryState"), "Afterwards."),
    shown("old", Ref("HistoryState"), "Before."),
    shown("type", Text, "Type."),
];

const HISTORY_STATE: &[Field] = &[
    shown("comments", List(&Ref("HistoryComment")), "Its comments."),
    shown("records", List(&Ref("HistoryRecord")), "Its records; none: it was not there."),
];

const HISTORY_RECORD: &[Field] = &[
    shown("content", Text, "Data."),
    shown("disabled", Flag, "Whether DNS left it out."),
    shown("ttl", TTL, "Seconds."),
];

const HISTORY_COMMENT: &[Field] = &[shown("account", Text, "Who wrote it."), shown("content", Text, "Text.")];

const UNDO: &[Field] = &[
    taken("dry_run", Flag, "Whether to tell only what would be changed. Default false."),
    taken("serial", SERIAL, "The stored serial that a change on record left behind.").needed(),
];

const UNDONE: &[Field] = &[
    shown("result", Text, "What was done, in words."),
    shown("rrsets", List(&Ref("UndoneRRSet")), "What was changed, or would be."),
];

const UNDONE_RRSET: &[Field] = &[
    shown("changetype", Choice(&["DELETE", "REPLACE"]), "Whether it is taken away."),
    shown("name", Text, "Owner."),
    shown("records", List(&Ref("HistoryRecord")), "Its records from then on."),
    shown("type", Text, "Type."),
];

const SEARCH_RESULT: &[Field] = &[
    shown("content", Text, "Data of a record, or text of a comment.").sometimes(),
    shown("disabled", Flag, "Of a record: whether DNS leaves it out.").sometimes(),
    shown("name", Text, "Its name."),
    shown("object_type", Choice(&["zone", "record", "comment"]), "What it is."),
    shown("ttl", TTL, "Of a record: seconds that answers may be cached for.").sometimes(),
    shown("type", Text, "Type of the RRset it belongs to.").sometimes(),
    shown("zone", Text, "The zone it is in.").sometimes(),
    shown("zone_id", Text, "Id of the zone."),
];

const CONFIG_SETTING: &[Field] = &[
    shown("name", Text, "Name of the setting."),
    shown("type", Choice(&["ConfigSetting"]), "Type of this object."),
    shown("value", Text, "Its value; secrets are masked."),
];

const CACHE_FLUSH_RESULT: &[Field] =
    &[shown("count", COUNT, "Answers that were dropped."), shown("result", Text, "What was done.")];

/// One entry of `statistics`.
pub(super) const ANY_STATISTIC: Shape =
    AnyOf(&[Ref("StatisticItem"), Ref("MapStatisticItem"), Ref("RingStatisticItem")]);

const STATISTIC: &[Field] = &[
    shown("name", Text, "Name of the counter."),
    shown("type", Choice(&["StatisticItem"]), "Type of this object."),
    shown("value", Text, "Its value, a number."),
];

const MAP_STATISTIC: &[Field] = &[
    shown("name", Text, "Name of the map."),
    shown("type", Choice(&["MapStatisticItem"]), "Type of this object."),
    shown("value", List(&Ref("SimpleStatisticItem")), "Its entries, those of 0 left out."),
];

const RING_STATISTIC: &[Field] = &[
    shown("name", Text, "Name of the ring."),
    shown("size", Text, "How many entries it holds at most, a number."),
    shown("type", Choice(&["RingStatisticItem"]), "Type of this object."),
    shown("value", List(&Ref("SimpleStatisticItem")), "Its entries, the most frequent first."),
];

const SIMPLE_STATISTIC: &[Field] =
    &[shown("name", Text, "What was counted."), shown("value", Text, "How often, a number.")];

const ERROR: &[Field] =
    &[shown("error", Text, "The reason."), shown("errors", TEXTS, "All reasons, where there are several.").sometimes()];
