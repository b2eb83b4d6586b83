//! A few thousand pseudo-random programs through the C functions, on stable Rust; `fuzz/` lets a fuzzer write them.
#![allow(clippy::indexing_slicing, reason = "a test")]

mod program;

/// SplitMix64: the same programs on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn any_program_keeps_the_contract() {
    for seed in 0..4_000 {
        let mut random = Random(seed);
        let len = usize::try_from(random.next() % 400).unwrap_or(0);
        let program: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        program::run(&program);
    }
}
