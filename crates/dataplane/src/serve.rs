//! Binding addresses, starting workers, and stopping them.

use crate::clock::Stopwatch;
use crate::counters::{Carrier, CounterSnapshot, Counters, Writers};
use crate::profile::{Profile, ProfileHandle};
use crate::proxy::{self, Proxies};
use crate::ratelimit::RateLimits;
use crate::rings::{self, Ring, Rings};
use crate::streams::{self, Door, Shared, https, quic};
use crate::tcp::{self, Registry};
use crate::udp::{self, Clerk, Segmentation, Worker};
use crate::xdp::XdpSettings;
use certificate::{CertificateSource, Certificates};
use dnssec::ZoneTable;
use socket2::Socket;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use wire::message::UDP_PAYLOAD_MIN;

/// Attempts to find a port that is free for TCP and UDP both.
const PORT_ATTEMPTS: usize = 32;

/// What is listened on, and within which bounds.
#[derive(Debug, Clone)]
pub struct DataPlaneSettings {
    /// Addresses for UDP and TCP; port 0 takes a free port, the same for both. Default `0.0.0.0:53` and `[::]:53`.
    pub listen: Vec<SocketAddr>,
    /// UDP worker threads for each address, 1 to 1024. Default: one per core.
    pub udp_workers: usize,
    /// The longest UDP reply in octets, 512 to 4096. Default 1232, which fits every path (DNS Flag Day 2020).
    pub udp_payload_max: u16,
    /// Whether replies to one client that wait at once go to the kernel together. Default: on.
    pub udp_segmentation: Segmentation,
    /// Whether each UDP worker keeps to one core and takes what arrives there. Default: no.
    pub udp_core_affinity: bool,
    /// Connections open at once, over TCP, TLS, HTTPS and QUIC together, 1 to 1,000,000. Default 4096. One more closes the one that
    /// was idle longest.
    pub tcp_connections_max: usize,
    /// The same for each source: an IPv4 address or an IPv6 /64. Default 256; behind a NAT many clients are one source.
    pub tcp_per_source_max: usize,
    /// Time a client has for a handshake and for its next whole message, above zero up to one hour. Default 10 s.
    pub tcp_idle: Duration,
    /// How many like replies a network is sent over UDP. Default: no limit.
    pub rate_limits: RateLimits,
    /// Addresses for DNS over TLS (RFC 7858), whose port is 853. Default: none, as for all that follow.
    pub dot_listen: Vec<SocketAddr>,
    /// Addresses for DNS over HTTPS (RFC 8484), whose port is 443.
    pub doh_listen: Vec<SocketAddr>,
    /// Addresses for the same over HTTP, behind a proxy that ends TLS.
    pub doh_plain_listen: Vec<SocketAddr>,
    /// Addresses for DNS over QUIC (RFC 9250), whose port is 853.
    pub doq_listen: Vec<SocketAddr>,
    /// The certificate of the encrypted ones.
    pub certificate: CertificateSource,
    /// How many queries of a kind each thread notes in a second for [`DataPlane::ring`]; 0: none, up to 1,000,000. Default 1000.
    pub notes_per_second: u32,
    /// Load balancers that hide their clients.
    pub proxies: Proxies,
    /// Interfaces whose datagrams come past the kernel's network stack.
    pub xdp: XdpSettings,
    /// How queries are answered, whatever zones there are.
    pub profile: Profile,
}

impl Default for DataPlaneSettings {
    fn default() -> DataPlaneSettings {
        DataPlaneSettings {
            listen: vec![SocketAddr::from(([0; 4], 53)), SocketAddr::from(([0; 8], 53))],
            udp_workers: thread::available_parallelism().map_or(1, usize::from),
            udp_payload_max: 1232,
            udp_segmentation: Segmentation::On,
            udp_core_affinity: false,
            tcp_connections_max: 4096,
            tcp_per_source_max: 256,
            tcp_idle: Duration::from_secs(10),
            rate_limits: RateLimits::default(),
            dot_listen: Vec::new(),
            doh_listen: Vec::new(),
            doh_plain_listen: Vec::new(),
            doq_listen: Vec::new(),
            certificate: CertificateSource::default(),
            notes_per_second: 1000,
            proxies: Proxies::default(),
            xdp: XdpSettings::default(),
            profile: Profile::default(),
        }
    }
}

impl DataPlaneSettings {
    fn check(&self) -> io::Result<()> {
        let within = |field: &str, value: usize, range: RangeInclusive<usize>| {
            if range.contains(&value) {
                return Ok(());
            }
            Err(invalid(format!("{field}: {value} is not within {} to {}", range.start(), range.end())))
        };
        if self.listen.is_empty() {
            return Err(invalid("listen: no address".into()));
        }
        within("udp_workers", self.udp_workers, 1..=1024)?;
        within("udp_payload_max", self.udp_payload_max.into(), UDP_PAYLOAD_MIN.into()..=4096)?;
        within("tcp_connections_max", self.tcp_connections_max, 1..=1_000_000)?;
        within("tcp_per_source_max", self.tcp_per_source_max, 1..=1_000_000)?;
        within("notes_per_second", self.notes_per_second as usize, 0..=1_000_000)?;
        within("proxies.header_octets_max", self.proxies.header_octets_max, proxy::HEADER_OCTETS)?;
        // Others would take it for plain DNS (RFC 7858 section 3.1, RFC 9250 section 4.1.1).
        for (field, addresses) in [("dot_listen", &self.dot_listen), ("doq_listen", &self.doq_listen)] {
            if let Some(address) = addresses.iter().find(|address| address.port() == 53) {
                return Err(invalid(format!("{field}: {address} has port 53, which is for DNS in the clear")));
            }
        }
        if self.tcp_idle.is_zero() || self.tcp_idle > Duration::from_secs(3600) {
            return Err(invalid(format!("tcp_idle: {:?} is not above zero and up to one hour", self.tcp_idle)));
        }
        if let Some((field, value, bounds)) = self.rate_limits.out_of_bounds() {
            let (least, most) = bounds.into_inner();
            return Err(invalid(format!("rate_limits.{field}: {value} is not within {least} to {most}")));
        }
        if let Some((field, reason)) = self.xdp.out_of_bounds() {
            return Err(invalid(format!("xdp.{field}: {reason}")));
        }
        Ok(())
    }

    fn is_encrypted(&self) -> bool {
        [&self.dot_listen, &self.doh_listen, &self.doq_listen].iter().any(|listen| !listen.is_empty())
    }
}

/// Where a data plane listens, with the ports that were taken for port 0, in the order of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// DNS over TLS.
    pub dot: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub doh: Vec<SocketAddr>,
    /// The same over HTTP.
    pub doh_plain: Vec<SocketAddr>,
    /// DNS over QUIC.
    pub doq: Vec<SocketAddr>,
}

/// The running data plane. Dropped, it stops in the background and cuts connections off; [`DataPlane::shutdown`] lets them finish.
pub struct DataPlane {
    addresses: Addresses,
    stop_workers: Arc<AtomicBool>,
    stop_listeners: watch::Sender<bool>,
    workers: Vec<thread::JoinHandle<()>>,
    listeners: Vec<tokio::task::JoinHandle<()>>,
    counters: Vec<Arc<Counters>>,
    rings: Vec<Arc<Rings>>,
    registry: Arc<Registry>,
    profile: ProfileHandle,
    _runtime: StreamRuntime,
}

/// Where connections are served: threads of their own, so that neither a flood of them keeps the API and the publisher waiting, nor
/// these a client.
struct StreamRuntime(Option<Runtime>);

impl StreamRuntime {
    fn start() -> io::Result<(StreamRuntime, Handle)> {
        let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("stream").enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok((StreamRuntime(Some(runtime)), handle))
    }
}

impl Drop for StreamRuntime {
    fn drop(&mut self) {
        // To wait for its threads is not possible where another runtime drops it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl DataPlane {
    /// Listens on all addresses and starts answering from `zones`, in threads of its own.
    ///
    /// `[::]` is left out with a warning on hosts without IPv6, if there is another address.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] names a setting out of bounds; else the error names the address that could not be listened on,
    /// and then nothing is.
    pub fn bind(settings: &DataPlaneSettings, zones: Arc<ZoneTable>) -> io::Result<DataPlane> {
        settings.check()?;
        let bound = Sockets::bind(settings)?;
        let certificates = match settings.is_encrypted() {
            true => Some(Arc::new(Certificates::open(&settings.certificate).map_err(io::Error::other)?)),
            false => None,
        };
        let addresses = bound.addresses()?;
        #[cfg(feature = "xdp")]
        let opened = udp::xdp::open(&settings.xdp, &addresses.dns, settings.udp_payload_max)?;
        #[cfg(feature = "xdp")]
        let queues = opened.iter().map(|interface| interface.queues.len()).sum::<usize>();
        #[cfg(not(feature = "xdp"))]
        let queues = 0;
        // Connections have a share like a worker's.
        let threads = bound.dns.iter().map(|sockets| sockets.udp.len()).sum::<usize>() + queues + 1;
        let shared = Arc::new(Shared {
            zones,
            profile: ProfileHandle::new(Profile { stream_idle: settings.tcp_idle, ..settings.profile.clone() }),
            counters: Counters::new(Writers::Many),
            rings: Rings::share_of(threads),
            notes_per_second: settings.notes_per_second,
            registry: Registry::new(settings.tcp_connections_max, settings.tcp_per_source_max),
            proxies: Arc::new(settings.proxies.clone()),
            idle: settings.tcp_idle,
        });
        let (runtime, handle) = StreamRuntime::start()?;
        let _in_runtime = handle.enter();
        let mut plane = DataPlane {
            addresses,
            stop_workers: Arc::default(),
            stop_listeners: watch::Sender::new(false),
            workers: Vec::new(),
            listeners: Vec::new(),
            counters: vec![Arc::clone(&shared.counters)],
            rings: vec![Arc::clone(&shared.rings)],
            registry: Arc::clone(&shared.registry),
            profile: shared.profile.clone(),
            _runtime: runtime,
        };
        plane.start_streams(bound.streams, certificates.as_ref(), &shared)?;
        let cores = if settings.udp_core_affinity { udp::cores()? } else { Vec::new() };
        for sockets in bound.dns {
            plane.start_door(sockets.tcp, Carrier::Tcp, None, &shared)?;
            for (number, socket) in sockets.udp.into_iter().enumerate() {
                let core = (!cores.is_empty()).then(|| cores[number % cores.len()]);
                plane.start_worker(socket, core, &shared, settings, Rings::share_of(threads))?;
            }
        }
        #[cfg(feature = "xdp")]
        for interface in opened {
            plane.start_interface(interface, &cores, &shared, settings, [queues, threads])?;
        }
        Ok(plane)
    }

    /// Starts everything but UDP and plain TCP.
    fn start_streams(
        &mut self,
        streams: Streams,
        certificates: Option<&Arc<Certificates>>,
        shared: &Arc<Shared>,
    ) -> io::Result<()> {
        for listener in streams.doh_plain {
            self.start_door(listener, Carrier::Https, None, shared)?;
        }
        let Some(certificates) = certificates else { return Ok(()) };
        let tls = |protocols| certificates.tls(rustls::ALL_VERSIONS, protocols, None).map_err(io::Error::other);
        // RFC 7858 names no protocol; RFC 9103 section 7.1 does.
        let (dot, doh) = (tls(&[b"dot"])?, tls(https::PROTOCOLS)?);
        for listener in streams.dot {
            self.start_door(listener, Carrier::Tls, Some(Arc::clone(&dot)), shared)?;
        }
        for listener in streams.doh {
            self.start_door(listener, Carrier::Https, Some(Arc::clone(&doh)), shared)?;
        }
        for socket in streams.doq {
            let endpoint = quic::endpoint(socket, certificates, shared.idle)?;
            let stop = self.stop_listeners.subscribe();
            self.listeners.push(tokio::spawn(quic::listen(endpoint, Arc::clone(shared), stop)));
        }
        let stop = self.stop_listeners.subscribe();
        self.listeners.push(tokio::spawn(Arc::clone(certificates).watch(stop)));
        Ok(())
    }

    fn start_door(
        &mut self,
        listener: TcpListener,
        carrier: Carrier,
        tls: Option<Arc<rustls::ServerConfig>>,
        shared: &Arc<Shared>,
    ) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let door = Arc::new(Door { carrier, tls: tls.map(Into::into), shared: Arc::clone(shared) });
        self.listeners.push(tokio::spawn(streams::listen(listener, door, self.stop_listeners.subscribe())));
        Ok(())
    }

    fn start_worker(
        &mut self,
        socket: Socket,
        core: Option<usize>,
        shared: &Shared,
        settings: &DataPlaneSettings,
        rings: Arc<Rings>,
    ) -> io::Result<()> {
        let counters = Counters::new(Writers::One);
        self.counters.push(Arc::clone(&counters));
        self.rings.push(Arc::clone(&rings));
        let worker = Worker {
            socket,
            zones: Arc::clone(&shared.zones),
            profile: shared.profile.clone(),
            clerk: Clerk::sharing(settings, Arc::clone(&shared.proxies), counters, rings),
            payload_max: settings.udp_payload_max,
            segmentation: settings.udp_segmentation,
            core,
            clock: Stopwatch::start(),
            batches: 0,
            stop: Arc::clone(&self.stop_workers),
        };
        let thread = thread::Builder::new().name(format!("udp-{}", self.workers.len())).spawn(|| worker.run())?;
        self.workers.push(thread);
        Ok(())
    }

    /// Starts the threads of one interface; `queues` and `threads` are all there are.
    #[cfg(feature = "xdp")]
    fn start_interface(
        &mut self,
        interface: udp::xdp::Opened,
        cores: &[usize],
        shared: &Shared,
        settings: &DataPlaneSettings,
        [queues, threads]: [usize; 2],
    ) -> io::Result<()> {
        for (number, queue) in interface.queues.into_iter().enumerate() {
            let core = (!cores.is_empty()).then(|| cores[number % cores.len()]);
            let counters = Counters::new(Writers::One);
            let rings = Rings::share_of(threads);
            self.counters.push(Arc::clone(&counters));
            self.rings.push(Arc::clone(&rings));
            // Its clients come over these queues and not over the sockets: what a network may have is shared out among these.
            let settings =
                DataPlaneSettings { udp_payload_max: queue.payload_max, udp_workers: queues, ..settings.clone() };
            let worker = udp::xdp::XdpWorker {
                queue,
                core,
                zones: Arc::clone(&shared.zones),
                profile: shared.profile.clone(),
                clerk: Clerk::sharing(&settings, Arc::clone(&shared.proxies), counters, rings),
                clock: Stopwatch::start(),
                stop: Arc::clone(&self.stop_workers),
            };
            let name = format!("xdp-{}", self.workers.len());
            self.workers.push(thread::Builder::new().name(name).spawn(|| worker.run())?);
        }
        let counters = Counters::new(Writers::One);
        self.counters.push(Arc::clone(&counters));
        let stop = Arc::clone(&self.stop_workers);
        let keep = move || interface.keeper.run(&counters, &stop);
        self.workers.push(thread::Builder::new().name("xdp-keeper".into()).spawn(keep)?);
        Ok(())
    }

    /// The addresses of UDP and TCP, with the ports that were taken for port 0, in the order of the settings.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses.dns
    }

    /// All addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The profile in use, to be changed while answers go on.
    pub fn profile(&self) -> ProfileHandle {
        self.profile.clone()
    }

    /// The counters of all workers, summed now.
    pub fn counters(&self) -> CounterSnapshot {
        CounterSnapshot::of(self.counters.iter().map(|counters| &**counters), self.registry.count())
    }

    /// What a ring shows: names of queries (`example.com/A`) or addresses, with how often each is among the last
    /// [`RING_ENTRIES`](crate::RING_ENTRIES), the most frequent first. Takes milliseconds where a ring is full.
    pub fn ring(&self, ring: Ring) -> Vec<(String, u64)> {
        rings::top(self.rings.iter().map(|rings| &**rings), ring)
    }

    /// How many entries a ring has.
    pub fn ring_entries(&self, ring: Ring) -> usize {
        rings::entries(self.rings.iter().map(|rings| &**rings), ring)
    }

    /// Empties a ring. `queries` and `remotes` are two sides of one, and so are the two of `unauth`.
    pub fn clear_ring(&self, ring: Ring) {
        for rings in &self.rings {
            rings.clear(ring);
        }
    }

    /// Stops: no new connection is taken, what has arrived is answered, replies are written out (for two seconds at most), and the
    /// addresses are free when this returns.
    pub async fn shutdown(mut self) {
        self.stop();
        for listener in std::mem::take(&mut self.listeners) {
            if let Err(error) = listener.await {
                tracing::error!(%error, "a listener ended by itself");
            }
        }
        let workers = std::mem::take(&mut self.workers);
        let joined = tokio::task::spawn_blocking(|| {
            workers.into_iter().map(thread::JoinHandle::join).filter(Result::is_err).count()
        });
        if !matches!(joined.await, Ok(0)) {
            tracing::error!("a UDP worker ended by itself");
        }
    }

    fn stop(&self) {
        self.stop_workers.store(true, Ordering::Relaxed);
        // Those that sleep on something else than their socket.
        self.workers.iter().for_each(|worker| worker.thread().unpark());
        self.stop_listeners.send_replace(true);
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Everything that is listened on, before anything is answered.
struct Sockets {
    dns: Vec<Bound>,
    streams: Streams,
}

/// What is listened on beside UDP and plain TCP.
struct Streams {
    dot: Vec<TcpListener>,
    doh: Vec<TcpListener>,
    doh_plain: Vec<TcpListener>,
    doq: Vec<UdpSocket>,
}

impl Sockets {
    fn bind(settings: &DataPlaneSettings) -> io::Result<Sockets> {
        Ok(Sockets {
            dns: bind_all(&settings.listen, "", |address| Bound::new(address, settings.udp_workers))?,
            streams: Streams {
                dot: bind_all(&settings.dot_listen, " for DNS over TLS", tcp::bind)?,
                doh: bind_all(&settings.doh_listen, " for DNS over HTTPS", tcp::bind)?,
                doh_plain: bind_all(&settings.doh_plain_listen, " for DNS over HTTP", tcp::bind)?,
                doq: bind_all(&settings.doq_listen, " for DNS over QUIC", quic::bind)?,
            },
        })
    }

    fn addresses(&self) -> io::Result<Addresses> {
        let of_tcp = |sockets: &[TcpListener]| sockets.iter().map(TcpListener::local_addr).collect::<io::Result<_>>();
        let streams = &self.streams;
        Ok(Addresses {
            dns: self.dns.iter().map(|sockets| sockets.address).collect(),
            dot: of_tcp(&streams.dot)?,
            doh: of_tcp(&streams.doh)?,
            doh_plain: of_tcp(&streams.doh_plain)?,
            doq: streams.doq.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?,
        })
    }
}

/// Binds all of `addresses`. `[::]` is left out on hosts without IPv6, if there is another address.
fn bind_all<T>(
    addresses: &[SocketAddr],
    purpose: &str,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let mut bound = Vec::new();
    for &address in addresses {
        match bind(address) {
            Ok(sockets) => bound.push(sockets),
            Err(error) if is_without_ipv6(address, &error) && addresses.len() > 1 => {
                tracing::warn!(%address, %error, "this host has no IPv6: not listening there");
            }
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("cannot listen on {address}{purpose}: {error}")));
            }
        }
    }
    Ok(bound)
}

/// The sockets of one address.
struct Bound {
    address: SocketAddr,
    tcp: TcpListener,
    udp: Vec<Socket>,
}

impl Bound {
    fn new(address: SocketAddr, workers: usize) -> io::Result<Bound> {
        let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Bound::once(address, workers) {
                // The port that was free for TCP is another's for UDP.
                Err(error) if error.kind() == ErrorKind::AddrInUse && attempts > 0 => {}
                other => return other,
            }
        }
    }

    /// TCP first: its port is exclusive. With `SO_REUSEPORT` alone the kernel may hand out a port that another server of the same
    /// user shares, and queries would go to either.
    fn once(address: SocketAddr, workers: usize) -> io::Result<Bound> {
        let tcp = tcp::bind(address)?;
        let address = tcp.local_addr()?;
        let udp = (0..workers).map(|_| udp::bind(address)).collect::<io::Result<Vec<Socket>>>()?;
        Ok(Bound { address, tcp, udp })
    }
}

/// Whether binding failed because the kernel has no IPv6.
fn is_without_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    address.is_ipv6()
        && address.ip().is_unspecified()
        && matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, reason)
}
