//! Writes NRRD files: plain little-endian samples, with the coordinates of their axes.

use crate::error::Result;
use crate::media::raw;
use crate::signal::{AxisCoordinates, Coordinates, Label, Measure, Positions, SampleFormat, Signal};
use std::io::Write;

/// Writes a signal, with its coordinates: those that are listed one by one and names of channels have no place
/// in the file.
pub(crate) fn write<W: Write>(signal: &Signal, mut writer: W) -> Result<()> {
    writer.write_all(header(signal).as_bytes())?;
    raw::write(&signal.samples, 1, false, writer)
}

/// The header, including the empty line.
fn header(signal: &Signal) -> String {
    let description = &signal.description;
    let kind = match description.format {
        SampleFormat::U8 => "uint8",
        SampleFormat::U16 => "uint16",
        SampleFormat::I8 => "int8",
        SampleFormat::I16 => "int16",
        SampleFormat::I24 | SampleFormat::I32 => "int32",
        SampleFormat::F32 => "float",
    };
    let coordinates = Coordinates::of(&signal.metadata, description).unwrap_or_default();
    let unknown = vec![AxisCoordinates::default(); description.axes.len()];
    let axes = if coordinates.axes.is_empty() { unknown } else { coordinates.axes };
    let mut columns: Vec<_> =
        description.axes.iter().zip(axes).map(|(axis, known)| column(axis, known)).collect();
    // A first axis of any kind but space and time would be read as channels.
    let other_first = description.axes.first().is_some_and(|axis| axis.measure == Measure::Other);
    if description.channels > 1 || other_first {
        let kind = match (description.has_colours(), description.channels) {
            (true, 3) => "RGB-color",
            (true, 4) => "RGBA-color",
            _ => "list",
        };
        let length = description.channels.into();
        columns.insert(0, Column { length, kind, known: AxisCoordinates::default() });
    }

    let dimension = columns.len();
    let row = |name: &str, of: &dyn Fn(&Column) -> String| {
        let values: Vec<_> = columns.iter().map(of).collect();
        format!("{name}: {}\n", values.join(" "))
    };
    let mut header = format!("NRRD0005\ntype: {kind}\ndimension: {dimension}\n");
    header += &row("sizes", &|column| column.length.to_string());
    header += &row("kinds", &|column| column.kind.into());
    let any = |is: &dyn Fn(&Column) -> bool| columns.iter().any(is);
    if any(&|column| column.uniform().is_some()) {
        header +=
            &row("spacings", &|c| c.uniform().map_or("nan".into(), |(_, spacing)| format!("{spacing:?}")));
    }
    if any(&|column| column.uniform().is_some_and(|(origin, _)| origin != 0.0)) {
        header +=
            &row("axis mins", &|c| c.uniform().map_or("nan".into(), |(origin, _)| format!("{origin:?}")));
        header += &row("centers", &|c| c.uniform().map_or("???", |_| "node").into());
    }
    if any(&|column| !column.known.label.name.is_empty()) {
        header += &row("labels", &|column| quoted(&column.known.label.name));
    }
    if any(&|column| !column.known.label.unit.is_empty()) {
        header += &row("units", &|column| quoted(&column.known.label.unit));
    }
    let mut units = coordinates.channels.iter().map(|label| &label.unit);
    if let Some(unit) = units.next().filter(|unit| !unit.is_empty() && units.all(|other| other == *unit)) {
        header += &format!("sample units: {}\n", quoted(unit));
    }
    header + "endian: little\nencoding: raw\n\n"
}

/// What the header says of an axis.
struct Column {
    length: u32,
    kind: &'static str,
    known: AxisCoordinates,
}

impl Column {
    /// Its origin and spacing.
    fn uniform(&self) -> Option<(f64, f64)> {
        match self.known.positions {
            Positions::Uniform { origin, spacing } => Some((origin, spacing)),
            _ => None,
        }
    }
}

fn column(axis: &crate::signal::Axis, mut known: AxisCoordinates) -> Column {
    let kind = match axis.measure {
        Measure::Space => "space",
        Measure::Time(_) => "time",
        Measure::Other => "list",
    };
    if let (Measure::Time(Some(rate)), Positions::None) = (axis.measure, &known.positions) {
        known.positions = Positions::Uniform { origin: 0.0, spacing: 1.0 / rate.hertz() };
        known.label = Label::new(&known.label.name, "s");
    }
    Column { length: axis.length, kind, known }
}

/// A text in quotation marks, on one line.
fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("\"{}\"", line.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::signal::{Axis, Description, Rate, Samples};

    fn there_and_back(axes: Vec<Axis>, channels: u8, coordinates: Option<Coordinates>) -> String {
        let description = Description { axes, channels, format: SampleFormat::U16 };
        let count = description.positions() as u16 * u16::from(channels);
        let metadata = coordinates.and_then(|c| c.to_metadata(&description)).into_iter().collect();
        let signal = Signal { description, samples: Samples::U16((0..count).collect()), metadata };
        let mut file = vec![];
        write(&signal, &mut file).unwrap();
        let length = file.len() as u64;
        let back = super::super::read(std::io::Cursor::new(&file), length, &[], &Limits::default()).unwrap();
        assert_eq!(back.signal, signal);
        let end = file.windows(2).position(|pair| pair == b"\n\n").unwrap();
        String::from_utf8(file[..end].to_vec()).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let (x, t) = (Axis::space(2), |rate| Axis::time(3, rate));
        let header = there_and_back(vec![x.clone(), x.clone(), x.clone()], 1, None);
        let expected = "NRRD0005\ntype: uint16\ndimension: 3\nsizes: 2 2 2\nkinds: space space space\n\
            endian: little\nencoding: raw";
        assert_eq!(header, expected);
        let header = there_and_back(vec![x.clone(), x.clone(), t(Rate::new(30000, 1001))], 3, None);
        assert!(
            header.contains("kinds: RGB-color space space time\nspacings: nan nan nan 0.033"),
            "{header}"
        );
        there_and_back(vec![x.clone(), t(None)], 64, None);
        there_and_back(vec![Axis::other(3), x.clone()], 1, None);
        there_and_back(vec![Axis::other(3), Axis::other(1)], 2, None);
        let axis = |name, positions| AxisCoordinates { label: Label::new(name, "mm"), positions };
        let axes = vec![
            axis("a \"b\" \\", Positions::Uniform { origin: 0.1, spacing: -1e-30 }),
            axis("", Positions::None),
            axis("t", Positions::Uniform { origin: 0.0, spacing: 1e300 }),
        ];
        let coordinates = Coordinates { axes, channels: vec![Label::new("", "K"); 2] };
        there_and_back(vec![x.clone(), x, Axis::other(1)], 2, Some(coordinates));
    }
}
