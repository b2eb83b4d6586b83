//! How an operation ended, in one word, and which of several words an entry tells.

use std::fmt;

use crate::error::{Error, Result};

/// How an operation ended: the `result` of its entry.
///
/// The order is that of gravity, from the mildest to the gravest: of several an entry tells the greatest, so
/// [`Ord::max`] joins two. What happened as it was asked for comes first, then what happened changed or only after
/// a question, then what was kept from happening, last what went wrong. A step that answers an earlier one is
/// graver than it (`approved` than `escalated`), and nobody knowing what happened is the gravest of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It happened as it was asked for.
    Allowed,
    /// A held effect was run.
    Dispatched,
    /// It happened with another value than the one given.
    Modified,
    /// The caller got another value than the stored one, or none.
    Redacted,
    /// A human was to be asked.
    Escalated,
    /// A human was asked and said yes.
    Approved,
    /// An effect was left out by a policy, without an error.
    Dropped,
    /// It happened, but only because a shadow policy does not enforce: it would have been refused.
    WouldDeny,
    /// A limit refused it.
    RateLimited,
    /// A hook, rule or human refused it.
    Denied,
    /// A hook, store or tool failed; `applied` says whether it had happened by then.
    Error,
    /// The store, tool or task was asked, and nobody knows whether it happened.
    Unknown,
}

impl Verdict {
    /// All verdicts, from the mildest to the gravest.
    pub const ALL: [Verdict; 12] = [
        Verdict::Allowed,
        Verdict::Dispatched,
        Verdict::Modified,
        Verdict::Redacted,
        Verdict::Escalated,
        Verdict::Approved,
        Verdict::Dropped,
        Verdict::WouldDeny,
        Verdict::RateLimited,
        Verdict::Denied,
        Verdict::Error,
        Verdict::Unknown,
    ];

    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Dispatched => "dispatched",
            Verdict::Modified => "modified",
            Verdict::Redacted => "redacted",
            Verdict::Escalated => "escalated",
            Verdict::Approved => "approved",
            Verdict::Dropped => "dropped",
            Verdict::WouldDeny => "would_deny",
            Verdict::RateLimited => "rate_limited",
            Verdict::Denied => "denied",
            Verdict::Error => "error",
            Verdict::Unknown => "unknown",
        }
    }

    /// The verdict with this word.
    ///
    /// # Errors
    /// `UsageError` for any other word; it lists those that are known. Case matters.
    pub fn parse(word: &str) -> Result<Self> {
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .ok_or_else(|| unknown_word("result", word, Verdict::ALL.iter().map(|verdict| verdict.as_str())))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error for a word that is none of the known ones.
pub(super) fn unknown_word(what: &str, word: &str, known: impl Iterator<Item = &'static str>) -> Error {
    let known: Vec<&str> = known.collect();
    let word = crate::text::shown_key(word.as_bytes());
    Error::usage(format!("`{word}` is not a known {what}: use one of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_itself() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::parse(verdict.as_str()).unwrap(), verdict);
        }
    }

    #[test]
    fn other_words_are_refused_with_the_known_ones() {
        for word in ["", "Denied", "deny", "denied "] {
            let error = Verdict::parse(word).unwrap_err();
            assert_eq!(error.code(), crate::Code::Usage);
            assert!(error.to_string().contains("use one of allowed, dispatched, modified"), "{error}");
        }
    }

    #[test]
    fn all_stand_in_the_order_of_gravity() {
        assert!(Verdict::ALL.is_sorted());
        let gravest = |verdicts: &[Verdict]| verdicts.iter().copied().max().unwrap();
        assert_eq!(gravest(&[Verdict::Modified, Verdict::Redacted, Verdict::Allowed]), Verdict::Redacted);
        assert_eq!(gravest(&[Verdict::Approved, Verdict::Escalated]), Verdict::Approved);
        assert_eq!(gravest(&[Verdict::WouldDeny, Verdict::RateLimited]), Verdict::RateLimited);
        assert_eq!(gravest(&[Verdict::Modified, Verdict::Error]), Verdict::Error);
    }
}
