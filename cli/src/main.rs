//! The native binary `checkrein`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(checkrein_cli::main(std::env::args_os().skip(1)))
}
