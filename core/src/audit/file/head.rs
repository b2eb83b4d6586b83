//! The head of a chain: the number and the hash of its last line. Whoever keeps it elsewhere can tell later whether
//! lines were cut off at the end.

use std::fmt;
use std::str::FromStr;

use super::hash::{Digest, parse_hex};
use crate::error::{Error, Result};

/// The number and the hash of a line; as text `SEQUENCE:HEX`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Head {
    /// The line's number.
    pub sequence: u64,
    /// The line's hash.
    pub hash: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sequence)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({self})")
    }
}

impl FromStr for Head {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (sequence, hash) = text.split_once(':')?;
            let plain = !sequence.is_empty() && sequence.bytes().all(|byte| byte.is_ascii_digit());
            Some(Head {
                sequence: sequence.parse().ok().filter(|_| plain)?,
                hash: parse_hex(hash.as_bytes())?,
            })
        };
        parse().ok_or_else(|| {
            Error::usage(format!(
                "`{}` is not a head: write the number and the hash of a line as `SEQUENCE:HEX`, 64 hex digits",
                crate::text::shortened(text, 100)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read_back_as_itself() {
        let head = Head { sequence: u64::MAX, hash: [0xa5; 32] };
        assert_eq!(head.to_string(), format!("18446744073709551615:{}", "a5".repeat(32)));
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
    }

    #[test]
    fn anything_else_is_refused() {
        let hex = "a5".repeat(32);
        for text in [
            "",
            ":",
            "1",
            &hex,
            &format!("1:{hex}0"),
            &format!("+1:{hex}"),
            &format!("1:{}", hex.to_uppercase()),
        ] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
    }
}
