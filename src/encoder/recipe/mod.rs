//! Recipes: how a signal becomes fields of one kind, given capacity and budget.

mod fit;
mod groups;
mod siren;

#[cfg(all(test, feature = "cuda", target_os = "linux"))]
mod tests;

pub(crate) use fit::Fit;
pub(crate) use siren::Siren;
