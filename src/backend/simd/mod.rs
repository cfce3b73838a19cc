//! The fused kernels: one generic algorithm, thin instantiations per instruction set, chosen once at run time.

#![allow(unsafe_code)]

mod adjoint;
mod curvature;
mod fused;
mod gemm;
mod jet;
mod kernels;
mod lanes;
mod pass;
mod residuals;
pub(crate) mod spline;
mod squared_error;

pub use adjoint::Seeds;
pub use curvature::Entries;
#[cfg(feature = "cuda")]
pub(crate) use gemm::ITERATIONS;
#[cfg(all(test, feature = "cuda"))]
pub(crate) use gemm::NEWTON_SCHULZ;
pub use pass::Workspace;
pub use residuals::Residuals;

use crate::ieee::Control;
use crate::network::{Jet, Network};
use pass::Pass;
use std::sync::OnceLock;

/// Points per block. Data handed to the kernels comes in rows of this many points.
pub const BLOCK: usize = 128;

/// An instruction set the kernels are compiled for. All give the same bits for [`Level::forward`] and [`Level::jet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Four lanes of plain Rust.
    Portable,
    /// The 128-bit vectors of WebAssembly, two lanes: it has no fused multiply-add, so sums are in binary64.
    #[cfg(target_arch = "wasm32")]
    Simd128,
    /// The relaxed vectors of WebAssembly, four lanes, where the engine fuses multiply-adds. Only in programs
    /// compiled with the target feature `relaxed-simd`, which an engine without it refuses as a whole.
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    RelaxedSimd,
    /// NEON, four lanes.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 and FMA, eight lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F beside AVX2 and FMA, sixteen lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The levels this machine can run, slowest first.
    pub fn available() -> Vec<Level> {
        let levels = [
            Level::Portable,
            #[cfg(target_arch = "wasm32")]
            Level::Simd128,
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::RelaxedSimd,
            #[cfg(target_arch = "aarch64")]
            Level::Neon,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512,
        ];
        levels.into_iter().filter(|level| level.is_available()).collect()
    }

    /// Whether this machine has the level's instructions.
    pub fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            #[cfg(target_arch = "wasm32")]
            Level::Simd128 => true,
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::RelaxedSimd => lanes::RelaxedSimd::is_fused(),
            // Part of the architecture.
            #[cfg(target_arch = "aarch64")]
            Level::Neon => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            // The target feature avx512f implies the other two, but a hypervisor may hide any of them.
            Level::Avx512 => Level::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
        }
    }

    /// Levels are public values, so every call checks that the machine has the instructions. The
    /// answer is cached by the standard library. While the result lives, arithmetic is the specification's.
    fn enter(self) -> Control {
        assert!(self.is_available(), "this machine lacks the instructions of {}", self.name());
        Control::default()
    }

    /// The fastest available level, or the one whose [name](Level::name) is in `SIRENC_SIMD` if it is available.
    /// Chosen at the first call.
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| {
            let levels = Level::available();
            let wanted = std::env::var("SIRENC_SIMD").unwrap_or_default();
            let named = levels.iter().copied().find(|level| level.name() == wanted);
            named.or_else(|| levels.last().copied()).unwrap_or(Level::Portable)
        })
    }

    /// `scalar`, `simd128`, `relaxed-simd`, `neon`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "scalar",
            #[cfg(target_arch = "wasm32")]
            Level::Simd128 => "simd128",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::RelaxedSimd => "relaxed-simd",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Evaluates `network` on whole blocks: `coordinates` holds per block `inputs × BLOCK`, `values` receives per
    /// block `outputs × BLOCK`. The bits are those of [`Network::evaluate`].
    ///
    /// # Panics
    /// If the lengths are not those of whole and equally many blocks, or the level is not available.
    pub fn forward(
        self,
        network: &Network,
        coordinates: &[f32],
        values: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let _control = self.enter();
        let pass = Pass { shape: network.shape(), parameters: network.parameters(), coordinates, workspace };
        // SAFETY: the machine has the instructions: asserted above.
        unsafe { (self.kernels().forward)(pass, values) }
    }

    /// Adds the gradient of the weighted squared error over whole blocks, times `scale`, to `gradient` (from layer
    /// `batch.first_layer` on), and returns the error `Σ_p weight_p · Σ_c (residual − target)²`. Levels differ in the
    /// last bits of the gradient.
    ///
    /// # Panics
    /// If the lengths are not those of whole and equally many blocks, or the level is not available.
    pub fn step(
        self,
        network: &Network,
        batch: Batch<'_>,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        let _control = self.enter();
        let pass = Pass {
            shape: network.shape(),
            parameters: network.parameters(),
            coordinates: batch.coordinates,
            workspace,
        };
        // SAFETY: the machine has the instructions: asserted above.
        unsafe { (self.kernels().step)(pass, batch, scale, gradient) }
    }

    /// Adds `entries` of the Gauss–Newton matrix of layer `batch.first_layer` over whole blocks to `matrix` (`entries.outputs ×
    /// entries.inputs`): `Σ_r ∂r/∂w ∂r/∂w'` over the residuals that [`Level::step`] sums the squares of. Targets have no part in
    /// it. Levels differ in the last bits.
    ///
    /// # Panics
    /// If the lengths are not those of whole and equally many blocks, an entry is not of the layer, or the level is not
    /// available.
    pub fn curvature(
        self,
        network: &Network,
        batch: Batch<'_>,
        entries: &Entries,
        matrix: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let _control = self.enter();
        let pass = Pass {
            shape: network.shape(),
            parameters: network.parameters(),
            coordinates: batch.coordinates,
            workspace,
        };
        // SAFETY: the machine has the instructions: asserted above.
        unsafe { (self.kernels().curvature)(pass, batch, entries, matrix) }
    }

    /// Evaluates `network` and its derivatives by its own coordinates on whole blocks of points.
    ///
    /// `coordinates` holds per block `inputs × BLOCK`, `out` receives per block `components × outputs × BLOCK`: for
    /// each component of `jet`, in the order it gives them, the rows of all outputs. So the first `outputs` rows of a
    /// block are the values, with the bits of [`Level::forward`]; the derivatives have the same bits on every level,
    /// and `spec/numerics.md` says how close they are.
    ///
    /// # Panics
    /// If derivatives are requested and the network has no inputs or more than 4, or no outputs; as
    /// [`Level::forward`].
    pub fn jet(
        self,
        network: &Network,
        coordinates: &[f32],
        jet: Jet,
        out: &mut [f32],
        workspace: &mut Workspace,
    ) {
        if jet == Jet::Value {
            return self.forward(network, coordinates, out, workspace);
        }
        let _control = self.enter();
        let pass = Pass { shape: network.shape(), parameters: network.parameters(), coordinates, workspace };
        // SAFETY: the machine has the instructions: asserted above.
        unsafe { (self.kernels().jet)(pass, jet, out) }
    }

    /// Adds the gradient of a loss of jets over whole blocks of points to `gradient`, and returns the loss. `seeds` is called
    /// for every 32 points in turn: see [`Seeds`]. Levels differ in the last bits of the gradient.
    ///
    /// # Panics
    /// If the network has no inputs or more than 4; as [`Level::forward`].
    pub fn adjoint(
        self,
        network: &Network,
        coordinates: &[f32],
        jet: Jet,
        seeds: &mut Seeds<'_>,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        self.run(adjoint::Adjoint { network, coordinates, jet, seeds, gradient, workspace })
    }

    /// Replaces the square matrix `m` (`n × n`, rows `stride` apart, columns from `n` to `stride` zero) by an
    /// approximation of its nearest orthogonal matrix: two of the quintic Newton–Schulz iterations of Muon (Jordan et
    /// al. 2024), which take the large singular values to about 1 and the small ones nearer to it.
    ///
    /// # Panics
    /// If `stride` is not a multiple of 16 and at least `n`, `m` is not `n · stride` long, or the level is not
    /// available.
    pub fn orthogonalize(self, n: usize, stride: usize, m: &mut [f32], scratch: &mut [Vec<f32>; 3]) {
        let _control = self.enter();
        assert!(stride.is_multiple_of(16) && stride >= n && m.len() == n * stride);
        scratch.iter_mut().for_each(|s| s.resize(n * stride, 0.0));
        // SAFETY: the machine has the instructions: asserted above.
        unsafe { (self.kernels().orthogonalize)(n, stride, m, scratch) }
    }
}

/// Training points in whole blocks.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Per block `inputs × BLOCK`.
    pub coordinates: &'a [f32],
    /// Of the residuals, per block `outputs × BLOCK`.
    pub targets: &'a [f32],
    /// Of the residuals, per block `BLOCK`; 0 for padding.
    pub weights: &'a [f32],
    /// The first layer whose gradient is wanted; the layers before it are frozen.
    pub first_layer: usize,
    /// What the targets and weights are of.
    pub residuals: Residuals,
}

#[cfg(test)]
mod tests;
