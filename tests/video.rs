//! Videos as files: frames and rates of what is read, and what is written reads back.
#![cfg(feature = "media")]

use sirenc::media::{self, OutputFormat, Reading};
use sirenc::signal::{Axis, Description, Kind, Rate, SampleFormat, Samples, Signal, Source};
use sirenc::{Error, Limits};
use std::io::Cursor;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media").join(name)).unwrap()
}

fn all_frames(name: &str, rate: Option<Rate>) -> Reading {
    media::read_video_from(Cursor::new(fixture(name)), rate, &Limits::default()).unwrap()
}

/// Value of `fixtures/make.py`'s scene of 8×6 pixels.
fn scene(frame: usize, x: usize, y: usize, channel: usize) -> f32 {
    let (x, y, k) = (x as f32, y as f32, channel as f32);
    let wave = 0.3 * ((k + 1.0) * x / 9.0 + 0.4 * frame as f32).sin() * (y / (5.0 + k)).cos();
    (0.4 + wave + 0.2 * x / 7.0).clamp(0.0, 1.0)
}

/// The largest difference from the scene; `shown` gives the frame of the scene for each frame.
fn error(signal: &Signal, shown: &[usize]) -> f32 {
    let channels = usize::from(signal.description.channels);
    assert_eq!(signal.description.lengths(), [8, 6, shown.len() as u32]);
    let of = |i: usize| {
        let (pixel, frame) = (i / channels % 48, shown[i / channels / 48]);
        (signal.samples.get(i) - scene(frame, pixel % 8, pixel / 8, i % channels)).abs()
    };
    (0..signal.samples.len()).map(of).fold(0.0, f32::max)
}

/// A video of 8×6 pixels and 5 frames.
fn video(channels: u8, format: SampleFormat, rate: Rate) -> Signal {
    let axes = vec![Axis::space(8), Axis::space(6), Axis::time(5, Some(rate))];
    let mut samples = Samples::with_capacity(format, 0);
    let count = 240 * usize::from(channels);
    let of = |i: usize| {
        let (pixel, channel) = (i / usize::from(channels), i % usize::from(channels));
        scene(pixel / 48, pixel % 8, pixel % 48 / 8, channel)
    };
    samples.extend_from_units(&(0..count).map(of).collect::<Vec<_>>());
    Signal { description: Description { axes, channels, format }, samples, metadata: vec![] }
}

fn rate(frames: u32) -> Rate {
    Rate::new(frames, 1).unwrap()
}

const EACH: [usize; 5] = [0, 1, 2, 3, 4];
/// The frames of 40, 80, 40, 120 and 40 ms at 25 frames per second.
const RESAMPLED: [usize; 8] = [0, 1, 1, 2, 3, 3, 3, 4];

#[test]
fn luma_and_chroma_become_the_colours_of_the_scene() {
    // Rounding in limited range; chroma of means of pixels, linearly interpolated and repeated at the edge.
    for (name, most) in [
        ("444.y4m", 0.012),
        ("444-10.y4m", 0.004),
        ("mono.y4m", 0.002),
        ("422.y4m", 0.11),
        ("420.y4m", 0.09),
        ("420-mpeg2.y4m", 0.11),
    ] {
        let reading = all_frames(name, None);
        let found = error(&reading.signal, &EACH);
        assert!(found < most, "{name}: {found}");
        assert_eq!(
            reading,
            media::read_from(Cursor::new(fixture(name)), &Limits::default()).unwrap(),
            "{name}"
        );
    }
    let Samples::U8(codes) = all_frames("odd.y4m", None).signal.samples else { panic!() };
    // White luma beside chroma of which three quarters are of the second sample: Cb 118.5 and Cr 156.
    assert_eq!(codes[15..], [255, 236, 236], "{codes:?}");
}

#[test]
fn a_y4m_reads_back() {
    for (channels, format, most) in [
        (3, SampleFormat::U8, 0.012),
        (1, SampleFormat::U8, 0.0065),
        (3, SampleFormat::U16, 1e-4),
        (1, SampleFormat::U16, 1e-4),
    ] {
        let signal = video(channels, format, Rate::new(30_000, 1001).unwrap());
        let mut file = Cursor::new(vec![]);
        media::write(&signal, OutputFormat::Y4m, &mut file).unwrap();
        let back = media::read(file.get_ref(), &Limits::default()).unwrap();
        assert_eq!(back.description, signal.description);
        assert!(error(&back, &EACH) < most, "{channels} {format:?}: {}", error(&back, &EACH));
    }
    let refused = |channels, format, part: &str| {
        let description = video(channels, format, rate(9)).description;
        let error = OutputFormat::Y4m.accepts(&description).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(4, SampleFormat::U8, "alpha; NPY can");
    refused(3, SampleFormat::F32, "binary32 samples; NPY can");
    let error = OutputFormat::Png.accepts(&video(3, SampleFormat::U8, rate(9)).description).unwrap_err();
    assert!(error.to_string().contains("it cannot hold a video; Y4M and NPY can"), "{error}");
    assert_eq!(OutputFormat::default_for(Kind::Video, SampleFormat::U8), OutputFormat::Y4m);
}

#[test]
fn all_frames_of_an_animation_are_a_video() {
    // A GIF has few colours, and the decoder of WebP blends with an error of a code.
    for (name, most) in [("delays.gif", 0.06), ("delays.png", 0.002), ("delays.webp", 0.008)] {
        let reading = all_frames(name, None);
        let description = &reading.signal.description;
        assert_eq!((description.kind(), description.channels), (Kind::Video, 3), "{name}");
        assert_eq!(description.rate(), Some(rate(25)), "{name}");
        assert!(error(&reading.signal, &RESAMPLED) < most, "{name}: {}", error(&reading.signal, &RESAMPLED));
        assert!(reading.notes[0].contains("delays of 40 to 120 ms are resampled"), "{:?}", reading.notes);
        let given = all_frames(name, Some(rate(10)));
        assert!(error(&given.signal, &EACH) < most && given.notes.is_empty(), "{:?}", given.notes);
        assert_eq!(given.signal.description.rate(), Some(rate(10)));
    }
    let equal = all_frames("animated.webp", None);
    assert_eq!((equal.signal.description.rate(), equal.notes.len()), (Some(rate(10)), 0));
    // What has one frame is read as ever.
    for name in ["opaque.gif", "rgba.png", "lossy.webp", "grey.jpg", "mono-8.wav"] {
        let plain = media::read_from(Cursor::new(fixture(name)), &Limits::default()).unwrap();
        assert_eq!(all_frames(name, None), plain, "{name}");
    }
    let replaced = all_frames("444.y4m", Some(rate(10)));
    assert_eq!(replaced.signal.description.rate(), Some(rate(10)));
    assert!(replaced.notes[1].contains("rate of 25 frames per second is replaced by 10"));
}

#[test]
fn limits_hold_for_all_frames_together() {
    let mut limits = Limits::default();
    limits.samples = 8 * 6 * 3 * 4;
    for name in ["444.y4m", "delays.gif", "delays.png", "delays.webp"] {
        let read = media::read_video_from(Cursor::new(fixture(name)), None, &limits);
        assert!(matches!(read, Err(Error::Limit { what: "samples", .. })), "{name}");
    }
    let mut limits = Limits::default();
    limits.memory_bytes = 8 * 6 * 48;
    let read = media::read_video_from(Cursor::new(fixture("444.y4m")), None, &limits);
    assert!(matches!(read, Err(Error::Limit { what: "bytes of memory for decoding", .. })));
}

/// A temporary folder, removed at the end.
#[cfg(not(target_arch = "wasm32"))]
struct Room(tempfile::TempDir);

#[cfg(not(target_arch = "wasm32"))]
impl Room {
    fn new() -> Self {
        Room(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn read(&self, name: &str, rate: Option<Rate>) -> Result<Reading, String> {
        media::read_video(&self.path(name), rate, &Limits::default()).map_err(|error| error.to_string())
    }
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_is_written_reads_back() {
    let room = Room::new();
    let ntsc = Rate::new(30_000, 1001).unwrap();
    for (name, channels, format, most) in [
        ("a.apng", 4, SampleFormat::U8, 0.002),
        ("a.png", 1, SampleFormat::U8, 0.002),
        ("a.Y4M", 3, SampleFormat::U8, 0.012),
        ("a-%03d.png", 3, SampleFormat::U16, 1e-5),
    ] {
        let signal = video(channels, format, ntsc);
        assert_eq!(media::write_video(&signal, &room.path(name)).unwrap(), [""; 0], "{name}");
        let back = room.read(name, name.contains('%').then_some(ntsc)).unwrap();
        assert_eq!(back.signal.description, signal.description, "{name}");
        assert!(error(&back.signal, &EACH) < most, "{name}");
    }
    let notes = media::write_video(&video(3, SampleFormat::U8, rate(30)), &room.path("a.gif")).unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    // Ends at 3, 7, 10, 13 and 17 hundredths of a second.
    let back = room.read("a.gif", Some(rate(30))).unwrap();
    assert!(error(&back.signal, &EACH) < 0.06);
    assert!(room.names().iter().all(|name| name.starts_with("a")), "{:?}", room.names());
    let wide = media::write_video(&video(3, SampleFormat::U16, rate(30)), &room.path("b.gif")).unwrap_err();
    assert!(wide.to_string().contains("APNG and Y4M"), "{wide}");
    let unknown = media::write_video(&video(3, SampleFormat::U8, rate(30)), &room.path("b.exe")).unwrap_err();
    assert!(unknown.to_string().contains("\"exe\", but one of y4m npy gif apng"), "{unknown}");
    let still = media::read(&fixture("rgba.png"), &Limits::default()).unwrap();
    assert!(media::write_video(&still, &room.path("b.y4m")).is_err());
    assert!(!room.names().iter().any(|name| name.starts_with("b")), "{:?}", room.names());
}

#[test]
fn numbered_pictures_are_read_up_to_a_gap() {
    let room = Room::new();
    media::write_video(&video(3, SampleFormat::U8, rate(1)), &room.path("%d.png")).unwrap();
    std::fs::rename(room.path("5.png"), room.path("10.png")).unwrap();
    let pattern = room.read("%d.png", None).unwrap();
    assert_eq!((pattern.rate_assumed, pattern.signal.description.rate()), (true, Some(rate(24))));
    assert!(error(&pattern.signal, &[0, 1, 2, 3]) < 0.002);
    assert!(error(&room.read("", Some(rate(5))).unwrap().signal, &EACH) < 0.002);
    std::fs::write(room.path("0.png"), fixture("rgba.png")).unwrap();
    let differs = room.read("%d.png", None).unwrap_err();
    let expected = "1.png has 8×6 pixels, 3 channels, U8, but 33×21 pixels, 4 channels, U8 of ";
    assert!(differs.contains(expected) && differs.ends_with("0.png was expected"), "{differs}");
    std::fs::write(room.path("3.png"), "text").unwrap();
    assert!(room.read("", None).unwrap_err().contains("33×21"));
    assert!(room.read("%03d.png", None).unwrap_err().contains("000.png nor "));
    std::fs::remove_file(room.path("0.png")).unwrap();
    let text = room.read("%d.png", None).unwrap_err();
    assert!(text.contains("3.png: text was found"), "{text}");
}

/// The programs of FFmpeg are scripts here. The test runs itself once more, because the path of a process cannot
/// be changed safely.
#[cfg(unix)]
#[test]
fn other_containers_are_read_and_written_by_ffmpeg() {
    use std::os::unix::fs::PermissionsExt;
    const ROOM: &str = "SIRENC_TEST_FFMPEG";
    if let Ok(room) = std::env::var(ROOM) {
        return with_scripts(Path::new(&room));
    }
    let room = Room::new();
    let rerun = |path: String, inside: &Path| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "other_containers_are_read_and_written_by_ffmpeg"]);
        let run = command.env("PATH", path).env(ROOM, inside).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    };
    for name in ["good.mp4", "short.mp4", "broken.mp4", "killed.mp4", "-i.mp4"] {
        std::fs::write(room.path(name), b"\0\0\0\x18ftypisom").unwrap();
    }
    let empty = room.path("empty");
    std::fs::create_dir(&empty).unwrap();
    rerun(empty.display().to_string(), room.0.path());

    std::fs::create_dir(room.path("bin")).unwrap();
    let probe = r#"{"streams": [{"index": 0, "codec_type": "video", "width": 8, "height": 6,
        "pix_fmt": "yuv420p", "avg_frame_rate": "25/1", "r_frame_rate": "25/1", "nb_frames": "4"}]}"#;
    let ffprobe = format!("#!/bin/sh\ncat <<'END'\n{probe}\nEND\n");
    let ffmpeg = r#"#!/bin/sh
for last; do :; done
case "$*" in
*broken.mp4*) echo 'noise' >&2; echo 'moov atom not found.' >&2; exit 1 ;;
*killed.mp4*) kill -9 $$ ;;
*short.mp4*) head -c 700 /dev/zero ;;
*'-protocol_whitelist file,pipe -f mov -i file:'*'fps=25/1'*'rgb24 pipe:1') head -c 720 /dev/zero ;;
*'-pix_fmt rgb24 -s 8x6 -r 30/1 -i pipe:0'*libx264*'-f mp4 file:'*) cat > "${last#file:}" ;;
*) echo "wrong arguments: $*" >&2; exit 2 ;;
esac
"#;
    for (name, script) in [("ffprobe", ffprobe.as_str()), ("ffmpeg", ffmpeg)] {
        let path = room.path("bin").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    rerun(format!("{}:{path}", room.path("bin").display()), room.0.path());
}

/// The part of the test with the changed path.
#[cfg(unix)]
fn with_scripts(room: &Path) {
    let read = |name: &str| media::read_video(&room.join(name), None, &Limits::default());
    let fault = |name: &str| read(name).unwrap_err().to_string();
    let signal = video(3, SampleFormat::U8, rate(30));
    if !room.join("bin").exists() {
        assert!(fault("good.mp4").contains("`ffprobe` of FFmpeg is needed for it"), "{}", fault("good.mp4"));
        let error = media::write_video(&signal, &room.join("x.mkv")).unwrap_err().to_string();
        assert!(error.contains("`ffmpeg` of FFmpeg is needed"), "{error}");
        return;
    }
    // One frame more than announced.
    let reading = read("good.mp4").unwrap();
    assert_eq!(reading.signal.description.lengths(), [8, 6, 5]);
    assert_eq!(reading.signal.description.rate(), Some(rate(25)));
    std::env::set_current_dir(room).unwrap();
    let dash = media::read_video(Path::new("-i.mp4"), None, &Limits::default()).unwrap();
    assert_eq!(dash.signal.samples.len(), 720);
    assert_eq!(
        fault("short.mp4"),
        "malformed video: ffmpeg ended within a frame: 124 bytes, but 144 were expected"
    );
    assert_eq!(fault("broken.mp4"), "malformed video: ffmpeg ended with status 1: moov atom not found");
    assert_eq!(fault("killed.mp4"), "malformed video: ffmpeg was killed");

    let notes = media::write_video(&signal, &room.join("x.mp4")).unwrap();
    assert!(notes[0].contains("with loss"), "{notes:?}");
    let Samples::U8(codes) = &signal.samples else { panic!() };
    assert_eq!(&std::fs::read(room.join("x.mp4")).unwrap(), codes);
    let error = media::write_video(&signal, &room.join("x.webm")).unwrap_err().to_string();
    assert!(error.contains("ffmpeg ended with status 2: wrong arguments"), "{error}");
    assert!(!room.join("x.webm").exists());
    let hidden = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().starts_with(".sirenc")
    };
    assert!(!std::fs::read_dir(room).unwrap().any(hidden));
}

/// A YUV4MPEG2 file of 30 frames of 10×7 pixels of noise.
#[cfg(not(target_arch = "wasm32"))]
fn noise(chroma: &str, bytes_of_frame: usize) -> Vec<u8> {
    let mut file = format!("YUV4MPEG2 W10 H7 F25:1 Ip C{chroma}\n").into_bytes();
    let mut state = 7u32;
    for frame in 0..30 {
        file.extend(if frame % 3 == 0 { &b"FRAME Ip\n"[..] } else { b"FRAME\n" });
        file.extend((0..bytes_of_frame).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
    }
    file
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn a_box_of_a_large_video_has_the_samples_of_the_whole() {
    let room = Room::new();
    // Room for the work on two frames, and not for all frames.
    let little = Limits::default().memory_bytes(96 * 70);
    for (chroma, bytes_of_frame) in [
        ("420jpeg", 110),
        ("420mpeg2", 110),
        ("420paldv", 110),
        ("422", 140),
        ("444", 210),
        ("mono", 70),
        ("420p12", 220),
    ] {
        let file = noise(chroma, bytes_of_frame);
        std::fs::write(room.path("a.y4m"), &file).unwrap();
        let whole = media::read_from(Cursor::new(&file), &Limits::default()).unwrap();
        let (notes, whole) = (whole.notes, whole.signal);
        for reading in [
            media::open_video_source(&room.path("a.y4m"), None, &little).unwrap(),
            media::read_video_stream(Cursor::new(&file), None, &little).unwrap(),
            media::open_video_source(&room.path("a.y4m"), None, &Limits::default()).unwrap(),
        ] {
            let source = reading.source;
            assert_eq!((source.description(), &reading.notes), (&whole.description, &notes), "{chroma}");
            for region in
                [[0..10, 0..7, 0..30], [3..4, 6..7, 29..30], [1..8, 2..5, 7..21], [0..10, 3..4, 0..2]]
            {
                assert_eq!(
                    source.read(&region).unwrap(),
                    whole.read(&region).unwrap(),
                    "{chroma} {region:?}"
                );
            }
            assert!(source.read(&[0..10, 0..8, 0..1]).is_err());
        }
    }
    let rate = Rate::new(24_000, 1001);
    let reading = media::open_video_source(&room.path("a.y4m"), rate, &little).unwrap();
    assert_eq!(reading.source.description().rate(), rate);
    assert!(reading.notes.iter().any(|note| note.contains("replaced by")), "{:?}", reading.notes);
    assert!(reading.source.resident_bytes() < 1000);
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn a_video_that_changes_while_it_is_read_is_an_error() {
    let room = Room::new();
    let (path, file) = (room.path("a.y4m"), noise("mono", 70));
    let little = Limits::default().memory_bytes(48 * 70);
    std::fs::write(&path, &file).unwrap();
    let source = media::open_video_source(&path, None, &little).unwrap().source;
    let frame = |n: u32| source.read(&[0..10, 0..7, n..n + 1]).map(drop);
    frame(29).unwrap();
    std::fs::write(&path, [&file[..], b"FRAME\n"].concat()).unwrap();
    assert!(frame(0).unwrap_err().to_string().contains("changed while it was read"));
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(200).unwrap();
    assert!(frame(29).unwrap_err().to_string().contains("truncated"), "{:?}", frame(29));
    // Where it is truncated before.
    let error = media::open_video_source(&path, None, &little).err().unwrap().to_string();
    assert!(error.contains("truncated"), "{error}");
}
