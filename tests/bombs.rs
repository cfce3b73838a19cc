//! Small files that require much work: rejected by their cost, which is known from the header.
#![cfg(feature = "encoder")]

#[cfg(target_os = "linux")]
use sirenc::backend::simd::Level;
use sirenc::container::{self, File, Networks, Stored};
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, Grid, SampleFormat, Tiles};
use sirenc::{Cost, Decoder, Error, Limits};

/// A grey picture of tiles whose networks are all zero, which compresses well.
fn bomb(lengths: [u32; 2], counts: [u32; 2], layers: usize, width: usize) -> Vec<u8> {
    let description = Description::picture(lengths, 1, SampleFormat::U8);
    let tiles = Tiles::new(&description, &counts, 0).unwrap();
    let network = Network::zeros(Shape { inputs: 2, outputs: 1, layers, width });
    let networks = Networks::Single(vec![network; tiles.len()]);
    let mut bytes = vec![];
    container::write(
        &File {
            description,
            units: None,
            missing: None,
            field: Stored::Siren { tiles, networks },
            metadata: vec![],
        },
        &mut bytes,
    )
    .unwrap();
    bytes
}

fn open(bytes: &[u8]) -> Decoder {
    // The cost of a rendering is reported however large it is.
    let mut limits = Limits::default();
    limits.samples = u64::MAX;
    Decoder::with_limits(bytes, &limits).unwrap()
}

/// Asserts that the file is rejected because of its work, at least `least` seconds on one fast core.
fn assert_refused(bytes: &[u8], size: Option<[u32; 2]>, least: f64) {
    let decoder = open(bytes);
    let description = decoder.description();
    let grid = size.map_or(Grid::native(description), |size| Grid::resized(description, &size).unwrap());
    let cost: Cost = decoder.request(&grid).cost().unwrap();
    let seconds = cost.macs as f64 / 5e10;
    assert!(seconds > least, "{seconds} s, {cost:?}");
    match decoder.render(&grid) {
        Err(Error::Limit { what: "multiply-adds of the rendering", needed, .. }) => {
            assert_eq!(needed, cost.macs);
        }
        other => panic!("{cost:?}: {:?}", other.map(|values| values.len())),
    }
}

#[test]
fn a_thumbnail_of_a_picture_without_end_is_refused() {
    let bytes = bomb([18_257_000, 18_257_000], [1, 1], 1, 1);
    assert!(bytes.len() < 100);
    assert_refused(&bytes, Some([64, 64]), 1e7);
}

#[test]
fn the_largest_networks_at_every_pixel_are_refused() {
    let bytes = bomb([16_384, 16_384], [1, 1], 64, 243);
    assert!(bytes.len() < 4096, "{}", bytes.len());
    assert_refused(&bytes, None, 1e4);
}

#[test]
fn a_tile_for_every_column_is_refused() {
    let bytes = bomb([16_384, 16_384], [16_384, 1], 1, 1);
    assert!(bytes.len() < 1 << 16, "{}", bytes.len());
    assert_refused(&bytes, None, 200.0);
}

/// CPU time of this thread in seconds, which does not depend on other load of the machine.
#[cfg(target_os = "linux")]
fn run_time() -> f64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    schedule.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}

/// Checks cases dominated by positions, by tiles and by networks. The allowed factor is large because
/// machines differ; on the machine of the constants it is below 2.
#[test]
#[cfg(target_os = "linux")]
fn the_seconds_of_a_cost_are_those_that_it_takes() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for (what, bytes, size) in [
        ("positions", bomb([1 << 20, 1], [1, 1], 1, 1), [8, 1]),
        ("tiles", bomb([1 << 14, 16], [1 << 14, 1], 1, 1), [1 << 14, 16]),
        ("networks", bomb([128, 128], [1, 1], 24, 160), [128, 128]),
    ] {
        let decoder = open(&bytes);
        let grid = Grid::resized(decoder.description(), &size).unwrap();
        let expected = decoder.request(&grid).cost().unwrap().seconds(Level::best());
        let found = pool.install(|| {
            let start = run_time();
            decoder.render(&grid).unwrap();
            run_time() - start
        });
        println!("{what}: {found:.4} s, {expected:.4} expected: {:.2}", found / expected);
        assert!((0.1..10.0).contains(&(found / expected)), "{what}: {found} s, {expected} s expected");
    }
}
