//! The cost guard: how many instructions an answer takes, by kind of query, beside how many it took before.
//!
//! ```text
//! .ci/guard            compares with benches/guard/baseline.txt
//! .ci/guard --renew    writes it
//! ```
//!
//! Time on shared machines differs by a tenth from run to run; instructions, as callgrind counts them, by less than a thousandth.
//! The program runs itself under valgrind: [`work`] is what is counted, [`callgrind`] counts, [`baseline`] compares.
//!
//! What instructions do not show is waiting for memory, and hashing with the processor's own instructions. For that the same work is timed:
//!
//! ```text
//! cargo build --release -p signpost-guard && chrt -r 10 taskset -c 1 target/release/guard --time --pairs 500000
//! ```

mod baseline;
mod callgrind;
mod kinds;
mod timed;
mod work;
mod zones;

use anyhow::{Context, Result};
use baseline::Baseline;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// The server's: where things lie in memory is the allocator's doing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about = "Counts the instructions of an answer, and tells when there are more than there were")]
struct Arguments {
    /// Write the baseline instead of comparing with it.
    #[arg(long)]
    renew: bool,
    /// The baseline.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt"))]
    baseline: PathBuf,
    /// Percent that a count may differ.
    #[arg(long, default_value_t = 3.0)]
    tolerance: f64,
    /// Keep callgrind's files in this folder, for callgrind_annotate.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Time instead of instructions: nanoseconds of a query in this build, medians over the rounds.
    #[arg(long)]
    time: bool,
    /// With --time: names with an address in the zone, each with a TXT name beside it.
    #[arg(long, default_value_t = zones::PAIRS)]
    pairs: usize,
    /// With --time: how often each kind is timed.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Internal: be what is counted.
    #[arg(long, hide = true)]
    work: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.work {
        work::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.time {
        timed::report(arguments.pairs, arguments.rounds)?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = Baseline { toolchain: baseline::toolchain()?, counts: callgrind::count(arguments.keep.as_deref())? };
    let path = arguments.baseline.display();
    if arguments.renew {
        std::fs::write(&arguments.baseline, found.to_string()).with_context(|| format!("cannot write {path}"))?;
        println!("{found}");
        return Ok(ExitCode::SUCCESS);
    }
    let text = std::fs::read_to_string(&arguments.baseline).with_context(|| format!("cannot read {path}"))?;
    let wanted: Baseline = text.parse().with_context(|| format!("cannot read {path}"))?;
    let compared = found.against(&wanted, arguments.tolerance);
    print!("{compared}");
    if found.toolchain != wanted.toolchain {
        println!("made with {}, and this is {}: not compared in earnest", wanted.toolchain, found.toolchain);
        return Ok(ExitCode::SUCCESS);
    }
    if compared.is_within() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "the cost of an answer is not what it was; if that is meant, `.ci/guard --renew` and say why in the commit"
    );
    Ok(ExitCode::FAILURE)
}
