//! Any file: rendering ends, within its limits, and a region has the bits of the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::Decoder;
use sirenc::signal::Grid;
use sirenc_fuzz::{limits, repair};

fuzz_target!(|data: &[u8]| {
    let Ok(decoder) = Decoder::open(&repair(data)[..], &limits()) else { return };
    // Of any size: the limits have to refuse what is too much.
    let _ = decoder.render(&Grid::native(decoder.description()));
    let counts = vec![9; decoder.description().lengths.len()];
    let Ok(mut grid) = Grid::resized(decoder.description(), &counts) else { return };
    let Ok(whole) = decoder.render(&grid) else { return };
    if let Some(last) = grid.axes.last_mut() {
        (last.first, last.count) = (4, 5);
    }
    let part = decoder.render(&grid).expect("a part costs less than the whole");
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&part), bits(&whole[whole.len() - part.len()..]));
});
