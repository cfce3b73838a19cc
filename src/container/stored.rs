//! Unquantized parameters: binary16 or binary32 numbers in one Zstandard frame.

#[cfg(feature = "encoder")]
use super::frame::compress;
use super::frame::decompress;
use super::quantized::check_parameters;
use crate::error::{Error, Result};
use crate::limits::{Memory, try_vec};
use crate::network::{Network, Shape};
use byteorder::{ByteOrder, LittleEndian};
use half::f16;
use std::num::Saturating;

/// The number format of unquantized parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Half,
    Single,
}

impl Scalar {
    fn bytes(self) -> usize {
        match self {
            Scalar::Half => 2,
            Scalar::Single => 4,
        }
    }
    fn read(self, bytes: &[u8]) -> f32 {
        match self {
            Scalar::Half => f16::from_bits(LittleEndian::read_u16(bytes)).to_f32(),
            Scalar::Single => LittleEndian::read_f32(bytes),
        }
    }
}

/// Reads the parameters of networks of `shapes`, one after the other, from one frame.
pub(super) fn decode(
    frame: &[u8],
    shapes: &[Shape],
    scalar: Scalar,
    memory: &Memory,
) -> Result<Vec<Network>> {
    let count: u64 = shapes.iter().map(|s| s.parameters() as u64).sum();
    // No frame states a size as large as the saturated one.
    let size = Saturating(count) * Saturating(scalar.bytes() as u64);
    let bytes = decompress(frame, size.0, "stored parameters", memory)?;
    let mut values = bytes.chunks_exact(scalar.bytes()).map(|b| scalar.read(b));
    let mut networks = try_vec(shapes.len())?;
    for &shape in shapes {
        let mut parameters = try_vec(shape.parameters())?;
        parameters.extend(values.by_ref().take(shape.parameters()));
        check_parameters(parameters.iter().copied()).map_err(|e| Error::format("stored parameters", e))?;
        networks.push(Network::from_parameters(shape, parameters));
    }
    Ok(networks)
}

/// The frame of `networks`.
///
/// # Errors
/// `Parameter` if a parameter is too large or, for binary16, not a binary16 number.
#[cfg(feature = "encoder")]
pub(super) fn encode(networks: &[Network], scalar: Scalar) -> Result<Vec<u8>> {
    let parameters = || networks.iter().flat_map(|n| n.parameters().iter().copied());
    check_parameters(parameters()).map_err(|e| Error::parameter("networks", e))?;
    let mut bytes = vec![];
    for parameter in parameters() {
        match scalar {
            Scalar::Half => {
                let half = f16::from_f32(parameter);
                if half.to_f32().to_bits() != parameter.to_bits() {
                    return Err(Error::parameter(
                        "networks",
                        format!("{parameter:e} is not a binary16 number"),
                    ));
                }
                bytes.extend_from_slice(&half.to_bits().to_le_bytes());
            }
            Scalar::Single => bytes.extend_from_slice(&parameter.to_le_bytes()),
        }
    }
    compress(&bytes)
}

/// The network with its parameters rounded to binary16, so that binary16 stores it exactly.
///
/// # Errors
/// `Parameter` if a parameter is beyond the range of binary16.
#[cfg(feature = "encoder")]
pub fn round_to_half(network: &Network) -> Result<Network> {
    let mut rounded = network.clone();
    for parameter in rounded.parameters_mut() {
        let half = f16::from_f32(*parameter).to_f32();
        if !half.is_finite() {
            return Err(Error::parameter("weights", format!("{parameter:e} is beyond binary16")));
        }
        *parameter = half;
    }
    Ok(rounded)
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn only_representable_finite_parameters_are_stored() {
        let shape = Shape { inputs: 1, outputs: 1, layers: 1, width: 1 };
        let network = |p: f32| Network::from_parameters(shape, vec![p, -0.0, 0.5, 1.0]);
        let memory = Memory::new(&Limits::default());
        let store = |p: f32, scalar| {
            encode(&[network(p)], scalar).and_then(|f| decode(&f, &[shape], scalar, &memory))
        };
        assert_eq!(store(0.1, Scalar::Single).unwrap(), [network(0.1)]);
        assert!(store(0.1, Scalar::Half).is_err());
        assert_eq!(store(0.25, Scalar::Half).unwrap(), [network(0.25)]);
        for p in [f32::NAN, f32::INFINITY, 2e19] {
            assert!(store(p, Scalar::Single).is_err());
        }
        let rounded = round_to_half(&network(0.1)).unwrap();
        assert!(encode(&[rounded], Scalar::Half).is_ok());
        assert!(round_to_half(&network(65536.0)).is_err());
    }

    #[test]
    fn binary16_is_that_of_the_specification() {
        for (input, result) in crate::vectors::rows("binary16") {
            let half = u16::from_str_radix(input[0], 16).unwrap().to_le_bytes();
            assert_eq!(format!("{:08x}", Scalar::Half.read(&half).to_bits()), result, "{input:?}");
        }
    }
}
