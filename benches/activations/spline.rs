//! Derivatives of the natural cubic spline through samples.

/// First and second derivative at each of the samples (two at least), whose distance is 1.
pub fn derivatives(samples: &[f64]) -> Vec<[f64; 2]> {
    let last = samples.len() - 1;
    // The second derivatives `m` solve `m[k − 1] + 4 m[k] + m[k + 1] = 6 (f[k − 1] − 2 f[k] + f[k + 1])`, and are 0 at both
    // ends: elimination from the left leaves `m[k] = rest[k] − ratio[k] · m[k + 1]`.
    let (mut ratio, mut m) = (vec![0.0; last + 1], vec![0.0; last + 1]);
    for k in 1..last {
        let right = 6.0 * (samples[k - 1] - 2.0 * samples[k] + samples[k + 1]);
        ratio[k] = 1.0 / (4.0 - ratio[k - 1]);
        m[k] = (right - m[k - 1]) * ratio[k];
    }
    for k in (1..last).rev() {
        m[k] -= ratio[k] * m[k + 1];
    }
    let slope = |k: usize| match k {
        0 => samples[1] - samples[0] - m[1] / 6.0,
        k => samples[k] - samples[k - 1] + m[k] / 3.0 + m[k - 1] / 6.0,
    };
    (0..=last).map(|k| [slope(k), m[k]]).collect()
}
