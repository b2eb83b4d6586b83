//! Policy documents: what is read, what is refused and where, what an engine makes of it, and what a reload keeps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "a test"
)]

mod bad;
mod bounds;
mod good;
mod model;
mod reload;
mod schema;

use checkrein::document::{Format, PolicyDocument, Problems, Source};

fn check(text: &str, format: Format) -> Result<PolicyDocument, Problems> {
    let name = format!("policy.{}", format.as_str());
    Source::new(text, format, &name).unwrap().check()
}

fn yaml(text: &str) -> PolicyDocument {
    check(text, Format::Yaml).unwrap_or_else(|problems| panic!("{problems}"))
}
