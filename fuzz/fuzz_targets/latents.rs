//! Fields of splines alone: any bytes as the stream of any small shape. Accepted bytes must equal those that
//! are written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::container::parts::{read_spline, write_spline};
use sirenc::signal::{Description, SampleFormat};
use sirenc_fuzz::limits;

#[derive(Arbitrary, Debug)]
struct Input {
    sound: bool,
    lengths: [u8; 2],
    channels: u8,
    /// Levels of feature grids and of context grids, and which are informed; below 7: varints of one byte.
    masks: [u8; 3],
    /// Whether its network and its context model have the sizes of the usual ones.
    usual: bool,
    layers: u8,
    width: u8,
    neighbours: u8,
    combinations: u8,
    tables: u8,
    blocks: u8,
    stream: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let [x, y] = input.lengths.map(|length| 1 + u32::from(length % 40));
    let channels = 1 + input.channels % 4;
    let description = match input.sound {
        true => Description::sound(x * y, channels, SampleFormat::I16, 8000),
        false => Description::picture([x, y], channels, SampleFormat::U8),
    };
    let [levels, context, informed] = input.masks.map(|mask| mask & 0x7f);
    // The coarsest grid has nothing to be predicted from.
    let informed = informed & levels & !(0x80 >> (levels | context).leading_zeros().min(7));
    let combinations = if informed == 0 { 0 } else { 1 + input.combinations % 8 };
    let sizes = match input.usual && informed != 0 {
        true => [2, 16, 12, 4],
        false => [1 + input.layers % 4, 1 + input.width % 12, 1 + input.neighbours % 12, combinations],
    };
    // None in half of the inputs, and in most others a side that is allowed.
    let highest = (levels | context).checked_ilog2().unwrap_or(0) as u8;
    let blocks = if input.blocks < 128 { 0 } else { highest.max(1 + input.blocks % 5) };
    let header =
        [&[levels.max(1), context, informed][..], &sizes, &[input.tables % 9 | blocks << 4]].concat();
    let bytes = [&header[..], &input.stream].concat();
    if let Ok(field) = read_spline(&bytes, &description, &limits()) {
        assert_eq!(write_spline(&field, &description).expect("what was read can be written"), bytes);
    }
});
