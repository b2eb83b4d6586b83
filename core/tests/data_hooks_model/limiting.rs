//! Rate limits as fractions of tokens.

use std::collections::BTreeMap;

use num_rational::Ratio;

use super::history::{Asked, Limit};

struct Bucket {
    tokens: Ratio<i128>,
    at_ns: u64,
}

pub(crate) struct Limiting {
    pub(crate) declared: Limit,
    buckets: BTreeMap<Option<String>, Bucket>,
}

impl Limiting {
    pub(crate) fn new(declared: Limit) -> Self {
        Limiting { declared, buckets: BTreeMap::new() }
    }

    pub(crate) fn take(&mut self, asked: &Asked, now_ns: u64) {
        self.bucket(asked, now_ns).tokens -= 1;
    }

    /// Tokens in a nanosecond.
    fn rate(&self) -> Ratio<i128> {
        let period = if self.declared.period == "second" { 1_000_000_000 } else { 60_000_000_000 };
        Ratio::new(i128::from(self.declared.tokens), period)
    }

    /// The bucket that an operation falls to, refilled.
    fn bucket(&mut self, asked: &Asked, now_ns: u64) -> &mut Bucket {
        let capacity = Ratio::from_integer(i128::from(self.declared.burst.unwrap_or(self.declared.tokens)));
        let rate = self.rate();
        let name = asked.who.as_ref().map(ToString::to_string).filter(|_| self.declared.per_agent);
        let bucket = self.buckets.entry(name).or_insert(Bucket { tokens: capacity, at_ns: now_ns });
        let passed = Ratio::from_integer(i128::from(now_ns - bucket.at_ns));
        bucket.tokens = capacity.min(bucket.tokens + rate * passed);
        bucket.at_ns = now_ns;
        bucket
    }

    /// Whole nanoseconds until there is a token.
    pub(crate) fn wait_ns(&mut self, asked: &Asked, now_ns: u64) -> u128 {
        let missing = Ratio::from_integer(1) - self.bucket(asked, now_ns).tokens;
        u128::try_from((missing / self.rate()).ceil().to_integer()).unwrap_or(0)
    }
}

pub(crate) fn describe(limit: &Limit) -> String {
    let per = if limit.per_agent { " per agent_id" } else { "" };
    let burst = limit.burst.filter(|burst| *burst != limit.tokens);
    let burst = burst.map_or(String::new(), |burst| format!(", burst {burst}"));
    let counting = if limit.attempts { ", counting attempts" } else { "" };
    format!("{} {}/{}{per}{burst}{counting}", limit.target, limit.tokens, limit.period)
}
