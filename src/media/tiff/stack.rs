//! The pages of a TIFF as slices of a volume, or of a field of up to four axes, as microscopes write them.
//!
//! How many slices, frames and channels the pages are, and how far apart, is told by the description that ImageJ writes.

use super::directory::Directory;
use super::{block, page};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::array::{axis, letters};
use crate::media::blocks::Blocks;
use crate::media::choice::Choice;
use crate::media::notes::Reading;
use crate::media::slices::{Named, Runs, Taken, part_of, taken};
use crate::media::{admit, bytes_of, require_samples_fit};
use crate::signal::{
    AxisCoordinates, Coordinates, Description, Label, MetadataKind, Positions, Samples, Signal,
};
use std::io::{BufRead, Seek};

/// The longest description that is read, bytes.
const LONGEST: u64 = 1 << 16;

/// Reads all pages, or a part of them; `first` is the directory of the first page.
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    first: &Directory,
    choice: &Choice,
    limits: &Limits,
) -> Result<Reading> {
    let text = block(&mut reader, first.text.filter(|&(_, length)| length <= LONGEST), limits)?;
    let told = ImageJ::of(&text.unwrap_or_default());
    let mut notes: Vec<_> = first.left_out().into_iter().collect();
    let axes = Axes::of(first, &told, choice.axes.as_deref(), &mut notes)?;
    let lengths = axes.lengths.iter();
    let named: Vec<Named> = axes
        .letters
        .iter()
        .zip(lengths)
        .map(|(letter, &length)| (vec![letter.to_string()], length))
        .collect();
    let parts = taken(&choice.slices, &named)?;
    let outer: Vec<_> =
        axes.lengths.iter().zip(&parts).skip(2).map(|(&length, part)| (length, part.range.clone())).collect();

    let mut stack = Stack { axes: &axes, parts: &parts, whole: None, notes, told: false };
    for number in Runs::new(&outer).flat_map(|(start, count)| start..start + count) {
        let other = match number {
            0 => None,
            _ => Some(Directory::of_page(&mut reader, first.pages[number as usize], limits)?),
        };
        let found = page(&mut reader, other.as_ref().unwrap_or(first), vec![], limits);
        stack.add(number, found.map_err(|error| of_page(number, error))?, limits)?;
    }
    let Stack { whole, mut notes, .. } = stack;
    let mut signal = whole.ok_or_else(|| Error::format("TIFF", "no pages"))?;
    let coordinates = axes.coordinates(&mut reader, first, &told, &parts, signal.description.channels)?;
    if !coordinates.is_empty() {
        let mut blocks = Blocks::new(limits);
        let block = coordinates.to_metadata(&signal.description).map(|block| block.bytes);
        blocks.add(MetadataKind::Coordinates, block, &mut notes);
        signal.metadata.extend(Vec::from(blocks));
        signal.metadata.sort_by_key(|block| block.kind);
    }
    Ok(Reading { notes, ..signal.into() })
}

/// Pages that have been read, one after the other.
struct Stack<'a> {
    axes: &'a Axes,
    parts: &'a [Taken],
    whole: Option<Signal>,
    notes: Vec<String>,
    /// Whether notes of a page that are not those of the first have been added.
    told: bool,
}

impl Stack<'_> {
    /// Adds the part of a page.
    fn add(&mut self, number: u64, page: Reading, limits: &Limits) -> Result<()> {
        let Reading { signal, notes, .. } = page;
        self.require_alike(number, &signal.description)?;
        match &self.whole {
            None => {
                self.notes.extend(notes);
                self.whole = Some(self.begin(&signal, limits)?);
            }
            Some(_) if !self.told && notes.iter().any(|note| !self.notes.contains(note)) => {
                self.told = true;
                self.notes.push(format!("page {}: {}", number + 1, notes.join("; ")));
            }
            Some(_) => {}
        }
        if let Some(whole) = &mut self.whole {
            append(&mut whole.samples, &signal, self.parts);
        }
        Ok(())
    }

    /// Rejects a page that has another size or other samples than those before.
    fn require_alike(&self, number: u64, found: &Description) -> Result<()> {
        let first = self.whole.as_ref().map_or(found, |whole| &whole.description);
        let size = |d: &Description| d.lengths().into_iter().map(u64::from).collect::<Vec<_>>();
        let expected = &self.axes.lengths[..2];
        if size(found) == expected && (found.channels, found.format) == (first.channels, first.format) {
            return Ok(());
        }
        let words = |size: &[u64], d: &Description| {
            format!("{}×{} pixels, {} channels of {:?}", size[0], size[1], d.channels, d.format)
        };
        let (found, first) = (words(&size(found), found), words(expected, first));
        let detail = format!("page {} has {found}, but {first} were expected as in the first", number + 1);
        Err(Error::unsupported("TIFF", detail))
    }

    /// The signal of which `page` is the first page, with room for its samples.
    fn begin(&self, page: &Signal, limits: &Limits) -> Result<Signal> {
        let kept = self.axes.letters.iter().zip(self.parts).filter(|(_, part)| part.kept);
        let axes: Vec<_> = kept.map(|(&letter, part)| axis(letter, part.count() as u32, None)).collect();
        if !(1..=Description::MOST_AXES).contains(&axes.len()) {
            let (found, most) = (axes.len(), Description::MOST_AXES);
            let detail = format!("{found} axes, but 1 to {most} were expected (--slice takes a part)");
            return Err(Error::unsupported("TIFF", detail));
        }
        let description = Description { axes, ..page.description.clone() };
        admit("TIFF", &description, limits)?;
        require_samples_fit(&description, 1, 4 * bytes_of(&page.description), limits)?;
        let mut samples = Samples::with_capacity(description.format, 0);
        let count = description.positions() * u64::from(description.channels);
        samples.reserve(usize::try_from(count).unwrap_or(usize::MAX))?;
        Ok(Signal { description, samples, metadata: page.metadata.clone() })
    }
}

/// An error of a page, with its number.
fn of_page(number: u64, error: Error) -> Error {
    let at = |detail: String| format!("page {}: {detail}", number + 1);
    match error {
        Error::Format { what, detail } => Error::Format { what, detail: at(detail) },
        Error::Unsupported { what, detail } => Error::Unsupported { what, detail: at(detail) },
        other => other,
    }
}

/// Appends the part of a page.
fn append(all: &mut Samples, page: &Signal, parts: &[Taken]) {
    let d = &page.description;
    let channels = u64::from(d.channels);
    let mut axes = vec![(channels, 0..channels)];
    axes.extend(
        d.lengths().into_iter().zip(parts).map(|(length, part)| (u64::from(length), part.range.clone())),
    );
    match (all, &page.samples) {
        (Samples::U8(all), Samples::U8(own)) => all.extend(part_of(own, &axes)),
        (Samples::U16(all), Samples::U16(own)) => all.extend(part_of(own, &axes)),
        (Samples::F32(all), Samples::F32(own)) => all.extend(part_of(own, &axes)),
        // Pages have no other samples, and all have the same.
        _ => {}
    }
}

/// The axes of the pages, the fastest first: x, y, and those along which pages follow each other.
struct Axes {
    letters: Vec<char>,
    lengths: Vec<u64>,
}

impl Axes {
    /// The axes of these names, or the usual ones. The size of the first page is that of all.
    fn of(first: &Directory, told: &ImageJ, names: Option<&str>, notes: &mut Vec<String>) -> Result<Self> {
        let pages = first.pages.len() as u64;
        if first.more {
            let detail = format!("{pages} pages or more, but fewer were expected");
            return Err(Error::unsupported("TIFF", detail));
        }
        let usual = if told.frames == pages && pages > 1 { "tyx" } else { "zyx" };
        let names = names.unwrap_or(usual);
        let mut letters = letters(names, names.chars().count())?;
        letters.retain(|&letter| letter != 'c');
        letters.reverse();
        let refuse = |detail: String| Err(Error::parameter("axes", format!("{names:?}, {detail}")));
        if letters.get(..2) != Some(&['x', 'y']) {
            return refuse("expected the axes of the pages before y and x, as in zyx".into());
        }
        let outer = &letters[2..];
        let own = |letter: char| match letter {
            't' => (2, told.frames),
            'z' => (1, told.slices),
            _ => (0, told.channels),
        };
        let counts: Vec<_> = outer.iter().map(|&letter| own(letter)).collect();
        let product: u64 = counts.iter().fold(1, |product, &(_, count)| product.saturating_mul(count));
        let lengths = match outer {
            [] => vec![],
            [_] => vec![pages],
            _ if !counts.is_sorted_by(|a, b| a.0 < b.0) => {
                return refuse("expected t before z before another letter, as ImageJ stores pages".into());
            }
            _ if product != pages => {
                let found =
                    format!("{} frames, {} slices and {} channels", told.frames, told.slices, told.channels);
                return refuse(format!("but its description tells {found}, and it has {pages} pages"));
            }
            _ => counts.iter().map(|&(_, count)| count).collect(),
        };
        if let ([letter], true) =
            (outer, [told.frames, told.slices, told.channels].iter().filter(|&&n| n > 1).count() > 1)
        {
            notes.push(format!(
                "its {pages} pages of several slices, frames or channels are read as one axis, {letter}"
            ));
        }
        if outer.is_empty() && pages > 1 {
            notes.extend(first.notes().into_iter().take(1));
        }
        let lengths = [first.size.to_vec(), lengths].concat();
        Ok(Axes { letters, lengths })
    }

    /// The coordinates that ImageJ tells.
    fn coordinates<R: BufRead + Seek>(
        &self,
        reader: &mut R,
        first: &Directory,
        told: &ImageJ,
        parts: &[Taken],
        channels: u8,
    ) -> Result<Coordinates> {
        let mut axes = vec![];
        for (letter, part) in self.letters.iter().zip(parts).filter(|(_, part)| part.kept) {
            let density =
                |direction, reader: &mut R| first.density(reader, direction).map(|d| d.map(|d| 1.0 / d));
            let (spacing, unit) = match letter {
                _ if !told.is_own => (None, ""),
                'x' => (density(0, reader)?, &told.unit[..]),
                'y' => (density(1, reader)?, &told.unit[..]),
                'z' => (told.spacing, &told.unit[..]),
                't' => (told.interval, "s"),
                _ => (None, ""),
            };
            let known = !matches!(unit, "" | "pixel");
            let spacing = spacing.filter(|spacing| spacing.is_finite() && *spacing != 0.0 && known);
            let positions =
                spacing.map_or(Positions::None, |spacing| Positions::Uniform { origin: 0.0, spacing });
            let unit = if spacing.is_some() { unit } else { "" };
            axes.push(AxisCoordinates {
                label: Label::new("", unit),
                positions: positions.part(&part.range),
            });
        }
        Ok(Coordinates { axes, channels: vec![Label::default(); channels.into()] })
    }
}

/// What the description of ImageJ tells.
#[derive(Debug, PartialEq)]
struct ImageJ {
    /// Whether the description is one of ImageJ.
    is_own: bool,
    slices: u64,
    frames: u64,
    channels: u64,
    /// The distance of slices, and the seconds between frames.
    spacing: Option<f64>,
    interval: Option<f64>,
    /// The unit of lengths.
    unit: String,
}

impl ImageJ {
    fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let is_own = text.starts_with("ImageJ=");
        let value = |key: &str| {
            let value = text.lines().find_map(|line| line.split_once('=').filter(|(own, _)| *own == key));
            value.filter(|_| is_own).map(|(_, value)| value.trim().trim_end_matches('\0'))
        };
        let count = |key| value(key).and_then(|value| value.parse().ok()).unwrap_or(1);
        let number = |key| value(key).and_then(|value| value.parse::<f64>().ok());
        ImageJ {
            is_own,
            slices: count("slices"),
            frames: count("frames"),
            channels: count("channels"),
            spacing: number("spacing"),
            interval: number("finterval"),
            unit: value("unit").unwrap_or_default().replace("\\u00B5", "µ").replace("micron", "µm"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::slices::{Part, Slice};
    use crate::media::tiff::write;
    use crate::signal::{Axis, Kind, Rate, SampleFormat};
    use std::io::Cursor;
    use tiff::encoder::{TiffEncoder, colortype};
    use tiff::tags::Tag;

    fn open(file: &[u8], axes: Option<&str>, slices: &[(&str, Part)]) -> Result<Reading> {
        let slices = slices.iter().map(|(axis, part)| Slice { axis: (*axis).into(), part: part.clone() });
        let choice = Choice { axes: axes.map(Into::into), slices: slices.collect(), variable: None };
        crate::media::tiff::read(Cursor::new(file), &choice, &Limits::default())
    }
    fn outline(reading: &Reading) -> (Kind, Vec<u32>, u8, SampleFormat) {
        let d = &reading.signal.description;
        (d.kind(), d.lengths(), d.channels, d.format)
    }
    fn written(signal: &Signal) -> Vec<u8> {
        let mut file = Cursor::new(vec![]);
        write(signal, &mut file).unwrap();
        file.into_inner()
    }
    fn signal(axes: Vec<Axis>, channels: u8, samples: Samples) -> Signal {
        Signal {
            description: Description { axes, channels, format: samples.format() },
            samples,
            metadata: vec![],
        }
    }
    /// Pages of one grey pixel each, or of the width that is given, and a description.
    fn pages(values: &[u8], widths: &[u32], text: &str) -> Vec<u8> {
        let mut file = Cursor::new(vec![]);
        let mut encoder = TiffEncoder::new(&mut file).unwrap();
        for (n, &value) in values.iter().enumerate() {
            let width = widths.get(n).copied().unwrap_or(1);
            let mut page = encoder.new_image::<colortype::Gray8>(width, 1).unwrap();
            if n == 0 {
                page.encoder().write_tag(Tag::ImageDescription, text).unwrap();
            }
            page.write_data(&vec![value; width as usize]).unwrap();
        }
        file.into_inner()
    }

    #[test]
    fn what_is_written_is_read() {
        let space = |lengths: &[u32]| lengths.iter().map(|&length| Axis::space(length)).collect::<Vec<_>>();
        for channels in 1..=4u8 {
            let count = 24 * u16::from(channels);
            let all = [
                Samples::U8((0..count).map(|k| k as u8).collect()),
                Samples::U16((0..count).map(|k| k * 500).collect()),
                Samples::F32((0..count).map(|k| f32::from(k) / 7.0 - 1.0).collect()),
            ];
            for samples in all {
                let volume = signal(space(&[4, 3, 2]), channels, samples);
                let back = open(&written(&volume), Some("zyx"), &[]).unwrap();
                assert_eq!((&back.signal, back.notes.len()), (&volume, 0));
            }
        }
        let mut series = space(&[2, 2, 2]);
        series.push(Axis::time(3, Rate::new(4, 1)));
        let mut series = signal(series, 1, Samples::U8((0..24).collect()));
        let along = |unit: &str, spacing| AxisCoordinates {
            label: Label::new("", unit),
            positions: Positions::Uniform { origin: 0.0, spacing },
        };
        let axes = vec![along("µm", 0.5), along("µm", 0.25), along("µm", 2.5), along("s", 0.25)];
        let known = Coordinates { axes, channels: vec![Label::default()] };
        series.metadata = vec![known.to_metadata(&series.description).unwrap()];
        let back = open(&written(&series), Some("tzyx"), &[]).unwrap().signal;
        assert_eq!((back.description.lengths(), &back.samples), (vec![2, 2, 2, 3], &series.samples));
        assert_eq!(Coordinates::of(&back.metadata, &back.description), Some(known));
        let part = open(
            &written(&series),
            Some("tzyx"),
            &[("t", Part::At(2)), ("y", Part::Range(1..2)), ("z", Part::At(1))],
        );
        let part = part.unwrap();
        assert_eq!((outline(&part).1, &part.signal.samples), (vec![2, 1], &Samples::U8(vec![22, 23])));
        // By default the first page.
        let first = open(&written(&series), None, &[]).unwrap();
        assert_eq!(first.signal.samples, Samples::U8(vec![0, 1, 2, 3]));
        assert_eq!(first.notes, ["only the first of its 6 pages is read (--axes zyx reads all)"]);
    }

    #[test]
    fn axes_of_pages_are_those_of_imagej() {
        let text = "ImageJ=1.53t\nimages=6\nchannels=1\nslices=3\nframes=2\nunit=micron\nspacing=0.5\n";
        let file = pages(&[0, 1, 2, 3, 4, 5], &[], text);
        let field = open(&file, Some("tzyx"), &[("x", Part::At(0)), ("y", Part::At(0))]).unwrap();
        assert_eq!(outline(&field), (Kind::Field, vec![3, 2], 1, SampleFormat::U8));
        assert_eq!(field.signal.samples, Samples::U8((0..6).collect()));
        let one = open(&file, Some("zyx"), &[]).unwrap();
        assert_eq!(outline(&one), (Kind::Volume, vec![1, 1, 6], 1, SampleFormat::U8));
        assert!(one.notes[0].contains("read as one axis, z"), "{:?}", one.notes);
        // A part alone asks for a volume.
        let part = open(&file, None, &[("z", Part::Range(4..6))]).unwrap();
        assert_eq!((outline(&part).1, part.signal.samples), (vec![1, 1, 2], Samples::U8(vec![4, 5])));
        let message = |axes| open(&file, Some(axes), &[]).unwrap_err().to_string();
        assert!(message("ztyx").contains("t before z"));
        assert!(message("zxy").contains("expected the axes of the pages before y and x"));
        assert!(message("zwyx").contains("2 frames, 3 slices and 1 channels, and it has 6 pages"));
        assert!(message("zzyx").contains("different letters"));
        let frames = pages(&[0, 1], &[], "ImageJ=1.53t\nimages=2\nframes=2\nfinterval=0.1\n");
        assert_eq!(outline(&open(&frames, None, &[("y", Part::Range(0..1))]).unwrap()).0, Kind::Field);
    }

    #[test]
    fn pages_that_differ_are_refused() {
        let file = pages(&[1, 2, 3], &[1, 1, 2], "");
        let error = open(&file, Some("zyx"), &[]).unwrap_err().to_string();
        assert!(error.contains("page 3 has 2×1 pixels, 1 channels of U8, but 1×1 pixels"), "{error}");
        assert!(open(&file, Some("zyx"), &[("z", Part::Range(0..2))]).is_ok());
        assert!(open(&file, Some("zyx"), &[("z", Part::At(3))]).is_err());
        // A small picture is no bomb however many pages repeat it: the limits are those of the whole.
        let limits = Limits { samples: 2, ..Limits::default() };
        let read = crate::media::tiff::read(Cursor::new(&file), &Choice::axes("zyx"), &limits);
        assert!(matches!(read, Err(Error::Limit { what: "samples", .. })));
    }
}
