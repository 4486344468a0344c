//! The `blazz` command.

use std::process::ExitCode;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a command's last word goes to standard error")]
async fn main() -> ExitCode {
    match blazz_cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("blazz: {error:#}");
            ExitCode::FAILURE
        }
    }
}
