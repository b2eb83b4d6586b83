//! `--context`: `NAME=TEXT`, or `NAME:=JSON` for a boolean or an integer.

use std::ffi::OsString;

use checkrein::context::{Context, Value};
use checkrein::error::{Error, Result};

use crate::{args, show};

/// The context that these words make.
///
/// # Errors
/// `UsageError` for a word of another form, a name that is given twice, and what no context can hold.
pub(crate) fn contexts(words: &[OsString]) -> Result<Context> {
    let mut context = Context::new();
    for word in words {
        let word = args::text(word, "context")?;
        let (name, value) = pair(word)?;
        if context.get(name).is_some() {
            return Err(Error::usage(format!("`{}` stands in the context twice", show::line(name))));
        }
        context.insert(name, value)?;
    }
    Ok(context)
}

/// The name and value of a word.
fn pair(word: &str) -> Result<(&str, Value)> {
    let Some((name, value)) = word.split_once('=') else {
        return Err(Error::usage(format!(
            "`{}` in the context has no `=`: write `NAME=TEXT`, or `NAME:=true` and `NAME:=3` for what is no \
             text",
            show::line(word)
        )));
    };
    let Some(name) = name.strip_suffix(':') else { return Ok((name, value.into())) };
    let value = typed(value).ok_or_else(|| {
        Error::usage(format!(
            "`{}` in the context is no text, boolean or integer in JSON: write `NAME:=true`, `NAME:=3` or \
             `NAME=TEXT`",
            show::line(word)
        ))
    })?;
    Ok((name, value))
}

fn typed(json: &str) -> Option<Value> {
    match serde_json::from_str(json).ok()? {
        serde_json::Value::Bool(flag) => Some(flag.into()),
        serde_json::Value::Number(number) => number.as_i64().map(Value::from),
        serde_json::Value::String(text) => Some(text.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Context> {
        contexts(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn values_are_text_unless_they_are_said_to_be_typed() {
        let context = read(&["a=true", "b:=true", "c:=-3", "d:=\"x\"", "e=", "f=x=y"]).unwrap();
        assert_eq!(context.get("a"), Some(&Value::from("true")));
        assert_eq!(context.get("b"), Some(&Value::from(true)));
        assert_eq!(context.get("c"), Some(&Value::from(-3)));
        assert_eq!(context.get("d"), Some(&Value::from("x")));
        assert_eq!(context.get("e"), Some(&Value::from("")));
        assert_eq!(context.get("f"), Some(&Value::from("x=y")));
    }

    #[test]
    fn what_no_context_can_hold_is_refused() {
        for word in ["a", "=x", "a:=", "a:=null", "a:=1.5", "a:=[1]", "a:=99999999999999999999", "agentId=x"]
        {
            assert!(read(&[word]).is_err(), "{word}");
        }
        assert!(read(&["a=1", "a=2"]).unwrap_err().to_string().contains("twice"));
    }
}
