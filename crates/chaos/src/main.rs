//! `blazz-chaos`: breaks a fleet at random and looks whether anything was lost.

use std::process::ExitCode;

use clap::Parser;

/// Break a fleet of its own at random. `scripts/chaos` builds what this needs and starts it.
#[derive(Parser)]
#[command(name = "blazz-chaos", version)]
enum Chaos {
    /// API replicas, session nodes, PostgreSQL and Redis are killed, paused and cut off under load.
    ///
    /// The last line is `sent=N received=N lost=0 doubled=0 overlaps=0`, and the exit status 0 only if the last three are zero.
    Fleet(blazz_chaos::ChaosArgs),
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a command's last word goes to standard error")]
async fn main() -> ExitCode {
    let Chaos::Fleet(args) = Chaos::parse();
    match blazz_chaos::run(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("blazz-chaos: {error:#}");
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
        Chaos::command().debug_assert();
    }
}
