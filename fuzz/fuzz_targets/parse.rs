//! Any bytes: reading must end within its limits, and an accepted file must be written as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::container::{Networks, Stored, parse, sections, write};
use sirenc_fuzz::{Memory, limits, repair};

fuzz_target!(|data: &[u8]| {
    for bytes in [data, &repair(data)] {
        let _ = sections(bytes);
        let within = |memory_bytes: u64| {
            let mut limits = limits();
            limits.memory_bytes = memory_bytes;
            Memory::from_now().bounded(memory_bytes, || parse(bytes, &limits))
        };
        // From too little memory for this file to enough for any file.
        let _ = within(1 << (8 + bytes.len() % 12));
        let Ok(file) = within(limits().memory_bytes) else { continue };
        let mut again = vec![];
        write(&file, &mut again).expect("what was read can be written");
        assert_eq!(parse(&again, &limits()).as_ref().ok(), Some(&file));
        // One byte string per file: without sections that are not known, and frames, which may be written in
        // many ways.
        let plain = sections(bytes).is_ok_and(|s| s.iter().all(|s| matches!(s.number, 1 | 2 | 6 | 0x7f)));
        match file.field {
            Stored::Spline(_) if plain => assert_eq!(again, bytes),
            Stored::Siren { networks: Networks::Quantized(_), .. } if plain => {
                assert_eq!(file_shape(&again), file_shape(bytes));
            }
            _ => {}
        }
    }
});

/// The bytes before the parameters: parameters of networks may be written with another shape of tables.
fn file_shape(bytes: &[u8]) -> &[u8] {
    let network = sections(bytes).map_or(0, |s| s.last().map_or(0, |s| s.bytes as usize));
    &bytes[..bytes.len() - network]
}
