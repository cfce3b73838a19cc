//! The constants of the recipe, each with what it was measured on. PSNR on two cores unless noted; the records are in `benches/`.

/// Blocks per optimiser step.
pub(super) const BATCH_BLOCKS: usize = 12;

// The network and its size.

/// Bits that a quantized parameter takes, about; the search for a size settles the rest.
pub(super) const BITS_PER_PARAMETER: f64 = 5.3;
/// What rounding may cost, dB, before a small signal is fitted again with fewer and finer parameters, of so many bits: a page of
/// text of 160×96 at 1 bit per pixel and effort 5 has 15.3 dB with the usual ones, 15.9 and 14.6 with these, a screenshot of
/// 176×120 22.3, 23.4 and 24.5.
pub(super) const MUCH_LOST: f64 = 1.0;
pub(super) const FINE_BITS_PER_PARAMETER: [f64; 2] = [5.8, 6.3];
/// Parameters of a network of the usual size. Signals that need more are cut into tiles: several small networks cost
/// less work per sample than one large one and store as much.
pub(super) const PARAMETERS_PER_TILE: f64 = 1400.0;
/// Exponent of the error in the capacity of a tile. With an error that falls as `parameters^-α`, equal slopes of error over bits
/// mean `parameters ∝ error^(1/(1+α))`; α is about 0.6 to 0.7 (1.7 to 2 dB per doubling), and the result hardly depends on it.
pub(super) const CAPACITY_EXPONENT: f64 = 1.0 / 1.7;
/// The least and the most capacity of a tile, relative to equal shares.
pub(super) const CAPACITY: [f64; 2] = [0.12, 2.5];

// Work.

/// Passes over the samples at each effort, 1 to 9. Longer ones than at effort 7 gain little, and some lose: kodim15 at 0.3 bits per
/// pixel has 32.61 dB after 1840 passes and 32.45 after 5200.
pub(super) const PASSES: [f64; 9] = [12.0, 40.0, 120.0, 280.0, 640.0, 1080.0, 1840.0, 1840.0, 1840.0];
/// The effort with the longest fits; each above it has one fit more.
pub(super) const LONGEST: usize = 7;
/// Positions up to which a signal has all passes of its effort. Larger ones have as many as take the same time, but no less
/// than at effort 1. Photographs of 12 megapixels at quality 75 and effort 5 take 476 s on two cores with 200 passes (32.8 dB,
/// 1.09 bits per pixel), 355 s with 107 (32.7 dB, 1.26) and 248 s with 85 (33.7 dB, 1.53).
pub(super) const FULL_SIZE: f64 = 1.6e6;
/// Positions up to which a signal is fitted as at all efforts below, too. The networks of a small picture with hard edges are few
/// and end differently with each start (a screenshot of 176×120 at 2 bits per pixel: 27.0 and 30.9 dB with two seeds), and
/// more work must not make them worse.
pub(super) const SMALL: u64 = 32768;
/// Positions up to which a quality whose first fit ends far from it is worth another.
pub(super) const CHEAP: f64 = 65536.0;
/// The fewest passes towards a PSNR: with fewer, parameters would have to make up for work, in a larger file that takes as
/// long. camera.png at 33 dB takes 4.0 bpp with 12 passes, 1.3 with 40, 0.8 with 80 and 0.7 with 120.
pub(super) const FEWEST_PASSES_FOR_PSNR: f64 = 120.0;
/// Points of a tile per parameter of its network that are trained on at least, where the network is given.
pub(super) const POINTS_PER_PARAMETER: u64 = 16;

// The fit.

/// Peak learning rate, radians; the share of the steps over which it rises; what is left of it in the end.
pub(super) const RATE: f32 = 0.045;
pub(super) const WARMUP: f32 = 0.02;
pub(super) const END: f32 = 0.01;
/// Work of the fit of equal networks that places capacity among tiles, relative to the fit.
pub(super) const PLACING: f64 = 0.06;
/// The fewest passes that such a fit is worth, which only a time limit leaves less of.
pub(super) const LEAST_PLACING: f64 = 0.4;
/// Where time is limited: the shares of what is left that the placing and the fit may take.
pub(super) const PLACING_TIME: f64 = 0.06;
pub(super) const FIT_TIME: f64 = 0.75;
/// How much longer schedules are than their time: the clock cuts short one that is too long, and cannot extend one that is too
/// short.
pub(super) const SURPLUS: f64 = 1.15;

// Quantization.

/// Work of all refits, relative to the fit.
pub(super) const REFIT: f64 = 0.3;
/// The most passes that they take: with sweeps behind them more gain nothing.
pub(super) const MOST_REFIT: f64 = 96.0;
/// The learning rate of refits, with its rise and end as [`RATE`].
pub(super) const REFIT_RATE: f32 = 0.01;
pub(super) const REFIT_WARMUP: f32 = 0.1;
pub(super) const REFIT_END: f32 = 0.02;
/// Sweeps over the rounded layers.
pub(super) const SWEEPS: usize = 2;
/// Passes of a fit from which on sweeps are worth their time: they take as long as about 50 passes, and those gain more in a
/// short fit.
pub(super) const PASSES_FOR_SWEEPS: f64 = 250.0;
/// The share of what time is left that one quantization may take.
pub(super) const QUANTIZE_TIME: f64 = 0.9;
/// The error that rounding adds at the usual trade between more parameters and finer ones, relative to what the fit leaves.
pub(super) const USUAL_ERROR: f64 = 0.3;

// The search for a PSNR.

/// Work of a probe relative to the fit, and its least passes.
pub(super) const PROBE: f64 = 0.06;
pub(super) const LEAST_PROBE: f64 = 12.0;
/// Passes of a probe that tells how PSNR goes with parameters. With fewer, more parameters hardly help whatever they would do in
/// the fit: the first probe is believed, by the usual slope, and no other made.
pub(super) const TELLING_PROBE: f64 = 30.0;
/// The most probes.
pub(super) const MOST_PROBES: usize = 4;
/// Parameters per sample of the first probe.
pub(super) const PROBED_DENSITY: f64 = 0.03;
/// The most that a probe of limited time may ask for, of its own parameters: what it left undone is want of time.
pub(super) const MOST_GROWTH: f64 = 2.0;
/// The share of what time is left that a probe may take: more than by its work, since one that is cut short misleads.
pub(super) const PROBE_TIME: f64 = 0.25;
/// The most tiles that a probe trains, to stand for the others; an eighth of them where that is more.
pub(super) const MOST_PROBED: usize = 48;
/// How near to the target a probe has to end to be the last, dB.
pub(super) const PROBE_NEAR: f64 = 0.6;
/// How much PSNR quantization at the usual added error costs, dB, about.
pub(super) const QUANTIZATION_LOSS: f64 = 0.35;
/// What refits and compensation leave of the error that plain rounding would add, about.
pub(super) const COMPENSATED: f64 = 0.4;
/// Parameters per sample beyond which a network saves little over the samples.
pub(super) const MOST_PARAMETERS_PER_SAMPLE: f64 = 1.0;
/// The fewest parameters that are worth a search.
pub(super) const FEWEST_PARAMETERS: f64 = 40.0;
/// dB per doubling of the parameters before anything is known of a signal: between that of smooth pictures and that of rough ones.
pub(super) const USUAL_SLOPE: f64 = 1.4;
/// How near a target comes to the PSNR that was asked for, dB, and how near a search for it stops.
pub(super) const PSNR_TOLERANCE: f64 = 0.1;
pub(super) const PSNR_NEAR: f64 = 0.07;
/// The same of a quality and the PSNR that it stands for.
pub(super) const QUALITY_TOLERANCE: f64 = 1.0;
pub(super) const QUALITY_NEAR: f64 = 0.5;
/// The least PSNR that a fit has to have more than what it is rounded to, dB, and the most before another size is tried.
pub(super) const HEADROOM: std::ops::Range<f64> = 0.12..1.0;
/// The same towards a quality, without what quantization costs.
pub(super) const QUALITY_HEADROOM: std::ops::Range<f64> = -0.5..2.0;
/// Fits towards a PSNR until one can be rounded to it, and further ones where that fails.
pub(super) const MOST_FITS: usize = 6;
pub(super) const MORE_FITS: usize = 2;
/// How much larger those are.
pub(super) const MORE_PARAMETERS: f64 = 1.4;

/// How far a fit of so many passes, with so many parameters per sample, stays below one without end, dB: what kodim15 at 0.3
/// bits per pixel (0.019 parameters per sample) shows between 12 and 640 passes, and camera.png at 33 dB (0.12) between 38 and
/// 280.
pub(super) fn short_of_the_limit(passes: f64, density: f64) -> f64 {
    16.8 * passes.powf(-0.55) * (density / 0.02).clamp(0.5, 20.0).powf(0.3)
}

// The forecast of time.

/// What several threads do of what they could, beside the steps of optimisers, samples that are gathered and tiles that end late.
pub(super) const EFFICIENCY: f64 = 0.7;
/// A rendering and its comparison with the signal take as long as so many passes: its products are a third of one, seams,
/// rows and sums the rest.
pub(super) const RENDERING: f64 = 2.0;
/// A sweep takes as long as so many passes.
pub(super) const SWEEP: f64 = 25.0;

// What is said of a result.

/// What a file has to be closer to its signal by than the mean of it, dB, or it is said.
pub(super) const LITTLE_GAIN: f64 = 3.0;
