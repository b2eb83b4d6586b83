//! JSON as it is printed: fields in the order in which they are given, so that the same call gives the same bytes
//! everywhere, and no character that could drive a terminal.

use std::fmt::{self, Write as _};

use serde_json::value::RawValue;

use crate::show::is_hostile;

/// A JSON value to be printed.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
    /// A text that is JSON already.
    Raw(String),
}

impl Json {
    pub(crate) fn object(fields: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
        Json::Object(fields.into_iter().collect())
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Json>) -> Json {
        Json::List(items.into_iter().collect())
    }

    /// A text that is JSON as it stands, numbers and order included; nothing where it is none.
    pub(crate) fn raw(text: &str) -> Option<Json> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Some(Json::Raw(raw.get().to_owned()))
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Text(text)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Json {
        Json::Bool(flag)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Json {
        Json::Number(number)
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Json {
        Json::Number(number as u64)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Json {
        value.map_or(Json::Null, Into::into)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(flag) => flag.fmt(f),
            Json::Number(number) => number.fmt(f),
            Json::Text(text) => harmless(f, &serde_json::Value::from(text.as_str()).to_string()),
            Json::Raw(text) => harmless(f, text),
            Json::List(items) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_char(']')
            }
            Json::Object(fields) => {
                f.write_char('{')?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}\"{name}\":{value}", if at > 0 { "," } else { "" })?;
                }
                f.write_char('}')
            }
        }
    }
}

/// Well-formed JSON with its hostile characters as `\u` escapes. White space stands between values only, so it may
/// become a space; all other hostile characters can stand in texts only, where an escape means the same.
fn harmless(f: &mut fmt::Formatter<'_>, json: &str) -> fmt::Result {
    for c in json.chars() {
        match c {
            '\t' | '\n' | '\r' => f.write_char(' ')?,
            c if is_hostile(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back_as_itself() {
        let text = "a\"\\\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}é\n";
        let printed = Json::list([text.into(), Json::Null, 7_u64.into(), true.into()]).to_string();
        assert!(printed.chars().all(|c| !is_hostile(c)), "{printed}");
        let read: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read, serde_json::json!([text, null, 7, true]));
    }

    #[test]
    fn raw_json_keeps_its_order_and_numbers() {
        let raw = Json::raw("{\"b\":1.50,\r\n\"a\":99999999999999999999,\"c\":\"\u{202e}\"}").unwrap();
        assert_eq!(raw.to_string(), "{\"b\":1.50,  \"a\":99999999999999999999,\"c\":\"\\u202e\"}");
        assert!(Json::raw("{\"b\":").is_none());
    }
}
