//! Zones and their records, usage lines, and what happens without a database.

use super::{Shell, ZONE};

#[tokio::test]
async fn section_13_2_create_zone_and_delete_zone() {
    let shell = Shell::new("create").await;
    shell.expect("create-zone example.test", "", "Creating empty zone 'example.test'\n", 0).await;
    shell.expect("create-zone Example.test.", "", "Zone 'example.test' exists already\n", 1).await;
    let ns = ("Also adding one NS record\n", "Creating empty zone 'ns.test'\n");
    shell.expect("zone create ns.test ns1.ns.test", ns.0, ns.1, 0).await;
    shell.expect("list-all-zones", "example.test\nns.test\n", "", 0).await;
    shell
        .expect(
            "list-zone example.test",
            "$ORIGIN .\nexample.test\t3600\tIN\tSOA\ta.misconfigured.dns.server.invalid hostmaster.example.test 0 10800 3600 604800 3600\n",
            "",
            0,
        )
        .await;
    shell.expect("get-meta example.test SOA-EDIT-API", "Metadata for 'example.test'\nSOA-EDIT-API = \n", "", 0).await;
    shell.expect("metadata get ns.test SOA-EDIT-API", "Metadata for 'ns.test'\nSOA-EDIT-API = DEFAULT\n", "", 0).await;
    shell.expect("delete-zone ns.test", "", "", 0).await;
    shell.expect("delete-zone ns.test", "", "Zone 'ns.test' not found!\n", 1).await;
    shell.expect("zone list-all", "example.test\n", "", 0).await;
}

#[tokio::test]
async fn section_13_2_load_zone_and_list_zone() {
    let shell = Shell::new("load").await;
    let file = shell.file("z", ZONE);
    shell.expect(&format!("load-zone load.test {file}"), "", "Creating 'load.test'\n", 0).await;
    let again = "Zone 'load.test' exists already, replacing contents\n";
    shell.expect(&format!("zone load load.test {file}"), "", again, 0).await;
    let wanted = "$ORIGIN .\n\
        _s._tcp.load.test\t300\tIN\tSRV\t0 5 5060 sip.load.test.\n\
        a.b.c.load.test\t300\tIN\tTXT\t\"hi there\"\n\
        alias.load.test\t300\tIN\tCNAME\twww.example.org.\n\
        load.test\t300\tIN\tMX\t10 mail.load.test.\n\
        load.test\t300\tIN\tNS\tns1.load.test.\n\
        load.test\t300\tIN\tSOA\tns1.load.test host.load.test 1 3600 600 86400 60\n\
        ns.sub.load.test\t300\tIN\tA\t192.0.2.9\n\
        ns1.load.test\t300\tIN\tA\t192.0.2.1\n\
        sub.load.test\t300\tIN\tNS\tns.sub.load.test.\n\
        www.load.test\t60\tIN\tA\t192.0.2.2\n\
        www.load.test\t60\tIN\tA\t192.0.2.3\n";
    shell.expect("list-zone load.test", wanted, "", 0).await;
    let dotted = shell.run("zone list load.test").await.0;
    assert!(dotted.contains("load.test.\t300\tIN\tSOA\tns1.load.test. host.load.test. 1 "), "{dotted}");
    shell.expect("list-zone nope.test", "", "Zone 'nope.test' not found!\n", 1).await;
    let outside =
        "Creating 'other.test'\nFile contains record named 'load.test' which is not part of zone 'other.test'\n";
    shell.expect(&format!("load-zone other.test {file}"), "", outside, 1).await;
    let (out, err, code) = shell.run("load-zone x.test /nonexistent").await;
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.starts_with("Creating 'x.test'\nError: Unable to open file '/nonexistent'"), "{err}");
    // Nothing of the two that failed is left.
    shell.expect("-v list-all-zones", "load.test\nAll zonecount: 1\n", "", 0).await;
    shell.expect("check-zone load.test", "Checked 14 records of 'load.test', 0 errors, 0 warnings.\n", "", 0).await;
    shell
        .expect(
            "check-all-zones",
            "Checked 14 records of 'load.test', 0 errors, 0 warnings.\nChecked 1 zones, 0 had errors.\n",
            "",
            0,
        )
        .await;
}

#[tokio::test]
async fn section_13_2_records() {
    let shell = Shell::new("records").await;
    shell.run("create-zone example.test").await;
    let one = "New rrset:\nwww.example.test. 3600 IN A 192.0.2.1\n";
    shell.expect("add-record example.test www A 192.0.2.1", one, "", 0).await;
    let two = "New rrset:\nwww.example.test. 300 IN A 192.0.2.1\nwww.example.test. 300 IN A 192.0.2.2\n";
    shell.expect("rrset add example.test www.example.test A 300 192.0.2.2", two, "", 0).await;
    let mx = ["add-record", "example.test", "@", "MX", "10 mail.example.test."];
    let shown = "New rrset:\nexample.test. 3600 IN MX 10 mail.example.test\n";
    assert_eq!(shell.words(&mx).await, (shown.to_owned(), String::new(), 0));
    let (_, err, code) = shell.run("add-record example.test bad A nonsense").await;
    assert_eq!(code, 1);
    assert!(err.starts_with("Error: Parsing record content (try 'pdnsutil check-zone'): "), "{err}");
    let cname = "Attempting to add CNAME to www.example.test which already had existing records\n";
    shell.expect("add-record example.test www CNAME foo.", "", cname, 1).await;
    shell.expect("add-record nope.test www A 192.0.2.1", "", "Zone 'nope.test' does not exist\n", 1).await;
    let replaced = "Current records for www.example.test IN A will be replaced\nNew rrset:\nwww.example.test. 120 IN A 192.0.2.8\n";
    shell.expect("replace-rrset example.test www A 120 192.0.2.8", replaced, "", 0).await;
    let replaced = "All existing records for new.example.test IN A will be replaced\nNew rrset:\nnew.example.test. 3600 IN A 192.0.2.8\n";
    shell.expect("record replace example.test new.example.test A 192.0.2.8", replaced, "", 0).await;
    shell.expect("delete-rrset example.test new A", "", "", 0).await;
    shell.expect("delete-rrset example.test new A", "", "", 0).await;
    shell.expect("delete-rrset nope.test new A", "", "Zone 'nope.test' does not exist\n", 1).await;
    let outside = "Name 'www.' is not part of zone 'example.test.'\n";
    shell.expect("rrset add example.test www A 192.0.2.1", "", outside, 1).await;
}

#[tokio::test]
async fn usage_and_unknown_commands_exit_as_each_generation_does() {
    let shell = Shell::new("usage").await;
    shell.expect("create-zone", "", "Syntax: pdnsutil create-zone ZONE [nsname]\n", 0).await;
    shell.expect("zone create", "", "Usage: pdnsutil zone create ZONE [nsname]\n", 1).await;
    shell.expect("bogus", "", "Unknown command 'bogus'\n", 1).await;
    shell
        .expect(
            "create-bind-db x",
            "",
            "Command 'create-bind-db' is not offered by Signpost: there is no BIND backend\n",
            1,
        )
        .await;
    assert!(shell.run("--version").await.0.starts_with("pdnsutil (signpost "));
    assert!(shell.run("help").await.0.contains("add-record (rrset add) ZONE name type"));
    assert_eq!(shell.run("--bogus list-all-zones").await.2, 1);
    assert!(shell.run("list-algorithms").await.0.contains("\n13 - ECDSAP256SHA256\n"));
    // Two dots set a variant off: three are a mistake.
    let (_, err, code) = shell.run("create-zone a...b").await;
    assert!(err.starts_with("Error: 'a...b' is not the name of a zone: ") && code == 1, "{err}");
}

#[tokio::test]
async fn without_a_database_it_fails_and_makes_none() {
    let mut shell = Shell::new("none").await;
    shell.settings.clear();
    let (out, err, code) = shell.run("create-zone example.test").await;
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.starts_with("Error: no database is configured: "), "{err}");
    let missing = shell.folder.join("missing.db");
    shell.settings = vec![format!("--database-url=sqlite:{}", missing.display())];
    let (_, err, code) = shell.run("create-zone example.test").await;
    assert_eq!(code, 1);
    assert_eq!(err, format!("Error: database {} does not exist (flag --database-url)\n", missing.display()));
    assert!(!missing.exists());
}

#[tokio::test]
async fn section_13_1_edit_zone_shows_what_changes_and_asks() {
    let mut shell = Shell::new("edit").await;
    let file = shell.file("z", ZONE);
    shell.run(&format!("load-zone load.test {file}")).await;
    shell.expect("edit-zone nope.test", "", "Zone 'nope.test' not found!\n", 1).await;
    let script = |sed: &str| format!("sed -i {sed}");
    let edit = |shell: &mut Shell, editor: String, typed: &str| {
        shell.variables = vec![("EDITOR".to_owned(), "false".to_owned()), ("PDNSUTIL_EDITOR".to_owned(), editor)];
        shell.input = typed.to_owned();
    };

    // Nothing changed, nothing asked.
    edit(&mut shell, "true".to_owned(), "");
    let (out, err, code) = shell.run("edit-zone load.test").await;
    assert!(out.ends_with(" 0 errors, 0 warnings.\nNo changes to apply.\n"), "{out}");
    assert_eq!((err.as_str(), code), ("", 0));

    let change = "s/192.0.2.3/192.0.2.33/";
    for typed in ["q\n", "", "n\nq\n", "what\nn\n"] {
        edit(&mut shell, script(change), typed);
        let (out, _, code) = shell.run("edit-zone load.test").await;
        assert_eq!(code, 1, "{typed:?}");
        let shown = "Detected the following changes:\n\
                     -www.load.test. 60 IN A 192.0.2.3\n+www.load.test. 60 IN A 192.0.2.33\n";
        assert!(out.contains(shown), "{out}");
        assert!(!shell.run("list-zone load.test").await.0.contains("192.0.2.33"), "{typed:?} is no consent");
    }
    edit(&mut shell, script(change), "y\na\n");
    let (_, err, code) = shell.run("zone edit load.test").await;
    assert_eq!(code, 0, "{err}");
    let asked = "You have not updated the SOA record! Would you like to increase-serial?\n(y)es";
    assert!(err.starts_with(asked), "{err}");
    let listed = shell.run("list-zone load.test").await.0;
    assert!(listed.contains("\t192.0.2.33\n") && listed.contains("\t192.0.2.2\n"), "{listed}");
    assert!(listed.contains("host.load.test 2 3600"), "the serial is increased: {listed}");

    // An address becomes an alias, and the SOA is the user's.
    let commands = "-e '$a www.load.test. 60 IN CNAME x.example.' -e /^www/d -e 's/ 2 3600/ 9 3600/'";
    edit(&mut shell, script(commands), "a\n");
    let (out, err, code) = shell.run("edit-zone load.test").await;
    assert_eq!(code, 0, "{out}{err}");
    let listed = shell.run("list-zone load.test").await.0;
    assert!(listed.contains("www.load.test\t60\tIN\tCNAME\tx.example.\n"), "{listed}");
    assert!(listed.contains("host.load.test 9 3600"), "{listed}");

    // What cannot be read is edited again or given up; what is wrong is applied only if told to.
    edit(&mut shell, script("'$a broken'"), "q\n");
    let (_, err, code) = shell.run("edit-zone load.test").await;
    let options = "Options are: (e)dit your changes, (r)etry with original zone, (q)uit: ";
    assert!(err.contains("Error: ") && err.contains(options), "{err}");
    assert_eq!(code, 1);
    edit(&mut shell, script("'$a www.load.test. 60 IN A 192.0.2.1'"), "q\n");
    let (out, err, code) = shell.run("edit-zone load.test").await;
    assert!(out.contains("CNAME www.load.test found, but other records with same label exist."), "{out}");
    assert!(err.contains("(a)pply change anyhow") && code == 1, "{err}");
    edit(&mut shell, "false".to_owned(), "");
    let (_, err, code) = shell.run("edit-zone load.test").await;
    assert_eq!((err.as_str(), code), ("Error: the editor 'false' ended with exit status: 1\n", 1));
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let own = format!("pdnsutil-{}-", std::process::id());
    assert_eq!(left.filter(|file| file.file_name().to_string_lossy().starts_with(&own)).count(), 0);
}
