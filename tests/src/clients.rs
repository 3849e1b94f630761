//! Clients of every transport that believe any certificate: what they ask is the test, not whom.
//!
//! The suites of `dataplane`, which cannot depend on this harness, include this file as it is.

#![allow(dead_code, reason = "each user takes its part")]

use hyper::body::Bytes;
use hyper::http::{Method, Request, Response, StatusCode};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Believes everyone.
#[derive(Debug)]
struct Gullible(Arc<CryptoProvider>);

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS settings that offer `protocols`.
pub(crate) fn tls(protocols: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible(provider)))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

pub(crate) async fn shake_hands(config: ClientConfig, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    // HTTP/2 writes twice for a request; the second must not wait for an acknowledgement of the first.
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub(crate) async fn connect_tls(server: SocketAddr, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    shake_hands(tls(protocols), TcpStream::connect(server).await.unwrap()).await.unwrap()
}

/// A message after its length.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

pub(crate) async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut reply = vec![0; length.into()];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

/// One question on a stream.
pub(crate) async fn ask_stream(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), message: &[u8]) -> Vec<u8> {
    stream.write_all(&framed(message)).await.unwrap();
    stream.flush().await.unwrap();
    read_reply(stream).await.unwrap()
}

/// Whether the other side has closed or does so.
pub(crate) async fn is_closed(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    stream.read(&mut [0]).await.unwrap_or(0) == 0
}

pub(crate) async fn connect_quic(server: SocketAddr) -> quinn::Connection {
    try_quic(server, tls(&[b"doq"])).await.unwrap()
}

pub(crate) async fn try_quic(
    server: SocketAddr,
    tls: ClientConfig,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let endpoint = quinn::Endpoint::client(local.parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    endpoint.connect_with(config, server, "localhost").unwrap().await
}

/// One question in a QUIC stream of its own, sent as it is, with the end after it.
pub(crate) async fn ask_quic_raw(
    connection: &quinn::Connection,
    octets: &[u8],
) -> Result<Vec<u8>, quinn::ReadToEndError> {
    let (mut query, mut reply) = connection
        .open_bi()
        .await
        .map_err(|error| quinn::ReadToEndError::Read(quinn::ReadError::ConnectionLost(error)))?;
    // The server may have closed by now; the read below says so.
    let _ = query.write_all(octets).await;
    let _ = query.finish();
    reply.read_to_end(2 + 65_535).await
}

/// One question with id 0; the reply without its length.
pub(crate) async fn ask_quic(connection: &quinn::Connection, message: &[u8]) -> Vec<u8> {
    let reply = ask_quic_raw(connection, &framed(message)).await.unwrap();
    assert_eq!(reply[..2], ((reply.len() - 2) as u16).to_be_bytes());
    reply[2..].to_vec()
}

/// An HTTP/2 connection; dropped, it closes.
pub(crate) struct Http2 {
    pub(crate) sender: h2::client::SendRequest<Bytes>,
    pub(crate) driver: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    pub(crate) async fn connect(server: SocketAddr) -> Http2 {
        let stream = connect_tls(server, &[b"h2"]).await;
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        Http2 { sender, driver: tokio::spawn(connection) }
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        body: &[u8],
    ) -> Result<(Response<()>, Vec<u8>), h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body), true)?;
        }
        let (head, mut incoming) = response.await?.into_parts();
        let mut octets = Vec::new();
        while let Some(chunk) = incoming.data().await {
            let chunk = chunk?;
            incoming.flow_control().release_capacity(chunk.len())?;
            octets.extend_from_slice(&chunk);
        }
        Ok((Response::from_parts(head, ()), octets))
    }

    pub(crate) async fn status(&mut self, request: Request<()>, body: &[u8]) -> StatusCode {
        self.send(request, body).await.unwrap().0.status()
    }
}

/// A request without body.
pub(crate) fn request(method: Method, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("https://localhost{path}")).body(()).unwrap()
}

/// A POST of a DNS message; the body is up to the caller.
pub(crate) fn post() -> Request<()> {
    let mut request = request(Method::POST, "/dns-query");
    request.headers_mut().insert("content-type", "application/dns-message".parse().unwrap());
    request
}

/// The path of a GET for `message`.
pub(crate) fn get(message: &[u8]) -> Request<()> {
    let encoded = data_encoding::BASE64URL_NOPAD.encode(message);
    request(Method::GET, &format!("/dns-query?dns={encoded}"))
}
