//! The process's own standard streams.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

/// Runs a command line on the standard streams of the process and gives the exit code.
///
/// Colours are used where standard output is a terminal, `NO_COLOR` is unset or empty, and `TERM` is not `dumb`.
pub fn main(args: impl Iterator<Item = OsString>) -> u8 {
    let out = io::stdout();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|word| !word.is_empty())
        || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let colour = out.is_terminal() && !plain;
    crate::run(args, &mut Patient(out.lock()), &mut Patient(io::stderr().lock()), colour)
}

/// Waits where a stream takes nothing for the moment: Node makes pipes non-blocking, and a child inherits that.
struct Patient<W>(W);

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        patiently(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        patiently(|| self.0.flush())
    }
}

fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes three bytes at a time, and nothing every other time.
    struct Slow {
        taken: Vec<u8>,
        busy: bool,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.busy = !self.busy;
            if self.busy {
                return Err(ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_is_busy_gets_every_byte_once() {
        let mut slow = Slow { taken: Vec::new(), busy: false };
        Patient(&mut slow).write_all(b"every byte, once").unwrap();
        assert_eq!(slow.taken, b"every byte, once");
    }
}
