//! The guide's samples are parts of the examples, which are compiled and run: `docs/c.md` quotes them line by line.

use std::path::Path;

#[test]
fn every_sample_of_the_guide_stands_in_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("../docs/c.md")).unwrap();
    let examples: Vec<String> = std::fs::read_dir(root.join("examples"))
        .unwrap()
        .map(|entry| bare(&std::fs::read_to_string(entry.unwrap().path()).unwrap()))
        .collect();
    let samples: Vec<&str> =
        guide.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(samples.len() >= 4, "{}", samples.len());
    // `…` in a sample leaves something out.
    for piece in samples.iter().flat_map(|sample| sample.split('…')) {
        let piece = bare(piece);
        assert!(examples.iter().any(|example| example.contains(&piece)), "not in an example: {piece}");
    }
}

/// A text without its white space, which a quotation may change.
fn bare(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
