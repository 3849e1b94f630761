//! One connection, from its first octet to its last: which version of HTTP it speaks, and the bounds of each.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::stall::StallGuard;

/// Longest request line and header together.
const HEADER_OCTETS_MAX: usize = 64 * 1024;
/// Requests under way in one HTTP/2 connection (RFC 9113 section 5.1.2 recommends no less).
const STREAMS_MAX: u32 = 100;
/// Requests taken back that were not looked at yet; one more ends the connection (CVE-2023-44487).
const RESETS_MAX: usize = 20;
/// Octets of bodies that come before they are asked for, of one request and of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Octets of answers that wait for one stream.
const SEND_OCTETS: usize = 256 * 1024;
/// How HTTP/2 begins; no method of HTTP/1.1 begins with its first octets.
const PREFACE: &[u8; 3] = b"PRI";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Speaks plain HTTP, of the version that the client's first octets show.
pub(crate) async fn plain<S>(mut stream: S, router: Router, patience: Duration, stopped: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    let begun = timeout(patience, async {
        while length < first.len() && first[..length] == PREFACE[..length] {
            match stream.read(&mut first[length..]).await? {
                0 => break,
                octets => length += octets,
            }
        }
        io::Result::Ok(())
    });
    let mut stop = stopped.clone();
    let begun = tokio::select! {
        begun = begun => begun,
        _ = stop.changed() => return,
    };
    // Nobody has asked for anything yet, so that nobody is told either.
    if !matches!(begun, Ok(Ok(()))) || length == 0 {
        return;
    }
    let version = if length == first.len() && first == *PREFACE { Version::Http2 } else { Version::Http1 };
    converse(Begun { first, at: 0, length, stream }, version, router, patience, stopped).await;
}

/// Serves a connection of a known version.
pub(crate) async fn converse<S>(
    stream: S,
    version: Version,
    router: Router,
    patience: Duration,
    stopped: watch::Receiver<()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ended = match version {
        Version::Http1 => http1(stream, router, patience, stopped).await,
        Version::Http2 => http2(stream, router, patience, stopped).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "API connection ended early");
    }
}

async fn http1<S>(stream: S, router: Router, patience: Duration, mut stopped: watch::Receiver<()>) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(StallGuard::new(stream, patience));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(HEADER_OCTETS_MAX)
            // Scripts that read headers as text look for `Content-Type`.
            .title_case_headers(true)
            .serve_connection(stream, TowerToHyperService::new(router))
    );
    tokio::select! {
        result = connection.as_mut() => result,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

async fn http2<S>(stream: S, router: Router, patience: Duration, mut stopped: watch::Receiver<()>) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let stream = TokioIo::new(Watched { stream: StallGuard::new(stream, patience), activity: Arc::clone(&activity) });
    let working = Arc::clone(&activity);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (answer, task) = (router.call(request), Task::begin(&working));
        async move {
            let answer = answer.await;
            drop(task);
            answer
        }
    });
    let mut connection = std::pin::pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEADER_OCTETS_MAX as u32)
            .max_pending_accept_reset_streams(RESETS_MAX)
            .max_local_error_reset_streams(RESETS_MAX)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_OCTETS)
            .serve_connection(stream, service)
    );
    tokio::select! {
        result = connection.as_mut() => return result,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            return connection.await;
        }
        () = activity.over(patience) => {}
    }
    // hyper has no timeout for this version. What still moves may come to its end, what stands still may not.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        result = connection => result,
        () = activity.over(patience) => Ok(()),
    }
}

/// When something last moved in a connection, and whether we are at work for it.
struct Activity {
    start: Instant,
    /// Milliseconds after `start`.
    moved: AtomicU64,
    tasks: AtomicUsize,
}

impl Activity {
    fn new() -> Activity {
        Activity { start: Instant::now(), moved: AtomicU64::new(0), tasks: AtomicUsize::new(0) }
    }

    fn note(&self) {
        self.moved.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Returns once nothing has moved and no request was being answered for `patience`, counted from this call on.
    async fn over(&self, patience: Duration) {
        self.note();
        loop {
            let quiet = self.start.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)));
            if self.tasks.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(patience).await;
                continue;
            }
            match patience.checked_sub(quiet).filter(|left| !left.is_zero()) {
                Some(left) => tokio::time::sleep(left).await,
                None => return,
            }
        }
    }
}

/// A request that is being answered.
struct Task(Arc<Activity>);

impl Task {
    fn begin(activity: &Arc<Activity>) -> Task {
        activity.tasks.fetch_add(1, Ordering::Relaxed);
        Task(Arc::clone(activity))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.note();
        self.0.tasks.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Notes when octets come and go.
struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.activity.note();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        if written.is_ready() {
            self.activity.note();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A stream whose first octets were looked at.
struct Begun<S> {
    first: [u8; PREFACE.len()],
    at: usize,
    length: usize,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at == self.length {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let octets = buffer.remaining().min(self.length - self.at);
        buffer.put_slice(&self.first[self.at..self.at + octets]);
        self.at += octets;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
