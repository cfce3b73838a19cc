//! Masks of missing samples alone: any bytes for signals of any axes. Accepted bytes must equal those that are written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::Limits;
use sirenc::container::parts::{read_missing, write_missing};
use sirenc::signal::{Axis, Description, SampleFormat};

#[derive(Arbitrary, Debug)]
struct Input {
    lengths: [u8; 4],
    axes: u8,
    channels: u8,
    payload: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let axes = usize::from(input.axes % 4) + 1;
    let axis = |&length: &u8| Axis::other(1 + u32::from(length) % 40);
    let signal = Description {
        axes: input.lengths.iter().take(axes).map(axis).collect(),
        channels: 1 + input.channels % 5,
        format: SampleFormat::F32,
    };
    let limits = Limits::default().samples(1 << 16);
    if let Ok(missing) = read_missing(&input.payload, &signal, &limits) {
        assert_eq!(write_missing(&missing, &signal).expect("what was read can be written"), input.payload);
    }
});
