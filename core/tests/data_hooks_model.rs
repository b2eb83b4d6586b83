//! Random histories of hooks, limits and operations (of one key, of several, scans), enforced and in shadow mode,
//! through the engine and through a model of the design that is
//! written as plainly as it can be: a list of hooks, buckets as fractions, a map. Outcomes, what each hook saw, the
//! store and the audit must be the same, and no operation may stay counted as open.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "a test fails by panicking"
)]

#[path = "data_hooks_model/deciding.rs"]
mod deciding;
#[path = "data_hooks_model/history.rs"]
mod history;
#[path = "data_hooks_model/limiting.rs"]
mod limiting;
#[path = "data_hooks_model/model.rs"]
mod model;
#[path = "data_hooks_model/told.rs"]
mod told;
#[path = "data_hooks_model/world.rs"]
mod world;

use proptest::prelude::*;

use history::{Move, history};
use model::Model;
use world::World;

/// What an engine is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    max_open: usize,
    shadow: bool,
    /// An `agent_id` is required.
    required: bool,
}

fn settings() -> impl Strategy<Value = Settings> {
    let max_open = prop_oneof![4 => Just(100), 1 => 0_usize..4];
    (max_open, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
        .prop_map(|(max_open, shadow, required)| Settings { max_open, shadow, required })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_model_does(settings in settings(), moves in history()) {
        let (world, mut model) = (World::new(settings), Model::new(settings));
        for (at, a_move) in moves.iter().enumerate() {
            if let Move::Operate(operation) = a_move {
                let (real, wanted) = (world.operate(operation, 0), model.operate(operation, 0));
                prop_assert_eq!(real, wanted, "the outcome of move {}: {:?}", at, operation);
                prop_assert_eq!(&*world.trace(), &model.trace, "what the hooks saw at move {}", at);
                prop_assert_eq!(&*world.store(), &model.store, "the store after move {}", at);
                prop_assert_eq!(world.engine.open_operations(), 0, "open after move {}", at);
            } else {
                prop_assert_eq!(world.make(a_move), model.make(a_move), "move {}: {:?}", at, a_move);
            }
        }
        let (real, wanted) = (world.audit(), &model.audit);
        prop_assert_eq!(real.len(), wanted.len());
        for (real, wanted) in real.iter().zip(wanted) {
            prop_assert_eq!(real, wanted);
        }
    }
}
