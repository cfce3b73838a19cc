//! NIfTI files built number by number: what is read of them, what is refused, and what is written back.

use super::*;
use crate::media::slices::Part;
use crate::signal::{Axis, Description, Grid, Kind, Metadata, Rate, SampleFormat, Samples, Signal};
use std::io::{Cursor, Write};

/// The start of a little-endian file of version 1 with these dimensions, data type and steps in mm and ms.
fn head(dims: &[i16], datatype: i16, steps: &[f32]) -> Vec<u8> {
    let mut head = vec![0; 352];
    head[..4].copy_from_slice(&348i32.to_le_bytes());
    put(&mut head, 40, &(dims.len() as i16).to_le_bytes());
    for n in 0..7 {
        put(&mut head, 42 + 2 * n, &dims.get(n).unwrap_or(&1).to_le_bytes());
    }
    put(&mut head, 70, &datatype.to_le_bytes());
    for (n, step) in steps.iter().enumerate() {
        put(&mut head, 80 + 4 * n, &step.to_le_bytes());
    }
    put(&mut head, 108, &352f32.to_le_bytes());
    head[123] = 2 | 16;
    put(&mut head, 344, b"n+1\0");
    head
}
fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    bytes[at..at + part.len()].copy_from_slice(part);
}
fn file(head: &[u8], samples: &[u8]) -> Result<Reading> {
    let file = [head, samples].concat();
    read(Cursor::new(&file), file.len() as u64, false, &[], &Limits::default())
}
fn outline(reading: &Reading) -> (Kind, Vec<u32>, u8, SampleFormat) {
    let d = &reading.signal.description;
    (d.kind(), d.lengths(), d.channels, d.format)
}
fn coordinates(signal: &Signal) -> Coordinates {
    Coordinates::of(&signal.metadata, &signal.description).unwrap()
}
fn along(name: &str, unit: &str, origin: f64, spacing: f64) -> AxisCoordinates {
    AxisCoordinates { label: Label::new(name, unit), positions: Positions::Uniform { origin, spacing } }
}
fn written(signal: &Signal) -> Vec<u8> {
    let mut file = vec![];
    write(signal, &mut file).unwrap();
    file
}
fn float(file: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

#[test]
fn dimensions_become_axes_and_channels() {
    let volume =
        file(&head(&[2, 1, 3], 4, &[2.0, 2.5, 0.0]), &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0xFF, 0xFF]).unwrap();
    assert_eq!(outline(&volume), (Kind::Volume, vec![2, 1, 3], 1, SampleFormat::I16));
    assert_eq!(volume.signal.samples, Samples::I16(vec![1, 2, 3, 4, 5, -1]));
    let z = AxisCoordinates { label: Label::new("z", "mm"), positions: Positions::None };
    let found = coordinates(&volume.signal).axes;
    assert_eq!(found, [along("x", "mm", 0.0, 2.0), along("y", "mm", 0.0, 2.5), z]);
    assert_eq!(volume.signal.metadata[1].bytes, head(&[2, 1, 3], 4, &[2.0, 2.5, 0.0]));

    // Axes of length 1 at the end of space are dropped, also before time.
    let plane = file(&head(&[2, 1, 1, 1], 2, &[]), &[1, 2]).unwrap();
    assert_eq!(outline(&plane), (Kind::Field, vec![2], 1, SampleFormat::U8));
    let video = file(&head(&[2, 2, 1, 2], 2, &[1.0, 1.0, 1.0, 40.0]), &[0; 8]).unwrap();
    assert_eq!((outline(&video).0, video.signal.description.rate()), (Kind::Video, Rate::new(25, 1)));
    assert_eq!(coordinates(&video.signal).axes[2], along("t", "ms", 0.0, 40.0));
    let mut spectrum = head(&[1, 1, 2, 2], 2, &[1.0, 1.0, 1.0, 5.0]);
    spectrum[123] = 32;
    assert_eq!(file(&spectrum, &[0; 4]).unwrap().signal.description.axes[3].measure, Measure::Other);

    // The fifth dimension is of channels, one after the other.
    let vector = file(&head(&[2, 1, 2, 1, 2], 256, &[]), &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    assert_eq!(outline(&vector), (Kind::Volume, vec![2, 1, 2], 2, SampleFormat::I8));
    assert_eq!(vector.signal.samples, Samples::I8(vec![1, 5, 2, 6, 3, 7, 4, 8]));
    let colours = file(&head(&[1, 2], 128, &[]), &[1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(outline(&colours), (Kind::Picture, vec![1, 2], 3, SampleFormat::U8));
}

#[test]
fn a_part_is_of_space_time_and_channels() {
    let bytes: Vec<u8> = (0..48).collect();
    let whole = [head(&[2, 2, 3, 2, 1, 2], 2, &[2.0, 2.0, 5.0, 1000.0]), bytes].concat();
    let part = |file: &[u8], slices: &[(&str, Part)]| {
        let slice = |(axis, part): &(&str, Part)| Slice { axis: (*axis).into(), part: part.clone() };
        let slices: Vec<_> = slices.iter().map(slice).collect();
        read(Cursor::new(file), file.len() as u64, false, &slices, &Limits::default())
    };
    assert!(part(&whole, &[]).unwrap_err().to_string().contains("--slice takes a part"));
    let volume = part(&whole, &[("v", Part::At(1)), ("t", Part::At(1)), ("z", Part::Range(1..3))]).unwrap();
    assert_eq!(outline(&volume), (Kind::Volume, vec![2, 2, 2], 1, SampleFormat::U8));
    assert_eq!(volume.signal.samples, Samples::U8((40..48).collect()));
    assert_eq!(coordinates(&volume.signal).axes[2], along("z", "mm", 5.0, 5.0));
    // The header does not say where the slice of time is; where all axes are kept, it stays.
    assert!(volume.signal.metadata.iter().all(|block| block.kind != MetadataKind::Nifti));
    let series = part(&whole, &[("v", Part::At(0)), ("z", Part::Range(0..1))]).unwrap();
    assert_eq!(outline(&series), (Kind::Video, vec![2, 2, 2], 1, SampleFormat::U8));
    assert!(series.signal.metadata.iter().any(|block| block.kind == MetadataKind::Nifti));
    assert!(part(&whole[..whole.len() - 1], &[("v", Part::At(0))]).is_err());
    // Channels, and colours.
    let pair = [head(&[2, 1, 1, 1, 2], 2, &[]), vec![1, 2, 3, 4]].concat();
    assert_eq!(part(&pair, &[("u", Part::At(1))]).unwrap().signal.samples, Samples::U8(vec![3, 4]));
    let colours = [head(&[2, 2], 128, &[]), (0..12).collect()].concat();
    let row = part(&colours, &[("y", Part::At(1))]).unwrap();
    assert_eq!((outline(&row).1, row.signal.samples), (vec![2], Samples::U8((6..12).collect())));
}

#[test]
fn slope_and_intercept_are_applied() {
    let mut scaled = head(&[1, 1, 2], 4, &[]);
    put(&mut scaled, 112, &0.5f32.to_le_bytes());
    put(&mut scaled, 116, &(-10f32).to_le_bytes());
    let reading = file(&scaled, &[1, 0, 0xFE, 0xFF]).unwrap();
    assert_eq!(reading.signal.samples, Samples::F32(vec![-9.5, -11.0]));
    for (slope, intercept) in [(1f32, 0f32), (0.0, 7.0), (f32::NAN, 7.0), (1.0, f32::NAN)] {
        put(&mut scaled, 112, &slope.to_le_bytes());
        put(&mut scaled, 116, &intercept.to_le_bytes());
        let plain = file(&scaled, &[1, 0, 0xFE, 0xFF]).unwrap();
        assert_eq!(plain.signal.samples, Samples::I16(vec![1, -2]), "{slope} {intercept}");
    }
}

#[test]
fn big_endian_version_2_and_extensions_are_read_and_kept() {
    let mut big = vec![0; 544];
    put(&mut big, 0, &540i32.to_be_bytes());
    put(&mut big, 4, b"n+2\0\r\n\x1A\n");
    put(&mut big, 12, &512i16.to_be_bytes());
    for (n, dim) in [3i64, 1, 2, 1, 1].into_iter().enumerate() {
        put(&mut big, 16 + 8 * n, &dim.to_be_bytes());
    }
    put(&mut big, 112, &0.1f64.to_be_bytes());
    put(&mut big, 168, &560i64.to_be_bytes());
    put(&mut big, 500, &2i32.to_be_bytes());
    big[540] = 1;
    big.extend([0, 0, 0, 16, 0, 0, 0, 6]);
    big.extend(b"comment\0");
    let reading = file(&big, &[1, 2, 3, 4]).unwrap();
    assert_eq!(outline(&reading), (Kind::Picture, vec![1, 2], 1, SampleFormat::U16));
    assert_eq!(reading.signal.samples, Samples::U16(vec![258, 772]));
    assert_eq!(coordinates(&reading.signal).axes[0], along("x", "mm", 0.0, 0.1));
    assert_eq!((&reading.signal.metadata[1].bytes, reading.notes.len()), (&big, 0));
    let back = file(&written(&reading.signal), &[]).unwrap();
    assert_eq!(
        (back.signal.samples, back.signal.description),
        (reading.signal.samples, reading.signal.description)
    );
    assert!(back.signal.metadata[1].bytes.ends_with(b"comment\0"));

    let limits = Limits { metadata_bytes: 550, ..Limits::default() };
    let whole = [&big[..], &[1, 2, 3, 4]].concat();
    let without = read(Cursor::new(&whole), whole.len() as u64, false, &[], &limits).unwrap();
    assert_eq!(without.notes[0], "20 bytes of extensions are too many and are not kept");
    assert_eq!(without.signal.samples, Samples::U16(vec![258, 772]));
}

#[test]
fn compressed_files_are_read_whole_or_refused() {
    let plain = [head(&[2, 1, 2], 2, &[]), vec![1, 2, 3, 4]].concat();
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let open = |bytes: &[u8]| read(Cursor::new(bytes), bytes.len() as u64, true, &[], &Limits::default());
    assert_eq!(open(&gzip).unwrap(), file(&plain, &[]).unwrap());
    for cut in 0..gzip.len() {
        assert!(matches!(open(&gzip[..cut]), Err(Error::Format { .. })), "cut at {cut}");
    }
    let mut damaged = gzip.clone();
    let at = damaged.len() - 8;
    damaged[at] ^= 1;
    assert!(matches!(open(&damaged), Err(Error::Format { .. })));
    // More samples than any stream of this length could hold.
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    gzip.write_all(&head(&[2000, 2000, 20], 2, &[])).unwrap();
    let lie = open(&gzip.finish().unwrap()).unwrap_err().to_string();
    assert!(lie.contains("80000000 bytes of samples announced, at most"), "{lie}");
}

#[test]
fn what_is_not_read_is_refused() {
    let message = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = head(&[2, 1, 1], 2, &[]);
        change(&mut bytes);
        file(&bytes, &[1, 2]).unwrap_err().to_string()
    };
    assert!(message(&|b| put(b, 344, b"ni1\0")).contains("(.hdr and .img)"));
    assert!(message(&|b| put(b, 344, b"n+2\0")).contains("no header of version 1 or 2"));
    assert!(message(&|b| put(b, 40, &[0, 0])).contains("0 axes"));
    assert!(message(&|b| put(b, 40, &[8, 0])).contains("8 axes"));
    assert!(message(&|b| put(b, 42, &[0, 0])).contains("axis 1 has 0 samples"));
    assert!(message(&|b| put(b, 44, &[0xFF, 0xFF])).contains("axis 2 has -1 samples"));
    assert!(message(&|b| put(b, 42, &[3, 0])).contains("3 bytes of samples announced, at most 2 present"));
    assert!(message(&|b| put(b, 70, &[32, 0])).contains("data type 32 (complex numbers)"));
    assert!(message(&|b| put(b, 108, &1e9f32.to_le_bytes())).contains("bytes of samples announced"));
    assert!(message(&|b| put(b, 108, &f32::NAN.to_le_bytes())).contains("byte NaN"));
    assert!(message(&|b| put(b, 108, &100f32.to_le_bytes())).contains("byte 100"));
    let absurd = |dims: &[i16], datatype| file(&head(dims, datatype, &[]), &[]).unwrap_err();
    assert!(matches!(absurd(&[i16::MAX; 4], 64), Error::Limit { .. }));
    assert!(absurd(&[i16::MAX; 5], 64).to_string().contains("32767 channels"));
    assert!(absurd(&[1, 1, 1, 1, 1, 2], 2).to_string().contains("beyond the fifth"));
    assert!(absurd(&[2, 2, 2, 1, 2], 128).to_string().contains("vectors of 2 colours"));
    let with = |third: f32| {
        file(&head(&[1, 2, 2], 16, &[]), &[0f32, 0.0, third, 0.0].map(f32::to_le_bytes).concat())
    };
    let infinite = with(f32::INFINITY).unwrap_err().to_string();
    assert!(infinite.contains("sample (0, 0, 1), channel 0 is inf"), "{infinite}");
    assert!(with(f32::NAN).unwrap().notes.contains(&"1 of 4 samples are missing".to_owned()));
}

#[test]
fn a_header_is_written_back_with_the_samples_of_another_grid() {
    let mut source = head(&[4, 2, 2], 4, &[2.0, 2.0, 3.0]);
    put(&mut source, 72, &[16, 0]);
    put(&mut source, 148, b"a scan");
    put(&mut source, 252, &[1, 0, 1, 0]);
    // Half a turn about x: y and z point backwards.
    put(&mut source, 256, &1f32.to_le_bytes());
    for (at, value) in [(268, -10f32), (280, 2.0), (292, -10.0), (300, -2.0), (320, -3.0), (308, 5.0)] {
        put(&mut source, at, &value.to_le_bytes());
    }
    let signal = file(&source, &[0; 32]).unwrap().signal;
    let same = written(&signal);
    assert_eq!(same[..112], source[..112]);
    assert_eq!(same[116..], [&source[116..], &[0; 32]].concat());

    // Half the samples along x: the first is half a sample, 1 mm, further.
    let grid = Grid::resized(&signal.description, &[2, 2, 2]).unwrap();
    let description = signal.description.on(&grid);
    let block = coordinates(&signal).on(&grid).to_metadata(&description).unwrap();
    let metadata = vec![block, signal.metadata[1].clone()];
    let small = Signal { description, samples: Samples::I16(vec![0; 8]), metadata };
    // Without coordinates, the extent is kept: the same.
    let bare = Signal { metadata: vec![signal.metadata[1].clone()], ..small.clone() };
    for signal in [small, bare] {
        let file = written(&signal);
        assert_eq!(file[40..48], [3, 0, 2, 0, 2, 0, 2, 0]);
        assert_eq!([80, 84, 88].map(|at| float(&file, at)), [4.0, 2.0, 3.0]);
        assert_eq!([268, 272, 276].map(|at| float(&file, at)), [-9.0, 0.0, 0.0]);
        assert_eq!([280, 292, 300, 308, 320].map(|at| float(&file, at)), [4.0, -9.0, -2.0, 5.0, -3.0]);
        assert_eq!(&file[148..154], b"a scan");
    }
    // The lower half along y is 2 mm further along an axis that points backwards.
    let region =
        crate::signal::Region::new(&signal.description, &[-0.5, 0.5, -0.5], &[3.5, 1.5, 1.5]).unwrap();
    let grid = Grid::native(&signal.description).crop(&region).unwrap();
    let description = signal.description.on(&grid);
    let block = coordinates(&signal).on(&grid).to_metadata(&description).unwrap();
    let metadata = vec![block, signal.metadata[1].clone()];
    let lower = written(&Signal { description, samples: Samples::I16(vec![0; 8]), metadata });
    assert_eq!([84, 272, 308].map(|at| float(&lower, at)), [2.0, -2.0, 3.0]);
}

#[test]
fn what_is_written_is_read() {
    let (x, slow) = (Axis::space(2), Axis::time(3, Rate::new(1, 2)));
    let signals = [
        (vec![x.clone(), x.clone(), x.clone()], 1),
        (vec![x.clone(), x.clone(), x.clone(), slow.clone()], 5),
        (vec![x.clone(), x.clone(), slow.clone()], 4),
        (vec![x.clone(), x.clone()], 3),
        (vec![slow], 1),
        (vec![x], 2),
    ];
    for (axes, channels) in signals {
        let description = Description { axes, channels, format: SampleFormat::U8 };
        let count = description.positions() as u8 * channels;
        let signal = Signal { description, samples: Samples::U8((0..count).collect()), metadata: vec![] };
        let back = file(&written(&signal), &[]).unwrap().signal;
        assert_eq!((&back.description, &back.samples), (&signal.description, &signal.samples));
        // The header that was made is the one that is kept.
        assert_eq!(written(&back), written(&signal));
    }
    let broken = Metadata { kind: MetadataKind::Nifti, bytes: vec![0; 400] };
    assert!(Header::of(&[broken]).is_none());
}

#[test]
fn what_a_file_cannot_hold_is_refused() {
    let refused = |axes: Vec<Axis>| {
        accepts(&Description { axes, channels: 1, format: SampleFormat::F32 }).unwrap_err().to_string()
    };
    assert!(refused(vec![Axis::time(3, Rate::new(8000, 1))]).contains("sound; WAV and NPY can"));
    assert!(refused(vec![Axis::space(1); 4]).contains("NRRD and NPY can"));
    assert!(refused(vec![Axis::other(1), Axis::space(1)]).contains("NRRD and NPY can"));
    assert!(refused(vec![Axis::space(32768)]).contains("32768 samples, more than 32767"));
}
