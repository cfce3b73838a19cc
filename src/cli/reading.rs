//! Flags that tell how a file is read: what the axes of an array are, which frames are read, and at which rate.

use super::failure::{Exit, Failure};
use super::values;
use sirenc::media::{Choice, Slice};
use sirenc::signal::{Description, Kind, Rate};

const HEADING: &str = "Reading";

/// How a file is read.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReadArgs {
    /// What the axes of an array or of a TIFF's pages are, a letter each, the slowest first: x, y, z of space, t of time (see --rate), c
    /// at the end for channels, other letters for anything else; as in zyx, tyxc, or wyx [default: by its shape; of
    /// a TIFF the first page]
    #[arg(long, value_name = "NAMES", help_heading = HEADING)]
    axes: Option<String>,
    /// Read a part of an array, NetCDF, NRRD, NIfTI or the pages of a TIFF: one sample of an axis, as in t=3, which leaves the axis out, or those from
    /// LO on and before HI, as in z=10..20; counted from 0. Can be given for several axes
    ///
    /// An axis has its name in the file, or the letter x, y, z of space, t of time, u, v, w of anything else.
    #[arg(long, value_name = "AXIS=N", value_parser = values::part, help_heading = HEADING)]
    slice: Vec<Slice>,
    /// Read all frames of a GIF, PNG or WebP, as a video [default: the first, as a picture]
    #[arg(long, help_heading = HEADING)]
    video: bool,
    /// Frames per second, a number or a fraction, in place of what the file says; all frames are read
    /// [default for pictures in a folder: 24]
    ///
    /// Each frame of an animation is then shown once, whatever its delay.
    #[arg(long, value_name = "N[/D]", value_parser = values::rate, help_heading = HEADING)]
    fps: Option<Rate>,
}

impl ReadArgs {
    /// The names of the axes of an array.
    pub fn axes(&self) -> Option<&str> {
        self.axes.as_deref()
    }
    /// What of a file is read.
    pub fn choice(&self) -> Choice {
        let mut choice = Choice::default();
        (choice.axes, choice.slices) = (self.axes.clone(), self.slice.clone());
        choice
    }
    /// Whether all frames of an animation are read.
    pub fn all_frames(&self) -> bool {
        self.video || self.fps.is_some()
    }
    /// The flags, with all frames if a file is compared with a video.
    pub fn for_signal(&self, description: &Description) -> Self {
        ReadArgs { video: self.video || description.kind() == Kind::Video, ..self.clone() }
    }
    /// The rate that replaces that of the file.
    pub fn rate(&self) -> Option<Rate> {
        self.fps
    }
    /// Rejects a rate for what is no video.
    pub fn admit(&self, name: &str, description: &Description) -> Result<(), Failure> {
        if self.fps.is_some() && description.kind() != Kind::Video {
            let sentence = "this is no video and holds no more than one frame, but --fps is for videos";
            return Err(Failure::new(Exit::Usage, name, sentence));
        }
        Ok(())
    }
}
