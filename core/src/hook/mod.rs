//! Hooks: what is asked, when, for which keys, and what the answers mean.

mod answer;
mod declared;
mod entry;
mod helper;
mod mode;
mod set;
mod trigger;

pub use answer::{Answer, Failure};
pub use declared::Declared;
pub(crate) use declared::{Condition, Decision, Effect, Keys, Test};
pub use entry::{Action, HookEntry, HookId, HostObject};
pub use helper::Helper;
pub use mode::Mode;
pub(crate) use set::{HookSet, Matched};
pub use trigger::{Phase, Trigger};
