//! The hash of a line: SHA-256, or HMAC-SHA-256 where there is a key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::options::Secret;
use crate::error::{Error, Result};

/// A line's hash.
pub type Digest = [u8; 32];

/// The word of a header for a chain with a key, and for one without.
pub(super) const KEYED: &str = "hmac-sha256";
pub(super) const PLAIN: &str = "sha256";

/// What hashes the lines of a chain.
#[derive(Clone)]
pub(super) enum Hasher {
    Plain,
    /// The HMAC with the key already taken in.
    Keyed(Box<Hmac<Sha256>>),
}

impl Hasher {
    pub(super) fn new(key: Option<&Secret>) -> Result<Self> {
        let Some(key) = key else { return Ok(Hasher::Plain) };
        Hmac::new_from_slice(key.bytes())
            .map(|hmac| Hasher::Keyed(Box::new(hmac)))
            .map_err(|_| Error::config("the key of the audit file cannot be used: give another one"))
    }

    /// The word for it in a header.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Hasher::Plain => PLAIN,
            Hasher::Keyed(_) => KEYED,
        }
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> Digest {
        match self {
            Hasher::Plain => Sha256::digest(bytes).into(),
            Hasher::Keyed(hmac) => {
                let mut hmac = hmac.clone();
                hmac.update(bytes);
                hmac.finalize().into_bytes().into()
            }
        }
    }
}

/// A hash of 64 lower-case hex digits; none for anything else.
pub(super) fn parse_hex(digits: &[u8]) -> Option<Digest> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut hash = Digest::default();
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digits: &str) -> Digest {
        parse_hex(digits.as_bytes()).unwrap()
    }

    #[test]
    fn the_hashes_are_those_of_the_standards() {
        // FIPS 180-2, appendix B.1.
        let abc = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Hasher::new(None).unwrap().hash(b"abc"), abc);
        // RFC 4231, test case 1.
        let key = Secret::new(&[0x0b; 20]).unwrap();
        let there = hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        assert_eq!(Hasher::new(Some(&key)).unwrap().hash(b"Hi There"), there);
    }
}
