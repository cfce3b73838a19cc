//! Fields of splines that must be accepted.

use crate::Case;
use crate::axes::{field_of_four, video, volume};
use crate::compose::{Random, bytes_of, picture, sound};
use crate::good::good;
use sirenc::container::{File, QuantizedSpline, Stored};
use sirenc::field::spline::{ContextShape, Further, MAX_LATENT, Role, Shape, Slow, usual_symbol};
use sirenc::signal::{Description, Metadata, MetadataKind, SampleFormat, Units};

/// Feature grids at the levels of `levels`, at least two: context grids at the levels from 2 on, combinations
/// for the two finest ones, unless one of them is the coarsest.
pub fn ordinary(d: &Description, levels: u16) -> Shape {
    let (coarse, fine) = (levels & !0b11, levels & (levels >> 1) & 0b11);
    let context =
        ContextShape { levels: coarse, informed: fine, neighbours: 12, earlier: 0, combinations: 4 };
    shape(d, levels, (2, 9), context)
}

/// The usual shape with other levels: of features, of context grids, and of informed grids.
pub fn usual(d: &Description, [levels, context, informed]: [u16; 3]) -> Shape {
    let usual = Shape::usual(&d.lengths(), d.channels.into());
    Shape { levels, context: ContextShape { levels: context, informed, ..usual.context }, ..usual }
}

/// The levels of the usual shape.
const USUAL: [u16; 3] = [0b111_1111, 0b111_0000, 0b111];

/// A shape whose context model sees a latent's neighbours only.
pub fn alone(d: &Description, levels: u16, neighbours: usize) -> Shape {
    shape(d, levels, (2, 6), ContextShape { levels: 0, informed: 0, neighbours, earlier: 0, combinations: 0 })
}

fn shape(d: &Description, levels: u16, (layers, width): (usize, usize), context: ContextShape) -> Shape {
    let (lengths, further) = (d.lengths(), Further::default());
    Shape { lengths, outputs: d.channels.into(), levels, further, layers, width, context }
}

/// A shape that sees earlier slices, with slow grids of two series.
fn in_slices(d: &Description, levels: u16) -> Shape {
    let mut shape = ordinary(d, levels);
    shape.context.earlier = 6;
    let last = if d.axes.len() > 3 { 1 } else { 0 };
    let slow = |levels: u16, third: u32| Slow { levels, further: [third, 3 * last] };
    shape.further = Further { delays: [1, 15 * last], slow: vec![slow(0b100, 4), slow(0b11, 2)] };
    shape
}

/// A field of ordinary steps.
pub fn field(shape: Shape) -> QuantizedSpline {
    let network = shape.order().context();
    let exponents = (0..shape.tensors().len()).map(|n| if n < network { 7 } else { 6 }).collect();
    field_of(shape, exponents)
}

/// A field whose parameters are near the usual ones, and whose latents are smaller in finer grids.
pub fn field_of(shape: Shape, exponents: Vec<u8>) -> QuantizedSpline {
    let mut random = Random::new(u64::from(shape.lengths[0]));
    let network = shape.order().context();
    let mut symbols = vec![];
    for (n, (usual, &exponent)) in shape.usual_parameters().iter().zip(&exponents).enumerate() {
        // Taps and weights of the context model are smaller than those of the network.
        let most = if n == 0 || n >= network { 12 } else { 60 };
        let symbol = |&usual: &i16| usual_symbol(usual, exponent) as i32 + random.integer(-most, most);
        symbols.extend(usual.iter().map(symbol));
    }
    let latent = |random: &mut Random, most: i32| {
        let value = random.integer(-most, most);
        if random.one_in(300) { (50 * value) as i16 } else { value as i16 }
    };
    let grids = shape.grids();
    let latents = grids.iter().map(|grid| {
        let most = if grid.role == Role::Context { 2 } else { 1 + grid.level as i32 * 3 };
        (0..grid.latents()).map(|_| latent(&mut random, most)).collect()
    });
    let latents = latents.collect();
    QuantizedSpline { shape, table: 8, exponents, blocks: 0, symbols, latents }
}

pub fn file(description: Description, field: QuantizedSpline) -> File {
    File { description, units: None, missing: None, field: Stored::Spline(field), metadata: vec![] }
}

/// The file of a field with `change` applied to it.
fn changed(d: Description, shape: Shape, change: impl FnOnce(&mut QuantizedSpline)) -> Vec<u8> {
    let mut field = field(shape);
    change(&mut field);
    bytes_of(&file(d, field))
}

fn plain(d: Description, shape: impl FnOnce(&Description) -> Shape) -> Vec<u8> {
    let shape = shape(&d);
    bytes_of(&file(d, field(shape)))
}

/// The file of a field whose latents are in blocks of `2^side` samples.
fn blocks(d: Description, shape: Shape, side: u8) -> Vec<u8> {
    changed(d, shape, |field| field.blocks = side)
}

/// Sets the symbols and the exponent of tensor `number`.
fn set(field: &mut QuantizedSpline, number: usize, exponent: u8, symbols: &[i32]) {
    let sizes: Vec<usize> = field.shape.tensors().iter().map(|tensor| tensor.parameters()).collect();
    let start: usize = sizes[..number].iter().sum();
    field.exponents[number] = exponent;
    let place = &mut field.symbols[start..start + sizes[number]];
    place.iter_mut().zip(symbols.iter().cycle()).for_each(|(place, &symbol)| *place = symbol);
}

/// Section 13.4 of the specification: two feature grids, a neighbour and a combination.
pub fn example() -> Vec<u8> {
    let d = picture(5, 2, 1, SampleFormat::U8);
    let context = ContextShape { levels: 0, informed: 1, neighbours: 1, earlier: 0, combinations: 1 };
    let shape = shape(&d, 0b11, (1, 2), context);
    let mut field = field(shape);
    let tensors: [(u8, &[i32]); 15] = [
        (6, &[9, -5, 1, 0, 4, -3, 2, -1]),
        (7, &[2, -1, 0, 3]),
        (4, &[1, -3]),
        (5, &[9, -6]),
        (4, &[5]),
        (9, &[1, 3]),
        (6, &[50]),
        (2, &[1]),
        (5, &[4, 0, -3, 6]),
        (4, &[2, 0, 1, 5]),
        (5, &[7, 1, 2, -4]),
        (3, &[1, -1]),
        (6, &[16, 8, 3, -20]),
        (3, &[1, 52]),
        (7, &[40, 30, 0, 9]),
    ];
    tensors.iter().enumerate().for_each(|(n, &(exponent, symbols))| set(&mut field, n, exponent, symbols));
    field.latents = vec![vec![3, -2, 7], vec![1, 0, -1, 0, 2, 0, 1, 0, 0, -19]];
    bytes_of(&file(d, field))
}

/// A volume with slow grids of two series.
pub fn sliced() -> Vec<u8> {
    plain(volume([5, 4, 3], 1, SampleFormat::U8), |d| in_slices(d, 0b11))
}

/// A picture of 16 × 3 pixels in four blocks.
pub fn in_blocks() -> Vec<u8> {
    let d = picture(16, 3, 1, SampleFormat::U8);
    blocks(d.clone(), alone(&d, 0b101, 2), 2)
}

/// A field of seven levels.
pub fn rgb(d: Description) -> File {
    let shape = ordinary(&d, 0b111_1111);
    file(d, field(shape))
}

#[rustfmt::skip]
pub fn valid() -> Vec<Case> {
    use SampleFormat::{F32, I16, I24, U8, U16};
    let units = Units { offsets: vec![270.0, 280.0, 290.0], scales: vec![16.0, 0.75, 3.5e-5] };
    let profile = Metadata { kind: MetadataKind::Icc, bytes: vec![7; 300] };
    let of = |levels: u16| move |d: &Description| ordinary(d, levels);
    good("valid", vec![
        ("spline-grey-u8", "splines: grey, 8 bits", plain(picture(37, 23, 1, U8), of(0b1111))),
        ("spline-grey-alpha-u8", "splines: grey and alpha", plain(picture(20, 30, 2, U8), of(0b1111))),
        ("spline-rgb-u8", "splines: RGB, seven levels", bytes_of(&rgb(picture(75, 50, 3, U8)))),
        ("spline-rgba-u16", "splines: RGB and alpha, 16 bits", plain(picture(17, 19, 4, U16), of(0b1_1111))),
        ("spline-units", "splines: binary32 in other units, a scale for each channel", bytes_of(&File { units: Some(units), ..rgb(picture(16, 9, 3, F32)) })),
        ("spline-metadata", "splines: an ICC profile", bytes_of(&File { metadata: vec![profile], ..rgb(picture(8, 6, 3, U8)) })),
        ("spline-sound-i16", "splines: a sound of 2 channels", plain(sound(700, 2, I16), of(0b11_1111))),
        ("spline-sound-i24", "splines: a sound of 8 channels", plain(sound(250, 8, I24), of(0b111))),
        ("spline-blocks", "splines: RGB, seven levels, two blocks", { let d = picture(75, 50, 3, U8); blocks(d.clone(), ordinary(&d, 0b111_1111), 6) }),
        ("spline-video", "splines: frames, slow grids, earlier frames", plain(video([11, 8], 7, 3, U8), |d| in_slices(d, 0b111))),
        ("spline-volume", "splines: a volume of two channels", plain(volume([9, 7, 6], 2, F32), |d| in_slices(d, 0b111))),
        ("spline-volume-blocks", "splines: a volume in blocks", { let d = volume([18, 6, 7], 1, F32); blocks(d.clone(), in_slices(&d, 0b11), 4) }),
        ("spline-field", "splines: four axes", plain(field_of_four([5, 4, 3, 6], F32), |d| in_slices(d, 0b111))),
        ("spline-usual-video", "splines of the usual sizes: frames", plain(video([9, 7], 5, 3, U8), |d| Shape { further: in_slices(d, 1).further, ..usual(d, USUAL) })),
        ("spline-usual-grey", "splines of the usual shape: grey", plain(picture(23, 17, 1, U8), |d| usual(d, USUAL))),
        ("spline-usual-grey-alpha", "splines of the usual shape: grey and alpha", plain(picture(17, 23, 2, U8), |d| usual(d, USUAL))),
        ("spline-usual-rgb", "splines of the usual shape: RGB", plain(picture(29, 21, 3, U8), |d| usual(d, USUAL))),
        ("spline-usual-rgba", "splines of the usual shape: RGB and alpha, 16 bits", plain(picture(19, 14, 4, U16), |d| usual(d, USUAL))),
        ("example-spline", "section 13.4 of the specification", example()),
    ])
}

#[rustfmt::skip]
pub fn uncommon() -> Vec<Case> {
    use SampleFormat::{F32, I16, U8};
    let small = || picture(20, 13, 1, U8);
    let layers = |layers, width| plain(small(), |d| Shape { layers, width, ..ordinary(d, 0b1111) });
    let context = |levels, context| plain(small(), |d| Shape { context, ..ordinary(d, levels) });
    let tables = |table| { let shape = ordinary(&small(), 0b111); changed(small(), shape, |field| field.table = table) };
    let cases = good("uncommon", vec![
        ("spline-1x1", "one pixel", plain(picture(1, 1, 3, U8), |d| ordinary(d, 0b111))),
        ("spline-1x300", "one pixel wide: most fronts of its latents are empty", plain(picture(1, 300, 1, U8), |d| ordinary(d, 0b1111))),
        ("spline-300x1", "one pixel high", plain(picture(300, 1, 4, U8), |d| ordinary(d, 0b1111))),
        ("spline-one-sample", "a sound of one sample", plain(sound(1, 1, I16), |d| ordinary(d, 0b11))),
        ("spline-neighbour", "one neighbour and nothing else predicts a latent", plain(small(), |d| alone(d, 0b101, 1))),
        ("spline-neighbours", "neighbours alone, as many as there may be", plain(small(), |d| alone(d, 0b11, 12))),
        ("spline-combinations", "as many inputs of the context model as there may be", context(0b111, ContextShape { levels: 0b1100, informed: 0b11, neighbours: 12, earlier: 0, combinations: 8 })),
        ("spline-inputs", "one neighbour, one combination", context(0b1010, ContextShape { levels: 0, informed: 0b10, neighbours: 1, earlier: 0, combinations: 1 })),
        ("spline-context-finest", "a context grid finer than every feature: nothing reads it", context(0b100, ContextShape { levels: 0b1001, informed: 0b100, neighbours: 3, earlier: 0, combinations: 2 })),
        ("spline-masks", "every level twice, every one informed but the coarsest", context(0xffff, ContextShape { levels: 0xffff, informed: 0x7fff, neighbours: 5, earlier: 0, combinations: 2 })),
        ("spline-level-15", "the coarsest level alone: one latent", plain(small(), |d| alone(d, 0x8000, 2))),
        ("spline-levels-apart", "the finest and the coarsest level", plain(small(), |d| alone(d, 0x8001, 2))),
        ("spline-blocks-small", "blocks of 4 × 4 pixels, some with a single column", blocks(picture(17, 10, 1, U8), ordinary(&picture(17, 10, 1, U8), 0b111), 2)),
        ("spline-blocks-pixels", "blocks of 2 × 2 pixels, some with one", blocks(picture(5, 3, 1, U8), alone(&picture(5, 3, 1, U8), 0b11, 3), 1)),
        ("spline-blocks-sound", "a sound in blocks", blocks(sound(200, 1, I16), ordinary(&sound(200, 1, I16), 0b1111), 5)),
        ("spline-blocks-level", "a level of one latent in each block, along one axis", blocks(picture(70, 3, 1, U8), alone(&picture(70, 3, 1, U8), 0b10_0001, 12), 5)),
        ("spline-earlier-8", "as many earlier neighbours as there may be", plain(volume([5, 6, 4], 1, U8), |d| { let mut shape = in_slices(d, 0b111); shape.context.earlier = 8; shape })),
        ("spline-earlier-4d", "as many earlier neighbours as there may be in four axes", plain(field_of_four([4, 3, 4, 3], U8), |d| { let mut shape = in_slices(d, 0b11); shape.context.earlier = 8; shape })),
        ("spline-slow", "four series of slow grids, of levels up to 15", plain(video([6, 5], 40, 1, U8), |d| { let mut shape = in_slices(d, 0b11); shape.further.slow = [1, 2, 3, 15].map(|third| Slow { levels: 1 << third | 1, further: [third, 0] }).into(); shape })),
        ("spline-one-slice", "a volume of one slice", plain(volume([6, 5, 1], 1, U8), |d| in_slices(d, 0b111))),
        ("spline-layers-1", "one hidden layer", layers(1, 7)),
        ("spline-layers-4", "as many hidden layers as there may be", layers(4, 5)),
        ("spline-width-1", "one neuron", layers(2, 1)),
        ("spline-width-64", "as many neurons as there may be", layers(4, 64)),
        ("spline-all-zero", "parameters and latents of 0", {
            changed(small(), ordinary(&small(), 0b111), |field| {
                field.exponents.fill(0);
                field.symbols.fill(0);
                field.latents.iter_mut().for_each(|grid| grid.fill(0));
            })
        }),
        ("spline-escapes", "latents of every size of both signs, up to the largest", {
            changed(picture(33, 11, 1, F32), alone(&picture(33, 11, 1, F32), 0b101, 7), |field| {
                let latents = field.latents.iter_mut().flatten().enumerate();
                let sign = |n: usize| if n % 7 < 3 { -1 } else { 1 };
                latents.for_each(|(n, q)| *q = (sign(n) * (MAX_LATENT >> (n % 16))) as i16);
            })
        }),
        ("spline-exponents", "the finest steps of the network", {
            changed(picture(9, 9, 1, F32), ordinary(&picture(9, 9, 1, F32), 0b111), |field| {
                let network = 1 + field.shape.network_tensors().len();
                field.exponents[..network].fill(31);
            })
        }),
        ("spline-largest", "parameters of 2^10, phases of many turns", {
            let d = picture(9, 9, 1, F32);
            changed(d.clone(), Shape { layers: 4, width: 3, ..ordinary(&d, 0b111) }, |field| {
                let network = 1 + field.shape.network_tensors().len();
                for n in 0..network {
                    let (exponent, most) = if n % 2 == 0 { (0, 1 << 10) } else { (10, 1 << 20) };
                    set(field, n, exponent, &[most, -most, most]);
                }
                field.latents.iter_mut().flatten().for_each(|q| *q = q.signum() * MAX_LATENT as i16);
            })
        }),
        ("spline-model", "a context model of the largest weights and biases: sums of almost 2^31", {
            let d = picture(40, 9, 1, F32);
            let context = ContextShape { levels: 0b100, informed: 0b1, neighbours: 2, earlier: 0, combinations: 2 };
            changed(d.clone(), Shape { context, ..ordinary(&d, 0b101) }, |field| {
                // Weights and biases of combinations, of two layers of 4 inputs and of the outputs, then the
                // weights past the layers.
                let first = 1 + field.shape.network_tensors().len();
                for n in 0..9 {
                    let is_bias = n % 2 == 1;
                    let weights = [10_922, -10_922, 10_922, 0];
                    let outputs = [8_191, 8_191, 8_191, -8_191];
                    match n {
                        0 => set(field, first, 10, &weights[..3]),
                        6 => set(field, first + 6, 10, &outputs[..1]),
                        8 => set(field, first + 8, 10, &[0, 0, 0, 3]),
                        _ if is_bias => set(field, first + n, 10, &[1 << 20, -(1 << 20), 1 << 19]),
                        _ => set(field, first + n, 10, &weights),
                    }
                }
                let latents = field.latents.iter_mut().flatten().enumerate();
                latents.for_each(|(n, q)| *q = (MAX_LATENT >> (n % 9)) as i16 * if n % 4 == 0 { -1 } else { 1 });
            })
        }),
    ]);
    let cases = [cases, with_usual(), without_usual()].concat();
    let by_table = [0, 1, 2, 3, 4, 5, 6, 7].map(|table| Case {
        name: format!("uncommon/spline-tables-{table}.siren"),
        tests: "splines: parameters in tables of another shape",
        bytes: tables(table),
        error: None,
    });
    [cases, by_table.into()].concat()
}

/// Shapes that have usual parameters.
#[rustfmt::skip]
fn with_usual() -> Vec<Case> {
    let d = || picture(13, 9, 3, SampleFormat::U8);
    let shape = |levels| usual(&d(), levels);
    let with = |shape: Shape, exponents: [&[u8]; 2]| {
        let (network, tensors) = (shape.order().context(), shape.tensors().len());
        let [first, rest] = [(exponents[0], network), (exponents[1], tensors - network)];
        let exponents = [first, rest].map(|(of, count)| of.iter().copied().cycle().take(count));
        field_of(shape, exponents.into_iter().flatten().collect())
    };
    // Symbols of the exponent 10 are the usual parameters.
    let same = |symbol: fn(usize, i16) -> i32| {
        let mut field = with(shape(USUAL), [&[10], &[10]]);
        let usual = field.shape.usual_parameters();
        let symbols = usual.iter().enumerate().flat_map(|(n, usual)| usual.iter().map(move |&x| symbol(n, x)));
        field.symbols = symbols.collect();
        bytes_of(&file(d(), field))
    };
    good("uncommon", vec![
        ("spline-usual-levels", "other levels than the usual ones: of each kind some have usual parameters", {
            bytes_of(&file(d(), field(shape([0b10_1010_1101, 0b1_0110_1000, 0b1101]))))
        }),
        ("spline-usual-none", "levels of which none has usual parameters", {
            bytes_of(&file(d(), field(shape([0b1_1000_0000, 0b1000, 0b1000_0000]))))
        }),
        ("spline-usual-exponents", "usual symbols that are rounded, equal and shifted", {
            bytes_of(&file(d(), with(shape(USUAL), [&[3, 9, 10, 11, 15], &[6, 9, 10, 8, 7]])))
        }),
        ("spline-usual-same", "the usual parameters: every difference is 0", same(|_, usual| usual.into())),
        ("spline-usual-far", "differences of 2^20 in the first layer", {
            same(|n, usual| i32::from(usual) - if n == 1 { i32::from(usual.signum()) << 20 } else { 0 })
        }),
    ])
}

/// Shapes that differ from those with usual parameters in one size each.
#[rustfmt::skip]
fn without_usual() -> Vec<Case> {
    let levels = [0b111, 0b100, 0b11];
    let other = |change: fn(&mut Shape)| {
        plain(picture(11, 8, 1, SampleFormat::U8), |d| {
            let mut shape = usual(d, levels);
            change(&mut shape);
            shape
        })
    };
    good("uncommon", vec![
        ("spline-unusual-sound", "the usual sizes in a sound, which has no usual parameters", plain(sound(60, 1, SampleFormat::I16), |d| usual(d, levels))),
        ("spline-unusual-layers", "a layer less than with usual parameters", other(|shape| shape.layers = 1)),
        ("spline-unusual-width", "a neuron less than with usual parameters", other(|shape| shape.width = 15)),
        ("spline-unusual-neighbours", "a neighbour less than with usual parameters", other(|shape| shape.context.neighbours = 11)),
        ("spline-unusual-combinations", "a combination less than with usual parameters", other(|shape| shape.context.combinations = 3)),
    ])
}
