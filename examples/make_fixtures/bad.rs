//! Files that must be rejected, each with the kind of error and a part of its message.

use crate::Case;
use crate::good::{EXAMPLE_PICTURE, EXAMPLE_SOUND};
use crate::pieces::*;

#[rustfmt::skip]
pub fn invalid() -> Vec<Case> {
    let (file, tiles) = (EXAMPLE_PICTURE, EXAMPLE_SOUND);
    let (signal, network) = (0x01, 0x7f);
    let sections = split(file);
    let with_signal = |payload: &[u8]| replace(file, signal, payload);
    let with_tiles = |payload: &[u8]| replace(tiles, 0x02, payload);
    let with_network = |payload: &[u8]| replace(file, network, payload);
    let floating = replace(file, signal, &[0, 6, 1, 3, 2]);
    let with_units = |payload: &[u8]| insert(&floating, 1, section(0x06, payload));
    let with_metadata = |payload: &[u8]| insert(file, 1, section(0x83, payload));
    // 3 × 2 pixels, one layer of one neuron: 5 parameters.
    let stored = |coding: u8, frame: &[u8]| with_network(&[&[coding, 1, 1], frame].concat());
    let floats = |values: [f32; 5]| stored(2, &frame(&values.map(f32::to_le_bytes).concat()));
    let zeros = vec![0u8; 1 << 20];
    // One layer of 64 neurons: 257 parameters of 4 bytes.
    let stored_many = |frame: &[u8]| with_network(&[&[2, 1, 64], frame].concat());
    let rows: Vec<(&str, &'static str, Vec<u8>, &'static str)> = vec![
        ("empty", "no bytes", vec![], "Format: magic"),
        ("text", "another file", b"not a .siren file".to_vec(), "Format: magic"),
        ("line-ends", "CR LF became LF", [&file[..4], &file[5..]].concat(), "Format: magic"),
        ("7-bits", "bit 7 cleared", file.iter().map(|b| b & 0x7f).collect(), "Format: magic"),
        ("magic-only", "cut before the version", file[..8].to_vec(), "Format: version"),
        ("version-1", "a later version", [&file[..8], &[1], &file[9..]].concat(), "Unsupported: version 1"),
        ("no-sections", "cut before the first section", file[..9].to_vec(), "Format: no SIGNAL section"),
        ("truncated-length", "cut before a length", file[..10].to_vec(), "Format: section length is missing"),
        ("truncated-payload", "cut within a payload", file[..30].to_vec(), "Format: NETWORK needs 12 bytes, 8 are left"),
        ("truncated-checksum", "cut within a checksum", file[..36].to_vec(), "Format: checksum needs 4 bytes, 2 are left"),
        ("truncated-network", "cut between two sections", join(&sections[..1]), "Format: no NETWORK section"),
        ("no-signal", "NETWORK alone", join(&sections[1..]), "Format: no SIGNAL section"),
        ("trailing-byte", "a byte after the last section", [file, &[0]].concat(), "Format: section length is missing"),
        ("trailing-section", "a section after the last", insert(file, 2, section(0x85, b"")), "Format: section 0x85 after section 0x7f"),
        ("checksum", "a damaged sample format", [&file[..12], &[1], &file[13..]].concat(), "Format: checksum"),
        ("length-lie", "a length beyond the file", [&file[..10], &[0xff, 0x7f], &file[11..]].concat(), "Format: SIGNAL needs 16383 bytes"),
        ("length-2-63", "a length of 10 bytes", [&file[..10], &[0xff; 9], &[1], &file[11..]].concat(), "Format: longer than 9 bytes"),
        ("length-not-shortest", "05 as 85 00", {
            let covered = [&[1, 0x85, 0][..], &payload(file, signal)].concat();
            join(&[[&covered[..], &crc32fast::hash(&covered).to_le_bytes()].concat(), sections[1].clone()])
        }, "Format: not in its shortest form"),
        ("section-0", "a number that is never used", insert(file, 0, section(0x80, b"")), "Format: 0x80 is never used"),
        ("section-0-critical", "a number that is never used", insert(file, 0, section(0x00, b"")), "Format: 0x00 is never used"),
        ("section-private", "a private section that may not be skipped", insert(file, 1, section(0x60, b"")), "Unsupported: critical section 0x60"),
        ("section-reserved", "a reserved section that may not be skipped", insert(file, 1, section(0x10, b"")), "Unsupported: critical section 0x10"),
        ("ancillary-checksum", "an unknown section that is damaged", insert(file, 1, [&section(0x85, b"index")[..9], &[0, 0]].concat()), "Format: checksum"),
        ("unknown-critical", "a section that may not be skipped", insert(file, 1, section(0x05, b"new")), "Unsupported: critical section 0x05"),
        ("duplicate-section", "SIGNAL twice", insert(file, 1, sections[0].clone()), "Format: section 0x01 after section 0x01"),
        ("duplicate-low-bits", "an ancillary twin of SIGNAL", insert(file, 1, section(0x81, b"")), "Format: section 0x81 after section 0x01"),
        ("wrong-order", "NETWORK first", join(&[sections[1].clone(), sections[0].clone()]), "Format: section 0x01 after section 0x7f"),
        ("format-i16-picture", "a sound's format in a picture", with_signal(&[0, 3, 1, 3, 2]), "Unsupported: sample format 3, expected one of a picture"),
        ("format-u8-sound", "a picture's format in a sound", with_signal(&[1, 0, 1, 3, 2]), "Unsupported: sample format 0, expected one of a sound"),
        ("format-7", "a sample format of a later version", with_signal(&[0, 7, 1, 3, 2]), "Unsupported: sample format 7"),
        ("format-128", "a sample format that no version will have", with_signal(&[0, 128, 1, 3, 2]), "Format: sample format 128"),
        ("channels-0", "no channels", with_signal(&[0, 0, 0, 3, 2]), "Format: 0 channels"),
        ("channels-5", "too many for a picture", with_signal(&[0, 0, 5, 3, 2]), "Unsupported: 5 channels, expected 1 to 4"),
        ("channels-9", "too many for a sound", with_signal(&[1, 3, 9, 3, 2]), "Unsupported: 9 channels, expected 1 to 8"),
        ("zero-width", "an axis of length 0", with_signal(&[0, 0, 1, 0, 2]), "Format: axis length 0"),
        ("length-2-31", "an axis of 2^31", with_signal(&[0, 0, 1, 0x80, 0x80, 0x80, 0x80, 8, 2]), "Format: axis length 2147483648"),
        ("axis-not-shortest", "3 as 83 00", with_signal(&[0, 0, 1, 0x83, 0, 2]), "Format: axis length 3 is not in its shortest form"),
        ("rate-0", "no samples per second", with_signal(&[1, 3, 1, 3, 0]), "Format: sample rate 0"),
        ("signal-short", "a missing height", with_signal(&[0, 0, 1, 3]), "Format: axis length is missing"),
        ("signal-empty", "no field", with_signal(&[]), "Format: kind is missing"),
        ("rate-missing", "a sound without a rate", with_signal(&[1, 3, 1, 3]), "Format: sample rate is missing"),
        ("rate-2-31", "a rate of 2^31", with_signal(&[1, 3, 1, 3, 0x80, 0x80, 0x80, 0x80, 8]), "Format: sample rate 2147483648"),
        ("signal-long", "a byte after the height", with_signal(&[0, 0, 1, 3, 2, 0]), "Format: 1 bytes after the last field"),
        ("units-default", "a scale of 1 and an offset of 0, which need no section", with_units(&[0x95, 1, 0, 0, 0, 0]), "Format: expected no such section"),
        ("units-integers", "units of 8-bit samples", insert(file, 1, section(0x06, &[0x9e, 1, 0, 0, 0x91, 0x43])), "Format: units of U8 samples"),
        ("units-scale", "a scale of 2^129", with_units(&[0x96, 2, 0, 0, 0, 0]), "Format: scale 278"),
        ("units-scale-common", "a scale for each channel that all share", with_units(&[0x95, 2, 0, 0, 0x80, 0x3e, 0, 0, 0, 0]), "Format: a scale of 2^-2 for each channel"),
        ("units-scale-negative", "a negative scale of a channel", with_units(&[0x95, 2, 0, 0, 0x40, 0xc0, 0, 0, 0, 0]), "Format: scale -3"),
        ("units-scale-nan", "a scale of a channel that is not a number", with_units(&[0x95, 2, 0, 0, 0xc0, 0x7f, 0, 0, 0, 0]), "Format: scale NaN"),
        ("units-scale-short", "a scale for each channel, and no offset", with_units(&[0x95, 2, 0, 0, 0x40, 0x40]), "Format: offset needs 4 bytes"),
        ("units-nan", "an offset that is not a number", with_units(&[0x9e, 1, 0, 0, 0xc0, 0x7f]), "Format: offset NaN"),
        ("units-infinity", "an infinite offset", with_units(&[0x9e, 1, 0, 0, 0x80, 0xff]), "Format: offset -inf"),
        ("units-short", "an offset of 3 bytes", with_units(&[0x9e, 1, 0, 0, 0x91]), "Format: offset needs 4 bytes, 3 are left"),
        ("units-long", "offsets of two channels for one", with_units(&[0x9e, 1, 0, 0, 0x91, 0x43, 0, 0, 0x91, 0x43]), "Format: 4 bytes after the last field"),
        ("units-order", "UNITS before TILES", {
            let tiles = split(tiles);
            join(&[section(signal, &[1, 6, 1, 0xac, 2, 0xc0, 0x3e]), section(0x06, &[5, 0, 0, 0, 0]), tiles[1].clone(), tiles[2].clone()])
        }, "Format: section 0x02 after section 0x06"),
        ("tiles-one", "one tile in a section", with_tiles(&[1, 20]), "Format: 1 tile"),
        ("tiles-0", "no tiles along an axis", with_tiles(&[0, 20]), "Format: tiles along an axis 0"),
        ("tiles-301", "more tiles than samples", with_tiles(&[0xad, 2, 0]), "Format: tiles along an axis 301"),
        ("tiles-overlap", "an overlap of more than half a tile", with_tiles(&[2, 76]), "Format: overlap"),
        ("tiles-long", "a byte after the overlap", with_tiles(&[2, 20, 0]), "Format: 1 bytes after the last field"),
        ("tiles-short", "no overlap", with_tiles(&[2]), "Format: overlap is missing"),
        ("tiles-overlap-2-31", "an overlap of 2^31", with_tiles(&[2, 0x80, 0x80, 0x80, 0x80, 8]), "Format: overlap 2147483648"),
        ("tiles-second-axis", "an overlap too large for the second axis alone", insert(file, 1, section(0x02, &[1, 2, 1])), "Format: overlap"),
        ("tiles-many", "more tiles than the limit", {
            let axis = [0xff, 0xff, 0xff, 0xff, 7];
            let signal = section(signal, &[&[0, 0, 1][..], &axis, &axis].concat());
            join(&[signal, section(0x02, &[&axis[..], &axis, &[0]].concat()), sections[1].clone()])
        }, "Limit: tiles"),
        ("depth-0", "no hidden layers", edit(file, network, |p| p[1] = 0), "Format: 0 hidden layers"),
        ("depth-65", "too many hidden layers", edit(file, network, |p| p[1] = 65), "Format: 65 hidden layers"),
        ("width-0", "no neurons", edit(file, network, |p| p[2] = 0), "Format: width 0"),
        ("width-4097", "too many neurons", with_network(&[0, 1, 0x81, 0x20, 0x18]), "Format: width 4097"),
        ("widths-missing", "two tiles, one width", replace(tiles, network, &[1, 1, 1]), "Format: width is missing"),
        ("coding-4", "a coding of a later version", edit(file, network, |p| p[0] = 4), "Unsupported: coding 4"),
        ("coding-128", "a coding that no version will have", edit(file, network, |p| p[0] = 128), "Format: coding 128"),
        ("coding-missing", "an empty section", with_network(&[]), "Format: coding is missing"),
        ("depth-missing", "a coding alone", with_network(&[0]), "Format: hidden layers is missing"),
        ("parameters-limit", "64 layers of 4096: more parameters than the limit", with_network(&[0, 64, 0x80, 0x20, 0x18, 1]), "Limit: parameters"),
        ("parameters-bytes", "264705 parameters in 7 bytes, within every limit", with_network(&[0, 2, 0x80, 4, 0x18, 1, 2, 3, 4, 5, 6, 7]), "Format: 7 bytes for"),
        ("shape-missing", "no byte of parameters", with_network(&[0, 1, 2]), "Format: the shape is missing"),
        ("shape-9", "a shape of a later version", edit(file, network, |p| p[3] = 9), "Unsupported: shape 0x09"),
        ("shape-bits", "a bit of a later version", edit(file, network, |p| p[3] |= 0x20), "Unsupported: shape 0x38"),
        ("stream-cut", "a coded stream without its last 3 bytes", edit(file, network, |p| p.truncate(p.len() - 3)), "Format: is too short"),
        ("stream-garbage", "bytes after the coded stream", edit(file, network, |p| p.extend(*b"garbage")), "Format: bytes after the end of the stream"),
        ("stream-zero", "a 0 after the coded stream", edit(file, network, |p| p.push(0)), "Format: does not end in the shortest way"),
        ("stream-ending", "another number in the last interval", edit(file, network, |p| p[10] = 0x31), "Format: does not end in the shortest way"),
        ("stream-ending-zero", "a 0 after a stream that lacks 4 bytes: only the rule of the last byte detects it", with_network(b"\0\x01\x02\x18\xfb\x21\x64\xeb\xd2\x5e\x30\0"), "Format: does not end in the shortest way"),
        ("stream-ending-larger", "a larger string of the same length: only the rule of the code detects it", with_network(b"\0\x01\x02\x18\xfb\x21\x6c\xc9\x7b\xbd\x47\xda"), "Format: does not end in the shortest way"),
        ("stream-ending-longer", "a longer string: only the rule of the shorter one detects it", with_network(b"\0\x01\x02\x18\xfb\x21\x69\x7c\xa9\x01\x77\xf3\x3d"), "Format: does not end in the shortest way"),
        ("stream-outside", "a code outside the intervals of all symbols", with_network(&[0, 1, 2, 0x18, 255, 255, 255, 255, 255, 255]), "Format: a code outside the intervals"),
        ("stream-magnitude", "a magnitude above 2^20", with_network(&[&[0, 1, 2, 0x18, 0xff, 0xfe][..], &[0xff; 20]].concat()), "Format: magnitude"),
        ("stream-step", "a step index above 511", with_network(&[0, 1, 2, 0x08, 0xff, 0xfe, 0xf3, 0xc3]), "Format: step index"),
        ("stream-step-512", "a step index of 512", with_network(b"\x00\x01\x02\x08\xff\xfe\xf0\x00\x10\x00\x00\x01\x03\x4d\x8c\xd0"), "Format: step index 512"),
        ("stream-step-600", "a step index of -600", with_network(b"\x00\x01\x02\x08\xff\xfe\xee\x88\x11\x78\x00\x05\x10\x07\x7b\x29"), "Format: step index"),
        ("stream-step-513", "a step index of -513", with_network(b"\x00\x01\x02\x08\xff\xfe\xe9\x18\x16\xe8\x00\x05\xfd\xb8\xf8\xf1"), "Format: step index"),
        ("stream-bias", "a sum of differences above 2^20", with_network(b"\0\x01\x02\x18\xfe\x53\x47\xb7\xc3\xfd\x33\x7f\xc4\xda\x4e\x91\0\xe4\xcf\x1e"), "Format: bias 1048577"),
        ("stream-large", "a symbol times a step above 2^64", with_network(b"\0\x01\x02\x08\xff\xfe\xe6\x47\x5b\x9c\xc4\xe7\xff\xd4\x3d\x1a\xaa\x21"), "Format: parameter"),
        ("stream-empty", "a shape and no stream, for parameters that need one", with_network(&[0, 1, 2, 0x18]), "Format: is too short"),
        ("single-nan", "a parameter that is not a number", floats([0.0, 0.0, f32::NAN, 0.0, 0.0]), "Format: NaN"),
        ("single-infinity", "an infinite parameter", floats([0.0, 0.0, 0.0, f32::INFINITY, 0.0]), "Format: inf"),
        ("single-large", "a parameter above 2^64", floats([0.0, 0.0, 0.0, 0.0, -(2f32.powi(64).next_up())]), "Format: parameter -1.8446746e19"),
        ("half-infinity", "an infinite binary16", stored(1, &frame(&[0, 0x7c, 0, 0, 0, 0, 0, 0, 0, 0])), "Format: inf"),
        ("frame-missing", "no Zstandard frame", stored(2, &[]), "Format: frame needs 4 bytes, 0 are left"),
        ("frame-garbage", "ten bytes that are not a Zstandard frame", stored(2, b"0123456789"), "Format: the frame does not begin with 28 b5 2f fd"),
        ("frame-skippable", "a skippable frame", stored(2, b"\x50\x2a\x4d\x18\x14\0\0\0____________________"), "Format: the frame does not begin with 28 b5 2f fd"),
        ("frame-header", "cut within the header of the frame", stored(2, &raw_frame(&[0x80, 0, 20, 0], &[], &[])), "Format: frame content size needs 4 bytes, 2 are left"),
        ("frame-checksum", "a frame with a checksum", stored(2, &raw_frame(&[0x24, 20], &[&zeros[..20]], &[0x42, 0xdf, 0x1f, 0x4f])), "Format: frame descriptor 0x24"),
        ("frame-dictionary", "a frame that names a dictionary", stored(2, &raw_frame(&[0x21, 7, 20], &[&zeros[..20]], &[])), "Format: frame descriptor 0x21"),
        ("frame-reserved", "a frame with a reserved bit", stored(2, &raw_frame(&[0x28, 20], &[&zeros[..20]], &[])), "Format: frame descriptor 0x28"),
        ("frame-unsized", "a frame that does not state its size", stored(2, &raw_frame(&[0x00, 0], &[&zeros[..20]], &[])), "Format: the frame does not state the size"),
        ("frame-window", "a window of 1152 bytes for 1028", stored_many(&raw_frame(&[0x40, 1, 4, 3], &[&zeros[..1000], &zeros[..28]], &[])), "Format: frame window of 1152 bytes for 1028 bytes"),
        ("frame-block", "a block larger than the window", stored_many(&raw_frame(&[0x40, 0, 4, 3], &[&zeros[..1025], &zeros[..3]], &[])), "Format: block of 1025 bytes, expected up to 1024"),
        ("frame-short", "a frame of 16 bytes for 20", stored(2, &frame(&zeros[..16])), "Format: frame of 16 bytes, 20 expected"),
        ("frame-bomb", "a frame of 2^20 bytes for 20", stored(2, &frame(&zeros)), "Format: frame of 1048576 bytes, 20 expected"),
        ("frame-lie", "a frame that states 20 bytes and holds 40", stored(2, &raw_frame(&[0x20, 20], &[&zeros[..20], &zeros[..20]], &[])), "Format: stored parameters: frame: "),
        ("frame-less", "a frame that states 20 bytes and holds 16", stored(2, &raw_frame(&[0x20, 20], &[&zeros[..16]], &[])), "Format: stored parameters: frame"),
        ("frame-twice", "a second frame", stored(2, &[raw_frame(&[0x20, 20], &[&zeros[..20]], &[]), raw_frame(&[0x20, 0], &[&[]], &[])].concat()), "Format: 9 bytes after the last field"),
        ("frame-cut", "a frame without its last byte", { let f = frame(&zeros[..20]); stored(2, &f[..f.len() - 1]) }, "Format: block needs"),
        ("metadata-bomb", "a frame of 2^20 bytes for 100", with_metadata(&[&varint(100)[..], &frame(&zeros)].concat()), "Format: frame of 1048576 bytes, 100 expected"),
        ("metadata-limit", "a size of 2^40", with_metadata(&[&varint(1 << 40)[..], &frame(&zeros)].concat()), "Limit: metadata bytes"),
        ("metadata-empty", "no block", with_metadata(&compressed(b"")), "Format: block kind is missing"),
        ("metadata-size", "no size", with_metadata(&[]), "Format: size is missing"),
        ("metadata-frame", "no frame", with_metadata(&[5]), "Format: frame needs 4 bytes, 0 are left"),
        ("metadata-length", "a block without a length", with_metadata(&compressed(&[1])), "Format: block length is missing"),
        ("metadata-kind-0", "no kind", with_metadata(&compressed(&[0, 0])), "Format: block kind 0 after 0"),
        ("metadata-order", "kinds that descend", with_metadata(&compressed(&[3, 0, 1, 0])), "Format: block kind 1 after 3"),
        ("metadata-twice", "a kind twice", with_metadata(&compressed(&[1, 0, 1, 0])), "Format: block kind 1 after 1"),
        ("metadata-block", "a block beyond the frame", with_metadata(&compressed(&[1, 5, 0])), "Format: block needs 5 bytes"),
    ];
    rejected(rows)
}

/// Files that must be rejected: a name, what is tested, the bytes, and a part of the error.
pub fn rejected(rows: Vec<(&str, &'static str, Vec<u8>, &'static str)>) -> Vec<Case> {
    let case = |(name, tests, bytes, error): (&str, _, _, _)| Case {
        name: format!("invalid/{name}.siren"),
        tests,
        bytes,
        error: Some(error),
    };
    rows.into_iter().map(case).collect()
}
