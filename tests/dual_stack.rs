//! IPv4 and IPv6 alike, on a link between two hosts: each address answers, from itself, the same, over every transport, and in one
//! packet.

use signpost_tests::dig::{Reply, parse};
use signpost_tests::link::{CLIENT_ADDRESSES, Link, SERVER_ADDRESSES};
use signpost_tests::process::{Daemon, output, run};
use signpost_tests::server::clean_command;
use signpost_tests::wait::until;
use std::process::Command;
use std::time::Duration;

const START_MAX: Duration = Duration::from_secs(60);
const ZONE: &str = "dual.example";
/// Every address of both families, as most operators have it.
const WILDCARDS: &str = "0.0.0.0:53,[::]:53";

/// A server with one signed zone on the server's host.
struct Served {
    link: Link,
    server: Daemon,
}

impl Served {
    /// Listens for plain DNS where `listen` says.
    fn start(listen: &str) -> Served {
        Served::start_with(listen, &["--api=no", "--web-pages=no"])
    }

    fn start_with(listen: &str, flags: &[&str]) -> Served {
        let link = Link::new();
        let database = format!("sqlite:{}", link.folder().join("signpost.db").display());
        let mut command = clean_command();
        command.arg("serve").arg(format!("--dns-listen={listen}")).args(flags);
        command.env("SIGNPOST_DATABASE_URL", &database);
        let server = Daemon::start("signpost", &mut link.on_server(&command), &link.folder().join("server.log"));
        let mut served = Served { link, server };
        // Four strings of 250 octets: over 1100 octets with a signature, in one packet of 1232.
        let long = [&*format!("\"{}\"", "x".repeat(250)); 4].join(" ");
        let many: Vec<String> = (0..40).map(|number| format!("2001:db8::{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let first_name = format!("ns1.{ZONE}");
        for arguments in [
            &["create-zone", ZONE, &first_name][..],
            &["replace-rrset", ZONE, "www", "A", "192.0.2.1"],
            &["replace-rrset", ZONE, "long", "TXT", &long],
            &[&["replace-rrset", ZONE, "many", "AAAA"], &many[..]].concat(),
            &["secure-zone", ZONE],
        ] {
            let mut command = clean_command();
            command.env("SIGNPOST_DATABASE_URL", &database).arg("pdnsutil").args(arguments);
            // The server makes the database.
            until("the database", START_MAX, || {
                served.server.assert_running();
                output(&mut command).status.success().then_some(())
            });
        }
        served
    }

    fn dig(&self, arguments: &[&str]) -> String {
        let mut dig = Command::new("dig");
        dig.args(["+tries=1", "+time=20", "+norecurse", "+dnssec", "+nosplit"]).args(arguments);
        String::from_utf8_lossy(&output(&mut self.link.on_client(&dig)).stdout).into_owned()
    }

    fn wait_until_ready(&mut self, address: &str) {
        let mut dig = Command::new("dig");
        dig.args(["+tries=1", "+time=1", "+norecurse", "+dnssec", &format!("@{address}"), &format!("www.{ZONE}"), "A"]);
        // Signing is the last of the changes, which come through the database.
        until("the server to answer with signatures", START_MAX, || {
            self.server.assert_running();
            let output = output(&mut self.link.on_client(&dig));
            String::from_utf8_lossy(&output.stdout).contains("RRSIG\tA ").then_some(())
        });
    }

    /// A counter of the server's kernel by file of `/proc/net` and name.
    fn kernel_count(&self, file: &str, name: &str) -> u64 {
        let mut cat = Command::new("cat");
        cat.arg(format!("/proc/net/{file}"));
        let text = run(&mut self.link.on_server(&cat));
        // snmp6 has a line for each; snmp a line of names and one of values.
        let by_line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        by_line.unwrap_or_else(|| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip: "));
            let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
            let at = names.split(' ').position(|found| found == name).unwrap_or_else(|| panic!("{name} in {names}"));
            values.split(' ').nth(at).and_then(|value| value.parse().ok()).expect("a number")
        })
    }
}

fn only(printed: &str) -> Reply {
    let mut replies = parse(printed);
    assert_eq!(replies.len(), 1, "{printed}");
    replies.remove(0)
}

/// RFC 2181 section 4.1. dig takes a reply from the address it asked alone, and names any other.
#[test]
fn every_address_of_both_families_answers_from_itself_and_the_same() {
    let mut served = Served::start(WILDCARDS);
    let link_local = served.link.link_local();
    served.wait_until_ready(SERVER_ADDRESSES[0]);
    for (question, records) in [
        (&["www", "A"][..], 2),
        (&["nothing", "A"], 0),
        (&["www", "ANY"], 2),
        (&["long", "TXT"], 2),
        // Truncated over UDP.
        (&["many", "AAAA"], 41),
    ] {
        let name = format!("{}.{ZONE}", question[0]);
        for transport in ["+notcp", "+tcp"] {
            let mut answers = Vec::new();
            for address in SERVER_ADDRESSES.into_iter().chain([link_local.as_str()]) {
                let at = format!("@{address}");
                let printed = served.dig(&[transport, "+ignore", &at, &name, question[1]]);
                assert!(!printed.contains("unexpected source"), "{printed}");
                // dig shows the number of a link-local address's interface.
                let address = address.split('%').next().unwrap_or_default();
                assert!(printed.contains(&format!("SERVER: {address}")), "{printed}");
                let reply = only(&printed);
                let is_truncated = question[0] == "many" && transport == "+notcp";
                assert_eq!(reply.has_flag("tc"), is_truncated, "{printed}");
                assert_eq!(reply.answer.len(), if is_truncated { 0 } else { records }, "{printed}");
                answers.push(format!("{} {:?} {:?} {:?}", reply.status, reply.flags, reply.answer, reply.authority));
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{name} {transport}: {answers:#?}");
        }
    }
}

/// RFC 7858, RFC 8484 and RFC 9250. kdig's sockets are connected: its kernel drops what comes from another address than it asked.
#[test]
fn every_address_answers_over_encrypted_transports_and_for_the_api() {
    let mut served = Served::start_with(
        WILDCARDS,
        &[
            "--dot-listen=0.0.0.0:853,[::]:853",
            "--doh-listen=0.0.0.0:443,[::]:443",
            "--doq-listen=0.0.0.0:853,[::]:853",
            "--api-listen=0.0.0.0:8081,[::]:8081",
            "--api-allow-from=10.53.0.0/24,fd53::/64",
            "--api-key=a key",
        ],
    );
    let name = format!("www.{ZONE}");
    for address in SERVER_ADDRESSES {
        served.wait_until_ready(address);
        let (asked, host) =
            (format!("@{address}"), if address.contains(':') { format!("[{address}]") } else { address.into() });
        for options in [
            &["-p", "53", "+notcp"][..],
            &["-p", "53", "+tcp"],
            &["-p", "853", "+tls"],
            &["-p", "443", "+https=/dns-query"],
            &["-p", "853", "+quic"],
        ] {
            let mut kdig = Command::new("kdig");
            kdig.args([&*asked, "+timeout=20", "+retry=0", "+dnssec"]).args(options).args([&*name, "A"]);
            let printed = run(&mut served.link.on_client(&kdig));
            let records = printed.lines().filter(|line| line.starts_with(&name)).count();
            assert!(printed.contains("status: NOERROR") && records == 2, "{address} {options:?}:\n{printed}");
        }
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--header", "X-API-Key: a key"]);
        curl.arg(format!("http://{host}:8081/api/v1/servers/localhost/zones/{ZONE}."));
        let printed = run(&mut served.link.on_client(&curl));
        assert!(printed.contains(&name), "{address}: {printed}");
    }
}

/// An IPv6 socket takes no IPv4 as `::ffff:10.53.0.1`, which access lists and rate limits would take for something else.
#[test]
fn an_ipv6_socket_takes_ipv6_alone() {
    let mut served = Served::start("[::]:53");
    served.wait_until_ready(SERVER_ADDRESSES[2]);
    for transport in ["+notcp", "+tcp"] {
        let printed = served.dig(&[transport, &format!("@{}", SERVER_ADDRESSES[0]), &format!("www.{ZONE}"), "A"]);
        assert!(printed.contains("refused"), "{printed}");
    }
}

/// RFC 9715 section 3.1. Forged ICMP messages lower the MTU that the kernel thinks a path to have; here a route does. The reply fits
/// the link and leaves in one piece all the same: fragments get lost, and can be forged in turn.
#[test]
fn replies_are_not_fragmented_where_the_path_is_said_to_be_narrow() {
    let mut served = Served::start(WILDCARDS);
    served.wait_until_ready(SERVER_ADDRESSES[0]);
    for (client, mtu) in CLIENT_ADDRESSES.into_iter().zip(["600", "1280"]) {
        let mut route = Command::new("ip");
        route.args(["route", "add", client, "dev", "server", "mtu", mtu]);
        run(&mut served.link.on_server(&route));
    }
    for (address, file, name) in
        [(SERVER_ADDRESSES[0], "snmp", "FragCreates"), (SERVER_ADDRESSES[2], "snmp6", "Ip6FragCreates")]
    {
        let before = served.kernel_count(file, name);
        let printed =
            served.dig(&["+notcp", "+ignore", "+bufsize=1232", &format!("@{address}"), &format!("long.{ZONE}"), "TXT"]);
        let reply = only(&printed);
        assert!(!reply.has_flag("tc") && reply.answer.len() == 2, "{printed}");
        assert_eq!(served.kernel_count(file, name), before, "the reply over {address} left in fragments");
    }
}
