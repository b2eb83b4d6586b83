//! What each command takes, and what `--help` says.

/// How many lines `audit tail` shows unless told otherwise.
pub(crate) const TAIL_LINES: usize = 10;

/// What help is about: a command, or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    All,
    Check,
    Eval,
    Audit,
    Verify,
    Tail,
    Stats,
    Schema,
}

/// The commands that take arguments of their own, by their names.
pub(crate) const COMMANDS: [(&str, Topic); 4] =
    [("check", Topic::Check), ("eval", Topic::Eval), ("audit", Topic::Audit), ("schema", Topic::Schema)];

/// The commands of `audit`.
pub(crate) const AUDIT_COMMANDS: [(&str, Topic); 3] =
    [("verify", Topic::Verify), ("tail", Topic::Tail), ("stats", Topic::Stats)];

impl Topic {
    /// What the user writes to come here.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Topic::All => "checkrein",
            Topic::Check => "checkrein check",
            Topic::Eval => "checkrein eval",
            Topic::Audit => "checkrein audit",
            Topic::Verify => "checkrein audit verify",
            Topic::Tail => "checkrein audit tail",
            Topic::Stats => "checkrein audit stats",
            Topic::Schema => "checkrein schema",
        }
    }

    /// The options that take a value.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Topic::Eval => &["context", "value"],
            Topic::Verify => &["key-file", "key-env", "head", "after"],
            Topic::Tail => &["n"],
            _ => &[],
        }
    }

    /// How many operands a command takes, where that is a number.
    pub(crate) fn operands(self) -> usize {
        match self {
            Topic::Eval => 3,
            Topic::Verify | Topic::Tail | Topic::Stats => 1,
            _ => 0,
        }
    }

    /// The first line of its usage.
    pub(crate) fn synopsis(self) -> &'static str {
        let usage = self.text().split_once("Usage: ").map(|(_, usage)| usage);
        usage.and_then(|usage| usage.lines().next()).unwrap_or_default()
    }

    /// The help.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Topic::All => ALL,
            Topic::Check => CHECK,
            Topic::Eval => EVAL,
            Topic::Audit => AUDIT,
            Topic::Verify => VERIFY,
            Topic::Tail => TAIL,
            Topic::Stats => STATS,
            Topic::Schema => SCHEMA,
        }
    }
}

const ALL: &str = "\
Checkrein keeps AI agents in check: policy documents and audit files from the command line.

Usage: checkrein COMMAND [--json]

Commands:
  check POLICY...               Find what is wrong with policy documents
  eval POLICY OPERATION KEY     Try a policy on an operation: the verdict, and why
  audit verify FILE             Verify the hash chain of an audit file
  audit tail FILE               Show the newest lines of an audit file
  audit stats FILE              Count what an audit file holds
  schema                        Print the JSON Schema of policy documents
  help [COMMAND]                Show this, or the help of a command

Options:
      --json       Answer with one JSON document
  -h, --help       Show help
  -V, --version    Show the version

Exit codes:
  0  fine: no problem found, the operation would pass, the chain holds
  1  the document has problems, the operation would be refused, the chain does not hold
  2  the call is wrong, or a file cannot be read
  3  the verdict depends on hooks of the program

Colours are shown on a terminal only, and not where NO_COLOR is set.
";

const CHECK: &str = "\
Find what is wrong with policy documents: each problem with its line and column.

Usage: checkrein check POLICY... [--json]

  POLICY    a file that ends in .yaml, .yml, .json or .toml

Options:
      --json    Answer with one JSON document
  -h, --help    Show this help

Exit codes: 0 no problem (there may be warnings), 1 problems, 2 a file cannot be read.
";

const EVAL: &str = "\
Try a policy on an operation: the verdict, and why. Nothing is stored and no audit file is written.

Usage: checkrein eval POLICY OPERATION KEY [--context NAME=VALUE]... [--value VALUE] [--json]

  POLICY       a policy document
  OPERATION    read, write or delete
  KEY          the key; \\xNN stands for any byte, as the audit writes keys

Options:
  -c, --context NAME=TEXT    Say something about who acts; NAME:=true or NAME:=3 for a boolean or an
                             integer. Once for each name; after KEY more may follow one --context
      --value VALUE          What is to be written, or what a read finds: shows what the policy makes
                             of it. \\xNN stands for any byte
      --json                 Answer with one JSON document
  -h, --help                 Show this help

Exit codes: 0 it would pass (changed or redacted too), 1 it would be refused, 2 the call is wrong or the
policy cannot be used, 3 it depends on hooks of the program.
";

const AUDIT: &str = "\
Read audit files. FILE is the file that is written; the older ones of its chain are found beside it.

Usage: checkrein audit COMMAND FILE [--json]

Commands:
  verify FILE    Verify the hash chain: was anything edited, removed, moved or inserted?
  tail FILE      Show the newest lines
  stats FILE     Count what the files hold

`checkrein audit COMMAND --help` tells more.
";

const VERIFY: &str = "\
Verify the hash chain of an audit file and of the older files of its chain.

Usage: checkrein audit verify FILE [--key-file FILE | --key-env NAME] [--head SEQUENCE:HASH] [--json]

Options:
      --key-file FILE          The HMAC key is in this file; a newline at its end is no part of it
      --key-env NAME           The HMAC key is in this environment variable
      --head SEQUENCE:HASH     A head that was kept elsewhere: cutting lines at the end is found too
      --after SEQUENCE:HASH    The head of the newest file that was archived away: the chain goes on from it
      --json                   Answer with one JSON document
  -h, --help                   Show this help

Exit codes: 0 the chain holds, 1 it does not, 2 the call is wrong or a file cannot be read.
";

const TAIL: &str = "\
Show the newest lines of an audit file, oldest first. Nothing is verified.

Usage: checkrein audit tail FILE [-n COUNT] [--json]

Options:
  -n COUNT      So many lines; 10 unless given
      --json    Answer with one JSON document, each line as it stands in the file
  -h, --help    Show this help

Exit codes: 0 fine, 2 the call is wrong or the file cannot be read.
";

const STATS: &str = "\
Count what an audit file and the older files of its chain hold. Nothing is verified.

Usage: checkrein audit stats FILE [--json]

Options:
      --json    Answer with one JSON document
  -h, --help    Show this help

Exit codes: 0 fine, 2 the call is wrong or the file cannot be read.
";

const SCHEMA: &str = "\
Print the JSON Schema of policy documents, for editors.

Usage: checkrein schema

Options:
      --json    No change: it is one JSON document
  -h, --help    Show this help
";
