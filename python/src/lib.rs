//! The native half of the Python package `sirenc`: files → arrays ([`reader`]), arrays and files → files ([`encode`]),
//! files beside their originals ([`verify`]). Its Python half gives these their shapes, names and documentation.
//!
//! Axes are in the order of NumPy here, the slowest first; the library counts them the other way round.

mod describe;
mod encode;
mod errors;
mod input;
mod networks;
mod reader;
mod verify;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _sirenc {
    #[pymodule_export]
    use super::encode::encode;
    #[pymodule_export]
    use super::networks::network_file;
    #[pymodule_export]
    use super::reader::Reader;
    #[pymodule_export]
    use super::verify::verify;

    /// The first bytes of every file.
    #[pymodule_export]
    const MAGIC: &[u8] = &sirenc::container::MAGIC;
}
