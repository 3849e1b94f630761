//! What scripts see: streams and exit codes on an SQLite database, as PDNS-DIALECT section 13.2 has them.

mod rest;
mod settings;
mod signed;
mod zones;

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::*;

/// Bytes that a test can read after the command wrote them.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A database of its own, in a folder that goes with the test.
struct Shell {
    folder: PathBuf,
    settings: Vec<String>,
    /// What is typed.
    input: String,
    /// The environment.
    variables: Vec<(String, String)>,
}

/// Standard output, standard error, exit code.
type Ran = (String, String, u8);

impl Shell {
    async fn new(name: &str) -> Shell {
        let folder = std::env::temp_dir().join(format!("signpost-pdnsutil-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let shell = Shell {
            settings: vec![format!("--database-url=sqlite:{}/z.db", folder.display())],
            folder,
            input: String::new(),
            variables: Vec::new(),
        };
        shell.store("z.db").await;
        shell
    }

    /// A database in the folder, made if absent.
    async fn store(&self, file: &str) -> Arc<dyn Store> {
        let settings = store::StoreSettings {
            url: format!("sqlite:{}/{file}", self.folder.display()),
            connections_max: 2,
            timeout: std::time::Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        store::open(&settings).await.unwrap()
    }

    /// As PowerDNS has it: one key, NSEC. The lines of these tests are then the same as PowerDNS's.
    fn like_pdns(mut self) -> Shell {
        self.settings.push("--dnssec-defaults=pdns".to_owned());
        self
    }

    async fn words(&self, words: &[&str]) -> Ran {
        let (out, err) = (Captured::default(), Captured::default());
        let input = Box::new(std::io::Cursor::new(self.input.clone().into_bytes()));
        let output = Output::new(Box::new(out.clone()), Box::new(err.clone()), input);
        let args = self.settings.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect();
        let code = execute(
            args,
            Sources { root: Some(self.folder.clone()), variables: self.variables.clone(), ..Sources::default() },
            output,
        )
        .await;
        (out.text(), err.text(), code)
    }

    /// Runs a line split at spaces.
    async fn run(&self, line: &str) -> Ran {
        self.words(&line.split(' ').collect::<Vec<_>>()).await
    }

    async fn expect(&self, line: &str, out: &str, err: &str, code: u8) {
        assert_eq!(self.run(line).await, (out.to_owned(), err.to_owned(), code), "{line}");
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const ZONE: &str = "$ORIGIN load.test.\n$TTL 300\n@ IN SOA ns1 host 1 3600 600 86400 60\n@ IN NS ns1\nns1 A 192.0.2.1\n\
    www 60 A 192.0.2.2\nwww 60 A 192.0.2.3\na.b.c TXT \"hi there\"\nsub NS ns.sub\nns.sub A 192.0.2.9\n\
    alias CNAME www.example.org.\n@ MX 10 mail\n_s._tcp SRV 0 5 5060 sip\n";
