//! How serials move: SOA-EDIT-API for the stored one, SOA-EDIT for the one that is served (PDNS-DIALECT section 7).
//!
//! All arithmetic wraps (RFC 1982 section 3.1). `now` is Unix time; dates are local, as PowerDNS has them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const WEEK_SECS: i64 = 604_800;
const DAY_SECS: i64 = 86_400;

/// The stored serial after a change, by SOA-EDIT-API.
///
/// `soa_edit_mode` is the zone's SOA-EDIT, for the modes that refer to it. Names are taken in any case; an empty or
/// unknown mode leaves the serial alone. `DEFAULT`, `INCREASE` and `SOA-EDIT-INCREASE` always move it forward;
/// `EPOCH` is the clock, whatever the old serial was.
pub fn soa_edit_api(mode: &str, soa_edit_mode: &str, old: u32, now: i64) -> u32 {
    soa_edit_api_in(mode, soa_edit_mode, old, now, &TimeZone::system())
}

/// The served serial, by SOA-EDIT; an empty or unknown mode serves the stored one.
pub fn soa_edit(mode: &str, serial: u32, now: i64) -> u32 {
    soa_edit_in(mode, serial, now, &TimeZone::system())
}

fn soa_edit_api_in(mode: &str, soa_edit_mode: &str, old: u32, now: i64, zone: &TimeZone) -> u32 {
    match mode.to_ascii_uppercase().as_str() {
        "DEFAULT" => raised(date_serial(now, 1, zone), old),
        "INCREASE" => old.wrapping_add(1),
        "EPOCH" => epoch(now),
        "SOA-EDIT" => soa_edit_in(soa_edit_mode, old, now, zone),
        "SOA-EDIT-INCREASE" => {
            let edited = if soa_edit_mode.eq_ignore_ascii_case("INCEPTION-EPOCH") {
                epoch(now)
            } else {
                soa_edit_in(soa_edit_mode, old, now, zone)
            };
            raised(edited, old)
        }
        "" => old,
        unknown => {
            tracing::warn!(mode = unknown, "an unknown SOA-EDIT-API leaves the serial alone");
            old
        }
    }
}

fn soa_edit_in(mode: &str, serial: u32, now: i64, zone: &TimeZone) -> u32 {
    // Unix time began on a Thursday.
    let week = now.saturating_sub(now.rem_euclid(WEEK_SECS));
    match mode.to_ascii_uppercase().as_str() {
        "INCEPTION-INCREMENT" => {
            let inception = date_serial(week, 1, zone);
            let last = date_serial(week.saturating_add(2 * DAY_SECS), 99, zone);
            if serial < inception.wrapping_sub(1) {
                inception
            } else if serial <= inception {
                inception.wrapping_add(1)
            } else if serial <= last {
                serial.wrapping_add(1)
            } else {
                serial
            }
        }
        "INCREMENT-WEEKS" => serial.wrapping_add(epoch(week / WEEK_SECS)),
        "INCEPTION-EPOCH" => serial.max(epoch(week)),
        "EPOCH" => epoch(now),
        _ => serial,
    }
}

/// `wanted` if that is above `old`, else the next.
fn raised(wanted: u32, old: u32) -> u32 {
    if wanted > old { wanted } else { old.wrapping_add(1) }
}

/// Unix time as a serial: the low 32 bits, as RFC 1982 wants it after 2106.
fn epoch(now: i64) -> u32 {
    now as u32
}

/// `YYYYMMDDNN` of a moment's local date.
fn date_serial(now: i64, number: u32, zone: &TimeZone) -> u32 {
    let moment = Timestamp::from_second(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = moment.to_zoned_datetime(zone.clone()).date();
    let day = date.year().unsigned_abs() as u32 * 10_000 + date.month() as u32 * 100 + date.day() as u32;
    day.wrapping_mul(100).wrapping_add(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tuesday 24 November 2026, 05:00 UTC.
    const NOW: i64 = 1_795_496_400;
    /// Thursday 19 November 2026, 00:00 UTC.
    const WEEK: i64 = 1_795_046_400;

    #[test]
    fn soa_edit_api_table() {
        let today = 2_026_112_401;
        for (mode, soa_edit, old, wanted) in [
            ("", "", 5, 5),
            ("DEFAULT", "", 0, today),
            ("default", "", 5, today),
            ("DEFAULT", "", today - 1, today),
            ("DEFAULT", "", today, today + 1),
            ("DEFAULT", "", today + 98, today + 99),
            ("DEFAULT", "", 3_000_000_000, 3_000_000_001),
            ("DEFAULT", "", u32::MAX, 0),
            ("INCREASE", "", 5, 6),
            ("Increase", "", u32::MAX, 0),
            ("EPOCH", "", 5, NOW as u32),
            ("EPOCH", "", u32::MAX, NOW as u32),
            ("SOA-EDIT", "", 5, 5),
            ("SOA-EDIT", "EPOCH", 5, NOW as u32),
            ("SOA-EDIT", "INCEPTION-INCREMENT", 5, 2_026_111_901),
            ("SOA-EDIT-INCREASE", "", 5, 6),
            ("SOA-EDIT-INCREASE", "NONE", u32::MAX, 0),
            ("SOA-EDIT-INCREASE", "INCEPTION-EPOCH", 5, NOW as u32),
            ("SOA-EDIT-INCREASE", "INCEPTION-INCREMENT", 2_026_112_199, 2_026_112_200),
            ("SOA-EDIT-INCREASE", "INCEPTION-INCREMENT", 2_026_112_200, 2_026_112_201),
            ("NONSENSE", "", 5, 5),
        ] {
            let new = soa_edit_api_in(mode, soa_edit, old, NOW, &TimeZone::UTC);
            assert_eq!(new, wanted, "{mode} {soa_edit} of {old}");
        }
    }

    #[test]
    fn soa_edit_table() {
        for (mode, old, wanted) in [
            ("INCEPTION-INCREMENT", 1, 2_026_111_901),
            ("INCEPTION-INCREMENT", 2_026_111_899, 2_026_111_901),
            ("INCEPTION-INCREMENT", 2_026_111_900, 2_026_111_902),
            ("inception-increment", 2_026_111_901, 2_026_111_902),
            ("INCEPTION-INCREMENT", 2_026_111_902, 2_026_111_903),
            ("INCEPTION-INCREMENT", 2_026_112_199, 2_026_112_200),
            ("INCEPTION-INCREMENT", 2_026_112_200, 2_026_112_200),
            ("INCREMENT-WEEKS", 100, 100 + (WEEK / WEEK_SECS) as u32),
            ("INCREMENT-WEEKS", u32::MAX, (WEEK / WEEK_SECS) as u32 - 1),
            ("INCEPTION-EPOCH", 5, WEEK as u32),
            ("INCEPTION-EPOCH", u32::MAX, u32::MAX),
            ("EPOCH", 5, NOW as u32),
            ("NONE", 5, 5),
            ("", 5, 5),
            ("other", 5, 5),
        ] {
            assert_eq!(soa_edit_in(mode, old, NOW, &TimeZone::UTC), wanted, "{mode} of {old}");
        }
    }

    #[test]
    fn the_date_is_local() {
        let east = TimeZone::fixed(jiff::tz::offset(14));
        let west = TimeZone::fixed(jiff::tz::offset(-12));
        let evening = NOW + 12 * 3600;
        assert_eq!(soa_edit_api_in("DEFAULT", "", 0, evening, &east), 2_026_112_501);
        assert_eq!(soa_edit_api_in("DEFAULT", "", 0, NOW, &west), 2_026_112_301);
    }

    #[test]
    fn no_clock_makes_it_panic() {
        for now in [i64::MIN, -1, 0, 1 << 33, i64::MAX / 2] {
            for mode in ["DEFAULT", "EPOCH", "SOA-EDIT-INCREASE"] {
                for soa_edit in ["INCEPTION-INCREMENT", "INCREMENT-WEEKS", "INCEPTION-EPOCH", "EPOCH"] {
                    soa_edit_api_in(mode, soa_edit, u32::MAX, now, &TimeZone::UTC);
                }
            }
        }
    }
}
