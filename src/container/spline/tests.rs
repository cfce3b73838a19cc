//! Which symbols a file can store: those of at most 2²⁰ in magnitude, as far from the usual ones.

use super::super::magnitude::Writer;
use super::*;
use crate::signal::SampleFormat;

const MOST: i32 = MAX_MAGNITUDE as i32;

fn signal() -> Description {
    Description::picture([3, 2], 1, SampleFormat::U8)
}

/// The field of the usual parameters, whose steps are those of the exponent 10, and of latents of 0.
fn field() -> QuantizedSpline {
    let shape = Shape::usual(&signal().lengths(), 1);
    let symbols = shape.usual_parameters().concat().into_iter().map(i32::from).collect();
    let latents = shape.grids().iter().map(|grid| vec![0; grid.latents() as usize]).collect();
    QuantizedSpline {
        exponents: vec![10; shape.tensors().len()],
        blocks: 0,
        symbols,
        latents,
        table: 8,
        shape,
    }
}

fn read_back(bytes: &[u8]) -> Result<QuantizedSpline> {
    let limits = Limits::default();
    read(Fields::new(bytes, "NETWORK section"), &signal(), &limits, &mut Memory::new(&limits), None)
}

/// The field with another symbol in place of the first that is not 0, computed from it: a tap.
fn with(symbol: impl Fn(i32) -> i32) -> QuantizedSpline {
    let mut field = field();
    let first = field.symbols.iter_mut().find(|symbol| **symbol != 0).unwrap();
    *first = symbol(*first);
    field
}

#[test]
fn a_symbol_and_its_difference_have_at_most_20_bits() {
    let stored = |field: &QuantizedSpline| match write(field, &signal()) {
        Ok(bytes) => {
            assert_eq!(&read_back(&bytes).unwrap(), field);
            true
        }
        Err(Error::Parameter { name: "field", detail, .. }) => {
            assert!(detail.contains("symbol"), "{detail}");
            false
        }
        Err(error) => panic!("{error}"),
    };
    assert!(stored(&field()));
    assert!(stored(&with(|usual| usual.signum() * MOST)));
    assert!(!stored(&with(|usual| usual.signum() * (MOST + 1))));
    // Symbols of at most 2²⁰ with differences of 2²⁰ and of one more.
    assert!(stored(&with(|usual| usual - usual.signum() * MOST)));
    assert!(!stored(&with(|usual| usual - usual.signum() * (MOST + 1))));
}

#[test]
fn a_difference_that_leads_beyond_20_bits_is_malformed() {
    let usual = i32::from(field().shape.usual_parameters()[0][0]);
    assert_ne!(usual, 0, "a tap that is stored first");
    let error = |exponent: u32, difference: i32| {
        let mut writer = Writer::new(8);
        writer.uniform(exponent, EXPONENT_BITS).unwrap();
        writer.signed(&mut Context::new(DIFFERENCE_MEAN), difference).unwrap();
        // More bytes than the first symbol takes.
        let bytes = [header(&field()), writer.finish(), vec![0; 4]].concat();
        read_back(&bytes).unwrap_err().to_string()
    };
    let beyond = |symbol: i64| format!("a symbol of {symbol}, expected at most {MOST}");
    let sign = usual.signum();
    assert!(error(10, sign * MOST - usual + sign).contains(&beyond((sign * (MOST + 1)).into())));
    assert!(!error(10, sign * MOST - usual).contains("a symbol of"));
    // The usual symbol is so large that no difference leads back.
    let large = i64::from(usual) << 21;
    assert!(error(31, -sign * MOST).contains(&beyond(large - i64::from(sign * MOST))));
}
