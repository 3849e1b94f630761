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

/// Binds all threads of a process to one core.
pub(crate) fn pin(id: u32, core: u32) -> Result<()> {
    let status = std::process::Command::new("taskset")
        .args(["-a", "-c", "-p", &core.to_string(), &id.to_string()])
        .stdout(std::process::Stdio::null())
        .status()
        .context("taskset cannot be run")?;
    anyhow::ensure!(status.success(), "taskset failed");
    Ok(())
}
