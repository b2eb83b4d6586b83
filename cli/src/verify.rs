//! `checkrein audit verify`: does the chain hold?

use std::path::Path;

use checkrein::audit::file::{Report, VerifyOptions, verify as verify_chain};
use checkrein::error::Result;

use crate::json::Json;
use crate::paint::{Paint, Table};
use crate::{FINE, REFUSED, Reply, show};

/// Says whether the chain of which `file` is the current file holds, and what of it does.
pub(crate) fn verify(file: &Path, options: &VerifyOptions, json: bool, paint: Paint) -> Result<Reply> {
    let report = verify_chain(file, options)?;
    let code = if report.is_whole() { FINE } else { REFUSED };
    Ok(match json {
        true => Reply::json(code, &in_json(&report)),
        false => Reply::new(code, in_text(file, options, &report, paint)),
    })
}

fn in_json(report: &Report) -> Json {
    let problem = report.problem.as_ref().map_or(Json::Null, |problem| {
        Json::object([
            ("file", problem.file.to_string_lossy().into_owned().into()),
            ("line", problem.line.into()),
            ("what", problem.what.as_str().into()),
        ])
    });
    Json::object([
        ("ok", report.is_whole().into()),
        ("problem", problem),
        ("segments", report.segments.into()),
        ("lines", report.lines.into()),
        ("events", report.events.into()),
        ("first_sequence", report.first_sequence.into()),
        ("last_sequence", report.last_sequence().into()),
        ("head", report.head.to_string().into()),
        ("repairs", report.repairs.into()),
        ("lost", report.lost.into()),
        ("torn_bytes", report.torn_bytes.into()),
    ])
}

fn in_text(file: &Path, options: &VerifyOptions, report: &Report, paint: Paint) -> String {
    let mut text = match &report.problem {
        None => format!("{}: {}\n", paint.good("the chain holds"), show::whole(&file.to_string_lossy())),
        Some(problem) => {
            format!("{}: {}\n", paint.bad("the chain does not hold"), show::whole(&problem.to_string()))
        }
    };
    let mut facts = Table::new(usize::MAX);
    let lines = format!("{}, {} of the file's own", show::counted(report.lines, "line"), report.events);
    if report.is_whole() {
        facts.row(["lines", &format!("{lines}, in {}", show::counted(report.segments, "file"))]);
    } else {
        facts.row(["up to there", &lines]);
    }
    if report.lines > 0 {
        facts.row(["sequence", &format!("{} to {}", report.first_sequence, report.last_sequence())]);
        facts.row(["head", &report.head.to_string()]);
    }
    if report.repairs > 0 {
        facts.row(["repairs", &format!("{} after a crash", show::counted(report.repairs, "torn line"))]);
    }
    if report.lost > 0 {
        facts.row(["lost", &format!("{} entries while the file could not be written", report.lost)]);
    }
    if report.torn_bytes > 0 {
        let bytes = show::counted(report.torn_bytes, "byte");
        facts.row(["torn", &format!("{bytes} of an unfinished last line: a crash, or a writer at work")]);
    }
    text.push_str(&facts.draw(paint, "  "));
    if report.is_whole() && options.head.is_none() {
        text.push_str(
            "  Keep the head elsewhere: with `--head` lines that are cut off at the end are found too.\n",
        );
    }
    text
}
