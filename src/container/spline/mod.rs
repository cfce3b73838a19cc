//! A quantized spline field: its parameters and latents as one coded stream, or in blocks.

mod blocks;
mod context;
mod laplace;
mod latents;
#[cfg(all(test, feature = "encoder"))]
mod tests;

use super::fields::Fields;
#[cfg(feature = "encoder")]
use super::magnitude::Writer;
use super::magnitude::{Coder, Context, MAX_MAGNITUDE, Reader};
use super::table::SHAPES;
use crate::error::{Error, Result};
use crate::field::spline::{
    ContextShape, FURTHER, Further, Grid, MAX_COMBINATIONS, MAX_EARLIER, MAX_LAYERS, MAX_NEIGHBOURS,
    MAX_SLOW, MAX_WIDTH, Shape, Slow, coarser, usual_symbol,
};
use crate::limits::{Amount, Limits, Memory, bytes_of, try_filled, try_vec};
use crate::signal::{Description, Region};
use blocks::Blocks;
use context::{Model, WEIGHT_BITS};
use latents::LatentCoder;
use std::num::Saturating;

/// The largest magnitude of a parameter of the network or the filters.
const MAX_PARAMETER: f32 = 1024.0;
/// The largest magnitude of a number of the filters in a signal of more than two axes: each axis multiplies
/// coefficients by up to seven of them.
const MAX_TAP: f32 = 8.0;
/// Bits of an exponent.
const EXPONENT_BITS: u32 = 5;
/// Bits of the shape of tables in a byte whose other bits are the side of blocks.
const TABLE_BITS: u32 = 4;
/// Initial mean magnitude of the differences between the symbols of a tensor and the usual ones.
const DIFFERENCE_MEAN: u32 = 4;
/// The most fronts of latents that are kept: back to the twelfth neighbour in a sound.
const KEPT: usize = MAX_NEIGHBOURS + 1;
/// The most bytes of a context model: 28 inputs, and the first layer for each of 96 grids.
const MODEL_BYTES: u64 = 256 << 10;
/// Bits of the level or the delay of the third axis in a byte whose other bits are those of the fourth.
const THIRD_BITS: u32 = 4;
/// The most latents that a byte can hold: the likeliest symbol costs more than 8 / 2¹⁶ bits.
const LATENTS_PER_BYTE: u64 = 1 << 16;

/// A quantized spline field.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedSpline {
    /// Its shape.
    pub shape: Shape,
    /// The shape of the frequency tables of parameters, 0 (Gauss) to 8 (Laplace).
    pub table: u8,
    /// For each tensor, in the order of [`Shape::tensors`], the exponent `e` of its step `2⁻ᵉ`.
    pub exponents: Vec<u8>,
    /// The binary logarithm of the side of blocks whose latents are coded alone, samples, at least the highest
    /// level; 0 if all latents are coded together.
    pub blocks: u8,
    /// The symbols of all tensors; a parameter is a symbol times the step.
    pub symbols: Vec<i32>,
    /// The latents of each grid in coding order, first axis fastest, at most 2¹⁵ − 1 in magnitude.
    pub latents: Vec<Vec<i16>>,
}

impl QuantizedSpline {
    /// For each tensor, its symbols and its exponent.
    fn tensors(&self) -> impl Iterator<Item = (&[i32], u8)> {
        let mut rest = &self.symbols[..];
        self.shape.tensors().into_iter().zip(&self.exponents).map(move |(tensor, &exponent)| {
            let (symbols, after) = rest.split_at(tensor.parameters());
            rest = after;
            (symbols, exponent)
        })
    }

    /// The tensors of the filters and the network, in file order.
    pub(crate) fn parameters(&self) -> Vec<Vec<f32>> {
        let values = |(symbols, exponent): (&[i32], u8)| {
            let step = 2f32.powi(i32::from(exponent).saturating_neg());
            symbols.iter().map(|&symbol| symbol as f32 * step).collect()
        };
        self.tensors().take(self.shape.order().context()).map(values).collect()
    }

    /// The model that predicts the latents.
    fn model(&self) -> std::result::Result<Model, String> {
        let mut parameters = vec![];
        for (symbols, exponent) in self.tensors().skip(self.shape.order().context()) {
            let Some(shift) = WEIGHT_BITS.checked_sub(u32::from(exponent)) else {
                return Err(format!(
                    "exponent {exponent} of the context model, expected at most {WEIGHT_BITS}"
                ));
            };
            // A symbol has 21 bits.
            parameters.extend(symbols.iter().map(|&symbol| symbol << shift));
        }
        Model::new(&self.shape, &parameters)
    }

    /// `Ok` if the parameters are in range.
    ///
    /// # Errors
    /// What is not.
    fn check(&self) -> std::result::Result<(), String> {
        let parameters = self.parameters();
        let largest =
            |tensors: &[Vec<f32>], most: f32| match tensors.iter().flatten().find(|p| p.abs() > most) {
                Some(large) => Err(format!("parameter {large}, expected at most {most}")),
                None => Ok(()),
            };
        if self.shape.axes() > 2 {
            largest(parameters.get(..1).unwrap_or_default(), MAX_TAP)?;
        }
        largest(&parameters, MAX_PARAMETER)
    }

    /// `Ok` if there are as many numbers as the shape has, and a file can store each of them.
    ///
    /// # Errors
    /// What does not fit.
    #[cfg(feature = "encoder")]
    fn check_numbers(&self) -> std::result::Result<(), String> {
        let counts = (self.exponents.len(), self.symbols.len());
        let expected = (self.shape.tensors().len(), self.shape.parameters());
        if counts != expected {
            return Err(format!("{counts:?} exponents and symbols, expected {expected:?}"));
        }
        let (counts, grids) = (self.latents.iter().map(|grid| grid.len() as u64), self.shape.grids());
        if !counts.eq(grids.iter().map(Grid::latents)) {
            return Err(format!("latents of other grids than {grids:?}"));
        }
        let usual = self.shape.usual_parameters();
        let too_large = |((symbols, exponent), usual): ((&[i32], u8), &Vec<i16>)| {
            let is_large = |symbol: i64| symbol.unsigned_abs() > MAX_MAGNITUDE.into();
            symbols.iter().zip(usual).map(|(&symbol, &usual)| (symbol.into(), usual)).find_map(
                |(symbol, usual)| {
                    let difference = difference(symbol, usual_symbol(usual, exponent));
                    (is_large(symbol) || is_large(difference)).then_some(symbol)
                },
            )
        };
        let symbol = self.tensors().zip(&usual).find_map(too_large);
        let exponent = self.exponents.iter().find(|&&exponent| exponent >> EXPONENT_BITS != 0);
        let latent = self.latents.iter().flatten().find(|&&latent| latent == i16::MIN);
        match (exponent, symbol, latent) {
            (None, None, None) => Ok(()),
            large => Err(format!("exponent, symbol, latent out of range: {large:?}")),
        }
    }
}

fn malformed(detail: String) -> Error {
    Error::format("coded parameters", detail)
}

/// Reads the shape of a field of a signal, that of its tables, and the side of its blocks.
fn read_header(fields: &mut Fields<'_>, signal: &Description) -> Result<(Shape, u8, u8)> {
    let mut mask = |what| fields.varint_in(what, 0, u16::MAX.into()).map(|mask| mask as u16);
    let levels = mask("levels")?;
    let context_levels = mask("levels of the context model")?;
    let informed = mask("informed levels")?;
    if levels == 0 || informed & !levels != 0 {
        return Err(fields.error(format!("levels {levels:#x}, informed {informed:#x}")));
    }
    let mut number = |what: &'static str, low: usize, high: usize| {
        let value = usize::from(fields.u8(what)?);
        if (low..=high).contains(&value) {
            return Ok(value);
        }
        Err(fields.error(format!("{what} {value}, expected {low} to {high}")))
    };
    let layers = number("hidden layers", 1, MAX_LAYERS)?;
    let width = number("width", 1, MAX_WIDTH)?;
    let neighbours = number("neighbours", 1, MAX_NEIGHBOURS)?;
    let combinations = number("combinations", 0, MAX_COMBINATIONS)?;
    let both = number("shape of tables", 0, u8::MAX.into())? as u8;
    let (table, blocks) = (both & ((1 << TABLE_BITS) - 1), both >> TABLE_BITS);
    if table > SHAPES {
        return Err(fields.error(format!("shape of tables {table}, expected at most {SHAPES}")));
    }
    let (lengths, outputs) = (signal.lengths(), usize::from(signal.channels));
    let (earlier, further) = read_further(fields, lengths.len())?;
    let context = ContextShape { levels: context_levels, informed, neighbours, earlier, combinations };
    let shape = Shape { lengths, outputs, levels, further, layers, width, context };
    let grids = shape.grids();
    let is_alone = |n: usize| grids.get(n).is_some_and(Grid::is_informed) && coarser(&grids, n).count() == 0;
    let alone = (0..grids.len()).any(is_alone);
    if alone || (informed == 0) != (combinations == 0) {
        return Err(fields.error(format!("informed levels {informed:#x}, {combinations} combinations")));
    }
    let highest = highest(&grids);
    let longest = shape.lengths.iter().max().map_or(0, |&length| length.saturating_sub(1));
    if blocks != 0 && (u32::from(blocks) < highest || longest >> blocks == 0) {
        let lengths = &shape.lengths;
        return Err(fields.error(format!("blocks of 2^{blocks} for level {highest} and lengths {lengths:?}")));
    }
    Ok((shape, table, blocks))
}

/// Reads how a field is spaced along the axes beyond the second, and the number of neighbours in earlier slices: 0
/// and nothing if there are no such axes.
fn read_further(fields: &mut Fields<'_>, axes: usize) -> Result<(usize, Further)> {
    if axes <= 2 {
        return Ok((0, Further::default()));
    }
    let earlier = usize::from(fields.u8("earlier neighbours")?);
    if earlier > MAX_EARLIER {
        return Err(fields.error(format!("earlier neighbours {earlier}, expected at most {MAX_EARLIER}")));
    }
    let delays = read_pair(fields, "delays", axes)?;
    let count = usize::from(fields.u8("slow series")?);
    if count > MAX_SLOW {
        return Err(fields.error(format!("slow series {count}, expected at most {MAX_SLOW}")));
    }
    let mut slow = vec![];
    for _ in 0..count {
        let levels = fields.varint_in("levels of slow grids", 1, u16::MAX.into())? as u16;
        slow.push(Slow { levels, further: read_pair(fields, "slow levels", axes)? });
    }
    Ok((earlier, Further { delays, slow }))
}

/// Two numbers of 4 bits in a byte; the second is 0 if there is no fourth axis.
fn read_pair(fields: &mut Fields<'_>, what: &'static str, axes: usize) -> Result<[u32; FURTHER]> {
    let both = u32::from(fields.u8(what)?);
    let [third, fourth] = [both & ((1 << THIRD_BITS) - 1), both >> THIRD_BITS];
    if axes <= 3 && fourth != 0 {
        return Err(fields.error(format!("{what} {both:#x} for {axes} axes")));
    }
    Ok([third, fourth])
}

/// The highest level of grids along any axis.
fn highest(grids: &[Grid]) -> u32 {
    let levels = grids.iter().flat_map(|grid| (0..grid.lengths.len()).map(|axis| grid.level(axis)));
    levels.max().unwrap_or(0)
}

/// Reads a field of a signal: the rest of a section, after its coding. Of a field in blocks, those that values in
/// `region` do not depend on are left at 0.
pub(super) fn read(
    mut fields: Fields<'_>,
    signal: &Description,
    limits: &Limits,
    memory: &mut Memory,
    region: Option<&Region>,
) -> Result<QuantizedSpline> {
    let (shape, table, side) = read_header(&mut fields, signal)?;
    let (grids, latents, blocks) = (shape.grids(), shape.latents(), Blocks::new(&shape, side));
    let numbers = Saturating(latents) + Saturating(shape.parameters() as u64);
    Limits::check("parameters", numbers.0, limits.parameters)?;
    let (first, streams) = read_streams(&mut fields, &blocks, memory)?;
    let check = |stream: &[u8], latents: u64| {
        if latents.div_ceil(LATENTS_PER_BYTE) > (stream.len() as u64).saturating_add(4) {
            return Err(malformed(format!("{} bytes for {latents} latents", stream.len())));
        }
        Ok(())
    };
    if streams.is_empty() {
        check(first, latents)?;
    }
    for (n, stream) in (0..).zip(&streams) {
        check(stream, blocks.grids(n).iter().map(Grid::latents).sum())?;
    }
    memory.hold(bytes(&shape, side))?;
    let exponents = vec![0; shape.tensors().len()];
    let symbols = try_filled(shape.parameters(), 0)?;
    let latents = blocks::empty(&grids)?;
    let mut field = QuantizedSpline { shape, table, exponents, blocks: side, symbols, latents };
    let mut reader = Reader::new(first, table)?;
    let model = visit_tensors(&mut field, &mut reader)?;
    if streams.is_empty() {
        latents::visit(&model, &grids, &mut field.latents, &mut reader)?;
    }
    reader.finish()?;
    let is_needed = |n| region.is_none_or(|region| blocks.is_needed(n, region));
    let needed: Vec<(u64, &[u8])> = (0..).zip(streams).filter(|&(n, _)| is_needed(n)).collect();
    let read_block = |(_, &(n, stream)): (u64, &(u64, &[u8]))| {
        let (grids, mut reader) = (blocks.grids(n), Reader::new(stream, table)?);
        let mut latents = blocks::empty(&grids)?;
        latents::visit(&model, &grids, &mut latents, &mut reader)?;
        reader.finish().map(|()| latents)
    };
    for ((n, _), block) in needed.iter().zip(blocks::each(&needed, read_block)?) {
        blocks.put(*n, &block, &mut field.latents);
    }
    field.check().map_err(malformed)?;
    Ok(field)
}

/// Splits the rest of a section into streams: that of the tensors, and those of the blocks; if there is a
/// single block, one stream of everything.
fn read_streams<'a>(
    fields: &mut Fields<'a>,
    blocks: &Blocks,
    memory: &mut Memory,
) -> Result<(&'a [u8], Vec<&'a [u8]>)> {
    if blocks.count() == 1 {
        return Ok((fields.rest(), vec![]));
    }
    let count = blocks.count();
    if count > fields.rest().len() as u64 {
        return Err(fields.error(format!("{} bytes for {count} blocks", fields.rest().len())));
    }
    memory.hold(bytes_of::<(u64, &[u8])>(Saturating(count)))?;
    let mut sizes = try_vec(count)?;
    for _ in 0..count {
        sizes.push(fields.varint("size of a stream")?);
    }
    let mut sizes = sizes.into_iter();
    let first = fields.take(sizes.next().unwrap_or(0), "stream")?;
    let mut streams = try_vec(count)?;
    for size in sizes {
        streams.push(fields.take(size, "stream")?);
    }
    streams.push(fields.rest());
    Ok((first, streams))
}

/// Bytes of memory of an opened field: latents, coefficients, parameters; and of reading it: usual parameters,
/// fronts, tables, and the context model with its weights for every grid.
pub(super) fn bytes(shape: &Shape, side: u8) -> Amount {
    let blocks = Blocks::new(shape, side);
    let latents = Saturating(shape.latents());
    let parameters = Saturating(shape.parameters() as u64);
    let fronts = bytes_of::<[i16; KEPT]>(Saturating(blocks.rows()) * Saturating(blocks.count()));
    let field = bytes_of::<i16>(latents) + bytes_of::<f32>(latents) * Saturating(2);
    let reading = fronts + Saturating(laplace::TABLE_BYTES + MODEL_BYTES);
    field + bytes_of::<(i32, f32)>(parameters) + bytes_of::<i16>(parameters) + reading
}

/// The payload after the coding.
#[cfg(feature = "encoder")]
pub(super) fn write(field: &QuantizedSpline, signal: &Description) -> Result<Vec<u8>> {
    let error = |detail: String| Error::parameter("field", detail);
    let mut bytes = header(field);
    // A shape is valid if it is read back from its header.
    match read_header(&mut Fields::new(&bytes, "header"), signal) {
        Ok(read) if read == (field.shape.clone(), field.table, field.blocks) => {}
        other => {
            return Err(error(format!(
                "{:?}, tables {}, blocks {}: {other:?}",
                field.shape, field.table, field.blocks
            )));
        }
    }
    let model = || field.model().map(drop);
    field.check_numbers().and_then(|()| field.check()).and_then(|()| model()).map_err(error)?;
    let blocks = Blocks::new(&field.shape, field.blocks);
    let mut writer = Writer::new(field.table);
    let model = visit_tensors(&mut field.clone(), &mut writer)?;
    if blocks.count() == 1 {
        latents::visit(&model, &field.shape.grids(), &mut field.latents.clone(), &mut writer)?;
        bytes.append(&mut writer.finish());
        return Ok(bytes);
    }
    let write_block = |n: u64| {
        let (grids, mut latents) = (blocks.grids(n), blocks.cut(n, &field.latents));
        let mut writer = Writer::new(field.table);
        latents::visit(&model, &grids, &mut latents, &mut writer)?;
        Ok(writer.finish())
    };
    let numbers: Vec<u64> = (0..blocks.count()).collect();
    let mut streams = vec![writer.finish()];
    streams.append(&mut blocks::each(&numbers, |(_, &n)| write_block(n))?);
    for stream in streams.iter().take(numbers.len()) {
        super::fields::push_varint(&mut bytes, stream.len() as u64);
    }
    Ok([bytes, streams.concat()].concat())
}

/// The bytes of the shape of a field.
#[cfg(feature = "encoder")]
fn header(field: &QuantizedSpline) -> Vec<u8> {
    let Shape { levels, layers, width, context, .. } = field.shape;
    let Further { delays, slow } = &field.shape.further;
    let mut bytes = vec![];
    for mask in [levels, context.levels, context.informed] {
        super::fields::push_varint(&mut bytes, mask.into());
    }
    let numbers = [layers, width, context.neighbours, context.combinations];
    bytes.extend(numbers.map(|number| number as u8));
    bytes.push(field.table | field.blocks << TABLE_BITS);
    if field.shape.axes() > 2 {
        let pair = |[third, fourth]: [u32; FURTHER]| (third | fourth << THIRD_BITS) as u8;
        bytes.extend([context.earlier as u8, pair(*delays), slow.len() as u8]);
        for slow in slow {
            super::fields::push_varint(&mut bytes, slow.levels.into());
            bytes.push(pair(slow.further));
        }
    }
    bytes
}

/// One direction of coding a field.
trait SplineCoder: Coder + LatentCoder {
    /// `bits` uniform bits.
    fn uniform(&mut self, value: u32, bits: u32) -> Result<u32>;
}

impl SplineCoder for Reader<'_> {
    fn uniform(&mut self, _: u32, bits: u32) -> Result<u32> {
        self.range.bits(bits)
    }
}

#[cfg(feature = "encoder")]
impl SplineCoder for Writer {
    fn uniform(&mut self, value: u32, bits: u32) -> Result<u32> {
        self.range.bits(value, bits);
        Ok(value)
    }
}

/// The difference of a symbol to the usual one, which has at most 48 bits.
fn difference(symbol: i64, usual: i64) -> i64 {
    symbol.saturating_sub(usual)
}

/// The symbol with a `difference` to the usual one.
fn symbol_of(usual: i64, difference: i32) -> Result<i32> {
    let symbol = usual.saturating_add(difference.into());
    if symbol.unsigned_abs() > MAX_MAGNITUDE.into() {
        return Err(malformed(format!("a symbol of {symbol}, expected at most {MAX_MAGNITUDE}")));
    }
    Ok(symbol as i32)
}

/// Passes the tensors of a field through `coder`; returns the model of the latents.
fn visit_tensors<C: SplineCoder>(field: &mut QuantizedSpline, coder: &mut C) -> Result<Model> {
    let mut rest = &mut field.symbols[..];
    for (usual, exponent) in field.shape.usual_parameters().iter().zip(&mut field.exponents) {
        *exponent = coder.uniform(u32::from(*exponent), EXPONENT_BITS)? as u8;
        let (symbols, after) = rest.split_at_mut(usual.len());
        rest = after;
        let mut context = Context::new(DIFFERENCE_MEAN);
        for (symbol, &usual) in symbols.iter_mut().zip(usual) {
            let usual = usual_symbol(usual, *exponent);
            // Small where it is written: that has been checked.
            let difference = difference((*symbol).into(), usual) as i32;
            *symbol = symbol_of(usual, coder.signed(&mut context, difference)?)?;
        }
    }
    field.model().map_err(malformed)
}
