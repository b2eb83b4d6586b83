//! A JSON object that is taken apart field by field; what is left over at the end is an unknown field, and fails.

use serde_json::{Map, Value};

pub(crate) struct Fields {
    what: String,
    map: Map<String, Value>,
}

impl Fields {
    pub(crate) fn new(what: &str, value: Value) -> Self {
        match value {
            Value::Object(map) => Fields { what: what.to_owned(), map },
            other => panic!("{what}: `{other}` is no object"),
        }
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        Some(value.as_str().unwrap_or_else(|| panic!("{}: `{name}` is no text", self.what)).to_owned())
    }

    pub(crate) fn needed_text(&mut self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| panic!("{}: `{name}` is missing", self.what))
    }

    pub(crate) fn number(&mut self, name: &str) -> Option<u64> {
        let value = self.take(name)?;
        Some(value.as_u64().unwrap_or_else(|| panic!("{}: `{name}` is no number", self.what)))
    }

    pub(crate) fn list(&mut self, name: &str) -> Vec<Value> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => panic!("{}: `{name}` is `{other}`, no list", self.what),
        }
    }

    pub(crate) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        Some(bytes(&self.take(name)?))
    }

    pub(crate) fn end(self) {
        assert!(
            self.map.is_empty(),
            "{}: unknown fields {:?}",
            self.what,
            self.map.keys().collect::<Vec<_>>()
        );
    }
}

/// Bytes as the vectors write them.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text_bytes(text),
        Value::Object(map) => {
            let unit = text_bytes(map["repeat"].as_str().unwrap());
            unit.repeat(usize::try_from(map["times"].as_u64().unwrap()).unwrap())
        }
        other => panic!("`{other}` are no bytes"),
    }
}

pub(crate) fn text_bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        assert_eq!(&rest[at..at + 2], "\\x", "`{text}`: after `\\` comes `xNN`");
        out.push(u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap());
        rest = &rest[at + 4..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// Pairs as the vectors write them, the runs among them told one by one.
pub(crate) fn pairs(list: &[Value]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let read = |value: &Value| match value {
        Value::Array(pair) => vec![(bytes(&pair[0]), bytes(&pair[1]))],
        run => {
            let value = bytes(&run["value"]);
            keys_of(run).map(|key| (key, value.clone())).collect()
        }
    };
    list.iter().flat_map(read).collect()
}

/// Keys as the vectors write them.
pub(crate) fn keys(list: &[Value]) -> Vec<Vec<u8>> {
    let read = |value: &Value| match value {
        Value::Object(run) if run.contains_key("run") => keys_of(value).collect(),
        key => vec![bytes(key)],
    };
    list.iter().flat_map(read).collect()
}

/// The operations of a batch: a key, and a value where it is a put.
pub(crate) fn ops(list: &[Value]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let read = |value: &Value| match value {
        Value::Array(op) => match (op[0].as_str().unwrap(), op.len()) {
            ("put", 3) => vec![(bytes(&op[1]), Some(bytes(&op[2])))],
            ("delete", 2) => vec![(bytes(&op[1]), None)],
            _ => panic!("`{value}` is no operation of a batch"),
        },
        run => pairs(std::slice::from_ref(run)).into_iter().map(|(key, value)| (key, Some(value))).collect(),
    };
    list.iter().flat_map(read).collect()
}

fn keys_of(run: &Value) -> impl Iterator<Item = Vec<u8>> {
    let mut run = Fields::new("a run", run.clone());
    let prefix = run.bytes("run").unwrap();
    let (from, times) = (run.number("from").unwrap(), run.number("times").unwrap());
    run.take("value");
    run.end();
    (from..from + times).map(move |at| [prefix.as_slice(), format!("{at:04}").as_bytes()].concat())
}
