//! What an encode uploads to a device.

use super::Siren;
use crate::backend::cuda::Cuda;
use crate::backend::cuda::tests::{device, emulator::bytes_to_device};
use crate::backend::simd::{BLOCK, Level};
use crate::encoder::budget::Budget;
use crate::encoder::progress::Meter;
use crate::encoder::session::Session;
use crate::encoder::units::Normalised;
use crate::encoder::{EncodeOptions, Flow, Target, rate};
use crate::network::Shape;
use crate::signal::{Description, SampleFormat, Samples, Signal, Tiles};

/// The bytes that `work` on a signal of `samples` samples uploads to the device.
fn uploaded(cuda: &Cuda, samples: u32, work: impl Fn(&Siren<'_>)) -> Option<usize> {
    let description = Description::sound(samples, 2, SampleFormat::F32, 8000);
    let value = |i: u32| ((i / 2) as f32 * 0.05 + (i % 2) as f32).sin();
    let samples = Samples::F32((0..2 * samples).map(value).collect());
    let options = EncodeOptions::default().effort(1).target(Target::Shape { layers: 3, width: 4 });
    let signal = Signal { description, samples, metadata: vec![] };
    let normalised = Normalised::of(&signal, &options).unwrap();
    let meter = Meter::new(&|_| Flow::Continue, None);
    let session = Session::new(&normalised, meter, Level::best(), cuda);
    let before = bytes_to_device()?;
    work(&Siren::new(&session));
    Some(bytes_to_device()? - before)
}

/// Signals of up to 96 blocks train for equally many iterations, so their uploads differ by the samples
/// alone.
#[test]
fn samples_are_uploaded_once() {
    const NUMBERS: usize = 1 + 2 + 1;
    let Some(cuda) = device() else { return };
    let encode = |recipe: &Siren<'_>| drop(rate::search(recipe).unwrap());
    let Some(few) = uploaded(cuda, 640, encode) else { return };
    let many = uploaded(cuda, 1920, encode).unwrap();
    assert_eq!(many - few, 10 * BLOCK * NUMBERS * size_of::<f32>(), "{few} and {many} bytes");

    // A search: a probe, its fit, and several quantizations of it, on three tiles of 3 or 5 blocks.
    let search = |recipe: &Siren<'_>| {
        let tiles = Tiles::new(&recipe.session.signal.description, &[3], 0).unwrap();
        let shape = Shape { inputs: 1, outputs: 2, layers: 2, width: 4 };
        recipe.fit_shapes(tiles.clone(), &[shape; 3], Budget::of(1, 1.0)).unwrap();
        let fit = recipe.fit_shapes(tiles, &[shape; 3], Budget::of(1, 12.0)).unwrap();
        for delta in [1e-5, 1e-4] {
            recipe.quantize(&fit, delta).unwrap();
        }
    };
    let [few, many] = [3, 5].map(|blocks| uploaded(cuda, 3 * blocks * BLOCK as u32, search).unwrap());
    assert_eq!(many - few, 3 * 2 * BLOCK * NUMBERS * size_of::<f32>(), "{few} and {many} bytes");
}
