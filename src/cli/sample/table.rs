//! Writes the result row by row.

use super::Format;
use crate::cli::report;
use serde_json::{Map, Value, json};
use sirenc::media::write_npy_header;
use std::io::{self, Write};

/// The format of the result: what is written before the rows, and for each point.
pub struct Table {
    pub format: Format,
    /// The number of columns that are coordinates.
    pub axes: usize,
    pub columns: Vec<String>,
    /// The number of rows, if the format needs it.
    pub count: Option<u64>,
}

impl Table {
    pub fn begin(&self, writer: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Csv => writeln!(writer, "{}", self.columns.join(",")),
            Format::Jsonl => Ok(()),
            Format::Npy => write_npy_header(writer, &[self.count.unwrap_or(0), self.columns.len() as u64]),
        }
    }

    /// Writes rows of `coordinates` and of two groups of further columns, all with the same number of points.
    pub fn rows(
        &self,
        coordinates: &[f64],
        others: &[Vec<f32>; 2],
        writer: &mut dyn Write,
    ) -> io::Result<()> {
        let points = coordinates.len() / self.axes;
        for (point, coordinates) in coordinates.chunks_exact(self.axes).enumerate() {
            let columns = others.each_ref().map(|group| {
                let width = group.len() / points;
                &group[point * width..][..width]
            });
            self.row(coordinates, &columns.concat(), writer)?;
        }
        Ok(())
    }

    fn row(&self, coordinates: &[f64], others: &[f32], writer: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Csv => {
                let mut separator = "";
                for coordinate in coordinates {
                    write!(writer, "{separator}{}", report::short(*coordinate))?;
                    separator = ",";
                }
                others.iter().try_for_each(|value| write!(writer, ",{value}"))?;
                writeln!(writer)
            }
            Format::Jsonl => {
                // The shortest text that identifies a binary32.
                let short = |value: &f32| value.to_string().parse().map_or(Value::Null, report::number);
                let numbers = coordinates.iter().map(|c| json!(c)).chain(others.iter().map(short));
                let object: Map<String, Value> = self.columns.iter().cloned().zip(numbers).collect();
                writeln!(writer, "{}", Value::Object(object))
            }
            Format::Npy => {
                let mut numbers = coordinates.iter().map(|&c| c as f32).chain(others.iter().copied());
                numbers.try_for_each(|number| writer.write_all(&number.to_le_bytes()))
            }
        }
    }
}
