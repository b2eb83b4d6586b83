//! Many keys and values as one array of bytes: one object of JavaScript's where there would be thousands.
//!
//! Each record is two little-endian words (the key's length, and one more than the value's, or 0 where there
//! is none), the key, and the value. `ts/packed.ts` has the other side.

use crate::failure::native;

/// A key, and its value where it has one.
pub(crate) type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

/// Packs records.
///
/// # Errors
/// For a key or value of 4 GiB and more, which no store takes.
pub(crate) fn pack<'a>(pairs: impl IntoIterator<Item = Pair<'a>>) -> napi::Result<Vec<u8>> {
    let too_long = || native("a key or value that is too long for JavaScript");
    let mut packed = Vec::new();
    for (key, value) in pairs {
        let key_len = u32::try_from(key.len()).map_err(|_| too_long())?;
        let value_len = match value {
            Some(value) => u32::try_from(value.len()).ok().and_then(|len| len.checked_add(1)),
            None => Some(0),
        };
        packed.extend_from_slice(&key_len.to_le_bytes());
        packed.extend_from_slice(&value_len.ok_or_else(too_long)?.to_le_bytes());
        packed.extend_from_slice(key);
        packed.extend_from_slice(value.unwrap_or_default());
    }
    Ok(packed)
}

/// Reads records.
///
/// # Errors
/// For bytes that hold none.
pub(crate) fn unpack(mut packed: &[u8]) -> napi::Result<Vec<Pair<'_>>> {
    let mut pairs = Vec::new();
    while !packed.is_empty() {
        pairs.push(next(&mut packed).ok_or_else(|| native("records past the end of the bytes"))?);
    }
    Ok(pairs)
}

fn next<'a>(packed: &mut &'a [u8]) -> Option<Pair<'a>> {
    let key_len = word(packed)?;
    let value_len = word(packed)?;
    let key = bytes(packed, key_len)?;
    let value = match value_len.checked_sub(1) {
        Some(len) => Some(bytes(packed, len)?),
        None => None,
    };
    Some((key, value))
}

fn word(packed: &mut &[u8]) -> Option<usize> {
    let (word, rest) = packed.split_first_chunk()?;
    *packed = rest;
    usize::try_from(u32::from_le_bytes(*word)).ok()
}

fn bytes<'a>(packed: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (bytes, rest) = packed.split_at_checked(len)?;
    *packed = rest;
    Some(bytes)
}
