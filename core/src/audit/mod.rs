//! The audit: one entry for every operation, kept in a bounded ring and read through filters.
//!
//! An operation fills a [`Record`] with what it decided and hands it to the [`AuditLog`]; [`AuditLog::entries`]
//! gives back the newest ones that pass an [`AuditFilter`]. Promised: entries are numbered from 1 without a gap;
//! appending costs the same whether the ring is empty or full; threads do not queue behind one another for it;
//! memory has a bound. There is no place in a record for a value, so none can be kept.
//!
//! Sinks stand beside the ring: callables of the host, and [`mod@file`], which keeps the entries on disk as JSON lines
//! chained by their hashes.

mod content;
mod entry;
pub mod file;
mod filter;
mod json;
mod lane;
mod operation_id;
mod record;
mod ring;
mod sink;
mod untold;
mod verb;
mod verdict;

pub use entry::{Entry, FieldValue};
pub use file::{AuditFile, Phase};
pub use filter::{AuditFilter, DEFAULT_LIMIT, KeyFilter};
pub use operation_id::OperationId;
pub use record::{MAX_TEXT_BYTES, Record, ScanCount, Surface};
pub use ring::{AuditLog, DEFAULT_MAX_ENTRIES, LARGEST_MAX_ENTRIES};
pub use sink::SinkId;
pub(crate) use sink::{SinkEntry, SinkTarget};
pub(crate) use untold::Untold;
pub use verb::Verb;
pub use verdict::Verdict;
