//! Which device works, and networks evaluated there: values and jets have the same bits on every one.

use super::simd::{BLOCK, Level, Workspace};
use crate::error::{Error, Result};
use crate::network::{Jet, Network};
use std::sync::OnceLock;

#[cfg(feature = "cuda")]
use super::cuda::Cuda;
#[cfg(feature = "cuda")]
use std::sync::Arc;

/// Where arithmetic runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// The best usable device.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by index.
    Cuda(u32),
}

/// Signals that are fitted at once on a GPU, each on streams of its own. More hide more of each other's pauses on the host, and
/// take more memory on the device.
#[cfg(feature = "cuda")]
const FITS_AT_ONCE: usize = 8;

impl Device {
    /// How many signals are encoded at once to advantage: on the CPU one takes all threads, on a GPU small networks leave
    /// room for others. The bytes do not depend on it.
    pub fn fits_at_once(self) -> usize {
        #[cfg(feature = "cuda")]
        if matches!(self.open(), Ok(Ok(_))) {
            return FITS_AT_ONCE;
        }
        1
    }

    /// The device asked for, or for `Auto` the reason why it is the CPU.
    #[cfg(feature = "cuda")]
    pub(crate) fn open(self) -> Result<std::result::Result<Arc<Cuda>, Option<String>>> {
        match self {
            Device::Cpu => Ok(Err(None)),
            Device::Cuda(index) => Ok(Ok(Cuda::shared(index)?)),
            Device::Auto => Ok(Cuda::shared(0).map_err(|error| Some(reason(&error)))),
        }
    }
    /// The reason why `Auto` is the CPU.
    #[cfg(not(feature = "cuda"))]
    pub(crate) fn open(self) -> Result<Option<String>> {
        let detail = "this build has no CUDA backend";
        match self {
            Device::Cpu => Ok(None),
            Device::Auto => Ok(Some(detail.into())),
            Device::Cuda(index) => Err(Error::Device {
                device: format!("cuda:{index}"),
                detail: format!("{detail}; use cpu or auto"),
            }),
        }
    }
}

/// What an error says of its device.
#[cfg(feature = "cuda")]
pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::Device { detail, .. } => detail.clone(),
        error => error.to_string(),
    }
}

/// Where networks are evaluated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    /// A GPU, and whether its failure is an error. Otherwise the CPU goes on in its place: the bits are the same.
    #[cfg(feature = "cuda")]
    cuda: Option<(Arc<Cuda>, bool)>,
    /// Why `Device::Auto` came to the CPU, at once or later.
    cpu_reason: OnceLock<String>,
}

impl Engine {
    /// The engine of `device`, if it can evaluate `networks`.
    pub fn new(device: Device, networks: &[Network]) -> Result<Self> {
        #[cfg(feature = "cuda")]
        let (cuda, cpu_reason) = match device.open()? {
            Err(reason) => (None, reason),
            Ok(cuda) => {
                let unfit = networks.iter().find_map(|network| cuda.check(network.shape()).err());
                match unfit {
                    Some(error) if device == Device::Auto => (None, Some(reason(&error))),
                    Some(error) => return Err(error),
                    None => (Some((cuda, device != Device::Auto)), None),
                }
            }
        };
        #[cfg(not(feature = "cuda"))]
        let (_, cpu_reason) = (networks, device.open()?);
        Ok(Engine {
            #[cfg(feature = "cuda")]
            cuda,
            cpu_reason: cpu_reason.map_or_else(OnceLock::new, OnceLock::from),
        })
    }

    /// The GPU, while it works.
    #[cfg(feature = "cuda")]
    fn cuda(&self) -> Option<&(Arc<Cuda>, bool)> {
        self.cuda.as_ref().filter(|_| self.cpu_reason.get().is_none())
    }

    /// Points of a network that are evaluated at once, in whole blocks: enough to fill a device. They stay the same when it
    /// fails.
    pub fn points(&self) -> usize {
        #[cfg(feature = "cuda")]
        if self.cuda.is_some() {
            return 1 << 16;
        }
        BLOCK
    }

    /// What [`Level::forward`] gives, or [`Level::jet`].
    ///
    /// # Errors
    /// `Device` if a device that was asked for by name fails, `Io` if the system has no memory for the activations.
    pub fn evaluate(
        &self,
        network: &Network,
        coordinates: &[f32],
        jet: Option<Jet>,
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        #[cfg(feature = "cuda")]
        if let Some((cuda, insist)) = self.cuda() {
            let values = match jet {
                None => cuda.forward(network, coordinates),
                Some(jet) => cuda.jet(network, coordinates, jet),
            };
            match values {
                Ok(values) => {
                    out.copy_from_slice(&values);
                    return Ok(());
                }
                Err(error) if *insist => return Err(error),
                // Of several threads that see it fail, the first tells why.
                Err(error) => drop(self.cpu_reason.set(reason(&error))),
            }
        }
        workspace.make_room(network.shape(), jet)?;
        match jet {
            None => Level::best().forward(network, coordinates, out, workspace),
            Some(jet) => Level::best().jet(network, coordinates, jet, out, workspace),
        }
        Ok(())
    }

    /// The device, as in `cpu (avx512)` or `cuda:0 (NVIDIA H100)`, and why `Device::Auto` came to the CPU.
    pub fn name(&self) -> (String, Option<&str>) {
        #[cfg(feature = "cuda")]
        if let Some((cuda, _)) = self.cuda() {
            return (cuda.to_string(), None);
        }
        (format!("cpu ({})", Level::best().name()), self.cpu_reason.get().map(String::as_str))
    }
}
