//! Commands that need no database, or name two.

use super::{Shell, ZONE};

#[tokio::test]
async fn section_13_1_commands_without_a_database() {
    let mut shell = Shell::new("plain").await;
    shell.settings.clear();
    shell.input = "hello\n".to_owned();
    let (out, err, code) = shell.run("hash-password 16").await;
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.starts_with("$scrypt$ln=4,p=1,r=8$"), "{out}");
    let hash = api::password::ScryptHash::parse(out.trim_end()).unwrap();
    assert!(hash.matches(b"hello"), "neither the line's end nor a prompt is hashed");
    assert!(shell.run("hash-password").await.0.starts_with("$scrypt$ln=10,p=1,r=8$"));
    for bad in ["3", "0", "1", "1048576"] {
        let why = "the work factor is not a power of two from 2 to 131072";
        let said = format!("Error while hashing the supplied password: {why}\n");
        shell.expect(&format!("hash-password {bad}"), "", &said, 1).await;
    }
    shell.expect("hash-password x", "", "Unable to parse the supplied work factor: 'x'\n", 1).await;
    shell.input.clear();
    shell.expect("hash-password", "", "", 1).await;

    shell.expect("raw-lua-from-content A 192.0.2.1", "\"\\192\\000\\002\\001\"\n", "", 0).await;
    shell.expect("raw-lua-from-content NS Ab.c.", "\"\\002Ab\\001c\\000\"\n", "", 0).await;
    assert_eq!(shell.run("raw-lua-from-content A x").await.2, 1);
}

#[tokio::test]
async fn section_13_1_b2b_migrate_moves_everything_into_an_empty_database() {
    let mut shell = Shell::new("migrate").await;
    let file = shell.file("z", ZONE);
    shell.run(&format!("load-zone load.test {file}")).await;
    shell.run("secure-zone load.test").await;
    shell.run("create-secondary-zone sec.test 192.0.2.5").await;
    shell.run("import-tsig-key k.test hmac-sha256 aGVsbG8=").await;
    shell.run("add-autoprimary 192.0.2.1 ns1.x acc").await;
    shell.run("view add-zone inside load.test").await;
    shell.run("network set 192.0.2.0/24 inside").await;
    let key = store::StoredApiKey {
        name: "acme".to_owned(),
        hash: "h".to_owned(),
        zones: vec!["load.test".to_owned()],
        types: vec!["TXT".to_owned()],
        names: Vec::new(),
        read_only: false,
        made_at: 1,
        expires_at: Some(2),
        used_at: None,
    };
    let kept = shell.store("z.db").await;
    kept.change_api_key(store::ApiKeyChange::Add(key.clone())).await.unwrap();
    let before = [
        shell.run("show-zone load.test").await.0,
        shell.run("list-zone load.test").await.0,
        shell.run("list-tsig-keys").await.0,
    ];

    let (from, to) =
        (format!("sqlite:{}/z.db", shell.folder.display()), format!("sqlite:{}/new.db", shell.folder.display()));
    let command = format!("b2b-migrate {from} {to}");
    let (out, err, code) = shell.run(&command).await;
    assert_eq!((err.as_str(), code), ("", 0), "{out}");
    let wanted = format!(
        "Moving zone(s) from {from} to {to}\nProcessing 'load.test'\n\
         Moved 14 record(s), 0 comment(s), 1 metadata(s) and 2 cryptokey(s)\nProcessing 'sec.test'\n\
         Moved 0 record(s), 0 comment(s), 0 metadata(s) and 0 cryptokey(s)\n\
         Moved 2 zone(s), 1 TSIG key(s) and 1 autoprimary(s)\n\
         Moved 1 view(s), 1 network(s) and 1 API key(s)\n"
    );
    assert_eq!(out, wanted);
    let (_, err, code) = shell.run(&command).await;
    assert_eq!((err.as_str(), code), ("Error: Target backend has zone(s), please clean it first\n", 1));

    shell.settings[0] = format!("--database-url={to}");
    let after = [
        shell.run("show-zone load.test").await.0,
        shell.run("list-zone load.test").await.0,
        shell.run("list-tsig-keys").await.0,
    ];
    assert_eq!(after, before);
    let copied = shell.store("new.db").await;
    assert_eq!(copied.api_keys().await.unwrap(), [key]);
    shell.expect("view list inside", "load.test\n", "", 0).await;
    assert!(shell.run("network list").await.0.contains("192.0.2.0/24"));
    shell.expect("list-autoprimaries", "IP=192.0.2.1, NS=ns1.x, account=acc\n", "", 0).await;
    let (_, err, code) = shell.run("rectify-zone load.test").await;
    assert_eq!((err.as_str(), code), ("Adding NSEC3 hashed ordering information for zone 'load.test', 0 updates\n", 0));

    // Keys of a target without zones are not mixed with those that come.
    shell.run("delete-zone load.test").await;
    shell.run("delete-zone sec.test").await;
    let (_, err, code) = shell.run(&command).await;
    assert_eq!((err.as_str(), code), ("Error: Target backend has views or API keys, please clean it first\n", 1));

    let missing = format!("sqlite:{}/missing.db", shell.folder.display());
    let (_, err, code) = shell.run(&format!("b2b-migrate {missing} {to}")).await;
    assert_eq!((err, code), (format!("Error: database {missing} does not exist\n"), 1));
    assert_eq!(shell.run("b2b-migrate gsqlite3 gpgsql").await.2, 1);
}
