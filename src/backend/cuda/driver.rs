//! Finds the driver and a device, before any call that would panic without them.

#![allow(unsafe_code)]

use cudarc::driver::sys::{self, CUdevice_attribute as Attribute};
use cudarc::driver::{
    CudaContext, CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, DriverError, result,
};
use std::ops::Deref;
use std::sync::Arc;

/// The names that `cudarc` tries first, in its order, so that both find the same library.
#[cfg(not(windows))]
const LIBRARIES: [&str; 2] = ["libcuda.so", "libcuda.so.1"];
#[cfg(windows)]
const LIBRARIES: [&str; 1] = ["nvcuda.dll"];

/// Functions of the driver that every query needs; a library that has them is a driver.
const SYMBOLS: [&[u8]; 5] =
    [b"cuInit", b"cuDriverGetVersion", b"cuGetErrorString", b"cuDevicePrimaryCtxRetain", b"cuLaunchKernel"];

/// The oldest driver that loads the kernels: CUDA 12.0, 525 on Linux.
const OLDEST_DRIVER: i32 = 12000;
/// The oldest compute capability for which the kernels are compiled.
const OLDEST_DEVICE: i32 = 8;

/// A usable device.
#[derive(Debug)]
pub(super) struct Device {
    pub context: Arc<CudaContext>,
    /// The stream of the samples, which other streams read. Unlike the default stream it also frees memory on
    /// threads where the context is not current.
    pub samples: Stream,
    pub name: String,
    /// Bytes of shared memory that a thread block can use.
    pub shared_memory: usize,
    /// Bytes of shared memory with which two thread blocks fit a multiprocessor.
    pub half_shared_memory: usize,
}

impl Device {
    /// A stream for one piece of work.
    pub fn stream(&self) -> Result<Stream, DriverError> {
        self.context.new_stream().map(Stream)
    }

    /// Peak operations per second in binary32, two for each lane and cycle.
    pub fn peak(&self) -> Result<f64, DriverError> {
        let processors = self.context.attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let kilohertz = self.context.attribute(Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE)?;
        // Capability 8.0 has half the lanes of all later ones.
        let lanes = if self.context.compute_capability()? == (8, 0) { 64.0 } else { 128.0 };
        Ok(2.0 * lanes * f64::from(processors) * 1e3 * f64::from(kilohertz))
    }
}

/// A stream that is synchronized when it is dropped, also after an error: memory that was read on it may then
/// be freed.
///
/// Its copies are complete when they return. The host's memory is pageable, and the driver may read or write
/// that until the stream is synchronized.
#[derive(Debug)]
pub(super) struct Stream(Arc<CudaStream>);

impl Stream {
    /// Copies `numbers` to new memory of the device.
    pub fn upload<T: DeviceRepr>(&self, numbers: &[T]) -> Result<CudaSlice<T>, DriverError> {
        let copy = self.0.clone_htod(numbers)?;
        self.0.synchronize()?;
        Ok(copy)
    }

    /// Copies `numbers` to memory of the device that has room for them.
    pub fn upload_to<T: DeviceRepr>(
        &self,
        numbers: &[T],
        to: &mut impl DevicePtrMut<T>,
    ) -> Result<(), DriverError> {
        self.0.memcpy_htod(numbers, to)?;
        self.0.synchronize()
    }

    /// Copies numbers from the device, when all work before has ended.
    pub fn download<T: DeviceRepr>(&self, numbers: &impl DevicePtr<T>) -> Result<Vec<T>, DriverError> {
        let copy = self.0.clone_dtoh(numbers)?;
        self.0.synchronize()?;
        Ok(copy)
    }
}

impl Deref for Stream {
    type Target = Arc<CudaStream>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // If the device failed there is nothing left to wait for, and the error has been returned already.
        let _ = self.0.synchronize();
    }
}

/// Opens device `index`, or returns why it cannot be used.
pub(super) fn open(index: u32) -> Result<Device, String> {
    if !is_installed() {
        return Err(format!("no NVIDIA driver is installed ({} not found)", LIBRARIES[LIBRARIES.len() - 1]));
    }
    result::init().map_err(describe)?;
    let version = driver_version()?;
    if version < OLDEST_DRIVER {
        return Err(format!(
            "the driver supports CUDA {}.{}, expected 12.0 (driver 525) or newer",
            version / 1000,
            version % 1000 / 10
        ));
    }
    let count = CudaContext::device_count().map_err(describe)?;
    if index >= count.max(0) as u32 {
        let devices = if count == 1 { "device" } else { "devices" };
        return Err(format!("this machine has {count} CUDA {devices}"));
    }
    device(index).map_err(describe)?
}

fn device(index: u32) -> Result<Result<Device, String>, DriverError> {
    let number = result::device::get(index as i32)?;
    let blocking = sys::CUctx_flags::CU_CTX_SCHED_BLOCKING_SYNC as u32;
    // Threads that wait for the device leave their cores to others, which round and write meanwhile.
    // SAFETY: the driver has just returned the number of the device.
    unsafe { sys::cuDevicePrimaryCtxSetFlags_v2(number, blocking) }.result()?;
    let context = CudaContext::new(index as usize)?;
    let name = context.name()?;
    let (major, minor) = context.compute_capability()?;
    if major < OLDEST_DEVICE {
        return Ok(Err(format!(
            "{name} has compute capability {major}.{minor}, expected {OLDEST_DEVICE}.0 or newer"
        )));
    }
    // SAFETY: buffers of this backend are used on the stream that allocated them, and its copies are complete
    // when they return. Only samples are read on other streams, each of which is synchronized before it
    // releases them.
    unsafe { context.disable_event_tracking() };
    let samples = Stream(context.new_stream()?);
    let bytes = |attribute| context.attribute(attribute).map(|bytes| bytes.max(0) as usize);
    let shared_memory = bytes(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
    let multiprocessor = bytes(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR)?;
    let reserved = bytes(Attribute::CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK)?;
    let half_shared_memory = (multiprocessor / 2).saturating_sub(reserved);
    Ok(Ok(Device { context, samples, name, shared_memory, half_shared_memory }))
}

/// Whether a driver library is installed; `cudarc` panics without one.
pub(super) fn is_installed() -> bool {
    LIBRARIES.iter().any(|name| {
        // SAFETY: loading a library runs its initialisers; these names are the driver's, which `cudarc` is
        // about to load in the same way.
        let Ok(library) = (unsafe { libloading::Library::new(*name) }) else { return false };
        SYMBOLS.iter().all(|symbol| {
            // SAFETY: the symbol is looked up and never called.
            unsafe { library.get::<unsafe extern "C" fn()>(*symbol) }.is_ok()
        })
    })
}

fn driver_version() -> Result<i32, String> {
    let mut version = 0;
    // SAFETY: the call writes one number.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(describe)?;
    Ok(version)
}

/// A short description of a driver error.
pub(super) fn describe(error: DriverError) -> String {
    let name = error.error_name().ok().and_then(|name| name.to_str().ok());
    match name.unwrap_or_default() {
        "CUDA_ERROR_OUT_OF_MEMORY" => "out of memory".into(),
        "CUDA_ERROR_NO_DEVICE" => "no CUDA device".into(),
        "" => format!("error {}", error.0 as i32),
        name => name.into(),
    }
}
