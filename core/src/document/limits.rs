//! The rate limits of a document.

use super::fields::Fields;
use super::keys;
use super::node::Node;
use super::read::Reading;
use crate::limit::{RateLimit, RateLimitOptions, Target};

impl Reading<'_, '_> {
    pub(super) fn rate_limit(&mut self, node: &Node) {
        let before = self.faults.count();
        let Some(fields) = Fields::open(node, &keys::RATE_LIMIT, self.faults) else { return };
        let options = RateLimitOptions {
            max_per_second: fields.number(keys::MAX_PER_SECOND),
            max_per_minute: fields.number(keys::MAX_PER_MINUTE),
            max_per_hour: fields.number(keys::MAX_PER_HOUR),
            scope: fields.text(keys::SCOPE),
            burst: fields.number(keys::BURST),
            count: fields.text(keys::COUNT),
            max_keys: fields.number(keys::MAX_KEYS),
        };
        let target = fields.text(keys::OPERATION).and_then(|word| Target::parse(word).ok());
        // What the shapes have refused already would be told twice.
        let (Some(target), true) = (target, self.faults.count() == before) else { return };
        match RateLimit::from_options(&options) {
            Ok(limit) => self.content.rate_limits.push((target, limit)),
            Err(error) => self.blame(&fields, &error),
        }
    }
}
