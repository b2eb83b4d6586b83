//! Any bytes as an audit file, with and without a rotated one before it: no panic, no blow-up, and what opens is
//! written on so that its end verifies.
//!
//! The input is two files, divided by the first NUL. Where a file starts with `!`, the lines after it get the hashes
//! and numbers that they should have, so that the fuzzer gets beyond the first line.
#![no_main]

use checkrein::audit::file::{
    AuditFile, AuditFileOptions, Fsync, Secret, VerifyOptions, stats, tail, verify,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (current, rotated) = (parts.next().unwrap_or_default(), parts.next());
    let mut chain = Chain::default();
    if let Some(rotated) = rotated {
        std::fs::write(directory.path().join("audit.000001.jsonl"), chain.content(rotated)).unwrap();
    }
    std::fs::write(&path, chain.content(current)).unwrap();
    let plain = verify(&path, &VerifyOptions::default());
    let key = Secret::new(b"sixteen bytes ok").unwrap();
    let keyed = verify(&path, &VerifyOptions { key: Some(key), ..VerifyOptions::default() }).unwrap();
    assert!(!keyed.is_whole(), "nobody signed this");
    let lines = tail(&path, 100).unwrap();
    assert!(lines.len() <= 100);
    let counts = stats(&path).unwrap();
    assert_eq!(counts.lines, counts.entries + counts.decided + counts.events + counts.unreadable);
    if let Ok(report) = &plain {
        assert!(report.lines <= counts.lines);
    }
    let options = AuditFileOptions { fsync: Fsync::Never, ..AuditFileOptions::new(&path) };
    let opened = AuditFile::open(options).is_ok();
    if plain.is_ok_and(|report| report.is_whole()) {
        assert!(!opened || verify(&path, &VerifyOptions::default()).unwrap().is_whole());
    }
});

/// Numbers and hashes lines as the writer does.
#[derive(Default)]
struct Chain {
    sequence: u64,
    prev: Option<String>,
}

impl Chain {
    fn content(&mut self, part: &[u8]) -> Vec<u8> {
        use sha2::Digest as _;
        let Some(bodies) = part.strip_prefix(b"!") else { return part.to_vec() };
        let mut out = Vec::new();
        for body in bodies.split_inclusive(|byte| *byte == b'\n') {
            let Some(body) = body.strip_suffix(b"\n") else {
                out.extend_from_slice(body);
                break;
            };
            self.sequence += 1;
            let mut line = format!("{{\"sequence\":{}", self.sequence).into_bytes();
            line.extend_from_slice(body);
            let prev = self.prev.take().unwrap_or_else(|| "0".repeat(64));
            line.extend_from_slice(format!(",\"prev\":\"{prev}\"").as_bytes());
            let hash: String = sha2::Sha256::digest(&line).iter().map(|byte| format!("{byte:02x}")).collect();
            line.extend_from_slice(format!(",\"hash\":\"{hash}\"}}\n").as_bytes());
            out.extend_from_slice(&line);
            self.prev = Some(hash);
        }
        out
    }
}
