//! What a driver's replies mean to an operation: which of them fit the step that is pending, and where they lead.

use std::borrow::Cow;

use super::course::{Course, Pending, State};
use super::subject::Stage;
use super::whole::Whole;
use super::{Kind, Reply, StoreReply};
use crate::engine::Config;
use crate::error::Result;
use crate::hook::Answer;

impl Course<'_> {
    #[inline]
    pub(super) fn resume(&mut self, config: &Config, reply: Reply) -> Result<()> {
        // The usual replies first: taking any other apart copies it, and it is large.
        match (self.pending, &reply) {
            (Pending::Hook(_), Reply::Answer(Answer::Nothing | Answer::Allow)) => {}
            (Pending::Store, Reply::Store(StoreReply::Done)) if self.subject.kind != Kind::Read => {
                self.subject.stage = Stage::Replied;
                self.state = State::After;
            }
            _ => return self.resume_otherwise(config, reply),
        }
        self.pending = Pending::Nothing;
        Ok(())
    }

    fn resume_otherwise(&mut self, config: &Config, reply: Reply) -> Result<()> {
        let pending = std::mem::replace(&mut self.pending, Pending::Nothing);
        let place = match pending {
            Pending::Hook(place) | Pending::Log(place) => Some(place),
            _ => None,
        };
        let hook = place.and_then(|place| config.hooks_of(self.subject.kind).get(place));
        match (pending, reply, hook) {
            (Pending::Warning, Reply::Logged | Reply::LogFailed(_), _) => self.warned(),
            (Pending::Listener(_), Reply::Logged, _) => {}
            (Pending::Listener(_), Reply::LogFailed(cause), _) => self.listener_failed(&cause),
            (Pending::Hook(_), Reply::Answer(answer), Some(hook)) => self.judge(config, hook, answer),
            (Pending::Log(_), Reply::Logged, Some(hook)) => self.judge(config, hook, Answer::Log),
            (Pending::Log(_), Reply::LogFailed(cause), Some(hook)) => {
                self.judge(config, hook, Answer::foreign(cause));
            }
            (Pending::Store, Reply::Store(reply), _) => self.take_reply(reply),
            (Pending::Sink(_), Reply::Recorded, _) => {}
            (Pending::Sink(at), Reply::RecordFailed(cause), _) => self.sink_failed(config, at, cause),
            _ => return Err(self.misuse(config, pending)),
        }
        Ok(())
    }

    fn take_reply(&mut self, reply: StoreReply) {
        match (&mut self.whole, reply) {
            (Whole::Scan(scan), StoreReply::Page(page)) => {
                if let Some(fault) = scan.fault_of(&page.pairs) {
                    return self.fail_by_store(StoreReply::Invalid(fault));
                }
                scan.ended = page.end || page.pairs.is_empty();
                scan.after = page.pairs.last().map(|(key, _)| key.clone());
                scan.page = page.pairs.into_iter();
            }
            (Whole::Many(many), StoreReply::Done) if many.atomic => {
                many.subjects.iter_mut().for_each(|subject| subject.stage = Stage::Replied);
                self.take_in_hand(Some(0));
                self.state = State::After;
            }
            // No key is in hand, so the replies to one key must not come further.
            (Whole::Many(many), reply) if many.atomic => self.fail_by_store(reply),
            (Whole::One | Whole::Many(_), StoreReply::Value(value)) if self.subject.kind == Kind::Read => {
                self.subject.stage = Stage::Replied;
                self.subject.value = value.map(Cow::Owned);
                match self.subject.value {
                    Some(_) => self.state = State::After,
                    None => self.finished(),
                }
            }
            (Whole::One | Whole::Many(_), StoreReply::Done) if self.subject.kind != Kind::Read => {
                self.subject.stage = Stage::Replied;
                self.state = State::After;
            }
            (_, reply) => self.fail_by_store(reply),
        }
    }

    /// Takes the pair of a scan that waits for the caller.
    pub(super) fn take_item(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let Whole::Scan(scan) = &mut self.whole else { return None };
        if self.pending != Pending::Item {
            return None;
        }
        scan.count.given += 1;
        scan.modified |= self.subject.modified;
        self.pending = Pending::Nothing;
        self.state = State::Store;
        let key = std::mem::take(&mut self.subject.key).into_owned();
        Some((key, self.subject.value.take().unwrap_or_default().into_owned()))
    }
}
