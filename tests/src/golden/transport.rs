//! A data plane in this process, asked as a stranger would ask it.

use super::Ask;
use crate::query::{Asker, ask_tcp};
use dataplane::profile::Label;
use dataplane::{CookieSecret, CookieSecrets, DataPlane, DataPlaneSettings, Profile};
use dnssec::ZoneTable;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a reply may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a question goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A connection for each question (RFC 7766).
    Tcp,
}

impl Transport {
    /// All of them.
    pub const ALL: &'static [Transport] = &[Transport::Udp, Transport::Tcp];

    /// The word for it in `+over`.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

/// A running data plane and the zones it has.
pub struct Server {
    /// What is served.
    pub zones: Arc<ZoneTable>,
    plane: DataPlane,
}

impl Server {
    /// Listens on loopback with every transport. Call it within a Tokio runtime.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub fn start() -> Server {
        let zones = ZoneTable::new();
        let label = |text| Some(Label::new(text).expect("a label is short"));
        let mut profile = Profile::default();
        profile.server_id = label("golden-1");
        profile.version = label("Signpost");
        profile.cookies = Some(CookieSecrets::new(CookieSecret::new(*b"a secret of 16 o"), []));
        let settings = DataPlaneSettings {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
            udp_workers: 1,
            profile,
            ..DataPlaneSettings::default()
        };
        let plane = DataPlane::bind(&settings, Arc::clone(&zones)).expect("loopback has free ports");
        Server { zones, plane }
    }

    /// Asks and returns the reply, with the id set to 0.
    ///
    /// # Panics
    ///
    /// When there is no reply.
    pub fn ask(&self, ask: &Ask, transport: Transport) -> Vec<u8> {
        let server = self.plane.local_addrs()[0];
        let no_reply = |error: std::io::Error| panic!("{} over {transport:?}: {error}", ask.line);
        match transport {
            Transport::Udp => Asker::new(server, PATIENCE).ask(&ask.message).unwrap_or_else(no_reply),
            Transport::Tcp => {
                let reply = ask_tcp(server, &ask.message, PATIENCE).unwrap_or_else(|error| Some(no_reply(error)));
                reply.unwrap_or_else(|| panic!("{} over {transport:?}: closed without a reply", ask.line))
            }
        }
    }
}
