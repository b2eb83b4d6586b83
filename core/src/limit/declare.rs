//! A limit as the user declares it, and the checks that it passes before it is used.

use crate::context::{Context, Value};
use crate::error::{Error, Result};
use crate::text;

use super::rate::{MAX_FILL_NS, MAX_TOKENS, Rate};
use super::target::Count;

/// The scope of a limit that has one bucket for everybody: the default.
pub const GLOBAL: &str = "global";
/// How many keys a limit tracks unless told otherwise.
pub const DEFAULT_MAX_KEYS: u64 = 1_000_000;
/// The most keys that a limit may be told to track.
pub const MAX_MAX_KEYS: u64 = 100_000_000;

/// A rate limit as it is declared: so many tokens a second, minute or hour, in one bucket or in one for each
/// value of a context key.
///
/// The calls that make it cannot fail; what they were given is checked by [`Limit::compile`].
///
/// ```
/// use checkrein::limit::{Limit, RateLimit, Target};
///
/// let declared = RateLimit::per_minute(100).scope("agent_id").burst(20);
/// let limit = Limit::compile(Target::Write, &declared)?;
/// assert_eq!(limit.describe(), "write 100/minute per agent_id, burst 20");
/// # Ok::<(), checkrein::Error>(())
/// ```
///
/// [`Limit::compile`]: super::Limit::compile
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub(super) tokens: u64,
    pub(super) period: Period,
    pub(super) scope: String,
    pub(super) burst: Option<u64>,
    pub(super) count: Count,
    pub(super) max_keys: Option<u64>,
}

/// The time in which a bucket gets its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Second,
    Minute,
    Hour,
}

impl Period {
    pub(super) const fn ns(self) -> u64 {
        match self {
            Period::Second => 1_000_000_000,
            Period::Minute => 60_000_000_000,
            Period::Hour => 3_600_000_000_000,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Period::Second => "second",
            Period::Minute => "minute",
            Period::Hour => "hour",
        }
    }
}

/// A rate limit as the other languages and the policy document give it: every option may be absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimitOptions<'a> {
    /// Tokens a second. Exactly one of the three `max_per_…` is given.
    pub max_per_second: Option<u64>,
    /// Tokens a minute.
    pub max_per_minute: Option<u64>,
    /// Tokens an hour.
    pub max_per_hour: Option<u64>,
    /// `global` (the default) or the context key that has a bucket for each of its values.
    pub scope: Option<&'a str>,
    /// How many tokens the bucket holds; as many as the rate gives in its period unless told otherwise.
    pub burst: Option<u64>,
    /// `operations` (the default) or `attempts`.
    pub count: Option<&'a str>,
    /// How many keys have a bucket of their own at one time; [`DEFAULT_MAX_KEYS`] unless told otherwise.
    pub max_keys: Option<u64>,
}

impl RateLimit {
    /// `tokens` a second.
    #[must_use]
    pub fn per_second(tokens: u64) -> Self {
        Self::new(tokens, Period::Second)
    }

    /// `tokens` a minute.
    #[must_use]
    pub fn per_minute(tokens: u64) -> Self {
        Self::new(tokens, Period::Minute)
    }

    /// `tokens` an hour.
    #[must_use]
    pub fn per_hour(tokens: u64) -> Self {
        Self::new(tokens, Period::Hour)
    }

    fn new(tokens: u64, period: Period) -> Self {
        RateLimit {
            tokens,
            period,
            scope: GLOBAL.to_owned(),
            burst: None,
            count: Count::default(),
            max_keys: None,
        }
    }

    /// Keeps a bucket for each value of this context key, or one for everybody with `global`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// How many tokens the bucket holds: what may pass at once after a pause.
    #[must_use]
    pub fn burst(mut self, tokens: u64) -> Self {
        self.burst = Some(tokens);
        self
    }

    /// When an operation takes its token.
    #[must_use]
    pub fn count(mut self, count: Count) -> Self {
        self.count = count;
        self
    }

    /// How many keys have a bucket of their own at one time; further ones share the overflow bucket.
    #[must_use]
    pub fn max_keys(mut self, keys: u64) -> Self {
        self.max_keys = Some(keys);
        self
    }

    /// The limit that the options declare, checked.
    ///
    /// # Errors
    /// `ConfigError` for none or several of `max_per_…`, an unknown `count`, and all that [`RateLimit::check`]
    /// refuses.
    pub fn from_options(options: &RateLimitOptions<'_>) -> Result<Self> {
        let given = [
            options.max_per_second.map(Self::per_second),
            options.max_per_minute.map(Self::per_minute),
            options.max_per_hour.map(Self::per_hour),
        ];
        let mut given = given.into_iter().flatten();
        let names = "`max_per_second`, `max_per_minute` and `max_per_hour`";
        let mut limit = match (given.next(), given.next()) {
            (Some(limit), None) => limit,
            (None, _) => {
                return Err(Error::config(format!("a rate limit needs one of {names}, and none was given")));
            }
            (Some(_), Some(_)) => {
                return Err(Error::config(format!(
                    "a rate limit takes one of {names}, and several were given: add a limit for each"
                )));
            }
        };
        if let Some(scope) = options.scope {
            limit.scope = scope.to_owned();
        }
        if let Some(count) = options.count {
            limit.count = Count::parse(count)?;
        }
        limit.burst = options.burst;
        limit.max_keys = options.max_keys;
        limit.check()?;
        Ok(limit)
    }

    /// Says whether the limit can be used.
    ///
    /// # Errors
    /// `ConfigError` for zero tokens, burst or keys, for numbers over their bounds ([`MAX_TOKENS`],
    /// [`MAX_MAX_KEYS`], a bucket that needs more than 100 years to fill), for a scope that no context can hold,
    /// and for `max_keys` where there are no keys.
    pub fn check(&self) -> Result<()> {
        let max = format!("max_per_{}", self.period.as_str());
        within(&max, self.tokens, MAX_TOKENS, "leave the limit out, and deny with a hook or rule instead")?;
        within("burst", self.capacity(), MAX_TOKENS, "leave it out for as many tokens as the rate gives")?;
        within("max_keys", self.tracked_at_most(), MAX_MAX_KEYS, "leave it out for the default")?;
        if self.rate().fill_ns() > u128::from(MAX_FILL_NS) {
            return Err(Error::config(format!(
                "a bucket of {} tokens at {}/{} needs more than 100 years to fill: make `burst` smaller",
                self.capacity(),
                self.tokens,
                self.period.as_str()
            )));
        }
        if self.scope == GLOBAL {
            if self.max_keys.is_some() {
                return Err(Error::config(
                    "`max_keys` means nothing for a limit with the scope `global`, which has one bucket: leave \
                     it out, or give a context key as scope",
                ));
            }
            return Ok(());
        }
        let shown = text::shown_key(self.scope.as_bytes());
        if self.scope.eq_ignore_ascii_case(GLOBAL) {
            return Err(Error::config(format!("`{shown}` is no scope of a rate limit: write `{GLOBAL}`")));
        }
        // A name that no context can hold would make a limit that nobody's bucket is ever found for.
        Context::new()
            .insert(&self.scope, Value::Bool(true))
            .map_err(|error| Error::config(format!("`{shown}` cannot be the scope of a rate limit: {error}")))
    }

    pub(super) fn capacity(&self) -> u64 {
        self.burst.unwrap_or(self.tokens)
    }

    pub(super) fn tracked_at_most(&self) -> u64 {
        self.max_keys.unwrap_or(DEFAULT_MAX_KEYS)
    }

    /// Only for numbers that passed [`RateLimit::check`], or are about to: none is zero.
    pub(super) fn rate(&self) -> Rate {
        Rate::new(self.tokens.max(1), self.period.ns(), self.capacity())
    }
}

fn within(option: &str, value: u64, most: u64, if_zero: &str) -> Result<()> {
    match value {
        0 => Err(Error::config(format!("`{option}` of a rate limit is 0: {if_zero}"))),
        value if value > most => {
            Err(Error::config(format!("`{option}` of a rate limit is {value}, at most {most} is allowed")))
        }
        _ => Ok(()),
    }
}
