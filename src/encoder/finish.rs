//! Writes the file of given networks and measures its decode.

use super::options::{FieldKind, WeightCoding};
use super::plan;
use super::recipe::Fit;
use super::session::Session;
use crate::container::{self, File, Networks, Stored};
use crate::decoder::Decoder;
use crate::error::Result;
use crate::limits::Limits;
use crate::network::Network;
use crate::quantize::Fitted;
use crate::signal::metric::{ErrorSum, TileErrors, WorstTile};
use crate::signal::{Grid, Scan, Tiles};

/// A finished file and the quality of its decode.
pub(crate) struct Finished {
    pub bytes: Vec<u8>,
    /// The kind of field in the file.
    pub field: FieldKind,
    pub psnr_db: f64,
    /// How much closer the decode is to the signal than the mean of the signal, dB.
    pub gain_db: f64,
    pub worst_tile: Option<WorstTile>,
}

impl Session<'_> {
    /// Writes the file of a field, and measures the PSNR of its decode against the source, at the peak of the
    /// fit.
    pub fn finish(&self, field: Stored) -> Result<Finished> {
        let (kind, tiles) = match field.siren() {
            Some((tiles, _)) => (FieldKind::Siren, tiles.clone()),
            None => (FieldKind::Spline, Tiles::one(&self.signal.description)),
        };
        let file = self.file(field);
        let mut bytes = vec![];
        container::write(&file, &mut bytes)?;
        let source = self.normalised.source;
        let mut sum = ErrorSum::new(source.description());
        let mut of_tiles = TileErrors::new(source.description(), &tiles);
        if self.options.keep_invisible {
            (sum, of_tiles) = (sum.with_invisible(), of_tiles.with_invisible());
        }
        let (mut scan, mut at) = (Scan::of(source), 0);
        let unlimited =
            Limits { samples: u64::MAX, memory_bytes: u64::MAX, macs: u64::MAX, ..Limits::default() };
        let decoder = Decoder::of(file, &unlimited)?;
        for rows in decoder.request(&Grid::native(&self.signal.description)).bands()? {
            let rows = rows?;
            let samples = scan.read(rows.len())?;
            sum.add(&samples, 0, &rows)?;
            of_tiles.add_part(at, &samples, &rows);
            at += rows.len();
        }
        let peaks = self.normalised.fitted_peaks();
        let distortion = sum.distortion().with_peaks(&peaks);
        let (psnr_db, gain_db) = (distortion.psnr_db(), distortion.gain_db());
        Ok(Finished { bytes, field: kind, psnr_db, gain_db, worst_tile: of_tiles.worst(&peaks) })
    }

    /// The networks of `fit` as trained, in binary16 or binary32.
    pub fn stored(&self, fit: &Fit) -> Result<Networks> {
        let networks: Vec<Network> = fit.networks.iter().map(Fitted::in_signal_units).collect();
        Ok(match self.options.weights {
            WeightCoding::Half => {
                Networks::Half(networks.iter().map(container::round_to_half).collect::<Result<_>>()?)
            }
            _ => Networks::Single(networks),
        })
    }

    /// The most bytes of the file other than the coded parameters.
    pub fn overhead(&self, tiles: &Tiles) -> Result<u64> {
        container::overhead(self.file(self.mean()?), tiles.clone())
    }

    /// Size of the smallest file for this signal, which stores only its mean, bytes.
    pub fn smallest(&self) -> Result<u64> {
        written_bytes(&self.file(self.mean()?))
    }

    /// Bytes of metadata in a file.
    pub fn metadata_bytes(&self) -> Result<u64> {
        let file = self.file(self.mean()?);
        Ok(self.smallest()? - written_bytes(&File { metadata: vec![], ..file })?)
    }

    /// A network of one neuron that gives the mean of the signal everywhere, to about one percent.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn mean(&self) -> Result<Stored> {
        let network = container::constant(plan::shape(&self.signal.description, 1, 0.0), self.means()?);
        let networks = Networks::Quantized(vec![network]);
        Ok(Stored::Siren { tiles: Tiles::one(&self.signal.description), networks })
    }

    /// The file of a field.
    fn file(&self, field: Stored) -> File {
        let metadata =
            if self.options.metadata { self.normalised.source.metadata().to_vec() } else { vec![] };
        File {
            description: self.normalised.source.description().clone(),
            units: self.signal.units.clone(),
            missing: self.normalised.missing.clone(),
            field,
            metadata,
        }
    }
}

fn written_bytes(file: &File) -> Result<u64> {
    let mut bytes = vec![];
    container::write(file, &mut bytes)?;
    Ok(bytes.len() as u64)
}
