//! Classic NetCDF (versions 1, 2 and 5): variables of grids in space and time, as climate and ocean data are shared.
//!
//! A big-endian header names dimensions, attributes and variables; numbers follow, the last dimension fastest. Those
//! along the dimension of records are interleaved with the records of other variables. Coordinates are variables that
//! have the name of their dimension. References: *NetCDF Classic Format Specification*, docs.unidata.ucar.edu; *CF Metadata
//! Conventions*, cfconventions.org.

mod axes;
mod choose;
mod header;
mod numbers;
#[cfg(test)]
mod tests;
mod write;

pub(super) use write::{accepts, write};

use crate::error::Result;
use crate::limits::Limits;
use crate::media::blocks::Blocks;
use crate::media::choice::Choice;
use crate::media::notes::Reading;
use crate::media::numbers::{Numbers, Places, Type, describe, require_memory};
use crate::media::slices::taken;
use crate::signal::{Coordinates, Label, MetadataKind, Signal};
use axes::Known;
use header::{Header, Variable};
use std::io::{BufRead, Seek};

const NETCDF: &str = "NetCDF";
/// The number in place of samples that were never written, of binary32 and binary64.
const DEFAULT_FILL: f32 = 9.969_21e36;

/// Reads a variable, or a part of it, from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_chosen`](crate::media::read_chosen).
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    length: u64,
    choice: &Choice,
    limits: &Limits,
) -> Result<Reading> {
    let header = Header::read(&mut reader, length, limits)?;
    let (variable, kind) = choose::variable(&header, choice.variable.as_deref())?;
    numbers::require(&header, variable, kind, length)?;
    let known = axes::of(&header, variable);
    let named: Vec<_> = known.iter().map(Known::named).collect();
    let parts = taken(&choice.slices, &named)?;
    let mut notes = vec![];
    let kept = axes::kept(&known, &parts, &mut notes)?;

    let numbers = Numbers { kind, big: true, scaling: scaling(variable), missing: missing(variable, kind) };
    let lengths: Vec<_> = kept.iter().map(|&n| (parts[n].count(), known[n].measure)).collect();
    // Coordinates are held as numbers and, while they become a block, as its bytes.
    let most = axes::most_coordinates(limits);
    let coordinates = lengths.iter().map(|&(length, _)| length).filter(|&length| length <= most).sum::<u64>();
    let left = limits.memory_bytes.saturating_sub(header.held).saturating_sub(4 * 8 * coordinates);
    let limits_left = Limits { memory_bytes: left, ..limits.clone() };
    let description = describe(NETCDF, &lengths, 1, &numbers, limits)?;
    require_memory(&description, &limits_left)?;
    let mut coordinates =
        Coordinates { axes: vec![], channels: vec![Label::new(&variable.name, variable.text("units"))] };
    for n in kept {
        let axis = known[n].coordinates(&header, &mut reader, &parts[n], (length, limits), &mut notes)?;
        coordinates.axes.push(axis);
    }
    let source = numbers::source(&mut reader, &header, variable, kind, &parts);
    let samples = numbers.read(NETCDF, source, &description, Places::in_order(&description), &mut notes)?;

    let mut blocks = Blocks::new(limits);
    let block = coordinates.to_metadata(&description).map(|block| block.bytes);
    blocks.add(MetadataKind::Coordinates, block, &mut notes);
    if samples.has_missing() {
        blocks.add(MetadataKind::Fill, fill(variable).map(|fill| fill.to_le_bytes().into()), &mut notes);
    }
    let attributes = header.attributes + variable.others;
    if attributes > 0 {
        let plural = if attributes == 1 { " is" } else { "s are" };
        notes.push(format!("{attributes} attribute{plural} not kept"));
    }
    Ok(Reading { notes, ..Signal { description, samples, metadata: blocks.into() }.into() })
}

/// The factor and the offset of packed numbers, if they change them.
fn scaling(variable: &Variable) -> Option<(f64, f64)> {
    let scaling =
        (variable.number("scale_factor").unwrap_or(1.0), variable.number("add_offset").unwrap_or(0.0));
    (scaling != (1.0, 0.0)).then_some(scaling)
}

/// The numbers in place of missing samples, as the type of the variable has them.
fn missing(variable: &Variable, kind: Type) -> [f64; 2] {
    let float = matches!(kind, Type::F32 | Type::F64);
    let default = if float { Some(DEFAULT_FILL.into()) } else { None };
    let of = |name| variable.number(name);
    [of("_FillValue").or(default), of("missing_value")].map(|number| match (number, kind) {
        (Some(number), Type::F32) => f64::from(number as f32),
        (number, _) => number.unwrap_or(f64::NAN),
    })
}

/// The number in place of missing samples, in the units of the samples, if it is known.
fn fill(variable: &Variable) -> Option<f32> {
    let number = variable.number("_FillValue").or(variable.number("missing_value"))?;
    Some(number as f32).filter(|number| number.is_finite() && scaling(variable).is_none())
}
