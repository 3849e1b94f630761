//! Connections: who may open one, how many, and how long they may dawdle.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::stall::StallGuard;
use crate::state::ApiSettings;

/// Longest request line and header together.
const HEADER_OCTETS_MAX: usize = 64 * 1024;
/// Pause after a failed accept, such as with no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Requests under way when we stop have this long to be answered.
const DRAIN_BOUND: Duration = Duration::from_secs(10);

/// Serves `router` on `listener` until `shutdown` completes, then lets running requests finish, within a bound.
///
/// Connections from outside `settings.allow_from` are closed without an answer. Above `settings.connections_max` new ones wait
/// in the listen queue. Keep-alive connections are closed after `settings.connection_timeout` without a request.
///
/// # Errors
///
/// If the listener has no local address any more; failures of single connections are no errors.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ApiSettings,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "HTTP API listens");
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
    Ok(())
}

async fn accept_loop(
    listener: &TcpListener,
    router: &Router,
    settings: &Arc<ApiSettings>,
    places: &Arc<Semaphore>,
    stopped: &watch::Receiver<()>,
) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept an API connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !settings.allow_from.iter().any(|network| network.contains(peer.ip())) {
            tracing::debug!(%peer, "API connection from outside webserver-allow-from closed");
            continue;
        }
        let (router, settings, stopped) = (router.clone(), Arc::clone(settings), stopped.clone());
        tokio::spawn(async move {
            converse(stream, router, &settings, stopped).await;
            drop(place);
        });
    }
}

/// One connection, from its first request to its last.
async fn converse(stream: TcpStream, router: Router, settings: &ApiSettings, mut stopped: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(StallGuard::new(stream, settings.connection_timeout));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.connection_timeout)
            .max_buf_size(HEADER_OCTETS_MAX)
            // Scripts that read headers as text look for `Content-Type`.
            .title_case_headers(true)
            .serve_connection(stream, TowerToHyperService::new(router))
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "API connection ended early");
    }
}
