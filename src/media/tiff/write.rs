//! Writes TIFF with Deflate compression: pictures, and volumes and fields as pages, with the description that ImageJ reads.

use crate::error::{Error, Result};
use crate::media::bytes_of;
use crate::media::resolution::densities;
use crate::signal::{
    AxisCoordinates, Coordinates, Description, Measure, MetadataKind, Positions, Samples, Signal,
};
use std::io::{Seek, Write};
use tiff::encoder::{
    Compression, DeflateLevel, DirectoryEncoder, Rational, TiffEncoder, TiffKind, TiffValue, colortype,
};
use tiff::tags::{ExtraSamples, Tag};
use tiff::{TiffError, TiffResult};

/// The tag of an XMP packet.
const XMP: Tag = Tag::Unknown(700);

/// Files whose samples take more bytes have offsets of 64 bits: those of 32 bits end at 4 GiB.
const LARGEST: u64 = 3 << 30;

/// Whether a signal is written as pages: two axes of space, and one or two others.
pub(in crate::media) fn is_stack(description: &Description) -> bool {
    let space = description.axes.iter().take_while(|axis| axis.measure == Measure::Space).count();
    space >= 2 && description.axes.len() > 2
}

/// Writes a picture, or a page for each place along the axes beyond the second, with Deflate compression.
///
/// # Errors
/// [`Error::Unsupported`] if a TIFF cannot hold it; [`Error::Io`] if writing fails.
pub(in crate::media) fn write<W: Write + Seek>(signal: &Signal, writer: W) -> Result<()> {
    let written = match bytes_of(&signal.description) > LARGEST {
        true => TiffEncoder::new_big(writer).map(|encoder| pages(signal, encoder)),
        false => TiffEncoder::new(writer).map(|encoder| pages(signal, encoder)),
    };
    written.unwrap_or_else(Err).map_err(|error| match error {
        TiffError::IoError(error) => Error::Io(error),
        other => Error::unsupported("TIFF", other.to_string()),
    })
}

fn pages<W: Write + Seek, K: TiffKind>(signal: &Signal, encoder: TiffEncoder<W, K>) -> TiffResult<()> {
    use colortype::{Gray8, Gray16, Gray32Float, RGB8, RGB16, RGB32Float};
    let colour = signal.description.channels >= 3;
    let encoder = encoder.with_compression(Compression::Deflate(DeflateLevel::Balanced));
    match &signal.samples {
        Samples::U8(v) if colour => put::<RGB8, W, K>(signal, v, encoder),
        Samples::U8(v) => put::<Gray8, W, K>(signal, v, encoder),
        Samples::U16(v) if colour => put::<RGB16, W, K>(signal, v, encoder),
        Samples::U16(v) => put::<Gray16, W, K>(signal, v, encoder),
        Samples::F32(v) if colour => put::<RGB32Float, W, K>(signal, v, encoder),
        Samples::F32(v) => put::<Gray32Float, W, K>(signal, v, encoder),
        // Refused before.
        _ => Ok(()),
    }
}

fn put<C: colortype::ColorType, W: Write + Seek, K: TiffKind>(
    signal: &Signal,
    samples: &[C::Inner],
    mut encoder: TiffEncoder<W, K>,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let description = &signal.description;
    let (width, height) = match description.lengths()[..] {
        [width, height, ..] => (width, height),
        _ => (0, 0),
    };
    let page = width as usize * height as usize * usize::from(description.channels);
    let known = Known::of(signal);
    for (number, samples) in samples.chunks(page.max(1)).enumerate() {
        let mut page = encoder.new_image::<C>(width, height)?;
        if description.channels.is_multiple_of(2) {
            page.extra_samples(&[ExtraSamples::UnassociatedAlpha])?;
        }
        if number == 0 {
            if let Some(text) = known.text(description) {
                page.encoder().write_tag(Tag::ImageDescription, &text[..])?;
            }
            metadata(signal, page.encoder())?;
        }
        if let [Some(across), Some(down)] = known.densities {
            let encoder = page.encoder();
            encoder.write_tag(Tag::ResolutionUnit, 1u16)?;
            encoder.write_tag(Tag::XResolution, Rational { n: across.0, d: across.1 })?;
            encoder.write_tag(Tag::YResolution, Rational { n: down.0, d: down.1 })?;
        }
        page.write_data(samples)?;
    }
    Ok(())
}

/// Writes the metadata of a picture.
fn metadata<W: Write + Seek, K: TiffKind>(
    signal: &Signal,
    encoder: &mut DirectoryEncoder<'_, W, K>,
) -> TiffResult<()> {
    for block in &signal.metadata {
        match block.kind {
            MetadataKind::Icc => encoder.write_tag(Tag::IccProfile, &block.bytes[..])?,
            MetadataKind::Xmp => encoder.write_tag(XMP, &block.bytes[..])?,
            MetadataKind::Resolution => {
                if let Some((across, down, unit)) = densities(&block.bytes) {
                    // Whole pixels per metre are hundredths per centimetre; other densities are whole.
                    let d = if unit == 3 { 100 } else { 1 };
                    let ratio = |density: f64| Rational { n: (f64::from(d) * density).round() as u32, d };
                    encoder.write_tag(Tag::ResolutionUnit, unit)?;
                    encoder.write_tag(Tag::XResolution, ratio(across))?;
                    encoder.write_tag(Tag::YResolution, ratio(down))?;
                }
            }
            // Exif would have to be parsed and its offsets rewritten; TIFF has no place for the other
            // kinds.
            _ => {}
        }
    }
    Ok(())
}

/// What ImageJ's description and the resolution tell of pages.
struct Known {
    /// The spacing and the unit of each axis.
    axes: Vec<Option<(f64, String)>>,
    /// Pixels per unit.
    densities: [Option<(u32, u32)>; 2],
}

impl Known {
    /// Of a picture nothing.
    fn of(signal: &Signal) -> Self {
        let description = &signal.description;
        let coordinates = Coordinates::of(&signal.metadata, description).unwrap_or_default();
        let spacing = |axis: &AxisCoordinates| match axis.positions {
            Positions::Uniform { spacing, .. } => Some((spacing.abs(), axis.label.unit.clone())),
            _ => None,
        };
        let mut axes: Vec<_> = coordinates.axes.iter().map(spacing).collect();
        axes.resize(description.axes.len(), None);
        let stated = signal.metadata.iter().any(|block| block.kind == MetadataKind::Resolution);
        let density = |n: usize| {
            let (spacing, unit) = axes.get(n).cloned().flatten()?;
            let known = is_stack(description) && !stated && !unit.is_empty();
            known.then(|| ratio(1.0 / spacing)).flatten()
        };
        let densities = [0, 1].map(density);
        Known { axes, densities }
    }

    /// ImageJ's description of pages, if it has one for these axes.
    fn text(&self, description: &Description) -> Option<String> {
        let outer = description.axes.get(2..).filter(|outer| !outer.is_empty())?;
        let rank = |measure| match measure {
            Measure::Other => 0,
            Measure::Space => 1,
            Measure::Time(_) => 2,
        };
        if !is_stack(description) || !outer.is_sorted_by(|a, b| rank(a.measure) < rank(b.measure)) {
            return None;
        }
        let pages: u64 = outer.iter().map(|axis| u64::from(axis.length)).product();
        let mut text = format!("ImageJ=1.54f\nimages={pages}\n");
        for axis in outer {
            let key = ["channels", "slices", "frames"][rank(axis.measure)];
            text += &format!("{key}={}\n", axis.length);
        }
        text += "hyperstack=true\nmode=grayscale\n";
        if let Some((_, unit)) = self.axes[0].as_ref().filter(|_| self.densities[0].is_some()) {
            text += &format!("unit={}\n", ascii(unit));
        }
        for (axis, known) in outer.iter().zip(&self.axes[2..]) {
            match (axis.measure, known) {
                (Measure::Space, Some((spacing, _))) => text += &format!("spacing={spacing}\n"),
                (Measure::Time(None), Some((step, unit))) if unit == "s" => {
                    text += &format!("finterval={step}\n")
                }
                (Measure::Time(Some(rate)), _) => text += &format!("finterval={}\n", 1.0 / rate.hertz()),
                _ => {}
            }
        }
        Some(text)
    }
}

/// A text on one line in ASCII, other characters as Java writes them.
fn ascii(text: &str) -> String {
    let one = |c: char| match c {
        ' '..='~' => c.to_string(),
        _ if c.is_control() => " ".into(),
        _ => format!("\\u{:04X}", c as u32),
    };
    text.chars().map(one).collect()
}

/// A fraction of 32 bits near a density.
fn ratio(density: f64) -> Option<(u32, u32)> {
    let most = f64::from(u32::MAX);
    let d = if density > 1.0 { (most / density).floor() } else { most };
    let n = (density * d).round();
    (d >= 1.0 && (1.0..=most).contains(&n)).then_some((n as u32, d as u32))
}
