//! What a Rust caller says about who acts, and what a hook sees of an operation.

use std::borrow::Cow;

use crate::context::{AGENT_ID, Context, SESSION_ID, Value};
use crate::error::{Error, Result};
use crate::hook::Trigger;
use crate::operation::{HookCall, Kind};

/// What a hook sees of an operation; also what a caller says about who acts.
///
/// A caller's own `operation` and `key` are not believed: what is judged is what is really done. So a context that
/// was made for another key cannot slip a write past a hook.
#[derive(Clone, Debug)]
pub struct PolicyContext<'a> {
    /// `read`, `write` or `delete`.
    pub operation: Cow<'a, str>,
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The value to be written, or that was read, as the hooks before left it.
    pub value: Option<Cow<'a, [u8]>>,
    /// The acting agent, as text.
    pub agent_id: Option<Cow<'a, str>>,
    /// The session, as text.
    pub session_id: Option<Cow<'a, str>>,
    /// Everything that the caller said.
    said: Cow<'a, Context>,
    /// Where a hook sees this, the moment at which it is asked.
    trigger: Option<Trigger>,
    /// What could not be said; refuses the operation.
    fault: Option<Error>,
}

impl<'a> PolicyContext<'a> {
    /// A context for an operation on a key. Add who acts with [`PolicyContext::with_agent_id`].
    pub fn new<K: AsRef<[u8]> + ?Sized>(operation: &'a str, key: &'a K) -> Self {
        PolicyContext {
            operation: Cow::Borrowed(operation),
            key: Cow::Borrowed(key.as_ref()),
            value: None,
            agent_id: None,
            session_id: None,
            said: Cow::Owned(Context::new()),
            trigger: None,
            fault: None,
        }
    }

    /// Says which agent acts. The operation fails with a `UsageError` where the text passes 1,024 bytes.
    #[must_use]
    pub fn with_agent_id(self, agent_id: impl Into<String>) -> Self {
        self.with(AGENT_ID, agent_id.into())
    }

    /// Says in which session.
    #[must_use]
    pub fn with_session_id(self, session_id: impl Into<String>) -> Self {
        self.with(SESSION_ID, session_id.into())
    }

    /// Says anything else. The operation fails with a `UsageError` where the name is a near miss of a known one,
    /// or a bound is passed.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let text = value.to_text();
        match self.said.to_mut().insert(name, value) {
            Ok(()) if name == AGENT_ID => self.agent_id = Some(Cow::Owned(text.into_string())),
            Ok(()) if name == SESSION_ID => self.session_id = Some(Cow::Owned(text.into_string())),
            Ok(()) => {}
            Err(error) => self.fault = self.fault.or(Some(error)),
        }
        self
    }

    /// What the caller said under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.said.get(name)
    }

    /// Everything that the caller said, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.said.iter()
    }

    /// What a hook call shows.
    pub(super) fn of_call(call: &HookCall<'a>) -> Self {
        PolicyContext {
            operation: Cow::Borrowed(call.trigger.kind.as_str()),
            key: Cow::Borrowed(call.key),
            value: call.value.map(Cow::Borrowed),
            agent_id: call.context.text_of(AGENT_ID),
            session_id: call.context.text_of(SESSION_ID),
            said: Cow::Borrowed(call.context),
            trigger: Some(call.trigger),
            fault: None,
        }
    }

    /// What an operation is started with. The fields win over what was said under their names.
    pub(super) fn to_context(&self) -> Result<Cow<'_, Context>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut context = Cow::Borrowed(&*self.said);
        for (name, field) in [(AGENT_ID, &self.agent_id), (SESSION_ID, &self.session_id)] {
            match field.as_deref() {
                field if field == self.said.text_of(name).as_deref() => {}
                Some(text) => context.to_mut().insert(name, text.into())?,
                None => context.to_mut().remove(name),
            }
        }
        Ok(context)
    }

    /// For tests of hooks: the context as a hook sees it at a write of `value`.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<Vec<u8>>) -> Self {
        self.value = Some(Cow::Owned(value.into()));
        self.operation = Cow::Borrowed(Kind::Write.as_str());
        self
    }

    /// What was said of it that can be: the audit tells of a refused operation by this.
    pub(super) fn said(&self) -> &Context {
        &self.said
    }

    /// The word for the moment: `before_write` for a hook, else what the caller wrote.
    pub(super) fn moment(&self) -> &str {
        self.trigger.map_or(&*self.operation, |trigger| trigger.as_str())
    }
}
