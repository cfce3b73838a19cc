//! Runs arithmetic as the specification defines it, whatever modes the host has set: rounding to nearest,
//! subnormal numbers kept.
//!
//! A host may have changed the control bits of its threads, as libraries built for fast arithmetic do, and
//! threads inherit them. All arithmetic that decides a sample runs within [`ieee`].

#![allow(unsafe_code)]

/// Runs `work` with the default control bits and restores those of the host, also after a panic.
pub(crate) fn ieee<T>(work: impl FnOnce() -> T) -> T {
    // Not inlined: no computation of `work` may be moved to where the host's bits are set.
    #[inline(never)]
    fn call<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let _control = Control::default();
    call(work)
}

/// Sets the default control bits until it is dropped.
pub(crate) struct Control {
    /// The bits of the host, if they differ.
    host: Option<Bits>,
}

impl Default for Control {
    #[inline]
    fn default() -> Self {
        let bits = read();
        let host = (bits & CONTROL != DEFAULT).then_some(bits);
        if host.is_some() {
            write(DEFAULT);
        }
        Control { host }
    }
}

impl Drop for Control {
    #[inline]
    fn drop(&mut self) {
        if let Some(host) = self.host {
            write(host);
        }
    }
}

use register::{Bits, CONTROL, DEFAULT, read, write};

/// MXCSR. In assembly, since the compiler assumes the default and deprecates its own functions for it.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod register {
    use std::arch::asm;

    pub type Bits = u32;
    /// All bits but the flags of past exceptions.
    pub const CONTROL: Bits = !0x3F;
    /// Exceptions masked, rounding to nearest, no flushing to 0.
    pub const DEFAULT: Bits = 0x1F80;

    #[inline]
    pub fn read() -> Bits {
        let mut bits: Bits = 0;
        // SAFETY: every target of this architecture whose floats Rust computes in SSE has the instruction;
        // the pointer is to a local.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut bits, options(nostack, preserves_flags)) };
        bits
    }
    #[inline]
    pub fn write(bits: Bits) {
        // SAFETY: the instruction is present on every target with SSE; the bits are the default or were read
        // before, so none of them is reserved.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const bits, options(nostack, preserves_flags)) };
    }
}

/// FPCR.
#[cfg(target_arch = "aarch64")]
mod register {
    use std::arch::asm;

    pub type Bits = u64;
    pub const CONTROL: Bits = !0;
    /// Rounding to nearest, no flushing to 0, no traps.
    pub const DEFAULT: Bits = 0;

    #[inline]
    pub fn read() -> Bits {
        let bits: Bits;
        // SAFETY: the register may always be read.
        unsafe { asm!("mrs {}, fpcr", out(reg) bits, options(nostack, preserves_flags)) };
        bits
    }
    #[inline]
    pub fn write(bits: Bits) {
        // SAFETY: the register may always be written; the bits are the default or were read before.
        unsafe { asm!("msr fpcr, {}", in(reg) bits, options(nostack, preserves_flags)) };
    }
}

/// On other architectures the bits are assumed to be the default.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
mod register {
    pub type Bits = u32;
    pub const CONTROL: Bits = !0;
    pub const DEFAULT: Bits = 0;

    pub fn read() -> Bits {
        DEFAULT
    }
    pub fn write(_: Bits) {}
}

/// Control bits that a host may have set, for tests.
#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) mod tests {
    use super::*;

    /// Control bits that disturb arithmetic: subnormal numbers flushed to 0, rounding up, rounding down.
    #[cfg(target_arch = "x86_64")]
    pub const DISTURBED: [Bits; 3] = [DEFAULT | 0x8040, DEFAULT | 0x4000, DEFAULT | 0x2000];
    #[cfg(target_arch = "aarch64")]
    pub const DISTURBED: [Bits; 3] = [1 << 24, 1 << 22, 2 << 22];

    /// Runs `work` on a thread with control bits `bits`.
    pub fn disturbed<T: Send>(bits: Bits, work: impl FnOnce() -> T + Send) -> T {
        let host = || {
            write(bits);
            let result = work();
            assert_eq!(read() & CONTROL, bits, "the host's bits are put back");
            result
        };
        std::thread::scope(|scope| scope.spawn(host).join().unwrap())
    }

    #[test]
    fn work_has_the_default_and_the_host_its_own() {
        let third = |x: f32| std::hint::black_box(x) / std::hint::black_box(3.0);
        let least = || std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.5);
        let expected = (third(1.0), third(-1.0), least());
        let [flushed, up, down] = DISTURBED.map(|bits| {
            let work = || ((third(1.0), third(-1.0), least()), ieee(|| (third(1.0), third(-1.0), least())));
            let (host, own) = disturbed(bits, work);
            assert_eq!(own, expected);
            host
        });
        // The test has an effect.
        assert_eq!(flushed.2, 0.0);
        assert!(up != expected && down != expected);
    }

    #[test]
    fn a_panic_puts_the_bits_back() {
        disturbed(DISTURBED[0], || {
            let panic = std::panic::catch_unwind(|| ieee(|| std::panic::resume_unwind(Box::new(()))));
            assert!(panic.is_err());
        });
    }
}
