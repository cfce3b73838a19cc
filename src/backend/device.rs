//! The device that runs the arithmetic, and the evaluation of networks on it: values and jets have the same
//! bits on every device.

use super::accelerator::Accelerator;
use super::simd::{BLOCK, Level, Workspace};
use crate::error::{Error, Result};
use crate::field::Field;
use crate::network::{Jet, Network};
use std::sync::{Arc, OnceLock};
#[cfg(feature = "encoder")]
use std::time::Duration;

/// The device that runs the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// The first CUDA device if it is usable, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by index.
    Cuda(u32),
}

/// Signals encoded concurrently on a GPU, each on its own streams. More of them hide more host pauses, but
/// take more device memory.
///
/// With up to three streams each, they share the 8 hardware queues that the driver uses by default. Only the
/// user can request more (`CUDA_DEVICE_MAX_CONNECTIONS=32`): writing to the environment is unsound while
/// other threads may read it.
const CONCURRENT_ENCODES: usize = 8;

/// Time that opening a GPU may take, by estimate: 0.4 to 0.8 s, and 3 to 5 s when the driver compiles the
/// kernels.
#[cfg(feature = "encoder")]
const START: Duration = Duration::from_secs(3);

/// The result of opening a [`Device`].
pub(crate) struct Opened {
    /// The accelerator, if the device is not the CPU.
    pub accelerator: Option<Arc<Accelerator>>,
    /// Why `Auto` chose the CPU.
    pub cpu_reason: Option<String>,
}

impl Device {
    /// The number of signals that are best encoded concurrently: 1 on the CPU, where one signal uses all
    /// threads; more on a GPU, which small networks do not fill. The bytes of the files do not depend on it.
    pub fn concurrent_encodes(self) -> usize {
        let on_accelerator = self.open().is_ok_and(|opened| opened.accelerator.is_some());
        if on_accelerator { CONCURRENT_ENCODES } else { 1 }
    }

    /// Opens the device for work that takes about `on_cpu` on the CPU. `Auto` does not open a GPU for work
    /// that takes less than [`START`].
    ///
    /// # Errors
    /// `Device` if a device requested by index cannot be used.
    #[cfg(feature = "encoder")]
    pub(crate) fn open_for(self, on_cpu: impl FnOnce() -> Duration) -> Result<Opened> {
        if self == Device::Auto
            && Accelerator::takes_start(0)
            && let Some(reason) = not_worth_a_start(on_cpu())
        {
            return Ok(Opened { accelerator: None, cpu_reason: Some(reason) });
        }
        self.open()
    }

    /// Opens the device.
    ///
    /// # Errors
    /// `Device` if a device requested by index cannot be used.
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

    /// The reason why work runs on the CPU that only the CPU does; `None` if the CPU was requested.
    ///
    /// # Errors
    /// `Device` if a device was requested by index.
    pub(crate) fn cpu_alone(self, reason: &str) -> Result<Option<String>> {
        match self {
            Device::Cpu => Ok(None),
            Device::Auto => Ok(Some(reason.into())),
            Device::Cuda(index) => {
                Err(Error::Device { device: format!("cuda:{index}"), detail: reason.into() })
            }
        }
    }

    /// The reason why `Auto` continues on the CPU after an error of the accelerator.
    ///
    /// # Errors
    /// `error`, if the device was requested by index or the error is not a device error.
    pub(crate) fn fall_back(self, error: Error) -> Result<String> {
        match error {
            Error::Device { detail, .. } if self == Device::Auto => Ok(detail),
            error => Err(error),
        }
    }
}

/// Why no GPU is opened for work that takes about `on_cpu` on the CPU, if it is not worth it.
#[cfg(feature = "encoder")]
fn not_worth_a_start(on_cpu: Duration) -> Option<String> {
    let [time, start] = [on_cpu, START].map(|time| time.as_secs_f64());
    (time < start).then(|| format!("the fit takes about {time:.1} s here, opening a GPU up to {start} s"))
}

/// The device that evaluates networks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceUsed<'a> {
    /// Its name, such as `cpu (avx512)` or `cuda:0 (NVIDIA H100)`.
    pub name: String,
    /// Why [`Device::Auto`] fell back to the CPU, if it did.
    pub cpu_reason: Option<&'a str>,
}

/// Evaluates networks on a device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    device: Device,
    accelerator: Option<Arc<Accelerator>>,
    /// Why `Device::Auto` uses the CPU, from the start or since the accelerator failed.
    cpu_reason: OnceLock<String>,
}

impl Engine {
    /// The engine of `device`, if it can evaluate `field`.
    pub fn new(device: Device, field: &Field) -> Result<Self> {
        let networks = match field {
            Field::Siren(siren) => &siren.networks,
            Field::Spline(_) => return Self::of_splines(device),
        };
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

    /// The engine of a field of splines, which only the CPU evaluates.
    fn of_splines(device: Device) -> Result<Self> {
        let reason = device.cpu_alone("fields of splines are evaluated on the CPU")?;
        let cpu_reason = reason.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Engine { device, accelerator: None, cpu_reason })
    }

    /// The accelerator, unless it failed.
    fn accelerator(&self) -> Option<&Accelerator> {
        self.accelerator.as_deref().filter(|_| self.cpu_reason.get().is_none())
    }

    /// Points of a network that are evaluated together, in whole blocks: enough to fill a device. The number
    /// stays the same if the device fails.
    pub fn points(&self) -> usize {
        if self.accelerator.is_some() { 1 << 16 } else { BLOCK }
    }

    /// Computes the values or jets of [`Level::jet`].
    ///
    /// # Errors
    /// `Device` if a device requested by index fails, `Io` if the system has no memory for the activations.
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
                // If several threads see it fail, the first one records the reason.
                Err(error) => drop(self.cpu_reason.set(self.device.fall_back(error)?)),
            }
        }
        workspace.make_room(network.shape(), jet)?;
        Level::best().jet(network, coordinates, jet, out, workspace);
        Ok(())
    }

    /// The device that currently evaluates the networks.
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

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_opened_only_for_work_that_takes_longer() {
        let reason = |milliseconds| not_worth_a_start(Duration::from_millis(milliseconds));
        let short = "the fit takes about 0.4 s here, opening a GPU up to 3 s";
        assert_eq!(reason(440).as_deref(), Some(short));
        assert!(reason(2999).is_some());
        assert_eq!(reason(3000), None);
    }
}
