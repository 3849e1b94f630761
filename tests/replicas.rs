//! Two servers on one Postgres, and Postgres away: changes spread within a second, queries never fail, writes are told
//! clearly, and what was missed is caught up by itself.

use hickory_proto::rr::RecordType;
use signpost_tests::Postgres;
use signpost_tests::api::{Api, Signed, replace};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::query::{Asker, query, rcode};
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::unbound::Unbound;
use signpost_tests::validators::{Anchors, Verdict, delv, verify_zone};
use signpost_tests::wait::until_true;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const ZONE: &str = "replicated.example.";

/// What another replica may take to answer with a change.
const LAG_MAX: Duration = Duration::from_secs(1);
/// Bound of what has no promise of its own. Above any pause of a busy machine: two cores carry the load, two servers and Postgres.
const PATIENCE: Duration = Duration::from_secs(90);
/// After this a query has failed; a machine that stands still for a moment does not make it fail.
const QUERY_MAX: Duration = Duration::from_secs(10);

/// Lets one test have the machine: each loads two servers as fast as they answer, and beside another such load Postgres waits for seconds.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn two_servers(postgres: &Postgres) -> [Signpost; 2] {
    [Signpost::start(Settings::postgres(&postgres.url())), Signpost::start(Settings::postgres(&postgres.url()))]
}

fn anchors(api: &Api) -> Anchors {
    Anchors::new(&[(ZONE, api.entry_keys(ZONE))])
}

#[test]
fn a_change_through_one_is_answered_signed_by_the_other_within_a_second() {
    let _alone = alone();
    let postgres = Postgres::start().expect("Postgres starts");
    let [first, second] = two_servers(&postgres);
    first.api().create_zone(ZONE, Signed::Yes, Vec::new());
    let anchors = anchors(&first.api());
    let mut slowest = Duration::ZERO;
    for number in 0..50u8 {
        let (writer, reader) = if number % 2 == 0 { (&first, &second) } else { (&second, &first) };
        let name = format!("h{}.{ZONE}", number % 5);
        let address = format!("192.0.2.{number}");
        writer.api().patch(ZONE, vec![replace(&name, "A", 60, &[&address])]);
        let acknowledged = Instant::now();
        // The writer itself needs no time at all.
        assert_eq!(dig(writer.dns(), &name, "A", Transport::Udp).contents("A"), std::slice::from_ref(&address));
        let asker = Asker::new(reader.dns(), Duration::from_secs(2));
        until_true("the other server to answer", LAG_MAX, || {
            let reply = asker.ask(&query(u16::from(number), &name, RecordType::A)).expect("a server answers");
            reply.windows(4).any(|octets| octets == [192, 0, 2, number])
        });
        slowest = slowest.max(acknowledged.elapsed());
        let reply = dig(reader.dns(), &name, "A", Transport::Udp);
        assert!(reply.contents("A") == [address] && reply.answer_is_signed(), "{reply:?}");
        assert_eq!(delv(reader.dns(), &anchors, ZONE, &name, "A"), Verdict::Secure);
    }
    eprintln!("slowest of 50 changes at the other server, dig's own time at the writer included: {slowest:?}");
    // A new zone, and a zone that goes.
    second.api().create_zone("late.example.", Signed::Yes, Vec::new());
    until_true("the other server to serve a new zone", LAG_MAX, || {
        dig(first.dns(), "late.example.", "SOA", Transport::Udp).answer_is_signed()
    });
    second.api().must(204, "DELETE", "/zones/late.example.", None);
    until_true("the other server to drop the zone", LAG_MAX, || {
        dig(first.dns(), "late.example.", "SOA", Transport::Udp).status == "REFUSED"
    });
}

/// Queries of every kind against each server, all the time, until told to stop. Not one may fail.
struct Load<'a> {
    servers: [SocketAddr; 2],
    stop: &'a AtomicBool,
    answered: AtomicUsize,
}

impl Load<'_> {
    /// Asks existing names, wildcards, random names and TCP; panics at the first query that fails.
    fn run(&self, thread: usize) {
        let server = self.servers[thread % 2];
        let asker = Asker::new(server, QUERY_MAX);
        let mut number = 0usize;
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            let id = (number % 60_000) as u16;
            let (name, rtype, wanted) = match number % 4 {
                0 => (format!("www.{ZONE}"), RecordType::A, 0),
                1 => (format!("q{thread}x{number}.{ZONE}"), RecordType::A, 3),
                2 => (format!("q{number}.wild.{ZONE}"), RecordType::A, 0),
                _ => (ZONE.to_owned(), RecordType::SOA, 0),
            };
            let message = query(id, &name, rtype);
            let asked = Instant::now();
            let reply = if number.is_multiple_of(64) {
                signpost_tests::query::ask_tcp(server, &message, QUERY_MAX)
                    .unwrap_or_else(|error| panic!("{name} over TCP failed: {error}"))
                    .expect("the server replies before it closes")
            } else {
                asker.ask(&message).unwrap_or_else(|error| panic!("{name} failed after {:?}: {error}", asked.elapsed()))
            };
            assert_eq!(rcode(&reply), Some(wanted), "{name}");
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

enum Away {
    /// Stopped as by its operator.
    Stopped,
    /// SIGSTOP: connections stay open, nothing answers.
    Frozen,
}

fn postgres_away(how: &Away, time: Duration) {
    let _alone = alone();
    let postgres = Postgres::start().expect("Postgres starts");
    let [first, second] = two_servers(&postgres);
    let sets = vec![
        signpost_tests::api::rrset(&format!("www.{ZONE}"), "A", 60, &["192.0.2.1"]),
        signpost_tests::api::rrset(&format!("*.wild.{ZONE}"), "A", 60, &["192.0.2.2"]),
    ];
    first.api().create_zone(ZONE, Signed::Yes, sets);
    until_true("both to serve the zone", LAG_MAX, || {
        dig(second.dns(), &format!("www.{ZONE}"), "A", Transport::Udp).answer_is_signed()
    });
    let anchors = anchors(&first.api());
    let unbound = Unbound::start(second.dns(), &[ZONE], &anchors.records);

    let stop = AtomicBool::new(false);
    let load = Load { servers: [first.dns(), second.dns()], stop: &stop, answered: AtomicUsize::new(0) };
    std::thread::scope(|scope| {
        // Whatever fails below, the load must end, or the scope would wait for it forever.
        struct StopAtEnd<'a>(&'a AtomicBool);
        impl Drop for StopAtEnd<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _stop = StopAtEnd(&stop);
        let askers: Vec<_> = (0..2)
            .map(|thread| {
                scope.spawn({
                    let load = &load;
                    move || load.run(thread)
                })
            })
            .collect();

        match how {
            Away::Stopped => postgres.stop().expect("Postgres stops"),
            Away::Frozen => postgres.freeze().expect("Postgres freezes"),
        }
        let gone = Instant::now();
        let mut refused = 0;
        while gone.elapsed() < time {
            for server in [&first, &second] {
                let asked = Instant::now();
                let body = serde_json::json!({ "rrsets": [replace(&format!("lost.{ZONE}"), "A", 60, &["192.0.2.9"])] });
                let reply =
                    server.api().send("PATCH", &format!("/zones/{ZONE}"), Some(&body)).expect("the API answers");
                assert_eq!(reply.status, 503, "{}", reply.text());
                assert_eq!(reply.header("content-type"), Some("application/json"));
                let error = reply.json()["error"].as_str().map(str::to_owned).unwrap_or_default();
                assert!(!error.is_empty(), "a 503 without a reason");
                assert!(!error.contains("192.0.2"), "the client is told too much: {error}");
                assert!(asked.elapsed() < Duration::from_secs(30), "a 503 took {:?}", asked.elapsed());
                refused += 1;
            }
            // What a resolver asks for the first time is signed and valid all the same.
            let reply = unbound.ask(&format!("away{refused}.{ZONE}"), "A");
            assert!(reply.status == "NXDOMAIN" && reply.has_flag("ad"), "{reply:?}");
            assert!(askers.iter().all(|asker| !asker.is_finished()), "a query failed");
        }
        assert!(refused > 0);
        match how {
            Away::Stopped => postgres.restart().expect("Postgres starts"),
            Away::Frozen => postgres.thaw().expect("Postgres thaws"),
        }
        // Changed by SQL before either server is likely to be connected again, and by API as soon as that works.
        postgres
            .sql(
                "postgres",
                "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
                 SELECT id, 'sql.replicated.example', 'A', '192.0.2.77', 60, 0, false, true FROM domains",
            )
            .expect("Postgres is back");
        for server in [&first, &second] {
            until_true("a server to catch up with SQL", PATIENCE, || {
                let reply = dig(server.dns(), &format!("sql.{ZONE}"), "A", Transport::Udp);
                reply.contents("A") == ["192.0.2.77"] && reply.answer_is_signed()
            });
        }
        for (number, server) in [&first, &second].into_iter().enumerate() {
            let name = format!("back{number}.{ZONE}");
            let body = serde_json::json!({ "rrsets": [replace(&name, "A", 60, &["192.0.2.3"])] });
            until_true("writes to work again", PATIENCE, || {
                server.api().send("PATCH", &format!("/zones/{ZONE}"), Some(&body)).expect("the API answers").status
                    == 204
            });
            for server in [&first, &second] {
                until_true("both to answer with it", PATIENCE, || {
                    dig(server.dns(), &name, "A", Transport::Udp).contents("A") == ["192.0.2.3"]
                });
            }
        }
        stop.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.join().expect("not one query fails");
        }
    });
    eprintln!("{} queries answered, none failed", load.answered.load(Ordering::Relaxed));
    assert!(load.answered.load(Ordering::Relaxed) > 1000);
    for server in [&first, &second] {
        verify_zone(ZONE, &server.run(&["export", ZONE, "--signed"]));
        let lost = dig(server.dns(), &format!("lost.{ZONE}"), "A", Transport::Udp);
        assert_eq!(lost.status, "NXDOMAIN", "a change that was refused with 503 is answered");
    }
}

#[test]
fn no_query_fails_while_postgres_is_stopped() {
    postgres_away(&Away::Stopped, Duration::from_secs(10));
}

#[test]
fn no_query_fails_while_postgres_is_frozen() {
    postgres_away(&Away::Frozen, Duration::from_secs(12));
}

#[test]
#[ignore = "full set: a minute without the database"]
fn no_query_fails_while_postgres_is_stopped_for_a_minute() {
    postgres_away(&Away::Stopped, Duration::from_secs(60));
}

#[test]
#[ignore = "full set: a minute without the database"]
fn no_query_fails_while_postgres_is_frozen_for_a_minute() {
    postgres_away(&Away::Frozen, Duration::from_secs(60));
}
