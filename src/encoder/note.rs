//! What is said of a result that is far from what was asked for.

use std::fmt;

/// A result that is far from what was asked for, or work that is far from what the effort means.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// The quality stands for another PSNR than the file has, both in dB.
    QualityMissed {
        /// What the quality stands for.
        wanted_db: f64,
        /// What the file has.
        reached_db: f64,
    },
    /// The file has a higher PSNR than was asked for, both in dB, and nothing smaller came nearer.
    PsnrExceeded {
        /// What was asked for.
        wanted_db: f64,
        /// What the file has.
        reached_db: f64,
    },
    /// The size has no room for more than the mean of the signal.
    MeanAlone,
    /// The result is hardly closer to the signal than its mean.
    LittleGain {
        /// By so many dB.
        gain_db: f64,
    },
    /// The file is larger than the samples themselves.
    LargerThanSamples {
        /// Bytes of the samples without any coding.
        samples: u64,
    },
    /// The signal is so large that it had fewer passes than the effort means.
    FewerPasses {
        /// What it had.
        passes: f64,
        /// What smaller ones have.
        usual: f64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::QualityMissed { wanted_db, reached_db } if reached_db < wanted_db => write!(
                f,
                "{reached_db:.1} dB is less than the {wanted_db:.1} dB that the quality stands for: the signal does not suit \
                 small networks, or needs more effort or time"
            ),
            Note::QualityMissed { wanted_db, reached_db } => {
                write!(f, "{reached_db:.1} dB is more than the {wanted_db:.1} dB that the quality stands for")
            }
            Note::PsnrExceeded { wanted_db, reached_db } => write!(
                f,
                "{reached_db:.1} dB is more than the {wanted_db:.1} dB asked for, nothing smaller came nearer"
            ),
            Note::MeanAlone => write!(f, "the size has no room for more than the mean of the signal"),
            Note::LittleGain { gain_db } => {
                let than_mean = match gain_db {
                    ..=0.0 => "no closer to the signal than its mean".to_string(),
                    gain => format!("only {gain:.1} dB closer to the signal than its mean"),
                };
                write!(f, "{than_mean}; more bytes or more effort may help")
            }
            Note::LargerThanSamples { samples } => {
                write!(f, "the file is larger than the samples without any coding, {samples} bytes")
            }
            Note::FewerPasses { passes, usual } => write!(
                f,
                "large signal: fitted in {passes:.0} passes instead of {usual:.0}; a higher effort does more"
            ),
        }
    }
}
