//! The session node that trusts the emulator, and connects to nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    blazz_session_node::main("blazz-session-node-sandbox", true)
}
