//! House rules that a compiler does not know: `cargo run -p xtask -- tidy`.

mod tidy;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Checks that are particular to this repository")]
enum Task {
    /// Look for broken house rules: forbidden dependencies, missing module docs, unpaired migrations, undocumented settings.
    Tidy,
}

#[expect(clippy::print_stderr, clippy::print_stdout, reason = "this is what the program is for")]
fn main() -> anyhow::Result<ExitCode> {
    let Task::Tidy = Task::parse();
    let findings = tidy::run()?;
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if findings.is_empty() {
        println!("tidy: nothing to complain about");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
