//! Structural similarity of pictures, per channel over the range from 0 to the peak, then averaged over
//! channels. With alpha, colours are multiplied by it, as if over black, so that only their visible part
//! counts.
//!
//! SSIM: Wang, Bovik, Sheikh, Simoncelli, *Image quality assessment: from error visibility to structural
//! similarity*, IEEE TIP 13(4), 2004, equations 13 to 17: Gaussian window 11×11, σ = 1.5, K₁ = 0.01, K₂ =
//! 0.03, mean over the windows that lie inside the picture. MS-SSIM: Wang, Simoncelli, Bovik, *Multi-scale
//! structural similarity*, Asilomar 2003, equation 7, five scales, each the 2×2 means of the previous one.

use super::{code, opacity};
use crate::signal::Signal;

/// Side of the window in pixels.
const WINDOW: usize = 11;
/// Standard deviation of the window in pixels.
const SIGMA: f64 = 1.5;
/// `(K₁ L)²` with a dynamic range L of 1.
const C1: f64 = 0.0001;
/// `(K₂ L)²` with a dynamic range L of 1.
const C2: f64 = 0.0009;
/// Exponents of the scales, finest first.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Maps that are smoothed: a, b, a², b², ab.
const MAPS: usize = 5;

/// SSIM and MS-SSIM of two pictures of the same shape, with `peak` as dynamic range; each is `None` if a side
/// is too short for it.
pub(super) fn of_pictures(source: &Signal, other: &Signal, peak: f64) -> (Option<f64>, Option<f64>) {
    let [width, height] = source.description.lengths()[..] else { return (None, None) };
    if width.min(height) < WINDOW as u32 {
        return (None, None);
    }
    let multiscale = width.min(height) >= (WINDOW as u32) << (WEIGHTS.len() - 1);
    let channels = usize::from(source.description.channels);
    let (mut ssim, mut ms_ssim) = (0.0, 0.0);
    for channel in 0..channels {
        let (a, b) = (Channel { signal: source, channel, peak }, Channel { signal: other, channel, peak });
        let (similarity, contrast) = similarity(&a, &b);
        ssim += similarity / channels as f64;
        if multiscale {
            ms_ssim += multi_scale(halved(&a), halved(&b), contrast) / channels as f64;
        }
    }
    (Some(ssim), multiscale.then_some(ms_ssim))
}

/// A plane of values with peak 1 that is read row by row, so that the finest scale is never copied as a
/// whole.
trait Rows {
    /// Width and height in pixels.
    fn size(&self) -> (usize, usize);
    /// Fills `row`, as long as the plane is wide, with row `y`.
    fn read(&self, y: usize, row: &mut [f64]);
}

/// One channel of a picture.
struct Channel<'a> {
    signal: &'a Signal,
    channel: usize,
    peak: f64,
}

impl Rows for Channel<'_> {
    fn size(&self) -> (usize, usize) {
        let lengths = &self.signal.description.lengths();
        (lengths[0] as usize, lengths[1] as usize)
    }
    fn read(&self, y: usize, row: &mut [f64]) {
        let channels = usize::from(self.signal.description.channels);
        let scale = self.signal.description.format.codes_per_unit();
        let start = y * row.len();
        for (x, value) in row.iter_mut().enumerate() {
            let at = (start + x) * channels;
            *value = code(&self.signal.samples, at + self.channel) / (scale * self.peak);
            if self.signal.description.has_alpha() && self.channel + 1 < channels {
                *value *= opacity(code(&self.signal.samples, at + channels - 1) / scale);
            }
        }
    }
}

/// A coarser scale.
struct Plane {
    width: usize,
    values: Vec<f32>,
}

impl Rows for Plane {
    fn size(&self) -> (usize, usize) {
        (self.width, self.values.len() / self.width)
    }
    fn read(&self, y: usize, row: &mut [f64]) {
        for (value, &stored) in row.iter_mut().zip(&self.values[y * self.width..]) {
            *value = f64::from(stored);
        }
    }
}

/// Means of 2×2 pixels; an odd edge is repeated.
fn halved(plane: &impl Rows) -> Plane {
    let (width, height) = plane.size();
    let half = width.div_ceil(2);
    let mut values = Vec::with_capacity(half * height.div_ceil(2));
    let (mut upper, mut lower) = (vec![0.0; width], vec![0.0; width]);
    for y in (0..height).step_by(2) {
        plane.read(y, &mut upper);
        plane.read((y + 1).min(height - 1), &mut lower);
        values.extend((0..half).map(|x| {
            let (left, right) = (2 * x, (2 * x + 1).min(width - 1));
            ((upper[left] + upper[right] + lower[left] + lower[right]) / 4.0) as f32
        }));
    }
    Plane { width: half, values }
}

/// MS-SSIM of one channel from its second scale on, given the contrast term of the finest.
fn multi_scale(mut a: Plane, mut b: Plane, finest_contrast: f64) -> f64 {
    // A negative mean has no fractional power; it counts as no similarity at that scale.
    let mut product = finest_contrast.max(0.0).powf(WEIGHTS[0]);
    let coarsest = WEIGHTS.len() - 1;
    for (i, weight) in WEIGHTS.iter().enumerate().skip(1) {
        let (similarity, contrast) = similarity(&a, &b);
        let term = if i == coarsest { similarity } else { contrast };
        product *= term.max(0.0).powf(*weight);
        if i < coarsest {
            (a, b) = (halved(&a), halved(&b));
        }
    }
    product
}

/// The means of SSIM and of its contrast–structure factor over all windows inside the planes.
fn similarity(a: &impl Rows, b: &impl Rows) -> (f64, f64) {
    let window = window();
    let (width, height) = a.size();
    let inside = width + 1 - WINDOW;
    // Rows smoothed along x of the last WINDOW lines, map by map; memory does not grow with the height.
    let mut ring = vec![[const { Vec::new() }; MAPS]; WINDOW];
    let mut rows: [Vec<f64>; MAPS] = std::array::from_fn(|_| vec![0.0; width]);
    let mut smoothed: [Vec<f64>; MAPS] = std::array::from_fn(|_| Vec::new());
    let (mut similarity, mut contrast) = (0.0, 0.0);
    for y in 0..height {
        let [row_a, row_b, row_aa, row_bb, row_ab] = &mut rows;
        a.read(y, row_a);
        b.read(y, row_b);
        for x in 0..width {
            let (a, b) = (row_a[x], row_b[x]);
            (row_aa[x], row_bb[x], row_ab[x]) = (a * a, b * b, a * b);
        }
        for (row, line) in rows.iter().zip(&mut ring[y % WINDOW]) {
            weighted_sum(line, inside, (0..WINDOW).map(|k| (window[k], &row[k..])));
        }
        if y + 1 < WINDOW {
            continue;
        }
        for (i, row) in smoothed.iter_mut().enumerate() {
            weighted_sum(row, inside, (0..WINDOW).map(|k| (window[k], &ring[(y + 1 + k) % WINDOW][i][..])));
        }
        let (mut row_similarity, mut row_contrast) = (0.0, 0.0);
        let [mean_a, mean_b, mean_aa, mean_bb, mean_ab] = &smoothed;
        for x in 0..inside {
            let (ma, mb, aa, bb, ab) = (mean_a[x], mean_b[x], mean_aa[x], mean_bb[x], mean_ab[x]);
            let (va, vb, covariance) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
            let cs = (2.0 * covariance + C2) / (va + vb + C2);
            row_contrast += cs;
            row_similarity += cs * (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1);
        }
        similarity += row_similarity;
        contrast += row_contrast;
    }
    let windows = (inside * (height + 1 - WINDOW)) as f64;
    (similarity / windows, contrast / windows)
}

/// Sets `out` to the weighted sum of the first `length` values of each row.
fn weighted_sum<'a>(out: &mut Vec<f64>, length: usize, rows: impl Iterator<Item = (f64, &'a [f64])>) {
    out.clear();
    out.resize(length, 0.0);
    for (weight, row) in rows {
        out.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
    }
}

/// The Gaussian, normalised to sum 1.
fn window() -> [f64; WINDOW] {
    let mut window = [0.0; WINDOW];
    for (i, weight) in window.iter_mut().enumerate() {
        let distance = i as f64 - (WINDOW / 2) as f64;
        *weight = (-distance * distance / (2.0 * SIGMA * SIGMA)).exp();
    }
    let sum: f64 = window.iter().sum();
    window.map(|weight| weight / sum)
}

#[cfg(test)]
mod tests {
    use super::super::tests::picture;
    use super::*;
    use crate::signal::Samples;

    /// A picture and a damaged copy, by a rule shared with the generator of the golden numbers.
    fn pair(width: u32, height: u32) -> (Signal, Signal) {
        let (mut a, mut b) = (vec![], vec![]);
        for y in 0..height {
            for x in 0..width {
                let v = (x * x / 7 + y * 3 + (x * y) / 11) % 200 + 20;
                a.push(v as u8);
                b.push((v + (x * 31 + y * 17) % 23 - 11) as u8);
            }
        }
        (picture(width, height, 1, Samples::U8(a)), picture(width, height, 1, Samples::U8(b)))
    }

    fn near(value: Option<f64>, golden: f64) -> bool {
        value.is_some_and(|v| (v - golden).abs() < 1e-6)
    }

    /// scikit-image 0.26, `structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
    /// use_sample_covariance=False, data_range=1)` on the codes / 255 in binary64; MS-SSIM by a separate
    /// NumPy form.
    #[test]
    fn golden_numbers_of_scikit_image() {
        let (a, b) = pair(64, 48);
        let (ssim, ms_ssim) = of_pictures(&a, &b, 1.0);
        assert!(near(ssim, 0.943_457_891_4), "{ssim:?}");
        assert_eq!(ms_ssim, None);
        let (a, b) = pair(201, 180);
        let (ssim, ms_ssim) = of_pictures(&a, &b, 1.0);
        assert!(near(ssim, 0.987_226_677_8) && near(ms_ssim, 0.998_423_031_4), "{ssim:?} {ms_ssim:?}");
    }

    /// For constant planes only the luminance term remains: (2ab + C1) / (a² + b² + C1).
    #[test]
    fn constant_planes_by_hand() {
        let constant = |v: f32| picture(11, 11, 1, Samples::F32(vec![v; 121]));
        let (ssim, _) = of_pictures(&constant(0.25), &constant(0.5), 1.0);
        assert!(near(ssim, (2.0 * 0.125 + C1) / (0.0625 + 0.25 + C1)), "{ssim:?}");
    }

    #[test]
    fn equal_pictures_score_one_and_small_ones_nothing() {
        let (a, _) = pair(176, 176);
        let (ssim, ms_ssim) = of_pictures(&a, &a, 1.0);
        assert!(near(ssim, 1.0) && near(ms_ssim, 1.0));
        let (a, _) = pair(10, 200);
        assert_eq!(of_pictures(&a, &a, 1.0), (None, None));
    }

    #[test]
    fn channels_are_averaged() {
        let (a, b) = pair(32, 32);
        let interleave = |p: &Signal, q: &Signal| {
            let both =
                (0..1024).flat_map(|i| [p.samples.get(i), q.samples.get(i), q.samples.get(i)]).collect();
            picture(32, 32, 3, Samples::F32(both))
        };
        let (one, _) = of_pictures(&a, &b, 1.0);
        let (two, _) = of_pictures(&interleave(&a, &a), &interleave(&b, &a), 1.0);
        assert!(near(two, (one.unwrap() + 2.0) / 3.0));
    }

    #[test]
    fn colours_lie_on_black_by_their_alpha() {
        let (a, b) = pair(32, 32);
        let with_alpha = |p: &Signal, alpha: f32| {
            let both = (0..1024).flat_map(|i| [p.samples.get(i), alpha]).collect();
            picture(32, 32, 2, Samples::F32(both))
        };
        let dimmed = |p: &Signal| {
            let values = (0..1024).map(|i| 0.25 * p.samples.get(i)).collect();
            picture(32, 32, 1, Samples::F32(values))
        };
        for (alpha, one) in [(0.25, of_pictures(&dimmed(&a), &dimmed(&b), 1.0).0.unwrap()), (0.0, 1.0)] {
            let (two, _) = of_pictures(&with_alpha(&a, alpha), &with_alpha(&b, alpha), 1.0);
            assert!(near(two, (one + 1.0) / 2.0), "{two:?}");
        }
    }
}
