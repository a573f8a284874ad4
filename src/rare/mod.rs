//! Probabilities of a cell that are too small, or too uncertain, to be counted trial by trial: multilevel
//! splitting on the start ([`splitting`]), and strata of starts that are told apart before they are run
//! ([`strata`]).

pub mod event;
mod normals;
pub mod splitting;
pub mod strata;
mod trials;
