//! Fields of splines alone: any bytes as the stream of any small shape. Accepted bytes must equal those that
//! are written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::container::parts::{read_spline, write_spline};
use sirenc::signal::{Axis, Description, SampleFormat};
use sirenc_fuzz::limits;

#[derive(Arbitrary, Debug)]
struct Input {
    axes: u8,
    lengths: [u8; 4],
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
    /// Neighbours in earlier slices, delays along further axes, and a series of slow grids.
    earlier: u8,
    delays: [u8; 2],
    slow: Option<(u8, [u8; 2])>,
    stream: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let channels = 1 + input.channels % 4;
    let axes = 1 + usize::from(input.axes % 4);
    let most = [1600, 40, 12, 6][axes - 1];
    let lengths: Vec<u32> =
        input.lengths[..axes].iter().map(|&length| 1 + u32::from(length) % most).collect();
    let description = match lengths[..] {
        [x] => Description::sound(x, channels, SampleFormat::I16, 8000),
        [x, y] => Description::picture([x, y], channels, SampleFormat::U8),
        _ => Description {
            axes: lengths.iter().map(|&length| Axis::space(length)).collect(),
            channels,
            format: SampleFormat::F32,
        },
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
    let pair = |[third, fourth]: [u8; 2]| third % 8 | if axes > 3 { fourth << 4 } else { 0 };
    let mut further = vec![];
    if axes > 2 {
        further.extend([input.earlier % 9, pair(input.delays), u8::from(input.slow.is_some())]);
        further.extend(input.slow.iter().flat_map(|&(levels, slow)| [(levels & 0x7f).max(1), pair(slow)]));
    }
    let masks = [levels.max(1), context, informed];
    let header = [&masks[..], &sizes, &[input.tables % 9 | blocks << 4], &further].concat();
    let bytes = [&header[..], &input.stream].concat();
    if let Ok(field) = read_spline(&bytes, &description, &limits()) {
        assert_eq!(write_spline(&field, &description).expect("what was read can be written"), bytes);
    }
});
