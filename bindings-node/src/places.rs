//! Engines and open operations by number: what the hot exports find them with.
//!
//! An external of napi's costs a lock and a hash at each look, and a finaliser each; a number costs neither.
//! A number comes again only after four thousand million others, so a stale one finds nothing. Each thread
//! has its own (an isolate of Node's stays in one).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Values by number.
pub struct Places<T> {
    last: Cell<u32>,
    values: RefCell<BTreeMap<u32, T>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Places::new()
    }
}

impl<T> Places<T> {
    /// No values.
    pub const fn new() -> Self {
        Places { last: Cell::new(0), values: RefCell::new(BTreeMap::new()) }
    }

    /// Keeps a value and gives its number.
    pub fn keep(&self, value: T) -> u32 {
        let mut values = self.values.borrow_mut();
        let mut number = self.last.get().wrapping_add(1);
        while number == 0 || values.contains_key(&number) {
            number = number.wrapping_add(1);
        }
        self.last.set(number);
        values.insert(number, value);
        number
    }

    /// A value, if it is there.
    pub fn get(&self, number: u32) -> Option<T>
    where
        T: Clone,
    {
        self.values.borrow().get(&number).cloned()
    }

    /// Puts a value back that was taken.
    pub fn put_back(&self, number: u32, value: T) {
        self.values.borrow_mut().insert(number, value);
    }

    /// Lets go of a value. It is the caller's to drop, once nothing is borrowed.
    pub fn take(&self, number: u32) -> Option<T> {
        self.values.borrow_mut().remove(&number)
    }
}
