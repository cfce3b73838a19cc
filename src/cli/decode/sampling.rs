//! The grid of positions that the flags of a decode select, axis by axis.

use super::Args;
use crate::cli::derivative::axis_names;
use crate::cli::failure::{Exit, Failure};
use crate::cli::report;
use crate::cli::values::{Slice, Time};
use sirenc::signal::{Axis, Description, Grid, Kind, Measure, Rate, Region, Sampling};

/// A grid over a signal, and the signal on it.
pub struct Sampled {
    pub grid: Grid,
    /// Whether each axis of the grid is one of the result.
    pub kept: Vec<bool>,
    /// The description of the signal on the grid, with the axes that are kept.
    pub description: Description,
}

/// What the flags say about an axis.
struct Wanted {
    /// The part, native positions.
    side: Option<[f64; 2]>,
    /// The number of samples of the part.
    count: Option<u32>,
    /// The one position, after which the axis is left out.
    at: Option<f64>,
}

impl Args {
    /// The grid of positions to render, and the description of the signal on it.
    pub(super) fn sampling(&self, name: &str, native: &Description) -> Result<Sampled, Failure> {
        self.require_flags_of(name, native)?;
        let wanted = self.wanted(name, native)?;
        let fault = |error| Failure::work(name, error);
        let whole = self.whole(name, native)?;
        let side = |axis: &Axis, wanted: &Wanted| wanted.side.unwrap_or([-0.5, f64::from(axis.length) - 0.5]);
        let sides: Vec<[f64; 2]> = native.axes.iter().zip(&wanted).map(|(axis, of)| side(axis, of)).collect();
        let region = |sides: &[[f64; 2]]| {
            let [from, to] = [0, 1].map(|end| sides.iter().map(|side| side[end]).collect::<Vec<_>>());
            Region::new(native, &from, &to).map_err(fault)
        };
        // A part with a number of samples is a zoom, all others are cut out of the whole.
        let cropped: Vec<[f64; 2]> = (wanted.iter().zip(&native.axes).zip(&sides))
            .map(|((of, axis), &cut)| match of.count {
                Some(_) => [-0.5, f64::from(axis.length) - 0.5],
                None => cut,
            })
            .collect();
        let hint = if native.kind() == Kind::Sound { "--rate takes more" } else { "--size takes more" };
        let cut = whole.crop(&region(&cropped)?).map_err(|error| fault(error).hint(hint))?;
        let mut grid = whole;
        let counts: Vec<u32> = wanted.iter().map(|of| of.count.unwrap_or(1)).collect();
        let zoomed = Grid::over(&region(&sides)?, &counts).map_err(fault)?;
        let parts = cut.axes.into_iter().zip(zoomed.axes);
        for ((sampling, (cut, zoomed)), of) in grid.axes.iter_mut().zip(parts).zip(&wanted) {
            match *of {
                Wanted { at: Some(position), .. } => *sampling = Sampling::new(position, 1.0, 1),
                Wanted { count: Some(_), .. } => *sampling = zoomed,
                Wanted { side: Some(_), .. } => *sampling = cut,
                _ => {}
            }
        }
        let mut description = native.on(&grid);
        if let Some(rate) = self.rate {
            description = description.with_rate(rate);
        }
        let kept: Vec<bool> = wanted.iter().map(|of| of.at.is_none()).collect();
        let mut next = kept.iter();
        description.axes.retain(|_| next.next().copied().unwrap_or(true));
        if description.axes.is_empty() {
            let failure = Failure::new(Exit::Usage, name, "--slice and --time leave no axis");
            return Err(failure.hint("`sirenc sample` computes values at points"));
        }
        Ok(Sampled { grid, kept, description })
    }

    /// The grid over the whole signal that --scale or --rate gives.
    fn whole(&self, name: &str, native: &Description) -> Result<Grid, Failure> {
        let wrong = |flag: &str, found: &str, hint: &str| {
            Err(Failure::new(Exit::Usage, name, format!("{flag} does not fit {found}")).hint(hint))
        };
        let sized = sized(native);
        let mut axes = vec![];
        for (a, axis) in native.axes.iter().enumerate() {
            let rates = rate_of(axis).zip(self.rate);
            axes.push(match (self.scale.filter(|_| sized.contains(&a)), rates) {
                (Some(factor), _) => {
                    let length = (f64::from(axis.length) * factor).round().max(1.0);
                    if length > f64::from(u32::MAX) {
                        let found = format!("a {} that large", report::kind(native));
                        return wrong("--scale", &found, "--region with --size goes further");
                    }
                    Sampling::resized(axis.length, length as u32)
                }
                (None, Some((own, new))) => match Sampling::at_rate(axis.length, own.hertz(), new.hertz()) {
                    Some(sampling) => sampling,
                    None => {
                        let found = format!("a {} that long", report::kind(native));
                        return wrong("--rate", &found, "a lower rate");
                    }
                },
                _ => Sampling::native(axis.length),
            });
        }
        Ok(Grid { axes })
    }

    /// What --size, --region, --time and --slice say about each axis.
    fn wanted(&self, name: &str, native: &Description) -> Result<Vec<Wanted>, Failure> {
        let mut wanted: Vec<Wanted> =
            native.axes.iter().map(|_| Wanted { side: None, count: None, at: None }).collect();
        let names = axis_names(native);
        let wrong = |sentence: String| Err(Failure::new(Exit::Usage, name, sentence));
        for Slice { axis, at } in &self.slice {
            let Some(number) = names.iter().position(|name| name == axis) else {
                let names = names.join(", ");
                return wrong(format!(
                    "--slice {axis}={at}: a {} has the axes {names}",
                    report::kind(native)
                ));
            };
            let last = f64::from(native.axes[number].length) - 0.5;
            if *at > last {
                return wrong(format!("--slice {axis}={at} is not within −0.5 to {last}"));
            }
            let timed =
                rate_of(&native.axes[number]).is_some() && (self.time.is_some() || self.rate.is_some());
            if wanted[number].at.is_some() || timed {
                return wrong(format!(
                    "--slice {axis}={at}, but the axis {axis} is chosen by another flag too"
                ));
            }
            wanted[number].at = Some(*at);
        }
        // A sliced axis has neither a size nor a part.
        let mut sized = sized(native);
        sized.retain(|&axis| wanted[axis].at.is_none());
        let listed = || sized.iter().map(|&axis| names[axis].as_str()).collect::<Vec<_>>().join(", ");
        if let Some(counts) = &self.size {
            if counts.len() != sized.len() {
                let (found, kind) = (counts.len(), report::kind(native));
                return wrong(format!(
                    "--size has {found} numbers, but a {kind} needs {}: {}",
                    sized.len(),
                    listed()
                ));
            }
            sized.iter().zip(counts).for_each(|(&axis, &count)| wanted[axis].count = Some(count));
        }
        if let Some(numbers) = &self.region {
            if numbers.len() != 2 * sized.len() {
                let (found, kind) = (numbers.len(), report::kind(native));
                let needed = 2 * sized.len();
                return wrong(format!(
                    "--region has {found} numbers, but a {kind} needs {needed}: the first of {}, and as many lengths",
                    listed()
                ));
            }
            let (first, lengths) = numbers.split_at(sized.len());
            for ((&axis, &first), &length) in sized.iter().zip(first).zip(lengths) {
                let native_length = f64::from(native.axes[axis].length);
                if first + length > native_length * (1.0 + 1e-12) {
                    let numbers: Vec<String> = numbers.iter().map(|&number| report::short(number)).collect();
                    let all: Vec<String> =
                        sized.iter().map(|&axis| native.axes[axis].length.to_string()).collect();
                    let (numbers, all, kind) = (numbers.join(","), all.join("×"), report::kind(native));
                    let unit = if native.has_colours() { "pixels" } else { "samples" };
                    return wrong(format!("--region {numbers} is not within the {kind} of {all} {unit}"));
                }
                wanted[axis].side = Some([first - 0.5, (first + length).min(native_length) - 0.5]);
            }
        }
        if let Some(time) = self.time {
            let timed = native.axes.iter().position(|axis| rate_of(axis).is_some());
            let Some((axis, rate)) = timed.and_then(|a| rate_of(&native.axes[a]).map(|rate| (a, rate)))
            else {
                return Ok(wanted);
            };
            let length = f64::from(native.axes[axis].length);
            let outside = |what: String| {
                let (seconds, kind) = (report::short(length / rate.hertz()), report::kind(native));
                wrong(format!("--time {what} is not within the {kind} of 0 to {seconds} s"))
            };
            match time {
                // The end in seconds is one sample after the last sample: half a sample beyond the extent.
                Time::Span { from, to } => {
                    let what = [from, to].map(report::short).join("..");
                    let [from, to] = [from, to].map(|time| position_at(time, rate));
                    if to > length || from > length - 0.5 {
                        return outside(what);
                    }
                    wanted[axis].side = Some([from, to.min(length - 0.5)]);
                }
                Time::At(_) if native.axes.len() == 1 => {
                    return wrong(format!(
                        "--time of a {} is an interval, A..B in seconds",
                        report::kind(native)
                    ));
                }
                Time::At(seconds) => {
                    let position = position_at(seconds, rate);
                    if position > length {
                        return outside(report::short(seconds));
                    }
                    wanted[axis].at = Some(position.min(length - 0.5));
                }
            }
        }
        Ok(wanted)
    }

    /// Rejects flags of other kinds of signal.
    fn require_flags_of(&self, name: &str, native: &Description) -> Result<(), Failure> {
        let (timed, sized) = (native.rate().is_some(), !sized(native).is_empty());
        let sound = native.kind() == Kind::Sound;
        let flags = [
            ("--size", self.size.is_some() && !sized, "--rate"),
            ("--scale", self.scale.is_some() && !sized, "--rate"),
            ("--region", self.region.is_some() && !sized, "--time"),
            ("--background", self.background.is_some() && !native.has_colours(), "it has no alpha"),
            ("--slice", !self.slice.is_empty() && sound, "--time"),
            ("--rate", self.rate.is_some() && !timed, "--size or --scale"),
            ("--time", self.time.is_some() && !timed, "--region"),
        ];
        match flags.iter().find(|(_, wrong, _)| *wrong) {
            Some((flag, _, hint)) => {
                let sentence = format!("{flag} does not fit a {}", report::kind(native));
                Err(Failure::new(Exit::Usage, name, sentence).hint(hint))
            }
            None => Ok(()),
        }
    }
}

/// The axes that --size, --scale and --region are about: those of space, or if there are none those without a rate.
fn sized(native: &Description) -> Vec<usize> {
    let axes = || 0..native.axes.len();
    let space: Vec<usize> = axes().filter(|&a| native.axes[a].measure == Measure::Space).collect();
    if space.is_empty() { axes().filter(|&a| rate_of(&native.axes[a]).is_none()).collect() } else { space }
}

fn rate_of(axis: &Axis) -> Option<Rate> {
    match axis.measure {
        Measure::Time(rate) => rate,
        _ => None,
    }
}

/// The position at `seconds`, in native samples, rounded to a millionth: 0.3 s at 44100 Hz is sample 13230
/// although 0.3 is not exact in binary.
fn position_at(seconds: f64, rate: Rate) -> f64 {
    const STEPS: f64 = (1 << 20) as f64;
    (seconds * rate.hertz() * STEPS).round() / STEPS
}
