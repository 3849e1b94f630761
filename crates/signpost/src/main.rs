//! `signpost`, also called as `pdnsutil`, `pdns_control` and `pdns_server`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    signpost::cli::main(std::env::args_os())
}
