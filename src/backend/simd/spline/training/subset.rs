//! The rows over which the slopes of a network's parameters are summed: latents need exact slopes, parameters
//! have thousands of times as many samples as they need.

/// A pseudorandom selection of one in `every` rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subset {
    pub seed: u32,
    pub every: u32,
}

impl Subset {
    /// Each row.
    pub const ALL: Subset = Subset { seed: 0, every: 1 };

    pub(super) fn contains(self, row: usize) -> bool {
        // The mixing function "lowbias32" of Wellons 2018.
        let mut x = (row as u32).wrapping_mul(0x9E37_79B1) ^ self.seed;
        x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
        x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
        (x ^ (x >> 16)).is_multiple_of(self.every)
    }
}
