//! RFC 9471: glue in referrals, and what happens to it where there is not room for all.

mod fixture;

use fixture::{Mode, ask, table, zone};

/// A cut with `in_domain` servers below it and `sibling` ones below another cut, named so that the siblings come first.
fn referral(in_domain: usize, sibling: usize) -> Vec<String> {
    let mut text = "example. 3600 SOA ns1.example. host.example. 1 7200 3600 1209600 300\n\
        example. 3600 NS ns1.example.\nb.example. 60 NS ns1.b.example.\n"
        .to_owned();
    for number in 1..=in_domain {
        text += &format!(
            "c.example. 60 NS ns{number}.c.example.\nns{number}.c.example. 60 AAAA 2001:db8::{number}\nns{number}.c.example. 60 A 192.0.2.{number}\n"
        );
    }
    for number in 1..=sibling {
        text +=
            &format!("c.example. 60 NS ns{number}.b.example.\nns{number}.b.example. 60 AAAA 2001:db8:b::{number}\n");
    }
    ask("host.c.example", "A").of(&table([zone(Mode::Unsigned, &text)]))
}

fn count(lines: &[String], start: &str, end: &str) -> usize {
    let is_one =
        |line: &&String| line.starts_with(start) && line.split(' ').nth(1).is_some_and(|owner| owner.ends_with(end));
    lines.iter().filter(is_one).count()
}

#[test]
fn section_3_1_and_3_2_all_glue_goes_along_where_it_fits() {
    let lines = referral(2, 3);
    assert_eq!(lines[0], "NOERROR");
    assert_eq!(count(&lines, "authority:", "c.example."), 5);
    assert_eq!(count(&lines, "additional:", ".c.example."), 4);
    assert_eq!(count(&lines, "additional:", ".b.example."), 3);
}

#[test]
fn section_3_2_sibling_glue_that_does_not_fit_sets_no_tc() {
    let lines = referral(1, 15);
    assert_eq!(lines[0], "NOERROR");
    assert_eq!(count(&lines, "additional:", ".c.example."), 2);
    let sibling = count(&lines, "additional:", ".b.example.");
    assert!((1..15).contains(&sibling), "{lines:#?}");
}

#[test]
fn section_3_2_in_domain_glue_goes_before_that_of_siblings() {
    // As much sibling glue as would take all the room, were it first.
    let lines = referral(3, 12);
    assert_eq!(lines[0], "NOERROR");
    assert_eq!(count(&lines, "additional:", ".c.example."), 6);
    let first = lines.iter().position(|line| line.starts_with("additional:")).unwrap();
    assert_eq!(count(&lines[first..first + 6], "additional:", ".c.example."), 6);
    assert!(count(&lines, "additional:", ".b.example.") < 12);
}

#[test]
fn section_3_1_in_domain_glue_without_room_sets_tc() {
    let lines = referral(14, 0);
    assert_eq!(lines[0], "NOERROR tc");
    // The NS RRset is whole all the same.
    assert_eq!(count(&lines, "authority:", "c.example."), 14);
}
