//! Every instruction set against plain loops written from the specification, bit for bit.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use sirenc::backend::simd::{BLOCK, Level, Workspace};
use sirenc::network::{Network, Shape};

fuzz_target!(|data: &[u8]| {
    let _ = compare(&mut Unstructured::new(data));
});

fn compare(u: &mut Unstructured) -> Result<()> {
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

/// A number of magnitude below `2^bits`; subnormal numbers occur, too.
fn number(u: &mut Unstructured, bits: u32) -> Result<f32> {
    let value = f32::from_bits(if u.is_empty() { 0x3e80_0000 } else { u.arbitrary()? });
    Ok(if value.abs() < (bits as f32).exp2() { value } else { 0.3 })
}
