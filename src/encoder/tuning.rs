//! The constants of the recipe, each with the measurement behind it. PSNR on two cores unless noted; the
//! records are in `benches/`.

/// Blocks per optimiser iteration.
pub(super) const BATCH_BLOCKS: usize = 12;

// The network and its size.

/// Approximate bits of a quantized parameter; the search for a size corrects the rest.
pub(super) const BITS_PER_PARAMETER: f64 = 5.3;
/// The PSNR loss by rounding, dB, beyond which a small signal is fitted again with fewer and finer
/// parameters, of the bits in `FINE_BITS_PER_PARAMETER`. A page of text of 160×96 at 1 bit per pixel and
/// effort 5 has 15.3 dB with the usual bits, 15.9 and 14.6 with these; a screenshot of 176×120 has 22.3, 23.4
/// and 24.5.
pub(super) const MUCH_LOST: f64 = 1.0;
pub(super) const FINE_BITS_PER_PARAMETER: [f64; 2] = [5.8, 6.3];
/// Parameters of a network of the usual size. Signals that need more are divided into tiles: several small
/// networks need less work per sample than one large one and store as much.
pub(super) const PARAMETERS_PER_TILE: f64 = 1400.0;
/// Exponent of the error in the capacity of a tile. For an error that falls as `parameters^-α`, equal slopes
/// of error over bits mean `parameters ∝ error^(1/(1+α))`; α is about 0.6 to 0.7 (1.7 to 2 dB per doubling),
/// and the result hardly depends on it.
pub(super) const CAPACITY_EXPONENT: f64 = 1.0 / 1.7;
/// The least and the most capacity of a tile, relative to equal shares.
pub(super) const CAPACITY: [f64; 2] = [0.12, 2.5];

// Work.

/// Passes over the samples at each effort, 1 to 9. More passes than at effort 7 gain little and sometimes
/// lose: kodim15 at 0.3 bits per pixel has 32.61 dB after 1840 passes and 32.45 after 5200.
pub(super) const PASSES: [f64; 9] = [12.0, 40.0, 120.0, 280.0, 640.0, 1080.0, 1840.0, 1840.0, 1840.0];
/// The effort with the longest fits; each effort above it adds one fit.
pub(super) const LONGEST: usize = 7;
/// Positions up to which a signal gets all passes of its effort. Larger signals get as many as take the same
/// time, but at least those of effort 1. Photographs of 12 megapixels at quality 75 and effort 5 take 476 s
/// on two cores with 200 passes (32.8 dB, 1.09 bits per pixel), 355 s with 107 (32.7 dB, 1.26) and 248 s with
/// 85 (33.7 dB, 1.53).
pub(super) const FULL_SIZE: f64 = 1.6e6;
/// Positions up to which a signal is also fitted as at all lower efforts. The networks of a small picture
/// with hard edges are few, and their result depends on the initial values (a screenshot of 176×120 at 2 bits
/// per pixel: 27.0 and 30.9 dB with two seeds); more work must not give a worse result.
pub(super) const SMALL: u64 = 32768;
/// Positions up to which a quality target is fitted again if the first fit ends far from it.
pub(super) const CHEAP: f64 = 65536.0;
/// The fewest passes for a PSNR target: with fewer, more parameters would have to compensate, in a larger
/// file that takes as long. camera.png at 33 dB takes 4.0 bits per pixel with 12 passes, 1.3 with 40, 0.8
/// with 80 and 0.7 with 120.
pub(super) const FEWEST_PASSES_FOR_PSNR: f64 = 120.0;
/// The fewest training points of a tile per parameter of its network, for networks of a given shape.
pub(super) const POINTS_PER_PARAMETER: u64 = 16;

// The fit.

/// Peak learning rate in radians, the fraction of the iterations over which it rises (`WARMUP`), and the
/// fraction of it that is left at the end (`END`).
pub(super) const RATE: f32 = 0.045;
pub(super) const WARMUP: f32 = 0.02;
pub(super) const END: f32 = 0.01;
/// Work of the short fit of equal networks that places capacity among tiles, relative to the full fit.
pub(super) const PLACING: f64 = 0.06;
/// The fewest passes at which placing is worth its time; only a time limit allows fewer.
pub(super) const LEAST_PLACING: f64 = 0.4;
/// With a time limit: the fractions of the remaining time for placing (`PLACING_TIME`) and for the fit
/// (`FIT_TIME`).
pub(super) const PLACING_TIME: f64 = 0.06;
pub(super) const FIT_TIME: f64 = 0.75;
/// Planned passes relative to those estimated to fit the time: the clock truncates a schedule that is too
/// long but cannot extend a short one.
pub(super) const SURPLUS: f64 = 1.15;

// Quantization.

/// Work of all refits relative to the fit.
pub(super) const REFIT: f64 = 0.3;
/// The most passes of all refits: with sweeps after them, more gain nothing.
pub(super) const MOST_REFIT: f64 = 96.0;
/// Learning rate of refits, with its warm-up and end as fractions like `WARMUP` and `END`.
pub(super) const REFIT_RATE: f32 = 0.01;
pub(super) const REFIT_WARMUP: f32 = 0.1;
pub(super) const REFIT_END: f32 = 0.02;
/// Sweeps over the rounded layers.
pub(super) const SWEEPS: usize = 2;
/// The fewest passes of a fit that is followed by sweeps: sweeps take as long as about 50 passes, and a short
/// fit gains more from those.
pub(super) const PASSES_FOR_SWEEPS: f64 = 250.0;
/// The fraction of the remaining time that one quantization may take.
pub(super) const QUANTIZE_TIME: f64 = 0.9;
/// The error added by rounding at the usual trade between more and finer parameters, relative to the error of
/// the fit.
pub(super) const USUAL_ERROR: f64 = 0.3;

// The search for a PSNR.

/// Work of a probe relative to the fit (`PROBE`), and its fewest passes (`LEAST_PROBE`).
pub(super) const PROBE: f64 = 0.06;
pub(super) const LEAST_PROBE: f64 = 12.0;
/// The fewest passes of a probe that shows how PSNR grows with parameters. In shorter probes more parameters
/// hardly help, whatever they would do in the full fit: the first one is then extrapolated with the usual
/// slope, and no other is made.
pub(super) const INFORMATIVE_PROBE: f64 = 30.0;
/// The most probes of a search.
pub(super) const MOST_PROBES: usize = 4;
/// Parameters per sample of the first probe.
pub(super) const PROBED_DENSITY: f64 = 0.03;
/// With a time limit: the most parameters that a probe may call for, relative to its own, since its missing
/// PSNR may only be missing time.
pub(super) const MOST_GROWTH: f64 = 2.0;
/// The fraction of the remaining time that a probe may take: more than its part of the work, since a
/// truncated probe misleads.
pub(super) const PROBE_TIME: f64 = 0.25;
/// The most tiles that a probe trains as a sample of all tiles, or an eighth of the tiles if that is more.
pub(super) const MOST_PROBED: usize = 48;
/// Distance from the target within which a probe ends the search, dB.
pub(super) const PROBE_NEAR: f64 = 0.6;
/// Approximate PSNR loss by quantization at the usual added error, dB.
pub(super) const QUANTIZATION_LOSS: f64 = 0.35;
/// Approximate fraction of the error of plain rounding that remains after refits and compensation.
pub(super) const COMPENSATED: f64 = 0.4;
/// Parameters per sample above which a network saves little compared with the samples.
pub(super) const MOST_PARAMETERS_PER_SAMPLE: f64 = 1.0;
/// The fewest parameters considered in a search.
pub(super) const FEWEST_PARAMETERS: f64 = 40.0;
/// PSNR gain in dB per doubling of the parameters, assumed before any is measured: between smooth and rough
/// pictures.
pub(super) const USUAL_SLOPE: f64 = 1.4;
/// Tolerance of a PSNR target, dB, and the distance at which the search for it stops.
pub(super) const PSNR_TOLERANCE: f64 = 0.1;
pub(super) const PSNR_NEAR: f64 = 0.07;
/// Tolerance of the PSNR that a quality stands for, dB, and the distance at which the search for it stops.
pub(super) const QUALITY_TOLERANCE: f64 = 1.0;
pub(super) const QUALITY_NEAR: f64 = 0.5;
/// PSNR of a fit above the target of its rounding, dB: with less it cannot be rounded to the target, with
/// more another size is tried.
pub(super) const HEADROOM: std::ops::Range<f64> = 0.12..1.0;
/// PSNR of a fit above a quality target plus the loss by quantization, dB, within which the size is kept.
pub(super) const QUALITY_HEADROOM: std::ops::Range<f64> = -0.5..2.0;
/// The most fits for a PSNR target until one can be rounded to it (`MOST_FITS`), and the most further ones if
/// the rounding misses it: of large signals (`MORE_FITS`), and of those that take little time (`MORE_CHEAP_FITS`),
/// whose smallest networks may be stuck far from the target (a volume of 336 positions: 18 of 20 dB with 32 parameters).
pub(super) const MOST_FITS: usize = 6;
pub(super) const MORE_FITS: usize = 2;
pub(super) const MORE_CHEAP_FITS: usize = 8;
/// Parameters of a further fit, relative to the fit before it.
pub(super) const MORE_PARAMETERS: f64 = 1.4;

/// PSNR that a fit of `passes` passes with `density` parameters per sample lacks compared with an endless
/// one, dB. Fitted to kodim15 at 0.3 bits per pixel (density 0.019) between 12 and 640 passes, and camera.png
/// at 33 dB (0.12) between 38 and 280.
pub(super) fn short_of_the_limit(passes: f64, density: f64) -> f64 {
    16.8 * passes.powf(-0.55) * (density / 0.02).clamp(0.5, 20.0).powf(0.3)
}

// The forecast of time.

/// Fraction of the ideal speed that several threads reach; the rest goes to optimiser updates, gathering of
/// samples and tiles that end late.
pub(super) const EFFICIENCY: f64 = 0.7;
/// Time of a rendering and its comparison with the signal, in passes: its products are a third of one, seams,
/// rows and sums the rest.
pub(super) const RENDERING: f64 = 2.0;
/// Time of a sweep, in passes.
pub(super) const SWEEP: f64 = 25.0;

// Notes on a result.

/// Gain over the mean of the signal, dB, below which a note says so.
pub(super) const LITTLE_GAIN: f64 = 3.0;

// Fields of splines.

/// Iterations of a training at each effort, 1 to 9.
pub(super) const SPLINE_STEPS: [f64; 9] =
    [180.0, 320.0, 500.0, 850.0, 1350.0, 2700.0, 5500.0, 11000.0, 22000.0];
/// Positions up to which a signal gets all iterations of its effort.
pub(super) const SPLINE_FULL_SIZE: f64 = 3.2e6;
/// Positions below which a signal is trained as a small field too.
pub(super) const SPLINE_SMALL: u64 = 1 << 16;
/// The PSNR that photographs have for a λ of 0.001, and by how many dB it falls for ten times the λ: kodim03, 07,
/// 13 and 15 and camera.png have 33 dB in the mean at quality 75.
pub(super) const SPLINE_USUAL_DB: f64 = 34.5;
pub(super) const SPLINE_DB_PER_DECADE: f64 = 6.0;
/// How far below what a quality stands for in photographs the PSNR of a picture is told, dB: those that are hard to
/// store always have less, kodim13 4 dB.
pub(super) const SPLINE_LESS_DB: f64 = 5.0;
/// The share of a requested size that is aimed at, and the least share that is enough.
pub(super) const SPLINE_FILL: f64 = 0.984;
pub(super) const SPLINE_FULL: f64 = 0.97;
/// The share of a requested size below which a note says how much is used.
pub(super) const SIZE_LEFT: f64 = 0.9;
/// How far λ may have been off at the start of a training, natural logarithms, before it begins again, and how
/// often it may.
pub(super) const SPLINE_FAR_OFF: f64 = 0.3;
pub(super) const SPLINE_RESTARTS: usize = 2;
/// How far from a requested PSNR a file may be, dB.
pub(super) const SPLINE_NEAR_DB: f64 = 0.07;
/// The first corrections of small signals are whole trainings.
pub(super) const SPLINE_RETRAININGS: usize = 2;
/// Corrections of a trained field, and the iterations of each as a share of the training.
pub(super) const SPLINE_CORRECTIONS: usize = 3;
pub(super) const SPLINE_CORRECTIONS_TO_FIT: usize = 10;
pub(super) const SPLINE_CORRECTION: f64 = 0.05;
/// Iterations that the work after a training takes as long as: rounding the networks, writing, decoding.
pub(super) const SPLINE_AFTER: f64 = 60.0;
/// The share of a limited time in which the networks of a large signal are trained on a sample of it.
pub(super) const SPLINE_SAMPLE_TIME: f64 = 0.2;
/// Iterations of a whole large signal that writing and decoding it take as long as.
pub(super) const SPLINE_REGIONS_AFTER: f64 = 6.0;
/// Iterations of each attempt to make such a signal small enough.
pub(super) const SPLINE_REGION_SQUEEZE: u32 = 8;
/// The factor by which λ grows in each last attempt to make a file small enough, the iterations of an attempt,
/// and the most attempts.
pub(super) const SPLINE_SQUEEZE: f64 = 2.5;
pub(super) const SPLINE_SQUEEZE_STEPS: u32 = 40;
pub(super) const SPLINE_SQUEEZES: u32 = 5;
/// How far off a file is, natural logarithms, for a correction twice as long.
pub(super) const SPLINE_FAR: f64 = 0.05;
/// How much stronger a correction is at most than one of a file that is nearly right.
pub(super) const SPLINE_STRONGEST: f64 = 3.0;
