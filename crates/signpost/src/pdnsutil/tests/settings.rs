//! What is stored beside records: metadata, TSIG keys, primaries, catalogs.

use super::{Shell, ZONE};

#[tokio::test]
async fn section_13_2_metadata_kind_account_and_serial() {
    let shell = Shell::new("meta").await;
    let file = shell.file("z", ZONE);
    shell.run(&format!("load-zone load.test {file}")).await;
    shell.expect("get-meta load.test", "Metadata for 'load.test'\n", "", 0).await;
    let set = "Set 'load.test' meta ALLOW-AXFR-FROM = 10.0.0.0/8, 192.0.2.0/24\n";
    shell.expect("set-meta load.test ALLOW-AXFR-FROM 10.0.0.0/8 192.0.2.0/24", set, "", 0).await;
    let added = "Set 'load.test' meta ALLOW-AXFR-FROM = 10.0.0.0/8, 192.0.2.0/24, ::1\n";
    shell.expect("metadata add load.test ALLOW-AXFR-FROM ::1", added, "", 0).await;
    let got = "Metadata for 'load.test'\nALLOW-AXFR-FROM = 10.0.0.0/8, 192.0.2.0/24, ::1\nNOTTHERE = \n";
    shell.expect("get-meta load.test ALLOW-AXFR-FROM NOTTHERE", got, "", 0).await;
    shell.expect("set-meta load.test ALLOW-AXFR-FROM", "Set 'load.test' meta ALLOW-AXFR-FROM = \n", "", 0).await;
    shell.expect("set-publish-cds load.test", "", "", 0).await;
    shell.expect("get-meta load.test", "Metadata for 'load.test'\nPUBLISH-CDS = 2\n", "", 0).await;
    shell.expect("unset-publish-cds load.test", "", "", 0).await;
    shell.expect("get-meta nope.test", "", "Invalid zone 'nope.test'\n", 1).await;
    shell.expect("set-meta nope.test X y", "", "Invalid zone 'nope.test'\n", 1).await;
    shell.expect("increase-serial load.test", "SOA serial for zone load.test set to 2\n", "", 0).await;
    shell.expect("zone increase-serial nope.test", "", "No SOA for zone 'nope.test'\n", 1).await;
    shell.expect("set-kind load.test primary", "", "", 0).await;
    shell.expect("set-account load.test acc", "", "", 0).await;
    let shown = shell.run("show-zone load.test").await.0;
    assert!(
        shown.starts_with("This zone is owned by acc\nThis is a Master zone\nLast SOA serial number we notified: 0 != 2 (serial in the database)\n"),
        "{shown}"
    );
    shell.expect("set-kind load.test bogus", "", "", 0).await;
    assert!(shell.run("show-zone load.test").await.0.contains("This is a Native zone\n"));
    shell.expect("set-kind nope.test native", "", "No such zone nope.test in the database\n", 1).await;
    let kinds = "Syntax: pdnsutil list-all-zones [primary|secondary|native|producer|consumer]\n";
    shell.expect("list-all-zones bogus", "", kinds, 1).await;
    shell.expect("list-all-zones primary", "", "", 0).await;
    shell.expect("clear-zone load.test", "", "", 0).await;
    shell.expect("list-all-zones", "", "", 0).await;
    shell.expect("list-all-zones -v", "load.test\nAll zonecount: 1\n", "", 0).await;
}

#[tokio::test]
async fn section_13_2_tsig_keys() {
    let shell = Shell::new("tsig").await;
    shell.run("create-zone load.test").await;
    let (out, err, code) = shell.run("generate-tsig-key K.test. hmac-sha256").await;
    let secret = out.strip_prefix("Create new TSIG key k.test hmac-sha256 ").unwrap().trim_end().to_owned();
    assert_eq!((secret.len(), err.as_str(), code), (88, "", 0));
    let again = "Could not create new TSIG key k.test hmac-sha256: it exists already\n";
    shell.expect("tsigkey generate k.test hmac-sha256", "", again, 1).await;
    let bad = "Could not create new TSIG key k foo: Invalid TSIG algorithm: foo\n";
    shell.expect("generate-tsig-key k foo", "", bad, 1).await;
    let imported = "Imported TSIG key k2.test hmac-sha512\n";
    shell.expect("import-tsig-key k2.test hmac-sha512 aGVsbG8=", imported, "", 0).await;
    shell.expect("tsigkey import k2.test hmac-sha512 d29ybGQ=", imported, "", 0).await;
    let not_base64 = "Error: the key is not base64 of at most 255 characters\n";
    shell.expect("import-tsig-key k3 hmac-md5 notbase64!!", "", not_base64, 1).await;
    shell.expect("import-tsig-key k3 foo aGVsbG8=", "", "Error: Unknown TSIG algorithm: foo\n", 1).await;
    let listed = format!("k.test. hmac-sha256. {secret}\nk2.test. hmac-sha512. d29ybGQ=\n");
    shell.expect("list-tsig-keys", &listed, "", 0).await;
    shell.expect("tsigkey list", &listed, "", 0).await;

    let enabled = "Enabled TSIG key k.test for load.test\n";
    for role in ["primary", "master", "producer"] {
        shell.expect(&format!("activate-tsig-key load.test k.test {role}"), enabled, "", 0).await;
    }
    shell
        .expect("tsigkey activate load.test k2.test secondary", "Enabled TSIG key k2.test for load.test\n", "", 0)
        .await;
    let unknown = ("Enabled TSIG key k9 for load.test\n", "Warning: there is no TSIG key k9 yet\n");
    shell.expect("activate-tsig-key load.test k9 primary", unknown.0, unknown.1, 0).await;
    let meta = "Metadata for 'load.test'\nAXFR-MASTER-TSIG = k2.test\nTSIG-ALLOW-AXFR = k.test, k9\n";
    shell.expect("get-meta load.test", meta, "", 0).await;
    let shown = shell.run("show-zone load.test").await.0;
    assert!(
        shown.contains(
            "\nZone has following allowed TSIG key(s): k.test,k9\nZone uses following TSIG key(s): k2.test\n"
        ),
        "{shown}"
    );
    let role = "Invalid parameter 'bogus', expected primary or secondary type\n";
    shell.expect("activate-tsig-key load.test k.test bogus", "", role, 1).await;
    shell.expect("activate-tsig-key nope.test k.test primary", "", "Zone 'nope.test' does not exist\n", 1).await;
    // As the API writes it, with a dot.
    shell.run("set-meta load.test TSIG-ALLOW-AXFR k.test. k9").await;
    shell.expect("activate-tsig-key load.test k.test primary", enabled, "", 0).await;
    for _ in 0..2 {
        let disabled = "Disabled TSIG key k.test for load.test\n";
        shell.expect("deactivate-tsig-key load.test k.test primary", disabled, "", 0).await;
    }
    let meta = "Metadata for 'load.test'\nTSIG-ALLOW-AXFR = k9\n";
    shell.expect("get-meta load.test TSIG-ALLOW-AXFR", meta, "", 0).await;
    for _ in 0..2 {
        shell.expect("delete-tsig-key k2.test", "Deleted TSIG key k2.test\n", "", 0).await;
    }
    assert_eq!(shell.run("list-tsig-keys").await.0.lines().count(), 1);
}

#[tokio::test]
async fn section_13_2_autoprimaries() {
    let shell = Shell::new("autoprimary").await;
    shell.expect("add-autoprimary 192.0.2.1 ns1.x acc", "", "", 0).await;
    shell.expect("autoprimary add 2001:DB8::1 NS2.x.", "", "", 0).await;
    let again = "Error: autoprimary 192.0.2.1 ns1.x. exists already\n";
    shell.expect("add-autoprimary 192.0.2.1 ns1.x.", "", again, 1).await;
    let bad = "Error: Unable to convert presentation address 'ns'\n";
    shell.expect("add-autoprimary ns ns1.x", "", bad, 1).await;
    let all = "IP=192.0.2.1, NS=ns1.x, account=acc\nIP=2001:db8::1, NS=NS2.x., account=\n";
    shell.expect("list-autoprimaries", all, "", 0).await;
    shell.expect("autoprimary list", all, "", 0).await;
    shell.expect("remove-autoprimary 192.0.2.9 ns1.x", "", "", 0).await;
    shell.expect("remove-autoprimary 192.0.2.1 ns1.x.", "", "", 0).await;
    shell.expect("autoprimary remove 2001:db8::1 ns2.x", "", "", 0).await;
    shell.expect("list-autoprimaries", "", "", 0).await;
    shell.expect("add-autoprimary x", "", "Syntax: pdnsutil add-autoprimary IP NAMESERVER [account]\n", 0).await;
}

#[tokio::test]
async fn section_13_2_secondary_zones() {
    let shell = Shell::new("secondary").await;
    let made = "Creating secondary zone 'sec.test', with primaries '192.0.2.5,192.0.2.6:5300'\n";
    shell.expect("create-secondary-zone sec.test 192.0.2.5:53 192.0.2.6:5300", "", made, 0).await;
    shell.expect("zone create-secondary sec.test 192.0.2.5", "", "Zone 'sec.test' exists already\n", 1).await;
    let bad = "Error: Unable to convert presentation address 'notip'\n";
    shell.expect("create-secondary-zone sec2.test notip", "", bad, 1).await;
    let shown = "This is a Slave zone\nPrimaries: 192.0.2.5:53 192.0.2.6:5300 \n\
                 Last time we got update from primary: Never\nNo SOA serial found in database\n\
                 Zone is not actively secured\nMetadata items: None\n";
    shell.expect("show-zone sec.test", shown, "No keys for zone 'sec.test'.\n", 0).await;
    let changed = "Updating secondary zone 'sec.test', primaries to '[2001:db8::1]:54'\n";
    shell.expect("zone change-primary sec.test [2001:db8::1]:54", "", changed, 0).await;
    assert!(shell.run("show-zone sec.test").await.0.contains("\nPrimary: [2001:db8::1]:54 \n"));
    shell.expect("change-secondary-zone-primary nope.test 192.0.2.9", "", "Zone 'nope.test' doesn't exist\n", 1).await;
    shell.expect("list-all-zones", "", "", 0).await;
    shell.expect("list-all-zones secondary -v", "sec.test\nsecondary zonecount: 1\n", "", 0).await;
}

#[tokio::test]
async fn section_13_2_catalogs_and_options() {
    let shell = Shell::new("catalog").await;
    for zone in ["cat.test", "ex.test", "other.test"] {
        shell.run(&format!("create-zone {zone}")).await;
    }
    shell.expect("list-member-zones cat.test", "", "Zone 'cat.test' is not a catalog zone\n", 1).await;
    shell.run("set-kind cat.test producer").await;
    shell.expect("set-catalog ex.test CAT.test.", "", "", 0).await;
    shell.expect("catalog set other.test cat.test", "", "", 0).await;
    shell.expect("list-member-zones cat.test", "ex.test\nother.test\n", "", 0).await;
    shell.expect("catalog set other.test", "", "", 0).await;
    shell.expect("catalog list-members cat.test -v", "ex.test\nAll zonecount: 1\n", "", 0).await;
    shell.expect("set-catalog ex.test", "", "Syntax: pdnsutil set-catalog ZONE [CATALOG]\n", 0).await;
    shell.expect("set-catalog nope.test cat.test", "", "No such zone nope.test in the database\n", 1).await;

    shell.expect("set-option ex.test producer coo New.test", "", "", 0).await;
    shell.expect("set-option ex.test producer group g2 g1", "", "", 0).await;
    shell.expect("zone set-option ex.test consumer unique abc", "", "", 0).await;
    let shown = shell.run("show-zone ex.test").await.0;
    let options = r#"{"consumer": {"unique": "abc."}, "producer": {"coo": "new.test.", "group": ["g1", "g2"]}}"#;
    assert!(shown.contains(&format!("\nOptions:\n{options}\nCatalog: \ncat.test\n")), "{shown}");
    assert_eq!(shell.words(&["set-option", "ex.test", "producer", "group", ""]).await.2, 0);
    assert!(shell.run("show-zone ex.test").await.0.contains(r#""producer": {"coo": "new.test."}}"#));
    let usage = "Syntax: pdnsutil set-option ZONE [producer|consumer] [coo|unique|group] VALUE [VALUE ...]\n";
    for bad in ["x.test producer", "x.test bogus coo a", "x.test producer foo a", "x.test producer coo a b"] {
        shell.expect(&format!("set-option {bad}"), "", usage, 1).await;
    }
    let json = shell.words(&["set-options-json", "ex.test", r#"{"a": {"b" : 1}}"#]).await;
    assert_eq!(json, (String::new(), String::new(), 0));
    assert!(shell.run("show-zone ex.test").await.0.contains("\nOptions:\n{\"a\": {\"b\" : 1}}\n"));
    for bad in ["{bad", "[]", "7"] {
        let (_, err, code) = shell.words(&["set-options-json", "ex.test", bad]).await;
        assert!(err.starts_with("Parsing of JSON document failed:") && code == 1, "{err}");
    }
    shell.words(&["set-options-json", "ex.test", ""]).await;
    shell.words(&["set-catalog", "ex.test", ""]).await;
    let shown = shell.run("show-zone ex.test").await.0;
    assert!(!shown.contains("Options") && !shown.contains("Catalog"), "{shown}");
}
