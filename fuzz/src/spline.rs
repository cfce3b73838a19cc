//! Arbitrary fields of splines.

use arbitrary::{Result, Unstructured};
use sirenc::container::QuantizedSpline;
use sirenc::field::spline::{ContextShape, FURTHER, Further, Shape, Slow, usual_symbol};
use sirenc::signal::Description;

/// A shape for a signal; nearly every one is valid.
fn shape(u: &mut Unstructured, d: &Description) -> Result<Shape> {
    let levels = 1u16 << u.int_in_range(0..=15)? | u.int_in_range(0..=0b1111)?;
    let context_levels: u16 = u.int_in_range(0..=0b1_1111)?;
    // The coarsest grid has nothing to be predicted from.
    let coarsest = 0x8000 >> (levels | context_levels).leading_zeros();
    let informed =
        if u.ratio(1, 50)? { u.arbitrary()? } else { levels & !coarsest & u.arbitrary::<u16>()? };
    let further = further(u, d.axes.len())?;
    if informed != 0 && u.ratio(1, 4)? {
        let usual = Shape::usual(&d.lengths(), d.channels.into());
        return Ok(Shape {
            levels,
            further,
            context: ContextShape { levels: context_levels, informed, ..usual.context },
            ..usual
        });
    }
    let combinations = if informed == 0 { 0 } else { u.int_in_range(1..=8)? };
    let neighbours = u.int_in_range(1..=12)?;
    let earlier = if d.axes.len() > 2 { u.int_in_range(0..=8)? } else { 0 };
    let context = ContextShape { levels: context_levels, informed, neighbours, earlier, combinations };
    let (layers, width) = (u.int_in_range(1..=4)?, u.int_in_range(1..=12)?);
    let (lengths, outputs) = (d.lengths(), d.channels.into());
    Ok(Shape { lengths, outputs, levels, further, layers, width, context })
}

/// The spacing along any axes beyond the second.
fn further(u: &mut Unstructured, axes: usize) -> Result<Further> {
    let pair = |u: &mut Unstructured| -> Result<[u32; FURTHER]> {
        Ok([u.int_in_range(0..=15)?, if axes > 3 { u.int_in_range(0..=15)? } else { 0 }])
    };
    if axes <= 2 {
        return Ok(Further::default());
    }
    let delays = pair(u)?;
    let count = u.int_in_range(0..=2)?;
    let mut series = |_| Ok(Slow { levels: u.int_in_range(1..=0b11_1111)?, further: pair(u)? });
    Ok(Further { delays, slow: (0..count).map(&mut series).collect::<Result<_>>()? })
}

/// A field of at most `most` latents; `None` if its shape has more. Mostly its parameters are near the usual
/// ones and its latents are small, sometimes they are numbers that no file can store.
pub fn field(u: &mut Unstructured, d: &Description, most: u64) -> Result<Option<QuantizedSpline>> {
    let shape = shape(u, d)?;
    if shape.latents() > most {
        return Ok(None);
    }
    let network = shape.order().context();
    // Usual parameters exceed what a file can store in units of the finest steps.
    let finest = if shape.has_usual() { 18 } else { 31 };
    let exponent =
        |u: &mut Unstructured, n: usize| u.int_in_range(if n < network { 4..=finest } else { 2..=10 });
    let exponents: Vec<u8> = (0..shape.tensors().len()).map(|n| exponent(u, n)).collect::<Result<_>>()?;
    let usual = shape.usual_parameters();
    let usual = usual.iter().zip(&exponents).flat_map(|(tensor, &exponent)| {
        tensor.iter().map(move |&parameter| usual_symbol(parameter, exponent) as i32)
    });
    let symbol = |u: &mut Unstructured, usual: i32| {
        Ok(usual.saturating_add(u.arbitrary::<i32>()? >> u.int_in_range(24..=31)?))
    };
    let mut symbols: Vec<i32> = usual.map(|usual| symbol(u, usual)).collect::<Result<_>>()?;
    if let (true, Some(large)) = (u.ratio(1, 50)?, symbols.first_mut()) {
        *large = u.arbitrary()?;
    }
    let latent = |u: &mut Unstructured| Ok(u.arbitrary::<i16>()? >> u.int_in_range(0..=15)?);
    let grid = |u: &mut Unstructured, n: u64| (0..n).map(|_| latent(u)).collect::<Result<_>>();
    let latents = shape.grids().iter().map(|g| grid(u, g.latents())).collect::<Result<_>>()?;
    let highest = shape.grids().first().map_or(0, |grid| grid.level as u8);
    let longest = d.lengths().iter().copied().max().unwrap_or(1).saturating_sub(1);
    // Nearly always valid.
    let blocks = match longest.checked_ilog2() {
        Some(most) if u.ratio(1, 3)? => u.int_in_range(1..=(most as u8).max(1))?.max(highest),
        _ => 0,
    };
    Ok(Some(QuantizedSpline { shape, table: u.int_in_range(0..=8)?, exponents, blocks, symbols, latents }))
}
