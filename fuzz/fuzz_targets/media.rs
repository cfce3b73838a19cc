//! Any bytes as a picture or a sound: reading ends within its limits, by the allocator's count too, with as
//! many samples as it says, none of them infinite.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::{Limits, media};
use sirenc_fuzz::Memory;

fuzz_target!(|data: &[u8]| {
    let mut limits = Limits::default();
    (limits.samples, limits.memory_bytes, limits.metadata_bytes) = (1 << 16, 1 << 20, 1 << 16);
    // Tables of a decoder are not counted, as documented in `media::read_from`.
    let allowed = limits.memory_bytes + (512 << 10);
    if let Ok(signal) = Memory::from_now().bounded(allowed, || media::read(data, &limits)) {
        let expected = signal.description.positions() * u64::from(signal.description.channels);
        assert_eq!(signal.samples.len() as u64, expected);
        // NaN is a missing sample.
        assert!((0..signal.samples.len()).all(|i| !signal.samples.get(i).is_infinite()));
    }
});
