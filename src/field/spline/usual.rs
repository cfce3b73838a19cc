//! The usual field: parameters learned from many pictures. A file stores its own as differences to them, and
//! training begins with them.

use super::{ContextShape, Further, Grid, Role, Shape, coarser};

/// Fractional bits of a usual parameter.
const BITS: u32 = 10;
/// The unit of usual parameters.
pub const USUAL_STEP: f32 = 1.0 / (1 << BITS) as f32;
/// The levels of the feature grids of the usual shape: 0 to this − 1.
const LEVELS: u32 = 7;
/// Hidden layers of its network, and neurons of each.
const LAYERS: usize = 2;
const WIDTH: usize = 16;
/// Its channels: red, green, blue.
const CHANNELS: usize = 3;
const GREEN: usize = 1;
const CONTEXT: ContextShape =
    ContextShape { levels: 0b111_0000, informed: 0b111, neighbours: 12, earlier: 0, combinations: 4 };
/// Its parameters.
const PARAMETERS: usize = 1362;

/// The usual parameters in file order.
static USUAL: [i16; PARAMETERS] = numbers(include_bytes!("../../../spec/usual.txt"));

/// The numbers of a text, separated by anything else.
const fn numbers(text: &[u8]) -> [i16; PARAMETERS] {
    let (mut numbers, mut count, mut at) = ([0; PARAMETERS], 0, 0);
    while at < text.len() {
        let negative = text[at] == b'-';
        at += negative as usize;
        let (first, mut number) = (at, 0);
        while at < text.len() && text[at].is_ascii_digit() {
            number = 10 * number + (text[at] - b'0') as i16;
            at += 1;
        }
        if at > first {
            numbers[count] = if negative { -number } else { number };
            count += 1;
        } else if !negative {
            at += 1;
        }
    }
    assert!(count == PARAMETERS, "as many numbers as parameters");
    numbers
}

/// Where the rows and the columns of a tensor are in one of the usual shape; `None` where there is nothing
/// like them.
struct Places {
    tensor: Option<usize>,
    rows: Vec<Option<usize>>,
    columns: Vec<Option<usize>>,
}

fn all(count: usize) -> Vec<Option<usize>> {
    (0..count).map(Some).collect()
}

impl Shape {
    /// The usual shape of a signal of two axes or more.
    pub fn usual(lengths: &[u32], channels: usize) -> Shape {
        let levels = (1 << LEVELS) - 1;
        let lengths = lengths.to_vec();
        let (layers, width, further) = (LAYERS, WIDTH, Further::default());
        Shape { lengths, outputs: channels, levels, further, layers, width, context: CONTEXT }
    }

    /// Whether the parameters of this shape have usual ones: those of all signals but sounds with a network and a
    /// context model of the usual sizes, whatever their grids, channels and neighbours in earlier slices.
    pub fn has_usual(&self) -> bool {
        let ContextShape { neighbours, combinations, .. } = self.context;
        self.axes() > 1
            && (self.layers, self.width) == (LAYERS, WIDTH)
            && (neighbours, combinations) == (CONTEXT.neighbours, CONTEXT.combinations)
    }

    /// The usual parameters of each tensor in units of `2⁻¹⁰`; 0 where there are none.
    pub fn usual_parameters(&self) -> Vec<Vec<i16>> {
        let tensors = self.tensors();
        if !self.has_usual() {
            return tensors.iter().map(|tensor| vec![0; tensor.parameters()]).collect();
        }
        let usual = Shape::usual(&[1, 1], CHANNELS).tensors();
        let first = |tensor: usize| usual[..tensor].iter().map(|t| t.parameters()).sum::<usize>();
        let of_tensor = |Places { tensor, rows, columns }: Places| {
            let at = |row: Option<usize>, column: Option<usize>| {
                let (tensor, row, column) = (tensor?, row?, column?);
                USUAL.get(first(tensor) + row * usual[tensor].columns + column).copied()
            };
            rows.iter()
                .flat_map(|&row| columns.iter().map(move |&column| (row, column)))
                .map(|(row, column)| at(row, column).unwrap_or(0))
                .collect()
        };
        self.places().into_iter().map(of_tensor).collect()
    }

    /// The places of all tensors in those of the usual shape, in file order.
    fn places(&self) -> Vec<Places> {
        let usual = Shape::usual(&[1, 1], CHANNELS);
        let (order, usual_grids) = (usual.order(), usual.grids());
        let alike = |grid: &Grid| {
            let context = |grid: &Grid| grid.role == Role::Context;
            usual_grids.iter().position(|of| (of.level, context(of)) == (grid.level, context(grid)))
        };
        let grids: Vec<Option<usize>> = self.grids().iter().map(alike).collect();
        // The inputs of the context model: neighbours in the plane, in earlier slices, combinations.
        let ContextShape { neighbours, earlier, .. } = self.context;
        let input = |n: usize| match n {
            n if n < neighbours => Some(n),
            n => (n - neighbours).checked_sub(earlier).map(|n| neighbours + n),
        };
        let inputs = || -> Vec<_> { (0..self.context.width()).map(input).collect() };
        let levels = || -> Vec<_> {
            self.features().map(|grid| (grid.level < LEVELS).then_some(grid.level as usize)).collect()
        };
        let channels = || -> Vec<_> {
            let of = |channel: usize| match self.outputs {
                1 | 2 => (channel == 0).then_some(GREEN),
                _ => (channel < CHANNELS).then_some(channel),
            };
            (0..self.outputs).map(of).collect()
        };
        let places = |tensor: usize, rows, columns| Places { tensor: Some(tensor), rows, columns };
        let mut tensors = vec![places(0, levels(), all(4))];
        for layer in 0..=LAYERS {
            let at = order.layer(layer);
            let rows = || if layer == LAYERS { channels() } else { all(WIDTH) };
            let columns = if layer == 0 { levels() } else { all(WIDTH) };
            tensors.extend([places(at, rows(), columns), places(at + 1, rows(), all(1))]);
        }
        tensors.push(places(order.skip(), channels(), levels()));
        let (combinations, usual_width) = (CONTEXT.combinations, CONTEXT.width());
        let all_grids = self.grids();
        for (number, grid) in all_grids.iter().enumerate().filter(|(_, grid)| grid.is_informed()) {
            // Informed grids in coding order descend to level 0.
            let informed = usual.context.informed.count_ones().checked_sub(grid.level + 1);
            let tensor = informed.map(|number| order.combination(number as usize));
            let columns = coarser(&all_grids, number).map(|other| grids[other]).collect();
            tensors.push(Places { tensor, rows: all(combinations), columns });
            let tensor = tensor.map(|tensor| tensor + 1);
            tensors.push(Places { tensor, rows: all(combinations), columns: all(1) });
        }
        let of_grid = |grid: &Option<usize>| -> Vec<_> {
            inputs().iter().map(|neuron| Some(grid.as_ref()? * usual_width + neuron.as_ref()?)).collect()
        };
        for layer in 0..2 {
            let at = order.context_layer(layer);
            let biases = if layer == 0 { grids.iter().flat_map(of_grid).collect() } else { inputs() };
            tensors.extend([places(at, inputs(), inputs()), places(at + 1, biases, all(1))]);
        }
        let output = order.context_layer(2);
        tensors.extend([places(output, all(2), inputs()), places(output + 1, all(2), all(1))]);
        tensors.push(places(order.context_skip(), all(2), inputs()));
        tensors
    }
}

/// The symbol nearest to a usual parameter, for a tensor of the exponent `e`: units of `2⁻ᵉ`.
pub fn usual_symbol(usual: i16, exponent: u8) -> i64 {
    let usual = i64::from(usual);
    match BITS.checked_sub(exponent.into()) {
        None => usual << (u32::from(exponent) - BITS).min(32),
        Some(0) => usual,
        Some(shift) => (usual + (1 << (shift - 1))) >> shift,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_shape_has_all_parameters_in_order() {
        let shape = Shape::usual(&[64, 48], 3);
        assert_eq!(shape.parameters(), PARAMETERS);
        assert_eq!(shape.usual_parameters().concat(), USUAL);
    }

    #[test]
    fn other_shapes_have_the_parameters_of_what_they_share() {
        let usual = Shape::usual(&[64, 48], 3);
        let all = usual.usual_parameters();
        let grey = Shape::usual(&[64, 48], 1);
        let skip = grey.order().skip();
        assert_eq!(grey.usual_parameters()[skip], all[skip][7..14]);
        let alpha = Shape::usual(&[64, 48], 4).usual_parameters();
        assert_eq!((&alpha[skip][..21], &alpha[skip][21..]), (&all[skip][..], &[0; 7][..]));

        // Grids of levels 0, 2 and 9, the first two informed; context grids of levels 5 and 7.
        let context = ContextShape { levels: 1 << 5 | 1 << 7, informed: 0b101, ..CONTEXT };
        let other = Shape { levels: 0b101 | 1 << 9, context, ..usual.clone() };
        let (order, parameters) = (other.order(), other.usual_parameters());
        assert_eq!(parameters[0], [&all[0][..4], &all[0][8..12], &[0; 4]].concat());
        // Level 2 is predicted from levels 9 and 7, which the usual shape has not, and from 5, its third grid.
        let (weights, usual_weights) =
            (&parameters[order.combination(0)], &all[usual.order().combination(0)]);
        assert_eq!(weights[..3], [0, 0, usual_weights[2]]);
        let biases = &parameters[order.context_layer(0) + 1];
        let usual_biases = &all[usual.order().context_layer(0) + 1];
        assert_eq!(biases[..32], [0; 32]);
        assert_eq!(biases[32..48], usual_biases[32..48]);
        assert_eq!(biases[64..], usual_biases[144..]);
        for narrow in [Shape { width: 8, ..usual.clone() }, Shape { lengths: vec![64], ..usual.clone() }] {
            assert!(narrow.usual_parameters().concat().iter().all(|&usual| usual == 0));
        }
    }

    #[test]
    fn symbols_are_those_of_the_specification() {
        for (input, result) in crate::vectors::rows("usual") {
            let symbol = usual_symbol(input[0].parse().unwrap(), input[1].parse().unwrap());
            assert_eq!(symbol.to_string(), result, "{input:?}");
        }
    }
}
