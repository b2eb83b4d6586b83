//! What a command line asks for. `--json` and `--help` may stand anywhere, options and operands in any order, and `--`
//! ends the options: a key may begin with `-`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use checkrein::audit::file::{Head, VerifyOptions};
use checkrein::context::Context;
use checkrein::document::DeclaredHmacKey;
use checkrein::error::{Error, Result};
use checkrein::operation::Kind;
use lexopt::{Arg, Parser};

use crate::context::contexts;
use crate::help::{self, Topic};
use crate::show;

/// What is asked for, and how it is answered.
pub(crate) struct Invocation {
    pub(crate) command: Command,
    pub(crate) json: bool,
}

pub(crate) enum Command {
    Help(&'static str),
    Version,
    Check { policies: Vec<PathBuf> },
    Eval(Trial),
    Verify { file: PathBuf, options: VerifyOptions },
    Tail { file: PathBuf, count: usize },
    Stats { file: PathBuf },
    Schema,
}

/// An operation to be tried on a document.
pub(crate) struct Trial {
    pub(crate) policy: PathBuf,
    pub(crate) operation: Kind,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) context: Context,
}

/// What stands in the arguments of a command, not yet understood.
#[derive(Default)]
struct Words {
    operands: Vec<OsString>,
    /// What `--context` was given, and what followed it once there were operands enough.
    contexts: Vec<OsString>,
    options: Vec<(&'static str, OsString)>,
    json: bool,
    help: bool,
}

/// Understands the arguments, without the program's name.
///
/// # Errors
/// `UsageError` for what is no command, option or operand; it says where the right ones are listed.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Invocation> {
    let mut parser = Parser::from_args(args);
    let mut json = false;
    let help = |topic: Topic| Ok(Invocation { command: Command::Help(topic.text()), json: false });
    let mut group = Topic::All;
    let topic = loop {
        match parser.next().map_err(|error| wrong(&error, group))? {
            None => {
                return Err(Error::usage(format!("no command was given: see `{} --help`", group.name())));
            }
            Some(Arg::Long("json")) => json = true,
            Some(Arg::Long("help") | Arg::Short('h')) => return help(group),
            Some(Arg::Long("version") | Arg::Short('V')) => {
                return Ok(Invocation { command: Command::Version, json });
            }
            Some(Arg::Value(word)) if word == "help" && group == Topic::All => {
                return help(topic_of(&mut parser)?);
            }
            Some(Arg::Value(word)) => match command_named(&word, group)? {
                Topic::Audit => group = Topic::Audit,
                topic => break topic,
            },
            Some(other) => return Err(unknown(other, group)),
        }
    };
    let words = Words::read(&mut parser, topic)?;
    let json = json || words.json;
    let command = if words.help { Command::Help(topic.text()) } else { command(topic, words)? };
    Ok(Invocation { command, json })
}

/// The topic that the words after `help` name.
fn topic_of(parser: &mut Parser) -> Result<Topic> {
    let mut topic = Topic::All;
    while let Some(arg) = parser.next().map_err(|error| wrong(&error, topic))? {
        match arg {
            Arg::Value(word) if matches!(topic, Topic::All | Topic::Audit) => {
                topic = command_named(&word, topic)?;
            }
            Arg::Long("help" | "json") | Arg::Short('h') => {}
            other => return Err(unknown(other, topic)),
        }
    }
    Ok(topic)
}

/// The command of a group that a word names.
fn command_named(word: &OsStr, group: Topic) -> Result<Topic> {
    let known: &[(&str, Topic)] = if group == Topic::Audit { &help::AUDIT_COMMANDS } else { &help::COMMANDS };
    let of = group.name();
    let word = word.to_string_lossy();
    if let Some((_, topic)) = known.iter().find(|(name, _)| *name == word) {
        return Ok(*topic);
    }
    let nearest = known.iter().map(|(name, _)| (strsim::damerau_levenshtein(name, &word), name)).min();
    let hint = match nearest {
        Some((distance, name)) if distance <= 2 => format!("did you mean `{name}`?"),
        _ => format!("see `{of} --help`"),
    };
    Err(Error::usage(format!("`{}` is no command of `{of}`: {hint}", show::line(&word))))
}

impl Words {
    fn read(parser: &mut Parser, topic: Topic) -> Result<Self> {
        let mut words = Words::default();
        let full = topic.operands();
        while let Some(arg) = parser.next().map_err(|error| wrong(&error, topic))? {
            let option = match &arg {
                Arg::Short('n') => Some("n"),
                Arg::Short('c') => Some("context"),
                Arg::Long(name) if name.len() > 1 => Some(*name),
                _ => None,
            };
            match arg {
                Arg::Long("json") => words.json = true,
                Arg::Long("help") | Arg::Short('h') => words.help = true,
                Arg::Value(word)
                    if topic == Topic::Eval && words.operands.len() == full && !words.contexts.is_empty() =>
                {
                    words.contexts.push(word);
                }
                Arg::Value(word) => words.operands.push(word),
                other => {
                    let known = option.and_then(|name| topic.options().iter().find(|known| **known == name));
                    let Some(name) = known else { return Err(unknown(other, topic)) };
                    let value = parser.value().map_err(|error| wrong(&error, topic))?;
                    if *name == "context" {
                        words.contexts.push(value);
                    } else if words.option(name).is_some() {
                        return Err(usage(topic, &format!("{} is given twice", dashed(name))));
                    } else {
                        words.options.push((name, value));
                    }
                }
            }
        }
        Ok(words)
    }

    fn option(&self, name: &str) -> Option<&OsString> {
        self.options.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The option as text.
    fn text(&self, name: &str) -> Result<Option<&str>> {
        self.option(name).map(|value| text(value, name)).transpose()
    }

    /// The operands, where there are as many as the command takes.
    fn exactly<const N: usize>(&self, topic: Topic) -> Result<[&OsString; N]> {
        let all: Vec<&OsString> = self.operands.iter().collect();
        if let Some(extra) = all.get(N) {
            let extra = show::line(&extra.to_string_lossy());
            return Err(usage(topic, &format!("`{extra}` is one operand too many")));
        }
        all.try_into().map_err(|_| missing(topic))
    }
}

fn command(topic: Topic, words: Words) -> Result<Command> {
    Ok(match topic {
        Topic::All | Topic::Audit => Command::Help(topic.text()),
        Topic::Check if words.operands.is_empty() => return Err(missing(topic)),
        Topic::Check => Command::Check { policies: words.operands.into_iter().map(PathBuf::from).collect() },
        Topic::Eval => {
            let [policy, operation, key] = words.exactly(topic)?;
            let trial = Trial {
                policy: policy.into(),
                operation: Kind::parse(text(operation, "OPERATION")?)?,
                key: bytes(key, "KEY")?,
                value: words.option("value").map(|value| bytes(value, "--value")).transpose()?,
                context: contexts(&words.contexts)?,
            };
            if trial.value.is_some() && trial.operation == Kind::Delete {
                return Err(Error::usage("a delete has no value: leave `--value` out"));
            }
            Command::Eval(trial)
        }
        Topic::Verify => {
            let [file] = words.exactly(topic)?;
            let head = |name| words.text(name)?.map(str::parse::<Head>).transpose();
            let key = match (words.text("key-file")?, words.text("key-env")?) {
                (Some(_), Some(_)) => {
                    return Err(usage(topic, "`--key-file` and `--key-env` exclude one another"));
                }
                (Some(path), None) => Some(DeclaredHmacKey::File(path.to_owned()).read()?),
                (None, Some(name)) => Some(DeclaredHmacKey::Env(name.to_owned()).read()?),
                (None, None) => None,
            };
            let options = VerifyOptions { key, head: head("head")?, after: head("after")? };
            Command::Verify { file: file.into(), options }
        }
        Topic::Tail => {
            let [file] = words.exactly(topic)?;
            let count = words.text("n")?.map(|count| {
                count
                    .parse()
                    .map_err(|_| Error::usage(format!("`-n {}`: give a number of lines", show::line(count))))
            });
            Command::Tail { file: file.into(), count: count.transpose()?.unwrap_or(help::TAIL_LINES) }
        }
        Topic::Stats => {
            let [file] = words.exactly(topic)?;
            Command::Stats { file: file.into() }
        }
        Topic::Schema => {
            let [] = words.exactly(topic)?;
            Command::Schema
        }
    })
}

/// Text, as the command line of any system may not be.
pub(crate) fn text<'a>(value: &'a OsStr, what: &str) -> Result<&'a str> {
    value.to_str().ok_or_else(|| {
        let shown = show::line(&value.to_string_lossy());
        Error::usage(format!("{} is not UTF-8: `{shown}`", dashed(what)))
    })
}

/// Bytes as the audit writes them: UTF-8 as it is, `\xNN` for any byte.
fn bytes(value: &OsStr, what: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_encoded_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let escape = after.split_at_checked(3).and_then(|(escape, behind)| {
            let digits = std::str::from_utf8(escape.strip_prefix(b"x")?).ok()?;
            let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            Some((u8::from_str_radix(digits, 16).ok().filter(|_| plain)?, behind))
        });
        let Some((escaped, behind)) = escape else {
            return Err(Error::usage(format!(
                "`\\` in {} begins `\\xNN`, a byte in two hex digits: write `\\x5c` for the character itself",
                dashed(what)
            )));
        };
        out.push(escaped);
        rest = behind;
    }
    Ok(out)
}

/// An option's or operand's name as it is written.
fn dashed(name: &str) -> String {
    match name.len() {
        1 => format!("`-{name}`"),
        _ if name.starts_with("--") || name.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            format!("`{name}`")
        }
        _ => format!("`--{name}`"),
    }
}

fn missing(topic: Topic) -> Error {
    usage(topic, &format!("an operand is missing: {}", topic.synopsis()))
}

fn unknown(arg: Arg<'_>, topic: Topic) -> Error {
    let name = match arg {
        Arg::Short(letter) => format!("-{letter}"),
        Arg::Long(name) => format!("--{name}"),
        Arg::Value(word) => word.to_string_lossy().into_owned(),
    };
    usage(topic, &format!("`{}` is no option of `{}`", show::line(&name), topic.name()))
}

fn wrong(error: &lexopt::Error, topic: Topic) -> Error {
    let what = match error {
        lexopt::Error::MissingValue { option: Some(option) } => format!("`{option}` needs a value"),
        lexopt::Error::UnexpectedValue { option, .. } => format!("`{option}` takes no value"),
        other => other.to_string(),
    };
    usage(topic, &what)
}

fn usage(topic: Topic, what: &str) -> Error {
    Error::usage(format!("{what}: see `{} --help`", topic.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_audit_is_read_back_as_its_bytes() {
        for key in [&b"users/\xc3\xa9"[..], b"a\\xff", b"a\xff\x00\n", b"\x1b[2J", "\u{202e}".as_bytes(), b""]
        {
            assert_eq!(bytes(show::key(key).as_ref(), "KEY").unwrap(), key);
        }
    }

    #[test]
    fn other_escapes_are_refused() {
        for text in ["\\", "a\\n", "\\x", "\\x5", "\\x+5", "\\xzz", "\\x\u{e9}"] {
            assert!(bytes(text.as_ref(), "KEY").is_err(), "{text}");
        }
    }
}
