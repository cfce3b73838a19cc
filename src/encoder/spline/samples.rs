//! Samples of parts of a signal, as they are fitted.

use crate::encoder::session::Session;
use crate::fit::SplineSamples;
use std::ops::Range;

/// Columns and rows of samples; a sound has a single row.
pub(super) type Area = [Range<usize>; 2];

/// Areas of a signal side by side, as a signal of its own.
pub(super) struct Part {
    /// Samples along each axis.
    pub lengths: Vec<u32>,
    /// The samples, channels interleaved.
    values: Vec<f32>,
    /// The weights of their errors: those of colours are weighted by alpha, those of missing samples are 0. `None` if
    /// all are 1.
    weights: Option<Vec<f32>>,
}

impl Part {
    /// Rows of areas; those of a row are of the same height, and all rows of the same width.
    pub fn of(session: &Session<'_>, rows: &[Vec<Area>]) -> Part {
        let Some(samples) = &session.samples else { unreachable!("splines are fitted in memory") };
        let description = &session.signal.description;
        let (channels, width) = (usize::from(description.channels), description.lengths()[0] as usize);
        let (by_alpha, missing) = (session.weighs_by_alpha(), session.normalised.missing.as_ref());
        let weighs = by_alpha || missing.is_some();
        let (offset, scale) = session.normalised.units_of_alpha();
        let weight = |i: usize| {
            if missing.is_some_and(|missing| missing.is_missing((i / channels) as u64, i % channels)) {
                return 0.0;
            }
            match by_alpha && i % channels + 1 < channels {
                true => (offset + scale * samples.get(i - i % channels + channels - 1)).clamp(0.0, 1.0),
                false => 1.0,
            }
        };
        let of = |areas: &[Area]| areas.iter().map(|[columns, _]| columns.len()).sum::<usize>();
        let size = [of(&rows[0]), rows.iter().map(|areas| areas[0][1].len()).sum()];
        let count = size[0] * size[1] * channels;
        let mut values = Vec::with_capacity(count);
        let mut weights = Vec::with_capacity(if weighs { count } else { 0 });
        for areas in rows {
            for y in 0..areas[0][1].len() {
                for [columns, rows] in areas {
                    let first = (rows.start + y) * width;
                    let numbers = (first + columns.start) * channels..(first + columns.end) * channels;
                    values.extend(numbers.clone().map(|i| samples.get(i)));
                    weights.extend(numbers.filter(|_| weighs).map(weight));
                }
            }
        }
        let lengths = size.into_iter().take(description.axes.len()).map(|n| n as u32).collect();
        Part { lengths, values, weights: weighs.then_some(weights) }
    }

    /// The whole signal.
    pub fn whole(session: &Session<'_>) -> Part {
        let lengths = session.signal.description.lengths();
        // Slices below each other are a plane, too.
        let rows = lengths[1..].iter().map(|&n| n as usize).product();
        Part { lengths: lengths.clone(), ..Part::of(session, &[vec![[0..lengths[0] as usize, 0..rows]]]) }
    }

    /// The samples and their weights.
    pub fn samples(&self) -> SplineSamples<'_> {
        SplineSamples { values: &self.values, weights: self.weights.as_deref() }
    }

    pub fn positions(&self) -> u64 {
        self.lengths.iter().map(|&n| u64::from(n)).product()
    }
}
