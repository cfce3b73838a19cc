//! The axes of a variable: what its dimensions measure, by the conventions of CF, and where samples lie along them.

use super::header::{Dimension, Header, Variable};
use super::{NETCDF, numbers};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks;
use crate::media::picture::from_io;
use crate::media::slices::{Named, Taken};
use crate::signal::{AxisCoordinates, Description, Label, Measure, Positions, axis_letters};
use std::io::{Read, Seek};

/// The usual names of dimensions of space and time, and their letters.
const NAMES: [(&str, &[&str]); 4] = [
    ("x", &["x", "lon", "longitude", "rlon", "easting", "projection_x_coordinate", "grid_longitude"]),
    ("y", &["y", "lat", "latitude", "rlat", "northing", "projection_y_coordinate", "grid_latitude"]),
    (
        "z",
        &[
            "z",
            "lev",
            "level",
            "depth",
            "height",
            "altitude",
            "alt",
            "plev",
            "pressure",
            "air_pressure",
            "elevation",
        ],
    ),
    ("t", &["t", "time"]),
];

/// A dimension of a variable.
pub(super) struct Known<'a> {
    dimension: &'a Dimension,
    /// The variable of its coordinates.
    coordinate: Option<&'a Variable>,
    /// Its letter: x, y, z or t by what is known about it, or by its place.
    letter: String,
    pub measure: Measure,
}

/// The dimensions of a variable, the fastest first. If nothing is known about any of them, they are axes of space.
pub(super) fn of<'a>(header: &'a Header, variable: &Variable) -> Vec<Known<'a>> {
    let of_dimension = |&number: &usize| {
        let dimension = &header.dimensions[number];
        let own = header.variable(&dimension.name);
        let coordinate = own.filter(|own| own.dimensions == [number] && own.kind.is_some());
        (dimension, coordinate, letter(dimension, coordinate))
    };
    let found: Vec<_> = variable.dimensions.iter().rev().map(of_dimension).collect();
    let unknown = found.iter().all(|(.., letter)| letter.is_none());
    let measure = |letter: &Option<&str>| match letter {
        Some("t") => Measure::Time(None),
        Some(_) => Measure::Space,
        None if unknown => Measure::Space,
        None => Measure::Other,
    };
    let by_place = axis_letters(found.iter().map(|(.., letter)| measure(letter)));
    let axes = found.iter().zip(by_place).map(|(&(dimension, coordinate, letter), by_place)| Known {
        dimension,
        coordinate,
        letter: letter.map_or(by_place, Into::into),
        measure: measure(&letter),
    });
    axes.collect()
}

/// The letter of a dimension of space or time.
fn letter(dimension: &Dimension, coordinate: Option<&Variable>) -> Option<&'static str> {
    let text = |name| coordinate.map_or_else(String::new, |variable| variable.text(name).to_lowercase());
    let named = |name: &str| NAMES.iter().find(|(_, names)| names.contains(&name)).map(|&(letter, _)| letter);
    let axis = text("axis");
    if let Some(&(letter, _)) = NAMES.iter().find(|&&(letter, _)| letter == axis) {
        return Some(letter);
    }
    let units = text("units");
    let degrees = units.strip_prefix("degree").map(|rest| rest.trim_start_matches(['s', '_', ' ']));
    match degrees {
        Some("east" | "e") => return Some("x"),
        Some("north" | "n") => return Some("y"),
        _ if units.contains(" since ") => return Some("t"),
        _ if matches!(&text("positive")[..], "up" | "down") => return Some("z"),
        _ => {}
    }
    named(&text("standard_name")).or_else(|| named(&dimension.name.to_lowercase()))
}

/// The numbers of the axes that a signal has: not those that are left out, nor those of one sample, which a note names.
pub(super) fn kept(known: &[Known], parts: &[Taken], notes: &mut Vec<String>) -> Result<Vec<usize>> {
    let mut kept: Vec<_> = (0..parts.len()).filter(|&n| parts[n].kept).collect();
    let single = |n: &usize| known[*n].dimension.length == 1;
    // One of them remains if there are no others.
    let first = kept.first().copied().filter(|_| kept.iter().all(single));
    let dropped: Vec<_> = kept.iter().copied().filter(|n| single(n) && Some(*n) != first).collect();
    kept.retain(|n| !dropped.contains(n));
    let named = |numbers: &[usize]| {
        let names = numbers.iter().rev().map(|&n| known[n].dimension.name.escape_debug().to_string());
        names.collect::<Vec<_>>().join(", ")
    };
    if !dropped.is_empty() {
        let plural = if dropped.len() == 1 { "axis" } else { "axes" };
        notes.push(format!("without its {plural} of one sample: {}", named(&dropped)));
    }
    let most = Description::MOST_AXES;
    if kept.len() > most {
        let detail = format!(
            "{} axes ({}), but at most {most} were expected; --slice takes a part, as in --slice {}=0",
            kept.len(),
            named(&kept),
            known[kept[kept.len() - 1]].dimension.name.escape_debug(),
        );
        return Err(Error::unsupported(NETCDF, detail));
    }
    Ok(kept)
}

/// The most coordinates of an axis: those of four axes are within the size of a block.
pub(super) fn most_coordinates(limits: &Limits) -> u64 {
    blocks::most(limits) / (4 * 8)
}

impl Known<'_> {
    /// Its names and length, for slices.
    pub fn named(&self) -> Named {
        (vec![self.dimension.name.clone(), self.letter.clone()], self.dimension.length)
    }

    /// The name, unit and coordinates of its samples in `part`. `file` is the length of the file, and what may be spent.
    pub fn coordinates(
        &self,
        header: &Header,
        reader: &mut (impl Read + Seek),
        part: &Taken,
        file: (u64, &Limits),
        notes: &mut Vec<String>,
    ) -> Result<AxisCoordinates> {
        let unit = self.coordinate.map_or("", |variable| variable.text("units"));
        let label = Label::new(&self.dimension.name, unit);
        let unknown = AxisCoordinates { label: label.clone(), positions: Positions::None };
        let Some((variable, kind)) = self.coordinate.and_then(|v| Some((v, v.numbers()?))) else {
            return Ok(unknown);
        };
        let name = self.dimension.name.escape_debug();
        let (length, limits) = file;
        if part.count() > most_coordinates(limits) {
            notes.push(format!("the {} coordinates of {name} are too many and are not kept", part.count()));
            return Ok(unknown);
        }
        numbers::require(header, variable, kind, length)?;
        let mut source = numbers::source(reader, header, variable, kind, std::slice::from_ref(part));
        let (slope, intercept) = super::scaling(variable).unwrap_or((1.0, 0.0));
        let (mut number, mut values) = ([0; 8], vec![]);
        for _ in 0..part.count() {
            let bytes = &mut number[..kind.bytes()];
            source.read_exact(bytes).map_err(|error| from_io(error, NETCDF))?;
            values.push(slope * kind.number(bytes) + intercept);
        }
        let positions = Positions::of(values);
        if positions == Positions::None {
            notes.push(format!("the coordinates of {name} neither rise nor fall and are not kept"));
        }
        Ok(AxisCoordinates { label, positions })
    }
}
