//! RFC 7858: what is not TLS gets no answer where TLS is spoken, and connections end with a word of farewell.

#[path = "../../../tests/src/clients.rs"]
mod clients;
mod fixture;

use clients::{ask_stream, connect_tls, framed};
use dataplane::{DataPlane, DataPlaneSettings};
use fixture::{Mode, ask, table, zone};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn settings() -> DataPlaneSettings {
    let listen = || vec!["127.0.0.1:0".parse().unwrap()];
    DataPlaneSettings { listen: listen(), dot_listen: listen(), udp_workers: 1, ..DataPlaneSettings::default() }
}

fn start(settings: &DataPlaneSettings) -> DataPlane {
    let text = "example. 60 SOA a.example. b.example. 1 1 1 1 30\nwww.example. 60 A 192.0.2.1\n";
    DataPlane::bind(settings, table([zone(Mode::Unsigned, text)])).unwrap()
}

#[tokio::test]
async fn section_3_1_a_message_in_the_clear_is_not_answered() {
    let plane = start(&settings());
    let message = ask("www.example", "A").message();
    let mut clear = TcpStream::connect(plane.addresses().dot[0]).await.unwrap();
    clear.write_all(&framed(&message)).await.unwrap();
    let mut received = Vec::new();
    // Closed, or reset with octets unread: either way the connection is over.
    let ended = tokio::time::timeout(Duration::from_secs(30), clear.read_to_end(&mut received)).await.unwrap();
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    // At most an alert (RFC 8446 section 6): its type, and nothing of the message.
    assert!(received.is_empty() || received[0] == 21, "{received:02x?}");
    assert!(!received.windows(4).any(|octets| octets == b"\x03www"), "{received:02x?}");
    // Those who speak TLS are answered.
    let mut dot = connect_tls(plane.addresses().dot[0], &[b"dot"]).await;
    assert_eq!(ask_stream(&mut dot, &message).await[3] & 15, 0);
}

#[tokio::test]
async fn section_3_4_a_connection_is_closed_with_close_notify() {
    let plane = start(&DataPlaneSettings { tcp_idle: Duration::from_millis(500), ..settings() });
    let mut dot = connect_tls(plane.addresses().dot[0], &[b"dot"]).await;
    ask_stream(&mut dot, &ask("www.example", "A").message()).await;
    // Without the alert rustls reports an unexpected end.
    let ended = tokio::time::timeout(Duration::from_secs(30), dot.read(&mut [0])).await.unwrap();
    assert_eq!(ended.unwrap(), 0);
}

#[tokio::test]
async fn section_3_1_and_rfc9250_section_4_1_1_port_53_is_refused() {
    let at = || vec!["127.0.0.1:53".parse().unwrap()];
    for (settings, field) in [
        (DataPlaneSettings { dot_listen: at(), ..settings() }, "dot_listen"),
        (DataPlaneSettings { doq_listen: at(), ..settings() }, "doq_listen"),
    ] {
        let error = DataPlane::bind(&settings, table([])).err().unwrap();
        let reason = format!("{field}: 127.0.0.1:53 has port 53, which is for DNS in the clear");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidInput, reason));
    }
}
