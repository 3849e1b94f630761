//! Paths and methods (PDNS-DIALECT section 2), in one table: routing, 405 and OPTIONS all read it.

use axum::http::Method;

use crate::auth::scope::Needs;

/// What a path and method ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Versions,
    Features,
    Docs,
    Servers,
    Server,
    Config,
    Statistics,
    CacheFlush,
    ZoneList,
    ZoneCreate,
    ZoneGet,
    ZonePatch,
    ZonePut,
    ZoneDelete,
    ZoneExport,
    ZoneRetrieve,
    ZoneNotify,
    ZoneRectify,
    ZoneHistory,
    ZoneUndo,
    KeyList,
    KeyCreate,
    /// The same below a key, as PowerDNS has it.
    KeyCreateById,
    KeyGet,
    KeyPut,
    KeyDelete,
    MetadataList,
    MetadataCreate,
    MetadataGet,
    MetadataPut,
    MetadataDelete,
    Search,
    ViewList,
    ViewGet,
    ViewAdd,
    ViewRemove,
    NetworkList,
    NetworkGet,
    NetworkPut,
    TsigKeyList,
    TsigKeyCreate,
    TsigKeyGet,
    TsigKeyPut,
    TsigKeyDelete,
    AutoprimaryList,
    AutoprimaryCreate,
    AutoprimaryDelete,
    ApiKeyList,
    ApiKeyCreate,
    ApiKeyGet,
    ApiKeyDelete,
    StatusPage,
    RingReset,
    StyleSheet,
    Prometheus,
    Alive,
    Ready,
    Version,
}

impl Action {
    /// What it asks of a key. Every action is named: a new one must say here what it touches.
    pub(crate) fn needs(self) -> Needs {
        match self {
            Action::Versions | Action::Features | Action::Docs | Action::Servers | Action::Server => Needs::Nothing,
            Action::StatusPage | Action::RingReset | Action::StyleSheet | Action::Prometheus => Needs::Nothing,
            Action::Alive | Action::Ready | Action::Version => Needs::Nothing,
            Action::ZoneList | Action::Search => Needs::Filtered,
            Action::Config
            | Action::Statistics
            | Action::TsigKeyList
            | Action::AutoprimaryList
            | Action::ViewList
            | Action::ViewGet
            | Action::NetworkList
            | Action::NetworkGet => Needs::ServerRead,
            Action::CacheFlush
            | Action::ViewAdd
            | Action::ViewRemove
            | Action::NetworkPut
            | Action::TsigKeyCreate
            | Action::TsigKeyGet
            | Action::TsigKeyPut
            | Action::TsigKeyDelete
            | Action::AutoprimaryCreate
            | Action::AutoprimaryDelete
            | Action::ApiKeyList
            | Action::ApiKeyCreate
            | Action::ApiKeyGet
            | Action::ApiKeyDelete => Needs::Full,
            Action::ZoneGet
            | Action::ZoneExport
            | Action::KeyList
            | Action::KeyGet
            | Action::MetadataList
            | Action::ZoneHistory
            | Action::MetadataGet => Needs::ZoneRead,
            // lego and others end with a NOTIFY, and fail when it is refused.
            Action::ZonePatch | Action::ZoneNotify => Needs::RrsetWrite,
            Action::ZonePut
            | Action::ZoneUndo
            | Action::ZoneDelete
            | Action::ZoneRetrieve
            | Action::ZoneRectify
            | Action::KeyCreate
            | Action::KeyCreateById
            | Action::KeyPut
            | Action::KeyDelete
            | Action::MetadataCreate
            | Action::MetadataPut
            | Action::MetadataDelete => Needs::ZoneWrite,
            Action::ZoneCreate => Needs::ZoneCreate,
        }
    }
}

/// What a client must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// An API key.
    Key,
    /// The password of pages, if one is set.
    Password,
    /// Nothing: probes.
    Open,
}

/// One path. A segment in braces stands for any, and is a parameter of that name in the OpenAPI documents.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) methods: &'static [(Method, Action)],
}

const fn api(path: &'static str, methods: &'static [(Method, Action)]) -> Route {
    Route { path, access: Access::Key, methods }
}

const GET: Method = Method::GET;
const PUT: Method = Method::PUT;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// Methods stand in the order in which OPTIONS names them.
pub(crate) static ROUTES: &[Route] = &[
    api("/api", &[(GET, Action::Versions)]),
    api("/api/v1", &[(GET, Action::Features)]),
    api("/api/docs", &[(GET, Action::Docs)]),
    api("/api/v1/servers", &[(GET, Action::Servers)]),
    api("/api/v1/servers/localhost", &[(GET, Action::Server)]),
    api("/api/v1/servers/localhost/config", &[(GET, Action::Config)]),
    api("/api/v1/servers/localhost/statistics", &[(GET, Action::Statistics)]),
    api("/api/v1/servers/localhost/cache/flush", &[(PUT, Action::CacheFlush)]),
    api("/api/v1/servers/localhost/zones", &[(GET, Action::ZoneList), (POST, Action::ZoneCreate)]),
    api(
        "/api/v1/servers/localhost/zones/{zone_id}",
        &[(GET, Action::ZoneGet), (PATCH, Action::ZonePatch), (PUT, Action::ZonePut), (DELETE, Action::ZoneDelete)],
    ),
    api("/api/v1/servers/localhost/zones/{zone_id}/export", &[(GET, Action::ZoneExport)]),
    api("/api/v1/servers/localhost/zones/{zone_id}/axfr-retrieve", &[(PUT, Action::ZoneRetrieve)]),
    api("/api/v1/servers/localhost/zones/{zone_id}/notify", &[(PUT, Action::ZoneNotify)]),
    api("/api/v1/servers/localhost/zones/{zone_id}/rectify", &[(PUT, Action::ZoneRectify)]),
    api("/api/v1/servers/localhost/zones/{zone_id}/history", &[(GET, Action::ZoneHistory)]),
    api("/api/v1/servers/localhost/zones/{zone_id}/undo", &[(PUT, Action::ZoneUndo)]),
    api("/api/v1/servers/localhost/zones/{zone_id}/cryptokeys", &[(GET, Action::KeyList), (POST, Action::KeyCreate)]),
    api(
        "/api/v1/servers/localhost/zones/{zone_id}/cryptokeys/{cryptokey_id}",
        &[(GET, Action::KeyGet), (POST, Action::KeyCreateById), (PUT, Action::KeyPut), (DELETE, Action::KeyDelete)],
    ),
    api(
        "/api/v1/servers/localhost/zones/{zone_id}/metadata",
        &[(GET, Action::MetadataList), (POST, Action::MetadataCreate)],
    ),
    api(
        "/api/v1/servers/localhost/zones/{zone_id}/metadata/{metadata_kind}",
        &[(GET, Action::MetadataGet), (PUT, Action::MetadataPut), (DELETE, Action::MetadataDelete)],
    ),
    api("/api/v1/servers/localhost/search-data", &[(GET, Action::Search)]),
    api("/api/v1/servers/localhost/tsigkeys", &[(GET, Action::TsigKeyList), (POST, Action::TsigKeyCreate)]),
    api(
        "/api/v1/servers/localhost/tsigkeys/{tsigkey_id}",
        &[(GET, Action::TsigKeyGet), (PUT, Action::TsigKeyPut), (DELETE, Action::TsigKeyDelete)],
    ),
    api(
        "/api/v1/servers/localhost/autoprimaries",
        &[(GET, Action::AutoprimaryList), (POST, Action::AutoprimaryCreate)],
    ),
    api("/api/v1/servers/localhost/autoprimaries/{ip}/{nameserver}", &[(DELETE, Action::AutoprimaryDelete)]),
    api("/api/v1/servers/localhost/views", &[(GET, Action::ViewList)]),
    api("/api/v1/servers/localhost/views/{view}", &[(GET, Action::ViewGet), (POST, Action::ViewAdd)]),
    api("/api/v1/servers/localhost/views/{view}/{zone_id}", &[(DELETE, Action::ViewRemove)]),
    api("/api/v1/servers/localhost/networks", &[(GET, Action::NetworkList)]),
    api("/api/v1/servers/localhost/networks/{ip}/{prefixlen}", &[(GET, Action::NetworkGet), (PUT, Action::NetworkPut)]),
    api("/api/v1/servers/localhost/apikeys", &[(GET, Action::ApiKeyList), (POST, Action::ApiKeyCreate)]),
    api("/api/v1/servers/localhost/apikeys/{apikey_name}", &[(GET, Action::ApiKeyGet), (DELETE, Action::ApiKeyDelete)]),
    Route { path: "/", access: Access::Password, methods: &[(GET, Action::StatusPage), (POST, Action::RingReset)] },
    Route { path: "/style.css", access: Access::Password, methods: &[(GET, Action::StyleSheet)] },
    Route { path: "/metrics", access: Access::Password, methods: &[(GET, Action::Prometheus)] },
    Route { path: "/livez", access: Access::Open, methods: &[(GET, Action::Alive)] },
    Route { path: "/readyz", access: Access::Open, methods: &[(GET, Action::Ready)] },
    Route { path: "/version", access: Access::Open, methods: &[(GET, Action::Version)] },
];

/// The route of a path, and the segments it leaves open, not decoded. A final slash is another path.
pub(crate) fn find(path: &str) -> Option<(&'static Route, Vec<String>)> {
    ROUTES.iter().find_map(|route| Some((route, match_path(route.path, path)?)))
}

/// Every path and method of the API that needs a key, for tests that must not miss one.
pub fn keyed_routes() -> impl Iterator<Item = (&'static Method, &'static str)> {
    let routes = ROUTES.iter().filter(|route| route.is_api());
    routes.flat_map(|route| route.methods.iter().map(|(method, _)| (method, route.path)))
}

/// The segments that the route of a path leaves open, for fuzzing: a path is one of ours or is not.
pub fn open_segments(path: &str) -> Option<Vec<String>> {
    find(path).map(|(_, segments)| segments)
}

fn match_path(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut open = Vec::new();
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()?) {
            (wanted, "") if wanted.starts_with('{') => return None,
            (wanted, segment) if wanted.starts_with('{') => open.push(segment.to_owned()),
            (wanted, segment) if wanted == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(open)
}

impl Route {
    /// What `method` does here.
    pub(crate) fn action(&self, method: &Method) -> Option<Action> {
        self.methods.iter().find(|(known, _)| known == method).map(|&(_, action)| action)
    }

    /// All methods and OPTIONS, for `Allow` and `Access-Control-Allow-Methods`.
    pub(crate) fn allow(&self) -> String {
        let mut allow = String::new();
        for (method, _) in self.methods {
            allow.push_str(method.as_str());
            allow.push_str(", ");
        }
        allow + "OPTIONS"
    }

    /// Whether it belongs to the API, and not to the pages beside it.
    pub(crate) fn is_api(&self) -> bool {
        self.access == Access::Key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_2_paths_match_whole_segments() {
        let (route, open) = find("/api/v1/servers/localhost/zones/a%2Fb./metadata/X-Y").unwrap();
        assert_eq!(open, ["a%2Fb.", "X-Y"]);
        assert_eq!(route.action(&Method::PUT), Some(Action::MetadataPut));
        for unknown in [
            "/api/",
            "/api/v1/servers/other/zones",
            "/api/v1/servers/localhost/zones/",
            "/api/v1/servers/localhost/zones/x./",
            "/api/v1/servers/localhost/zones/x./nothing",
            "//api",
            "",
        ] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn section_1_5_methods_are_named_in_registration_order() {
        assert_eq!(find("/api/v1/servers/localhost/zones/x.").unwrap().0.allow(), "GET, PATCH, PUT, DELETE, OPTIONS");
        assert_eq!(find("/api/v1/servers/localhost").unwrap().0.allow(), "GET, OPTIONS");
    }

    #[test]
    fn section_1_1_head_is_not_routed() {
        assert_eq!(find("/api").unwrap().0.action(&Method::HEAD), None);
    }
}
