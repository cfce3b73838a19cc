//! Files composed from pseudo-random integers, without a fit.

use sirenc::container::{self, File, LayerSteps, Networks, QuantizedNetwork, Stored};
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, SampleFormat, Tiles, Units};

pub fn picture(width: u32, height: u32, channels: u8, format: SampleFormat) -> Description {
    Description::picture([width, height], channels, format)
}

pub fn sound(samples: u32, channels: u8, format: SampleFormat) -> Description {
    Description::sound(samples, channels, format, 8000)
}

/// The SplitMix64 generator.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }
    /// True once in `n` times.
    pub fn one_in(&mut self, n: i32) -> bool {
        self.integer(1, n) == 1
    }
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.integer(0, from.len() as i32 - 1) as usize]
    }
    /// An integer in `low..=high`.
    pub fn integer(&mut self, low: i32, high: i32) -> i32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let span = u64::from(high.abs_diff(low)) + 1;
        low + ((z ^ z >> 31) % span) as i32
    }
}

/// One network per tile; tiles take their widths from `widths` in turn.
pub fn quantized(d: &Description, tiles: &Tiles, layers: usize, widths: &[usize]) -> Vec<QuantizedNetwork> {
    let mut random = Random(u64::from(d.lengths()[0]));
    let network = |tile: usize| {
        let width = widths[tile % widths.len()];
        let shape = Shape { inputs: d.axes.len(), outputs: d.channels.into(), layers, width };
        // Steps of 1/16 of a turn in the first layer, 1/128 in the last: a few turns over the signal, values
        // within it.
        let index = |layer: usize| {
            if layer == 0 {
                -32
            } else if layer == layers {
                -56
            } else {
                -44
            }
        };
        let steps = (0..=layers)
            .map(|l| LayerSteps::new(index(l), index(l) + random.integer(-3, 3) as i16))
            .collect();
        let mut symbols: Vec<i32> = (0..shape.parameters()).map(|_| random.integer(-20, 20)).collect();
        if matches!(d.format, SampleFormat::U8 | SampleFormat::U16) {
            let biases = shape.layers().last().map_or(0..0, |l| l.biases());
            symbols[biases].iter_mut().for_each(|bias| *bias += 64);
        }
        QuantizedNetwork { shape, steps, symbols }
    };
    (0..tiles.len()).map(network).collect()
}

/// Symbols of mean magnitude 9, `share` of 32 from a Laplace distribution and the others from a Gaussian one.
pub fn mixed_symbols(count: usize, share: i32) -> Vec<i32> {
    let mut random = Random(7);
    let mut symbol = || {
        if random.integer(0, 31) < share {
            let mut magnitude = 0;
            while random.integer(0, 9) > 0 {
                magnitude += 1;
            }
            if random.integer(0, 1) == 0 { magnitude } else { -magnitude }
        } else {
            (0..12).map(|_| random.integer(-5, 5)).sum()
        }
    };
    (0..count).map(|_| symbol()).collect()
}

/// Networks whose parameters are rounded to binary16.
pub fn numbers(networks: &[QuantizedNetwork]) -> Vec<Network> {
    networks.iter().map(|n| container::round_to_half(&n.dequantize()).expect("small")).collect()
}

/// A file with one network.
pub fn plain(d: Description, layers: usize, width: usize) -> File {
    tiled(d, &[], 0, layers, &[width])
}

pub fn tiled(d: Description, counts: &[u32], overlap: u32, layers: usize, widths: &[usize]) -> File {
    let tiles = match counts {
        [] => Tiles::one(&d),
        _ => Tiles::new(&d, counts, overlap).expect("a partition"),
    };
    let networks = Networks::Quantized(quantized(&d, &tiles, layers, widths));
    File {
        description: d,
        units: None,
        missing: None,
        field: Stored::Siren { tiles, networks },
        metadata: vec![],
    }
}

pub fn with_networks(file: &File, change: impl FnOnce(&[QuantizedNetwork]) -> Networks) -> File {
    let Stored::Siren { tiles, networks: Networks::Quantized(networks) } = &file.field else {
        unreachable!("composed quantized")
    };
    File { field: Stored::Siren { tiles: tiles.clone(), networks: change(networks) }, ..file.clone() }
}

pub fn sorted(file: &File) -> File {
    with_networks(file, |networks| {
        let mut networks = networks.to_vec();
        networks.iter_mut().for_each(QuantizedNetwork::sort_neurons);
        Networks::Quantized(networks)
    })
}

/// The file with a UNITS section added.
pub fn in_units(file: File, exponent: i16, offsets: &[f32]) -> File {
    File { units: Some(Units::with_exponent(exponent, offsets.to_vec())), ..file }
}

/// A file with one network of `parameters`, stored in binary32.
pub fn single(d: Description, layers: usize, width: usize, parameters: &[f32]) -> File {
    with_networks(&plain(d, layers, width), |networks| {
        Networks::Single(vec![Network::from_parameters(networks[0].shape, parameters.to_vec())])
    })
}

pub fn bytes_of(file: &File) -> Vec<u8> {
    let mut bytes = vec![];
    container::write(file, &mut bytes).expect("a file that can be written");
    bytes
}
