//! Random valid files: every kind, format, number of channels, partition, depth, width, pyramid, coding and
//! section of the format, at sizes that decode quickly.

use crate::Case;
use crate::compose::{Random, bytes_of, numbers};
use crate::missing::without;
use crate::pieces::{insert, section, split};
use crate::splines::{field, field_of, usual};
use sirenc::container::{File, LayerSteps, Networks, QuantizedNetwork, QuantizedSpline, Stored};
use sirenc::field::spline::{self, ContextShape, MAX_LATENT};
use sirenc::network::Shape;
use sirenc::signal::{Axis, Description, Kind, Metadata, MetadataKind, Rate, SampleFormat, Tiles, Units};

/// `count` random files; the same `seed` gives the same files.
pub fn files(seed: u64, count: u32) -> Vec<Case> {
    let mut random = Random::new(seed);
    let mut case = |number: u32| Case {
        name: format!("random-{number:04}.siren"),
        tests: "drawn at random",
        bytes: file(&mut random),
        error: None,
    };
    (0..count).map(&mut case).collect()
}

fn file(random: &mut Random) -> Vec<u8> {
    let description = description(random);
    let has_splines = matches!(description.kind(), Kind::Picture | Kind::Sound);
    let field = if has_splines && random.one_in(3) {
        Stored::Spline(splines(random, &description))
    } else {
        let tiles = tiles(random, &description);
        let networks = networks(random, &description, &tiles);
        Stored::Siren { tiles, networks }
    };
    let units = units(random, &description);
    let file = File { metadata: metadata(random), description, units, missing: None, field };
    let mut bytes = bytes_of(&missing(random, file));
    // Unknown sections, at the places given by their numbers.
    for number in [0x85, 0xe0] {
        if random.one_in(6) {
            let payload = vec![random.integer(0, 255) as u8; random.integer(0, 200) as usize];
            let before = |other: &Vec<u8>| other[0] & 0x7f < number & 0x7f;
            let place = split(&bytes).iter().filter(|other| before(other)).count();
            bytes = insert(&bytes, place, section(number, &payload));
        }
    }
    bytes
}

fn description(random: &mut Random) -> Description {
    use SampleFormat::{F32, I8, I16, I24, I32, U8, U16};
    if random.one_in(4) {
        return other(random);
    }
    if *random.choose(&[false, true]) {
        let (samples, channels) = (random.integer(1, 600) as u32, random.integer(1, 8) as u8);
        let format = *random.choose(&[I8, I16, I24, I32, F32]);
        return Description::sound(samples, channels, format, random.integer(1, i32::MAX) as u32);
    }
    let size = [(); 2].map(|()| random.integer(1, 30) as u32);
    let channels = random.integer(1, 4) as u8;
    Description::picture(size, channels, *random.choose(&[U8, U16, F32]))
}

/// A signal of any axes, with a few samples along each.
fn other(random: &mut Random) -> Description {
    use SampleFormat::{F32, I8, I16, I24, I32, U8, U16};
    let most = |random: &mut Random| *random.choose(&[1000, i32::MAX]);
    let number = |random: &mut Random| most(random).min(random.integer(1, i32::MAX)) as u32;
    let axis = |random: &mut Random, measure: i32| match measure {
        0 => Axis::space(random.integer(1, 9) as u32),
        1 => Axis::time(random.integer(1, 9) as u32, Rate::new(number(random), number(random))),
        2 => Axis::time(random.integer(1, 9) as u32, None),
        _ => Axis::other(random.integer(1, 9) as u32),
    };
    let measures = match random.integer(0, 2) {
        0 => vec![0, 0, 1],
        1 => vec![0; 3],
        _ => (0..random.integer(1, 4)).map(|_| random.integer(0, 3)).collect(),
    };
    let axes: Vec<Axis> = measures.into_iter().map(|measure| axis(random, measure)).collect();
    let channels = if random.one_in(3) { 64 } else { 4 };
    let signal = Description { axes, channels: random.integer(1, channels) as u8, format: F32 };
    let format = match signal.kind() {
        Kind::Picture | Kind::Video => *random.choose(&[U8, U16, F32]),
        Kind::Sound => *random.choose(&[I8, I16, I24, I32, F32]),
        _ => *random.choose(&[U8, U16, I8, I16, I24, I32, F32]),
    };
    Description { format, ..signal }
}

/// Units of any magnitude for about half of the files whose samples can have some.
fn units(random: &mut Random, description: &Description) -> Option<Units> {
    if !description.has_own_range() || random.one_in(2) {
        return None;
    }
    let exponent = random.integer(-149, 127) as i16;
    let mut units = Units::with_exponent(exponent, vec![0.0; description.channels.into()]);
    if random.one_in(3) {
        units.scales.iter_mut().for_each(|scale| *scale *= random.integer(0, 255) as f32 / 256.0);
    }
    let of_channels = units.offsets.iter_mut().zip(&units.scales);
    of_channels.for_each(|(offset, scale)| *offset = scale * (random.integer(-255, 255) as f32 / 256.0));
    Some(units).filter(|units| !units.is_default())
}

/// Missing samples for a third of the files of binary32: in runs, of all channels together or of each.
fn missing(random: &mut Random, file: File) -> File {
    if file.description.format != SampleFormat::F32 || !random.one_in(3) {
        return file;
    }
    let (together, length) = (random.one_in(2), *random.choose(&[2, 7, 40]));
    let mut now = [random.one_in(2); 64];
    let all = file.description.positions() * u64::from(file.description.channels);
    let masked = without(file.clone(), |_, channel| {
        let channel = channel as usize;
        now[channel] = if together && channel > 0 { now[0] } else { now[channel] ^ random.one_in(length) };
        now[channel]
    });
    let exist = masked.missing.as_ref().is_some_and(|missing| missing.samples() < all);
    if exist { masked } else { file }
}

fn tiles(random: &mut Random, description: &Description) -> Tiles {
    let most = |length: u32| length.min(5) as i32;
    let counts: Vec<u32> = description.lengths().iter().map(|&n| random.integer(1, most(n)) as u32).collect();
    if counts.iter().all(|&n| n == 1) || random.one_in(2) {
        return Tiles::one(description);
    }
    let lengths = description.lengths();
    let scales = description.scales();
    let mut overlap = |scale: usize| {
        let cut =
            counts.iter().zip(&lengths).zip(&scales).filter(|((count, _), of)| **count > 1 && **of == scale);
        let core = cut.map(|((count, length), _)| length / count).min().unwrap_or(0);
        random.integer(0, (core / 2) as i32) as u32
    };
    let overlaps: Vec<u32> = (0..=scales.iter().copied().max().unwrap_or(0)).map(&mut overlap).collect();
    Tiles::with_overlaps(description, &counts, &overlaps).expect("a partition")
}

fn networks(random: &mut Random, description: &Description, tiles: &Tiles) -> Networks {
    let most = if random.one_in(20) { 64 } else { 5 };
    let layers = random.integer(1, most) as usize;
    let mut quantized: Vec<QuantizedNetwork> = (0..tiles.len())
        .map(|_| {
            let most = if random.one_in(10) { 60 } else { 14 };
            let width = random.integer(1, most) as usize;
            let (inputs, outputs) = (description.axes.len(), description.channels.into());
            let shape =
                Shape { inputs, outputs, layers, width: if layers > 5 { width.min(4) } else { width } };
            network(random, shape)
        })
        .collect();
    if random.one_in(2) {
        quantized.iter_mut().for_each(QuantizedNetwork::sort_neurons);
    }
    match random.integer(0, 5) {
        0 => Networks::Half(numbers(&quantized)),
        1 => Networks::Single(quantized.iter().map(QuantizedNetwork::dequantize).collect()),
        _ => Networks::Quantized(quantized),
    }
}

/// A network with parameters of at most 2¹⁰, mostly about 1, from symbols of any size.
fn network(random: &mut Random, shape: Shape) -> QuantizedNetwork {
    let bits = random.integer(0, 20);
    let index = |random: &mut Random| (random.integer(-20, 16) - 8 * bits) as i16;
    let steps = (0..=shape.layers).map(|_| LayerSteps::new(index(random), index(random))).collect();
    // Some networks have heavier tails.
    let tails = random.integer(0, 3);
    let mut symbol = || {
        let bits = (bits - random.integer(0, 1 + tails).pow(2)).max(0);
        random.integer(-(1 << bits), 1 << bits)
    };
    QuantizedNetwork { shape, steps, symbols: (0..shape.parameters()).map(|_| symbol()).collect() }
}

/// A shape of any sizes, or of those with usual parameters.
fn spline_shape(random: &mut Random, description: &Description) -> spline::Shape {
    let most = if random.one_in(4) { 0xffff } else { 0x7f };
    let levels = random.integer(1, most) as u16;
    let context_levels = if random.one_in(3) { 0 } else { random.integer(0, most) as u16 };
    let coarsest = 0x8000 >> (levels | context_levels).leading_zeros();
    let informed = levels & !coarsest & random.integer(0, 0xffff) as u16;
    if informed != 0 && random.one_in(3) {
        let further = spline_further(random, description.axes.len());
        return spline::Shape { further, ..usual(description, [levels, context_levels, informed]) };
    }
    let context = ContextShape {
        levels: context_levels,
        informed,
        earlier: if description.axes.len() > 2 { random.integer(0, 8) as usize } else { 0 },
        neighbours: random.integer(1, 12) as usize,
        combinations: if informed == 0 { 0 } else { random.integer(1, 8) as usize },
    };
    let widest = if random.one_in(8) { 64 } else { 12 };
    spline::Shape {
        lengths: description.lengths(),
        outputs: description.channels.into(),
        levels,
        further: spline_further(random, description.axes.len()),
        layers: random.integer(1, 4) as usize,
        width: random.integer(1, widest) as usize,
        context,
    }
}

/// The spacing along any further axes.
fn spline_further(random: &mut Random, axes: usize) -> spline::Further {
    let count = axes.saturating_sub(2);
    let mut pair = |most: i32| -> [u32; spline::FURTHER] {
        std::array::from_fn(|axis| if axis < count { random.integer(0, most) as u32 } else { 0 })
    };
    let (delays, slow) = (pair(15), [pair(4), pair(15)]);
    let series = if count == 0 { 0 } else { random.integer(0, 2) as usize };
    let slow = slow[..series].iter();
    let slow =
        slow.map(|&further| spline::Slow { levels: random.integer(1, 0x1f) as u16, further }).collect();
    spline::Further { delays, slow }
}

/// A field of any shape.
fn splines(random: &mut Random, description: &Description) -> QuantizedSpline {
    let shape = spline_shape(random, description);
    let mut field = if random.one_in(3) {
        // Usual parameters have to be in range in units of the step.
        let finest = if shape.has_usual() { 15 } else { 31 };
        let network = shape.order().context();
        let steps = |n: usize| if n < network { (0, finest) } else { (6, 10) };
        let exponents =
            (0..shape.tensors().len()).map(steps).map(|(low, high)| random.integer(low, high) as u8);
        let exponents = exponents.collect();
        field_of(shape, exponents)
    } else {
        field(shape)
    };
    field.table = random.integer(0, 8) as u8;
    let least = field.shape.grids()[0].level.max(1) as i32;
    let longest = description.lengths().iter().copied().max().unwrap_or(1);
    let most = (longest - 1).checked_ilog2().unwrap_or(0) as i32;
    if most >= least && random.one_in(2) {
        field.blocks = random.integer(least, most) as u8;
    }
    // Latents of other sizes.
    let bits = random.integer(0, 10);
    field
        .latents
        .iter_mut()
        .flatten()
        .for_each(|latent| *latent = (*latent).saturating_mul(1 << bits).max(-MAX_LATENT as i16));
    field
}

fn metadata(random: &mut Random) -> Vec<Metadata> {
    let mut blocks = vec![];
    for kind in [MetadataKind::Icc, MetadataKind::Exif, MetadataKind::Xmp] {
        if random.one_in(5) {
            let byte = random.integer(0, 255);
            let bytes = (0..random.integer(0, 900)).map(|i| (byte + i / 7) as u8).collect();
            blocks.push(Metadata { kind, bytes });
        }
    }
    blocks
}
