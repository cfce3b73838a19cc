//! Two signals side by side, each of any file: a `.siren` file, which is rendered, or what `encode` reads.

use super::failure::Failure;
use super::input::Content;
use super::limits::LimitArgs;
use super::reading::ReadArgs;
use super::render;
use sirenc::media::{self, SourceReading};
use sirenc::signal::metric::{Comparing, Comparison, compare_by};
use sirenc::signal::{Description, Grid, Kind, Rate, Samples, Scan, Signal, Source};
use sirenc::{Decoder, Limits, Result};
use std::path::Path;

/// One of two signals, which is read or rendered when it is compared.
pub struct Side {
    pub description: Description,
    pub notes: Vec<String>,
    rate_assumed: bool,
    origin: Origin,
    quiet: bool,
}

enum Origin {
    Read(Box<dyn Source>),
    Siren(Box<Decoder>),
}

impl Side {
    /// Opens a file; `-` is standard input.
    pub fn open(
        path: &Path,
        limits: &LimitArgs,
        read: &ReadArgs,
        quiet: bool,
    ) -> std::result::Result<Self, Failure> {
        let content = Content::read_signal(path, &Limits::default())?;
        if !media::is_siren(&content.bytes) {
            let SourceReading { source, notes, rate_assumed } =
                content.source(&limits.of_originals(content.is_in_place()), read, quiet)?;
            let description = source.description().clone();
            if source.resident_bytes() == 0 && is_compared_whole(&description) {
                let bytes = description.samples().saturating_mul(u64::from(description.format.bits()) / 8);
                limits.admit_memory(&content.name, bytes)?;
            }
            return Ok(Side { description, notes, rate_assumed, origin: Origin::Read(source), quiet });
        }
        let decoder = Box::new(content.decoder(&limits.limits())?);
        limits.admit(&content.name, &Grid::native(decoder.description()))?;
        let description = decoder.description().clone();
        Ok(Side { description, notes: vec![], rate_assumed: false, origin: Origin::Siren(decoder), quiet })
    }

    /// All of the signal.
    fn whole(&self) -> Result<Signal> {
        let samples = match &self.origin {
            Origin::Read(source) => {
                let whole: Vec<_> = self.description.axes.iter().map(|axis| 0..axis.length).collect();
                source.read(&whole)?.into_owned()
            }
            Origin::Siren(decoder) => render::native(decoder, self.quiet)?.samples,
        };
        Ok(Signal { description: self.description.clone(), samples, metadata: vec![] })
    }

    fn set_rate(&mut self, rate: Rate) {
        self.description = self.description.clone().with_rate(rate);
    }
}

/// If only one of two signals states its rate, gives the other one the same rate.
pub fn share_rate(a: &mut Side, b: &mut Side) {
    let open = |side: &Side| side.rate_assumed || side.description.rate().is_none();
    let [of_a, of_b] = [&a, &b].map(|side| (open(side), side.description.rate()));
    match (of_a, of_b) {
        ((true, _), (false, Some(rate))) => a.set_rate(rate),
        ((false, Some(rate)), (true, _)) => b.set_rate(rate),
        _ => {}
    }
}

/// Compares `b` with `a`, at the given `peak`, if any: pictures and sounds as a whole, all others part by part.
pub fn compare(a: &Side, b: &Side, peak: Option<f64>) -> Result<Comparison> {
    if is_compared_whole(&a.description) {
        return compare_by(&a.whole()?, &b.whole()?, peak);
    }
    let mut comparing = Comparing::of(&a.description, &b.description)?;
    together(a, b, |a, b| comparing.add(a, b))?;
    let distortion = comparing.distortion();
    Ok(Comparison::of(match peak {
        Some(peak) => distortion.with_peak(peak),
        None => distortion,
    }))
}

/// Whether a signal is compared as a whole: SSIM and spectra need all of it.
fn is_compared_whole(description: &Description) -> bool {
    matches!(description.kind(), Kind::Picture | Kind::Sound)
}

/// Reads or renders two signals together, and gives `work` the samples of the same positions.
fn together(a: &Side, b: &Side, mut work: impl FnMut(&Samples, &Samples) -> Result<()>) -> Result<()> {
    let native = Grid::native(&a.description);
    match (&a.origin, &b.origin) {
        (Origin::Read(source), Origin::Read(other)) => {
            let mut other = Scan::of(&**other);
            for part in Scan::of(&**source) {
                let part = part?;
                work(&part, &*other.read(part.len())?)?;
            }
        }
        (Origin::Read(source), Origin::Siren(decoder)) => {
            let mut source = Scan::of(&**source);
            for part in render::parts(decoder, &native, b.quiet)? {
                let part = part?;
                work(&*source.read(part.len())?, &part)?;
            }
        }
        (Origin::Siren(decoder), Origin::Read(other)) => {
            let mut other = Scan::of(&**other);
            for part in render::parts(decoder, &native, a.quiet)? {
                let part = part?;
                work(&part, &*other.read(part.len())?)?;
            }
        }
        // Bands of signals of the same size are of the same size.
        (Origin::Siren(decoder), Origin::Siren(other)) => {
            for (a, b) in render::parts(decoder, &native, a.quiet)?.zip(render::parts(other, &native, true)?)
            {
                work(&a?, &b?)?;
            }
        }
    }
    Ok(())
}
