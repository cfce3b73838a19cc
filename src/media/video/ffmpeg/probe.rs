//! What a video holds, as `ffprobe` tells in JSON.

use super::process::{Process, file, words};
use super::{Container, NAME};
use crate::error::{Error, Result};
use crate::signal::Rate;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

/// The most bytes that are read of the description of a file.
const MOST_BYTES: u64 = 4 << 20;

/// A video stream, upright.
#[derive(Debug, PartialEq)]
pub(super) struct Probe {
    /// The number of the stream.
    pub stream: u64,
    pub width: u32,
    pub height: u32,
    pub rate: Rate,
    /// An estimate.
    pub frames: u64,
    pub grey: bool,
    /// Whether samples have more than 8 bits.
    pub wide: bool,
    /// Whether no matrix of colours is stated and that of high definition is assumed.
    pub high_definition: bool,
    pub notes: Vec<String>,
}

impl Probe {
    /// Asks `ffprobe` about a file.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the program is missing or the file holds no video; [`Error::Format`] if it
    /// cannot be read.
    pub fn of(path: &Path, container: Container) -> Result<Self> {
        let head = words(["-v", "error", "-protocol_whitelist", "file,pipe", "-f", container.demuxer()]);
        let shown = words(["-show_streams", "-show_entries", "format=duration", "-of", "json", "-i"]);
        let arguments = head.chain(shown).chain([file(path)]);
        let mut process = Process::start("ffprobe", arguments, Stdio::null(), Stdio::piped())?;
        let mut text = String::new();
        if let Some(output) = process.output()
            && let Err(error) = output.take(MOST_BYTES).read_to_string(&mut text)
            && error.kind() != std::io::ErrorKind::InvalidData
        {
            return Err(error.into());
        }
        process.end()?;
        Probe::parse(&text)
    }

    /// Parses the description of a file.
    fn parse(text: &str) -> Result<Self> {
        let described: Value = serde_json::from_str(text)
            .map_err(|error| Error::format(NAME, format!("ffprobe describes it wrongly: {error}")))?;
        let none = vec![];
        let streams = described["streams"].as_array().unwrap_or(&none);
        let of = |kind: &str| {
            let picture = |s: &Value| number(&s["disposition"]["attached_pic"]) == Some(1.0);
            let kind = kind.to_string();
            streams.iter().filter(move |s| s["codec_type"] == kind.as_str() && !picture(s))
        };
        let Some(stream) = of("video").next() else {
            return Err(Error::unsupported(NAME, "the file holds no stream of video"));
        };
        let side = |name: &str| {
            let number = number(&stream[name]).filter(|side| (1.0..=65536.0).contains(side));
            number.map(|side| side as u32).ok_or_else(|| wrong(name, &stream[name]))
        };
        let (mut width, mut height) = (side("width")?, side("height")?);
        let turns = stream["side_data_list"].as_array().unwrap_or(&none);
        let turn = turns.iter().find_map(|data| number(&data["rotation"]));
        let turn = turn.or_else(|| number(&stream["tags"]["rotate"])).unwrap_or(0.0);
        if (turn / 90.0).round() as i64 % 2 != 0 {
            (width, height) = (height, width);
        }

        let mut notes = vec![];
        let [mean, base] = ["avg_frame_rate", "r_frame_rate"].map(|name| fraction(&stream[name]));
        let rate = mean.or(base).ok_or_else(|| wrong("avg_frame_rate", &stream["avg_frame_rate"]))?;
        if base.is_some_and(|base| base != rate) {
            notes.push(format!("its frames are resampled to {rate} per second, their mean rate"));
        }
        let seconds = number(&stream["duration"]).or_else(|| number(&described["format"]["duration"]));
        let timed = seconds.map(|seconds| seconds * rate.hertz());
        let frames = number(&stream["nb_frames"]).or(timed).unwrap_or(1.0).max(1.0);

        let pixels = stream["pix_fmt"].as_str().unwrap_or_default();
        // Only formats of more than 8 bits have an order of bytes.
        let wide = pixels.ends_with("le") || pixels.ends_with("be");
        if ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya"].iter().any(|name| pixels.starts_with(name))
        {
            notes.push("its alpha is not read".into());
        }
        if let Some(aspect) =
            stream["sample_aspect_ratio"].as_str().filter(|a| !["1:1", "0:1", "N/A"].contains(a))
        {
            notes.push(format!("its pixel aspect of {aspect} is not kept"));
        }
        if let Some(order @ ("tt" | "bb" | "tb" | "bt")) = stream["field_order"].as_str() {
            notes.push(format!("its interlaced fields (order {order}) are not separated"));
        }
        let unstated = matches!(stream["color_space"].as_str(), None | Some("unknown"));
        let high_definition = unstated && height > 576 && pixels.starts_with("yuv");
        if high_definition {
            notes.push("it states no matrix of colours, BT.709 is assumed".into());
        }
        let (videos, sounds) = (of("video").count(), of("audio").count());
        if videos > 1 {
            notes.push(format!("only the first of its {videos} streams of video is read"));
        }
        if sounds > 0 {
            notes.push("its sound is not read".into());
        }
        let stream = number(&stream["index"]).unwrap_or(0.0) as u64;
        let grey = pixels.starts_with("gray");
        Ok(Probe { stream, width, height, rate, frames: frames as u64, grey, wide, high_definition, notes })
    }
}

fn wrong(name: &str, found: &Value) -> Error {
    Error::format(NAME, format!("ffprobe gives {name} as {found}, but a positive number was expected"))
}

/// A finite number, which may be written as text.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number: &f64| number.is_finite())
}

/// A rate such as `30000/1001`, up to 10 000 frames per second; `0/0` is none.
fn fraction(value: &Value) -> Option<Rate> {
    let (numerator, denominator) = value.as_str()?.split_once('/')?;
    let rate = Rate::new(numerator.parse().ok()?, denominator.parse().ok()?)?;
    (rate.hertz() <= 10_000.0 && rate.numerator() <= i32::MAX as u32).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_gives_size_rate_and_what_is_left_out() {
        let probe = Probe::parse(
            r#"{"streams": [
                {"index": 0, "codec_type": "audio"},
                {"index": 1, "codec_type": "video", "width": 8, "height": 6, "pix_fmt": "yuv420p10le",
                 "avg_frame_rate": "30000/1001", "r_frame_rate": "30000/1001", "nb_frames": "5",
                 "sample_aspect_ratio": "4:3", "field_order": "tt",
                 "side_data_list": [{"rotation": -90}]}],
               "format": {"duration": "0.2"}}"#,
        )
        .unwrap();
        let expected = Probe {
            stream: 1,
            width: 6,
            height: 8,
            rate: Rate::new(30_000, 1001).unwrap(),
            frames: 5,
            grey: false,
            wide: true,
            high_definition: false,
            notes: vec![
                "its pixel aspect of 4:3 is not kept".into(),
                "its interlaced fields (order tt) are not separated".into(),
                "its sound is not read".into(),
            ],
        };
        assert_eq!(probe, expected);
    }

    #[test]
    fn what_is_no_video_is_refused() {
        let stream = |rest: &str| format!(r#"{{"streams": [{{"codec_type": "video"{rest}}}]}}"#);
        for (text, part) in [
            ("{", "describes it wrongly"),
            (r#"{"streams": [{"codec_type": "audio"}]}"#, "no stream of video"),
            (&stream(""), "width as null"),
            (&stream(r#", "width": 0, "height": 6"#), "width as 0"),
            (&stream(r#", "width": 8, "height": 6, "avg_frame_rate": "0/0""#), "avg_frame_rate as \"0/0\""),
        ] {
            let error = Probe::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
