//! Section 1.1 over real sockets: allow-from, pieces, limits, shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use api::ApiSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{KEY, Program, Server, settings};

struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn listen(settings: ApiSettings) -> Listening {
    let server = Server::with(Program::default(), settings.clone(), Default::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        let router = server.router.clone();
        api::serve(api::Listener::Tcp(listener), router, settings, async {
            let _ = stopped.await;
        })
        .await;
        drop(server);
    });
    Listening { address, stop, served }
}

/// Everything until the server closes.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets).await;
    String::from_utf8(octets).unwrap()
}

fn get(path: &str, rest: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n{rest}\r\n")
}

#[tokio::test]
async fn section_1_1_a_request_may_arrive_in_pieces() {
    let listening = listen(settings()).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in get("/api", "Connection: close\r\n").as_bytes().chunks(3) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("Content-Type: application/json\r\n"), "{answer}");
    assert!(answer.ends_with(r#"[{"url": "/api/v1", "version": 1}]"#), "{answer}");
}

#[tokio::test]
async fn section_1_1_http_1_0_is_spoken() {
    let listening = listen(settings()).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(format!("GET /api HTTP/1.0\r\nX-API-Key: {KEY}\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("}]"), "{answer}");
}

#[tokio::test]
async fn section_1_1_strangers_get_no_answer_at_all() {
    let listening = listen(ApiSettings { allow_from: vec!["192.0.2.0/24".parse().unwrap()], ..settings() }).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    let _ = stream.write_all(get("/api", "").as_bytes()).await;
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn section_1_1_a_request_that_stops_is_closed_after_the_timeout() {
    let patience = Duration::from_millis(200);
    let listening = listen(ApiSettings { connection_timeout: patience, ..settings() }).await;
    let started = std::time::Instant::now();
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(b"GET /api HT").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(started.elapsed() >= patience);
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    let head = get("/api", "Content-Length: 10\r\nConnection: close\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn more_connections_than_allowed_wait_and_are_then_served() {
    let listening = listen(ApiSettings { connections_max: 1, ..settings() }).await;
    let mut first = TcpStream::connect(listening.address).await.unwrap();
    first.write_all(get("/api", "").as_bytes()).await.unwrap();
    let mut octets = [0; 15];
    first.read_exact(&mut octets).await.unwrap();
    let mut second = TcpStream::connect(listening.address).await.unwrap();
    second.write_all(get("/api", "Connection: close\r\n").as_bytes()).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(100), second.read_u8()).await;
    assert!(waiting.is_err(), "the one place is taken");
    drop(first);
    assert!(read_all(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn oversized_headers_are_refused_and_the_server_lives() {
    let listening = listen(settings()).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    let _ = stream.write_all(get("/api", &format!("X-Big: {}\r\n", "x".repeat(200_000))).as_bytes()).await;
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(get("/api", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn shutdown_ends_idle_connections_and_returns() {
    let listening = listen(settings()).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(get("/api", "").as_bytes()).await.unwrap();
    let mut octets = [0; 15];
    stream.read_exact(&mut octets).await.unwrap();
    listening.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), listening.served).await.expect("it returns").unwrap();
    read_all(&mut stream).await;
    assert!(TcpStream::connect(listening.address).await.is_err());
}
