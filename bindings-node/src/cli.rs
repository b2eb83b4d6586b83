//! The command line, for `npx checkrein`: the one of the native binary.

use std::ffi::OsString;

use napi_derive::napi;

/// Runs the command line on the process's standard streams and gives the exit code.
#[napi(catch_unwind)]
pub fn command_line(args: Vec<String>) -> u32 {
    u32::from(checkrein_cli::main(args.into_iter().map(OsString::from)))
}
