//! What a process uses, as `/proc` tells.

use anyhow::{Context, Result};
use std::fs;

/// Clock ticks a second of `/proc/PID/stat`; Linux shows 100 on every architecture.
const TICKS: f64 = 100.0;

/// Resident memory in octets.
pub(crate) fn resident_bytes(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Seconds of processor time, user and system.
pub(crate) fn cpu_seconds(id: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no command in stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("stat is short");
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Memory of a process in octets, with its part of what it shares with others: after a fork most is shared.
pub(crate) fn proportional_bytes(id: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Binds all threads of a process to cores, as taskset(1) lists them.
pub(crate) fn pin(id: u32, cores: &str) -> Result<()> {
    let status = std::process::Command::new("taskset")
        .args(["-a", "-c", "-p", cores, &id.to_string()])
        .stdout(std::process::Stdio::null())
        .status()
        .context("taskset cannot be run")?;
    anyhow::ensure!(status.success(), "taskset failed");
    Ok(())
}

/// A process and all that it has started.
pub(crate) fn family(id: u32) -> Result<Vec<u32>> {
    let mut found = vec![id];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        for task in fs::read_dir(format!("/proc/{parent}/task")).context("the process has ended")?.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        next += 1;
    }
    Ok(found)
}

/// Seconds of processor time of all threads of some processes, to the nanosecond. Threads that have ended do not count.
pub(crate) fn thread_seconds(processes: &[u32]) -> Result<f64> {
    let mut nanoseconds = 0_u64;
    for id in processes {
        for task in fs::read_dir(format!("/proc/{id}/task")).context("the process has ended")?.flatten() {
            let statistics = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanoseconds += statistics.split(' ').next().and_then(|run| run.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// Processes that run before all ordinary ones, until this is dropped.
#[derive(Debug)]
pub(crate) struct Realtime {
    /// Empty where the system did not permit it.
    processes: Vec<u32>,
}

/// Gives all threads of some processes SCHED_RR. Without the privilege they stay as they are: see [`Realtime::is_given`].
pub(crate) fn realtime(processes: &[u32]) -> Realtime {
    let is_given = processes.iter().all(|id| chrt(&["-a", "-r", "-p", "10", &id.to_string()]));
    Realtime { processes: if is_given { processes.to_vec() } else { Vec::new() } }
}

impl Realtime {
    /// Whether the system permitted it.
    pub(crate) fn is_given(&self) -> bool {
        !self.processes.is_empty()
    }
}

impl Drop for Realtime {
    fn drop(&mut self) {
        for id in &self.processes {
            chrt(&["-a", "-o", "-p", "0", &id.to_string()]);
        }
    }
}

fn chrt(arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new("chrt");
    command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
