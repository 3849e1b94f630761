//! Runs [`crate::work`] under callgrind, and reads what it counted.

use crate::kinds::Kind;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// Counts each kind; the instructions of one query, on average. Files go to `keep`, or are removed.
///
/// # Errors
///
/// Without valgrind, or where the work goes wrong.
pub(crate) fn count(keep: Option<&Path>) -> Result<Vec<(String, f64)>> {
    let own = std::env::temp_dir().join(format!("signpost-guard-{}", std::process::id()));
    let folder = keep.unwrap_or(&own);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let counted = count_into(folder);
    if keep.is_none() {
        std::fs::remove_dir_all(folder)?;
    }
    counted
}

fn count_into(folder: &Path) -> Result<Vec<(String, f64)>> {
    let files = folder.join("counts");
    let program = std::env::current_exe().context("no path of our own")?;
    // Only `counted` is counted, and each time it returns a file is written.
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--compress-strings=no"])
        .args(["--toggle-collect=guard::work::counted", "--dump-after=guard::work::counted"])
        .arg(format!("--callgrind-out-file={}", files.display()))
        .arg(program)
        .arg("--work")
        .stdout(Stdio::null())
        .status()
        .context("cannot run valgrind (Debian: apt-get install valgrind)")?;
    ensure!(status.success(), "the work under valgrind ended with {status}");
    let mut counts = Vec::new();
    for (index, kind) in Kind::ALL.iter().enumerate() {
        let path = files.with_extension((index + 1).to_string());
        let text = std::fs::read_to_string(&path).with_context(|| format!("callgrind wrote no {}", path.display()))?;
        let total = total(&text).with_context(|| format!("no total in {}", path.display()))?;
        counts.push((kind.name().to_owned(), total as f64 / crate::work::COUNTED as f64));
    }
    Ok(counts)
}

/// The instructions that one of callgrind's files sums.
fn total(text: &str) -> Option<u64> {
    let line =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")))?;
    line.trim().parse().ok().filter(|&total| total > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_and_nothing_is_none() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 4711\n\nfn=a\n1 4711\n"), Some(4711));
        assert_eq!(total("events: Ir\ntotals: 12\n"), Some(12));
        assert_eq!(total("events: Ir\ntotals: 0\n"), None);
        assert_eq!(total("events: Ir\n"), None);
    }
}
