//! Fits and decodes on a CUDA device, which an emulated driver provides, and what happens if there is none or
//! it fails.

#[path = "../emulator/mod.rs"]
mod emulator;

use crate::support::{Room, Run, picture, siren_picture, siren_sound};

const FAST: [&str; 6] = ["--effort", "1", "--layers", "2", "--width", "4"];
/// With a picture of `LARGE`, so much work that `auto` opens a GPU for it; it ends after a second.
const LONG: [&str; 10] =
    ["--effort", "9", "--layers", "2", "--width", "16", "--threads", "1", "--time-limit", "1"];
const LARGE: [usize; 2] = [400, 300];

/// The failures of the emulated driver, and the messages for them.
const FAILURES: [(&str, &str); 9] = [
    ("no-device", "no CUDA device"),
    ("old-driver", "the driver supports CUDA 11.8, expected 12.0 (driver 525) or newer"),
    ("old-device", "emulated has compute capability 7.0, expected 8.0 or newer"),
    ("wrong-bits", "emulated computes different values than the CPU"),
    ("skip forward_8", "emulated computes different values than the CPU"),
    ("skip step_1", "emulated computes different gradients than the CPU"),
    ("out-of-memory", "out of memory"),
    ("launch0", "CUDA_ERROR_LAUNCH_FAILED"),
    ("launch40", "CUDA_ERROR_LAUNCH_FAILED"),
];

/// Runs `sirenc` with the emulated driver, which fails as `failure` says.
fn run(room: &Room, arguments: &[&str], failure: &str) -> Option<Run> {
    let driver = emulator::library()?.parent().unwrap();
    let mut command = room.command(arguments);
    command.env("LD_LIBRARY_PATH", driver).env("SIRENC_EMULATED_FAILURE", failure);
    Some(Run::of(command.output().unwrap(), arguments))
}

fn encode(room: &Room, rest: &[&str], failure: &str) -> Option<Run> {
    run(room, &[&["encode"][..], rest, &FAST].concat(), failure)
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
    assert!(room.get("1.siren") == room.get("2.siren"));
    let processor = fit("3.siren", "cpu").unwrap();
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
    let [room, large] = [Room::new(), Room::new()];
    room.put("a.ppm", picture(16, 12));
    large.put("large.ppm", picture(LARGE[0], LARGE[1]));
    for (failure, said) in FAILURES {
        let Some(cuda) = encode(&room, &["a.ppm", "--device", "cuda"], failure) else { return };
        cuda.complains(1, &["a.ppm: device cuda:0: ", said]);
        assert_eq!(room.names(), ["a.ppm"]);
        if failure == "launch40" {
            continue;
        }
        let arguments = [&["encode", "large.ppm", "-v", "-f"][..], &LONG].concat();
        let auto = run(&large, &arguments, failure).unwrap().exits(0);
        assert!(auto.stderr.contains(&format!("); auto: {said}")), "{failure}: {}", auto.stderr);
    }
    // Several pictures open the device before their fits, in which it fails.
    room.put("b.ppm", picture(12, 16));
    let auto = encode(&room, &["a.ppm", "b.ppm", "-v"], "launch40").unwrap().exits(0);
    assert_eq!(auto.stderr.matches("); auto: CUDA_ERROR_LAUNCH_FAILED").count(), 2, "{}", auto.stderr);
}

#[test]
fn auto_takes_a_device_for_long_fits_and_the_processor_for_short_ones() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    room.put("large.ppm", picture(LARGE[0], LARGE[1]));
    let Some(short) = encode(&room, &["a.ppm", "-v"], "") else { return };
    let short = short.exits(0);
    assert!(short.stderr.contains("); auto: the fit takes about 0.0 s here, "), "{}", short.stderr);
    let arguments = [&["encode", "large.ppm", "-v"][..], &LONG].concat();
    let long = run(&room, &arguments, "").unwrap().exits(0);
    assert!(long.stderr.contains("  device    cuda:0 (emulated); auto"), "{}", long.stderr);
    // Several pictures open the device before their fits, which then use it, however short.
    room.put("b.ppm", picture(12, 16));
    let several = encode(&room, &["a.ppm", "b.ppm", "-f", "--json"], "").unwrap().exits(0);
    assert_eq!(several.text().matches("cuda:0 (emulated)").count(), 2, "{}", several.text());
}

#[test]
fn splines_are_fitted_on_the_processor_however_many_and_however_long() {
    let room = Room::new();
    room.put("a.ppm", picture(LARGE[0], LARGE[1]));
    room.put("b.ppm", picture(40, 30));
    let flags = ["-f", "-v", "--effort", "9", "--time-limit", "1", "--size", "2kB"];
    let Some(one) = run(&room, &[&["encode", "a.ppm"][..], &flags].concat(), "") else { return };
    let several = run(&room, &[&["encode", "a.ppm", "b.ppm"][..], &flags].concat(), "").unwrap();
    for (run, count) in [(one, 1), (several, 2)] {
        let run = run.exits(0);
        let reasons = run.stderr.matches("); auto: fields of splines are fitted on the CPU\n").count();
        assert_eq!(reasons, count, "{}", run.stderr);
    }
    // A device that is named fits networks.
    room.put("tiny.ppm", picture(12, 16));
    let named =
        run(&room, &["encode", "tiny.ppm", "-f", "-v", "--effort", "1", "--device", "cuda"], "").unwrap();
    let named = named.exits(0);
    assert!(named.stderr.contains("  device    cuda:0 (emulated)\n  field     siren\n"), "{}", named.stderr);
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

#[test]
fn a_device_decodes_to_the_same_files() {
    let room = Room::new();
    room.put("p.siren", siren_picture(40, 30));
    room.put("s.siren", siren_sound(500));
    for flags in [
        &["p.siren", "--format", "png"][..],
        &["p.siren", "--format", "npy", "--scale", "2.5"],
        &["p.siren", "--format", "npy", "--size", "13x11"],
        &["p.siren", "--format", "npy", "--region", "3,4,9.5,8", "--size", "70x50"],
        &["p.siren", "--format", "npy", "--derivative", "hessian"],
        &["p.siren", "--format", "png", "--derivative", "laplacian"],
        &["s.siren", "--format", "wav", "--rate", "11025"],
        &["s.siren", "--format", "npy", "--derivative", "gradient"],
    ] {
        let decode = |output: &str, device: &str| {
            let arguments =
                [&["decode"][..], flags, &["-o", output, "-f", "-v", "--device", device]].concat();
            let run = run(&room, &arguments, "")?.exits(0);
            Some(run.stderr.lines().find(|line| line.starts_with("  device    ")).unwrap().to_owned())
        };
        let Some(device) = decode("device", "cuda:0") else { return };
        assert_eq!(device, "  device    cuda:0 (emulated)");
        assert_eq!(decode("auto", "auto").unwrap(), "  device    cuda:0 (emulated); auto");
        assert!(decode("processor", "cpu").unwrap().starts_with("  device    cpu ("));
        assert!(room.get("device") == room.get("processor"), "{flags:?}");
        assert!(room.get("auto") == room.get("processor"), "{flags:?}");
    }
}

#[test]
fn a_device_that_fails_does_not_change_what_auto_decodes() {
    let room = Room::new();
    room.put("p.siren", siren_picture(40, 30));
    room.run(&["decode", "p.siren", "-o", "processor.png"]).exits(0);
    // Before a device is trusted, it is tested at five widths: one launch computes values and two compute a
    // gradient.
    let later = ("launch15", "CUDA_ERROR_LAUNCH_FAILED");
    for (failure, said) in FAILURES.into_iter().filter(|(failure, _)| *failure != "launch40").chain([later]) {
        let decode = |device| run(&room, &["decode", "p.siren", "-v", "--device", device], failure);
        let Some(run) = decode("cuda") else { return };
        run.complains(1, &["p.siren: device cuda:0: ", said]);
        assert_eq!(room.names(), ["p.siren", "processor.png"]);
        let run = decode("auto").unwrap().exits(0);
        assert!(run.stderr.contains(&format!("); auto: {said}")), "{failure}: {}", run.stderr);
        assert!(room.get("p.png") == room.get("processor.png"), "{failure}");
        std::fs::remove_file(room.path("p.png")).unwrap();
    }
}
