//! The serial a zone is served with: SOA-EDIT applied to the stored one (PDNS-DIALECT 7.2).

use jiff::{Timestamp, tz::TimeZone};

/// SOA-EDIT moves serials at the start of each week.
const WEEK_SECS: i64 = 7 * 86_400;

/// Applies the SOA-EDIT mode `soa_edit` (any case; empty or unknown: none) to a stored serial. Dates are those of `zone`.
pub fn edited_serial(stored: u32, soa_edit: &str, now: Timestamp, zone: &TimeZone) -> u32 {
    // The epoch was a Thursday.
    let now = now.as_second().max(0);
    let week_start = now - now % WEEK_SECS;
    match soa_edit.to_ascii_uppercase().as_str() {
        "INCEPTION-INCREMENT" => {
            let first = date_serial(week_start, 1, zone);
            let last = date_serial(week_start + 2 * 86_400, 99, zone);
            match stored {
                old if old < first - 1 => first,
                old if old <= first => first + 1,
                old if old <= last => old.wrapping_add(1),
                old => old,
            }
        }
        "INCREMENT-WEEKS" => stored.wrapping_add((week_start / WEEK_SECS) as u32),
        "INCEPTION-EPOCH" => stored.max(week_start as u32),
        "EPOCH" => now as u32,
        _ => stored,
    }
}

/// `YYYYMMDDnn` of a second.
fn date_serial(second: i64, number: u32, zone: &TimeZone) -> u32 {
    let date = zone.to_datetime(Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)).date();
    let (year, month, day) = (u32::from(date.year().unsigned_abs()), date.month() as u32, date.day() as u32);
    // After the year 4294 it no longer fits; wrapping keeps it a number.
    year.wrapping_mul(1_000_000).wrapping_add(month * 10_000 + day * 100 + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tuesday, 24 November 2026, 12:00 UTC; the week began on Thursday the 19th.
    fn edit(stored: u32, mode: &str) -> u32 {
        edited_serial(stored, mode, "2026-11-24T12:00:00Z".parse().unwrap(), &TimeZone::UTC)
    }

    #[test]
    fn section_7_2_each_mode_gives_the_serial_of_the_table() {
        let monday_of_epoch = "2026-11-19T00:00:00Z".parse::<Timestamp>().unwrap().as_second() as u32;
        for (mode, stored, served) in [
            ("INCEPTION-INCREMENT", 1, 2026111901),
            ("INCEPTION-INCREMENT", 2026111900, 2026111902),
            ("INCEPTION-INCREMENT", 2026111901, 2026111902),
            ("inception-increment", 2026111905, 2026111906),
            ("INCEPTION-INCREMENT", 2026112199, 2026112200),
            ("INCEPTION-INCREMENT", 2026112200, 2026112200),
            ("INCREMENT-WEEKS", 5, 5 + monday_of_epoch / 604_800),
            ("INCEPTION-EPOCH", 5, monday_of_epoch),
            ("INCEPTION-EPOCH", 4_000_000_000, 4_000_000_000),
            ("EPOCH", 5, "2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap().as_second() as u32),
            ("NONE", 5, 5),
            ("", 5, 5),
            ("what", 5, 5),
        ] {
            assert_eq!(edit(stored, mode), served, "{mode} {stored}");
        }
        assert_eq!(edit(u32::MAX, "INCREMENT-WEEKS"), (monday_of_epoch / 604_800) - 1);
    }
}
