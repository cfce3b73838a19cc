//! The scales of the Laplace distributions of latents: `b = 2^(s/8 − 6.5)` for `s` from 0 to 111.

/// The number of scales.
pub const SCALES: i32 = 112;
/// Scales of an octave.
pub const SCALES_PER_OCTAVE: usize = 8;
/// Octaves of `b = 1` above the least scale.
pub const OCTAVES_OF_ONE: f32 = 6.5;
