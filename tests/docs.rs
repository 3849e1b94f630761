//! The manual against the program: what `docs/` and the README name must exist, and the SQL they show must do what they say.

use signpost_tests::Postgres;
use signpost_tests::api::{Signed, replace};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::http;
use signpost_tests::process::output;
use signpost_tests::server::{Settings, Signpost, clean_command, workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Marks the SQL that tests run.
const RUN: &str = "<!-- tests/docs.rs runs these statements -->\n```sql\n";

/// Words with dashes in the manual that are neither settings nor commands: parts of API paths, a folder, and what
/// HAProxy calls it.
const OTHER_WORDS: &[&str] = &[
    "axfr-retrieve",
    "search-data",
    "send-proxy-v2",
    "signpost-data",
    // Rings: tests/statistics.rs asks for them.
    "noerror-queries",
    "nxdomain-queries",
    "servfail-queries",
    "unauth-queries",
    "remotes-corrupt",
    "remotes-unauth",
];

/// Variables that stand in the manual as examples of what is no setting.
const INJECTED: &[&str] = &["SIGNPOST_PORT", "PDNS_SERVICE_HOST", "PDNS_PORT_53_UDP", "PDNS_PORT_53_UDP_ADDR"];

/// Variables of lego (docs/certificates.md).
const OF_LEGO: &[&str] = &["PDNS_API_URL", "PDNS_API_KEY", "PDNS_POLLING_INTERVAL", "PDNS_TTL"];

/// Variables of the tests, not of the program (docs/testing.md).
const OF_TESTS: &[&str] = &["SIGNPOST_BIN", "SIGNPOST_TEST_SEED"];

struct Page {
    name: String,
    text: String,
}

/// A piece of a page: text in backticks, or the lines of a block with its language.
struct Code<'p> {
    language: Option<&'p str>,
    text: String,
}

impl Page {
    fn all() -> Vec<Page> {
        let mut paths = vec![workspace().join("README.md")];
        paths.extend(fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "md") && path.exists());
        assert!(paths.len() > 5, "{paths:?}");
        let page = |path: std::path::PathBuf| Page {
            name: path.strip_prefix(workspace()).unwrap().display().to_string(),
            text: fs::read_to_string(path).unwrap(),
        };
        paths.into_iter().map(page).collect()
    }

    fn named(name: &str) -> Page {
        Page::all().into_iter().find(|page| page.name == name).unwrap_or_else(|| panic!("{name} is not there"))
    }

    fn code(&self) -> Vec<Code<'_>> {
        let mut pieces = Vec::new();
        let mut prose = String::new();
        let mut block: Option<Code> = None;
        for line in self.text.lines() {
            match (line.trim_start().strip_prefix("```"), &mut block) {
                (Some(language), None) => block = Some(Code { language: Some(language), text: String::new() }),
                (Some(_), Some(_)) => pieces.extend(block.take()),
                (None, Some(block)) => block.text += &format!("{}\n", line.trim_start()),
                // A span may run over the end of a line; the next line then begins the next word.
                (None, None) => prose += &format!("{line} "),
            }
        }
        assert!(block.is_none(), "{}: a block does not end", self.name);
        let spans = prose.split('`').skip(1).step_by(2);
        pieces.extend(spans.map(|span| Code { language: None, text: span.to_owned() }));
        pieces
    }

    /// Command lines, without prompt, a trailing backslash joining lines.
    fn command_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for code in self.code() {
            let text = code.text.replace("\\\n", " ");
            match code.language {
                None if text.starts_with("signpost ") || text.starts_with("pdnsutil ") => lines.push(text),
                Some("console") => {
                    let prompted = |line: &str| line.strip_prefix("$ ").or(line.strip_prefix("# ")).map(str::to_owned);
                    lines.extend(text.lines().filter_map(prompted));
                }
                Some("sh") => lines.extend(text.lines().map(str::to_owned)),
                _ => {}
            }
        }
        lines
    }

    /// The marked SQL blocks.
    fn statements(&self) -> Vec<String> {
        self.text.split(RUN).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
    }
}

/// What the program itself says that it knows.
struct Program {
    settings: BTreeSet<String>,
    commands: BTreeSet<String>,
    pdnsutil: BTreeSet<String>,
    control: BTreeSet<String>,
    /// Names asked for as flags of `serve`, and whether they were taken.
    asked: BTreeMap<String, bool>,
}

impl Program {
    fn ask() -> Program {
        let config = fs::read_to_string(workspace().join("config/signpost.toml")).unwrap();
        let settings = config.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
        let help = said(&["--help"]);
        let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().lines();
        let mut pdnsutil = BTreeSet::from(["help".to_owned()]);
        for line in said(&["pdnsutil", "help"]).split("Commands:\n").nth(1).unwrap().lines() {
            let Some(old) = line.split(' ').next().filter(|word| !word.is_empty()) else { break };
            pdnsutil.insert(old.to_owned());
            if let Some((new, _)) = line.split_once(" (").and_then(|(_, rest)| rest.split_once(')')) {
                pdnsutil.insert(new.to_owned());
            }
        }
        let control = said(&["control", "--help"]);
        let control = control.split("Commands:\n").nth(1).unwrap().lines().filter_map(|line| line.split(' ').next());
        let program = Program {
            settings: settings.map(|(name, _)| name.to_owned()).collect(),
            commands: listed.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect(),
            pdnsutil,
            control: control.map(str::to_owned).collect(),
            asked: BTreeMap::new(),
        };
        let known = |set: &BTreeSet<String>, name: &str| assert!(set.contains(name), "no {name} in {set:?}");
        known(&program.settings, "database-url");
        known(&program.commands, "serve");
        known(&program.pdnsutil, "zone secure");
        known(&program.control, "rping");
        program
    }

    /// Whether it is a setting, ours or PowerDNS's; or an option of a command.
    fn has_flag(&mut self, name: &str) -> bool {
        if self.settings.contains(name) {
            return true;
        }
        if let Some(&known) = self.asked.get(name) {
            return known;
        }
        let answer = output(clean_command().args(["serve", &format!("--{name}=x")]));
        let mut known = !String::from_utf8_lossy(&answer.stderr).contains("unexpected argument");
        known |= self.commands.iter().any(|command| said(&[command, "--help"]).contains(&format!("--{name}")));
        // The one command with commands of its own.
        known |= said(&["key", "create", "--help"]).contains(&format!("--{name}"));
        self.asked.insert(name.to_owned(), known);
        known
    }
}

/// What the program prints.
fn said(arguments: &[&str]) -> String {
    String::from_utf8_lossy(&output(clean_command().args(arguments)).stdout).into_owned()
}

fn is_dashed(word: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    word.contains('-') && word.split('-').all(is_part) && word.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Words made of letters, digits and underscores that begin with one of these.
fn words_with<'t>(text: &'t str, prefixes: &[&str]) -> BTreeSet<&'t str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

#[test]
fn every_setting_in_the_manual_exists() {
    let mut program = Program::ask();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in Page::all() {
        for code in page.code() {
            let words: Vec<&str> = match code.language {
                Some("toml") => {
                    code.text.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect()
                }
                Some(_) => Vec::new(),
                // `name`, `name = value`, `name=value`; flags of other programs begin with dashes.
                None => code.text.split(['=', ' ']).next().into_iter().collect(),
            };
            for word in words.into_iter().filter(|word| is_dashed(word) && !OTHER_WORDS.contains(word)) {
                seen += 1;
                let is_command = program.pdnsutil.contains(word) || program.control.contains(word);
                if !is_command && !program.has_flag(word) {
                    wrong.push(format!("{}: {word}", page.name));
                }
            }
        }
        for variable in words_with(&page.text, &["SIGNPOST_", "PDNS_"]) {
            let (prefix, rest) = variable.split_once('_').unwrap();
            let name = rest.to_ascii_lowercase().replace('_', "-");
            // `SIGNPOST_*` and `SIGNPOST_NAME` stand for all of them; the image's own variable is described as such.
            if matches!(name.as_str(), "" | "name" | "auth-api-key")
                || INJECTED.contains(&variable)
                || OF_TESTS.contains(&variable)
                || OF_LEGO.contains(&variable)
            {
                continue;
            }
            seen += 1;
            let known = match prefix {
                "SIGNPOST" => program.settings.contains(&name) || name.starts_with("config"),
                _ => program.has_flag(&name),
            };
            if !known {
                wrong.push(format!("{}: {variable}", page.name));
            }
        }
    }
    assert!(seen > 100, "only {seen} names were looked at");
    assert!(wrong.is_empty(), "the manual names what does not exist: {wrong:#?}");
}

#[test]
fn every_command_in_the_manual_exists() {
    let mut program = Program::ask();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in Page::all() {
        for line in page.command_lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            // A command's first word stands first, or after a variable, a pipe, or the `--` of runuser and the like.
            let begins =
                |at: usize| at == 0 || matches!(words[at - 1], "--" | "|" | "&&") || words[at - 1].contains('=');
            let is_ours = |at: &usize| matches!(words[*at], "signpost" | "pdnsutil") && begins(*at);
            let Some(at) = (0..words.len()).find(is_ours) else { continue };
            // A pipe or a redirection begins another program's words.
            let ours = &words[at..];
            let end = ours.iter().position(|word| matches!(*word, "|" | ">" | "<" | "&&")).unwrap_or(ours.len());
            let ours: Vec<&str> = ours[..end].iter().filter(|word| **word != "…").copied().collect();
            let (flags, mut rest): (Vec<&str>, Vec<&str>) = ours.iter().partition(|word| word.starts_with("--"));
            seen += 1;
            for flag in flags {
                let name = flag.trim_start_matches('-').split('=').next().unwrap();
                if !matches!(name, "help" | "version" | "config" | "config-dir" | "config-name")
                    && !program.has_flag(name)
                {
                    wrong.push(format!("{}: {flag} in {line}", page.name));
                }
            }
            if rest[0] == "signpost" {
                rest.remove(0);
            }
            let Some(command) = rest.first() else { continue };
            let is_known = match *command {
                "pdnsutil" if rest.len() == 1 => true,
                "pdnsutil" => {
                    let two = rest[1..].iter().take(2).copied().collect::<Vec<_>>().join(" ");
                    program.pdnsutil.contains(rest[1]) || program.pdnsutil.contains(&two)
                }
                command => program.commands.contains(command),
            };
            if !is_known {
                wrong.push(format!("{}: {line}", page.name));
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were looked at");
    assert!(wrong.is_empty(), "the manual shows what cannot be run: {wrong:#?}");
}

#[test]
fn every_metric_and_table_in_the_manual_exists() {
    let server = Signpost::start(Settings::sqlite());
    let reply = http::request(server.api().address, "GET", "/metrics", &[], None).expect("metrics are served");
    let metrics = reply.text();
    let metrics = words_with(&metrics, &["signpost_", "pdns_auth_"]);
    assert!(metrics.contains("signpost_zones"), "{metrics:?}");
    let mut tables = String::new();
    for folder in ["postgres", "sqlite"] {
        for file in fs::read_dir(workspace().join("migrations").join(folder)).unwrap() {
            tables += &fs::read_to_string(file.unwrap().path()).unwrap();
        }
    }
    let tables = words_with(&tables, &["signpost_"]);
    let mut wrong = Vec::new();
    for page in Page::all() {
        for word in words_with(&page.text, &["signpost_", "pdns_auth_"]) {
            let is_role = page.text.contains(&format!("CREATE ROLE {word} "));
            // A bare prefix stands for all of its names; SQLite's migrator makes its own table.
            let is_known = word.ends_with('_') || metrics.contains(word) || tables.contains(word);
            if !is_known && !is_role && word != "signpost_migrations" {
                wrong.push(format!("{}: {word}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "neither a metric nor a table: {wrong:#?}");
}

#[test]
fn every_link_in_the_manual_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in Page::all() {
        let folder = workspace().join(&page.name).parent().unwrap().to_owned();
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if !path.is_empty() && !link.contains("://") && !folder.join(path).exists() {
                wrong.push(format!("{}: {link}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_manuals_role_can_serve_and_its_removal_leaves_powerdns_tables_alone() {
    let page = Page::named("docs/databases.md");
    let [grants, removal] = &page.statements()[..] else { panic!("two marked blocks were expected") };
    let postgres = Postgres::start().expect("a cluster");
    let database = postgres.create_database().expect("a database");
    let url = postgres.url_of(&database);
    drop(Signpost::start(Settings::postgres(&url)));
    postgres.sql(&database, grants).expect("the manual's statements run");

    let server = Signpost::start(Settings::postgres(&url.replace("postgres@", "signpost_serve@")));
    let api = server.api();
    api.create_zone("role.example.", Signed::Yes, Vec::new());
    api.patch("role.example.", vec![replace("www.role.example.", "A", 60, &["192.0.2.7"])]);
    assert!(dig(server.dns(), "www.role.example", "A", Transport::Udp).answer_is_signed());
    api.must(201, "POST", "/zones/role.example./cryptokeys", Some(&serde_json::json!({"keytype": "zsk"})));
    api.create_zone("gone.example.", Signed::No, Vec::new());
    api.must(204, "DELETE", "/zones/gone.example.", None);
    drop(server);

    postgres.sql(&database, removal).expect("the manual's statements run");
    let ours = "SELECT relname FROM pg_class WHERE relname LIKE 'signpost%' UNION ALL \
                SELECT proname FROM pg_proc WHERE proname LIKE 'signpost%' UNION ALL \
                SELECT tgname FROM pg_trigger WHERE tgname LIKE 'signpost%'";
    assert_eq!(postgres.sql(&database, ours).unwrap(), "", "something of ours is left");
    let records = "SELECT count(*) FROM records WHERE type IN ('SOA', 'NS', 'A')";
    assert_eq!(postgres.sql(&database, records).unwrap(), "3");

    // And back: it makes its tables again.
    let again = Signpost::start(Settings::postgres(&url));
    assert_eq!(dig(again.dns(), "www.role.example", "A", Transport::Udp).contents("A"), ["192.0.2.7"]);
}
