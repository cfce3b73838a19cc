//! What the kernels and their host agree on: the layout of work in a thread block, and the constants of training, which
//! `kernels/constants.cuh` has from here.

/// Threads of a thread block of `forward`, `jet`, `step` and `trace`.
pub(super) const THREADS: u32 = 128;
/// Threads of a thread block of the others, which sum, update or compute a panel.
pub(super) const UPDATERS: u32 = 256;
/// Points, or columns of a jet, that a thread block holds at a time.
pub(super) const POINTS: usize = 32;
/// Numbers from one row of points to the next in shared memory: neighbouring rows start in other banks, vectors stay aligned.
pub(super) const STRIDE: usize = POINTS + 4;
/// Inner steps of a product whose weights are staged at a time.
pub(super) const DEPTH: usize = 32;
/// Rows and columns of a panel, which is what a thread block of `iterate_matrices` and `sum_curvature` computes of a matrix.
pub(super) const SIDE: usize = 64;
/// Numbers from one inner step of a panel to the next in shared memory: vectors stay aligned.
pub(super) const PANEL: usize = SIDE + 4;
/// Inner steps of a panel that are staged at a time: of `iterate_matrices`, and points of `sum_curvature`.
pub(super) const INNER: usize = 16;
pub(super) const STAGED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::simd::{BLOCK, ITERATIONS, NEWTON_SCHULZ};
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
            ("ITERATIONS", ITERATIONS),
            ("ASTRAY_STEPS", ASTRAY_STEPS),
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
            ("ASTRAY", ASTRAY),
            ("FLAT", FLAT),
        ];
        let mut text = String::from(
            "// Written from src/backend/training.rs, src/backend/simd and src/backend/cuda/constants.rs, which say what these are.\n\
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
        let hint = "expected in kernels/constants.cuh (then make_ptx.py makes the PTX anew):";
        assert!(found == expected, "{hint}\n{expected}");
    }
}
