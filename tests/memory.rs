//! Memory limits are checked before memory is allocated: a counting allocator watches while every fixture,
//! every truncation of it and every single flipped bit is read, under limits that it just meets or exceeds.

use sirenc::network::Jet;
use sirenc::signal::{Grid, SampleFormat};
use sirenc::{Decoder, Derivative, Error, Limits, container};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// The system's allocator, which counts bytes and refuses requests larger than [`LARGEST`].
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(usize::MAX);

fn count(more: usize, less: usize) {
    let held = HELD.fetch_add(more, Relaxed) + more;
    // A reallocation may hold the old and the new block at the same time.
    PEAK.fetch_max(held, Relaxed);
    HELD.fetch_sub(less, Relaxed);
}

// SAFETY: every call is forwarded to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST.load(Relaxed) {
            return std::ptr::null_mut();
        }
        count(layout.size(), 0);
        // SAFETY: as the caller has promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST.load(Relaxed) {
            return std::ptr::null_mut();
        }
        count(layout.size(), 0);
        // SAFETY: as the caller has promised.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > LARGEST.load(Relaxed) {
            return std::ptr::null_mut();
        }
        count(size, layout.size());
        // SAFETY: as the caller has promised.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Serialises measurements.
static ALONE: Mutex<()> = Mutex::new(());

fn fixtures() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files = vec![];
    for sub in ["valid", "uncommon", "invalid", "found"] {
        for entry in std::fs::read_dir(folder.join(sub)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "siren") {
                files.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Runs `work` and fails if it takes more memory than allowed, or returns an error that a file cannot cause.
/// Returns whether it succeeded.
fn bounded<T>(name: &dyn Fn() -> String, limits: &Limits, work: impl Fn() -> sirenc::Result<T>) -> bool {
    let measured = || {
        let before = HELD.load(Relaxed);
        PEAK.store(before, Relaxed);
        let outcome = work();
        (outcome, (PEAK.load(Relaxed) - before) as u64)
    };
    let (mut outcome, mut taken) = measured();
    // Threads that report the end of other tests allocate a little at any time; what `work` takes, it takes again.
    for _ in 0..3 {
        if taken > limits.memory_bytes {
            (outcome, taken) = measured();
        }
    }
    assert!(taken <= limits.memory_bytes, "{}: {taken} bytes of {}", name(), limits.memory_bytes);
    match outcome {
        Ok(_) => true,
        Err(Error::Format { .. } | Error::Unsupported { .. } | Error::Limit { .. }) => false,
        Err(other) => panic!("{}: {other}", name()),
    }
}

/// The smallest limits under which `bytes` can be read.
fn least(bytes: &[u8]) -> Option<Limits> {
    let mut limits = Limits::default();
    let fits = |limits: &Limits| Decoder::with_limits(bytes, limits).is_ok();
    if !fits(&limits) {
        return None;
    }
    for bit in (0..32).rev() {
        limits.memory_bytes -= 1 << bit;
        if !fits(&limits) {
            limits.memory_bytes += 1 << bit;
        }
    }
    Some(limits)
}

#[test]
fn reading_takes_no_more_than_it_is_allowed() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (path, bytes) in fixtures() {
        let name = || path.display().to_string();
        for power in 8..=32 {
            let mut limits = Limits::default();
            limits.memory_bytes = 1 << power;
            bounded(&name, &limits, || Decoder::with_limits(&bytes[..], &limits));
        }
        if let Some(limits) = least(&bytes) {
            assert!(bounded(&name, &limits, || Decoder::with_limits(&bytes[..], &limits)));
        }
    }
}

/// Reads files complete, truncated, and with changed bytes in the header: memory of the underlying decoders
/// must be checked before it is allocated.
#[test]
#[cfg(feature = "media")]
fn pictures_and_sounds_take_no_more_than_they_are_allowed() {
    // As documented in `media::read_from`.
    const TABLES: usize = 512 << 10;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let check = |path: &Path, what: &str, at: usize, bytes: &[u8]| {
        for power in [14, 18, 20, 22] {
            let mut limits = Limits::default();
            limits.memory_bytes = 1 << power;
            let before = HELD.load(Relaxed);
            PEAK.store(before, Relaxed);
            let _ = sirenc::media::read(bytes, &limits);
            let taken = PEAK.load(Relaxed) - before;
            assert!(
                taken <= (1 << power) + TABLES,
                "{} {what} {at}: {taken} bytes of 2^{power}",
                path.display()
            );
        }
    };
    for sub in ["media", "media-invalid"] {
        for entry in std::fs::read_dir(folder.join(sub)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            check(&path, "to", bytes.len(), &bytes);
            for end in (0..bytes.len()).step_by(1 + bytes.len() / 100) {
                check(&path, "cut at", end, &bytes[..end]);
            }
            let mut damaged = bytes.clone();
            for at in 0..bytes.len().min(300) {
                for value in [0x10, 0x7F, 0xFF] {
                    damaged[at] = value;
                    check(&path, "damaged at", at, &damaged);
                }
                damaged[at] = bytes[at];
            }
        }
    }
}

/// Limits above the needs of a small file, but low enough to take effect.
fn few_megabytes() -> Limits {
    let mut limits = Limits::default();
    limits.memory_bytes = 4 << 20;
    limits
}

#[test]
fn truncations_and_flipped_bits_take_no_more_than_the_file() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    warm_up();
    for (path, bytes) in fixtures() {
        let good = least(&bytes);
        let limits = good.clone().unwrap_or(few_megabytes());
        let open = |what: &str, at: usize, bytes: &[u8]| {
            let name = || format!("{} {what} {at}", path.display());
            let read = bounded(&name, &limits, || Decoder::with_limits(bytes, &limits));
            if read {
                render(&name(), bytes);
            }
            read
        };
        // Damage to an invalid file may make it valid.
        for end in 0..bytes.len() {
            assert!(!open("cut at", end, &bytes[..end]) || good.is_none(), "{} {end}", path.display());
        }
        let mut damaged = bytes.clone();
        for bit in 0..8 * bytes.len() {
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!open("with bit", bit, &damaged) || good.is_none(), "{} {bit}", path.display());
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        if good.is_none() {
            continue;
        }
        // The same with repaired checksums; long sections are flipped in part.
        let mut start = 9;
        for section in container::sections(&bytes).unwrap() {
            let end = start + section.bytes as usize;
            let covered = start..end - 4;
            for bit in (8 * start..8 * (end - 4)).step_by(1 + covered.len() / 150) {
                damaged[bit / 8] ^= 1 << (bit % 8);
                let checksum = crc32fast::hash(&damaged[covered.clone()]);
                damaged[covered.end..end].copy_from_slice(&checksum.to_le_bytes());
                open("with repaired bit", bit, &damaged);
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
            damaged[covered.end..end].copy_from_slice(&bytes[covered.end..end]);
            start = end;
        }
        assert_eq!(damaged, bytes);
    }
}

/// Starts the rendering threads, which persist.
fn warm_up() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/valid/tiles-3x2.siren");
    let decoder = Decoder::open(&std::fs::read(path).unwrap()[..]).unwrap();
    decoder.render(&Grid::native(decoder.description())).unwrap();
}

/// Renders a valid file on its native grid, if that is little work, and fails if it takes more memory than
/// its stated cost.
fn render(name: &str, bytes: &[u8]) {
    let before = HELD.load(Relaxed);
    let decoder = Decoder::open(bytes).unwrap();
    let grid = Grid::native(decoder.description());
    let Ok(cost) = decoder.request(&grid).cost() else { return };
    if cost.network_macs > 1 << 20 || cost.memory_bytes > 1 << 26 {
        return;
    }
    PEAK.store(HELD.load(Relaxed), Relaxed);
    let values = decoder.render(&grid).unwrap();
    let taken = (PEAK.load(Relaxed) - before) as u64;
    assert!(taken <= cost.memory_bytes, "{name}: {taken} bytes, {cost:?}");
    assert!(decoder.missing().is_some() || values.iter().all(|v| v.is_finite()), "{name}");
}

#[test]
fn rendering_takes_no_more_than_it_costs() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    warm_up();
    for (path, bytes) in fixtures() {
        let before = HELD.load(Relaxed);
        let Ok(decoder) = Decoder::open(&bytes[..]) else { continue };
        let lengths = decoder.description().lengths();
        // The native size, a larger one, and one so small that each sample is a mean of many positions.
        for (times, per) in [(1, 1), (5, 2), (1, 7)] {
            let counts: Vec<u32> = lengths.iter().map(|&n| (n / per).max(1).saturating_mul(times)).collect();
            let grid = Grid::resized(decoder.description(), &counts).unwrap();
            let Ok(cost) = decoder.request(&grid).cost() else { continue };
            if cost.network_macs > 1 << 30 {
                continue;
            }
            PEAK.store(HELD.load(Relaxed), Relaxed);
            decoder.render(&grid).unwrap();
            let taken = (PEAK.load(Relaxed) - before) as u64;
            assert!(taken <= cost.memory_bytes, "{}: {taken} bytes, {cost:?}", path.display());
        }
    }
}

#[test]
fn derivatives_take_no_more_than_their_jets_cost() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    warm_up();
    for (path, bytes) in fixtures() {
        let before = HELD.load(Relaxed);
        let Ok(decoder) = Decoder::open(&bytes[..]) else { continue };
        let kinds = [
            (Derivative::Gradient, Jet::Gradient),
            (Derivative::Magnitude, Jet::Gradient),
            (Derivative::Laplacian, Jet::Laplacian),
            (Derivative::Hessian, Jet::Hessian),
        ];
        // The smallest networks at sizes of many bands: a result that grew would hold the old and the new
        // buffer at once.
        for (times, (derivative, jet)) in
            [3, 500].into_iter().flat_map(|times| kinds.map(|kind| (times, kind)))
        {
            let lengths = &decoder.description().lengths();
            let counts: Vec<u32> = lengths.iter().map(|&n| n.saturating_mul(times)).collect();
            let grid = Grid::resized(decoder.description(), &counts).unwrap();
            let Ok(cost) = decoder.request(&grid).jet(jet).cost() else { continue };
            if cost.network_macs > 1 << 28 {
                continue;
            }
            PEAK.store(HELD.load(Relaxed), Relaxed);
            decoder.request(&grid).derivative(derivative).values().unwrap();
            let taken = (PEAK.load(Relaxed) - before) as u64;
            assert!(taken <= cost.memory_bytes, "{} {derivative:?}: {taken} bytes, {cost:?}", path.display());
        }
    }
}

/// A tile of any size is trained on a bounded number of points, so memory hardly grows with the picture.
#[test]
#[cfg(feature = "encoder")]
fn encoding_a_large_picture_takes_little_more_than_its_samples() {
    use sirenc::signal::{Description, Samples, Signal};
    use sirenc::{EncodeOptions, FieldKind, Flow, Target};
    const POINTS: usize = 1 << 22;
    const BYTES_PER_POINT: usize = 32;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let description = Description::picture([3000, 3000], 1, SampleFormat::U8);
    // A constant would need no fit.
    let samples = (0..9_000_000).map(|i| (i % 3000 / 12) as u8).collect();
    let signal = Signal { description, samples: Samples::U8(samples), metadata: vec![] };
    let options = EncodeOptions::default().field(FieldKind::Siren).target(Target::Bytes(90));
    let options = options.effort(1).threads(2);
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    sirenc::encode_with_progress(&signal, &options, &|_| Flow::Finish).unwrap();
    let taken = PEAK.load(Relaxed) - before;
    assert!(taken <= POINTS * BYTES_PER_POINT, "{taken} bytes for 9 million samples");
}

/// Memory for writing a picture, and the length of the file, for noise, which does not compress.
#[test]
#[cfg(feature = "media")]
fn writing_takes_no_more_than_it_says() {
    use sirenc::media;
    use sirenc::signal::{Description, Metadata, MetadataKind, Samples, Signal};
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut state = 1u32;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let metadata =
        vec![Metadata { kind: MetadataKind::Icc, bytes: (0..50_000).map(|_| noise() as u8).collect() }];
    let (mut checked, mut faults) = (0, vec![]);
    for &(_, format) in media::EXTENSIONS {
        for (channels, sample) in (1..=4).flat_map(|c| {
            [SampleFormat::U8, SampleFormat::U16, SampleFormat::F32, SampleFormat::I16].map(|f| (c, f))
        }) {
            let description = match sample {
                SampleFormat::I16 => Description::sound(250_000, channels, sample, 8000),
                _ => Description::picture([613, 411], channels, sample),
            };
            if format.accepts(&description).is_err() {
                continue;
            }
            let count = description.positions() as usize * usize::from(channels);
            let samples = match sample {
                SampleFormat::U8 => Samples::U8((0..count).map(|_| noise() as u8).collect()),
                SampleFormat::U16 => Samples::U16((0..count).map(|_| noise() as u16).collect()),
                SampleFormat::I16 => Samples::I16((0..count).map(|_| noise() as i16).collect()),
                _ => Samples::F32((0..count).map(|_| noise() as f32 * 1e-9).collect()),
            };
            let signal = Signal { description: description.clone(), samples, metadata: metadata.clone() };
            let (working, most) =
                (format.working_bytes(&description, &metadata), format.most_bytes(&description, &metadata));
            let mut file = std::io::Cursor::new(Vec::with_capacity(most as usize));
            let before = HELD.load(Relaxed);
            PEAK.store(before, Relaxed);
            media::write(&signal, format, &mut file).unwrap();
            let taken = (PEAK.load(Relaxed) - before) as u64;
            let name = format!("{format:?} {channels} {sample:?}");
            let length = file.get_ref().len() as u64;
            if taken > working || length > most {
                faults.push(format!("{name}: {taken} bytes of {working}, a file of {length} of {most}"));
            }
            checked += 1;
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(checked > 40, "{checked}");
}

/// The result of `work` on a system that refuses allocations of more than `largest` bytes.
fn with_no_more_than<T>(largest: usize, work: impl FnOnce() -> sirenc::Result<T>) -> sirenc::Result<T> {
    LARGEST.store(largest, Relaxed);
    let outcome = work();
    LARGEST.store(usize::MAX, Relaxed);
    outcome
}

#[test]
fn a_system_without_memory_is_an_error() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // This file has 12289 symbols, and as many numbers.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/uncommon/width-4096.siren");
    let bytes = std::fs::read(path).unwrap();
    let (limits, least) = (Limits::default(), 4 * 12289);
    let file = with_no_more_than(least, || container::parse(&bytes, &limits)).unwrap();
    let decoder = with_no_more_than(least, || Decoder::from_bytes(&bytes, &limits)).unwrap();
    let grid = Grid::resized(decoder.description(), &[300_000]).unwrap();

    // This file has two Zstandard blocks, the first of 2^17 bytes.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/uncommon/frame-several-blocks.siren");
    let frame = std::fs::read(path).unwrap();

    let refused = [
        with_no_more_than((1 << 17) - 1, || container::parse(&frame, &limits).map(drop)),
        with_no_more_than(least - 1, || container::parse(&bytes, &limits).map(drop)),
        with_no_more_than(least - 1, || file.field.siren().unwrap().1.decode().map(drop)),
        with_no_more_than(4 * 300_000 - 1, || decoder.render(&grid).map(drop)),
        with_no_more_than(2 * 300_000 - 1, || decoder.request(&grid).samples(SampleFormat::I16).map(drop)),
        with_no_more_than(8 * 300_000 - 1, || decoder.request(&grid).jet(Jet::Gradient).values().map(drop)),
        with_no_more_than(4 * 300_000 - 1, || {
            decoder.request(&grid).derivative(Derivative::Gradient).values().map(drop)
        }),
    ];
    for (number, refused) in refused.iter().enumerate() {
        let kind = std::io::ErrorKind::OutOfMemory;
        assert!(matches!(refused, Err(Error::Io(error)) if error.kind() == kind), "{number}: {refused:?}");
    }
}

/// Memory may run out anywhere in a rendering, for allocations down to a size that unchecked ones stay below.
#[test]
fn memory_that_runs_out_anywhere_in_a_rendering_is_an_error() {
    const SMALL: usize = 64 << 10;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    warm_up();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (name, counts) in [
        ("uncommon/width-4096.siren", &[2_000][..]),
        ("valid/tiles-3x2.siren", &[4_000, 20]),
        ("valid/tiles-3x2.siren", &[1, 1]),
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let decoder = Decoder::open(&bytes[..]).unwrap();
        let grid = Grid::resized(decoder.description(), counts).unwrap();
        let middle: Vec<f64> = decoder.description().lengths().iter().map(|&n| f64::from(n) / 2.0).collect();
        let positions = middle.repeat(3_000);
        let works: [(&str, &dyn Fn() -> sirenc::Result<()>); 5] = [
            ("values", &|| decoder.render(&grid).map(drop)),
            ("samples", &|| decoder.request(&grid).samples(decoder.description().format).map(drop)),
            ("jets", &|| decoder.request(&grid).jet(Jet::Hessian).values().map(drop)),
            ("derivatives", &|| decoder.request(&grid).derivative(Derivative::Gradient).values().map(drop)),
            ("points", &|| decoder.sample_derivative(&positions, Derivative::Gradient).map(drop)),
        ];
        for (what, work) in works {
            // A refused allocation that is not checked would end the process.
            let (mut largest, mut refused) = (16 << 20, 0);
            while largest > SMALL {
                match with_no_more_than(largest, work) {
                    Ok(()) => assert_eq!(refused, 0, "{name} {what}: {largest} bytes"),
                    Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::OutOfMemory => refused += 1,
                    Err(other) => panic!("{name} {what}: {other}"),
                }
                largest -= largest / 8;
            }
        }
    }
}

/// The boxes that are read of an array are held, not the array; what a header says is checked before.
#[test]
#[cfg(feature = "media")]
fn an_array_in_its_file_takes_little_more_than_a_box() {
    use sirenc::media::{Choice, open_source};
    use sirenc::signal::{Samples, Scan};
    use std::io::Write;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let (path, side) = (folder.path().join("volume.nrrd"), 300u32);
    let head = "NRRD0004\ntype: ushort\ndimension: 3\nsizes: 300 300 300\nendian: big\nencoding: raw\n\n";
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(head.as_bytes()).unwrap();
    let mut limits = Limits::default();
    limits.memory_bytes = 16 << 20;
    assert!(matches!(open_source(&path, &Choice::default(), &limits), Err(Error::Format { .. })));
    for z in 0..side {
        let slice: Vec<u8> = (0..side * side).flat_map(|i| ((i + z) as u16).to_be_bytes()).collect();
        file.write_all(&slice).unwrap();
    }
    drop(file);
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let source = open_source(&path, &Choice::default(), &limits).unwrap().source;
    let mut count = 0;
    for part in Scan::of(&*source) {
        count += part.unwrap().len();
    }
    assert_eq!(count as u64, source.description().positions());
    let corner = source.read(&[298..300, 299..300, 298..300]).unwrap().into_owned();
    let expected = [298 + 298, 299 + 298, 298 + 299, 299 + 299].map(|n| (n + 299 * 300) as u16);
    assert_eq!(corner, Samples::U16(expected.to_vec()));
    let taken = PEAK.load(Relaxed) - before;
    assert!(taken <= 4 << 20, "{taken} bytes for slabs of 2 MB, of 54 MB");
}

/// A film that is computed where it is read.
#[cfg(all(feature = "encoder", feature = "media"))]
struct Waves(sirenc::signal::Description);

#[cfg(all(feature = "encoder", feature = "media"))]
impl sirenc::signal::Source for Waves {
    fn description(&self) -> &sirenc::signal::Description {
        &self.0
    }
    fn metadata(&self) -> &[sirenc::signal::Metadata] {
        &[]
    }
    fn read(
        &self,
        region: &[std::ops::Range<u32>],
    ) -> sirenc::Result<std::borrow::Cow<'_, sirenc::signal::Samples>> {
        let [columns, rows, frames] = region else { unreachable!("three axes") };
        let count = columns.len() * rows.len() * frames.len() * 3;
        let mut samples = Vec::with_capacity(count);
        for (t, y) in frames.clone().flat_map(|t| rows.clone().map(move |y| (t, y))) {
            samples.extend(
                columns.clone().flat_map(|x| [x + t, y + 2 * t, x + y].map(|v| (v % 600 * 100) as u16)),
            );
        }
        Ok(std::borrow::Cow::Owned(sirenc::signal::Samples::U16(samples)))
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
}

/// Tiles bound what is held of a film, whatever its length; frames are rendered and written one after the other.
#[test]
#[cfg(all(feature = "encoder", feature = "media"))]
fn a_film_takes_far_less_than_its_samples() {
    use sirenc::signal::{Axis, Description, Rate, Samples};
    use sirenc::{EncodeOptions, Flow, Target, encode_source, media};
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let axes = vec![Axis::space(640), Axis::space(360), Axis::time(100, Rate::new(25, 1))];
    let film = Waves(Description { axes, channels: 3, format: SampleFormat::U16 });
    let all = (2 * 3 * film.0.positions()) as usize;
    let mut options = EncodeOptions::default().target(Target::Bytes(100_000)).effort(1).threads(2);
    options.limits.memory_bytes = all as u64 / 2;
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let encoded = encode_source(&film, &options, &|_| Flow::Finish).unwrap();
    let taken = PEAK.load(Relaxed) - before;
    assert!(encoded.report.tiles > 20, "{}", encoded.report.tiles);
    assert!(taken <= all / 2, "{taken} bytes to encode, {all} of samples");

    let decoder = Decoder::from_bytes(&encoded.bytes, &options.limits).unwrap();
    let grid = Grid::native(&film.0);
    let request = decoder.request(&grid);
    assert!(decoder.render(&grid).is_err(), "no room for all");
    let parts = request.bands().unwrap().map(|rows| {
        let mut samples = Samples::with_capacity(SampleFormat::U16, 0);
        samples.extend_from_units(&rows?);
        Ok(samples)
    });
    let mut film = media::Film::new(film.0.clone(), vec![], parts).unwrap();
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    media::write_y4m(&mut film, std::io::sink()).unwrap();
    let taken = PEAK.load(Relaxed) - before;
    let allowed = request.memory_in_bands().unwrap() as usize + 4 * all / 100;
    assert!(taken <= allowed && allowed < all / 2, "{taken} bytes of {allowed} to decode");
}
