//! What of a file is read, where it holds more than one signal, and what its axes are.

use super::slices::Slice;
use super::sniff::Found;
use crate::error::{Error, Result};

/// What of a file is read. By default all of it, as [`read_from`](super::read_from) does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The name of a variable of a NetCDF file.
    pub variable: Option<String>,
    /// The names of the axes of an array (NPY) or of a TIFF of several pages, a letter each, the slowest first: `x`,
    /// `y`, `z` are space, `t` is time of an unknown rate, `c` at the end are 1 to 64 channels, other letters are axes
    /// of something else. The pages of a TIFF are along all axes before `y` and `x`.
    pub axes: Option<String>,
    /// Parts of an array, of NetCDF, NRRD and NIfTI, and of a TIFF of several pages. What is left has 1 to 4 axes besides
    /// channels.
    pub slices: Vec<Slice>,
}

impl Choice {
    /// A choice of axes alone.
    pub fn axes(names: impl Into<String>) -> Self {
        Choice { axes: Some(names.into()), ..Choice::default() }
    }

    /// Rejects a choice that files of the kind `found` do not offer.
    pub(super) fn admit(&self, found: Found) -> Result<()> {
        use Found::{NetCdf, Nifti, Npy, Nrrd, Tiff};
        let refuse = |name, detail: &str| {
            Err(Error::parameter(name, format!("{detail}, but this is {}", found.name())))
        };
        if let Some(name) = self.variable.as_deref().filter(|_| found != NetCdf) {
            return refuse("variable", &format!("{name:?} is one of a NetCDF file"));
        }
        if self.axes.is_some() && !matches!(found, Npy | Tiff) {
            return refuse("axes", "names are for the axes of an array (NPY) or of the pages of a TIFF");
        }
        if !self.slices.is_empty() && !matches!(found, Npy | Nrrd | NetCdf | Nifti { .. } | Tiff) {
            return refuse(
                "slice",
                "parts are of an array (NPY), NetCDF, NRRD, NIfTI or the pages of a TIFF",
            );
        }
        Ok(())
    }
}
