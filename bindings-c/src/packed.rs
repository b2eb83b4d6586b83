//! Contexts, operations and pages as one run of bytes, for callers to whom each call into C is dear.
//!
//! A context, entry by entry: one byte for the kind (0 text, 1 boolean, 2 integer, 3 fault), the name's and the value's length as
//! 32-bit little-endian integers, the name, the value. A boolean is one byte, 0 or 1; an integer is eight,
//! little-endian; a fault is the message of what the caller gave and no context can hold.

use std::borrow::Cow;

use checkrein::context::{Context, Value};
use checkrein::{Error, Result};

use crate::context::{CR_VALUE_BOOL, CR_VALUE_FAULT, CR_VALUE_INT, CR_VALUE_TEXT};
use crate::many::{self, Asked};
use crate::{input, step};

/// Kind, name, value, and what comes behind them.
type Entry<'a> = (u8, &'a [u8], &'a [u8], &'a [u8]);

pub(crate) fn unpack(mut packed: &[u8]) -> Result<Context> {
    let mut context = Context::new();
    while !packed.is_empty() {
        let (kind, name, value, rest) = entry(packed).ok_or_else(cut)?;
        let name = input::utf8(name, "a name in the packed context")?;
        context.insert(name, value_of(kind, value)?)?;
        packed = rest;
    }
    Ok(context)
}

fn entry(packed: &[u8]) -> Option<Entry<'_>> {
    let (&[kind], rest) = packed.split_first_chunk::<1>()?;
    let (name, value, rest) = lengths_and_bytes(rest)?;
    Some((kind, name, value, rest))
}

/// Two lengths, then so many bytes and so many bytes, then the rest.
fn lengths_and_bytes(packed: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_len, rest) = packed.split_first_chunk::<4>()?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name_len) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
    Some((name, value, rest))
}

/// The operations of a batch or get-many: one byte for the kind, then as in a context.
pub(crate) fn ops(mut packed: &[u8]) -> Result<Vec<Asked<'_>>> {
    let mut ops = Vec::new();
    while !packed.is_empty() {
        let cut = || Error::usage("the packed operations are cut short: see the header for their form");
        let (kind, key, value, rest) = entry(packed).ok_or_else(cut)?;
        let kind = step::kind_of(kind.into())?;
        ops.push((kind, Cow::Borrowed(key), many::value_of(kind, value)));
        packed = rest;
    }
    Ok(ops)
}

/// The pairs of a page; nothing where it is cut short.
pub(crate) fn pairs(mut packed: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut pairs = Vec::new();
    while !packed.is_empty() {
        let (key, value, rest) = lengths_and_bytes(packed)?;
        pairs.push((key.to_vec(), value.to_vec()));
        packed = rest;
    }
    Some(pairs)
}

fn value_of(kind: u8, value: &[u8]) -> Result<Value> {
    match (i32::from(kind), value) {
        (CR_VALUE_TEXT, text) => Ok(input::utf8(text, "a text in the packed context")?.into()),
        (CR_VALUE_BOOL, [0]) => Ok(Value::Bool(false)),
        (CR_VALUE_BOOL, [1]) => Ok(Value::Bool(true)),
        (CR_VALUE_INT, bytes) => {
            bytes.try_into().map(|bytes| Value::Int(i64::from_le_bytes(bytes))).map_err(|_| cut())
        }
        (CR_VALUE_FAULT, message) => {
            Err(Error::usage(input::utf8(message, "a fault in the packed context")?))
        }
        _ => Err(cut()),
    }
}

fn cut() -> Error {
    Error::usage("the packed context is cut short or holds an unknown kind: see the header for its form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use checkrein::Code;

    fn packed(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend((name.len() as u32).to_le_bytes());
        out.extend((value.len() as u32).to_le_bytes());
        out.extend(name.as_bytes());
        out.extend(value);
        out
    }

    #[test]
    fn what_was_packed_is_a_context() {
        let all = [
            packed(0, "agent_id", b"a"),
            packed(1, "yes", &[1]),
            packed(1, "no", &[0]),
            packed(2, "n", &(-7_i64).to_le_bytes()),
        ];
        let context = unpack(&all.concat()).unwrap();
        assert_eq!(context.len(), 4);
        assert_eq!(context.agent_id().as_deref(), Some("a"));
        assert_eq!(context.get("yes"), Some(&Value::Bool(true)));
        assert_eq!(context.get("no"), Some(&Value::Bool(false)));
        assert_eq!(context.get("n"), Some(&Value::Int(-7)));
        assert!(unpack(b"").unwrap().is_empty());
    }

    #[test]
    fn operations_and_pages_are_unpacked_or_refused() {
        let all = [packed(1, "k", b""), packed(2, "l", b""), packed(0, "m", b"")].concat();
        let shown: Vec<_> = ops(&all).unwrap();
        assert_eq!(shown.len(), 3);
        // An empty value is one; a delete and a get have none.
        assert_eq!(shown[0].2.as_deref(), Some(&b""[..]));
        assert!(shown[1].2.is_none() && shown[2].2.is_none());
        assert_eq!(ops(&all[..all.len() - 1]).unwrap_err().code(), Code::Usage);
        assert_eq!(ops(&packed(3, "k", b"")).unwrap_err().code(), Code::Usage);

        let page = [&packed(0, "k", b"v")[1..], &packed(0, "l", b"")[1..]].concat();
        let found = vec![(b"k".to_vec(), b"v".to_vec()), (b"l".to_vec(), Vec::new())];
        assert_eq!(pairs(&page), Some(found));
        assert_eq!(pairs(b""), Some(Vec::new()));
        for end in 1..page.len() {
            assert!(pairs(&page[..end]).is_none() || end == 10, "{end}");
        }
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        let whole = packed(0, "agent_id", b"agent");
        for end in 1..whole.len() {
            assert_eq!(unpack(&whole[..end]).unwrap_err().code(), Code::Usage, "{end}");
        }
        for bad in
            [packed(4, "x", b""), packed(1, "x", b"\x02"), packed(2, "x", b"1"), packed(0, "x", b"\xff")]
        {
            assert_eq!(unpack(&bad).unwrap_err().code(), Code::Usage);
        }
        let fault = unpack(&packed(3, "", b"a list is no value")).unwrap_err();
        assert_eq!((fault.code(), fault.to_string().as_str()), (Code::Usage, "a list is no value"));
        let near = unpack(&packed(0, "agentId", b"a")).unwrap_err();
        assert!(near.to_string().contains("agent_id"), "{near}");
    }
}
