//! The emulated driver: a library with the calls of the CUDA driver. Kernels are those of their text, compiled for the
//! host, or with `SIRENC_TEST_PTX` the PTX that the program loads, interpreted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The library, under the name of a real driver; `None`, with the reason printed, without a C++ compiler.
pub fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(|| build(std::env::var_os("SIRENC_TEST_PTX").is_some())).as_deref()
}

/// Loads the driver that interprets PTX into this process. Returns whether there is a C++ compiler.
#[allow(dead_code)]
pub fn load_interpreter() -> bool {
    build(true).is_some_and(|library| {
        load(&library);
        true
    })
}

#[allow(unsafe_code)]
fn load(library: &Path) {
    // The loader returns an already loaded library to later requests for its name.
    // SAFETY: the library has no initialisers.
    std::mem::forget(unsafe { libloading::Library::new(library) }.unwrap());
}

/// Loads the emulated driver into this process, unless `SIRENC_TEST_GPU` requests the GPU. Returns whether a
/// driver is available.
#[allow(dead_code)]
pub fn load_unless_gpu() -> bool {
    if std::env::var_os("SIRENC_TEST_GPU").is_some() {
        return true;
    }
    println!("on the emulated device: SIRENC_TEST_GPU does not request a GPU");
    library().is_some_and(|library| {
        load(library);
        true
    })
}

/// The bytes that this thread has copied to the emulated device so far; `None`, with the reason printed, on a
/// GPU.
#[allow(unsafe_code, dead_code)]
pub fn bytes_to_device() -> Option<usize> {
    if std::env::var_os("SIRENC_TEST_GPU").is_some() {
        println!("skipped: only the emulated device counts the bytes copied to it");
        return None;
    }
    // SAFETY: the library has no initialisers, and the function takes nothing and returns a size.
    unsafe {
        let library = libloading::Library::new(library()?).unwrap();
        let count = library.get::<unsafe extern "C" fn() -> usize>(b"emulated_bytes_to_device").unwrap();
        Some(count())
    }
}

fn build(interpreted: bool) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = std::env::current_exe().unwrap();
    let folder = tests.with_file_name(format!("{}-driver", tests.file_name()?.display()));
    std::fs::create_dir_all(&folder).unwrap();
    let library = folder.join("libcuda.so");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "g++".into());
    let output = Command::new(&compiler)
        .args(["-std=c++17", "-O2", "-march=native", "-ffp-contract=off", "-fno-strict-aliasing"])
        // Anything on which a device faults ends the test, for example an unaligned vector.
        .args(["-fsanitize=alignment,bounds,null,shift,signed-integer-overflow"])
        .args(["-fsanitize-undefined-trap-on-error"])
        .args(interpreted.then_some("-DINTERPRETED"))
        .args(["-Wall", "-Wno-unknown-pragmas", "-Werror", "-fPIC", "-shared", "-Wl,-soname,libcuda.so"])
        .arg("-I")
        .arg(root.join("tests/emulator"))
        .arg("-I")
        .arg(root.join("src/backend/cuda/kernels"))
        .arg(root.join("tests/emulator/driver.cpp"))
        .arg("-o")
        .arg(&library)
        .output();
    match output {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{compiler}: {said}");
            Some(library)
        }
        Err(error) => {
            println!("skipped: no C++ compiler ({compiler}: {error})");
            None
        }
    }
}
