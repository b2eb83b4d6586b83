//! `checkrein eval`: a document tried on one operation. The core decides; the store is an empty one in memory.

use checkrein::PolicyDocument;
use checkrein::engine::{Engine, EngineOptions, Explanation, Foreseen};
use checkrein::error::{Error, Result};
use checkrein::hook::Mode;
use checkrein::operation::{Kind, Reply as Answer, Request, Step};
use checkrein::policy::advance;
use checkrein::store::Database;
use checkrein::text::escaped_key;

use crate::args::Trial;
use crate::json::Json;
use crate::paint::{Paint, Table};
use crate::{FINE, REFUSED, Reply, UNKNOWN, show};

/// Says what would become of the operation.
pub(crate) fn eval(trial: &Trial, json: bool, paint: Paint) -> Result<Reply> {
    let engine = Engine::new(EngineOptions::default())?;
    // The program that the policy is for may have the audit's file open; a trial is no part of its audit.
    engine.apply(&PolicyDocument::load(&trial.policy)?.without_audit_file())?;
    let explanation = engine.explain(trial.operation, &trial.key, &trial.context)?;
    let value = trial.value.as_deref().map(|value| made_of(&engine, trial, value)).transpose()?;
    let code = code_of(explanation.verdict);
    Ok(match json {
        true => Reply::json(code, &in_json(trial, &explanation, value)),
        false => Reply::new(code, in_text(trial, &explanation, value, paint)),
    })
}

fn code_of(verdict: Foreseen) -> u8 {
    match verdict {
        Foreseen::Denied | Foreseen::RateLimited => REFUSED,
        Foreseen::Unknown => UNKNOWN,
        Foreseen::Allowed | Foreseen::Modified | Foreseen::Redacted | Foreseen::WouldDeny => FINE,
    }
}

/// What is stored of this value by a write, or given of it by a read; nothing where it is refused or hidden.
fn made_of(engine: &Engine, trial: &Trial, value: &[u8]) -> Result<Option<Vec<u8>>> {
    let database = Database::memory();
    let request = match trial.operation {
        Kind::Write => Request::write(&trial.key, value, &trial.context),
        Kind::Read => {
            database.put(&trial.key, value)?;
            Request::read(&trial.key, &trial.context)
        }
        Kind::Delete => Request::delete(&trial.key, &trial.context),
    };
    let mut operation = engine.start(request);
    loop {
        match advance(&mut operation, engine.clock(), Some(&database)) {
            Step::Done => break,
            Step::Log(_) => operation.resume(Answer::Logged)?,
            // A document has no hook, store, sink or listener of a host.
            _ => return Ok(None),
        }
    }
    match operation.finish() {
        Err(Error::Violation(_)) => Ok(None),
        Err(error) => Err(error),
        Ok(_) if trial.operation == Kind::Write => database.get(&trial.key),
        Ok(outcome) => Ok(outcome.value),
    }
}

fn in_json(trial: &Trial, explanation: &Explanation, value: Option<Option<Vec<u8>>>) -> Json {
    let hooks = explanation.hooks.iter().map(|hook| {
        Json::object([
            ("rule", hook.rule.as_str().into()),
            ("trigger", hook.trigger.into()),
            ("keys", hook.keys.as_str().into()),
            ("kind", hook.kind.into()),
            ("mode", hook.mode.as_str().into()),
            ("answer", hook.answer.into()),
        ])
    });
    let limits = explanation.limits.iter().map(|limit| {
        Json::object([
            ("limit", limit.limit.as_str().into()),
            ("operation", limit.operation.as_str().into()),
            ("scope", limit.scope.as_str().into()),
            ("count", limit.count.as_str().into()),
            ("capacity", limit.capacity.into()),
            ("remaining", limit.remaining.into()),
            ("retry_after_ns", limit.retry_after_ns.into()),
            ("full_after_ns", limit.full_after_ns.into()),
            ("overflow", limit.overflow.into()),
        ])
    });
    let mut fields = vec![
        ("operation", explanation.operation.as_str().into()),
        ("key", escaped_key(&trial.key).into()),
        ("verdict", explanation.verdict.as_str().into()),
        ("rule", explanation.rule.as_deref().into()),
        ("reason", explanation.reason.as_deref().into()),
        ("mode", explanation.mode.as_str().into()),
        ("hooks", Json::list(hooks)),
        ("limits", Json::list(limits)),
    ];
    if let Some(value) = value {
        fields.push(("value", value.map(|value| escaped_key(&value)).into()));
    }
    Json::Object(fields)
}

fn in_text(trial: &Trial, explanation: &Explanation, value: Option<Option<Vec<u8>>>, paint: Paint) -> String {
    let verdict = explanation.verdict.as_str();
    let agent = trial.context.agent_id().map(|agent| format!(" by agent `{}`", show::line(&agent)));
    let mut text = format!(
        "{}: {} of `{}`{}\n",
        paint.verdict(verdict, verdict),
        explanation.operation.as_str(),
        show::key(&trial.key),
        agent.unwrap_or_default()
    );
    let mut facts = Table::new(usize::MAX);
    if let Some(rule) = &explanation.rule {
        facts.row(["rule", &show::line(rule)]);
    }
    if let Some(reason) = &explanation.reason {
        facts.row(["reason", &show::line(reason)]);
    }
    if explanation.mode == Mode::Shadow {
        facts.row(["mode", "shadow: nothing is refused"]);
    }
    if let Some(value) = value {
        let name = if trial.operation == Kind::Write { "stored" } else { "given" };
        let value = value.map_or("nothing".to_owned(), |value| format!("`{}`", show::key(&value)));
        facts.row([name, &value]);
    }
    text.push_str(&facts.draw(paint, "  "));
    text.push_str(&hooks(explanation, paint));
    text.push_str(&limits(explanation, paint));
    text
}

fn hooks(explanation: &Explanation, paint: Paint) -> String {
    if explanation.hooks.is_empty() {
        return format!("\n{}\n", paint.bold("no hook matches the key"));
    }
    let mut table = Table::new(0);
    for hook in &explanation.hooks {
        let mode = if hook.mode == Mode::Shadow { "shadow" } else { "" };
        let (keys, rule) = (show::line(&hook.keys), show::line(&hook.rule));
        table.row([hook.answer, hook.trigger, &keys, &rule, mode]);
    }
    let heading = paint.bold("hooks, in the order in which they are asked");
    format!("\n{heading}\n{}", table.draw(paint, "  "))
}

fn limits(explanation: &Explanation, paint: Paint) -> String {
    if explanation.limits.is_empty() {
        return String::new();
    }
    let mut table = Table::new(usize::MAX);
    for limit in &explanation.limits {
        table.row([show::line(&limit.limit), format!("{} of {} left", limit.remaining, limit.capacity)]);
    }
    format!("\n{}\n{}", paint.bold("rate limits, where nothing was taken yet"), table.draw(paint, "  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_pass_is_fine() {
        assert_eq!(code_of(Foreseen::Allowed), 0);
        assert_eq!(code_of(Foreseen::WouldDeny), 0);
        assert_eq!(code_of(Foreseen::RateLimited), 1);
        assert_eq!(code_of(Foreseen::Unknown), 3);
    }
}
