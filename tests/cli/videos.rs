//! Inputs that are videos: by content, as folders and patterns, and by `--video` and `--fps`.

use crate::support::Room;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media").join(name)).unwrap()
}

#[test]
fn animations_are_compared_by_their_first_frame_or_as_videos() {
    let room = Room::new();
    room.put("a.png", fixture("delays.png"));
    room.put("b.webp", fixture("delays.webp"));
    room.put("c.y4m", fixture("444.y4m"));
    let note = "a.png: only the first of its 5 frames is read (--video keeps all)";
    let first = room.run(&["compare", "a.png", "b.webp"]).exits(0);
    assert!(first.stderr.contains(note), "{}", first.stderr);
    let video = room.run(&["compare", "a.png", "b.webp", "--video", "--json"]).exits(0).json();
    assert!(video["psnr_db"].as_f64().unwrap() > 45.0, "{video}");
    room.run(&["compare", "a.png", "c.y4m", "--fps", "25"]).exits(0);
    room.run(&["compare", "a.png", "c.y4m", "--video"]).exits(1);
    room.put("still.png", fixture("1x1.png"));
    room.run(&["compare", "still.png", "still.png", "--fps", "25"])
        .complains(2, &["still.png: this is no video", "--fps is for videos"]);
}

#[test]
fn pictures_in_a_folder_or_with_numbers_are_a_video() {
    let room = Room::new();
    std::fs::create_dir(room.path("shot")).unwrap();
    for number in 1..=3 {
        room.put(&format!("shot/{number:02}.png"), fixture("rgba.png"));
    }
    let run = room.run(&["compare", "shot", "shot/%02d.png", "--json"]).exits(0);
    assert_eq!(run.json()["identical"], true);
    room.run(&["encode", "shot/%02d.png"]).complains(2, &["shot/%02d.png", "-o FILE names it"]);
    room.run(&["encode", "shot/%03d.png", "-o", "a.siren"]).complains(3, &["000.png", "001.png exists"]);
    room.put("shot/04.png", fixture("1x1.png"));
    room.run(&["compare", "shot", "shot"]).complains(3, &["04.png has 1×1 pixels", "01.png was expected"]);
}
