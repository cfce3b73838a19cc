//! Storage of a grid with zeros around it, so that neighbours are read and written without a look at borders.

/// Columns of zeros before each row: as many as the context model reaches to the left.
pub(crate) const MARGIN: usize = 16;
/// Rows of zeros before the first one.
const ABOVE: usize = 2;
/// Rows of zeros behind the last one.
const BELOW: usize = 1;
/// Numbers behind the last row that a block of columns may touch.
const SLACK: usize = super::COLUMNS + MARGIN;

/// Where the rows of a grid lie in a buffer. The zeros behind a row are those before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padded {
    pub columns: usize,
    pub rows: usize,
    /// Distance of rows, a multiple of 16.
    pub stride: usize,
}

impl Padded {
    pub fn new(columns: usize, rows: usize) -> Self {
        Padded { columns, rows, stride: columns.next_multiple_of(16) + MARGIN }
    }

    /// Length of a buffer.
    pub fn len(self) -> usize {
        self.row(self.rows + BELOW) + SLACK
    }

    /// Index of the first number of row `y`.
    pub fn row(self, y: usize) -> usize {
        (ABOVE + y) * self.stride + MARGIN
    }

    /// The columns, rounded up to whole vectors.
    pub fn vectors(self) -> usize {
        self.columns.next_multiple_of(16)
    }
}
