//! What the system says about this process and its network, from `/proc`. Where there is none, the values are left out.

use std::fs;

use api::{Metric, MetricKind};

/// `/proc` counts processor time in these (USER_HZ, 100 on all of Linux), here in milliseconds.
const TICK_MILLIS: u64 = 10;

/// All values that there are, under PowerDNS's names. The UDP errors and `cpu-*` are those of the whole host or container.
pub(super) fn metrics() -> Vec<Metric> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut metrics = Vec::new();
    let mut put = |name, help, kind, value: Option<u64>| {
        metrics.extend(value.map(|value| Metric { name, help, kind, value }));
    };
    use MetricKind::{Counter, Gauge};
    let times = processor_times(&read("/proc/self/stat"));
    put("user-msec", "Milliseconds of processor time spent in user space", Counter, times.map(|(user, _)| user));
    put("sys-msec", "Milliseconds of processor time spent in the kernel", Counter, times.map(|(_, system)| system));
    put("real-memory-usage", "Octets of memory in use", Gauge, resident(&read("/proc/self/status")));
    let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);
    put("fd-usage", "Number of open files and sockets", Gauge, files);
    let stat = read("/proc/stat");
    put("cpu-iowait", "Time all processors waited for disks, in units of USER_HZ", Counter, processor(&stat, 4));
    put("cpu-steal", "Time other machines took from this one, in units of USER_HZ", Counter, processor(&stat, 7));
    let (v4, v6) = (read("/proc/net/snmp"), read("/proc/net/snmp6"));
    for (name, help, field) in [
        ("udp-in-errors", "Number of UDP packets that could not be taken in, on the whole host", "InErrors"),
        ("udp-noport-errors", "Number of UDP packets to ports without a listener, on the whole host", "NoPorts"),
        ("udp-recvbuf-errors", "Number of UDP packets lost to full receive buffers, on the whole host", "RcvbufErrors"),
        ("udp-sndbuf-errors", "Number of UDP packets lost to full send buffers, on the whole host", "SndbufErrors"),
        ("udp-in-csum-errors", "Number of UDP packets with a wrong checksum, on the whole host", "InCsumErrors"),
    ] {
        put(name, help, Counter, snmp(&v4, "Udp:", field));
    }
    for (name, help, field) in [
        ("udp6-in-errors", "Number of UDP packets over IPv6 that could not be taken in", "Udp6InErrors"),
        ("udp6-noport-errors", "Number of UDP packets over IPv6 to ports without a listener", "Udp6NoPorts"),
        ("udp6-recvbuf-errors", "Number of UDP packets over IPv6 lost to full receive buffers", "Udp6RcvbufErrors"),
        ("udp6-sndbuf-errors", "Number of UDP packets over IPv6 lost to full send buffers", "Udp6SndbufErrors"),
        ("udp6-in-csum-errors", "Number of UDP packets over IPv6 with a wrong checksum", "Udp6InCsumErrors"),
    ] {
        put(name, help, Counter, labelled(&v6, field));
    }
    metrics
}

/// Milliseconds in user space and in the kernel. The program's name stands in parentheses and may hold anything.
fn processor_times(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    Some((fields.next()?.ok()? * TICK_MILLIS, fields.next()?.ok()? * TICK_MILLIS))
}

fn resident(status: &str) -> Option<u64> {
    Some(labelled(status, "VmRSS:")? << 10)
}

/// A column of the first line of `/proc/stat`, which sums all processors.
fn processor(stat: &str, column: usize) -> Option<u64> {
    stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().nth(column)?.parse().ok()
}

/// The number that stands after a label on its line.
fn labelled(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split_ascii_whitespace().next() == Some(label))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A value of `/proc/net/snmp`: one line has the names, the next the values.
fn snmp(text: &str, protocol: &str, field: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split_ascii_whitespace().next() == Some(protocol));
    let column = lines.next()?.split_ascii_whitespace().position(|name| name == field)?;
    lines.next()?.split_ascii_whitespace().nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_the_kernel_writes_them() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 9 0 1 2 3";
        assert_eq!(processor_times(stat), Some((1500, 250)));
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        let cpu = "cpu  1 2 3 4 50 6 7 80 9 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!((processor(cpu, 4), processor(cpu, 7)), (Some(50), Some(80)));
        let v4 = "Ip: A\nIp: 1\nUdp: InDatagrams NoPorts InErrors\nUdp: 5 6 7\nUdpLite: InErrors\nUdpLite: 9\n";
        assert_eq!((snmp(v4, "Udp:", "InErrors"), snmp(v4, "Udp:", "MemErrors")), (Some(7), None));
        assert_eq!(labelled("Udp6InErrors   \t4\nUdp6NoPorts 5\n", "Udp6NoPorts"), Some(5));
        assert_eq!(processor_times(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_all_of_them() {
        let metrics = metrics();
        let value = |name: &str| metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value);
        assert!(value("real-memory-usage") > Some(1 << 20) && value("fd-usage") >= Some(3));
        for name in ["user-msec", "sys-msec", "cpu-iowait", "cpu-steal", "udp-in-errors", "udp-recvbuf-errors"] {
            assert!(value(name).is_some(), "{name}");
        }
    }
}
