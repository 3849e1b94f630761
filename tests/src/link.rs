//! Two hosts on one link: network namespaces of a server and a client, joined by a pair of virtual interfaces.
//!
//! The server has two addresses of each family beside the link-local one, so that a reply from the wrong one is seen as a client
//! sees it.

use crate::process::{Daemon, output, run};
use crate::temp::TempDir;
use crate::wait::until;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The server's addresses that are not link-local. They are private, which no rate limit counts.
pub const SERVER_ADDRESSES: [&str; 4] = ["10.53.0.1", "10.53.0.2", "fd53::1", "fd53::2"];
/// The client's address of each family.
pub const CLIENT_ADDRESSES: [&str; 2] = ["10.53.0.100", "fd53::100"];

/// Makes the server's namespace out of its own, the client's as a child of it, and says who the child is once all is set.
const SETUP: &str = r#"
set -e
ip link set lo up
setpriv --pdeathsig KILL unshare --net sleep infinity &
client=$!
while [ "$(readlink /proc/$client/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
ip link add server type veth peer name client
ip link set client netns $client
for address in 10.53.0.1/24 10.53.0.2/24; do ip address add $address dev server; done
for address in fd53::1/64 fd53::2/64; do ip address add $address dev server nodad; done
ip link set server up
nsenter --net --target $client sh -ec '
  ip link set lo up
  ip address add 10.53.0.100/24 dev client
  ip address add fd53::100/64 dev client nodad
  ip link set client up
'
echo $client > "$1.part"
mv "$1.part" "$1"
exec sleep infinity
"#;

/// Both namespaces, which go with this value.
#[derive(Debug)]
pub struct Link {
    holder: Daemon,
    client: String,
    folder: TempDir,
}

impl Link {
    /// Makes them; where the user is not root, in a user namespace.
    ///
    /// # Panics
    ///
    /// When the system does not allow it.
    pub fn new() -> Link {
        let folder = TempDir::new("link");
        let ready = folder.join("client");
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--net", "sh", "-c", SETUP, "sh"]).arg(&ready);
        let mut holder = Daemon::start("the link", &mut command, &folder.join("log"));
        let client = until("the link", Duration::from_secs(30), || {
            holder.assert_running();
            std::fs::read_to_string(&ready).ok()
        });
        Link { holder, client: client.trim().to_owned(), folder }
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program on the server's host, with the environment that `command` has.
    pub fn on_server(&self, command: &Command) -> Command {
        entered(&self.holder.id().to_string(), command)
    }

    /// A program on the client's host.
    pub fn on_client(&self, command: &Command) -> Command {
        entered(&self.client, command)
    }

    /// The server's link-local address as the client writes it: with its own interface behind it.
    pub fn link_local(&self) -> String {
        until("a link-local address", Duration::from_secs(30), || {
            let mut list = Command::new("ip");
            list.args(["-6", "-o", "address", "show", "dev", "server", "scope", "link", "-tentative"]);
            let printed = run(&mut self.on_server(&list));
            let address = printed.split_whitespace().find_map(|word| word.strip_suffix("/64"))?;
            Some(format!("{address}%client"))
        })
    }
}

impl Default for Link {
    fn default() -> Link {
        Link::new()
    }
}

fn entered(target: &str, command: &Command) -> Command {
    let mut inside = Command::new("nsenter");
    if !is_root() {
        inside.args(["--user", "--preserve-credentials"]);
    }
    inside.args(["--net", "--target", target]).arg(command.get_program()).args(command.get_args());
    inside.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    inside
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0"
}
