//! The ready-made hooks: decided here, so that they cost no crossing and answer the same in every language.

use crate::context::{AGENT_ID, Context, Value};
use crate::error::{Error, Result};
use crate::hook::{Answer, Trigger};

/// A ready-made hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Helper {
    /// Refuses.
    DenyAll,
    /// Goes on.
    AllowAll,
    /// Refuses where the context has no `agent_id`, or an empty one.
    RequireAgentId,
    /// Puts these bytes in the place of the value.
    RedactValue(Vec<u8>),
}

impl Helper {
    /// The helper's name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Helper::DenyAll => "deny_all",
            Helper::AllowAll => "allow_all",
            Helper::RequireAgentId => "require_agent_id",
            Helper::RedactValue(_) => "redact_value",
        }
    }

    /// What the helper answers.
    #[must_use]
    pub fn answer(&self, context: &Context) -> Answer {
        match self {
            Helper::AllowAll => Answer::Allow,
            Helper::DenyAll => Answer::Deny(Some("denied by deny_all".to_owned())),
            Helper::RequireAgentId if context.get(AGENT_ID).is_some_and(Value::is_present) => Answer::Allow,
            Helper::RequireAgentId => {
                Answer::Deny(Some("the context has no `agent_id`: say which agent acts".to_owned()))
            }
            Helper::RedactValue(replacement) => Answer::Modify(replacement.clone()),
        }
    }

    /// Refuses a trigger at which the helper can mean nothing.
    ///
    /// # Errors
    /// `ConfigError` that names the triggers that fit.
    pub fn check(&self, trigger: Trigger) -> Result<()> {
        let (fits, where_to): (bool, &str) = match self {
            Helper::AllowAll => (true, ""),
            Helper::DenyAll | Helper::RequireAgentId => {
                (trigger.may_deny(), "before_read, after_read, before_write or before_delete")
            }
            Helper::RedactValue(_) => (trigger.may_modify(), "before_write or after_read"),
        };
        if fits {
            return Ok(());
        }
        let (name, trigger) = (self.as_str(), trigger.as_str());
        Err(Error::config(format!("`{name}` can mean nothing at `{trigger}`: register it at {where_to}")))
    }
}
