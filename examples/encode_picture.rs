//! Encodes a picture: `cargo run --release --example encode_picture -- IN.png OUT.siren`

use sirenc::{EncodeOptions, Flow, Limits, Target, encode_with_progress, media};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [input, output] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "IN and OUT expected")?;

    let signal = media::read(&std::fs::read(input)?, &Limits::default())?;
    let options = EncodeOptions::default().target(Target::BitsPerPosition(0.5)).effort(2);
    let encoded = encode_with_progress(&signal, &options, &|progress| {
        let (done, left) = (100.0 * progress.done, progress.remaining.as_secs());
        eprint!("\r{:?} {done:.0} %, {left} s left ", progress.phase);
        Flow::Continue
    })?;
    std::fs::write(output, &encoded.bytes)?;

    eprintln!("\n{} bytes, {:.2} dB", encoded.bytes.len(), encoded.report.psnr_db);
    Ok(())
}
