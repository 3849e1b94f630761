//! RFC 9250: what somebody sees who watches the packets go by.

#[path = "../../../tests/src/clients.rs"]
mod clients;
mod fixture;

use clients::{ask_quic, connect_quic};
use dataplane::{DataPlane, DataPlaneSettings};
use fixture::{Mode, ask, table, zone};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;

/// Passes datagrams on between one client and `server`; the lengths of those that the server sends are noted.
async fn relay(server: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<usize>>>) {
    let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    back.connect(server).await.unwrap();
    let (address, lengths) = (front.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&lengths);
    tokio::spawn(async move {
        let (mut sent, mut received, mut client) = ([0; 2048], [0; 2048], None);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut sent) => {
                    client = Some(from);
                    let _ = back.send(&sent[..length]).await;
                }
                Ok(length) = back.recv(&mut received) => {
                    noted.lock().unwrap().push(length);
                    let _ = front.send_to(&received[..length], client.unwrap()).await;
                }
            }
        }
    });
    (address, lengths)
}

#[tokio::test]
async fn section_5_4_packets_with_replies_have_a_small_set_of_lengths() {
    let mut text = "example. 60 SOA a.example. b.example. 1 1 1 1 30\n".to_owned();
    for length in 1..=30 {
        text += &format!("x{length}.example. 60 TXT \"{}\"\n", "x".repeat(8 * length));
    }
    let listen = || vec!["127.0.0.1:0".parse().unwrap()];
    let settings =
        DataPlaneSettings { listen: listen(), doq_listen: listen(), udp_workers: 1, ..DataPlaneSettings::default() };
    let plane = DataPlane::bind(&settings, table([zone(Mode::Unsigned, &text)])).unwrap();
    let (address, lengths) = relay(plane.addresses().doq[0]).await;
    let doq = connect_quic(address).await;
    // The handshake, and the path's MTU being looked for, have lengths of their own.
    let message = |name: &str| {
        let mut message = ask(name, "TXT").message();
        // RFC 9250 section 4.2.1.
        message[..2].copy_from_slice(&[0, 0]);
        message
    };
    ask_quic(&doq, &message("x1.example")).await;
    lengths.lock().unwrap().clear();
    let mut replies = BTreeSet::new();
    for length in 1..=30 {
        replies.insert(ask_quic(&doq, &message(&format!("x{length}.example"))).await.len());
    }
    assert_eq!(replies.len(), 30);
    // Acknowledgements alone are shorter than any reply, and the same for all.
    let least = replies.first().unwrap();
    let seen: BTreeSet<usize> = lengths.lock().unwrap().iter().copied().filter(|length| length > least).collect();
    assert!(seen.iter().all(|length| *length >= 1200) && seen.len() <= 10, "{seen:?}");
}
