//! A guide to coordinates, units and footprints.
//!
//! # Positions
//!
//! A position is counted in native samples along each axis, the fastest axis first: `x, y` of a picture, to
//! the right and down, `t` of a sound. **Sample centres are at integers.** Sample `k` covers `k − ½ … k + ½`,
//! so an axis of `N` samples extends from `−½` to `N − ½`, and the signal ends there. A position is a
//! binary64 number; networks receive it as a binary32 coordinate, −1 to 1 along the longest axis of space of their
//! tile, which resolves about 2⁻²⁴ of the tile's length. A closer zoom shows steps.
//!
//! The command line uses the same positions, with two conveniences: `--region X,Y,W,H` counts from the corner
//! of the picture (so `0,0,W,H` is the whole picture, the pixels 0 to W − 1), and positions in sounds are in
//! seconds, with sample `k` at `k / rate`. With `sample --normalized`, −1 to 1 is the longest axis of space of
//! the whole signal, the others in proportion; every other axis is −1 to 1 by itself.
//!
//! # Values
//!
//! A decoder gives *unit values*: 0 to 1 for unsigned integer sources, −1 to 1 for signed ones, the source's
//! own numbers for floats. They are not clamped;
//! [`SampleFormat::quantize`](crate::signal::SampleFormat::quantize) rounds and clamps them to codes.
//!
//! Floats may be in any unit, kelvin or nanometres, from 1e-30 to 1e30: the encoder fits them relative to
//! their range, and the file records the [`Units`](crate::signal::Units) that convert values of the field
//! back. So a relief takes as many bytes in metres as in kilometres. **PSNR of floats refers to their
//! range**, the maximum − minimum of the original; for sound, to half of that, the
//! amplitude. [`EncodeOptions::peak`](crate::EncodeOptions::peak) or `--peak` sets another peak. PSNR of
//! integers refers to 1. The root mean squared error relative to the range, NRMSE, says the same without decibels: 1 %
//! are 40 dB; [`Target::Nrmse`](crate::Target::Nrmse) or `--nrmse 1%` asks for it. Channels of
//! a picture or a sound share the largest range. Those of volumes and fields may be different quantities, temperature
//! and pressure: each is fitted relative to its own range, and errors are averaged relative to these. A given peak
//! is in a unit that all channels share.
//!
//! # Videos, volumes and fields
//!
//! A [`Description`](crate::signal::Description) lists one to four [axes](crate::signal::Axis), the fastest first, each
//! of space, of time, at a rate if it is known, or of something else; its [`Kind`](crate::signal::Kind) is a name for
//! what they are. Everything here holds for all of them: a slice of a volume or a frame of a video is a grid that
//! has one sample along an axis, and slow motion is a grid with more samples along time.
//!
//! ```
//! use sirenc::signal::{Grid, Kind, Sampling};
//! use sirenc::{Decoder, Derivative};
//!
//! # fn main() -> sirenc::Result<()> {
//! let file = include_bytes!("../fixtures/valid/video-rgb-u8.siren"); // 12 × 9 pixels, 8 frames at 30000/1001 Hz
//! let decoder = Decoder::open(&file[..])?;
//! let video = decoder.description();
//! let rate = video.rate().map_or(0.0, |rate| rate.hertz());
//! assert_eq!((video.kind(), video.lengths()), (Kind::Video, vec![12, 9, 8]));
//!
//! // The frame at 0.1 s, which is between two of the source.
//! let mut frame = Grid::native(video);
//! frame.axes[2] = Sampling::new(0.1 * rate, 1.0, 1);
//! assert_eq!(decoder.render(&frame)?.len(), 12 * 9 * 3);
//! // Eight times as many frames.
//! let mut slow = Grid::native(video);
//! slow.axes[2] = Sampling::at_rate(8, rate, 8.0 * rate).ok_or("too many frames").unwrap();
//! assert_eq!(slow.axes[2].count, 61);
//! // How the colours change with time, per frame.
//! let change = decoder.request(&frame).derivative(Derivative::Partial(2)).values()?;
//! assert_eq!(change.len(), 12 * 9 * 3);
//! # Ok(())
//! # }
//! ```
//!
//! `docs/signals.jpg` in the repository shows a slice through a volume, also at eight times its resolution, and the same
//! second of a video at its rate and at eight times as many frames: at the positions between, the field is as defined as
//! at the samples, and the mask of missing samples is that of the nearest one.
//!
//! Axes of space have one scale; every other axis has its own. Gradients and Hessians have a component for each axis, the
//! Laplacian is that of space. Samples of volumes and fields are measurements: PSNR refers to their range, whatever
//! their format, and `sirenc decode` writes integers as the numbers that they are.
//!
//! # Grids, regions, zooms
//!
//! A [`Grid`](crate::signal::Grid) defines the positions of samples. It can be made in three ways:
//!
//! ```
//! use sirenc::signal::{Grid, Region};
//! use sirenc::Decoder;
//!
//! # fn main() -> sirenc::Result<()> {
//! let file = include_bytes!("../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
//! let decoder = Decoder::open(&file[..])?;
//! let picture = decoder.description();
//!
//! // 1. A size for the whole signal.
//! let twice = Grid::resized(picture, &[256, 256])?;
//! // 2. A part of a grid: the samples whose positions lie in a region, with the bits they have in the whole.
//! let region = Region::new(picture, &[31.5, 15.5], &[63.5, 47.5])?; // pixels 32 to 63 and 16 to 47
//! let part = twice.crop(&region)?;
//! assert_eq!((part.axes[0].first, part.axes[0].count), (64, 64));
//! // 3. A size for a region: a zoom of any strength.
//! let zoom = Grid::over(&region, &[640, 640])?;
//!
//! let (whole, detail) = (decoder.render(&twice)?, decoder.render(&part)?);
//! assert_eq!(detail[..3], whole[(32 * 256 + 64) * 3..][..3]);
//! // The cost of a rendering is known before it starts.
//! assert!(decoder.request(&part).cost()?.macs * 10 < decoder.request(&twice).cost()?.macs);
//! # assert_eq!(decoder.request(&zoom).cost()?.samples, 640 * 640 * 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Footprints
//!
//! A grid finer than the native one samples the signal at its positions. A coarser grid would alias that way:
//! detail too fine for it would appear as false patterns. Its samples are means over their *footprint*
//! instead, the cell of the grid around each position, at ⌈spacing⌉ positions along each axis. At an integer
//! spacing these are the native samples: at half the size, a pixel is the mean of 2 × 2 native ones, which at
//! 2 bpp is 8 to 10 dB closer to the original than points are (`benches/README.md`). Colours of a picture
//! with alpha are weighted by their alpha, so that invisible colours do not darken the edges of visible ones.
//! The order of the sum is specified, so the result is exact on every machine.
//! [`Grid::at_points`](crate::signal::Grid::at_points) turns footprints off, and
//! [`Sampling::footprint`](crate::signal::Sampling::footprint) sets any number of positions.
//!
//! # Derivatives
//!
//! Networks of sines have derivatives of every order, splines have continuous ones up to the second order,
//! and a decoder computes those of the decoded signal exactly: they are not differences of samples, and they
//! are exact in the seams of tiles too, which are blended with two continuous derivatives. **The unit is unit
//! values per native sample**, whatever the spacing of the grid, so a gradient does not change with the zoom.
//! On a coarser grid it is the gradient of the averaged signal, which is the average of the gradient; colours
//! count alike in it, whatever their alpha.
//!
//! ```
//! use sirenc::network::Jet;
//! use sirenc::signal::Grid;
//! use sirenc::{Decoder, Derivative};
//!
//! # fn main() -> sirenc::Result<()> {
//! # let file = include_bytes!("../fixtures/valid/fitted-astronaut-tiles.siren");
//! # let decoder = Decoder::open(&file[..])?;
//! // On a grid: samples × channels × 2.
//! let grid = Grid::native(decoder.description());
//! let gradient = decoder.request(&grid).derivative(Derivative::Gradient).values()?;
//! assert_eq!(gradient.len(), 128 * 128 * 3 * 2);
//! // Values and derivatives in one pass, the value first.
//! let jets = decoder.request(&grid).jet(Jet::Gradient).values()?;
//! assert_eq!(jets[1..3], gradient[..2]);
//! // At points anywhere, x and y of each.
//! let points = decoder.sample_derivative(&[10.25, 99.5, 3.0, 0.1], Derivative::Laplacian)?;
//! assert_eq!((points.values.len(), points.derivatives.len()), (2 * 3, 2 * 3));
//! // Any mixed partial up to the fourth order, in binary64: here ∂³/∂x²∂y of red.
//! let taylor = decoder.taylor(&[10.25, 99.5], 4)?;
//! assert!(taylor[0].partial(&[2, 1]).is_some());
//! # Ok(())
//! # }
//! ```
//!
//! Where axes have [`Coordinates`](crate::signal::Coordinates) with a uniform spacing, or a known rate of time,
//! derivatives can be **per unit** instead: per millimetre, per second. [`Decoder::steps`](crate::Decoder::steps), or
//! `--per unit`, finds the spacings; a Laplacian is then the sum of second derivatives that are each divided by the square of
//! the spacing of their own axis. Channels that are the components of a vector along the first axes of space have a
//! [`Divergence`](crate::Derivative::Divergence) and a [`Curl`](crate::Derivative::Curl).
//!
//! ```
//! use sirenc::{Decoder, Derivative};
//!
//! # fn main() -> sirenc::Result<()> {
//! let file = include_bytes!("../fixtures/valid/video-rgb-u8.siren"); // 8 frames at 30000/1001 Hz
//! let decoder = Decoder::open(&file[..])?;
//! let by_time = Derivative::Partial(2);
//! let steps = decoder.steps(by_time)?;
//! let step = steps.axes()[2].as_ref().unwrap();
//! assert_eq!((step.length, step.unit.as_str()), (1001.0 / 30000.0, "s"));
//! let per_second = decoder.sample_derivative_per(&[3.0, 4.0, 1.5], by_time, &steps)?;
//! assert_eq!(per_second.derivatives.len(), 3);
//! // The colours are no vector, and the pixels have no size.
//! assert!(decoder.steps(Derivative::Divergence).is_err() && decoder.steps(Derivative::Gradient).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! `docs/activations.jpg` in the repository shows why these networks have sines: what networks of one shape with seven
//! activations learn of a picture, its gradient and its Laplacian, from its values and from its gradient alone.
//!
//! # Equations
//!
//! A field is also found from what its values *and derivatives* are to be, without any sample of it: module
//! `solve`, and the commands `sirenc solve poisson` (from a gradient or a Laplacian), `composite` (pictures put together by their
//! gradients), `fill` (what is missing, by least energy), `helmholtz` (waves of one frequency, through any velocities, or the velocity
//! that explains what receivers heard) and `wave` (a pulse in time). An equation is a `Residual`: the derivatives on
//! which it depends, and a loss of them at a point with its own derivatives; `examples/custom_equation.rs` is one
//! in 59 lines. It is fitted at given points, or at points drawn anew in every iteration, by networks of tiles that are trained
//! together. What equations leave free is chosen by a rule and said: the mean where a constant is free, no slope across
//! the border where a harmonic function is.
//!
//! # Errors of derivatives
//!
//! Derivatives are exact for the *decoded* signal. How close they are to those of the original is
//! another question: samples do not determine the signal between them, so a network is free to have any slope
//! there, and the more parameters it has, the more its slopes deviate.
//! [`Decoder::gradient_error`](crate::Decoder::gradient_error), or `sirenc verify FILE ORIGINAL
//! --derivatives`, measures the deviation; `EncodeOptions::gradient_weight`, or `sirenc encode
//! --gradient-weight λ`, reduces it; pictures are then stored as sine networks. It adds `λ · Σ_a (∂f/∂x_a −
//! g_a)²` to the squared error at every sample, in the fit and in quantization. `g` is the central difference
//! of eighth order of the samples, or a supplied gradient (`--gradient FILE.npy`), and the slope of the
//! network is the difference of its values over a quarter of a sample. A gradient is per native sample, so
//! the unit of λ is square samples: at 1, an error that is a wave of 2π samples counts twice.
//!
//! PSNR and gradient error at equal size (384 × 256 from the middle of two Kodak pictures, effort 4; a weight
//! doubles the time of the fit, so effort 5 without a weight takes as long as effort 4 with one):
//!
//! | | λ = 0, effort 5 | λ = 0 | 0.03 | 0.1 | 0.3 | 1 |
//! |---|---|---|---|---|---|---|
//! | kodim15, 0.3 bpp | 29.71 dB, 41.0 % | 29.77 dB, 40.1 % | 29.76, 41.0 | 29.86, 39.7 | 29.81, 39.5 | 29.66, 40.1 |
//! | kodim15, 1 bpp | 33.50 dB, 34.6 % | 33.18 dB, 31.6 % | 33.55, 25.8 | 33.56, 23.0 | 33.50, 22.5 | 33.16, 23.5 |
//! | kodim15, 3 bpp | 38.37 dB, 56.5 % | 38.10 dB, 55.7 % | 38.85, 20.0 | 38.62, 15.0 | 38.16, 13.6 | 37.54, 13.5 |
//! | kodim21, 0.3 bpp | 26.09 dB, 53.9 % | 26.09 dB, 52.0 % | 26.08, 52.0 | 26.21, 47.2 | 26.20, 44.7 | 25.95, 45.5 |
//! | kodim21, 1 bpp | 31.09 dB, 50.4 % | 30.61 dB, 48.8 % | 31.30, 37.3 | 31.08, 27.6 | 30.88, 24.4 | 30.31, 24.0 |
//! | kodim21, 3 bpp | 36.92 dB, 78.8 % | 36.61 dB, 75.5 % | 37.48, 23.8 | 37.00, 17.0 | 36.33, 14.7 | 35.42, 13.9 |
//!
//! A weight of 0.1 is a good choice; above 0.3 nothing is gained, and much of the remaining error at low
//! rates is texture that the file does not contain. More effort without a weight makes slopes worse.
//! Enlarging benefits too: fitted at half the size with 38 dB and a weight of 0.1, four Kodak pictures are
//! enlarged 0.15 to 0.35 dB closer to the originals than by Lanczos.
