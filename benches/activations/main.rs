//! Activations side by side, after the first figure of SIREN (Sitzmann et al. 2020): `cargo bench --bench activations
//! --features candle [-- FOLDER [ITERATIONS [PICTURE [RATE]]]]`.
//!
//! Networks of one shape learn the values of a grey picture, or its gradient alone. FOLDER gets `activations.csv`, what they
//! reach over the iterations of Adam, and `reference.npy` and `ACTIVATION-TASK.npy`: 4 planes, value, derivatives by x and y,
//! Laplacian, of the picture and of the networks in the end. Of a larger PICTURE the middle is taken. RATE is a learning rate
//! for all, in place of their own.

mod activation;
mod features;
mod jet;
mod network;
mod reference;
mod spline;
mod training;

use jet::{Jet, Order};
use network::kinds;
use reference::Reference;
use sirenc::{Limits, media};
use std::path::{Path, PathBuf};
use training::{Task, Training};

/// The largest side of the square that is learned.
const SIDE: usize = 64;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let argument = |n: usize| arguments.get(n).map(String::as_str);
    let folder =
        argument(0).map_or(Path::new(env!("CARGO_TARGET_TMPDIR")).join("activations"), PathBuf::from);
    let iterations = argument(1).unwrap_or("1000").parse()?;
    let picture =
        argument(2).unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/media/astronaut-128.png"));
    let rate: Option<f64> = argument(3).map(str::parse).transpose()?;

    let (samples, side) = middle(picture)?;
    let reference = Reference::new(&samples, side)?;
    std::fs::create_dir_all(&folder)?;
    write_planes(&folder.join("reference.npy"), &reference.jet, side)?;
    // Both tasks of a network at a time: most of candle's operations take one thread.
    let learn = |task: Task| -> Result<String> {
        let mut table = String::new();
        for kind in kinds(side) {
            let training =
                Training { kind, task, iterations, rate: rate.unwrap_or(training::usual_rate(kind)) };
            let (rows, jet) = training.run(&reference)?;
            println!("{}", rows.last().expect("the start is measured"));
            table += &(rows.join("\n") + "\n");
            let name = format!("{}-{}.npy", kind.name.replace(' ', "-"), task.name());
            write_planes(&folder.join(name), &jet, side)?;
        }
        Ok(table)
    };
    let [fit, poisson] = std::thread::scope(|scope| {
        Task::ALL.map(|task| scope.spawn(move || learn(task))).map(|thread| thread.join().expect("no panic"))
    });
    let table =
        format!("activation,task,iteration,seconds,image_db,gradient_db,laplacian_db\n{}{}", fit?, poisson?);
    std::fs::write(folder.join("activations.csv"), table)?;
    println!("{}", folder.display());
    Ok(())
}

/// The square in the middle of a picture, its samples as grey in 0..1, and its side.
fn middle(path: &str) -> Result<(Vec<f64>, usize)> {
    let signal = media::read(&std::fs::read(path)?, &Limits::default())?;
    let channels = usize::from(signal.description.channels);
    let [width, height] = signal.description.lengths()[..] else {
        return Err(format!("{path}: expected a picture, found {:?}", signal.description.kind()).into());
    };
    let (width, height) = (width as usize, height as usize);
    let side = SIDE.min(width).min(height);
    if side < 2 {
        return Err(format!("{path}: {width}×{height} pixels, expected at least 2×2").into());
    }
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    // Luma of RGB, and grey itself of others.
    let weights: &[f64] = if channels >= 3 { &[0.299, 0.587, 0.114] } else { &[1.0] };
    let grey = |n: usize| {
        let at = ((top + n / side) * width + left + n % side) * channels;
        weights.iter().enumerate().map(|(c, weight)| weight * f64::from(signal.samples.get(at + c))).sum()
    };
    Ok(((0..side * side).map(grey).collect(), side))
}

/// Value, derivatives by x and y, and Laplacian as an array of 4 × side × side.
fn write_planes(path: &Path, jet: &Jet, side: usize) -> Result<()> {
    let mut planes: Vec<f32> = vec![];
    for part in [Order::Value, Order::Gradient, Order::Laplacian] {
        planes.extend(jet.part(part)?.t()?.flatten_all()?.to_vec1::<f32>()?);
    }
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    Ok(media::write_npy(file, &[4, side as u64, side as u64], planes)?)
}
