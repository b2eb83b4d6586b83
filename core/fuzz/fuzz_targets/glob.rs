//! Any patterns against any key: no panic, no blow-up, and the index says what each pattern says alone.
//!
//! The input is patterns and a key, one a line; the key, being last, may hold newlines after the eighth.
#![no_main]

use checkrein::glob::{Glob, GlobIndex};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lines: Vec<&[u8]> = data.splitn(9, |byte| *byte == b'\n').collect();
    let key = lines.pop().unwrap_or_default();
    let patterns = lines.iter().filter_map(|line| std::str::from_utf8(line).ok());
    let globs: Vec<Glob> = patterns.filter_map(|pattern| Glob::parse(pattern).ok()).collect();
    let index = GlobIndex::build((0..).zip(&globs));
    let alone: Vec<u32> = (0..).zip(&globs).filter(|(_, glob)| glob.matches(key)).map(|(id, _)| id).collect();
    assert_eq!(index.matches(key).as_slice(), alone);
});
