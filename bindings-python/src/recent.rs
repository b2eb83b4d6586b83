//! What was said lately: the agents of a program say the same again, each in its own words.
//!
//! An operation that says the very same objects as one before (texts, booleans and integers of Python's own types, which
//! nobody can change) shares its checked context and its view: nothing is read, copied or checked again. Nothing else
//! is held, so the garbage collector need not see it.

use std::sync::{Arc, Mutex};

use checkrein::context::{MAX_ID_BYTES, Value};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::ambient;
use crate::context::{KEPT, Said};

/// Each place holds two: 16 agents in turn seldom meet a third at theirs, which would make its context anew.
const PLACES: usize = 64;
type Place = Mutex<[Option<Arc<Said>>; 2]>;

/// The entries of a context as they were given.
type Entries<'py> = [Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>; KEPT];

/// What was said lately, each at a place that follows from the addresses of its objects.
pub(crate) struct Recent(Box<[Place]>);

impl Default for Recent {
    fn default() -> Self {
        Recent((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

impl Recent {
    /// What an argument says, in the ambient context where there is one; nothing where neither says anything.
    ///
    /// # Errors
    /// As [`Said::of_argument`].
    #[inline]
    pub(crate) fn said(
        &self,
        py: Python<'_>,
        object: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Arc<Said>>> {
        let object = object.filter(|object| !object.is_none());
        match object {
            _ if ambient::is_used() => self.said_in_ambient(py, object),
            Some(object) => self.said_of(object),
            None => Ok(None),
        }
    }

    #[inline(never)]
    fn said_in_ambient(
        &self,
        py: Python<'_>,
        object: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Arc<Said>>> {
        match (ambient::current(py)?, object) {
            (None, None) => Ok(None),
            (None, Some(object)) => self.said_of(object),
            (Some(ambient), None) => self.said_of(&ambient),
            (Some(ambient), Some(object)) => {
                let merged = ambient::merge(&ambient, object)?;
                self.said_of(&merged)
            }
        }
    }

    fn said_of(&self, object: &Bound<'_, PyAny>) -> PyResult<Option<Arc<Said>>> {
        let Some(dict) = object.cast_exact::<PyDict>().ok().filter(|dict| dict.len() <= KEPT) else {
            return Said::of_argument(Some(object)).map(|said| Some(Arc::new(said)));
        };
        let mut entries = Entries::default();
        for (entry, item) in entries.iter_mut().zip(dict.iter()) {
            *entry = Some(item);
        }
        // A lock that another thread holds is not worth a wait: the context is made anew.
        let place = self.0.get(place_of(&entries));
        if let Some(Ok(held)) = place.map(Mutex::try_lock)
            && let Some(said) = held.iter().flatten().find(|said| is_of(said, &entries))
        {
            return Ok(Some(Arc::clone(said)));
        }
        let mut said = Said::default();
        for (name, value) in entries.iter().flatten() {
            said.insert(name, value)?;
        }
        let said = Arc::new(said);
        if worth_holding(&said) {
            // What is replaced is let go after the lock.
            let _old = place.and_then(|place| {
                let mut held = place.try_lock().ok()?;
                held.swap(0, 1);
                let [older, _] = &mut *held;
                older.replace(Arc::clone(&said))
            });
        }
        Ok(Some(said))
    }
}

/// Whether it was made of these very objects.
fn is_of(said: &Said, entries: &Entries<'_>) -> bool {
    let Some(mut kept) = said.kept() else { return false };
    let same = entries
        .iter()
        .flatten()
        .all(|(name, value)| kept.next().is_some_and(|(one, other)| name.is(one) && value.is(other)));
    same && kept.next().is_none()
}

/// All objects are kept, and none is so large that holding it would be a burden.
fn worth_holding(said: &Said) -> bool {
    said.kept().is_some()
        && said.context.iter().all(|(_, value)| match value {
            Value::Text(text) => text.len() <= MAX_ID_BYTES,
            Value::Bool(_) | Value::Int(_) => true,
        })
}

fn place_of(entries: &Entries<'_>) -> usize {
    /// The golden ratio in 64 bits: spreads neighbouring addresses.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let addresses = entries.iter().flatten().flat_map(|(name, value)| [name.as_ptr(), value.as_ptr()]);
    let mixed = addresses.fold(0_u64, |mixed, address| (mixed ^ address as u64).wrapping_mul(FACTOR));
    (mixed >> 58) as usize
}
