//! Results that are the same on every machine, and results that are the same at one instruction level only.

use crate::support::{Room, picture};
use sirenc::backend::simd::Level;

#[test]
fn a_level_fits_the_same_bytes_on_any_number_of_threads_and_every_level_decodes_them_alike() {
    let room = Room::new();
    room.put("p.ppm", picture(16, 16));
    let at = |level: Level, arguments: &[&str]| {
        let output = room.command(arguments).env("SIRENC_SIMD", level.name()).output().unwrap();
        assert!(output.status.success(), "{level:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for fitted in Level::available() {
        for threads in ["1", "2", "5"] {
            let file = format!("{threads}.siren");
            let arguments = ["encode", "p.ppm", "-o", &file, "-f", "--size", "400", "--effort", "1"];
            let report = at(fitted, &[&arguments[..], &["--threads", threads, "--json"]].concat());
            assert!(report.contains(&format!("cpu ({}, {threads} thread", fitted.name())), "{report}");
            assert_eq!(room.get(&file), room.get("1.siren"), "{fitted:?} on {threads} threads");
        }
        for decoded in Level::available() {
            let file = format!("{}.npy", decoded.name());
            at(decoded, &["decode", "1.siren", "-o", &file, "-f", "--scale", "3"]);
            assert_eq!(room.get(&file), room.get("scalar.npy"), "{fitted:?} decoded by {decoded:?}");
        }
    }
}
