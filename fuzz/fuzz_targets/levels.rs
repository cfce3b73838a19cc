//! Every instruction set against plain loops written from the specification, bit for bit.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use sirenc::backend::simd::{BLOCK, Level, Workspace};
use sirenc::field::Spline;
use sirenc::field::spline::basis::Taps;
use sirenc::field::spline::{self, ContextShape, Layer};
use sirenc::network::{Jet, Network, Shape};

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let _ = if u.arbitrary().unwrap_or(false) { networks(&mut u) } else { splines(&mut u) };
});

fn networks(u: &mut Unstructured) -> Result<()> {
    let shape = Shape {
        inputs: u.int_in_range(1..=4)?,
        outputs: u.int_in_range(1..=8)?,
        layers: u.int_in_range(1..=4)?,
        width: u.int_in_range(1..=40)?,
    };
    let parameters = (0..shape.parameters()).map(|_| number(u, 64)).collect::<Result<_>>()?;
    let network = Network::from_parameters(shape, parameters);
    let coordinates = (0..shape.inputs * BLOCK).map(|_| number(u, 4)).collect::<Result<Vec<f32>>>()?;
    let mut values = vec![0.0; shape.outputs * BLOCK];
    let (first, last) = (u.int_in_range(0..=BLOCK - 1)?, BLOCK - 1);
    for level in Level::available() {
        values.fill(f32::NAN);
        level.forward(&network, &coordinates, &mut values, &mut Workspace::default());
        for point in [first, last] {
            let at: Vec<f32> = coordinates.iter().skip(point).step_by(BLOCK).copied().collect();
            for (channel, expected) in network.evaluate(&at).into_iter().enumerate() {
                let got = values[channel * BLOCK + point];
                assert_eq!(got.to_bits(), expected.to_bits(), "{level:?}: {got:e}, {expected:e}");
            }
        }
    }
    Ok(())
}

/// Coefficients, features and values of a field of splines.
fn splines(u: &mut Unstructured) -> Result<()> {
    let lengths: Vec<u32> =
        (0..u.int_in_range(1..=2)?).map(|_| u.int_in_range(1..=20)).collect::<Result<_>>()?;
    let context = ContextShape { levels: 0, informed: 0, neighbours: 1, combinations: 0 };
    let (outputs, levels) = (u.int_in_range(1..=4)?, u.int_in_range(1..=0b1_1111)?);
    let (layers, width) = (u.int_in_range(1..=3)?, u.int_in_range(1..=20)?);
    let shape = spline::Shape { lengths, outputs, levels, layers, width, context };
    let mut coefficients = vec![];
    for grid in shape.features() {
        let latents = (0..grid.latents()).map(|_| Ok(f32::from(u.arbitrary::<i16>()?)));
        let latents: Vec<f32> = latents.collect::<Result<_>>()?;
        let taps = [number(u, 10)?, number(u, 10)?, number(u, 10)?, number(u, 10)?];
        let filter = |values: Vec<f32>, axis| spline::filter(&values, &grid.lengths, axis, taps);
        let loops = (0..grid.lengths.len()).fold(latents.clone(), filter);
        let loops: Vec<f32> = loops.iter().map(|value| value * spline::gain(grid.level)).collect();
        for level in Level::available() {
            let (mut got, mut scratch) = (latents.clone(), vec![0.0; latents.len() + 6]);
            level.coefficients(&grid, taps, &mut got, &mut scratch);
            assert_eq!(bits(&got), bits(&loops), "{level:?}");
        }
        coefficients.push(loops);
    }
    let mut inputs = shape.inputs();
    let layers = (0..=shape.layers).map(|layer| {
        let is_last = layer == shape.layers;
        let (rows, columns) =
            if is_last { (outputs, inputs + shape.inputs()) } else { (shape.width, inputs) };
        inputs = shape.width;
        let weights = (0..rows * columns).map(|_| number(u, 10)).collect::<Result<_>>()?;
        Ok(Layer { weights, biases: (0..rows).map(|_| number(u, 10)).collect::<Result<_>>()? })
    });
    let layers = layers.collect::<Result<_>>()?;
    let field = Spline { shape, coefficients, layers };
    compare(u, &field)
}

/// Compares the features and the values of a field at some positions.
fn compare(u: &mut Unstructured, field: &Spline) -> Result<()> {
    let position =
        |u: &mut Unstructured, n: u32| Ok(f64::from(u.arbitrary::<u16>()?) / 65536.0 * f64::from(n) - 0.5);
    let along = |u: &mut Unstructured, n: u32| (0..5).map(|_| position(u, n)).collect::<Result<Vec<f64>>>();
    let axes = field.shape.lengths.iter().map(|&n| along(u, n)).collect::<Result<Vec<_>>>()?;
    let count = 5usize.pow(axes.len() as u32);
    let at = |number: usize| -> Vec<f64> {
        (0..axes.len()).map(|a| axes[a][number / 5usize.pow(a as u32) % 5]).collect()
    };
    for level in Level::available() {
        let mut block = vec![0.0; field.shape.inputs() * BLOCK];
        for ((grid, coefficients), row) in
            field.shape.features().zip(&field.coefficients).zip(block.chunks_exact_mut(BLOCK))
        {
            let taps: Vec<Vec<Taps>> =
                axes.iter().map(|axis| axis.iter().map(|&p| Taps::new(p, grid.level)).collect()).collect();
            let taps: Vec<&[Taps]> = taps.iter().map(Vec::as_slice).collect();
            level.interpolate(&grid, coefficients, &taps, &mut [vec![], vec![]], &mut row[..count]);
        }
        let mut values = vec![0.0; field.shape.outputs * BLOCK];
        let what = (field.shape.inputs(), axes.len(), Jet::Value);
        level.synthesis(&field.layers, what, &block, &mut vec![], &mut values);
        for number in 0..count {
            let got: Vec<f32> = values.iter().skip(number).step_by(BLOCK).copied().collect();
            assert_eq!(bits(&got), bits(&field.evaluate(&at(number))), "{level:?} {number}");
        }
    }
    Ok(())
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A number of magnitude below `2^bits`; subnormal numbers occur, too.
fn number(u: &mut Unstructured, bits: u32) -> Result<f32> {
    let value = f32::from_bits(if u.is_empty() { 0x3e80_0000 } else { u.arbitrary()? });
    Ok(if value.abs() < (bits as f32).exp2() { value } else { 0.3 })
}
