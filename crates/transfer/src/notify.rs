//! The queue of zones whose secondaries are to be told, and the task that tells them (RFC 1996).

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::Store;
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, mpsc};
use wire::{Name, ZoneName};

use crate::notify_message::{NotifyMessage, notify};
use crate::notify_targets::targets;

/// Conversations under way at once; more zones wait in the queue.
const CONVERSATIONS_MAX: usize = 256;

/// How secondaries are told.
#[derive(Clone)]
pub struct NotifySettings {
    /// Zones that may wait. Default 10,000.
    pub queue_max: usize,
    /// How often one secondary is told before it is given up. Default 5 (RFC 1996 section 3.6).
    pub attempts_max: u32,
    /// Wait for the first answer; each further attempt waits twice as long. Default 2 s, a minute in all.
    pub first_wait: Duration,
    /// Port of nameservers. Default 53.
    pub port: u16,
    /// `also-notify`: told about every zone. Default none.
    pub also_notify: Vec<SocketAddr>,
    /// `only-notify`: whether an address may be sent to. Default: all.
    pub is_allowed: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl Default for NotifySettings {
    fn default() -> NotifySettings {
        NotifySettings {
            queue_max: 10_000,
            attempts_max: 5,
            first_wait: Duration::from_secs(2),
            port: 53,
            also_notify: Vec::new(),
            is_allowed: Arc::new(|_| true),
        }
    }
}

/// What happened so far.
#[derive(Debug, Default)]
pub struct NotifyCounters {
    /// Messages sent, repetitions included.
    pub sent: AtomicU64,
    /// Secondaries that answered.
    pub answered: AtomicU64,
    /// Secondaries that did not, after all attempts.
    pub unanswered: AtomicU64,
    /// Zones not taken, because the queue was full.
    pub refused: AtomicU64,
}

/// What waits: a zone, and whom to tell if not all its secondaries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Notice {
    zone: ZoneName,
    only: Option<SocketAddr>,
}

/// Takes zones whose secondaries are to be told. Clones share one queue.
#[derive(Clone)]
pub struct Notifier {
    sender: mpsc::Sender<Notice>,
    waiting: Arc<Mutex<HashSet<Notice>>>,
    port: u16,
    counters: Arc<NotifyCounters>,
}

impl Notifier {
    /// Starts the task that works the queue off. It ends when all clones of the notifier are dropped.
    pub fn spawn(store: Arc<dyn Store>, settings: NotifySettings) -> Notifier {
        let (sender, receiver) = mpsc::channel(settings.queue_max.max(1));
        let notifier = Notifier { sender, waiting: Arc::default(), port: settings.port, counters: Arc::default() };
        let worker = Worker {
            store,
            settings,
            waiting: Arc::clone(&notifier.waiting),
            counters: Arc::clone(&notifier.counters),
            places: Arc::new(Semaphore::new(CONVERSATIONS_MAX)),
        };
        tokio::spawn(worker.run(receiver));
        notifier
    }

    /// Queues `zone`. One that waits already is not queued twice. False if the queue is full.
    pub fn queue(&self, zone: ZoneName) -> bool {
        self.take(Notice { zone, only: None })
    }

    /// Queues `zone` for one host, whatever its secondaries are. False if the queue is full.
    pub fn queue_for(&self, zone: ZoneName, host: IpAddr) -> bool {
        self.take(Notice { zone, only: Some(SocketAddr::new(host, self.port)) })
    }

    fn take(&self, notice: Notice) -> bool {
        // The set stays right whatever panicked while holding it.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.contains(&notice) {
            return true;
        }
        let is_taken = self.sender.try_send(notice.clone()).is_ok();
        if is_taken {
            waiting.insert(notice);
        } else {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(zone = %notice.zone, "NOTIFY queue is full");
        }
        is_taken
    }

    /// What happened so far.
    pub fn counters(&self) -> &NotifyCounters {
        &self.counters
    }

    /// Zones that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

struct Worker {
    store: Arc<dyn Store>,
    settings: NotifySettings,
    waiting: Arc<Mutex<HashSet<Notice>>>,
    counters: Arc<NotifyCounters>,
    places: Arc<Semaphore>,
}

impl Worker {
    async fn run(self, mut notices: mpsc::Receiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            // From here on a further change wants a further NOTIFY.
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&notice);
            let Notice { zone, only } = notice;
            let targets = match only {
                Some(host) => Ok(vec![host]),
                None => self.targets(&zone).await,
            };
            let targets = match targets {
                Ok(targets) => targets,
                Err(error) => {
                    tracing::warn!(%zone, %error, "secondaries cannot be notified");
                    continue;
                }
            };
            for target in targets {
                let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
                let (zone, settings, counters) = (zone.clone(), self.settings.clone(), Arc::clone(&self.counters));
                tokio::spawn(async move {
                    tell(zone.apex(), target, &settings, &counters).await;
                    drop(place);
                });
            }
        }
    }

    async fn targets(&self, zone: &ZoneName) -> Result<Vec<SocketAddr>, store::StoreError> {
        let Some(summary) = self.store.zone(zone).await? else { return Ok(Vec::new()) };
        let targets = targets(self.store.as_ref(), &summary, self.settings.port, &self.settings.also_notify).await?;
        Ok(targets.into_iter().filter(|target| (self.settings.is_allowed)(target.ip())).collect())
    }
}

/// Tells one secondary until it answers or the attempts are used up.
async fn tell(zone: &Name, target: SocketAddr, settings: &NotifySettings, counters: &NotifyCounters) {
    match converse(zone, target, settings, counters).await {
        Ok(true) => {
            counters.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(false) => {
            counters.unanswered.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%zone, %target, "secondary did not answer NOTIFY");
        }
        Err(error) => {
            counters.unanswered.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%zone, %target, %error, "NOTIFY cannot be sent");
        }
    }
}

/// Whether the secondary answered.
async fn converse(
    zone: &Name,
    target: SocketAddr,
    settings: &NotifySettings,
    counters: &NotifyCounters,
) -> io::Result<bool> {
    let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A port of its own, and connected: only the target's answers arrive.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(target).await?;
    let message = notify(zone).map_err(io::Error::other)?;
    let mut wait = settings.first_wait;
    for _ in 0..settings.attempts_max.max(1) {
        let attempt = async {
            counters.sent.fetch_add(1, Ordering::Relaxed);
            // A port that nobody listens on shows here or in the wait; the secondary may just be starting.
            match socket.send(&message.octets).await {
                Ok(_) => receive(&socket, &message).await,
                Err(error) => Err(error),
            }
        };
        let deadline = tokio::time::Instant::now() + wait;
        match tokio::time::timeout_at(deadline, attempt).await {
            Ok(Ok(rcode)) => {
                tracing::debug!(%zone, %target, ?rcode, "secondary answered NOTIFY");
                return Ok(true);
            }
            Ok(Err(_)) => tokio::time::sleep_until(deadline).await,
            Err(_) => {}
        }
        wait *= 2;
    }
    Ok(false)
}

async fn receive(socket: &UdpSocket, message: &NotifyMessage) -> io::Result<hickory_proto::op::ResponseCode> {
    let mut octets = [0; 512];
    loop {
        let length = socket.recv(&mut octets).await?;
        if let Some(rcode) = message.answer(&octets[..length]) {
            return Ok(rcode);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> NotifySettings {
        NotifySettings { first_wait: Duration::from_millis(50), attempts_max: 3, ..NotifySettings::default() }
    }

    fn zone() -> Name {
        Name::parse("example.test").unwrap()
    }

    /// Answers as a secondary does: the request with QR set.
    fn answer(request: &[u8]) -> Vec<u8> {
        let mut answer = request.to_vec();
        answer[2] |= 0x80;
        answer
    }

    #[tokio::test]
    async fn rfc1996_section_3_6_it_is_repeated_until_answered() {
        let secondary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let target = secondary.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut octets = [0; 512];
            let mut requests = Vec::new();
            loop {
                let (length, peer) = secondary.recv_from(&mut octets).await.unwrap();
                requests.push(octets[..length].to_vec());
                if requests.len() == 2 {
                    // Noise first: an answer to another question.
                    let mut other = answer(&octets[..length]);
                    other[0] ^= 0xff;
                    secondary.send_to(&other, peer).await.unwrap();
                    secondary.send_to(&answer(&octets[..length]), peer).await.unwrap();
                    return requests;
                }
            }
        });
        let counters = NotifyCounters::default();
        // Long waits: what matters is that it comes back at once when the answer is there.
        let settings = NotifySettings { first_wait: Duration::from_millis(200), attempts_max: 20, ..settings() };
        assert!(converse(&zone(), target, &settings, &counters).await.unwrap());
        let requests = server.await.unwrap();
        assert_eq!(requests[0], requests[1]);
        assert_eq!(counters.sent.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_silent_secondary_and_a_closed_port_are_given_up_after_the_attempts() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let counters = NotifyCounters::default();
        tell(&zone(), silent.local_addr().unwrap(), &settings(), &counters).await;
        assert_eq!(counters.sent.load(Ordering::Relaxed), 3);
        assert_eq!(counters.unanswered.load(Ordering::Relaxed), 1);
        let closed = silent.local_addr().unwrap();
        drop(silent);
        tell(&zone(), closed, &settings(), &counters).await;
        assert_eq!(counters.sent.load(Ordering::Relaxed), 6);
        assert_eq!(counters.unanswered.load(Ordering::Relaxed), 2);
        assert_eq!(counters.answered.load(Ordering::Relaxed), 0);
    }
}
