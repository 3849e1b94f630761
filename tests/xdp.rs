//! AF_XDP on a link between two hosts: what comes past the kernel's network stack is answered like what comes through it, everything else
//! goes through it as before, and nothing is left behind.
//!
//! Only root may do any of this; for others the tests say that they are skipped.

use hickory_proto::rr::RecordType;
use signpost_tests::frames::{self, End, ask_on_server, exchange, frame, frame_with};
use signpost_tests::link::{CLIENT_ADDRESSES, Link, SERVER_ADDRESSES};
use signpost_tests::process::{Daemon, output, run};
use signpost_tests::query::query;
use signpost_tests::server::clean_command;
use signpost_tests::wait::{until, until_true};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

const START_MAX: Duration = Duration::from_secs(60);
const ZONE: &str = "xdp.example";

/// A server with one signed zone, whose interface is served by AF_XDP.
struct Served {
    link: Link,
    server: Daemon,
}

impl Served {
    /// `None`, said aloud: not root.
    fn start(flags: &[&str]) -> Option<Served> {
        Served::start_with_mtu(1500, flags)
    }

    fn start_with_mtu(mtu: u32, flags: &[&str]) -> Option<Served> {
        if output(Command::new("id").arg("-u")).stdout.trim_ascii() != b"0" {
            eprintln!("SKIPPED: AF_XDP is for root, and this test is not");
            return None;
        }
        let link = Link::new();
        let mut set = Command::new("ip");
        run(&mut link.on_server(set.args(["link", "set", "server", "mtu", &mtu.to_string()])));
        let log = link.folder().join("server.log");
        let server = Daemon::start("signpost", &mut link.on_server(&serve(&link, flags)), &log);
        let mut served = Served { link, server };
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
            command.env("SIGNPOST_DATABASE_URL", database(&served.link)).arg("pdnsutil").args(arguments);
            until("the database", START_MAX, || {
                served.server.assert_running();
                output(&mut command).status.success().then_some(())
            });
        }
        // Signing is the last of the changes.
        until_true("signed answers", START_MAX, || served.dig(SERVER_ADDRESSES[0], &[]).contains("RRSIG\tA "));
        Some(served)
    }

    fn dig(&mut self, server: &str, options: &[&str]) -> String {
        self.server.assert_running();
        let mut dig = Command::new("dig");
        dig.args(["+tries=1", "+time=2", "+norecurse", "+dnssec", &format!("@{server}"), &format!("www.{ZONE}"), "A"]);
        String::from_utf8_lossy(&output(&mut self.link.on_client(dig.args(options))).stdout).into_owned()
    }

    /// One of our counters.
    fn count(&self, name: &str) -> u64 {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", "http://127.0.0.1:8081/metrics"]);
        let printed = run(&mut self.link.on_server(&curl));
        let value = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("{name} in {printed}"))
    }

    /// Runs `ip` on the server's host.
    fn ip(&self, arguments: &str) -> String {
        let mut ip = Command::new("ip");
        ip.args(arguments.split(' '));
        run(&mut self.link.on_server(&ip))
    }

    fn has_program(&self) -> bool {
        self.ip("link show dev server").contains("prog/xdp")
    }

    /// Client and server of one family, 0 or 1.
    fn ends(&self, family: usize) -> (End, End) {
        let end = |host, ip: &str, port| End {
            mac: frames::mac(&self.link, host),
            address: SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), port),
        };
        (end("client", CLIENT_ADDRESSES[family], 40_000), end("server", SERVER_ADDRESSES[2 * family], 53))
    }
}

fn database(link: &Link) -> String {
    format!("sqlite:{}", link.folder().join("signpost.db").display())
}

fn serve(link: &Link, flags: &[&str]) -> Command {
    let mut command = clean_command();
    command.args(["serve", "--api=no", "--api-listen=127.0.0.1:8081", "--cookies=off"]).args(flags);
    command.env("SIGNPOST_DATABASE_URL", database(link));
    command
}

/// With names that exist and do not, with and without DO, long, truncated, refused and malformed.
fn queries() -> Vec<Vec<u8>> {
    let mut queries = Vec::new();
    for (name, rtype) in [
        ("www", RecordType::A),
        ("WwW", RecordType::AAAA),
        ("nothing", RecordType::A),
        ("long", RecordType::TXT),
        ("many", RecordType::AAAA),
        ("www", RecordType::ANY),
    ] {
        queries.push(query(queries.len() as u16, &format!("{name}.{ZONE}."), rtype));
    }
    queries.push(query(queries.len() as u16, "elsewhere.example.", RecordType::A));
    // Without OPT, and with a question that is cut off.
    let mut plain = query(queries.len() as u16, &format!("www.{ZONE}."), RecordType::A);
    plain.truncate(plain.len() - 11);
    plain[11] = 0;
    queries.push(plain.clone());
    plain[1] = queries.len() as u8;
    plain.truncate(20);
    queries.push(plain);
    queries
}

#[test]
fn answers_are_those_of_the_sockets_in_frames_without_a_fault() {
    let Some(mut served) = Served::start(&["--xdp-interfaces=server"]) else { return };
    assert!(served.has_program());
    let queries = queries();
    let ids: Vec<u16> = (0..queries.len() as u16).collect();
    for (family, loopback) in ["127.0.0.1", "::1"].into_iter().enumerate() {
        let (client, server) = served.ends(family);
        let wanted = ask_on_server(&served.link, loopback.parse().expect("an address"), &queries);
        let before = served.count("pdns_auth_xdp_answers");
        let frames: Vec<Vec<u8>> = queries.iter().map(|query| frame(client, server, query)).collect();
        let replies = exchange(&served.link, &frames, &ids);
        let replies: Vec<Vec<u8>> = replies.iter().map(|reply| frames::open(reply, server, client)).collect();
        assert_eq!(replies, wanted);
        assert_eq!(served.count("pdns_auth_xdp_answers") - before, ids.len() as u64);
    }
    // A client's kernel takes them too, from every address; and everything but UDP is the kernel's business as ever.
    let link_local = served.link.link_local();
    for address in SERVER_ADDRESSES.into_iter().chain([link_local.as_str()]) {
        for transport in ["+notcp", "+tcp"] {
            let before = served.count("pdns_auth_xdp_queries");
            let printed = served.dig(address, &[transport]);
            assert!(printed.contains("RRSIG\tA ") && !printed.contains("unexpected source"), "{printed}");
            let taken = served.count("pdns_auth_xdp_queries") - before;
            assert_eq!(taken, u64::from(transport == "+notcp"), "{address} {transport}");
        }
    }
    assert!(served.server.terminate().success());
    assert!(!served.has_program(), "the program is left at the interface");
}

#[test]
fn malformed_frames_are_dropped_counted_and_not_answered() {
    let Some(served) = Served::start(&["--xdp-interfaces=server"]) else { return };
    for family in [0, 1] {
        let (client, server) = served.ends(family);
        let question = query(1, &format!("www.{ZONE}."), RecordType::A);
        let good = frame(client, server, &question);
        let (udp, ip_length) = if family == 0 { (34, 16) } else { (54, 18) };
        let changed = |at: usize, octets: &[u8]| {
            let mut frame = good.clone();
            frame[at..at + octets.len()].copy_from_slice(octets);
            frame
        };
        let from = |ip: &str| {
            let address = SocketAddr::new(ip.parse().expect("an address"), 40_000);
            frame(End { address, ..client }, server, &question)
        };
        let mut malformed = vec![
            changed(udp + 4, &[0, 7]),
            changed(udp + 4, &[0xff, 0xff]),
            good[..good.len() - 1].to_vec(),
            good[..udp + 8].to_vec(),
            changed(ip_length, &[0xff, 0xff]),
        ];
        if family == 0 {
            malformed.iter_mut().for_each(|frame| frames::renew_ip_sum(frame));
        }
        let mut bad_checksums = vec![changed(udp + 6, &[good[udp + 6] ^ 1]), changed(udp + 20, &[good[udp + 20] ^ 1])];
        let bad_sources = match family {
            0 => {
                // The header's checksum is right before, and wrong after.
                bad_checksums.push(changed(22, &[63]));
                vec![from("127.0.0.1"), from("0.0.0.0"), from("224.0.0.1"), from("255.255.255.255")]
            }
            _ => {
                malformed.push(changed(14, &[0x40]));
                bad_checksums.push(changed(udp + 6, &[0, 0]));
                vec![from("::1"), from("::"), from("ff02::1"), from("::ffff:10.53.0.100")]
            }
        };
        let names = ["malformed", "bad_checksums", "bad_sources"].map(|name| format!("pdns_auth_xdp_{name}"));
        let before = names.each_ref().map(|name| served.count(name));
        let wanted = [malformed.len(), bad_checksums.len(), bad_sources.len()];
        // One queue keeps their order: when the last one is answered, all others were looked at.
        let last = frame(client, server, &query(2, &format!("www.{ZONE}."), RecordType::A));
        let frames = [malformed, bad_checksums, bad_sources, vec![last]].concat();
        let replies = exchange(&served.link, &frames, &[2]);
        assert_eq!(replies.len(), 1, "{replies:x?}");
        for ((name, before), wanted) in names.iter().zip(before).zip(wanted) {
            assert_eq!(served.count(name) - before, wanted as u64, "{name}");
        }
    }
}

#[test]
fn what_is_not_plain_goes_through_the_kernel() {
    let Some(served) = Served::start(&["--xdp-interfaces=server"]) else { return };
    let question = |id| query(id, &format!("www.{ZONE}."), RecordType::A);
    // The kernel answers the client, so that it has to find it.
    for family in [0, 1] {
        let (client, server) = served.ends(family);
        let more: &[u8] = if family == 0 { &[1, 1, 1, 0] } else { &[17, 0, 1, 4, 0, 0, 0, 0] };
        let with_options = frame_with(client, server, &question(1), more);
        let before = served.count("pdns_auth_xdp_queries");
        let answered = served.count("pdns_auth_udp_answers");
        let replies = exchange(&served.link, &[with_options], &[1]);
        assert_eq!(replies.len(), 1);
        assert_eq!(served.count("pdns_auth_xdp_queries"), before);
        assert_eq!(served.count("pdns_auth_udp_answers"), answered + 1);

        // To another port, MAC, and address; a tag; a fragment.
        let mut others = vec![
            frame(client, End { address: SocketAddr::new(server.address.ip(), 54), ..server }, &question(1)),
            frame(client, End { mac: [2, 0, 0, 0, 0, 9], ..server }, &question(1)),
        ];
        let elsewhere = if family == 0 { "10.53.0.77" } else { "fd53::77" }.parse().expect("an address");
        others.push(frame(client, End { address: SocketAddr::new(elsewhere, 53), ..server }, &question(1)));
        let mut tagged = frame(client, server, &question(1));
        tagged.splice(12..12, [0x81, 0x00, 0, 5]);
        others.push(tagged);
        if family == 0 {
            let mut fragment = frame(client, server, &question(1));
            fragment[20] |= 0x20;
            frames::renew_ip_sum(&mut fragment);
            others.push(fragment);
        }
        let before = served.count("pdns_auth_xdp_queries");
        others.push(frame(client, server, &question(2)));
        let replies = exchange(&served.link, &others, &[2]);
        assert_eq!(replies.len(), 1, "{replies:x?}");
        assert_eq!(served.count("pdns_auth_xdp_queries"), before + 1);
    }
}

/// RFC 9715 section 3.1: what does not fit into one packet of the interface is truncated, whatever the client would take.
#[test]
fn replies_fit_into_a_packet_of_the_interface() {
    let Some(served) = Served::start_with_mtu(1000, &["--xdp-interfaces=server"]) else { return };
    let (client, server) = served.ends(0);
    // 1100 octets and more, and 200 or so.
    let long = query(1, &format!("long.{ZONE}."), RecordType::TXT);
    let short = query(2, &format!("www.{ZONE}."), RecordType::A);
    let frames = [&long, &short].map(|query| frame(client, server, query));
    let replies = exchange(&served.link, &frames, &[1, 2]);
    let replies: Vec<Vec<u8>> = replies.iter().map(|reply| frames::open(reply, server, client)).collect();
    let is_truncated = |reply: &[u8]| reply[2] & 2 != 0;
    assert_eq!(replies.iter().map(|reply| is_truncated(reply)).collect::<Vec<_>>(), [true, false]);
    assert_eq!(served.count("pdns_auth_xdp_answers"), served.count("pdns_auth_xdp_queries"));
    let over_loopback = ask_on_server(&served.link, "127.0.0.1".parse().expect("an address"), &[long]);
    assert!(!is_truncated(&over_loopback[0]) && over_loopback[0].len() > 1000, "it fits where there is room");
}

#[test]
fn the_program_goes_with_the_process_however_that_ends() {
    let Some(mut served) = Served::start(&["--xdp-interfaces=server", "--xdp-mode=generic"]) else { return };
    let taken = served.count("pdns_auth_xdp_queries");
    assert!(served.has_program() && taken > 0, "generic mode takes queries as well");
    served.server.kill();
    // The kernel ends a link in its own time after its last descriptor is gone.
    until_true("the interface to be free", START_MAX, || !served.has_program());
}

#[test]
fn addresses_and_the_interface_come_and_go() {
    let Some(mut served) = Served::start(&["--xdp-interfaces=server"]) else { return };
    let mut taken = served.count("pdns_auth_xdp_queries");
    let mut is_taken = |served: &mut Served, address: &str| {
        let is_answered = served.dig(address, &[]).contains("RRSIG\tA ");
        let before = std::mem::replace(&mut taken, served.count("pdns_auth_xdp_queries"));
        (is_answered, taken > before)
    };
    served.ip("address add 10.53.0.9/24 dev server");
    // Until it is known, the sockets answer.
    until("the new address", START_MAX, || match is_taken(&mut served, "10.53.0.9") {
        (true, is_taken) => is_taken.then_some(()),
        (false, _) => panic!("it is not answered"),
    });
    served.ip("address del 10.53.0.9/24 dev server");
    until_true("the old address to be forgotten", START_MAX, || is_taken(&mut served, "10.53.0.9") == (false, false));
    served.ip("link set server down");
    served.ip("link set server up");
    until_true("the interface to be up", START_MAX, || is_taken(&mut served, SERVER_ADDRESSES[0]) == (true, true));
    // For good: whoever comes another way is answered still.
    served.ip("link del server");
    let reply = ask_on_server(&served.link, "127.0.0.1".parse().expect("an address"), &queries()[..1]);
    assert_eq!(reply.len(), 1);
    assert!(served.server.terminate().success());
}

#[test]
fn where_it_cannot_be_the_server_does_not_start_and_says_why() {
    let Some(mut served) = Served::start(&["--xdp-interfaces=server"]) else { return };
    let interface = "--xdp-interfaces=server";
    for (around, flags, reason) in [
        (&[][..], &["--xdp-interfaces=no-such-one"][..], "on interface no-such-one: there is no such interface"),
        (&[], &["--xdp-interfaces=lo"], "on interface lo: it is no Ethernet"),
        (&[], &[interface], "on interface server: another XDP program is attached to it"),
        (&[], &[interface, "--xdp-queues=2"], "on interface server: it has 1 receive queues, not 2"),
        (&["setpriv", "--bounding-set=-net_admin,-bpf,-sys_admin"], &[interface], "it needs CAP_BPF and CAP_NET_ADMIN"),
        (&[], &[interface, "--xdp-mode=generic", "--xdp-zero-copy=require"], "setting xdp-zero-copy"),
    ] {
        let error = refusal(&served.link, around, flags);
        assert!(error.contains(reason), "{error}");
    }
    served.server.kill();
    until_true("the interface to be free", START_MAX, || !served.has_program());
    for (around, flags, reason) in [
        (&[][..], &[interface, "--xdp-zero-copy=require"][..], "queue 0: its driver cannot do without copying"),
        (&["setpriv", "--bounding-set=-net_raw"], &[interface], "queue 0: no socket of AF_XDP (it needs CAP_NET_RAW)"),
        (
            &["setpriv", "--bounding-set=-ipc_lock", "prlimit", "--memlock=1000000"],
            &[interface],
            "it needs CAP_IPC_LOCK, or a higher limit of locked memory",
        ),
    ] {
        let error = refusal(&served.link, around, flags);
        assert!(error.contains(reason), "{error}");
    }
    for (mtu, reason) in [("500", "its MTU of 500 is too small"), ("9000", "its MTU of 9000 is too large")] {
        served.ip(&format!("link set server mtu {mtu}"));
        let error = refusal(&served.link, &[], &[interface]);
        assert!(error.contains(reason), "{error}");
    }
    assert!(!served.has_program(), "one that did not start left its program");
}

/// What a second server says that does not start; `around` is a program that it is started by.
fn refusal(link: &Link, around: &[&str], flags: &[&str]) -> String {
    let inner = serve(link, flags);
    let mut command = Command::new(around.first().map_or(inner.get_program(), |program| program.as_ref()));
    if let [_, rest @ ..] = around {
        command.args(rest).arg(inner.get_program());
    }
    command.args(inner.get_args()).envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.arg("--dns-listen=127.0.0.1:5300,10.53.0.1:5300");
    let output = output(&mut link.on_server(&command));
    assert!(!output.status.success(), "{around:?} {flags:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
