//! Notes on a result that is far from the request.

use std::fmt;

/// A result that is far from the requested target, or less work than the effort normally means.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// The PSNR of the file differs from the PSNR that the quality stands for, both in dB.
    QualityMissed {
        /// PSNR that the quality stands for.
        wanted_db: f64,
        /// PSNR of the file.
        reached_db: f64,
    },
    /// The PSNR of the file is above the requested one, both in dB, and no smaller file was closer to it.
    PsnrExceeded {
        /// Requested PSNR.
        wanted_db: f64,
        /// PSNR of the file.
        reached_db: f64,
    },
    /// The requested size is too small for anything but the mean of the signal.
    MeanAlone,
    /// The result is hardly closer to the signal than the mean of the signal is.
    LittleGain {
        /// Gain over the mean, dB.
        gain_db: f64,
    },
    /// The file is much smaller than it may be, and longer training did not bring it closer to the size.
    SizeLeft {
        /// Bytes of the file.
        bytes: u64,
        /// Requested size.
        limit: u64,
    },
    /// The file is larger than the uncompressed samples.
    LargerThanSamples {
        /// Bytes of the uncompressed samples.
        samples: u64,
    },
    /// The signal is so large that it was fitted in fewer passes than the effort normally means.
    FewerPasses {
        /// Passes of this fit.
        passes: f64,
        /// Passes of a smaller signal at the same effort.
        usual: f64,
    },
    /// The encode was to end before any training, so that the signal is flat, or flat in each of its tiles.
    Untrained,
    /// Parts of a large signal were not fitted, because the encode was to end.
    RegionsLeft {
        /// Regions that were not fitted.
        regions: u64,
        /// All regions.
        all: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::QualityMissed { wanted_db, reached_db } if reached_db < wanted_db => write!(
                f,
                "{reached_db:.1} dB is less than the {wanted_db:.1} dB that the quality stands for: the signal does \
                 not suit this kind of field, or needs more effort or time"
            ),
            Note::QualityMissed { wanted_db, reached_db } => {
                write!(f, "{reached_db:.1} dB is more than the {wanted_db:.1} dB that the quality stands for")
            }
            Note::PsnrExceeded { wanted_db, reached_db } => write!(
                f,
                "{reached_db:.1} dB is more than the requested {wanted_db:.1} dB: no smaller file came closer"
            ),
            Note::MeanAlone => write!(f, "the size only has room for the mean of the signal"),
            Note::LittleGain { gain_db } => {
                let than_mean = match gain_db {
                    ..=0.0 => "no closer to the signal than its mean".to_string(),
                    gain => format!("only {gain:.1} dB closer to the signal than its mean"),
                };
                write!(f, "{than_mean}; more bytes or more effort may help")
            }
            Note::SizeLeft { bytes, limit } => {
                write!(f, "{bytes} of {limit} bytes are used; more effort may use more")
            }
            Note::LargerThanSamples { samples } => {
                write!(f, "the file is larger than the uncompressed samples, {samples} bytes")
            }
            Note::FewerPasses { passes, usual } => write!(
                f,
                "large signal: fitted in {passes:.0} passes instead of {usual:.0}; \
                 a higher effort fits longer"
            ),
            Note::Untrained => {
                write!(f, "the time was too short for any training: the signal is flat, or flat in each tile")
            }
            Note::RegionsLeft { regions, all } => write!(
                f,
                "the time was too short for {regions} of {all} regions of the signal, which are flat"
            ),
        }
    }
}
