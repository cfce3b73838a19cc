//! Any file: rendering must end within its stated cost in memory, and a region must have the bits of the
//! whole, decoded alone too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::Decoder;
use sirenc::signal::Grid;
use sirenc_fuzz::{Memory, limits, repair};

fuzz_target!(init: warm_up(), |data: &[u8]| {
    let bytes = repair(data);
    let memory = Memory::from_now();
    let open = || Decoder::with_limits(&bytes[..], &limits());
    let Ok(decoder) = memory.bounded(limits().memory_bytes, open) else { return };
    // The grid may have any size: the limits must reject too large ones.
    let native = Grid::native(decoder.description());
    let allowed = decoder.request(&native).cost().map_or(limits().memory_bytes, |cost| cost.memory_bytes);
    let _ = memory.bounded(allowed, || decoder.render(&native));
    let counts = vec![9; decoder.description().axes.len()];
    let Ok(mut grid) = Grid::resized(decoder.description(), &counts) else { return };
    let Ok(whole) = decoder.render(&grid) else { return };
    if let Some(last) = grid.axes.last_mut() {
        (last.first, last.count) = (4, 5);
    }
    let part = decoder.render(&grid).expect("a part costs less than the whole");
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&part), bits(&whole[whole.len() - part.len()..]));
    let alone = Decoder::for_grid(&bytes, &limits(), |_| Ok(Some(grid.clone()))).expect("a part of a good file");
    assert_eq!(bits(&alone.render(&grid).expect("what was decoded")), bits(&part));
});

/// Starts the rendering threads, which persist and hold memory.
fn warm_up() {
    let file = &include_bytes!("../../fixtures/valid/tiles-3x2.siren")[..];
    let decoder = Decoder::open(file).expect("a good file");
    decoder.render(&Grid::native(decoder.description())).expect("a small picture");
}
