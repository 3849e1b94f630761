//! API keys as they are stored.

use store::{ApiKeyChange, StoreError, StoredApiKey};

use crate::bench::Bench;

fn key(name: &str) -> StoredApiKey {
    StoredApiKey {
        name: name.to_owned(),
        hash: "sha256:00".to_owned(),
        zones: vec!["*.example.com".to_owned(), "é \"quoted\"".to_owned()],
        types: vec!["A".to_owned()],
        names: Vec::new(),
        read_only: true,
        made_at: 1_795_000_000,
        expires_at: Some(1_800_000_000),
        used_at: None,
    }
}

pub(crate) async fn they_come_back_as_they_were_and_are_told_apart_by_name(bench: Bench) {
    let store = &bench.store;
    assert_eq!(store.api_keys().await.unwrap(), []);
    let plain = StoredApiKey { read_only: false, expires_at: None, zones: Vec::new(), ..key("a") };
    store.change_api_key(ApiKeyChange::Add(key("b"))).await.unwrap();
    store.change_api_key(ApiKeyChange::Add(plain.clone())).await.unwrap();
    let taken = store.change_api_key(ApiKeyChange::Add(StoredApiKey { read_only: false, ..key("b") })).await;
    assert!(matches!(taken, Err(StoreError::Exists { what: "API key" })), "{taken:?}");
    assert_eq!(store.api_keys().await.unwrap(), [plain, key("b")]);
    store.change_api_key(ApiKeyChange::Remove { name: "a".to_owned() }).await.unwrap();
    let gone = store.change_api_key(ApiKeyChange::Remove { name: "a".to_owned() }).await;
    assert!(matches!(gone, Err(StoreError::NotFound { what: "API key" })), "{gone:?}");
}

pub(crate) async fn their_use_is_noted_and_only_moves_on(bench: Bench) {
    let store = &bench.store;
    store.change_api_key(ApiKeyChange::Add(key("a"))).await.unwrap();
    let used_at = async |at: i64| {
        let used = vec![("gone".to_owned(), at), ("a".to_owned(), at)];
        store.change_api_key(ApiKeyChange::Used(used)).await.unwrap();
        store.api_keys().await.unwrap()[0].used_at
    };
    assert_eq!(used_at(50).await, Some(50));
    assert_eq!(used_at(40).await, Some(50));
    assert_eq!(used_at(60).await, Some(60));
}

pub(crate) async fn a_row_by_hand_limits_a_key_and_hides_no_other(bench: Bench) {
    bench.sql("INSERT INTO signpost_api_key (name, hash, zones, made_at) VALUES ('odd', 'x', 'all', 1)");
    bench.store.change_api_key(ApiKeyChange::Add(key("z"))).await.unwrap();
    let keys = bench.store.api_keys().await.unwrap();
    assert_eq!((keys[0].zones.as_slice(), keys[1].name.as_str()), (["all".to_owned()].as_slice(), "z"));
}
