//! Videos in other containers, through the programs `ffprobe` and `ffmpeg` on the path.
//!
//! They run as child processes without a shell. They may open no other protocol than files and pipes, and
//! read a file as the kind that its content was recognised as.

mod probe;
mod process;
mod read;
mod write;

pub(in crate::media) use read::Video;
pub(in crate::media) use write::{CONTAINERS, write};

/// The name for messages.
const NAME: &str = "video";

/// A container that FFmpeg reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) enum Container {
    /// MP4 and QuickTime.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    Avi,
    /// An MPEG program stream.
    Mpeg,
    /// A stream of MPEG-1 or MPEG-2 video without a container.
    MpegVideo,
}

impl Container {
    /// The demuxer of FFmpeg.
    fn demuxer(self) -> &'static str {
        match self {
            Container::Mp4 => "mov",
            Container::Matroska => "matroska",
            Container::Avi => "avi",
            Container::Mpeg => "mpeg",
            Container::MpegVideo => "mpegvideo",
        }
    }
}
