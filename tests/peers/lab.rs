//! The four servers with the same zones: ours loaded with `pdnsutil`, the peers with the zone files, signed as we sign them.

use crate::questions::Question;
use crate::world::{Denial, Mode, World, Zone};
use signpost_tests::peers::{PEERS, Peer, PeerKind, ZoneFile, dnssec_signzone, plain_line, unserved};
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::volley;
use signpost_tests::wait::until;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use wire::Name;

/// Four servers.
pub(crate) struct Lab {
    pub(crate) ours: Signpost,
    pub(crate) peers: Vec<Peer>,
    /// Owners of NSEC3 records.
    pub(crate) hashed: Vec<Name>,
    _folder: TempDir,
}

/// What carries a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// What all servers made of one question over one transport. `None` is silence.
pub(crate) struct Replies {
    pub(crate) ours: Option<Vec<u8>>,
    pub(crate) peers: Vec<(PeerKind, Option<Vec<u8>>)>,
}

impl Lab {
    /// Starts all servers with the zones of `worlds`.
    ///
    /// # Panics
    ///
    /// When a server refuses one of the zones.
    pub(crate) fn start(worlds: &[World]) -> Lab {
        let folder = TempDir::new("peers");
        let ours = Signpost::start(Settings::sqlite());
        let mut hashed = Vec::new();
        let (mut all, mut by_peer) = (Vec::new(), PEERS.map(|_| Vec::new()));
        for world in worlds {
            for zone in &world.zones {
                let number = all.len();
                let path = folder.join(&format!("{number}.zone"));
                let made = load(&ours, zone, &path);
                let owners = made
                    .lines()
                    .filter(|line| rtype(line) == Some("NSEC3"))
                    .filter_map(|line| line.split_whitespace().next());
                hashed.extend(owners.filter_map(|owner| Name::parse(owner).ok()));
                let write = |path: PathBuf, text: String| {
                    std::fs::write(&path, text + &made).expect("the folder is ours");
                    ZoneFile { apex: zone.apex.clone(), path }
                };
                let file = write(path, zone.text());
                let bare_file = write(folder.join(&format!("{number}.bare")), zone.text_without_occluded());
                for (peer, files) in PEERS.iter().zip(&mut by_peer).filter(|(peer, _)| world.suits(**peer)) {
                    files.push(if *peer == PeerKind::Bind { file.clone() } else { bare_file.clone() });
                }
                all.push(file);
            }
        }
        let mut peers: Vec<Peer> = PEERS.iter().zip(&by_peer).map(|(&kind, files)| Peer::launch(kind, files)).collect();
        let dns = ours.dns();
        until("our server to serve all zones", Duration::from_secs(60), || {
            unserved(dns, &all).is_empty().then_some(())
        });
        peers.iter_mut().zip(&by_peer).for_each(|(peer, files)| peer.wait_until_ready(files));
        Lab { ours, peers, hashed, _folder: folder }
    }

    /// Asks all servers all questions.
    pub(crate) fn ask(&self, questions: &[Question], transport: Transport) -> Vec<Replies> {
        let messages: Vec<Vec<u8>> = questions.iter().map(Question::message).collect();
        let ask = match transport {
            Transport::Udp => volley::udp,
            Transport::Tcp => volley::tcp,
        };
        let servers: Vec<SocketAddr> = [self.ours.dns()].into_iter().chain(self.peers.iter().map(Peer::dns)).collect();
        let mut replies: Vec<Vec<Option<Vec<u8>>>> = thread::scope(|scope| {
            let messages = &messages;
            let asking: Vec<_> = servers.iter().map(|&server| scope.spawn(move || ask(server, messages))).collect();
            asking.into_iter().map(|thread| thread.join().expect("it reports what it cannot do")).collect()
        });
        let mut take = |server: usize, question: usize| std::mem::take(&mut replies[server][question]);
        (0..questions.len())
            .map(|question| Replies {
                ours: take(0, question),
                peers: self.peers.iter().enumerate().map(|(at, peer)| (peer.kind, take(at + 1, question))).collect(),
            })
            .collect()
    }
}

/// Loads a zone into our server and returns the records that signing added, which the peers are to serve too. What stands below
/// cuts and DNAMEs is in no export, since nobody needs it; the peers have it from the zone as it was drawn.
pub(crate) fn load(ours: &Signpost, zone: &Zone, path: &Path) -> String {
    let apex = zone.apex.to_string();
    let load = |text: &str| {
        std::fs::write(path, text).expect("the folder is ours");
        ours.run(&["pdnsutil", "load-zone", &apex, &path.display().to_string()]);
    };
    match &zone.mode {
        Mode::Unsigned => {
            load(&zone.text());
            String::new()
        }
        Mode::Ours(denial) => {
            load(&zone.text());
            ours.run(&["pdnsutil", "secure-zone", &apex]);
            match denial {
                Denial::Nsec => ours.run(&["pdnsutil", "unset-nsec3", &apex]),
                Denial::Nsec3 { iterations, salt, opt_out } => {
                    let params = format!("1 {} {iterations} {salt}", u8::from(*opt_out));
                    ours.run(&["pdnsutil", "set-nsec3", &apex, &params])
                }
                Denial::Narrow => ours.run(&["pdnsutil", "set-nsec3", &apex, "1 0 0 -", "narrow"]),
                Denial::Compact => {
                    ours.run(&["pdnsutil", "unset-nsec3", &apex]);
                    ours.run(&["pdnsutil", "set-meta", &apex, "X-SIGNPOST-COMPACT-DENIAL", "1"])
                }
            };
            made(&ours.run(&["export", "--signed", "--", &apex]))
        }
        Mode::Presigned(denial) => {
            let made = made(&dnssec_signzone(&zone.apex, &zone.text_without_occluded(), &options(denial)));
            load(&(zone.text() + &made));
            ours.run(&["pdnsutil", "set-presigned", &apex]);
            made
        }
    }
}

/// How `dnssec-signzone` is told to deny.
fn options(denial: &Denial) -> Vec<String> {
    match denial {
        Denial::Nsec => Vec::new(),
        Denial::Narrow | Denial::Compact => unreachable!("a stored chain is of another kind"),
        Denial::Nsec3 { iterations, salt, opt_out } => {
            let mut options = vec!["-3".to_owned(), (*salt).to_owned(), "-H".to_owned(), iterations.to_string()];
            options.extend(opt_out.then(|| "-A".to_owned()));
            options
        }
    }
}

/// The records of a signed zone that were not in the zone before.
fn made(signed: &str) -> String {
    const MADE: &[&str] = &["DNSKEY", "CDS", "CDNSKEY", "NSEC", "NSEC3", "NSEC3PARAM", "RRSIG"];
    let is_made = |line: &&str| rtype(line).is_some_and(|rtype| MADE.contains(&rtype));
    signed.lines().filter(is_made).map(|line| plain_line(line) + "\n").collect()
}

/// The type in a line of a master file that holds all fields.
fn rtype(line: &str) -> Option<&str> {
    line.split_whitespace().nth(3)
}
