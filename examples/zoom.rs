//! Zooms into a `.siren` picture around a point, by a factor of 4 from each picture to the next:
//! `cargo run --release --example zoom -- IN.siren X Y COUNT OUT`, which writes OUT-1.png, OUT-4.png,

use sirenc::Decoder;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::{Grid, Region, Signal};
use std::fs::File;
use std::io::BufReader;

/// Width and height of the pictures.
const SIZE: u32 = 384;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [input, x, y, count, out] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "IN.siren X Y COUNT OUT expected")?;
    let centre: [f64; 2] = [x.parse()?, y.parse()?];
    let decoder = Decoder::open(BufReader::new(File::open(input)?))?;
    let picture = decoder.description();
    let shortest = picture.lengths().iter().copied().min().map_or(1.0, f64::from);

    for step in 0..count.parse()? {
        let strength = 4u32.pow(step);
        let side = shortest / f64::from(strength);
        // As close to centred on the point as the edges allow.
        let from = [0, 1]
            .map(|a| (centre[a] - side / 2.0).clamp(-0.5, f64::from(picture.lengths()[a]) - 0.5 - side));
        let region = Region::new(picture, &from, &from.map(|edge| edge + side))?;
        let grid = Grid::over(&region, &[SIZE, SIZE])?;
        let signal = Signal {
            samples: decoder.request(&grid).samples(picture.format)?,
            description: picture.on(&grid),
            metadata: decoder.metadata().to_vec(),
        };
        media::write(&signal, OutputFormat::Png, File::create(format!("{out}-{strength}.png"))?)?;
    }
    Ok(())
}
