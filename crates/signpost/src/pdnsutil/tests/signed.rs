//! Keys, what is made of them, and denial.

use super::Shell;

#[tokio::test]
async fn section_13_2_securing_as_powerdns_does() {
    let shell = Shell::new("secure").await.like_pdns();
    shell.run("create-zone example.test").await;
    shell
        .expect(
            "show-zone example.test",
            "This is a Native zone\nZone is not actively secured\nMetadata items: None\n",
            "No keys for zone 'example.test'.\n",
            0,
        )
        .await;
    let (out, err, code) = shell.run("secure-zone example.test").await;
    assert_eq!(
        out,
        "Securing zone with default key size\nAdding CSK (257) with algorithm ecdsa256\nZone example.test secured\n"
    );
    assert!(err.starts_with("Adding NSEC ordering information for zone 'example.test', "), "{err}");
    assert_eq!(code, 0);
    let already = "Zone 'example.test' already secure, remove keys with pdnsutil remove-zone-key if needed\n";
    shell.expect("secure-zone example.test", "", already, 1).await;
    shell.expect("zone secure nope.test", "", "Can't find a zone called 'nope.test'\n", 1).await;

    let shown = shell.run("show-zone example.test").await.0;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[..4], ["This is a Native zone", "Metadata items: None", "Zone has NSEC semantics", "keys: "]);
    assert!(lines[4].starts_with("ID = 1 (CSK), flags = 257, tag = "), "{}", lines[4]);
    assert!(lines[4].ends_with(", algo = 13, bits = 256\t  Active\t Published  ( ECDSAP256SHA256 ) "), "{}", lines[4]);
    assert!(lines[5].starts_with("CSK DNSKEY = example.test. IN DNSKEY 257 3 13 "), "{}", lines[5]);
    assert!(lines[5].ends_with(" ; ( ECDSAP256SHA256 )"));
    assert!(lines[6].starts_with("DS = example.test. IN DS ") && lines[6].ends_with(" ; ( SHA256 digest )"));
    assert!(lines[7].ends_with(" ; ( SHA-384 digest )"));
    assert_eq!(lines.len(), 8);

    let ds = shell.run("export-zone-ds example.test").await;
    let wanted = format!("{}\n{}\n", lines[6].replace("DS = ", ""), lines[7].replace("DS = ", ""));
    assert_eq!(ds, (wanted, String::new(), 0));
    let dnskey =
        lines[5].replace("CSK DNSKEY = example.test. ", "example.test ").replace(" ; ( ECDSAP256SHA256 )", "\n");
    shell.expect("export-zone-dnskey example.test 1", &dnskey, "", 0).await;
    let key = shell.run("export-zone-key example.test 1").await.0;
    assert!(key.starts_with("Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: "), "{key}");
    assert!(key.ends_with("=\n\n"));

    shell.expect("disable-dnssec example.test", "", "", 0).await;
    let none = "No keys for zone 'example.test'.\nCannot disable DNSSEC on example.test\n";
    shell.expect("zone dnssec-disable example.test", "", none, 1).await;
    shell.expect("export-zone-ds example.test", "", "Zone is not actively secured\n", 1).await;
    shell.expect("export-zone-ds nope.test", "", "No such zone in the database\n", 1).await;
    // A key that was exported comes back as the same key.
    let file = shell.file("k", &key);
    let (id, _, code) = shell.run(&format!("import-zone-key example.test {file}")).await;
    assert_eq!((id.trim().parse::<i64>().is_ok(), code), (true, 0));
    assert_eq!(shell.run("export-zone-ds example.test").await, ds);
}

#[tokio::test]
async fn section_13_2_rsa_keys_and_pem() {
    let shell = Shell::new("rsa").await.like_pdns();
    shell.run("create-zone example.test").await;
    let added = "Added a ZSK with algorithm = 8, active=0\nRequested specific key size of 1024 bits\n";
    shell.expect("add-zone-key example.test zsk 1024 rsasha256", "1\n", added, 0).await;
    let size = "Error: Creating an algorithm 8 (RSASHA256) key requires the size (in bits) to be passed.\n";
    shell.expect("add-zone-key example.test zsk rsasha256", "", size, 1).await;
    let bad = "Error: The algorithm does not support the given bit size.\n";
    shell.expect("add-zone-key example.test zsk 512 rsasha256", "", bad, 1).await;
    let sha1 = shell.run("add-zone-key example.test zsk 2048 rsasha1").await;
    assert!(sha1.1.contains("unknown algorithm, key flag or size 'rsasha1'"), "{}", sha1.1);

    // Out as PEM, in again as the same key; as any file of openssl's.
    let (pem, _, code) = shell.run("export-zone-key-pem example.test 1").await;
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && code == 0, "{pem}");
    let file = shell.file("pem", &pem);
    shell.expect(&format!("import-zone-key-pem example.test {file} 8 zsk"), "2\n", "", 0).await;
    let first = shell.run("export-zone-key example.test 1").await;
    assert_eq!(shell.run("zone export-key example.test 2").await, first);
    let (_, err, code) = shell.run(&format!("import-zone-key-pem example.test {file} 13")).await;
    assert!(err.starts_with("Error: Failed to read private key from PEM file `") && code == 1, "{err}");

    let (out, err, code) = shell.run("generate-zone-key ksk rsasha512 1024").await;
    assert!(out.starts_with("Flags: 257\nPrivate-key-format: v1.2\nAlgorithm: 10 (RSASHA512)\nModulus: "), "{out}");
    assert_eq!(
        (err.as_str(), code),
        ("Generating a KSK with algorithm = 10\nRequesting specific key size of 1024 bits\n", 0)
    );
    // What it prints can be imported.
    let file = shell.file("generated", &out);
    shell.expect(&format!("import-zone-key example.test {file} inactive"), "3\n", "", 0).await;
}

#[tokio::test]
async fn keys_of_no_use_are_named_and_not_made_active() {
    let shell = Shell::new("unusable").await;
    shell.run("create-zone example.test ns1.example.net").await;
    let tiny = shell.file("tiny", include_str!("../../../../dnssec/tests/keys/rsasha256-256.private"));
    let (_, err, code) = shell.run(&format!("import-zone-key example.test {tiny}")).await;
    assert!(
        err.contains("the key cannot be active: RSASHA256 with a key of 256 bits must not sign") && code == 1,
        "{err}"
    );
    shell.expect(&format!("import-zone-key example.test {tiny} inactive"), "1\n", "", 0).await;
    let (_, err, code) = shell.run("activate-zone-key example.test 1").await;
    assert!(err.starts_with("Error: key 1 cannot be used, and so not be activated: ") && code == 1, "{err}");
    let (out, err, _) = shell.run("show-zone example.test").await;
    assert!(out.contains("algo = 8, bits = 256\tInactive\t Published"), "{out}");
    assert!(err.starts_with("Key 1 cannot be used: "), "{err}");
    let (out, ..) = shell.run("check-zone example.test").await;
    assert!(out.contains("[Warning] Key 1 of zone 'example.test' cannot be used: "), "{out}");
    let weak = shell.file("weak", include_str!("../../../../dnssec/tests/keys/rsasha256-1024.private"));
    shell.expect(&format!("import-zone-key example.test {weak}"), "2\n", "", 0).await;
    let (out, ..) = shell.run("check-zone example.test").await;
    assert!(
        out.contains("[Warning] Key 2 of zone 'example.test' has 1024 bits: RSA keys below 2048 are weak"),
        "{out}"
    );
}

#[tokio::test]
async fn our_own_defaults_give_two_keys_and_nsec3() {
    let shell = Shell::new("own").await;
    shell.run("create-zone two.test ns.two.test").await;
    let (out, err, code) = shell.run("secure-zone two.test").await;
    assert_eq!(
        out,
        "Securing zone with default key size\nAdding KSK with algorithm ecdsa256\nAdding ZSK with algorithm ecdsa256\nZone two.test secured\n"
    );
    assert!(err.starts_with("Adding NSEC3 hashed ordering information for zone 'two.test', "), "{err}");
    assert_eq!(code, 0);
    let shown = shell.run("show-zone two.test").await.0;
    assert!(shown.contains("\nMetadata items: \n\tNSEC3PARAM\t1 0 0 -\n"), "{shown}");
    assert!(shown.contains("\nZone has hashed NSEC3 semantics, configuration: 1 0 0 -\n"));
    assert!(shown.contains(" (ZSK), flags = 256, ") && shown.contains(" (KSK), flags = 257, "));
    assert_eq!(shown.matches("DNSKEY = ").count(), 1);
    let hash = shell.run("hash-zone-record two.test www.two.test").await;
    assert_eq!((hash.0.len(), hash.2), (33, 0));
    let (_, err, _) = shell.run("rectify-zone two.test").await;
    assert_eq!(err, "Adding NSEC3 hashed ordering information for zone 'two.test', 0 updates\n");
}

#[tokio::test]
async fn section_13_2_keys() {
    let shell = Shell::new("keys").await.like_pdns();
    shell.run("create-zone example.test").await;
    let (out, err, code) = shell.run("add-zone-key example.test zsk active 256 ecdsa256").await;
    assert_eq!((out.as_str(), code), ("1\n", 0));
    assert_eq!(err, "Added a ZSK with algorithm = 13, active=1\nRequested specific key size of 256 bits\n");
    let (out, err, _) = shell.run("add-zone-key example.test ksk inactive unpublished ecdsa384").await;
    assert_eq!((out.as_str(), err.as_str()), ("2\n", "Added a KSK with algorithm = 14, active=0\n"));
    let (out, err, _) = shell.run("zone add-key example.test").await;
    assert_eq!((out.as_str(), err.as_str()), ("3\n", "Added a KSK with algorithm = 13, active=0\n"));
    let (_, err, code) = shell.run("add-zone-key example.test").await;
    assert!(err.starts_with("Syntax: pdnsutil add-zone-key ZONE ") && code == 0, "{err}");
    shell.expect("add-zone-key nope.test ksk", "", "No such zone in the database\n", 0).await;

    shell.expect("activate-zone-key example.test 2", "", "", 0).await;
    shell.expect("publish-zone-key example.test 2", "", "", 0).await;
    let missing = "Can't find a key with id 99 for zone 'example.test'\n";
    shell.expect("activate-zone-key example.test 99", "", missing, 1).await;
    shell.expect("zone deactivate-key example.test x", "", "Invalid KEY-ID 'x'\n", 1).await;
    shell.expect("zone deactivate-key example.test 0", "", "Invalid KEY-ID '0'\n", 1).await;
    shell.expect("unpublish-zone-key example.test 1", "", "", 0).await;
    let listed = shell.run("list-keys example.test").await.0;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[0], "Zone                          Type Act Pub Size    Algorithm       ID   Location    Keytag");
    assert_eq!(lines[1], "-".repeat(90));
    assert!(
        lines[2].starts_with("example.test                  CSK  Act     256     ECDSAP256SHA256 1    cryptokeys  "),
        "{listed}"
    );
    assert!(
        lines[3].starts_with("example.test                  CSK  Act Pub 384     ECDSAP384SHA384 2    cryptokeys  "),
        "{listed}"
    );
    assert!(
        lines[4].starts_with("example.test                  CSK      Pub 256     ECDSAP256SHA256 3    cryptokeys  "),
        "{listed}"
    );
    assert_eq!(shell.run("list-keys").await.0, listed);
    shell.expect("list-keys nope.test", "", "Zone nope.test not found.\n", 1).await;
    shell.expect("remove-zone-key example.test 2", "", "", 0).await;
    shell.expect("remove-zone-key example.test 2", "", "", 0).await;
    let gone = "Error: Can't find a key with id 2 for zone 'example.test'\n";
    shell.expect("export-zone-key example.test 2", "", gone, 1).await;
    assert!(shell.run("import-zone-key example.test /nonexistent").await.1.starts_with("Error: Unable to read file"));
}

#[tokio::test]
async fn section_13_2_nsec3() {
    let shell = Shell::new("nsec3").await.like_pdns();
    shell.run("create-zone example.test").await;
    let unsigned =
        "NSEC3 set, Done, please secure and rectify your zone (or reload it if you are using the bindbackend)\n";
    shell.expect("set-nsec3 example.test", "", unsigned, 0).await;
    shell.run("secure-zone example.test").await;
    let opt_out = ["set-nsec3", "example.test", "1 1 0 -"];
    let set = "NSEC3 (opt-out) set, Done, please rectify your zone if your backend needs it (or reload it if you are using the bindbackend)\n";
    assert_eq!(shell.words(&opt_out).await, (String::new(), set.to_owned(), 0));
    let narrow = shell.words(&["zone", "set-nsec3", "example.test", "1 0 0 ab", "narrow"]).await;
    assert_eq!(narrow.2, 0);
    let shown = shell.run("show-zone example.test").await.0;
    assert!(shown.contains("\nZone has NARROW hashed NSEC3 semantics, configuration: 1 0 0 ab\n"), "{shown}");
    let (_, err, _) = shell.run("rectify-zone example.test").await;
    assert_eq!(
        err,
        "Erasing NSEC3 ordering since we are narrow, only setting 'auth' fields for zone 'example.test', 0 updates\n"
    );
    for bad in ["2 0 0 -", "bogus", "1 0 500 -", "1 0 0 xyz"] {
        let (out, err, code) = shell.words(&["set-nsec3", "example.test", bad]).await;
        assert_eq!((out.as_str(), code), ("", 1), "{bad}");
        assert!(err.starts_with("Error: NSEC3PARAMs provided for zone 'example.test' are invalid: "), "{err}");
    }
    let unset =
        "Done, please rectify your zone if your backend needs it (or reload it if you are using the bindbackend)\n";
    shell.expect("unset-nsec3 example.test", "", unset, 0).await;
    let nsec = "The 'example.test' zone does not use NSEC3\n";
    shell.expect("hash-zone-record example.test www.example.test", "", nsec, 0).await;
    shell
        .expect("rectify-zone nope.test", "", "No SOA known for 'nope.test', is such a zone in the database?\n", 1)
        .await;
    let all = shell.run("rectify-all-zones").await;
    assert_eq!(all.0, "Rectified 1 zones.\n");
    assert_eq!(all.1, "Rectifying example.test: Adding NSEC ordering information for zone 'example.test', 0 updates\n");
    shell.expect("rectify-all-zones quiet", "", "", 0).await;
}
