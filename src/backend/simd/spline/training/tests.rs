//! The operations that the kernels of spline fields are made of, on every level.

use super::exponential::{exp2, log2};
use super::laplace::{Bits, laplace};
use crate::backend::simd::Level;
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;

/// The results of each operation on vectors of numbers.
struct Operations<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

/// Results in the order of [`plain`].
const COUNT: usize = 8;

impl Kernel for Operations<'_> {
    type Output = [Vec<f32>; COUNT];

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) -> [Vec<f32>; COUNT] {
        let mut results: [Vec<f32>; COUNT] = std::array::from_fn(|_| vec![0.0; self.a.len()]);
        assert!(self.a.len().is_multiple_of(16) && self.a.len() == self.b.len());
        for at in (0..self.a.len()).step_by(V::N) {
            // SAFETY: all vectors hold a multiple of 16 numbers, which the number of lanes divides.
            unsafe {
                let (a, b) = (V::load(self.a.as_ptr().add(at)), V::load(self.b.as_ptr().add(at)));
                let (exponent, mantissa) = b.exponent_and_mantissa();
                let all = [
                    a.div(b),
                    b.sqrt(),
                    a.min(b),
                    a.max(b),
                    a.less(b, V::splat(1.0), a),
                    exponent.power_of_two(),
                    exponent,
                    mantissa,
                ];
                for (result, to) in all.into_iter().zip(&mut results) {
                    result.store(to.as_mut_ptr().add(at));
                }
            }
        }
        results
    }
}

fn plain(a: f32, b: f32) -> [f32; COUNT] {
    let power = f32::from_bits(b.to_bits() & 0x7F80_0000);
    let exponent = power.log2();
    [a / b, b.sqrt(), a.min(b), a.max(b), if a < b { 1.0 } else { a }, power, exponent, b / power]
}

#[test]
fn operations_of_lanes_are_those_of_numbers() {
    let mut next = crate::backend::simd::tests::numbers(3);
    let a: Vec<f32> = (0..4096).map(|_| 8.0 * next()).collect();
    // Positive and of all exponents; in some lanes equal to the other number.
    let wide = |(n, a): (usize, &f32)| match n % 5 {
        0 => a.abs().max(0.1),
        _ => (1.5 + 0.499 * next()) * 2f32.powi(n as i32 % 250 - 125),
    };
    let b: Vec<f32> = a.iter().enumerate().map(wide).collect();
    for level in Level::available() {
        let results = level.run(Operations { a: &a, b: &b });
        for i in 0..a.len() {
            let got: Vec<u32> = results.iter().map(|of| of[i].to_bits()).collect();
            assert_eq!(got, plain(a[i], b[i]).map(f32::to_bits), "{level:?} {} {}", a[i], b[i]);
        }
    }
}

/// `2^x` and the logarithm of it.
struct Powers<'a>(&'a [f32]);

impl Kernel for Powers<'_> {
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) -> [Vec<f32>; 2] {
        let mut results = [vec![0.0; self.0.len()], vec![0.0; self.0.len()]];
        for at in (0..self.0.len()).step_by(V::N) {
            // SAFETY: the vectors hold a multiple of 16 numbers.
            unsafe {
                let power = exp2(V::load(self.0.as_ptr().add(at)));
                power.store(results[0].as_mut_ptr().add(at));
                log2(power).store(results[1].as_mut_ptr().add(at));
            }
        }
        results
    }
}

#[test]
fn powers_and_logarithms_are_as_close_as_stated() {
    let x: Vec<f32> = (0..40960).map(|i| (i as f32 - 20480.0) * 0.006_137).collect();
    for level in Level::available() {
        let [powers, logarithms] = level.run(Powers(&x));
        for (i, &x) in x.iter().enumerate() {
            let error = f64::from(powers[i]) / f64::from(x).exp2() - 1.0;
            assert!(error.abs() < 5e-7, "{level:?} {x}: {error:e}");
            let error = f64::from(logarithms[i]) - f64::from(powers[i]).log2();
            assert!(error.abs() < 3e-6 + f64::from(x.abs()) * 1e-7, "{level:?} {x}: {error:e}");
        }
        let ends = level.run(Powers(&[300.0, -300.0].repeat(8)))[0].clone();
        assert!(ends[0] == 2f32.powi(126) && ends[1] == 2f32.powi(-126), "{level:?} {ends:?}");
    }
}

/// Bits and slopes of latents at a distance, for octaves.
struct Latents<'a>(&'a [f32], &'a [f32]);

impl Kernel for Latents<'_> {
    type Output = [Vec<f32>; 3];

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) -> [Vec<f32>; 3] {
        let mut results: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; self.0.len()]);
        for at in (0..self.0.len()).step_by(V::N) {
            // SAFETY: the vectors hold a multiple of 16 numbers.
            unsafe {
                let (x, octaves) = (V::load(self.0.as_ptr().add(at)), V::load(self.1.as_ptr().add(at)));
                let Bits { bits, by_latent, by_octaves } = laplace(x, V::splat(0.0), octaves);
                bits.store(results[0].as_mut_ptr().add(at));
                by_latent.store(results[1].as_mut_ptr().add(at));
                by_octaves.store(results[2].as_mut_ptr().add(at));
            }
        }
        results
    }
}

fn exact_bits(x: f64, octaves: f64) -> f64 {
    let inverse = (6.5 - octaves).exp2();
    let (near, far) = (x.abs() - 0.5, x.abs() + 0.5);
    if near >= 0.0 {
        near * inverse * std::f64::consts::LOG2_E - (0.5 * (1.0 - (-inverse).exp())).log2()
    } else {
        -(1.0 - 0.5 * ((near * inverse).exp() + (-far * inverse).exp())).log2()
    }
}

#[test]
fn bits_are_those_of_the_laplace_distribution() {
    let mut next = crate::backend::simd::tests::numbers(5);
    let x: Vec<f32> = (0..4096).map(|i| if i % 2 == 0 { 0.6 * next() } else { 9.0 * next() }).collect();
    let octaves: Vec<f32> = (0..4096).map(|_| 6.9 + 6.8 * next()).collect();
    const H: f64 = 1e-6;
    for level in Level::available() {
        let [bits, by_latent, by_octaves] = level.run(Latents(&x, &octaves));
        for i in 0..x.len() {
            let (x, o) = (f64::from(x[i]), f64::from(octaves[i]));
            let expected = exact_bits(x, o);
            // The formula's floor of the probability, which a distance of ½ at the smallest scales does not
            // reach.
            let near =
                |got: f32, expected: f64| (f64::from(got) - expected).abs() < 2e-4 * (1.0 + expected.abs());
            assert!(near(bits[i], expected), "{level:?} {x} {o}: {}, expected {expected}", bits[i]);
            let slope = (exact_bits(x + H, o) - exact_bits(x - H, o)) / (2.0 * H);
            assert!(near(by_latent[i], slope), "{level:?} {x} {o}: {}, expected {slope}", by_latent[i]);
            let slope = (exact_bits(x, o + H) - exact_bits(x, o - H)) / (2.0 * H);
            assert!(near(by_octaves[i], slope), "{level:?} {x} {o}: {}, expected {slope}", by_octaves[i]);
        }
    }
}

#[test]
fn octaves_outside_the_range_of_files_lead_back_only() {
    // A distance of 0 wants smaller scales, one of 200 larger ones.
    let x = [0.0, 200.0].repeat(16);
    let octaves = [[-1.0, -1.0], [15.0, 15.0]].concat().repeat(8);
    for level in Level::available() {
        let [bits, _, slopes] = level.run(Latents(&x, &octaves));
        assert_eq!(slopes[0], 0.0, "{level:?}");
        assert!(slopes[1] < 0.0 && slopes[2] > 0.0, "{level:?} {slopes:?}");
        assert!(bits.iter().all(|bits| bits.is_finite()));
    }
}
