//! What Kubernetes puts into every container's environment for Services named `signpost` or `pdns`.
//!
//! `SIGNPOST_PORT=tcp://10.0.0.1:53`, `PDNS_SERVICE_HOST`, `PDNS_PORT_53_UDP_ADDR` and the like look like settings and
//! are none. A Service called `pdns-webserver` even makes `PDNS_WEBSERVER_PORT`, so values count too.

/// Whether a variable, its prefix taken off and in upper case, was injected for a Service.
pub fn is_injected(rest: &str, value: &str) -> bool {
    let words: Vec<&str> = rest.split('_').collect();
    let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let is_protocol = |word: &&str| matches!(*word, "TCP" | "UDP" | "SCTP");
    // NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_portname; NAME may be empty here.
    let is_service = words.windows(2).enumerate().any(|(at, pair)| match pair {
        ["SERVICE", "HOST"] => at + 2 == words.len(),
        ["SERVICE", "PORT"] => true,
        _ => false,
    });
    // NAME_PORT_53_UDP and the same with _PROTO, _PORT, _ADDR.
    let is_port = words.windows(3).enumerate().any(|(at, triple)| {
        triple[0] == "PORT"
            && is_number(&triple[1])
            && is_protocol(&triple[2])
            && matches!(words[at + 3..], [] | ["PROTO" | "PORT" | "ADDR"])
    });
    // NAME_PORT=tcp://…
    let is_url =
        words.last() == Some(&"PORT") && ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    is_service || is_port || is_url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_brings_is_recognised() {
        for (rest, value) in [
            ("PORT", "tcp://10.0.0.1:53"),
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "53"),
            ("SERVICE_PORT_DNS_UDP", "53"),
            ("PORT_53_UDP", "udp://10.0.0.1:53"),
            ("PORT_53_UDP_PROTO", "udp"),
            ("PORT_53_UDP_PORT", "53"),
            ("PORT_53_UDP_ADDR", "10.0.0.1"),
            ("API_SERVICE_HOST", "10.0.0.1"),
            ("API_PORT_8081_TCP_ADDR", "10.0.0.1"),
            ("WEBSERVER_PORT", "tcp://10.0.0.1:8081"),
            ("GPGSQL_PORT", "tcp://10.0.0.1:5432"),
        ] {
            assert!(is_injected(rest, value), "{rest}={value}");
        }
    }

    #[test]
    fn settings_are_not() {
        for (rest, value) in [
            ("WEBSERVER_PORT", "8081"),
            ("LOCAL_PORT", "5300"),
            ("GPGSQL_PORT", "5432"),
            ("GPGSQL_HOST", "db"),
            ("PORT", "53"),
            ("API_KEY", "tcp://secret"),
            ("PORT_53", "x"),
        ] {
            assert!(!is_injected(rest, value), "{rest}={value}");
        }
    }
}
