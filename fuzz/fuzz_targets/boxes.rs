//! Any bytes as a video or an array that is read box by box, from its own file and from a temporary one: a box has the
//! samples of the whole, and what is refused as a whole is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::media::Choice;
use sirenc::signal::{Kind, Samples, Source};
use sirenc::{Error, Limits, media};
use std::io::Cursor;
use std::ops::Range;

/// The bits of samples, so that missing ones are equal.
fn bits(samples: &Samples) -> Vec<u32> {
    (0..samples.len()).map(|i| samples.get(i).to_bits()).collect()
}

fuzz_target!(|input: ([u8; 8], &[u8])| {
    let (places, bytes) = input;
    let mut limits = Limits::default();
    (limits.samples, limits.memory_bytes) = (1 << 14, 1 << 20);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let opened = media::open_video_source(file.path(), None, &limits);
    let Ok(whole) = media::read(bytes, &limits) else {
        assert!(opened.is_err() || media::kind(bytes) != Some("Y4M"));
        return;
    };
    let description = &whole.description;
    let is_array = media::is_array_path(file.path());
    if description.kind() != Kind::Video && !is_array {
        return;
    }
    let lengths = description.lengths();
    let side = |axis: usize| -> Range<u32> {
        let start = u32::from(places[axis]) % lengths[axis];
        start..start + 1 + u32::from(places[axis + 4]) % (lengths[axis] - start)
    };
    let region: Vec<Range<u32>> = (0..lengths.len()).map(side).collect();
    if is_array {
        limits.memory_bytes = 1;
        let source = media::open_source(file.path(), &Choice::default(), &limits).unwrap().source;
        assert_eq!(source.description(), description);
        let (found, expected) = (source.read(&region).unwrap(), whole.read(&region).unwrap());
        assert_eq!(bits(&found), bits(&expected));
        return;
    }
    // So little memory that samples stay in the file, or go to a temporary one.
    limits.memory_bytes = 48 * u64::from(lengths[0]) * u64::from(lengths[1]);
    let sources = [
        media::open_video_source(file.path(), None, &limits),
        media::read_video_source_from(Cursor::new(bytes), None, &limits),
        media::read_video_stream(Cursor::new(bytes), None, &limits),
    ];
    for source in [Ok(opened.unwrap())].into_iter().chain(sources) {
        match source {
            Ok(reading) => {
                assert_eq!(reading.source.description(), description);
                assert_eq!(reading.source.read(&region).unwrap(), whole.read(&region).unwrap());
            }
            Err(error) => assert!(matches!(error, Error::Limit { .. }), "{error}"),
        }
    }
});
