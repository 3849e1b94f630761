//! Response rate limiting for UDP: how many like replies one network is sent in a second, since with a forged source address that
//! network is a victim and not a client.
//!
//! Each worker has a table of its own, of fixed size, and its share of the rates: the kernel spreads a source's ports over the
//! workers. An account is one number, the time until which the rate is used up (the generic cell rate algorithm): each reply moves
//! it on by the interval of the rate, and a reply is withheld when it lies more than a second ahead. Withheld replies count
//! too, up to the window, so that whoever goes on and on is sent nothing until it calms down.
//!
//! Of the replies withheld every n-th is replaced by a short one (the slip): TC, upon which an honest client comes back over TCP, or
//! BADCOOKIE with a cookie, upon which it comes back over UDP and is no longer limited.

use crate::answer::Reply;
use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;
use wire::Network;
use wire::message::Rcode;

/// Rates above zero are at most this.
const RATE_MAX: u32 = 1_000_000;
/// Accounts that one cache line holds. A new one takes the place of that among them which is nearest to being settled: a flood of
/// sources that are seen once does not displace one that is limited.
const WAYS: usize = 4;
/// How far ahead of now an account may be before replies are withheld: bursts of a second's worth pass.
const BURST_MICROS: u64 = 1_000_000;

/// Limits, per second and source network, over all workers of one address; a rate of 0 sets none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Answers about the same name, wildcard or cut. Default 0; at most 1,000,000, as the next three.
    pub responses_per_second: u32,
    /// NXDOMAIN in the same zone. Default 0.
    pub nxdomains_per_second: u32,
    /// Refusals and errors. Default 0.
    pub errors_per_second: u32,
    /// Replies of any kind. Default 0.
    pub all_per_second: u32,
    /// How long a network that went on and on must be calm until it is answered again, at most. Default 15 s, 1 s to one hour.
    pub window: Duration,
    /// Of the replies withheld every n-th is replaced by a short one; 1: all, 0: none. Default 2, at most 100.
    pub slip: u8,
    /// Leading bits of an IPv4 address that make a network. Default 24.
    pub ipv4_prefix: u8,
    /// The same for IPv6. Default 56.
    pub ipv6_prefix: u8,
    /// Networks that are never limited.
    pub exempt: Vec<Network>,
    /// Accounts in each worker's table, 16 octets each. Default 65,536; 1,024 to 16,777,216, rounded up to a power of two.
    pub accounts: usize,
}

impl Default for RateLimits {
    fn default() -> RateLimits {
        RateLimits {
            responses_per_second: 0,
            nxdomains_per_second: 0,
            errors_per_second: 0,
            all_per_second: 0,
            window: Duration::from_secs(15),
            slip: 2,
            ipv4_prefix: 24,
            ipv6_prefix: 56,
            exempt: Vec::new(),
            accounts: 1 << 16,
        }
    }
}

impl RateLimits {
    /// Returns the first field out of its bounds, with the value, and the bounds.
    pub(crate) fn out_of_bounds(&self) -> Option<(&'static str, u64, RangeInclusive<u64>)> {
        let rate = |name, rate: u32| (name, u64::from(rate), 0..=u64::from(RATE_MAX));
        [
            rate("responses_per_second", self.responses_per_second),
            rate("nxdomains_per_second", self.nxdomains_per_second),
            rate("errors_per_second", self.errors_per_second),
            rate("all_per_second", self.all_per_second),
            ("window", self.window.as_secs(), 1..=3600),
            ("slip", self.slip.into(), 0..=100),
            ("ipv4_prefix", self.ipv4_prefix.into(), 1..=32),
            ("ipv6_prefix", self.ipv6_prefix.into(), 1..=128),
            ("accounts", self.accounts as u64, 1024..=1 << 24),
        ]
        .into_iter()
        .find(|(_, value, bounds)| !bounds.contains(value))
    }

    fn rates(&self) -> [u32; CATEGORIES] {
        [self.responses_per_second, self.nxdomains_per_second, self.errors_per_second, self.all_per_second]
    }
}

/// What is counted together. The order is that of [`RateLimits::rates`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Category {
    Response,
    Nxdomain,
    Error,
    All,
}

const CATEGORIES: usize = 4;

impl Category {
    fn of(reply: &Reply) -> Category {
        match (reply.rcode, &reply.refusal) {
            (_, Some(_)) => Category::Error,
            (Rcode::NXDOMAIN, None) => Category::Nxdomain,
            _ => Category::Response,
        }
    }
}

/// What is to be done with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Send,
    /// Send a short one in its place.
    Slip,
    Drop,
}

/// The accounts of one worker.
pub(crate) struct RateLimiter {
    /// Microseconds that one reply takes of the rate, by category; 0: no limit.
    intervals: [u64; CATEGORIES],
    window_micros: u64,
    slip: u32,
    ipv4_shift: u32,
    ipv6_shift: u32,
    exempt: Vec<Network>,
    hasher: RandomState,
    sets: Box<[Set]>,
}

/// Accounts among which one is looked for.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Set([Account; WAYS]);

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// Bits of the hash that did not choose the set.
    tag: u32,
    /// Replies withheld since the last slip.
    withheld: u32,
    /// Microseconds of the worker's clock until which the rate is used up.
    until: u64,
}

impl RateLimiter {
    /// A table for one of `workers`; `None` where nothing is limited.
    pub(crate) fn new(limits: &RateLimits, workers: usize) -> Option<RateLimiter> {
        let rates = limits.rates();
        if rates == [0; CATEGORIES] {
            return None;
        }
        let interval =
            |rate: u32| (workers as u64 * 1_000_000).checked_div(rate.into()).map_or(0, |micros| micros.max(1));
        let sets = limits.accounts.next_power_of_two() / WAYS;
        Some(RateLimiter {
            intervals: rates.map(interval),
            window_micros: limits.window.as_micros() as u64,
            slip: limits.slip.into(),
            ipv4_shift: 32 - u32::from(limits.ipv4_prefix),
            ipv6_shift: 128 - u32::from(limits.ipv6_prefix),
            exempt: limits.exempt.clone(),
            hasher: RandomState::default(),
            sets: vec![Set::default(); sets].into(),
        })
    }

    /// Charges a reply to its accounts at `now`, in microseconds of a clock that never goes back.
    pub(crate) fn judge(&mut self, source: IpAddr, reply: &Reply, now: u64) -> Verdict {
        let network = self.network(source);
        let mut verdict = self.charge(network, Category::of(reply), reply.likeness, now);
        if verdict == Verdict::Send {
            verdict = self.charge(network, Category::All, 0, now);
        }
        // Last, since hardly any reply comes this far.
        if verdict != Verdict::Send && self.exempt.iter().any(|network| network.contains(source)) {
            return Verdict::Send;
        }
        verdict
    }

    fn network(&self, source: IpAddr) -> (bool, u128) {
        match source {
            IpAddr::V4(address) => (true, u128::from(address.to_bits() >> self.ipv4_shift)),
            IpAddr::V6(address) => (false, address.to_bits() >> self.ipv6_shift),
        }
    }

    fn charge(&mut self, network: (bool, u128), category: Category, likeness: u64, now: u64) -> Verdict {
        let interval = self.intervals[category as usize];
        if interval == 0 {
            return Verdict::Send;
        }
        let hash = self.hasher.hash_one((network, category as u8, likeness));
        let index = (hash >> 32) as usize & (self.sets.len() - 1);
        let account = self.sets[index].account(hash as u32);
        let until = account.until.max(now) + interval;
        // One reply always passes, however low the rate.
        if until <= now + BURST_MICROS.max(interval) {
            account.until = until;
            return Verdict::Send;
        }
        account.until = until.min(now + BURST_MICROS + self.window_micros);
        account.withheld += 1;
        if self.slip == 0 || account.withheld < self.slip {
            return Verdict::Drop;
        }
        account.withheld = 0;
        Verdict::Slip
    }
}

impl Set {
    /// The account with this tag, or else the one nearest to being settled, emptied.
    fn account(&mut self, tag: u32) -> &mut Account {
        let index = match self.0.iter().position(|account| account.tag == tag) {
            Some(index) => index,
            None => {
                let settled = (0..WAYS).min_by_key(|&index| self.0[index].until).unwrap_or_default();
                self.0[settled] = Account { tag, ..Account::default() };
                settled
            }
        };
        &mut self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::CookieProof;
    use crate::tail::Refusal;

    const SECOND: u64 = 1_000_000;

    fn limits() -> RateLimits {
        RateLimits {
            responses_per_second: 10,
            nxdomains_per_second: 5,
            errors_per_second: 2,
            window: Duration::from_secs(5),
            accounts: 1024,
            ..RateLimits::default()
        }
    }

    fn reply(rcode: Rcode, likeness: u64) -> Reply {
        Reply {
            octets: 100,
            rcode,
            qtype: None,
            is_dnssec_ok: false,
            is_truncated: false,
            refusal: (rcode == Rcode::REFUSED).then_some(Refusal::NotAuthoritative),
            cookie: CookieProof::None,
            likeness,
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of `count` replies at `now` are sent, slipped and dropped.
    fn ask(limiter: &mut RateLimiter, source: &str, reply: &Reply, count: usize, now: u64) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..count {
            counts[limiter.judge(address(source), reply, now) as usize] += 1;
        }
        counts
    }

    #[test]
    fn a_seconds_worth_passes_and_every_second_one_withheld_slips() {
        let mut limiter = RateLimiter::new(&limits(), 1).unwrap();
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 7), 30, SECOND), [10, 10, 10]);
        let never = RateLimits { slip: 0, ..limits() };
        let mut limiter = RateLimiter::new(&never, 1).unwrap();
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 7), 30, SECOND), [10, 0, 20]);
        let always = RateLimits { slip: 1, ..limits() };
        let mut limiter = RateLimiter::new(&always, 1).unwrap();
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 7), 30, SECOND), [10, 20, 0]);
    }

    #[test]
    fn a_rate_below_the_limit_is_never_limited() {
        let mut limiter = RateLimiter::new(&limits(), 1).unwrap();
        for tenth in 0..1000 {
            let verdict = limiter.judge(address("192.0.2.1"), &reply(Rcode::NOERROR, 7), tenth * SECOND / 10);
            assert_eq!(verdict, Verdict::Send, "{tenth}");
        }
    }

    #[test]
    fn whoever_goes_on_is_answered_again_once_the_window_has_passed() {
        let mut limiter = RateLimiter::new(&limits(), 1).unwrap();
        let reply = reply(Rcode::NOERROR, 7);
        for second in 1..100 {
            let sent = ask(&mut limiter, "192.0.2.1", &reply, 1000, second * SECOND)[0];
            assert_eq!(sent, if second == 1 { 10 } else { 0 }, "{second}");
        }
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply, 1, 103 * SECOND)[0], 0);
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply, 100, 106 * SECOND)[0], 10);
    }

    #[test]
    fn networks_names_and_kinds_have_accounts_of_their_own() {
        let mut limiter = RateLimiter::new(&limits(), 1).unwrap();
        let answer = reply(Rcode::NOERROR, 7);
        assert_eq!(ask(&mut limiter, "192.0.2.1", &answer, 30, SECOND)[0], 10);
        assert_eq!(ask(&mut limiter, "192.0.2.255", &answer, 30, SECOND)[0], 0, "the same /24");
        assert_eq!(ask(&mut limiter, "192.0.3.1", &answer, 30, SECOND)[0], 10, "another");
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 8), 30, SECOND)[0], 10, "another name");
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NXDOMAIN, 7), 30, SECOND)[0], 5);
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::REFUSED, 0), 30, SECOND)[0], 2);
        assert_eq!(ask(&mut limiter, "2001:db8::1", &answer, 30, SECOND)[0], 10);
        assert_eq!(ask(&mut limiter, "2001:db8:0:ff::1", &answer, 30, SECOND)[0], 0, "the same /56");
        assert_eq!(ask(&mut limiter, "2001:db8:0:100::1", &answer, 30, SECOND)[0], 10, "another");
    }

    #[test]
    fn a_limit_on_all_holds_over_names_and_kinds() {
        let limits = RateLimits { all_per_second: 20, ..RateLimits::default() };
        let mut limiter = RateLimiter::new(&limits, 1).unwrap();
        let sent: usize =
            (0..50).map(|name| ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, name), 1, SECOND)[0]).sum();
        assert_eq!(sent, 20);
    }

    #[test]
    fn workers_share_a_rate_and_each_lets_at_least_one_through() {
        let mut limiter = RateLimiter::new(&limits(), 5).unwrap();
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 7), 30, SECOND)[0], 2);
        let mut limiter = RateLimiter::new(&limits(), 1000).unwrap();
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 7), 30, SECOND)[0], 1);
    }

    #[test]
    fn exempt_networks_are_never_limited() {
        let limits = RateLimits { exempt: vec!["192.0.2.0/25".parse().unwrap()], ..limits() };
        let mut limiter = RateLimiter::new(&limits, 1).unwrap();
        assert_eq!(ask(&mut limiter, "192.0.2.1", &reply(Rcode::NOERROR, 7), 30, SECOND)[0], 30);
        assert_eq!(
            ask(&mut limiter, "192.0.2.200", &reply(Rcode::NOERROR, 7), 30, SECOND)[0],
            0,
            "they share an account"
        );
    }

    #[test]
    fn a_flood_of_sources_seen_once_neither_grows_the_table_nor_frees_the_limited() {
        let mut limiter = RateLimiter::new(&limits(), 1).unwrap();
        let answer = reply(Rcode::NOERROR, 7);
        ask(&mut limiter, "192.0.2.1", &answer, 100, SECOND);
        let sets = limiter.sets.len();
        for number in 0..100_000_u32 {
            let source = IpAddr::V4((0x0a00_0000 + (number << 8)).into());
            limiter.judge(source, &answer, SECOND);
        }
        assert_eq!(limiter.sets.len(), sets);
        assert_eq!(ask(&mut limiter, "192.0.2.1", &answer, 10, SECOND)[0], 0);
    }

    #[test]
    fn without_a_rate_there_is_no_table() {
        assert!(RateLimiter::new(&RateLimits::default(), 1).is_none());
    }

    #[test]
    fn bounds_are_named() {
        assert_eq!(limits().out_of_bounds(), None);
        let bad = RateLimits { ipv4_prefix: 33, ..limits() };
        assert_eq!(bad.out_of_bounds(), Some(("ipv4_prefix", 33, 1..=32)));
    }
}
