//! Every key of a policy document: its name, its shape, and the words that editors show for it.

use super::read::{MAX_NAME_BYTES, MAX_REASON_BYTES};
use super::table::{Choice, Key, Shape, Table};
use crate::audit::LARGEST_MAX_ENTRIES;
use crate::audit::file::SMALLEST_ROTATE_BYTES;
use crate::context::MAX_NAME_BYTES as MAX_CONTEXT_NAME_BYTES;
use crate::hook::{Mode, Trigger};
use crate::limit::{Count, MAX_MAX_KEYS, MAX_TOKENS, Target};

pub(super) const ACTION: &str = "action";
pub(super) const AUDIT: &str = "audit";
pub(super) const BURST: &str = "burst";
pub(super) const COUNT: &str = "count";
pub(super) const FILE: &str = "file";
pub(super) const FSYNC: &str = "fsync";
pub(super) const HMAC_KEY_ENV: &str = "hmac_key_env";
pub(super) const HMAC_KEY_FILE: &str = "hmac_key_file";
pub(super) const HOOKS: &str = "hooks";
pub(super) const KEYS: &str = "keys";
pub(super) const MAX_ENTRIES: &str = "max_entries";
pub(super) const MAX_KEYS: &str = "max_keys";
pub(super) const MAX_PER_HOUR: &str = "max_per_hour";
pub(super) const MAX_PER_MINUTE: &str = "max_per_minute";
pub(super) const MAX_PER_SECOND: &str = "max_per_second";
pub(super) const MODE: &str = "mode";
pub(super) const NAME: &str = "name";
pub(super) const ON: &str = "on";
pub(super) const OPERATION: &str = "operation";
pub(super) const PATH: &str = "path";
pub(super) const RATE_LIMITS: &str = "rate_limits";
pub(super) const REASON: &str = "reason";
pub(super) const REPLACE: &str = "replace";
pub(super) const REQUIRE_CONTEXT: &str = "require_context";
pub(super) const ROTATE_BYTES: &str = "rotate_bytes";
pub(super) const SCOPE: &str = "scope";
pub(super) const STRICT: &str = "strict";
pub(super) const UNLESS_KEYS: &str = "unless_keys";
pub(super) const VERSION: &str = "version";
pub(super) const WHEN: &str = "when";

pub(super) const ALLOW: &str = "allow";
pub(super) const DENY: &str = "deny";
pub(super) const LOG: &str = "log";
pub(super) const PRESENT: &str = "present";
pub(super) const ABSENT: &str = "absent";
pub(super) const NEVER: &str = "never";
pub(super) const INTERVAL: &str = "interval";
pub(super) const ALWAYS: &str = "always";

const SHORT_TEXT: Shape = Shape::Text { most_bytes: MAX_NAME_BYTES };
const PATH_TEXT: Shape = Shape::Text { most_bytes: 4096 };
const MODES: Shape = Shape::Word(&[Mode::Enforce.as_str(), Mode::Shadow.as_str()]);
const TOKENS: Shape = Shape::Integer { least: 1, most: MAX_TOKENS as i64 };

pub(super) static DOCUMENT: Table = Table {
    what: "a policy document",
    about: "What agents may do, as one file that every language loads.",
    keys: &[
        required(VERSION, "Version", "The version of this format: 1.", Shape::Version),
        key("$schema", "Schema", "Where editors find the schema of this format. Not read.", PATH_TEXT),
        key(NAME, "Name", "What the policy is called.", SHORT_TEXT),
        key(
            MODE,
            "Mode",
            "`enforce` (the default) refuses; `shadow` audits what would be refused and lets it pass.",
            MODES,
        ),
        key(
            REQUIRE_CONTEXT,
            "Required context",
            "Names that the context of every operation must hold, such as `agent_id`. Without one of them an \
             operation is refused.",
            Shape::List(&Shape::Text { most_bytes: MAX_CONTEXT_NAME_BYTES }),
        ),
        key(
            HOOKS,
            "Hooks",
            "Asked in this order, before the hooks that the program registers.",
            Shape::List(&Shape::Map(&HOOK)),
        ),
        key(
            RATE_LIMITS,
            "Rate limits",
            "Token buckets. All that apply must have a token.",
            Shape::List(&Shape::Map(&RATE_LIMIT)),
        ),
        key(AUDIT, "Audit", "Turns the audit on.", Shape::Map(&AUDIT_TABLE)),
        key("rules", "Rules", "", Shape::Later),
        key("default_action", "Default action", "", Shape::Later),
        key("effects", "Effects", "", Shape::Later),
    ],
    choices: &[],
};

pub(super) static HOOK: Table = Table {
    what: "a hook",
    about: "What is done about the keys that it is for, where its conditions hold.",
    keys: &[
        required(
            ON,
            "When it is asked",
            "One trigger, or a list: before or after a read, write or delete.",
            Shape::OneOrMore(&Shape::Word(&[
                Trigger::BEFORE_READ.as_str(),
                Trigger::AFTER_READ.as_str(),
                Trigger::BEFORE_WRITE.as_str(),
                Trigger::AFTER_WRITE.as_str(),
                Trigger::BEFORE_DELETE.as_str(),
                Trigger::AFTER_DELETE.as_str(),
            ])),
        ),
        required(
            KEYS,
            "Keys",
            "The keys that it is for, as a glob or a list of globs: `users/*/email`, `system/**`.",
            Shape::OneOrMore(&Shape::Glob),
        ),
        key(
            UNLESS_KEYS,
            "Keys left alone",
            "Keys that it is not for, as a glob or a list of globs.",
            Shape::OneOrMore(&Shape::Glob),
        ),
        key(
            WHEN,
            "Conditions",
            "What the context must say: each name is `present`, `absent`, or has a value that a glob (or one of a \
             list) matches. All must hold.",
            Shape::Conditions,
        ),
        key(
            ACTION,
            "Action",
            "`deny` refuses (after a read: hides the value), `log` tells the logger and flags the audit entry, `allow` \
             goes on: a later hook may still deny.",
            Shape::Word(&[DENY, ALLOW, LOG]),
        ),
        key(
            REPLACE,
            "Replacement",
            "Text that takes the place of the value: at before_write of what is written, at after_read of what the \
             caller sees.",
            Shape::AnyText,
        ),
        key(
            REASON,
            "Reason",
            "Why: in the error and the audit with `deny`, in the log with `log`.",
            Shape::Text { most_bytes: MAX_REASON_BYTES },
        ),
        key(
            NAME,
            "Name",
            "What it is called in errors and in the audit; its trigger and keys unless given. No two hooks share one.",
            SHORT_TEXT,
        ),
        key(
            MODE,
            "Mode",
            "`enforce` (the default) refuses; `shadow` audits what it would refuse and lets it pass.",
            MODES,
        ),
    ],
    choices: &[Choice { of: &[ACTION, REPLACE], required: true }],
};

pub(super) static RATE_LIMIT: Table = Table {
    what: "a rate limit",
    about: "A token bucket, or one for each value of a context key.",
    keys: &[
        required(
            OPERATION,
            "Operation",
            "What takes a token.",
            Shape::Word(&[
                Target::Read.as_str(),
                Target::Write.as_str(),
                Target::Delete.as_str(),
                Target::Action.as_str(),
                Target::Effect.as_str(),
                Target::All.as_str(),
            ]),
        ),
        key(MAX_PER_SECOND, "Tokens a second", "Tokens that come back in a second.", TOKENS),
        key(MAX_PER_MINUTE, "Tokens a minute", "Tokens that come back in a minute.", TOKENS),
        key(MAX_PER_HOUR, "Tokens an hour", "Tokens that come back in an hour.", TOKENS),
        key(
            SCOPE,
            "Scope",
            "`global` (the default) for one bucket, or a context key such as `agent_id` for one for each of its values.",
            Shape::Text { most_bytes: MAX_CONTEXT_NAME_BYTES },
        ),
        key(
            BURST,
            "Burst",
            "Tokens that a bucket holds: what may pass at once after a pause. As many as the rate unless given.",
            TOKENS,
        ),
        key(
            COUNT,
            "What counts",
            "`operations` (the default) takes the token right before the operation happens, `attempts` when it starts.",
            Shape::Word(&[Count::Operations.as_str(), Count::Attempts.as_str()]),
        ),
        key(
            MAX_KEYS,
            "Keys tracked",
            "How many values of the scope have a bucket of their own at one time; 1,000,000 unless given.",
            Shape::Integer { least: 1, most: MAX_MAX_KEYS as i64 },
        ),
    ],
    choices: &[Choice { of: &[MAX_PER_SECOND, MAX_PER_MINUTE, MAX_PER_HOUR], required: true }],
};

pub(super) static AUDIT_TABLE: Table = Table {
    what: "the audit",
    about: "One entry for every operation.",
    keys: &[
        key(
            MAX_ENTRIES,
            "Entries",
            "How many of the newest entries are kept in memory; 10,000 unless given.",
            Shape::Integer { least: 1, most: LARGEST_MAX_ENTRIES as i64 },
        ),
        key(
            FILE,
            "File",
            "Writes the audit to a file of JSON lines too, chained by hashes.",
            Shape::Map(&AUDIT_FILE),
        ),
    ],
    choices: &[],
};

pub(super) static AUDIT_FILE: Table = Table {
    what: "the audit's file",
    about: "A file of JSON lines, each with the hash of the one before.",
    keys: &[
        required(PATH, "Path", "Where it is; `{pid}` stands for the number of the process.", PATH_TEXT),
        key(
            STRICT,
            "Strict",
            "Write and acknowledge each decision before the store is asked, and refuse where that fails.",
            Shape::Flag,
        ),
        key(
            FSYNC,
            "Force to disk",
            "When lines are forced to the disk.",
            Shape::Word(&[NEVER, INTERVAL, ALWAYS]),
        ),
        key(
            HMAC_KEY_ENV,
            "Key from the environment",
            "The environment variable that holds the key for the hashes.",
            SHORT_TEXT,
        ),
        key(HMAC_KEY_FILE, "Key from a file", "The file that holds the key for the hashes.", PATH_TEXT),
        key(
            ROTATE_BYTES,
            "Rotate",
            "Begin a new file when this one has so many bytes; 64 MiB unless given.",
            Shape::Integer { least: SMALLEST_ROTATE_BYTES as i64, most: i64::MAX },
        ),
    ],
    choices: &[Choice { of: &[HMAC_KEY_ENV, HMAC_KEY_FILE], required: false }],
};

const fn key(name: &'static str, title: &'static str, about: &'static str, shape: Shape) -> Key {
    Key { name, title, about, shape, required: false }
}

const fn required(name: &'static str, title: &'static str, about: &'static str, shape: Shape) -> Key {
    Key { name, title, about, shape, required: true }
}
