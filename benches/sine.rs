//! The worst errors of the sine and the cosine over every binary32 from 0 to ½ turn; the other half follows
//! by symmetry. Run with `cargo bench --bench sine`; it takes two minutes on one core. `spec/numerics.md`
//! states the results.
//! `cargo bench --bench sine`, two minutes on one core. `spec/numerics.md` states what it prints.

use sirenc::network::sine::{cosine, sine};
use std::f64::consts::TAU;

fn main() {
    let (mut worst_sine, mut worst_cosine) = ((0f64, 0), (0f64, 0));
    for bits in 0..=0.5f32.to_bits() {
        let t = f32::from_bits(bits);
        let phase = TAU * f64::from(t);
        let sine_error = (f64::from(sine(t)) - phase.sin()).abs();
        let cosine_error = (f64::from(cosine(t)) - phase.cos()).abs();
        worst_sine = if sine_error > worst_sine.0 { (sine_error, bits) } else { worst_sine };
        worst_cosine = if cosine_error > worst_cosine.0 { (cosine_error, bits) } else { worst_cosine };
        assert!(sine(-t) == -sine(t) && cosine(-t) == cosine(t) && sine(t).abs() <= 1.0, "at {t:e}");
    }
    println!("sine   {:.3e} at 0x{:08x}", worst_sine.0, worst_sine.1);
    println!("cosine {:.3e} at 0x{:08x}", worst_cosine.0, worst_cosine.1);
}
