//! Files that are opened to be read box by box: arrays where they are in their file, or from a temporary one.

use super::choice::Choice;
use super::notes::SourceReading;
use super::nrrd::{self, Encoding};
use super::positioned::Positioned;
use super::sniff::{self, Found};
use super::spool::{Spool, Spooled};
use super::stored::Boxes;
use super::{IN_MEMORY, array, is_large, nifti, read_chosen};
use crate::error::Result;
use crate::limits::Limits;
use crate::signal::source::{slabs, whole};
use crate::signal::{Description, Source};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Whether `path` is a regular file of an array (NPY, NRRD, NIfTI), which [`open_source`] does not hold in memory if it is
/// large.
pub fn is_array_path(path: &Path) -> bool {
    matches!(sniff::of_file(path), Some(Found::Npy | Found::Nrrd | Found::Nifti { .. }))
}

/// Opens what is chosen of a file, to be read box by box. Arrays (NPY, NRRD, NIfTI) whose samples take more than a quarter
/// of `limits.memory_bytes` stay where they are in the file; of smaller ones the part that is chosen is read, however
/// long the file is. Compressed and encoded numbers, and arrays whose order is turned around, as Fortran's is, are
/// copied to a temporary file first, like [`open_video_source`](super::open_video_source) does. All other files are read
/// like [`read_chosen`] does.
///
/// Samples that stay in the file are read when they are needed: an infinite one is an error then, and
/// [`SourceReading::notes`] does not tell how many are rounded or missing.
///
/// # Errors
/// The errors of [`read_chosen`], also if the temporary file has no room.
///
/// # Examples
/// ```
/// use sirenc::media::{self, Choice};
/// use sirenc::{Limits, signal::Samples};
///
/// # fn main() -> sirenc::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("volume.npy");
/// media::write_npy(std::fs::File::create(&path)?, &[20, 30, 40], (0..24_000u16).map(f32::from))?;
/// let limits = Limits::default().memory_bytes(100_000);
/// let volume = media::open_source(&path, &Choice::default(), &limits)?.source;
/// assert_eq!(volume.resident_bytes(), 0);
/// assert_eq!(*volume.read(&[38..40, 29..30, 0..1])?, Samples::F32(vec![1198.0, 1199.0]));
/// # Ok(())
/// # }
/// ```
pub fn open_source(path: &Path, choice: &Choice, limits: &Limits) -> Result<SourceReading> {
    open(path, choice, limits, |description| is_large(description, limits))
}

/// Opens what is chosen of a file; the samples of an array stay in the file if they are many, as `is_large` tells.
fn open(
    path: &Path,
    choice: &Choice,
    limits: &Limits,
    is_large: impl Fn(&Description) -> bool,
) -> Result<SourceReading> {
    let file = File::open(path)?;
    let positioned = Positioned::new(file.try_clone()?);
    let (state, mut reader) = (positioned.state()?, BufReader::new(file));
    let (length, slices) = (state.0, &choice.slices);
    let found = sniff::of_file(path);
    found.map_or(Ok(()), |found| choice.admit(found))?;
    // The array, and its numbers if they are not plain in the file.
    let (stored, stream): (_, Option<Box<dyn Read>>) = match found {
        Some(Found::Npy) => (array::open(&mut reader, length, choice, limits)?, None),
        Some(Found::Nrrd) => match nrrd::open(&mut reader, length, slices, limits)? {
            (stored, Encoding::Raw) => (stored, None),
            (stored, encoding) => {
                let stream = encoding.stream(reader, stored.numbers.kind);
                (stored, Some(stream))
            }
        },
        Some(Found::Nifti { compressed: false }) => (nifti::open(&mut reader, length, slices, limits)?, None),
        Some(Found::Nifti { compressed: true }) => {
            let (stored, stream) = nifti::open_compressed(reader, length, slices, limits)?;
            (stored, Some(Box::new(stream)))
        }
        _ => return read_chosen(reader, choice, limits).map(SourceReading::from),
    };
    if !is_large(&stored.description) {
        let reading = match stream {
            Some(stream) => stored.read_stream(stream, limits),
            None => stored.read(BufReader::new(positioned.reader(0)), length, limits),
        };
        return reading.map(SourceReading::from);
    }
    let (turned, rate_assumed) = (stored.is_turned(), stored.rate_assumed);
    let (boxes, notes) = match stream {
        Some(stream) => stored.into_spooled(stream)?,
        None => stored.into_source(positioned, state),
    };
    let source: Box<dyn Source> = if turned { Box::new(in_order(&boxes, limits)?) } else { Box::new(boxes) };
    Ok(SourceReading { source, notes, rate_assumed })
}

/// Copies an array to a temporary file, in the order of the signal.
fn in_order(boxes: &Boxes, limits: &Limits) -> Result<Spooled> {
    let description = boxes.description();
    // The file is read from its beginning to its end for each slab, of which there are two copies.
    let most = limits.memory_bytes / IN_MEMORY / description.format.bytes();
    let mut spool = Spool::new()?;
    for slab in slabs(description, &whole(description), most) {
        spool.append(&*boxes.read(&slab)?)?;
    }
    Ok(spool.into_source(description.clone(), boxes.metadata().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::media::notes::Reading;
    use crate::media::{Part, Slice};
    use crate::signal::{SampleFormat, Samples};
    use std::io::Write;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn whole_of(path: &Path, choice: &Choice) -> Result<Reading> {
        read_chosen(BufReader::new(File::open(path).unwrap()), choice, &Limits::default())
    }
    fn in_place(path: &Path, choice: &Choice) -> Result<SourceReading> {
        open(path, choice, &Limits::default(), |_| true)
    }
    /// The bits of samples, so that missing ones are equal.
    fn bits(samples: &Samples) -> (SampleFormat, Vec<u32>) {
        (samples.format(), (0..samples.len()).map(|i| samples.get(i).to_bits()).collect())
    }

    /// Compares a file that is read in place with the same file that is read as a whole: all of it, and boxes.
    #[track_caller]
    fn compare(path: &Path, choice: &Choice) {
        let name = path.display();
        let whole = whole_of(path, choice).unwrap();
        let SourceReading { source, notes, rate_assumed } = in_place(path, choice).unwrap();
        let description = &whole.signal.description;
        assert_eq!(source.resident_bytes(), 0, "{name}");
        assert_eq!(source.description(), description, "{name}");
        assert_eq!(source.metadata(), whole.signal.metadata, "{name}");
        assert_eq!(rate_assumed, whole.rate_assumed, "{name}");
        let of_samples =
            |note: &&String| note.contains("rounded to binary32") || note.contains("are missing");
        let others = |notes: &[String]| -> Vec<String> {
            notes.iter().filter(|note| !of_samples(note)).cloned().collect()
        };
        assert_eq!(others(&notes), others(&whole.notes), "{name}");
        let is_rounded = |notes: &[String]| notes.iter().any(|note| note.contains("rounded to binary32"));
        assert!(is_rounded(&notes) || !is_rounded(&whole.notes), "{name}: {notes:?}");

        let lengths = description.lengths();
        let all = lengths.iter().map(|&length| 0..length);
        let middle = lengths.iter().map(|&length| length / 3..length - length / 4);
        let last = lengths.iter().map(|&length| length - 1..length);
        let mut regions: Vec<Vec<_>> = vec![all.clone().collect(), middle.clone().collect(), last.collect()];
        for axis in 0..lengths.len() {
            let mut slab: Vec<_> = all.clone().collect();
            slab[axis] = middle.clone().nth(axis).unwrap();
            regions.push(slab);
        }
        for region in regions {
            let (found, expected) = (source.read(&region).unwrap(), whole.signal.read(&region).unwrap());
            assert_eq!(bits(&found), bits(&expected), "{name} {region:?}");
        }
        assert!(source.read(&lengths.iter().map(|&length| 0..length + 1).collect::<Vec<_>>()).is_err());
    }

    fn sliced(axes: Option<&str>, slices: &[(&str, Part)]) -> Choice {
        let slice = |(axis, part): &(&str, Part)| Slice { axis: (*axis).into(), part: part.clone() };
        let slices = slices.iter().map(slice).collect();
        Choice { axes: axes.map(Into::into), slices, ..Choice::default() }
    }

    #[test]
    fn every_array_among_the_fixtures_is_the_same_in_place() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let arrays: Vec<PathBuf> = files.filter(|path| is_array_path(path)).collect();
        assert!(arrays.len() >= 20, "{arrays:?}");
        let mut parts = 0;
        for path in &arrays {
            compare(path, &Choice::default());
            let axes = match whole_of(path, &Choice::default()).unwrap().signal.description.axes.len() {
                _ if path.extension().unwrap() != "npy" => None,
                3 => Some("zyx"),
                _ => continue,
            };
            for slices in [
                vec![("x", Part::Range(1..2))],
                vec![("y", Part::At(1))],
                vec![("z", Part::At(0)), ("x", Part::Range(0..2))],
                vec![("t", Part::At(0))],
            ] {
                let choice = sliced(axes, &slices);
                if whole_of(path, &choice).is_ok() {
                    compare(path, &choice);
                    parts += 1;
                }
            }
        }
        assert!(parts > 20, "{parts}");
    }

    /// A file of an array of NumPy.
    fn array(folder: &TempDir, kind: &str, fortran: bool, shape: &str, bytes: &[u8]) -> PathBuf {
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let head = [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()];
        let path = folder.path().join("array.npy");
        std::fs::write(&path, [&head.concat(), bytes].concat()).unwrap();
        path
    }

    #[test]
    fn arrays_of_every_type_and_order_are_the_same_in_place() {
        let folder = TempDir::new().unwrap();
        let mut state = 1u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Floats with few leading ones are finite.
            (state >> 25) as u8
        };
        let bytes: Vec<u8> = (0..5 * 7 * 4 * 3 * 2 * 8).map(|_| noise() & 0x5F).collect();
        for width in [1, 2, 4, 8] {
            for kind in ["u", "i", "f"].map(|kind| format!("{kind}{width}")) {
                for (order, fortran) in [('<', false), ('>', false), ('>', true)] {
                    let bytes = &bytes[..5 * 7 * 4 * 3 * 2 * width];
                    if kind == "f1" || kind == "f8" && order == '<' {
                        continue;
                    }
                    let bytes: Vec<u8> = match &kind[..] {
                        // Within the range of binary32.
                        "f8" => (0..bytes.len() / 8).flat_map(|i| (i as f64 / 7.0).to_be_bytes()).collect(),
                        _ => bytes.to_vec(),
                    };
                    let path = array(&folder, &format!("{order}{kind}"), fortran, "(5, 7, 4, 3, 2)", &bytes);
                    compare(&path, &sliced(Some("wzyxc"), &[]));
                    compare(&path, &sliced(Some("wzyxc"), &[("w", Part::At(3)), ("y", Part::Range(1..3))]));
                    compare(&path, &sliced(Some("vwzyx"), &[("x", Part::At(1))]));
                    compare(&path, &sliced(Some("vtzyx"), &[("v", Part::At(4)), ("z", Part::At(2))]));
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_with_an_array_is_told_as_of_a_whole_one() {
        let folder = TempDir::new().unwrap();
        let refused = |path: &Path| match in_place(path, &Choice::default()) {
            Ok(_) => panic!("{}", path.display()),
            Err(error) => (error.to_string(), whole_of(path, &Choice::default()).unwrap_err().to_string()),
        };
        let short = array(&folder, "<u2", false, "(5, 6, 7)", &[0; 419]);
        let (found, expected) = refused(&short);
        assert!(found == expected && found.contains("419 bytes of numbers"), "{found}");
        let absurd = array(&folder, "<u2", false, "(65536, 65536, 65536)", &[0; 419]);
        let (found, expected) = refused(&absurd);
        assert_eq!(found, expected);
        let lines = "NRRD0004\ntype: float\ndimension: 3\nsizes: 5 5 5\nendian: little\nencoding: raw\n\n";
        let path = folder.path().join("short.nrrd");
        std::fs::write(&path, [lines.as_bytes(), &[0; 499]].concat()).unwrap();
        let (found, expected) = refused(&path);
        assert!(found == expected && found.contains("500 bytes of samples announced"), "{found}");

        let lines = lines.replace("raw", "gzip");
        let mut gzip =
            flate2::write::GzEncoder::new(lines.as_bytes().to_vec(), flate2::Compression::default());
        gzip.write_all(&[0; 500]).unwrap();
        let gzip = gzip.finish().unwrap();
        std::fs::write(&path, &gzip).unwrap();
        compare(&path, &Choice::default());
        for cut in [4, 9, 20] {
            std::fs::write(&path, &gzip[..gzip.len() - cut]).unwrap();
            let (found, expected) = refused(&path);
            assert!(found == expected && found.contains("truncated"), "{found}");
        }

        // What only the samples show is an error of reading them.
        let mut numbers = vec![1f32; 5 * 6 * 7];
        numbers[5 * 42 - 1 - 7] = f32::INFINITY;
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let infinite = array(&folder, "<f4", false, "(5, 6, 7)", &bytes);
        let source = in_place(&infinite, &Choice::default()).unwrap().source;
        let expected = whole_of(&infinite, &Choice::default()).unwrap_err().to_string();
        assert!(expected.contains("sample (6, 4, 4), channel 0 is inf"), "{expected}");
        assert_eq!(source.read(&[5..7, 3..6, 4..5]).unwrap_err().to_string(), expected);
        assert!(source.read(&[0..6, 0..6, 0..5]).is_ok());
        // A file that changes is not read on.
        let file = File::options().write(true).open(&infinite).unwrap();
        file.set_len(900).unwrap();
        assert!(matches!(source.read(&[0..7, 0..6, 0..5]), Err(Error::Format { .. })));
        let changed = source.read(&[0..1, 0..1, 0..1]).unwrap_err().to_string();
        assert!(changed.contains("changed while it was read"), "{changed}");
    }

    #[test]
    fn only_large_arrays_stay_in_their_file() {
        let folder = TempDir::new().unwrap();
        let path = array(&folder, "<u2", false, "(40, 50, 100)", &vec![7; 400_000]);
        let resident = |memory, slices: &[(&str, Part)]| {
            let limits = Limits { memory_bytes: memory, ..Limits::default() };
            let choice = sliced(Some("zyx"), slices);
            open_source(&path, &choice, &limits).unwrap().source.resident_bytes()
        };
        assert_eq!(resident(1_600_000, &[]), 400_000);
        assert_eq!(resident(1_599_999, &[]), 0);
        // A part is read of a file that is larger than memory.
        assert_eq!(resident(300_000, &[("z", Part::At(39))]), 10_000);
        assert!(
            open_source(
                &path,
                &Choice { variable: Some("a".into()), ..Choice::default() },
                &Limits::default()
            )
            .is_err()
        );
    }
}
