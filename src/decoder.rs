//! container → field → a decoder to render from.

mod cost;
mod fidelity;
mod points;
mod request;
mod spline;

pub use cost::Cost;
pub use fidelity::GradientError;
pub use points::Sampled;
pub use request::Request;

use crate::backend::{Device, DeviceUsed, Engine};
use crate::container::{self, File, Stored};
use crate::error::{Error, Result};
use crate::field::{Field, Siren};
use crate::ieee::ieee;
use crate::limits::Limits;
use crate::signal::{Description, Grid, Metadata, Missing, Region, Units};
use crate::watch::{Cancel, Watch};
use std::io::Read;

/// An opened `.siren` file, ready to render.
///
/// ```
/// use sirenc::signal::{Grid, SampleFormat, Samples};
/// use sirenc::{Decoder, Limits};
///
/// # fn main() -> sirenc::Result<()> {
/// let file = include_bytes!("../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
/// let decoder = Decoder::open(&file[..])?;
/// let grid = Grid::native(decoder.description());
/// let values = decoder.render(&grid)?; // height × width × channels, 0..1
/// let Samples::U8(samples) = decoder.request(&grid).samples(SampleFormat::U8)? else { unreachable!() };
/// assert_eq!((values.len(), samples.len()), (128 * 128 * 3, 128 * 128 * 3));
///
/// // A file of unknown origin, on a small machine.
/// let limits = Limits::default().memory_bytes(1 << 20);
/// let decoder = Decoder::with_limits(&file[..], &limits)?;
/// let large = Grid::resized(decoder.description(), &[8192, 8192])?;
/// assert!(decoder.render(&large).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    file: File,
    field: Field,
    /// What was read of the field, if not all.
    region: Option<Region>,
    limits: Limits,
    engine: Engine,
    cancel: Option<Cancel>,
}

impl Decoder {
    /// Reads a `.siren` file to its end and decodes its field, within the default [`Limits`].
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the file breaks the specification, `Unsupported`, `Limit`,
    /// `Io`.
    pub fn open<R: Read>(reader: R) -> Result<Self> {
        Self::with_limits(reader, &Limits::default())
    }
    /// Reads a `.siren` file like [`Decoder::open`], within the given limits.
    ///
    /// # Errors
    /// The errors of [`Decoder::open`].
    pub fn with_limits<R: Read>(reader: R, limits: &Limits) -> Result<Self> {
        Self::of(container::read(reader, limits)?, limits)
    }
    /// Decodes a `.siren` file in memory within the given limits, without copying it.
    ///
    /// # Errors
    /// The errors of [`Decoder::open`], except `Io`.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Self::of(container::parse(bytes, limits)?, limits)
    }
    /// Decodes of a `.siren` file in memory what a rendering needs. `grid` gets the description of the signal and
    /// returns the grid of the rendering, or `None` for all of the signal. A field of splines of two megapixels and
    /// more is stored in blocks, of which those around the grid are decoded; the others are not even checked. All
    /// other files are decoded as a whole.
    ///
    /// # Errors
    /// The errors of [`Decoder::from_bytes`] and of `grid`, and `Parameter` if the grid does not fit the signal.
    /// Requests for anything that was not decoded are
    /// errors, see [`Decoder::covers`].
    ///
    /// # Examples
    /// ```
    /// use sirenc::signal::{Grid, Region};
    /// use sirenc::{Decoder, Limits};
    ///
    /// # fn main() -> sirenc::Result<()> {
    /// let file = include_bytes!("../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
    /// let mut eye = None;
    /// let decoder = Decoder::for_grid(file, &Limits::default(), |description| {
    ///     let region = Region::new(description, &[55.5, 24.5], &[71.5, 36.5])?;
    ///     eye = Some(Grid::native(description).crop(&region)?);
    ///     Ok(eye.clone())
    /// })?;
    /// assert_eq!(decoder.render(&eye.unwrap())?.len(), 16 * 12 * 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_grid(
        bytes: &[u8],
        limits: &Limits,
        grid: impl FnOnce(&Description) -> Result<Option<Grid>>,
    ) -> Result<Self> {
        let region = |description: &Description| {
            let grid = grid(description)?;
            grid.iter().try_for_each(|grid| grid.check(description))?;
            Ok(grid.as_ref().map(Region::around))
        };
        let (file, region) = container::parse_part(bytes, limits, region)?;
        let mut decoder = Self::of_part(file, region, limits)?;
        if let (Some(_), Stored::Spline(field)) = (&decoder.region, &mut decoder.file.field) {
            // They are not those of the file.
            field.latents.clear();
        }
        Ok(decoder)
    }
    /// A decoder for a file that was read and validated.
    ///
    /// # Errors
    /// `Io` if the system has no memory for its networks.
    pub(crate) fn of(file: File, limits: &Limits) -> Result<Self> {
        Self::of_part(file, None, limits)
    }
    fn of_part(file: File, region: Option<Region>, limits: &Limits) -> Result<Self> {
        let field = ieee(|| match &file.field {
            Stored::Siren { tiles, networks } => {
                Ok(Field::Siren(Siren { tiles: tiles.clone(), networks: networks.decode()? }))
            }
            Stored::Spline(stored) => spline::decode(stored, region.as_ref()).map(Field::Spline),
        })?;
        let (limits, engine) = (limits.clone(), Engine::default());
        Ok(Decoder { field, file, region, limits, engine, cancel: None })
    }
    /// Makes renderings end with [`Error::Cancelled`](crate::Error::Cancelled) soon after `cancelled` returns
    /// true. It is called between blocks of 128 points of a tile, from all rendering threads. For a time
    /// limit, use [`Limits::time`].
    pub fn with_cancel(self, cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Decoder { cancel: Some(Cancel::new(cancelled)), ..self }
    }
    /// Evaluates the networks on `device` instead of the CPU, with the same bits. [`Device::Auto`] uses a GPU
    /// if one is usable and large enough, and otherwise the CPU; it also falls back to the CPU if the GPU
    /// fails during a rendering.
    ///
    /// # Errors
    /// `Device` if a device requested by index is not usable, or a network is too wide for it; renderings
    /// return the same error if it fails later.
    pub fn with_device(self, device: Device) -> Result<Self> {
        Ok(Decoder { engine: Engine::new(device, &self.field)?, ..self })
    }
    /// The device that evaluates the networks.
    pub fn device(&self) -> DeviceUsed<'_> {
        self.engine.device()
    }
    /// Whether what was decoded is all that a rendering of `grid` needs: always true unless the decoder is
    /// [for a grid](Decoder::for_grid).
    pub fn covers(&self, grid: &Grid) -> bool {
        self.region.as_ref().is_none_or(|region| region.covers(grid))
    }
    /// Rejects a grid that needs more than what was decoded.
    fn check_part(&self, grid: &Grid) -> Result<()> {
        match &self.region {
            Some(region) if !self.covers(grid) => {
                let sides: Vec<_> = region.sides().map(|[from, to]| format!("{from} to {to}")).collect();
                let detail = format!("positions beyond those that were decoded, {}", sides.join(" × "));
                Err(Error::parameter("grid", detail))
            }
            _ => Ok(()),
        }
    }
    /// The description of the signal.
    pub fn description(&self) -> &Description {
        &self.file.description
    }
    /// The conversion from values of the field to signal values; `None` if they are equal.
    pub fn units(&self) -> Option<&Units> {
        self.file.units.as_ref()
    }
    /// Which samples are missing; `None` if all exist. Renderings are NaN where the sample nearest to a position is
    /// missing.
    pub fn missing(&self) -> Option<&Missing> {
        self.file.missing.as_ref()
    }
    /// Gives all NaN that follow from missing samples the same bits: those of arithmetic depend on the processor.
    fn with_one_nan(&self, values: &mut [f32]) {
        if self.missing().is_some() {
            values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = f32::NAN);
        }
    }
    /// The decoded field.
    pub fn field(&self) -> &Field {
        &self.field
    }
    /// The file as stored; without latents if the decoder is [for a grid](Decoder::for_grid).
    pub fn file(&self) -> &File {
        &self.file
    }
    /// Metadata.
    pub fn metadata(&self) -> &[Metadata] {
        &self.file.metadata
    }

    /// A watch over a rendering that begins now.
    fn watch(&self) -> Watch<'_> {
        Watch::new(&self.limits, self.cancel.as_ref())
    }
}

#[cfg(test)]
pub(crate) mod tests;
