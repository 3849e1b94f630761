//! A zone as Kubernetes External-DNS keeps it: services with one to three addresses, some with IPv6 as well, aliases of load balancers,
//! mail and SRV records, and for each of them a TXT record that says whose it is. Four in ten stand below the label of a team, which
//! is an empty non-terminal.

use anyhow::{Context, Result, ensure};
use signpost_tests::peers::ZoneFile;
use signpost_tests::postgres::Postgres;
use signpost_tests::random::Random;
use signpost_tests::server::{Settings, Signpost};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// The apex of the zone.
pub(crate) const ZONE: &str = "bench.test";
/// What was made is made anew when this changes, or when it is old: signatures end.
const EDITION: &str = "2";
const AGE_MAX: Duration = Duration::from_secs(5 * 24 * 3600);
/// Names below one team's label.
const TEAM_NAMES: u32 = 250;
const SEED: u64 = 20_260_701;

/// Records of one owner and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rrset {
    /// Without a dot at its end, as PowerDNS's tables have it.
    pub(crate) owner: String,
    pub(crate) rtype: &'static str,
    /// Priority and content, as these tables keep them apart.
    pub(crate) records: Vec<(u16, String)>,
}

/// The zone's RRsets but those of its apex, until `names` owners are reached; the same each time.
pub(crate) fn rrsets(names: u32) -> impl Iterator<Item = Rrset> {
    // Without an address for the zone's own nameserver BIND does not load it.
    let nameserver = Rrset { owner: format!("ns1.{ZONE}"), rtype: "A", records: vec![(0, "10.0.0.53".to_owned())] };
    let mut made = 1;
    let services = (0..)
        .map_while(move |n| {
            if made >= names {
                return None;
            }
            let service = service(n, names);
            // Both RRsets of a service with IPv4 and IPv6 are of one owner.
            made += service.iter().filter(|rrset| rrset.rtype != "AAAA").count() as u32;
            Some(service)
        })
        .flatten();
    std::iter::once(nameserver).chain(services)
}

/// What one service has.
fn service(n: u32, names: u32) -> Vec<Rrset> {
    let mut random = Random::part(SEED, u64::from(n));
    let teams = (names / TEAM_NAMES).max(1) as usize;
    let below = match random.chance(40) {
        true => format!("team-{}.{ZONE}", random.below(teams)),
        false => ZONE.to_owned(),
    };
    let label = format!("svc-{n}");
    let rtype = random.weighted(&[(78, "A"), (12, "CNAME"), (5, "MX"), (5, "SRV")]);
    let label = if rtype == "SRV" { format!("_http._tcp.{label}") } else { label };
    let owner = format!("{label}.{below}");
    let address =
        |random: &mut Random| format!("10.{}.{}.{}", random.below(256), random.below(256), 1 + random.below(254));
    let records: Vec<(u16, String)> = match rtype {
        "A" => (0..1 + random.below(3)).map(|_| (0, address(&mut random))).collect(),
        // Their targets are elsewhere, so that no server has more to say about them.
        "CNAME" => vec![(0, format!("lb-{}.eu-central-1.elb.example.net", random.below(1000)))],
        "MX" => vec![(10, "mail.example.net".to_owned())],
        _ => vec![(0, format!("5 8080 node-{}.example.net", random.below(100)))],
    };
    let is_dual = rtype == "A" && random.chance(44);
    let registry = |rtype: &str| {
        let owner = format!("{}-{owner}", rtype.to_lowercase());
        let text =
            format!("\"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/apps/svc-{n}\"");
        Rrset { owner, rtype: "TXT", records: vec![(0, text)] }
    };
    let mut made = vec![registry(rtype)];
    if is_dual {
        made.push(registry("AAAA"));
        let address = format!("2001:db8:{:x}::{:x}", random.below(0x10000), 1 + random.below(0xffff));
        made.push(Rrset { owner: owner.clone(), rtype: "AAAA", records: vec![(0, address)] });
    }
    made.push(Rrset { owner, rtype, records });
    made
}

/// The zone in the forms in which servers take it, kept between runs.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) names: u32,
    folder: PathBuf,
    /// RRSIG records of the signed zone: as many as it has RRsets with those of its denial chain.
    pub(crate) signatures: u64,
}

/// As many RRsets of data, less those of the apex.
pub(crate) fn rrset_count(names: u32) -> u64 {
    rrsets(names).count() as u64
}

impl Work {
    /// Makes it in `folder`, or takes what an earlier run has left there. `program` is asked to sign it.
    pub(crate) fn prepare(folder: &Path, names: u32, program: &Path) -> Result<Work> {
        let folder = folder.join(format!("{names}-names"));
        let work = Work { names, folder, signatures: 0 };
        if let Some(signatures) = work.earlier() {
            return Ok(Work { signatures, ..work });
        }
        eprintln!("making a zone of {names} names in {}", work.folder.display());
        if work.folder.exists() {
            fs::remove_dir_all(&work.folder)?;
        }
        fs::create_dir_all(&work.folder)?;
        let url = format!("sqlite:{}", work.database().display());
        let mut server = Signpost::start(Settings::postgres(&url).of(program));
        server.run(&["pdnsutil", "create-zone", ZONE, "ns1.bench.test"]);
        server.run(&["pdnsutil", "secure-zone", ZONE]);
        server.kill();
        fill_sqlite(&work.database(), names)?;
        let zone = work.signed_zone().path;
        let status = server.command_line(&["export", "--signed", ZONE]).stdout(File::create(&zone)?).status()?;
        ensure!(status.success(), "the zone could not be signed");
        let lines = BufReader::new(File::open(&zone)?).lines();
        let signatures = lines.map_while(Result::ok).filter(|line| line.contains("\tRRSIG\t")).count() as u64;
        fs::write(work.stamp(), format!("{EDITION} {signatures}"))?;
        Ok(Work { signatures, ..work })
    }

    fn earlier(&self) -> Option<u64> {
        let age = SystemTime::now().duration_since(fs::metadata(self.stamp()).ok()?.modified().ok()?);
        let text = fs::read_to_string(self.stamp()).ok()?;
        let (edition, signatures) = text.split_once(' ')?;
        (edition == EDITION && age.is_ok_and(|age| age < AGE_MAX)).then(|| signatures.parse().ok())?
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("made")
    }

    /// A certificate and its key, for all servers that speak TLS.
    pub(crate) fn certificate(&self) -> Result<(PathBuf, PathBuf)> {
        let (certificate, key) = (self.folder.join("certificate.pem"), self.folder.join("key.pem"));
        if !certificate.exists() {
            let mut openssl = Command::new("openssl");
            openssl.args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "30",
            ]);
            openssl.args(["-subj", "/CN=localhost", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
            let output = openssl.output().context("openssl cannot be run")?;
            ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok((certificate, key))
    }

    /// The SQLite database with the zone and its keys.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("signpost.db")
    }

    /// The signed zone as a master file.
    pub(crate) fn signed_zone(&self) -> ZoneFile {
        ZoneFile { apex: ZONE.parse().expect("it is a name"), path: self.folder.join("signed.zone") }
    }
}

/// Fills the zone into a database of Postgres, which has it with SOA and NS.
pub(crate) fn fill_postgres(postgres: &Postgres, database: &str, names: u32) -> Result<()> {
    let id = postgres.sql(database, &format!("SELECT id FROM domains WHERE name = '{ZONE}'"))?;
    let copy = "COPY records (domain_id, name, type, content, prio, ttl, disabled, auth) FROM STDIN";
    postgres.copy(database, copy, |out| {
        for (owner, rtype, priority, content) in rrsets(names).flat_map(rows) {
            writeln!(out, "{id}\t{owner}\t{rtype}\t{content}\t{priority}\t300\tf\tt")?;
        }
        Ok(())
    })?;
    postgres.sql(database, "ANALYZE").map(|_| ())
}

/// Rows in one INSERT.
const ROWS: usize = 400;

fn fill_sqlite(database: &Path, names: u32) -> Result<()> {
    let mut sqlite = Command::new("sqlite3")
        .arg(database)
        .stdin(Stdio::piped())
        .spawn()
        .context("sqlite3 cannot be run (Debian package sqlite3)")?;
    let mut sql = BufWriter::new(sqlite.stdin.take().expect("it is a pipe"));
    let zone = format!("(SELECT id FROM domains WHERE name = '{ZONE}')");
    writeln!(sql, "BEGIN;")?;
    let rows: Vec<(String, &str, u16, String)> = rrsets(names).flat_map(rows).collect();
    for rows in rows.chunks(ROWS) {
        let values: Vec<String> = rows
            .iter()
            .map(|(owner, rtype, priority, content)| format!("('{owner}','{rtype}','{content}',{priority})"))
            .collect();
        writeln!(
            sql,
            "INSERT INTO records (domain_id, name, type, content, prio, ttl, disabled, auth) \
             SELECT {zone}, column1, column2, column3, column4, 300, 0, 1 FROM (VALUES {});",
            values.join(",")
        )?;
    }
    writeln!(sql, "COMMIT;")?;
    drop(sql.into_inner().context("sqlite3 ended early")?);
    ensure!(sqlite.wait()?.success(), "sqlite3 failed");
    Ok(())
}

fn rows(rrset: Rrset) -> impl Iterator<Item = (String, &'static str, u16, String)> {
    let Rrset { owner, rtype, records } = rrset;
    records.into_iter().map(move |(priority, content)| (owner.clone(), rtype, priority, content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_zone_has_the_names_that_were_asked_for_and_each_rrset_once() {
        let rrsets: Vec<Rrset> = rrsets(10_000).collect();
        let owners: BTreeSet<&str> = rrsets.iter().map(|rrset| rrset.owner.as_str()).collect();
        assert!((10_000..10_004).contains(&owners.len()), "{} names", owners.len());
        let keys: BTreeSet<_> = rrsets.iter().map(|rrset| (&rrset.owner, rrset.rtype)).collect();
        assert_eq!(keys.len(), rrsets.len());
        let below_a_team = owners.iter().filter(|owner| owner.contains(".team-")).count();
        assert!((3_700..4_300).contains(&below_a_team), "{below_a_team} names are below a team");
    }
}
