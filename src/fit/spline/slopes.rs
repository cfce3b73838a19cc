//! What a pass over samples or latents computes beside the loss.

/// The slopes that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slopes {
    None,
    /// By parameters; a part of the rows is visited.
    Parameters,
    All,
}
