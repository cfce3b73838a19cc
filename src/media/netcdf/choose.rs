//! Which variable of a file is read.

use super::NETCDF;
use super::header::{Header, Variable};
use crate::error::{Error, Result};
use crate::media::numbers::Type;

/// The most variables that a message lists.
const MOST_LISTED: usize = 24;

/// The variable of this name, or the only one that holds more than coordinates, and the type of its numbers.
pub(super) fn variable<'a>(header: &'a Header, name: Option<&str>) -> Result<(&'a Variable, Type)> {
    let candidates: Vec<_> = header.variables.iter().filter(|variable| is_field(header, variable)).collect();
    let found = match (name, &candidates[..]) {
        (Some(name), _) => header.variable(name).ok_or_else(|| {
            Error::parameter(
                "variable",
                format!("{name:?}, but the file has {}", listed(header, &candidates)),
            )
        })?,
        (None, [only]) => only,
        (None, _) => {
            let (all, first) = (listed(header, &candidates), candidates.first());
            let hint = first.map_or_else(String::new, |first| {
                format!("; name one, as in FILE.nc:{}", first.name.escape_debug())
            });
            let detail = format!("{all}, but one variable was expected{hint}");
            return Err(Error::unsupported(NETCDF, detail));
        }
    };
    let refuse = |what: &str| {
        let detail = format!("the variable {:?} {what}, but an array of numbers was expected", found.name);
        Err(Error::unsupported(NETCDF, detail))
    };
    match found.numbers() {
        None => refuse("holds characters"),
        Some(_) if found.dimensions.is_empty() => refuse("is a single number"),
        Some(kind) => Ok((found, kind)),
    }
}

/// Whether a variable is an array of numbers, and neither the coordinates of a dimension nor the edges of its cells.
fn is_field(header: &Header, variable: &Variable) -> bool {
    let of_dimension = match header.dimensions_of(variable)[..] {
        [] => true,
        [dimension] => dimension.name == variable.name,
        _ => false,
    };
    let edges = |other: &Variable| [other.text("bounds"), other.text("edges")].contains(&&variable.name[..]);
    variable.kind.is_some() && !of_dimension && !header.variables.iter().any(edges)
}

/// The variables and their lengths, in words.
fn listed(header: &Header, variables: &[&Variable]) -> String {
    let words = |variable: &&Variable| {
        let lengths =
            header.dimensions_of(variable).into_iter().map(|dimension| dimension.length.to_string());
        format!("{} ({})", variable.name.escape_debug(), lengths.collect::<Vec<_>>().join("×"))
    };
    let mut words: Vec<_> = variables.iter().take(MOST_LISTED).map(words).collect();
    match variables.len() {
        0 => return "no variable of several numbers".into(),
        count if count > MOST_LISTED => words.push(format!("{} more", count - MOST_LISTED)),
        _ => {}
    }
    format!("the variable{} {}", if variables.len() == 1 { "" } else { "s" }, words.join(", "))
}
