//! Constants shared by the kernels and their host: the layout of work in a thread block, and the constants of
//! training. `kernels/constants.cuh` is generated from them.

/// Threads of a thread block of `forward`, `jet`, `step` and `trace`.
pub(super) const THREADS: u32 = 128;
/// Threads of a thread block of the other kernels, which sum, update or compute a panel.
pub(super) const UPDATERS: u32 = 256;
/// Points, or columns of a jet, that a thread block holds at a time.
pub(super) const POINTS: usize = 32;
/// Distance between rows of points in shared memory, in numbers: neighbouring rows start in different banks,
/// and vectors stay aligned.
pub(super) const STRIDE: usize = POINTS + 4;
/// Inner steps of a product whose weights are staged at a time.
pub(super) const DEPTH: usize = 32;
/// Rows and columns of a panel, the part of a matrix that a thread block of `iterate_matrices` or
/// `sum_curvature` computes.
pub(super) const SIDE: usize = 64;
/// Distance between inner steps of a panel in shared memory, in numbers: vectors stay aligned.
pub(super) const PANEL: usize = SIDE + 4;
/// Inner steps of a panel staged at a time by `iterate_matrices` (`INNER`), and points by `sum_curvature`
/// (`STAGED`).
pub(super) const INNER: usize = 16;
pub(super) const STAGED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::simd::{BLOCK, ITERATIONS, NEWTON_SCHULZ, Residuals};
    use crate::backend::training::*;
    use std::f32::consts::TAU;

    /// The constants as CUDA C++.
    fn text() -> String {
        let integers = [
            ("BLOCK", BLOCK),
            ("THREADS", THREADS as usize),
            ("UPDATERS", UPDATERS as usize),
            ("POINTS", POINTS),
            ("STRIDE", STRIDE),
            ("DEPTH", DEPTH),
            ("SIDE", SIDE),
            ("PANEL", PANEL),
            ("INNER", INNER),
            ("STAGED", STAGED),
            ("VALUES", Residuals::Values as usize),
            ("ITERATIONS", ITERATIONS),
            ("ABOVE_BEST_STEPS", ABOVE_BEST_STEPS),
            ("SETTLING", SETTLING),
        ];
        let [a, b, c] = NEWTON_SCHULZ;
        let floats = [
            ("TAU", TAU),
            ("MOMENTUM", MOMENTUM),
            ("SPECTRAL", SPECTRAL),
            ("NEWTON_SCHULZ_A", a),
            ("NEWTON_SCHULZ_B", b),
            ("NEWTON_SCHULZ_C", c),
            ("BETA1", BETA1),
            ("BETA2", BETA2),
            ("EPSILON", EPSILON),
            ("SLOWEST_FLAT", SLOWEST_FLAT),
            ("SLOWER", SLOWER),
        ];
        let doubles = [
            ("RECENT", RECENT),
            ("USUAL", USUAL),
            ("CLIP", CLIP),
            ("LOST", LOST),
            ("ABOVE_BEST", ABOVE_BEST),
            ("FLAT", FLAT),
        ];
        let mut text = String::from(
            "// Generated from training.rs, simd and cuda/constants.rs in src/backend, which explain the values.\n\
             #pragma once\n\n",
        );
        text.extend(integers.map(|(name, value)| format!("constexpr int {name} = {value};\n")));
        text.extend(floats.map(|(name, value)| format!("constexpr float {name} = {value:?}f;\n")));
        text.extend(doubles.map(|(name, value)| format!("constexpr double {name} = {value:?};\n")));
        text
    }

    #[test]
    fn the_kernels_have_the_constants_of_rust() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/backend/cuda/kernels/constants.cuh");
        let (expected, found) = (text(), std::fs::read_to_string(path).unwrap_or_default());
        let hint = "expected in kernels/constants.cuh (then run make_ptx.py to update the PTX):";
        assert!(found == expected, "{hint}\n{expected}");
    }
}
