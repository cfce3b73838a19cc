//! Fits on a CUDA device, played by the emulated driver, and what happens where there is none or it fails.

#[path = "../emulator/mod.rs"]
mod emulator;

use crate::support::{Room, Run, picture};

const FAST: [&str; 6] = ["--effort", "1", "--layers", "2", "--width", "4"];

/// Runs `sirenc encode` beside the emulated driver, which fails as told.
fn encode(room: &Room, rest: &[&str], failure: &str) -> Option<Run> {
    let driver = emulator::library()?.parent().unwrap();
    let arguments = [&["encode"][..], rest, &FAST].concat();
    let mut command = room.command(&arguments);
    command.env("LD_LIBRARY_PATH", driver).env("SIRENC_EMULATED_FAILURE", failure);
    Some(Run::of(command.output().unwrap(), &arguments))
}

#[test]
fn a_device_fits_as_well_as_the_processor_and_the_same_every_time() {
    let room = Room::new();
    room.put("a.ppm", picture(30, 20));
    let fit = |output: &str, device: &str| {
        let run = encode(&room, &["a.ppm", "-o", output, "--device", device, "--json"], "")?;
        Some(run.exits(0).json())
    };
    let Some(first) = fit("1.siren", "cuda") else { return };
    assert_eq!(first["device"], "cuda:0 (emulated)");
    fit("2.siren", "cuda");
    fit("3.siren", "auto");
    assert!(room.get("1.siren") == room.get("2.siren") && room.get("1.siren") == room.get("3.siren"));
    let processor = fit("4.siren", "cpu").unwrap();
    assert!(processor["device"].as_str().unwrap().starts_with("cpu ("), "{processor}");
    let [device, processor] = [first, processor].map(|object| object["psnr_db"].as_f64().unwrap());
    assert!((device - processor).abs() < 0.5, "{device} dB on the device, {processor} dB on the processor");
}

#[test]
fn tiles_fit_together_within_the_size_asked_for() {
    let room = Room::new();
    room.put("a.ppm", picture(48, 40));
    let Some(driver) = emulator::library() else { return };
    let arguments = ["encode", "a.ppm", "--device", "cuda", "--effort", "1", "--size", "3000", "--json"];
    let mut command = room.command(&arguments);
    command.env("LD_LIBRARY_PATH", driver.parent().unwrap());
    let object = Run::of(command.output().unwrap(), &arguments).exits(0).json();
    assert!(object["tiles"].as_u64().unwrap() > 1, "{object}");
    assert!((2910..=3000).contains(&object["bytes"].as_u64().unwrap()), "{object}");
}

#[test]
fn a_fit_ends_in_time() {
    let room = Room::new();
    room.put("a.ppm", picture(30, 20));
    let arguments = ["a.ppm", "--device", "cuda", "--effort", "9", "--time-limit", "2", "--json"];
    let Some(driver) = emulator::library() else { return };
    let mut command = room.command(&[&["encode"][..], &arguments, &FAST[2..]].concat());
    command.env("LD_LIBRARY_PATH", driver.parent().unwrap());
    let object = Run::of(command.output().unwrap(), &arguments).exits(0).json();
    let seconds = object["seconds"].as_f64().unwrap();
    assert!(seconds < 30.0, "{seconds} s for a limit of 2 s and 83,200 steps without");
}

#[test]
fn several_pictures_at_once_are_as_one_at_a_time() {
    let room = Room::new();
    let names = ["a.ppm", "b.ppm", "c.ppm"];
    for (n, name) in names.iter().enumerate() {
        room.put(name, picture(20 + n, 12));
    }
    let arguments = [&names[..], &["--device", "cuda", "--json"]].concat();
    let Some(run) = encode(&room, &arguments, "") else { return };
    assert_eq!(run.exits(0).text().lines().count(), 3);
    for name in names {
        encode(&room, &[name, "-o", "alone", "-f", "--device", "cuda"], "").unwrap().exits(0);
        assert!(room.get(&name.replace("ppm", "siren")) == room.get("alone"), "{name}");
    }
}

#[test]
fn a_device_that_fails_is_an_error_by_name_and_the_processor_by_auto() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    for (failure, said) in [
        ("no-device", "no CUDA device"),
        ("old-driver", "the driver supports CUDA 11.8, expected 12.0 (driver 525) or newer"),
        ("old-device", "emulated has compute capability 7.0, expected 8.0 or newer"),
        ("wrong-bits", "emulated computes other values than the processor"),
        ("out-of-memory", "out of memory"),
        ("launch0", "CUDA_ERROR_LAUNCH_FAILED"),
        ("launch40", "CUDA_ERROR_LAUNCH_FAILED"),
    ] {
        let Some(run) = encode(&room, &["a.ppm", "--device", "cuda"], failure) else { return };
        run.complains(1, &["a.ppm: device cuda:0: ", said]);
        assert_eq!(room.names(), ["a.ppm"]);
        let run = encode(&room, &["a.ppm", "-v"], failure).unwrap().exits(0);
        assert!(run.stderr.contains(&format!("); auto: {said}")), "{failure}: {}", run.stderr);
        std::fs::remove_file(room.path("a.siren")).unwrap();
    }
}

#[test]
fn slopes_are_fitted_too() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    let fit = |device| {
        let arguments = ["a.ppm", "-f", "--gradient-weight", "2", "--json", "--device", device];
        Some(encode(&room, &arguments, "")?.exits(0).json()["psnr_db"].as_f64().unwrap())
    };
    let Some(device) = fit("cuda") else { return };
    let processor = fit("cpu").unwrap();
    assert!((device - processor).abs() < 0.5, "{device} dB on the device, {processor} dB on the processor");
}

#[test]
fn without_a_driver_auto_is_the_processor() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    let mut command = room.command(&[&["encode", "a.ppm", "-v"][..], &FAST].concat());
    command.env("CUDA_VISIBLE_DEVICES", "");
    let run = Run::of(command.output().unwrap(), &["encode"]).exits(0);
    assert!(run.stderr.contains("  device    cpu (") && run.stderr.contains("); auto: "), "{}", run.stderr);
}
