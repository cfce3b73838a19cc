//! Files to signals: rendered from a `.siren` file, or read from a media file.

use super::failure::{Exit, Failure};
use super::progress::Meter;
use sirenc::signal::{Coordinates, Description, Grid, Metadata, MetadataKind, Samples, Signal};
use sirenc::{Decoder, Result};
use std::num::NonZeroU16;

/// Sets the number of threads for rendering, up to the useful maximum; the default is one per core.
pub fn use_threads(threads: Option<NonZeroU16>) -> std::result::Result<(), Failure> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(usize::from(threads.get()).min(sirenc::most_threads()))
        .build_global()
        .map_err(|error| Failure::new(Exit::Other, "--threads", error))
}

/// A note if fewer threads are used than `requested`.
pub fn clamped(requested: Option<NonZeroU16>) -> Option<String> {
    let (requested, most) = (usize::from(requested?.get()), sirenc::most_threads());
    (requested > most).then(|| format!("{most} instead of {requested}: at most 4 per core"))
}

/// Renders `grid` as a signal of `description`, which has those axes of the grid that are `kept`. `change` may modify the
/// values before they are rounded.
pub fn render(
    decoder: &Decoder,
    (grid, kept): (&Grid, &[bool]),
    description: Description,
    meter: &Meter,
    mut change: impl FnMut(&mut Vec<f32>),
) -> Result<Signal> {
    let capacity = description.positions().saturating_mul(description.channels.into());
    let capacity = usize::try_from(capacity).unwrap_or(0);
    let mut samples = Samples::with_capacity(description.format, 0);
    for rows in decoder.request(grid).bands()? {
        let mut rows = rows?;
        if samples.is_empty() {
            // Memory is reserved only here: the first rows prove that the limits have been checked.
            samples.reserve(capacity)?;
        }
        meter.advance(rows.len());
        change(&mut rows);
        samples.extend_from_units(&rows);
    }
    let metadata = metadata(decoder, (grid, kept), &description);
    Ok(Signal { description, samples, metadata })
}

/// The metadata of a rendering: coordinates are those of its grid. A NIfTI header does not say where a slice is.
pub fn metadata(
    decoder: &Decoder,
    (grid, kept): (&Grid, &[bool]),
    description: &Description,
) -> Vec<Metadata> {
    let adapt = |block: &Metadata| match block.kind {
        MetadataKind::Coordinates => {
            let mut on_grid = Coordinates::of(decoder.metadata(), decoder.description())?.on(grid);
            let mut kept = kept.iter();
            on_grid.axes.retain(|_| kept.next().copied().unwrap_or(true));
            on_grid.to_metadata(description)
        }
        MetadataKind::Nifti if kept.contains(&false) => None,
        _ => Some(block.clone()),
    };
    decoder.metadata().iter().filter_map(adapt).collect()
}

/// Renders the signal with the size, rate and format of its source.
pub fn native(decoder: &Decoder, quiet: bool) -> Result<Signal> {
    let description = decoder.description().clone();
    let grid = Grid::native(&description);
    let meter = Meter::render(quiet, decoder.request(&grid).cost()?.samples);
    let kept = vec![true; grid.axes.len()];
    render(decoder, (&grid, &kept), description, &meter, |_| {})
}

/// The samples of the signal in the size, rate and format of its source, part by part: whole steps along its last
/// axis. `native` is [`Grid::native`].
pub fn parts<'a>(
    decoder: &'a Decoder,
    native: &'a Grid,
    quiet: bool,
) -> Result<impl Iterator<Item = Result<Samples>> + 'a> {
    let description = decoder.description();
    let request = decoder.request(native);
    let meter = Meter::render(quiet, request.cost()?.samples);
    Ok(request.bands()?.map(move |rows| {
        let rows = rows?;
        meter.advance(rows.len());
        let mut samples = Samples::with_capacity(description.format, 0);
        samples.reserve(rows.len())?;
        samples.extend_from_units(&rows);
        Ok(samples)
    }))
}
