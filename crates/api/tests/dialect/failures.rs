//! A database that does not answer: 503, and never an empty list.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use store::{
    ApiKeyChange, Autoprimary, AutoprimaryChange, Commit, FeedBatch, FeedCursor, Found, HistoryEntry, HistoryFilter,
    LoadItem, LoadZones, NewZone, RrsetFilter, Search, SecretPurpose, SharedSecret, Store, StoreError, StoredApiKey,
    StoredKey, StoredRrset, StoredViews, TsigKey, TsigKeyChange, ViewChange, ZoneEdit, ZoneFilter, ZoneId, ZoneRows,
    ZoneSummary,
};
use wire::{Name, ZoneName};

use crate::support::{Program, Server, ZONES, settings};

/// Fails every call, or panics, or never answers what zones there are.
struct Down {
    panics: bool,
    hangs: bool,
}

impl Down {
    fn fail<T>(&self) -> Result<T, StoreError> {
        assert!(!self.panics, "a bug");
        Err(StoreError::Unavailable { doing: "reading zones", source: "connection refused".into() })
    }
}

#[async_trait]
impl Store for Down {
    async fn ping(&self) -> Result<(), StoreError> {
        self.fail()
    }
    async fn zones(&self, _: &ZoneFilter) -> Result<Vec<ZoneSummary>, StoreError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.fail()
    }
    async fn zone(&self, _: &ZoneName) -> Result<Option<ZoneSummary>, StoreError> {
        self.fail()
    }
    async fn rrsets(&self, _: ZoneId, _: &RrsetFilter) -> Result<Vec<StoredRrset>, StoreError> {
        self.fail()
    }
    async fn metadata(&self, _: ZoneId) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.fail()
    }
    async fn keys(&self, _: ZoneId) -> Result<Vec<StoredKey>, StoreError> {
        self.fail()
    }
    async fn search(&self, _: &Search) -> Result<Found, StoreError> {
        self.fail()
    }
    async fn zone_rows(&self, _: ZoneId) -> Result<ZoneRows, StoreError> {
        self.fail()
    }
    async fn restore_zone(&self, _: &ZoneRows) -> Result<(), StoreError> {
        self.fail()
    }
    async fn api_keys(&self) -> Result<Vec<StoredApiKey>, StoreError> {
        self.fail()
    }
    async fn change_api_key(&self, _: ApiKeyChange) -> Result<(), StoreError> {
        self.fail()
    }
    async fn tsig_keys(&self, _: Option<&Name>) -> Result<Vec<TsigKey>, StoreError> {
        self.fail()
    }
    async fn autoprimaries(&self) -> Result<Vec<Autoprimary>, StoreError> {
        self.fail()
    }
    async fn change_tsig_key(&self, _: TsigKeyChange) -> Result<(), StoreError> {
        self.fail()
    }
    async fn change_autoprimary(&self, _: AutoprimaryChange) -> Result<(), StoreError> {
        self.fail()
    }
    async fn create_zone(&self, _: NewZone) -> Result<Commit, StoreError> {
        self.fail()
    }
    async fn edit_zone(&self, _: &ZoneName, _: ZoneEdit) -> Result<Commit, StoreError> {
        self.fail()
    }
    async fn delete_zone(&self, _: &ZoneName, _: &str) -> Result<(), StoreError> {
        self.fail()
    }
    async fn history(&self, _: &ZoneName, _: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError> {
        self.fail()
    }
    async fn views(&self) -> Result<StoredViews, StoreError> {
        self.fail()
    }
    async fn change_views(&self, _: &ViewChange) -> Result<bool, StoreError> {
        self.fail()
    }
    async fn shared_secret(&self, _: SecretPurpose, _: &SharedSecret) -> Result<SharedSecret, StoreError> {
        self.fail()
    }
    async fn load(&self, _: LoadZones, _: &mut (dyn FnMut(LoadItem) + Send)) -> Result<FeedCursor, StoreError> {
        self.fail()
    }
    async fn changes(&self, _: &FeedCursor) -> Result<FeedBatch, StoreError> {
        self.fail()
    }
    async fn wait_for_change(&self, _: Duration) {}
}

fn server(panics: bool) -> Server {
    Server::on(Arc::new(Down { panics, hangs: false }), Program::default(), settings(), Default::default())
}

#[tokio::test]
async fn a_lost_database_is_a_clear_503_everywhere() {
    let server = server(false);
    let zone = format!("{ZONES}/example.test.");
    let key = format!("{zone}/cryptokeys/1");
    for (method, path, body) in [
        ("GET", ZONES, Value::Null),
        ("POST", ZONES, json!({"name": "example.test.", "kind": "Native"})),
        ("GET", &zone, Value::Null),
        ("PATCH", &zone, json!({"rrsets": []})),
        ("PUT", &zone, json!({})),
        ("DELETE", &zone, Value::Null),
        ("GET", &key, Value::Null),
        ("PUT", &format!("{zone}/notify"), Value::Null),
    ] {
        let answer = server.call(method, path, body).await;
        answer.is_error(503, "the database does not answer; try again later");
        assert_eq!(answer.header("retry-after"), Some("5"), "{method} {path}");
    }
    // What needs no database goes on.
    server.get("/api").await.is(200);
    server.get("/metrics").await.is(200);
    assert!(server.get("/").await.is(200).body.contains("does not answer"));
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let server = server(true);
    let answer = server.get(ZONES).await;
    assert!(answer.is(500).json()["error"].as_str().unwrap().contains("handler failed"));
    server.get("/api").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn section_13_2_a_command_that_takes_too_long_is_not_answered_with_nothing() {
    let down = Down { panics: false, hangs: true };
    let server = Server::on(Arc::new(down), Program::default(), settings(), Default::default());
    let (_, control) = api::router_and_control(server.state.clone());
    assert_eq!(control.answer("LIST-ZONES").await, "Failed: it is not done after 6 seconds, and was given up");
    assert_eq!(control.answer("RPING").await, "PONG");
}
