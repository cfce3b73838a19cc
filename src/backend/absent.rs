//! The accelerator type of builds without one; it has no values.

use crate::error::{Error, Result};
use crate::network::{Jet, Network, Shape};
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) enum Accelerator {}

impl Accelerator {
    pub fn shared(index: u32) -> Result<Arc<Self>> {
        let detail = "this build has no CUDA backend".into();
        Err(Error::Device { device: format!("cuda:{index}"), detail })
    }
    #[cfg(feature = "encoder")]
    pub fn takes_start(_: u32) -> bool {
        false
    }
    pub fn check(&self, _: Shape) -> Result<()> {
        match *self {}
    }
    pub fn jet(&self, _: &Network, _: &[f32], _: Jet) -> Result<Vec<f32>> {
        match *self {}
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

#[cfg(feature = "encoder")]
impl super::trainer::Trainer for Accelerator {
    fn groups(&self, _: &[u64]) -> Vec<std::ops::Range<usize>> {
        match *self {}
    }
    fn concurrency(&self) -> usize {
        match *self {}
    }
    fn is_parallel(&self) -> bool {
        match *self {}
    }
    fn hold<'a>(
        &'a self,
        _: Vec<Arc<super::trainer::Points>>,
    ) -> Result<Box<dyn super::trainer::Resident + 'a>> {
        match *self {}
    }
}
