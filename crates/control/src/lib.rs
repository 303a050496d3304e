//! The loop itself: what is promoted, what is taken back, and what a change does before it is merged.
//!
//! Reading order: [`configuration`] (`boucle.yaml`), [`promote`], [`rollback`], [`consequences`],
//! [`mod@trace`], [`delivery`], then [`facts`], [`view`] and [`reasons`]. [`overlay`] writes a digest as a person would.
//!
//! Absent on purpose: moving refs (the same door as people: crate `repositories`), applying
//! (`deployments`), judging health (`monitoring`). What one of them must know of another arrives in
//! inputs that this crate defines.

pub mod configuration;
pub mod consequences;
pub mod delivery;
pub mod facts;
pub mod overlay;
pub mod promote;
pub mod reasons;
pub mod rollback;
pub mod trace;
pub mod view;

pub use configuration::Configuration;
pub use facts::ControlFact;
pub use trace::trace;
pub use view::ControlView;
