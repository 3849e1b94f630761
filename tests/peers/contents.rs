//! Contents of records, in the presentation format that all four servers read.

use signpost_tests::peers::plain;
use signpost_tests::random::Random;
use wire::Name;

/// Types of ordinary data, each as likely as the next.
pub(crate) const DATA_TYPES: &[&str] = &[
    "A",
    "A",
    "A",
    "AAAA",
    "AAAA",
    "TXT",
    "TXT",
    "MX",
    "MX",
    "SRV",
    "PTR",
    "CAA",
    "NAPTR",
    "LOC",
    "SSHFP",
    "TLSA",
    "SVCB",
    "HTTPS",
    "HINFO",
    "RP",
    "AFSDB",
    "URI",
    "CERT",
    "EUI48",
    "EUI64",
    "OPENPGPKEY",
    "SMIMEA",
    "KX",
    "NID",
    "L32",
    "L64",
    "LP",
    "TYPE65280",
    "TYPE1234",
    "DHCID",
    "CSYNC",
    "APL",
    "SPF",
];

/// One content of a type; `target` is where it leads, if it leads anywhere.
pub(crate) fn content(random: &mut Random, rtype: &str, target: &Name) -> String {
    let number = random.below(7);
    let target = plain(target);
    match rtype {
        "A" => format!("192.0.2.{number}"),
        "AAAA" => format!("2001:db8::{}", number + 1),
        "TXT" | "SPF" => text(random),
        "MX" | "AFSDB" | "KX" | "LP" => format!("{} {target}", 10 * (number + 1)),
        "NS" | "PTR" | "CNAME" | "DNAME" => target,
        "SRV" => format!("{number} 5 5060 {target}"),
        "CAA" => format!("{} issue \"ca{number}.example.net\"", if random.chance(50) { 0 } else { 128 }),
        "NAPTR" => format!("100 {number} \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.net!\" {target}"),
        "LOC" => format!("52 22 {number}.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m"),
        "SSHFP" => format!("4 2 {}", hex(random, 32)),
        "TLSA" | "SMIMEA" => format!("3 1 1 {}", hex(random, 32)),
        "SVCB" | "HTTPS" if random.chance(30) => format!("0 {target}"),
        "SVCB" | "HTTPS" => {
            let more = *random.pick(&["", " port=8443", " ipv4hint=192.0.2.1,192.0.2.2", " ipv6hint=2001:db8::1"]);
            format!("{} {target} alpn=h2,h3{more}", number + 1)
        }
        "HINFO" => format!("\"CPU{number}\" \"OS\""),
        "RP" => format!("{target} ."),
        "URI" => format!("10 {number} \"https://example.net/{number}\""),
        "CERT" => format!("1 {number} 8 AwEAAQ=="),
        "EUI48" => format!("00-00-5e-00-53-0{number}"),
        "EUI64" => format!("00-00-5e-ef-10-00-00-0{number}"),
        "OPENPGPKEY" => "AwEAAQ==".to_owned(),
        "NID" | "L64" => format!("10 0014:4fff:ff20:000{number}"),
        "L32" => format!("10 10.1.2.{number}"),
        "DHCID" => "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=".to_owned(),
        "CSYNC" => format!("{number} 3 A NS AAAA"),
        "APL" => format!("1:192.0.2.{number}/32 !2:2001:db8::/48"),
        "DS" => format!("{} 13 2 {}", 1000 + random.below(60_000), hex(random, 32)),
        // Unknown to all four (RFC 3597).
        _ => format!("\\# 3 0102{number:02x}"),
    }
}

fn text(random: &mut Random) -> String {
    match random.below(8) {
        0 => "\"\"".to_owned(),
        1 => r#""a\000b\255" "quote \" and \\ backslash""#.to_owned(),
        2 => format!("\"{}\"", "long text ".repeat(24)),
        // So many that some answers do not fit into a datagram.
        3 => vec![format!("\"{}\"", "x".repeat(250)); 2 + random.below(5)].join(" "),
        number => format!("\"v={number}; some text\""),
    }
}

fn hex(random: &mut Random, octets: usize) -> String {
    (0..octets).map(|_| format!("{:02x}", random.below(256))).collect()
}
