//! A Zstandard frame alone, against the C library: both must decode it to the same bytes, or both must reject
//! it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::container::parts::open_frame;
use sirenc_fuzz::limits;

fuzz_target!(|input: (u16, bool, &[u8])| {
    let (size, compress, bytes) = input;
    // A complete frame, so that damage begins after its header.
    let whole = compress.then(|| zstd::bulk::compress(bytes, i32::from(size % 20)).expect("memory"));
    let size = if compress { bytes.len() as u64 } else { size.into() };
    let frame = whole.as_deref().unwrap_or(bytes);
    let ours = open_frame(frame, size, &limits());
    if compress {
        assert_eq!(ours.as_deref().ok(), Some(bytes));
    }
    if let Ok(content) = ours {
        let theirs = zstd::bulk::decompress(frame, content.len()).expect("a frame that the C library opens");
        assert_eq!(content, theirs);
    }
});
