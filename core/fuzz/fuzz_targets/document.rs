//! Any bytes as a document in any format: no panic, no blow-up; problems lie in the text, and what is read can be
//! applied.
//!
//! The first byte says the format.
#![no_main]

use std::time::{Duration, Instant};

use checkrein::document::{Format, MAX_PROBLEMS, Source};
use checkrein::engine::Engine;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((format, text)) = data.split_first() else { return };
    let format = [Format::Yaml, Format::Json, Format::Toml][usize::from(*format) % 3];
    let start = Instant::now();
    let source = Source::new(text, format, "fuzz").expect("it is small");
    match source.check() {
        Ok(document) => {
            let engine = Engine::new(Default::default());
            // One without anything for data hooks is refused.
            let _ = engine.apply(&document);
            let _ = engine.reload(&document);
        }
        Err(problems) => {
            let lines = text.split(|byte| *byte == b'\n').count();
            assert!((1..=MAX_PROBLEMS).contains(&problems.iter().len()));
            for problem in problems.iter() {
                assert!((1..=lines).contains(&problem.line), "{problem:?}");
                assert!((1..=text.len() + 1).contains(&problem.column), "{problem:?}");
            }
            assert!(problems.to_string().len() < 1 << 20);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5));
});
