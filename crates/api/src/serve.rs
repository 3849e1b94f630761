//! Accepting connections: who may open one, and how many.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::connection::{self, Version};
use crate::listener::Listener;
use crate::state::ApiSettings;

/// Pause after a failed accept, such as with no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Requests under way when we stop have this long to be answered.
const DRAIN_BOUND: Duration = Duration::from_secs(10);

/// Serves `router` on `listener` until `shutdown` completes, then lets running requests finish, within a bound.
///
/// Connections from outside `settings.allow_from` are closed without an answer. Above `settings.connections_max` new ones wait
/// in the listen queue. Connections are closed after `settings.connection_timeout` without a request.
pub async fn serve(
    listener: Listener,
    router: Router,
    settings: ApiSettings,
    shutdown: impl Future<Output = ()> + Send,
) {
    tracing::info!(address = %listener, tls = matches!(listener, Listener::Tls(..)), "HTTP API listens");
    let places = Arc::new(Semaphore::new(settings.connections_max.max(1)));
    let settings = Arc::new(settings);
    let (stop, stopped) = watch::channel(());
    let accept = accept_loop(&listener, &router, &settings, &places, &stopped);
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }
    drop(listener);
    drop(stopped);
    let _ = stop.send(());
    // Every connection holds a receiver: all gone means all closed.
    let _ = tokio::time::timeout(DRAIN_BOUND, stop.closed()).await;
}

async fn accept_loop(
    listener: &Listener,
    router: &Router,
    settings: &Arc<ApiSettings>,
    places: &Arc<Semaphore>,
    stopped: &watch::Receiver<()>,
) {
    let acceptor = listener.acceptor();
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
        let (stream, peer) = match accept(listener).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept an API connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if peer.is_some_and(|peer| !settings.allow_from.iter().any(|network| network.contains(peer))) {
            tracing::debug!(?peer, "API connection from outside webserver-allow-from closed");
            continue;
        }
        let (router, patience, stopped) = (router.clone(), settings.connection_timeout, stopped.clone());
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            match (stream, acceptor) {
                (Stream::Tcp(stream), None) => connection::plain(stream, router, patience, stopped).await,
                (Stream::Tcp(stream), Some(acceptor)) => encrypted(stream, acceptor, router, patience, stopped).await,
                (Stream::Unix(stream), _) => connection::plain(stream, router, patience, stopped).await,
            }
            drop(place);
        });
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The next connection, with its client's address where it has one.
async fn accept(listener: &Listener) -> io::Result<(Stream, Option<IpAddr>)> {
    match listener {
        Listener::Tcp(listener) | Listener::Tls(listener, _) => {
            let (stream, peer): (TcpStream, SocketAddr) = listener.accept().await?;
            let _ = stream.set_nodelay(true);
            Ok((Stream::Tcp(stream), Some(peer.ip())))
        }
        Listener::Unix(socket) => Ok((Stream::Unix(socket.listener.accept().await?.0), None)),
    }
}

async fn encrypted(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    patience: Duration,
    mut stopped: watch::Receiver<()>,
) {
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(patience, acceptor.accept(stream)) => shaken,
        _ = stopped.changed() => return,
    };
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake of an API connection failed"),
        Err(_) => return tracing::debug!("TLS handshake of an API connection took too long"),
    };
    let version = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Version::Http2,
        _ => Version::Http1,
    };
    connection::converse(stream, version, router, patience, stopped).await;
}
