//! Decides which kind of field a signal is stored as.

use super::afford;
use super::options::{EncodeOptions, FieldKind, Target, WeightCoding};
use crate::backend::Device;
use crate::error::{Error, Result};
use crate::signal::{Description, Kind, Source};

/// Positions below which a picture is not worth splines: at 30 dB networks of a picture of 16² take 212 bytes,
/// splines 298 at 29.1 dB; of 32² they take 423 and 347 bytes (a scaled photograph, effort 3).
const FEWEST: u64 = 1 << 10;

/// The kind of field of an encode, never [`FieldKind::Auto`], after a check of what its fit will need; whether samples
/// are `missing` is known before.
///
/// # Errors
/// `Parameter` for splines with options that only sine networks have, `Limit` if the fit needs more than the
/// limits allow.
pub(super) fn decide(signal: &dyn Source, missing: bool, options: &EncodeOptions) -> Result<FieldKind> {
    let affordable = |field| afford::check(signal, missing, options, field).map(|()| field);
    match (options.field, networks_alone(options)) {
        (FieldKind::Spline, Some(what)) => {
            Err(Error::parameter("field", format!("spline with {what}, expected siren or auto")))
        }
        (FieldKind::Spline, None) => affordable(FieldKind::Spline),
        (FieldKind::Auto, _) if suits(signal.description()) && has_splines(options) => {
            // A fit of networks takes less memory.
            let networks = |error| affordable(FieldKind::Siren).map_err(|_| error);
            affordable(FieldKind::Spline).or_else(networks)
        }
        _ => affordable(FieldKind::Siren),
    }
}

/// Whether splines are usually the better kind.
fn suits(description: &Description) -> bool {
    description.kind() == Kind::Picture && description.positions() >= FEWEST
}

/// An option that a field of splines does not have. A target gradient has a gradient weight, too.
fn networks_alone(options: &EncodeOptions) -> Option<&'static str> {
    let options = [
        (matches!(options.target, Target::Shape { .. }), "layers and width"),
        (options.weights != WeightCoding::Quantized, "weights other than quantized"),
        (options.gradient_weight > 0.0, "a gradient weight"),
    ];
    options.into_iter().find_map(|(given, what)| given.then_some(what))
}

/// Whether these options store pictures as splines, as far as memory allows.
fn has_splines(options: &EncodeOptions) -> bool {
    match options.field {
        FieldKind::Auto => networks_alone(options).is_none() && !matches!(options.device, Device::Cuda(_)),
        field => field == FieldKind::Spline,
    }
}

impl EncodeOptions {
    /// The number of signals that are best encoded concurrently: that of the device, see
    /// [`Device::concurrent_encodes`], for options that store all signals as sine networks; 1 for all others,
    /// since each fit of splines uses all threads of the CPU.
    pub fn concurrent_encodes(&self) -> usize {
        if has_splines(self) { 1 } else { self.device.concurrent_encodes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{SampleFormat, Samples, Signal};
    use std::sync::Arc;

    fn of(description: Description) -> Signal {
        let count = description.positions() as usize * usize::from(description.channels);
        Signal { description, samples: Samples::U8(vec![0; count]), metadata: vec![] }
    }

    fn picture() -> Signal {
        of(Description::picture([400, 300], 3, SampleFormat::U8))
    }

    #[track_caller]
    fn decides(options: EncodeOptions, expected: FieldKind) {
        assert_eq!(decide(&picture(), false, &options).unwrap(), expected, "{options:?}");
    }

    #[test]
    fn pictures_are_splines_and_sounds_are_networks() {
        let sound = of(Description::sound(8000, 1, SampleFormat::U8, 8000));
        let auto = EncodeOptions::default();
        decides(auto.clone(), FieldKind::Spline);
        decides(auto.clone().device(Device::Cpu).effort(1).target(Target::Bytes(900)), FieldKind::Spline);
        let tiny = of(Description::picture([31, 33], 3, SampleFormat::U8));
        for signal in [&sound, &tiny] {
            assert_eq!(decide(signal, false, &auto).unwrap(), FieldKind::Siren);
        }
        for field in [FieldKind::Siren, FieldKind::Spline] {
            decides(auto.clone().field(field), field);
            assert_eq!(decide(&sound, false, &auto.clone().field(field)).unwrap(), field);
        }
    }

    #[test]
    fn what_only_networks_have_is_stored_as_networks() {
        let auto = EncodeOptions::default();
        let shape = auto.clone().target(Target::Shape { layers: 2, width: 8 });
        let weight = auto.clone().gradient_weight(0.1);
        for options in [
            shape.clone(),
            shape.weights(WeightCoding::Half),
            weight.clone(),
            weight.gradient(Arc::from(vec![0.0; 400 * 300 * 3 * 2])),
        ] {
            decides(options.clone(), FieldKind::Siren);
            let refused = decide(&picture(), false, &options.field(FieldKind::Spline));
            assert!(matches!(refused, Err(Error::Parameter { name: "field", .. })), "{refused:?}");
        }
        decides(auto.clone().device(Device::Cuda(1)), FieldKind::Siren);
        // The device refuses splines, and says so.
        decides(auto.device(Device::Cuda(1)).field(FieldKind::Spline), FieldKind::Spline);
    }

    #[test]
    fn networks_are_taken_where_they_alone_are_affordable() {
        let of = |field, memory, parameters| {
            let mut options = EncodeOptions::default().field(field).target(Target::Bytes(2000));
            (options.limits.memory_bytes, options.limits.parameters) = (memory, parameters);
            decide(&picture(), false, &options)
        };
        let (much, little) = (4 << 30, 20 << 20);
        assert_eq!(of(FieldKind::Auto, much, much).unwrap(), FieldKind::Spline);
        for (memory, parameters) in [(little, much), (much, 100_000)] {
            assert_eq!(of(FieldKind::Auto, memory, parameters).unwrap(), FieldKind::Siren);
            let refused = of(FieldKind::Spline, memory, parameters);
            assert!(matches!(refused, Err(Error::Limit { .. })), "{refused:?}");
        }
        assert!(matches!(of(FieldKind::Auto, 1 << 20, much), Err(Error::Limit { .. })));
    }
}
