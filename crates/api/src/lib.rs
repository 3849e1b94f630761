//! The HTTP API in the PowerDNS dialect.
//!
//! [`router`] answers requests, [`serve`] takes connections. The order in which a request is judged stands in `router.rs`, the
//! paths in `routes.rs`, each resource in a file of its own, and every error becomes an answer in `error.rs`.
//!
//! What a zone gets when it is created or secured, and how its keys are described, is public: `pdnsutil` makes and shows the
//! same things.

mod api_keys;
pub mod auth;
mod autoprimaries;
mod body;
mod cache;
mod call;
mod commit;
mod connection;
mod control;
mod cross_site;
mod cryptokeys;
pub mod defaults;
pub mod error;
mod fields;
mod history;
mod hostnames;
mod journey;
mod json;
pub mod keys;
mod listener;
mod metadata;
pub mod metrics;
mod names;
mod negotiate;
pub mod nsec3param;
mod offload;
mod openapi;
mod options;
mod pages;
pub mod password;
pub mod publication;
mod reply;
mod rings;
mod router;
mod routes;
mod rrset_input;
mod rrset_rules;
mod rrset_view;
mod search;
mod serve;
mod servers;
mod stall;
pub mod state;
mod status_page;
mod takeover;
pub mod tsigkeys;
pub mod views;
mod webhook;
mod zone_actions;
mod zone_content;
mod zone_create;
mod zone_export;
mod zone_get;
mod zone_id;
mod zone_patch;
mod zone_put;
mod zone_settings;
mod zone_view;
mod zones_list;

pub use api_keys::{ApiKeyRequest, NewApiKey, check_name as check_api_key_name};
pub use auth::{ApiKey, ApiKeyError, Keyring, PagePassword, Scope, SecretHash};
pub use control::{Control, help as control_help};
pub use defaults::ZoneDefaults;
pub use error::ApiError;
pub use json::json_text;
pub use listener::{Listener, TLS_PROTOCOLS, UnixSocket};
pub use metrics::{Metric, MetricKind, MetricsSource};
pub use publication::{Check, For, NotifyQueue, Publication, Readiness};
pub use rings::RingStatistic;
pub use router::{router, router_and_control};
pub use routes::{keyed_routes, open_segments};
pub use serve::serve;
pub use state::{ApiSettings, ApiState, RequestLog};
pub use webhook::{WebhookSettings, read_webhook_body, webhook_router};
pub use zone_id::{decode as read_zone_id, encode as zone_id_of};
pub use zone_patch::read_patch_body;
pub use zone_put::read_put_body;
pub use zone_settings::parse_primary;
