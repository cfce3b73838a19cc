//! What a file of splines should be, and which of two files is closer to it.

use crate::encoder::finish::Finished;
use crate::encoder::options::{Target, quality_bits_per_sample, quality_psnr_db};
use crate::encoder::session::Session;
use crate::encoder::tuning::*;
use crate::error::{Error, Result};
use crate::signal::Kind;

/// A file, and the squared error before the networks were rounded, the mean over the channels.
pub(super) struct Fitted {
    pub finished: Finished,
    pub error: f64,
    /// Positions of the signal.
    pub positions: f64,
}

/// What a file should be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// At most so many bytes.
    Bytes(u64),
    /// A PSNR of the fitted signal, dB.
    Psnr(f64),
    /// The trade of error for bits of a quality.
    Lambda(f64),
}

impl Goal {
    /// The goal of a session.
    ///
    /// # Errors
    /// `TooSmall` for a size below the smallest file of the signal.
    pub fn of(session: &Session<'_>) -> Result<Goal> {
        let description = &session.signal.description;
        let size = |limit: u64| {
            let least = session.smallest()?;
            if limit >= least {
                return Ok(Goal::Bytes(limit));
            }
            Err(Error::TooSmall { requested: limit, least, metadata: session.metadata_bytes()? })
        };
        match session.options.target {
            target @ (Target::Bytes(_) | Target::BitsPerPosition(_) | Target::Kbps(_)) => {
                size(target.limit(description))
            }
            Target::Psnr(db) => Ok(Goal::Psnr(session.normalised.fitted_db(db))),
            Target::Nrmse(nrmse) => Ok(Goal::Psnr(session.normalised.fitted_db_of_nrmse(nrmse))),
            Target::Quality(quality) if description.kind() == Kind::Sound => {
                let bits = quality_bits_per_sample(quality) * session.samples();
                size(((bits / 8.0) as u64).max(session.smallest()?))
            }
            Target::Quality(quality) => Ok(Goal::Lambda(lambda_of_psnr(quality_psnr_db(quality)))),
            Target::Shape { .. } => {
                Err(Error::parameter("field", "splines, expected sine networks with layers"))
            }
        }
    }

    /// Whether a file is as close to the goal as asked.
    pub fn is_met_by(self, file: &Finished) -> bool {
        match self {
            Goal::Bytes(limit) => {
                let size = file.bytes.len() as f64;
                size <= limit as f64 && size >= SPLINE_FULL * limit as f64
            }
            Goal::Psnr(db) => (file.psnr_db - db).abs() <= SPLINE_NEAR_DB,
            Goal::Lambda(_) => true,
        }
    }

    /// Whether a file has more bytes than allowed.
    pub fn is_exceeded_by(self, file: &Finished) -> bool {
        matches!(self, Goal::Bytes(limit) if file.bytes.len() as u64 > limit)
    }

    /// What a file has of what is aimed at, and what is wanted: bytes, or a squared error.
    pub fn missed_by(self, file: &Finished) -> (f64, f64) {
        match self {
            Goal::Bytes(limit) => (file.bytes.len() as f64, SPLINE_FILL * limit as f64),
            Goal::Psnr(db) => (10f64.powf(-file.psnr_db / 10.0), 10f64.powf(-db / 10.0)),
            Goal::Lambda(_) => (1.0, 1.0),
        }
    }

    /// Whether `a` is better than `b`: of files that are as asked, or as close to it, the one of less error or
    /// fewer bytes.
    pub fn prefers(self, a: &Fitted, b: &Fitted) -> bool {
        let worth = |fitted: &Fitted| {
            let file = &fitted.finished;
            let (bytes, error) = (file.bytes.len() as f64, 10f64.powf(-file.psnr_db / 10.0));
            match self {
                Goal::Bytes(limit) if bytes > limit as f64 => (bytes, 0.0),
                Goal::Bytes(_) => (0.0, error),
                Goal::Psnr(_) if self.is_met_by(file) => (0.0, bytes),
                Goal::Psnr(db) => ((file.psnr_db - db).abs(), bytes),
                Goal::Lambda(lambda) => (0.0, error + lambda * 8.0 * bytes / fitted.positions),
            }
        };
        worth(a) < worth(b)
    }
}

/// The λ that photographs of this PSNR have, roughly.
pub(super) fn lambda_of_psnr(db: f64) -> f64 {
    1e-3 * 10f64.powf((SPLINE_USUAL_DB - db) / SPLINE_DB_PER_DECADE)
}
