//! Measures Blazz as it runs, each figure beside what physics or the engine alone needs in the same run (`docs/benchmarks.md`).
//!
//! The program is three: the bench itself, and two it starts of itself so that their CPU time and memory can be told apart.

mod child;
mod engine;
mod fleet;
mod gauges;
mod hop;
mod main_path;
mod report;
mod stack;
mod statistics;

use std::process::ExitCode;

use clap::Parser;

/// Measure Blazz. `scripts/bench` builds what this needs and starts it.
#[derive(Parser)]
#[command(name = "blazz-bench", version)]
enum Bench {
    /// Link a number, send a message: time, CPU, memory and disk of the main path.
    MainPath(main_path::MainPathArgs),
    /// Sessions by the thousand: memory, disk, heartbeats, restart, failover.
    Fleet(fleet::FleetArgs),
    /// The engine with nothing around it, told on standard input what to do.
    #[command(hide = true)]
    EngineDirect(engine::direct::EngineDirectArgs),
    /// A bare HTTP server with one signed and one unsigned route.
    #[command(hide = true)]
    HopServer,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a command's last word goes to standard error")]
async fn main() -> ExitCode {
    let done = match Bench::parse() {
        Bench::MainPath(args) => main_path::run(args).await,
        Bench::Fleet(args) => fleet::run(args).await,
        Bench::EngineDirect(args) => engine::direct::run(args).await,
        Bench::HopServer => hop::server::run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("blazz-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Bench::command().debug_assert();
    }
}
