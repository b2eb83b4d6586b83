//! The Python binding: converts between Python's objects and the core's, and drives the core's operations.
//!
//! Everything is decided in the core. What Python sees is `checkrein` (in `python/checkrein`); this crate is its
//! native module `checkrein._native`. Promised: no panic crosses into Python, the interpreter is let go around waits
//! for the disk and around nothing else, and no lock of ours is held while Python code runs.

mod action;
mod adapters;
mod ambient;
mod answer;
mod async_drive;
mod async_engine;
mod audit;
mod audit_file;
mod begin;
mod bytes;
mod call;
mod cli;
mod clock;
mod context;
mod convert;
mod database;
mod depth;
mod document;
mod drive;
mod engine;
mod errors;
mod explain;
mod fork;
mod guard;
mod handle;
mod helpers;
mod hook;
mod job;
mod limits;
mod listen;
mod log;
mod many;
mod mark;
mod notices;
mod once;
mod options;
mod recent;
mod registry;
mod reply;
mod scan;
mod seen;
mod sink;
mod store;
mod turn;
mod worker;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::action::PyPolicyAction;
    #[pymodule_export]
    use crate::ambient::{begin_ambient, merged_context};
    #[pymodule_export]
    use crate::async_engine::{
        begin_batch, begin_delete, begin_get, begin_get_many, begin_put, begin_scan, engine_over,
    };
    #[pymodule_export]
    use crate::audit_file::{PyAuditFileHandle, audit_stats, audit_tail, verify_audit};
    #[pymodule_export]
    use crate::cli::command_line;
    #[pymodule_export]
    use crate::clock::PyManualClock;
    #[pymodule_export]
    use crate::database::PyDatabase;
    #[pymodule_export]
    use crate::document::PyPolicyDocument;
    #[pymodule_export]
    use crate::engine::PyPolicyEngine;
    #[pymodule_export]
    use crate::errors::codes;
    #[pymodule_export]
    use crate::guard::provoke_panic;
    #[pymodule_export]
    use crate::handle::{PyHookHandle, Registrar};
    #[pymodule_export]
    use crate::helpers::{LogAndAllow, RedactValue, answer_of, note_of};
    #[pymodule_export]
    use crate::job::Job;
    #[pymodule_export]
    use crate::listen::{ListenerRegistrar, PyListenerHandle};
    #[pymodule_export]
    use crate::scan::PyScan;
    #[pymodule_export]
    use crate::sink::PyAuditSinkHandle;
    #[pymodule_export]
    use crate::turn::Turn;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::{PyAnyMethods, PyModuleMethods};
        if let Err(number) = crate::fork::watch() {
            return Err(std::io::Error::from_raw_os_error(number).into());
        }
        crate::notices::watch();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // What is public is said by `checkrein/__init__.py`.
        module.delattr("__all__")
    }
}
