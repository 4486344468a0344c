//! The session node.

use std::process::ExitCode;

fn main() -> ExitCode {
    blazz_session_node::main("blazz-session-node", false)
}
