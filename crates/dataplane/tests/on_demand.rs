//! The bound on signatures that are made while a query waits: past it nothing goes out unsigned, known answers flow, and other zones
//! have their share.

mod fixture;

use dataplane::Transport;
use dataplane::tail::Refusal;
use dnssec::{WorkbenchBounds, ZoneTable};
use fixture::{Mode, NOW, ask, denials, show, table_within, zone};
use std::sync::Arc;

fn example(apex: &str) -> String {
    format!(
        "{apex}. 3600 SOA ns1.{apex}. host.{apex}. 1 7200 3600 1209600 300\n{apex}. 3600 NS ns1.elsewhere.\n\
         www.{apex}. 60 A 192.0.2.10\n*.wild.{apex}. 60 A 192.0.2.11"
    )
}

/// Two zones whose own data is signed, as the keeper sees to.
fn signed_ahead(mode: Mode, signatures_per_second: u32) -> Arc<ZoneTable> {
    let zones = ["one", "two"].map(|apex| zone(mode, &example(apex)));
    for served in &zones {
        let signer = served.signer.as_ref().unwrap();
        served.zone.signable().for_each(|(owner, rrset)| drop(signer.signatures(&owner, rrset, NOW)));
    }
    table_within(WorkbenchBounds { signatures_per_second, ..WorkbenchBounds::default() }, zones)
}

#[test]
fn past_the_bound_datagrams_get_tc_and_streams_have_their_own_share() {
    for mode in [Mode::Narrow, Mode::Compact] {
        let table = signed_ahead(mode, 20);
        let random = |number: u32| ask(&format!("random{number}.one"), "A").with_do();
        let mut shed = 0;
        for number in 0..50 {
            let (reply, done) = random(number).raw(&table);
            match done.refusal {
                None => assert!(!denials(&reply).is_empty() && is_signed(&reply), "{mode:?}"),
                Some(Refusal::SignOverStream) => {
                    assert_eq!(show(&reply), ["NOERROR tc do"], "{mode:?}");
                    shed += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!((40..=43).contains(&shed), "a zone has half of 20, of which NSEC3 uses two more: {shed}");
        // What was answered is answered again, data as ever, and who wants no signatures gets none.
        assert_eq!(random(0).raw(&table).1.refusal, None, "{mode:?}");
        assert_eq!(ask("www.one", "A").with_do().of(&table).len(), 3);
        assert_eq!(ask("random99.one", "A").of(&table)[0], "NXDOMAIN aa");
        // Another zone has its half, and streams theirs.
        assert_eq!(ask("random.two", "A").with_do().raw(&table).1.refusal, None);
        assert_eq!(random(60).over(Transport::Tcp).raw(&table).1.refusal, None);
        let busy = (61..90).map(|number| random(number).over(Transport::Tcp).raw(&table));
        let (reply, done) = busy.into_iter().find(|(_, done)| done.refusal.is_some()).unwrap();
        assert_eq!(done.refusal, Some(Refusal::SigningBusy));
        assert_eq!(show(&reply), ["SERVFAIL do"]);
    }
}

/// A large zone just after start: its own RRsets are signed on demand within the same bound.
#[test]
fn data_that_is_not_signed_yet_is_under_the_same_bound() {
    let bounds = WorkbenchBounds { signatures_per_second: 2, ..WorkbenchBounds::default() };
    let table = table_within(bounds, [zone(Mode::Nsec3, &example("one"))]);
    assert_eq!(ask("www.one", "A").with_do().raw(&table).1.refusal, None);
    let (reply, done) = ask("nope.one", "A").with_do().raw(&table);
    assert_eq!((show(&reply), done.refusal), (vec!["NOERROR tc do".to_owned()], Some(Refusal::SignOverStream)));
    assert_eq!(ask("www.one", "A").with_do().raw(&table).1.refusal, None);
}

#[test]
fn distinct_denials_do_not_take_more_memory() {
    let bounds = WorkbenchBounds { signatures_per_second: 1 << 20, cache_octets: 1 << 20 };
    let table = table_within(bounds, [zone(Mode::Compact, &example("one"))]);
    for number in 0..3000 {
        assert_eq!(ask(&format!("random{number}.one"), "A").with_do().raw(&table).1.refusal, None);
        assert!(table.view().bench().status().cache_octets <= 1 << 20);
    }
    assert!(table.view().bench().status().cache_octets > 1 << 18);
}

/// Whether each NSEC and NSEC3 record, and the SOA, has a signature.
fn is_signed(reply: &[u8]) -> bool {
    let lines = show(reply);
    let count = |is: &dyn Fn(&str) -> bool| lines.iter().filter(|line| is(line)).count();
    let signatures = count(&|line| line.contains(" RRSIG "));
    signatures
        == 1 + count(&|line| line.ends_with(" NSEC") || line.ends_with(" NSEC3"))
            - count(&|line| line.contains(" RRSIG NSEC"))
}
