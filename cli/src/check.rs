//! `checkrein check`: what is wrong with policy documents.

use std::path::{Path, PathBuf};

use checkrein::PolicyDocument;
use checkrein::clock::Clock;
use checkrein::context::Context;
use checkrein::document::{Problem, Problems, Source};
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Error, Result};
use checkrein::operation::{LogLevel, Request, Step};
use checkrein::policy::advance;

use crate::json::Json;
use crate::paint::Paint;
use crate::{FAILED, FINE, REFUSED, Reply, fault, show};

/// What became of one file.
struct Checked {
    name: String,
    outcome: Outcome,
}

enum Outcome {
    Fine { document: PolicyDocument, warnings: Vec<String> },
    Problems(Problems),
    Unread(Error),
}

/// Checks each document and tells all that is wrong with all of them.
pub(crate) fn check(policies: &[PathBuf], json: bool, paint: Paint) -> Reply {
    let checked: Vec<Checked> = policies.iter().map(|path| Checked::of(path)).collect();
    let is = |test: fn(&Outcome) -> bool| checked.iter().filter(|one| test(&one.outcome)).count();
    let unread = is(|outcome| matches!(outcome, Outcome::Unread(_)));
    let bad = is(|outcome| matches!(outcome, Outcome::Problems(_)));
    let code = match (unread, bad) {
        (0, 0) => FINE,
        (0, _) => REFUSED,
        _ => FAILED,
    };
    if json {
        let files = checked.iter().map(Checked::json);
        return Reply::json(
            code,
            &Json::object([("ok", (code == FINE).into()), ("files", Json::list(files))]),
        );
    }
    let mut text: String = checked.iter().map(|one| one.text(paint)).collect();
    text.push_str(&summary(&checked, unread, paint));
    Reply::new(code, text)
}

/// What the core warns of when an engine takes the document: nothing in it is for data, or nothing is refused.
fn warnings(document: &PolicyDocument) -> Result<Vec<String>> {
    let engine = Engine::new(EngineOptions::default())?;
    if let Err(error) = engine.apply(&document.without_audit_file()) {
        return Ok(vec![error.to_string()]);
    }
    let nothing = Context::new();
    let mut operation = engine.start(Request::read(b"", &nothing));
    // The first operation of an engine is told what is strange about it.
    Ok(match advance(&mut operation, &Clock::System, None) {
        Step::Log(call) if call.level == LogLevel::Warning && call.logger.is_none() => vec![call.message],
        _ => Vec::new(),
    })
}

impl Checked {
    fn of(path: &Path) -> Self {
        let outcome = match Source::read(path).map(|source| source.check()) {
            Err(error) => Outcome::Unread(error),
            Ok(Err(problems)) => Outcome::Problems(problems),
            Ok(Ok(document)) => match warnings(&document) {
                Ok(warnings) => Outcome::Fine { document, warnings },
                Err(error) => Outcome::Unread(error),
            },
        };
        Checked { name: path.to_string_lossy().into_owned(), outcome }
    }

    fn text(&self, paint: Paint) -> String {
        let name = show::whole(&self.name);
        match &self.outcome {
            Outcome::Unread(error) => {
                format!("{}: {} {}\n", name, paint.bad("error:"), show::whole(&error.to_string()))
            }
            Outcome::Fine { document, warnings } => {
                let warnings: String = warnings
                    .iter()
                    .map(|what| format!("{name}: {} {}\n", paint.warn("warning:"), show::whole(what)))
                    .collect();
                format!("{warnings}{}  {name}: {}\n", paint.good("ok"), contents(document))
            }
            Outcome::Problems(problems) => {
                let mut text: String = problems.iter().map(|one| problem(&name, one, paint)).collect();
                if problems.untold() > 0 {
                    text.push_str(&format!(
                        "{name}: and {}\n",
                        show::counted(problems.untold() as u64, "more problem")
                    ));
                }
                text
            }
        }
    }

    fn json(&self) -> Json {
        let fine = matches!(self.outcome, Outcome::Fine { .. });
        let mut fields = vec![("file", self.name.as_str().into()), ("ok", fine.into())];
        let mut told = (Vec::new(), 0, Vec::new());
        match &self.outcome {
            Outcome::Unread(error) => fields.push(("error", fault(error))),
            Outcome::Fine { document, warnings } => {
                fields.push(("name", document.name().into()));
                fields.push(("hooks", document.hook_count().into()));
                fields.push(("rate_limits", document.rate_limits().len().into()));
                fields.push(("audit", document.audit().is_some().into()));
                told.2 = warnings.iter().map(|what| what.as_str().into()).collect();
            }
            Outcome::Problems(problems) => {
                told.0 = problems.iter().map(problem_json).collect();
                told.1 = problems.untold();
            }
        }
        let (problems, untold, warnings) = told;
        fields.push(("problems", Json::List(problems)));
        fields.push(("more_problems", untold.into()));
        fields.push(("warnings", Json::List(warnings)));
        Json::Object(fields)
    }
}

fn problem(name: &str, problem: &Problem, paint: Paint) -> String {
    let Problem { line, column, message, .. } = problem;
    let gutter = line.to_string();
    let place = paint.bold(&format!("{name}:{line}:{column}:"));
    let edge = paint.dim(&format!("{gutter} |"));
    let margin = paint.dim(&format!("{} |", " ".repeat(gutter.len())));
    let caret = format!("{}{}", " ".repeat(problem.indent()), paint.bad("^"));
    let (message, excerpt) = (show::whole(message), show::columns(problem.excerpt()));
    format!("{place} {message}\n  {edge} {excerpt}\n  {margin} {caret}\n")
}

fn problem_json(problem: &Problem) -> Json {
    Json::object([
        ("line", problem.line.into()),
        ("column", problem.column.into()),
        ("message", problem.message.as_str().into()),
        ("excerpt", problem.excerpt().into()),
        ("indent", problem.indent().into()),
    ])
}

/// What a document holds.
fn contents(document: &PolicyDocument) -> String {
    let hooks = show::counted(document.hook_count() as u64, "hook");
    let limits = show::counted(document.rate_limits().len() as u64, "rate limit");
    let audit = if document.audit().is_some() { "audit on" } else { "no audit" };
    format!("{hooks}, {limits}, {audit}")
}

fn summary(checked: &[Checked], unread: usize, paint: Paint) -> String {
    let (mut problems, mut warned) = (0, 0);
    for one in checked {
        match &one.outcome {
            Outcome::Problems(found) => problems += found.iter().len() + found.untold(),
            Outcome::Fine { warnings, .. } => warned += warnings.len(),
            Outcome::Unread(_) => {}
        }
    }
    let mut found = match problems {
        0 => vec![paint.good("no problem")],
        _ => vec![paint.bad(&show::counted(problems as u64, "problem"))],
    };
    if warned > 0 {
        found.push(paint.warn(&show::counted(warned as u64, "warning")));
    }
    if unread > 0 {
        found.push(paint.bad(&format!("{unread} not read")));
    }
    format!("{}: {}\n", show::counted(checked.len() as u64, "document"), found.join(", "))
}
