//! Quantized parameters alone: any bytes for networks of any shapes. Accepted bytes must equal those that are
//! written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::container::parts::{read_coded, write_coded};
use sirenc::network::Shape;

#[derive(Arbitrary, Debug)]
struct Input {
    inputs: bool,
    outputs: u8,
    layers: u8,
    widths: Vec<u8>,
    sorted: bool,
    tables: u8,
    stream: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let shape = |&width: &u8| Shape {
        inputs: 1 + usize::from(input.inputs),
        outputs: 1 + usize::from(input.outputs % 8),
        layers: 1 + usize::from(input.layers % 6),
        width: 1 + usize::from(width % 24),
    };
    let shapes: Vec<Shape> = input.widths.iter().take(6).map(shape).collect();
    if shapes.is_empty() {
        return;
    }
    let head = input.tables % 9 | if input.sorted { 0x10 } else { 0 };
    let bytes = [&[head][..], &input.stream].concat();
    if let Ok(networks) = read_coded(&bytes, &shapes) {
        assert_eq!(write_coded(&networks, head).expect("what was read can be written"), bytes);
    }
});
