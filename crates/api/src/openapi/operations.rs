//! What each action takes and answers. The match is exhaustive: a new action does not compile without its description.
//!
//! Ids, tags and names of bodies are those of PowerDNS's own document, since clients call by them.

use super::model::Shape::{Anything, Choice, Flag, Integer, List, Name, Object, Text};
use super::model::{JSON, Operation, Query, Shape, operation, query};
use super::objects::ANY_STATISTIC;
use crate::routes::Action;

const RRSETS: Query = query("rrsets", Flag, "Whether the answer has rrsets. Default true.");

const RESULT: Shape = Object("Result");

/// The description of `action`.
pub(super) fn describe(action: Action) -> Operation {
    match action {
        Action::Versions | Action::Features | Action::Docs | Action::Servers | Action::Server | Action::Config => {
            describe_server(action)
        }
        Action::Statistics => operation("stats", "getStats", "Counters and rings.")
            .query(&[
                query("statistic", Text, "Only the one of this name."),
                query("includerings", Flag, "Whether the answer has rings. Default true."),
            ])
            .answers(200, List(&ANY_STATISTIC), "The counters, then the rings."),
        Action::CacheFlush => operation("servers", "cacheFlushByName", "Drops cached answers at and below a name.")
            .query(&[Query { is_needed: true, ..query("domain", Name, "The name, with final dot.") }])
            .answers(200, Object("CacheFlushResult"), "How many were dropped."),
        Action::ZoneList
        | Action::ZoneCreate
        | Action::ZoneGet
        | Action::ZonePatch
        | Action::ZonePut
        | Action::ZoneDelete => describe_zone(action),
        Action::ZoneExport => operation("zones", "axfrExportZone", "Shows the zone as a master file.").answers_in(
            200,
            &[(JSON, Object("ZoneExport")), ("text/plain", Text)],
            "The records that DNS answers.",
        ),
        Action::ZoneRetrieve => operation("zones", "axfrRetrieveZone", "Transfers a secondary zone from its primary.")
            .may_take("retrieval", "Retrieval")
            .answers(200, RESULT, "The transfer is queued."),
        Action::ZoneNotify => operation("zones", "notifyZone", "Tells the zone's secondaries that it changed.")
            .answers(200, RESULT, "The messages are queued."),
        Action::ZoneRectify => operation(
            "zones",
            "rectifyZone",
            "Computes the order of names and empty non-terminals anew.",
        )
        .answers(200, RESULT, "It was done."),
        Action::ZoneHistory => operation("zones", "listZoneHistory", "Tells who changed what, the newest first.")
            .query(&[
                query("limit", Integer(1, i64::MAX), "How many entries at most. Default 50, and never over 1000."),
                query("before", Integer(1, i64::MAX), "Only entries before the one with this id."),
            ])
            .answers(200, List(&Object("HistoryEntry")), "Changes made through this server and its like."),
        Action::ZoneUndo => {
            operation("zones", "undoZone", "Takes records and comments back to how they were at a serial.")
                .takes("undo", "Undo", &["serial"])
                .answers(200, Object("Undone"), "What was changed, or would be.")
        }
        Action::KeyList
        | Action::KeyCreate
        | Action::KeyCreateById
        | Action::KeyGet
        | Action::KeyPut
        | Action::KeyDelete => describe_key(action),
        Action::MetadataList
        | Action::MetadataCreate
        | Action::MetadataGet
        | Action::MetadataPut
        | Action::MetadataDelete => describe_metadata(action),
        Action::Search => operation("search", "searchData", "Searches zones, records and comments.")
            .query(&[
                Query {
                    is_needed: true,
                    ..query("q", Text, "The pattern: `*` stands for any characters, `?` for one.")
                },
                query("max", Integer(1, 0x7fff_ffff), "How many of each kind are found at most. Default 100."),
                query("object_type", Choice(&["all", "zone", "record", "comment"]), "What is searched. Default all."),
            ])
            .answers(200, List(&Object("SearchResult")), "What was found: zones, records, comments."),
        Action::TsigKeyList
        | Action::TsigKeyCreate
        | Action::TsigKeyGet
        | Action::TsigKeyPut
        | Action::TsigKeyDelete => describe_tsig_key(action),
        Action::AutoprimaryList => operation("autoprimary", "getAutoprimaries", "Lists autoprimaries.").answers(
            200,
            List(&Object("Autoprimary")),
            "The autoprimaries.",
        ),
        Action::AutoprimaryCreate => operation("autoprimary", "createAutoprimary", "Adds an autoprimary.")
            .takes("autoprimary", "Autoprimary", &[])
            .answers_in(201, &[], "It is added. No body.")
            .refuses(409, "It exists already."),
        Action::AutoprimaryDelete => {
            operation("autoprimary", "deleteAutoprimary", "Removes an autoprimary, if it is there.").done()
        }
        Action::ViewList
        | Action::ViewGet
        | Action::ViewAdd
        | Action::ViewRemove
        | Action::NetworkList
        | Action::NetworkGet
        | Action::NetworkPut => describe_view(action),
        Action::ApiKeyList | Action::ApiKeyCreate | Action::ApiKeyGet | Action::ApiKeyDelete => {
            describe_api_key(action)
        }
        Action::StatusPage => operation("pages", "statusPage", "What the server does, for people.").answers_text(
            200,
            "text/html",
            "A page.",
        ),
        Action::RingReset => operation("pages", "resetRings", "Empties rings.")
            .query(&[query("resetring", Text, "Only the ring of this name.")])
            .answers_text(200, "text/html", "All are empty. The page.")
            .answers_text(302, "text/html", "The one is empty. Back to the page.")
            .refuses(403, "A page of another site sent this.")
            .refuses(422, "There is no ring of this name."),
        Action::StyleSheet => {
            operation("pages", "styleSheet", "How the page looks.").answers_text(200, "text/css", "A style sheet.")
        }
        Action::Prometheus => operation("pages", "metrics", "Counters in Prometheus's text format.").answers_text(
            200,
            "text/plain",
            "The counters.",
        ),
        Action::Alive => {
            operation("probes", "livez", "Whether the process lives.").answers_text(200, "text/plain", "It does.")
        }
        Action::Ready => operation("probes", "readyz", "Whether zones are served.")
            .query(&[query("for", Choice(&["dns", "api"]), "What must be ready. Default dns.")])
            .answers_in(
                200,
                &[("text/plain", Text), (JSON, Anything)],
                "They are; as JSON with the state of each part.",
            )
            .answers_in(503, &[("text/plain", Text), (JSON, Anything)], "Not yet, with the reason.")
            .answers_in(422, &[(JSON, Object("Error"))], "It can be ready for dns or api."),
        Action::Version => {
            operation("probes", "version", "Which program answers.").answers(200, Anything, "Name and versions.")
        }
    }
}

fn describe_server(action: Action) -> Operation {
    match action {
        Action::Versions => operation("servers", "listVersions", "Lists the versions of the API.").answers(
            200,
            List(&Object("ApiVersion")),
            "There is one.",
        ),
        Action::Features => operation("servers", "listFeatures", "Tells where servers are found.").answers(
            200,
            List(&Object("ApiFeatures")),
            "The template of their path.",
        ),
        Action::Docs => operation("servers", "getDocs", "This document.")
            .query(&[query(
                "openapi",
                Choice(&["2.0", "3.1"]),
                "Its version. The default goes by the setting api-version.",
            )])
            .answers_in(
                200,
                &[(JSON, Anything), ("application/x-yaml", Anything), ("text/plain", Text)],
                "As JSON or YAML, by Accept.",
            ),
        Action::Servers => operation("servers", "listServers", "Lists the servers.").answers(
            200,
            List(&Object("Server")),
            "There is one.",
        ),
        Action::Server => {
            operation("servers", "listServer", "Shows the server.").answers(200, Object("Server"), "The server.")
        }
        _ => operation("config", "getConfig", "Shows all settings.").answers(
            200,
            List(&Object("ConfigSetting")),
            "The settings by PowerDNS's names.",
        ),
    }
}

fn describe_zone(action: Action) -> Operation {
    match action {
        Action::ZoneList => operation("zones", "listZones", "Lists zones.")
            .query(&[
                query("zone", Text, "Only the zone of this name, with final dot."),
                query("dnssec", Flag, "Whether dnssec and edited_serial are answered. Default true."),
                query("kind", Text, "Only zones of this kind. This and what follows PowerDNS does not have."),
                query("account", Text, "Only zones of this account."),
                query(
                    "q",
                    Text,
                    "Only names, without final dot, that fit: `*` stands for any characters, `?` for one.",
                ),
                query("limit", Integer(1, 0x7fff_ffff), "At most so many, in the order of names."),
                query(
                    "after",
                    Name,
                    "Only zones behind this name or id, in the order of names: the last of the page before.",
                ),
            ])
            .answers(200, List(&Object("ZoneSummary")), "The zones, with an ETag.")
            .answers_in(304, &[], "They are as they were: If-None-Match has their ETag."),
        Action::ZoneCreate => operation("zones", "createZone", "Creates a zone with records, settings and keys.")
            .query(&[RRSETS])
            .takes("zone_struct", "Zone", &["name", "kind"])
            .answers(201, Object("Zone"), "The zone.")
            .refuses(409, "It exists already."),
        Action::ZoneGet => operation("zones", "listZone", "Shows a zone.")
            .query(&[
                RRSETS,
                query("rrset_name", Text, "Only RRsets of this name."),
                query("rrset_type", Text, "With rrset_name: only the RRset of this type."),
                query("include_disabled", Flag, "With rrset_name: whether disabled records are shown. Default true."),
                query("record_count", Flag, "Whether the records are counted. Default false."),
            ])
            .answers(200, Object("Zone"), "The zone."),
        Action::ZonePatch => operation("zones", "patchZone", "Changes RRsets, all or none.")
            .takes("zone_struct", "Zone", &["rrsets"])
            .done()
            .headers(&[
                ("X-PDNS-Old-Serial", "The serial before, if it was raised."),
                ("X-PDNS-New-Serial", "The serial now, if it was raised."),
            ]),
        Action::ZonePut => operation("zones", "putZone", "Changes settings, and with rrsets the whole content.")
            .takes("zone_struct", "Zone", &[])
            .done(),
        _ => operation("zones", "deleteZone", "Deletes a zone with all that belongs to it.").done(),
    }
}

fn describe_key(action: Action) -> Operation {
    let create = |id| {
        operation("zonecryptokey", id, "Makes a key, or takes the one given.")
            .takes("cryptokey", "Cryptokey", &["keytype"])
            .answers(201, Object("Cryptokey"), "The key with its private part.")
    };
    match action {
        Action::KeyList => operation("zonecryptokey", "listCryptokeys", "Lists a zone's keys.").answers(
            200,
            List(&Object("Cryptokey")),
            "The keys, without private parts.",
        ),
        Action::KeyCreate => create("createCryptokey"),
        Action::KeyCreateById => create("createCryptokeyById"),
        Action::KeyGet => operation("zonecryptokey", "getCryptokey", "Shows a key.").answers(
            200,
            Object("Cryptokey"),
            "The key with its private part.",
        ),
        Action::KeyPut => {
            operation("zonecryptokey", "modifyCryptokey", "Activates or publishes a key, or the contrary.")
                .takes("cryptokey", "Cryptokey", &["active"])
                .done()
        }
        _ => operation("zonecryptokey", "deleteCryptokey", "Deletes a key.").done(),
    }
}

fn describe_tsig_key(action: Action) -> Operation {
    match action {
        Action::TsigKeyList => operation("tsigkey", "listTSIGKeys", "Lists TSIG keys.").answers(
            200,
            List(&Object("TSIGKey")),
            "The keys, without secrets.",
        ),
        Action::TsigKeyCreate => {
            operation("tsigkey", "createTSIGKey", "Adds a TSIG key, with the secret given or a new one.")
                .takes("tsigkey", "TSIGKey", &["name", "algorithm"])
                .answers(201, Object("TSIGKey"), "The key with its secret.")
                .refuses(409, "A key of this name exists already.")
        }
        Action::TsigKeyGet => operation("tsigkey", "getTSIGKey", "Shows a TSIG key.").answers(
            200,
            Object("TSIGKey"),
            "The key with its secret.",
        ),
        Action::TsigKeyPut => operation("tsigkey", "putTSIGKey", "Changes or renames a TSIG key.")
            .takes("tsigkey", "TSIGKey", &[])
            .answers(200, Object("TSIGKey"), "The key with its secret.")
            .refuses(409, "A key of the new name exists already."),
        _ => operation("tsigkey", "deleteTSIGKey", "Deletes a TSIG key.").done(),
    }
}

fn describe_api_key(action: Action) -> Operation {
    match action {
        Action::ApiKeyList => operation("apikeys", "listApiKeys", "Lists API keys; Signpost's own.").answers(
            200,
            List(&Object("ApiKey")),
            "Names and limits, not the keys.",
        ),
        Action::ApiKeyCreate => operation("apikeys", "createApiKey", "Makes an API key; Signpost's own.")
            .takes("apikey", "ApiKey", &["name"])
            .answers(201, Object("ApiKey"), "The object with its key, this once.")
            .refuses(409, "A key of this name exists already."),
        Action::ApiKeyGet => operation("apikeys", "getApiKey", "Shows an API key; Signpost's own.").answers(
            200,
            Object("ApiKey"),
            "Name and limits, not the key.",
        ),
        _ => operation("apikeys", "deleteApiKey", "Revokes an API key; Signpost's own.").done(),
    }
}

fn describe_view(action: Action) -> Operation {
    match action {
        Action::ViewList => {
            operation("views", "listViews", "Lists views.").answers(200, Object("ViewList"), "Those that show a zone.")
        }
        Action::ViewGet => operation("views", "listView", "Shows a view.").answers(200, Object("View"), "Its zones."),
        Action::ViewAdd => {
            operation("views", "viewAddZone", "Makes a view show a zone, in the place of another variant of it.")
                .takes("view", "ViewZone", &["name"])
                .done()
        }
        Action::ViewRemove => operation("views", "viewDelZone", "Takes a zone out of a view.").done(),
        Action::NetworkList => operation("networks", "listNetworks", "Lists networks that have a view.").answers(
            200,
            Object("NetworkList"),
            "Networks, each with its view.",
        ),
        Action::NetworkGet => operation("networks", "listNetwork", "Shows the view of a network.").answers(
            200,
            Object("Network"),
            "The network with its view.",
        ),
        _ => operation("networks", "setNetwork", "Sets the view of a network; an empty one takes it away.")
            .takes("network", "Network", &["view"])
            .done(),
    }
}

fn describe_metadata(action: Action) -> Operation {
    match action {
        Action::MetadataList => operation("zonemetadata", "listMetadata", "Lists a zone's metadata.").answers(
            200,
            List(&Object("Metadata")),
            "All kinds with their values.",
        ),
        Action::MetadataCreate => operation("zonemetadata", "createMetadata", "Adds values to a kind.")
            .takes("metadata", "Metadata", &["kind"])
            .answers(201, Object("Metadata"), "All values of the kind."),
        Action::MetadataGet => operation("zonemetadata", "getMetadata", "Shows the values of a kind.").answers(
            200,
            Object("Metadata"),
            "Its values; none if it is not set.",
        ),
        Action::MetadataPut => operation("zonemetadata", "modifyMetadata", "Sets the values of a kind.")
            .takes("metadata", "Metadata", &[])
            .answers(200, Object("Metadata"), "Its values."),
        _ => operation("zonemetadata", "deleteMetadata", "Removes a kind.").done(),
    }
}
