//! Pictures with hard edges: more bytes and more effort must not make them worse, and rounding must not
//! destroy them.
#![cfg(all(feature = "encoder", feature = "media"))]

use rayon::prelude::*;
use sirenc::signal::Signal;
use sirenc::{EncodeOptions, FieldKind, Limits, Report, Target, encode, media};

const PICTURES: [&str; 5] = ["text", "window", "chart", "screenshot", "bars"];
const RATES: [f64; 3] = [0.3, 1.0, 2.0];
/// The PSNR of an error of one code in 255, dB; differences above it are invisible and not compared.
const NEAR: f64 = 48.13;
/// The largest loss of PSNR with more bytes, and with more effort, dB.
const WITH_BYTES: f64 = 0.3;
const WITH_EFFORT: f64 = 0.5;

fn picture(name: &str) -> Signal {
    let bytes = std::fs::read(format!("fixtures/graphics/{name}.png")).unwrap();
    media::read(&bytes, &Limits::default()).unwrap()
}

fn report(signal: &Signal, field: FieldKind, bpp: f64, effort: u8) -> Report {
    let options = EncodeOptions::default().field(field).target(Target::BitsPerPosition(bpp));
    let encoded = encode(signal, &options.effort(effort).threads(1)).unwrap();
    assert!(encoded.bytes.len() as f64 * 8.0 <= bpp * signal.description.positions() as f64);
    encoded.report
}

/// The PSNR of the best constant, dB.
fn constant_db(signal: &Signal) -> f64 {
    let channels = usize::from(signal.description.channels);
    let samples: Vec<f64> = (0..signal.samples.len()).map(|i| signal.samples.get(i).into()).collect();
    let variance = |channel: usize| {
        let of_channel = || samples.iter().skip(channel).step_by(channels);
        let mean = of_channel().sum::<f64>() / of_channel().count() as f64;
        of_channel().map(|sample| (sample - mean).powi(2)).sum::<f64>() / of_channel().count() as f64
    };
    -10.0 * ((0..channels).map(variance).sum::<f64>() / channels as f64).log10()
}

#[test]
fn splines_store_graphics_with_little_error() {
    PICTURES.par_iter().for_each(|name| {
        let report = report(&picture(name), FieldKind::Auto, 1.0, 1);
        assert!(report.field == FieldKind::Spline && report.psnr_db > 33.0, "{name}: {report:?}");
    });
}

#[test]
fn more_bytes_and_more_effort_do_not_make_networks_worse() {
    compare(FieldKind::Siren);
}

/// Compares all pictures at all rates and efforts.
fn compare(field: FieldKind) {
    // Higher efforts take minutes.
    let efforts = 1..=3u8;
    let cases: Vec<(&str, u8, f64)> = PICTURES
        .iter()
        .flat_map(|&name| efforts.clone().flat_map(move |effort| RATES.map(|rate| (name, effort, rate))))
        .collect();
    let reports: Vec<Report> =
        cases.par_iter().map(|&(name, effort, rate)| report(&picture(name), field, rate, effort)).collect();
    let psnr = |name, effort, rate| {
        let at = cases.iter().position(|&case| case == (name, effort, rate)).unwrap();
        reports[at].psnr_db.min(NEAR)
    };
    for (&(name, effort, rate), report) in cases.iter().zip(&reports) {
        let case = format!("{name} at effort {effort} and {rate} bits per pixel");
        let reached = psnr(name, effort, rate);
        assert!(reached > constant_db(&picture(name)) - 0.1, "{case}: {reached}, worse than a constant");
        for &less in RATES.iter().filter(|&&less| less < rate) {
            let with_less = psnr(name, effort, less);
            assert!(reached >= with_less - WITH_BYTES, "{case}: {reached}, {with_less} with {less}");
        }
        if effort > 1 {
            let with_less = psnr(name, effort - 1, rate);
            assert!(reached >= with_less - WITH_EFFORT, "{case}: {reached}, {with_less} at the effort below");
        }
        // Only at usual rates: at high rates more but coarser parameters are better than fewer finer ones,
        // although rounding costs more.
        let fit = report.fit_psnr_db.min(NEAR);
        assert!(rate >= 1.0 || reached >= fit - 1.0, "{case}: {reached}, {fit} before rounding");
        let worst = report.worst_tile.as_ref().map_or(report.psnr_db, |tile| tile.psnr_db);
        assert!(worst >= reached - 9.0, "{case}: {reached}, but {worst} in one tile");
    }
}
