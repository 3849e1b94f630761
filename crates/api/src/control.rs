//! What `pdns_control` asks over its socket, and what it is answered (PDNS-DIALECT section 13.2): one line of words in, text
//! out, then the end of the stream. Whoever may open the socket may ask: its permissions are the only key.

use std::fmt::Write;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use store::{StoreError, ZoneFilter, ZoneKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wire::ZoneName;

use crate::listener::UnixSocket;
use crate::rings;
use crate::state::Api;

/// Longest question in octets: a command and a name with every octet escaped are below it.
const LINE_OCTETS_MAX: u64 = 4096;
/// How long a client may take to ask, and to read what it is answered, as PowerDNS's own waits for us.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(7);
/// How long an answer may take, so that a client hears of it while it still waits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
/// Clients at once; more wait.
const CLIENTS_MAX: usize = 16;

/// Commands with what they take and do, as `help` shows them.
const COMMANDS: &[(&str, &str)] = &[
    ("ccounts", "get cache statistics: there are no caches"),
    ("current-config", "retrieve the settings, secrets masked"),
    ("help", "show this list"),
    ("list-zones [primary|secondary|native|consumer|producer]", "show list of zones"),
    ("notify <zone>", "queue a notification; * for all primary and producer zones"),
    ("notify-host <zone> <host>", "notify host for specific zone"),
    ("purge [<record>]", "purge entries from the packet cache: there is none, so 0"),
    ("qtypes", "get numbers of answers by type"),
    ("quit", "stop the server"),
    ("rediscover", "discover new zones: they are found by themselves"),
    ("reload", "reload all zones: changes are found by themselves"),
    ("remotes", "get who asked most of late"),
    ("respsizes", "get histogram of response sizes"),
    ("retrieve <zone> [<ip>]", "retrieve a secondary zone: not done by this server"),
    ("rping", "ping the server"),
    ("set <var> <value>", "set a setting: none can be set while the server runs"),
    ("show <statistic>", "show a specific statistic or * to get a list"),
    ("uptime", "get the server's uptime"),
    ("version", "get the PowerDNS release that the server stands in for"),
    ("xfr-queue", "get all requests for XFR in queue"),
];

/// Answers `pdns_control`.
#[derive(Clone)]
pub struct Control {
    api: Arc<Api>,
    quit: Arc<Notify>,
}

impl Control {
    pub(crate) fn new(api: Arc<Api>) -> Control {
        Control { api, quit: Arc::default() }
    }

    /// Returns when a client asked the server to stop.
    pub fn quit_asked(&self) -> impl Future<Output = ()> + 'static {
        let quit = Arc::clone(&self.quit);
        async move { quit.notified().await }
    }

    /// Answers on `socket` until `stop` completes.
    pub async fn serve(self, socket: UnixSocket, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        let mut stop = std::pin::pin!(stop);
        loop {
            let place = tokio::select! {
                () = &mut stop => return,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            // Nobody closes it.
            let Ok(place) = place else { return };
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = socket.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let control = self.clone();
                    tokio::spawn(async move {
                        if control.converse(stream).await.is_err() {
                            tracing::debug!("control: a client took too long");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "control: cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn converse(&self, mut stream: UnixStream) -> Result<(), Elapsed> {
        let Some(octets) = timeout(CLIENT_TIMEOUT, question(&mut stream)).await? else { return Ok(()) };
        let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
        let answer = match std::str::from_utf8(line) {
            _ if octets.len() as u64 > LINE_OCTETS_MAX => {
                format!("Unknown command: longer than {LINE_OCTETS_MAX} octets")
            }
            Ok(line) => self.answer(line).await,
            Err(_) => "Unknown command: it is not UTF-8".to_owned(),
        };
        let tell = async {
            // A client that is gone does not want it.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        };
        timeout(CLIENT_TIMEOUT, tell).await
    }

    /// Answers one line. What begins with `Unknown` is an error to the client.
    pub async fn answer(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let Some(command) = words.next() else { return "Unknown command: none was given".to_owned() };
        let parameters: Vec<&str> = words.collect();
        let command = command.to_ascii_lowercase();
        if is_change(&command) {
            tracing::info!(command, ?parameters, "control");
        }
        let answered = timeout(ANSWER_TIMEOUT, self.run(&command, &parameters)).await.unwrap_or_else(|_| {
            let seconds = ANSWER_TIMEOUT.as_secs();
            Ok(format!("Failed: it is not done after {seconds} seconds, and was given up"))
        });
        answered.unwrap_or_else(|error| format!("Failed: {}", store::with_causes(&error)))
    }

    async fn run(&self, command: &str, parameters: &[&str]) -> Result<String, StoreError> {
        match (command, parameters) {
            ("rping" | "ping", _) => Ok("PONG".to_owned()),
            ("version", _) => Ok(self.api.state.settings.version.clone()),
            ("uptime", _) => Ok(duration(self.api.started.elapsed())),
            ("help", _) => Ok(help()),
            ("list-zones", parameters) => self.list_zones(parameters).await,
            ("notify", ["*"]) => self.notify_all().await,
            ("notify", [zone]) => self.notify(zone, None).await,
            ("notify", _) => Ok("syntax: notify zone".to_owned()),
            ("notify-host", [zone, host]) => match host.parse() {
                Ok(host) => self.notify(zone, Some(host)).await,
                Err(_) => Ok(format!("Unable to convert '{host}' to an IP address")),
            },
            ("notify-host", _) => Ok("syntax: notify-host zone host".to_owned()),
            ("retrieve", [zone] | [zone, _]) => self.retrieve(zone).await,
            ("retrieve", _) => Ok("syntax: retrieve zone [ip]".to_owned()),
            ("purge", _) => Ok("0".to_owned()),
            ("rediscover" | "reload", _) => Ok("Ok".to_owned()),
            ("show", [name]) => Ok(self.show(name)),
            ("show", _) => Ok("Wrong number of parameters".to_owned()),
            ("list", _) => Ok(self.show("*")),
            ("set", _) => Ok("This setting cannot be changed at runtime, or no such setting".to_owned()),
            ("current-config", _) => Ok(self.current_config()),
            ("xfr-queue", _) => Ok(String::new()),
            ("ccounts", _) => Ok("negative queries: 0, queries: 0, packets: 0".to_owned()),
            ("qtypes", _) => Ok(self.map("response-by-qtype")),
            ("remotes", _) => Ok(self.ring("remotes").await),
            ("respsizes", _) => Ok(self.map("response-sizes")),
            ("quit", _) => {
                self.quit.notify_one();
                Ok("Exiting".to_owned())
            }
            _ => Ok(format!("Unknown command: '{}'", command.to_ascii_uppercase())),
        }
    }

    async fn list_zones(&self, parameters: &[&str]) -> Result<String, StoreError> {
        let (kind, called) = match parameters.first().map(|word| word.to_ascii_lowercase()).as_deref() {
            None => (None, "All"),
            Some("primary" | "master") => (Some(ZoneKind::Master), "Master"),
            Some("secondary" | "slave") => (Some(ZoneKind::Slave), "Slave"),
            Some("native") => (Some(ZoneKind::Native), "Native"),
            Some("producer") => (Some(ZoneKind::Producer), "Producer"),
            Some("consumer") => (Some(ZoneKind::Consumer), "Consumer"),
            Some(_) => return Ok("syntax: list-zones [primary|secondary|native|consumer|producer]".to_owned()),
        };
        let filter = ZoneFilter { without_dnssec: true, ..ZoneFilter::default() };
        let mut text = String::new();
        let mut count = 0;
        for zone in self.api.state.store.zones(&filter).await? {
            if kind.is_none_or(|kind| kind == zone.kind) {
                let _ = writeln!(text, "{}", zone.name);
                count += 1;
            }
        }
        let _ = write!(text, "{called} zonecount: {count}");
        Ok(text)
    }

    async fn notify(&self, zone: &str, host: Option<IpAddr>) -> Result<String, StoreError> {
        let Ok(zone) = ZoneName::parse(zone) else {
            return Ok(format!("Failed to add to the queue: '{zone}' is no name of a zone"));
        };
        if self.api.state.store.zone(&zone).await?.is_none() {
            return Ok(format!("Failed to add to the queue: zone '{zone}' unknown"));
        }
        let is_queued = match host {
            Some(host) => self.api.state.notify.queue_for(&zone, host),
            None => self.api.state.notify.queue(&zone),
        };
        Ok(if is_queued { "Added to queue" } else { "Failed to add to the queue - see log" }.to_owned())
    }

    async fn notify_all(&self) -> Result<String, StoreError> {
        let filter = ZoneFilter { without_dnssec: true, ..ZoneFilter::default() };
        let (mut queued, mut refused) = (0, 0);
        for zone in self.api.state.store.zones(&filter).await? {
            if zone.kind != ZoneKind::Native {
                *if self.api.state.notify.queue(&zone.name) { &mut queued } else { &mut refused } += 1;
            }
        }
        match refused {
            0 => Ok(format!("Added {queued} MASTER/SLAVE/PRODUCER/CONSUMER zones to queue")),
            _ => Ok(format!(
                "Added {queued} MASTER/SLAVE/PRODUCER/CONSUMER zones to queue, {refused} were not - see log"
            )),
        }
    }

    async fn retrieve(&self, zone: &str) -> Result<String, StoreError> {
        let found = match ZoneName::parse(zone) {
            Ok(zone) => self.api.state.store.zone(&zone).await?,
            Err(_) => None,
        };
        Ok(match found {
            None => format!("Zone '{zone}' unknown"),
            Some(found) if !found.kind.is_secondary() || found.masters.is_empty() => {
                format!("Zone '{}' is not a secondary/consumer zone (or has no primary defined)", found.name)
            }
            Some(found) => {
                format!("Zone '{}' cannot be retrieved: this server does not transfer zones from primaries", found.name)
            }
        })
    }

    fn show(&self, wanted: &str) -> String {
        let metrics = self.api.all_metrics();
        if wanted != "*" {
            let found = metrics.iter().find(|metric| metric.name.eq_ignore_ascii_case(wanted));
            return found.map_or_else(|| "Unknown".to_owned(), |metric| metric.value.to_string());
        }
        let mut text = String::new();
        for metric in metrics {
            let _ = write!(text, "{}={},", metric.name, metric.value);
        }
        text
    }

    fn map(&self, wanted: &str) -> String {
        let mut text = String::new();
        for (name, entries) in self.api.state.metrics.maps() {
            for (entry, value) in entries.into_iter().filter(|_| name == wanted) {
                let _ = writeln!(text, "{entry}\t{value}");
            }
        }
        text
    }

    async fn ring(&self, wanted: &'static str) -> String {
        let rings = rings::read(&self.api.state.metrics, vec![wanted]).await.unwrap_or_default();
        let mut text = String::new();
        for (entry, value) in rings.into_iter().flat_map(|ring| ring.entries) {
            let _ = writeln!(text, "{entry}\t{value}");
        }
        text
    }

    /// Names and values as `config` of the API shows them.
    fn current_config(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.api.state.config {
            let _ = writeln!(text, "{name}={}", crate::servers::shown(name, value));
        }
        text
    }
}

/// What a client sends up to the end of its line; `None` if it is gone.
async fn question(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let (mut octets, mut part) = (Vec::new(), [0; 512]);
    while !octets.contains(&b'\n') && octets.len() as u64 <= LINE_OCTETS_MAX {
        match stream.read(&mut part).await.ok()? {
            0 => break,
            length => octets.extend_from_slice(&part[..length]),
        }
    }
    Some(octets)
}

/// Whether the log should tell of it.
fn is_change(command: &str) -> bool {
    matches!(command, "notify" | "notify-host" | "retrieve" | "set" | "quit")
}

/// The commands, a line each.
pub fn help() -> String {
    let mut text = String::new();
    for (command, what) in COMMANDS {
        let _ = writeln!(text, "{command:32} {what}");
    }
    text
}

/// As PowerDNS says it.
fn duration(passed: Duration) -> String {
    let seconds = passed.as_secs_f64();
    let (number, unit) = match seconds {
        _ if seconds < 60.0 => return format!("{} seconds", passed.as_secs()),
        _ if seconds < 3600.0 => (seconds / 60.0, "minutes"),
        _ if seconds < 86_400.0 => (seconds / 3600.0, "hours"),
        _ => (seconds / 86_400.0, "days"),
    };
    // Two digits.
    if number < 9.95 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_13_2_times_are_told_in_two_digits() {
        let told = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(told(45), "45 seconds");
        assert_eq!(told(98), "1.6 minutes");
        assert_eq!(told(3000), "50 minutes");
        assert_eq!(told(7200), "2.0 hours");
        assert_eq!(told(86_400 * 400), "400 days");
    }
}
