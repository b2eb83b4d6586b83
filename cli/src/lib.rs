//! The command line `checkrein`: checks policy documents, tries them on an operation, and reads audit files.
//!
//! It is one function that the native binary, `python -m checkrein` and `npx checkrein` call. The core decides and
//! verifies; this crate reads arguments and shows what the core says, to people or as JSON. Promised: the process is
//! never ended from here and no panic leaves; nothing that stands in a key, a reason or a line of an audit file
//! reaches a terminal as a control character; a reader that goes away early ends it quietly. `docs/cli.md` has the
//! exit codes and the shapes of the JSON.
#![forbid(unsafe_code)]

mod args;
mod check;
mod context;
mod eval;
mod help;
mod json;
mod paint;
mod show;
mod stats;
mod streams;
mod tail;
mod verify;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use checkrein::{Error, error::Cause};

use self::args::{Command, Invocation};
use self::json::Json;
use self::paint::Paint;
pub use self::streams::main;

/// Everything is fine, the operation would pass, the chain holds.
pub const FINE: u8 = 0;
/// The document has problems, the operation would be refused, the chain does not hold.
pub const REFUSED: u8 = 1;
/// The call was wrong, or a file cannot be read or written.
pub const FAILED: u8 = 2;
/// The verdict depends on hooks of the program.
pub const UNKNOWN: u8 = 3;

/// What a command answers: its exit code and what it prints.
struct Reply {
    code: u8,
    text: String,
}

impl Reply {
    fn new(code: u8, text: impl Into<String>) -> Self {
        Reply { code, text: text.into() }
    }

    fn json(code: u8, json: &Json) -> Self {
        Reply { code, text: format!("{json}\n") }
    }
}

/// Runs a command line, without the program's name, and gives the exit code. Results go to `out`, errors to `err`;
/// with `colour`, `out` is a terminal that shows colours.
pub fn run(
    args: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    colour: bool,
) -> u8 {
    let args: Vec<OsString> = args.collect();
    // Known before the arguments are understood: an error in them is told in this form too.
    let json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    // INVARIANT: a command shares nothing with what is outside, so a panic leaves nothing half-done behind.
    let done = catch_unwind(AssertUnwindSafe(|| perform(args, Paint::new(colour))));
    let done = done.unwrap_or_else(|payload| Err(Error::Internal(Cause::panic(payload).to_string())));
    let (code, printed) = match done {
        Ok(reply) => (reply.code, print(out, &reply.text)),
        Err(error) => {
            // Where nobody hears the error there is nobody else to tell.
            let _ = print(err, &format!("error: {}\n", show::lines(&error.to_string())));
            (FAILED, if json { print(out, &format!("{}\n", in_json(&error))) } else { Ok(()) })
        }
    };
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = print(err, &format!("error: the output cannot be written: {error}\n"));
            FAILED
        }
        // Who closed the pipe has read enough.
        _ => code,
    }
}

fn perform(args: Vec<OsString>, paint: Paint) -> Result<Reply, Error> {
    let Invocation { command, json } = args::parse(args)?;
    match command {
        Command::Help(topic) => Ok(Reply::new(FINE, topic)),
        Command::Version => Ok(Reply::new(FINE, concat!("checkrein ", env!("CARGO_PKG_VERSION"), "\n"))),
        Command::Check { policies } => Ok(check::check(&policies, json, paint)),
        Command::Eval(trial) => eval::eval(&trial, json, paint),
        Command::Verify { file, options } => verify::verify(&file, &options, json, paint),
        Command::Tail { file, count } => tail::tail(&file, count, json, paint),
        Command::Stats { file } => stats::stats(&file, json, paint),
        Command::Schema => Ok(Reply::new(FINE, format!("{:#}\n", checkrein::document::json_schema()))),
    }
}

fn in_json(error: &Error) -> Json {
    Json::object([("error", fault(error))])
}

/// An error in JSON.
fn fault(error: &Error) -> Json {
    Json::object([("code", error.code().as_str().into()), ("message", error.to_string().into())])
}

fn print(to: &mut dyn Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}
