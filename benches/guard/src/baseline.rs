//! Counts as text, and their comparison.

use anyhow::{Context, Error, Result, ensure};
use std::fmt;
use std::process::Command;
use std::str::FromStr;

/// Instructions for each query, by kind, and what compiled them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Baseline {
    /// What the counts hold for: another compiler makes other code.
    pub(crate) toolchain: String,
    pub(crate) counts: Vec<(String, f64)>,
}

/// The compiler that cargo uses here, and valgrind, which comes with the C library of its distribution and shows programs a processor
/// of its own: one with AVX2 where the real one has it, by which libraries choose their code.
///
/// # Errors
///
/// Where one of them does not run.
pub(crate) fn toolchain() -> Result<String> {
    let version = |program: &str| {
        let output =
            Command::new(program).arg("--version").output().with_context(|| format!("cannot run {program}"))?;
        ensure!(output.status.success(), "{program} --version ended with {}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rustc = version(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))?;
    Ok(format!("{rustc}, {}{}, {}", std::env::consts::ARCH, processor(), version("valgrind")?))
}

fn processor() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx2") {
        return " without AVX2";
    }
    ""
}

const TOOLCHAIN: &str = "toolchain:";

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Instructions for each query; written by `.ci/guard --renew`.")?;
        writeln!(f, "{TOOLCHAIN} {}", self.toolchain)?;
        self.counts.iter().try_for_each(|(kind, count)| writeln!(f, "{count:7.0}  {kind}"))
    }
}

impl FromStr for Baseline {
    type Err = Error;

    fn from_str(text: &str) -> Result<Baseline> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let toolchain = lines.next().and_then(|line| line.strip_prefix(TOOLCHAIN)).context("no toolchain")?;
        let count = |line: &str| {
            let (count, kind) = line.trim().split_once("  ").with_context(|| format!("not a count: {line}"))?;
            let count: f64 = count.parse().with_context(|| format!("not a count: {line}"))?;
            ensure!(count.is_finite() && count > 0.0, "not a count: {line}");
            Ok((kind.to_owned(), count))
        };
        Ok(Baseline { toolchain: toolchain.trim().into(), counts: lines.map(count).collect::<Result<_>>()? })
    }
}

/// One kind of query then and now.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    kind: String,
    old: Option<f64>,
    new: Option<f64>,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Dearer,
    /// The next change must not be allowed to take back what this one won.
    Cheaper,
    /// One side does not know the kind.
    Unknown,
}

/// All kinds then and now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared(Vec<Row>);

impl Baseline {
    /// Compares with what was; `tolerance` in percent.
    pub(crate) fn against(&self, old: &Baseline, tolerance: f64) -> Compared {
        let of = |baseline: &Baseline, wanted: &str| {
            baseline.counts.iter().find(|(kind, _)| kind == wanted).map(|&(_, count)| count)
        };
        let gone = old.counts.iter().filter(|(kind, _)| of(self, kind).is_none());
        let row = |(kind, _): &(String, f64)| {
            let (old, new) = (of(old, kind), of(self, kind));
            let verdict = match (old, new) {
                (Some(old), Some(new)) if new > old * (1.0 + tolerance / 100.0) => Verdict::Dearer,
                (Some(old), Some(new)) if new < old * (1.0 - tolerance / 100.0) => Verdict::Cheaper,
                (Some(_), Some(_)) => Verdict::Same,
                _ => Verdict::Unknown,
            };
            Row { kind: kind.clone(), old, new, verdict }
        };
        Compared(self.counts.iter().chain(gone).map(row).collect())
    }
}

impl Compared {
    /// Whether nothing is to be said.
    pub(crate) fn is_within(&self) -> bool {
        self.0.iter().all(|row| row.verdict == Verdict::Same)
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<40} {:>8} {:>8} {:>9}", "instructions for each query", "baseline", "now", "")?;
        for Row { kind, old, new, verdict } in &self.0 {
            let count = |count: &Option<f64>| count.map_or("-".to_owned(), |count| format!("{count:.0}"));
            let percent = match (old, new) {
                (Some(old), Some(new)) => format!("{:+.2} %", (new / old - 1.0) * 100.0),
                _ => String::new(),
            };
            let remark = match verdict {
                Verdict::Same => "",
                Verdict::Dearer => "  DEARER",
                Verdict::Cheaper => "  cheaper: renew the baseline",
                Verdict::Unknown if new.is_some() => "  not in the baseline: renew it",
                Verdict::Unknown => "  not counted any more: renew the baseline",
            };
            writeln!(f, "{kind:<40} {:>8} {:>8} {percent:>9}{remark}", count(old), count(new))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, f64)]) -> Baseline {
        let counts = counts.iter().map(|&(kind, count)| (kind.to_owned(), count)).collect();
        Baseline { toolchain: "rustc 1.0".into(), counts }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let baseline = counts(&[("existing name, DO", 4711.0), ("no query", 90.0)]);
        assert_eq!(baseline.to_string().parse::<Baseline>().unwrap(), baseline);
        for bad in ["", "1000  existing", "toolchain: x\nmany  existing", "toolchain: x\n0  existing"] {
            assert!(bad.parse::<Baseline>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_dearer_answer_is_named_with_old_new_and_percent() {
        let compared = counts(&[("existing", 1031.0), ("random", 1029.0)])
            .against(&counts(&[("existing", 1000.0), ("random", 1000.0)]), 3.0);
        assert!(!compared.is_within());
        let text = compared.to_string();
        let line =
            |kind| text.lines().find(|line| line.starts_with(kind)).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(line("existing"), ["existing", "1000", "1031", "+3.10", "%", "DEARER"]);
        assert_eq!(line("random"), ["random", "1000", "1029", "+2.90", "%"]);
    }

    #[test]
    fn what_was_won_or_is_new_or_gone_asks_for_a_renewal() {
        let old = counts(&[("existing", 1000.0), ("random", 1000.0)]);
        assert!(old.against(&old, 3.0).is_within());
        for new in [
            counts(&[("existing", 900.0), ("random", 1000.0)]),
            counts(&[("existing", 1000.0)]),
            counts(&[("existing", 1000.0), ("random", 1000.0), ("other", 1.0)]),
        ] {
            let compared = new.against(&old, 3.0);
            assert!(!compared.is_within() && compared.to_string().contains("renew"), "{compared}");
        }
    }
}
