//! Clocks that tests move by hand.

use std::sync::Arc;

use checkrein::ManualClock;
use napi::bindgen_prelude::{BigInt, External};
use napi_derive::napi;

use crate::failure::native;

/// A clock that shows these nanoseconds since 1970 and stands still.
#[napi(catch_unwind)]
pub fn manual_clock(wall_ns: BigInt) -> napi::Result<External<Arc<ManualClock>>> {
    Ok(External::new(ManualClock::new(unsigned(&wall_ns)?)))
}

/// Moves a clock on.
#[napi(catch_unwind)]
pub fn advance_clock(clock: &External<Arc<ManualClock>>, ns: BigInt) -> napi::Result<()> {
    clock.advance_ns(unsigned(&ns)?);
    Ok(())
}

/// Sets a clock's wall reading alone.
#[napi(catch_unwind)]
pub fn set_clock_wall(clock: &External<Arc<ManualClock>>, ns: BigInt) -> napi::Result<()> {
    clock.set_wall_ns(unsigned(&ns)?);
    Ok(())
}

/// What a clock shows: its wall reading in nanoseconds.
#[napi(catch_unwind)]
pub fn clock_wall(clock: &External<Arc<ManualClock>>) -> BigInt {
    clock.now().wall_ns.into()
}

fn unsigned(number: &BigInt) -> napi::Result<u64> {
    match number.get_u64() {
        (false, value, true) => Ok(value),
        _ => Err(native("nanoseconds out of range")),
    }
}
