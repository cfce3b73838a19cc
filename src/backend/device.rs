//! Which device works, and networks evaluated there: values and jets have the same bits on every one.

use super::accelerator::Accelerator;
use super::simd::{BLOCK, Level, Workspace};
use crate::error::{Error, Result};
use crate::network::{Jet, Network};
use std::sync::{Arc, OnceLock};

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
const FITS_AT_ONCE: usize = 8;

/// What opening a [`Device`] leads to.
pub(crate) struct Opened {
    /// The device beside the CPU, if there is one.
    pub accelerator: Option<Arc<Accelerator>>,
    /// Why `Auto` is the CPU.
    pub cpu_reason: Option<String>,
}

impl Device {
    /// How many signals are encoded at once to advantage: on the CPU one takes all threads, on a GPU small networks leave
    /// room for others. The bytes do not depend on it.
    pub fn fits_at_once(self) -> usize {
        let on_accelerator = self.open().is_ok_and(|opened| opened.accelerator.is_some());
        if on_accelerator { FITS_AT_ONCE } else { 1 }
    }

    /// # Errors
    /// `Device` if a device that is named cannot be used.
    pub(crate) fn open(self) -> Result<Opened> {
        let opened = match self {
            Device::Cpu => return Ok(Opened { accelerator: None, cpu_reason: None }),
            Device::Cuda(index) => Accelerator::shared(index),
            Device::Auto => Accelerator::shared(0),
        };
        Ok(match opened {
            Ok(accelerator) => Opened { accelerator: Some(accelerator), cpu_reason: None },
            Err(error) => Opened { accelerator: None, cpu_reason: Some(self.fall_back(error)?) },
        })
    }

    /// The reason for which `Auto` goes on with the CPU after an error of the accelerator.
    ///
    /// # Errors
    /// `error`, if the device was named or the error is not one of a device.
    pub(crate) fn fall_back(self, error: Error) -> Result<String> {
        match error {
            Error::Device { detail, .. } if self == Device::Auto => Ok(detail),
            error => Err(error),
        }
    }
}

/// The device that evaluates networks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceUsed<'a> {
    /// As in `cpu (avx512)` or `cuda:0 (NVIDIA H100)`.
    pub name: String,
    /// Why [`Device::Auto`] came to the CPU, if it did.
    pub cpu_reason: Option<&'a str>,
}

/// Where networks are evaluated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    device: Device,
    accelerator: Option<Arc<Accelerator>>,
    /// Why `Device::Auto` is the CPU, from the beginning or since the accelerator failed.
    cpu_reason: OnceLock<String>,
}

impl Engine {
    /// The engine of `device`, if it can evaluate `networks`.
    pub fn new(device: Device, networks: &[Network]) -> Result<Self> {
        let Opened { mut accelerator, mut cpu_reason } = device.open()?;
        let check = |accelerator: &Arc<Accelerator>| {
            networks.iter().try_for_each(|network| accelerator.check(network.shape()))
        };
        if let Some(Err(error)) = accelerator.as_ref().map(check) {
            (accelerator, cpu_reason) = (None, Some(device.fall_back(error)?));
        }
        let cpu_reason = cpu_reason.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Engine { device, accelerator, cpu_reason })
    }

    /// The accelerator, while it works.
    fn accelerator(&self) -> Option<&Accelerator> {
        self.accelerator.as_deref().filter(|_| self.cpu_reason.get().is_none())
    }

    /// Points of a network that are evaluated at once, in whole blocks: enough to fill a device. They stay the same when it
    /// fails.
    pub fn points(&self) -> usize {
        if self.accelerator.is_some() { 1 << 16 } else { BLOCK }
    }

    /// What [`Level::jet`] gives.
    ///
    /// # Errors
    /// `Device` if a device that was asked for by name fails, `Io` if the system has no memory for the activations.
    pub fn evaluate(
        &self,
        network: &Network,
        coordinates: &[f32],
        jet: Jet,
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        if let Some(accelerator) = self.accelerator() {
            match accelerator.jet(network, coordinates, jet) {
                Ok(values) => {
                    out.copy_from_slice(&values);
                    return Ok(());
                }
                // Of several threads that see it fail, the first records why.
                Err(error) => drop(self.cpu_reason.set(self.device.fall_back(error)?)),
            }
        }
        workspace.make_room(network.shape(), jet)?;
        Level::best().jet(network, coordinates, jet, out, workspace);
        Ok(())
    }

    /// The device at work.
    pub fn device(&self) -> DeviceUsed<'_> {
        match self.accelerator() {
            Some(accelerator) => DeviceUsed { name: accelerator.to_string(), cpu_reason: None },
            None => {
                let name = format!("cpu ({})", Level::best().name());
                DeviceUsed { name, cpu_reason: self.cpu_reason.get().map(String::as_str) }
            }
        }
    }
}
