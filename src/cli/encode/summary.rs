//! The result of `sirenc encode`: a line for people, an object for scripts, an exit code.

use super::Args;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::{notes, report, terminal};
use serde_json::{Map, Value, json};
use sirenc::signal::Description;
use sirenc::signal::metric::Distortion;
use sirenc::{Encoded, FieldKind, Note, Target};
use std::path::Path;
use std::time::Instant;

/// The worst tile is mentioned without `-v` if its PSNR is lower than the overall PSNR by more than this, dB.
const WORSE: f64 = 6.0;

/// A finished encode, to be reported.
pub struct Done<'a> {
    pub args: &'a Args,
    pub path: &'a Path,
    pub name: &'a str,
    pub description: &'a Description,
    pub notes: &'a [String],
    pub encoded: &'a Encoded,
    pub verified: Option<Distortion>,
    pub started: Instant,
}

impl Done<'_> {
    /// The exit code. Prints a message if the target was not reached.
    pub fn exit(&self) -> Exit {
        let report = &self.encoded.report;
        if report.reached || report.interrupted {
            return Exit::Done;
        }
        let hint = match self.args.target() {
            Target::Psnr(requested) => {
                let [reached, requested] = [report::decibels(report.psnr_db), report::short(requested)];
                let larger = report.notes.iter().any(|note| matches!(note, Note::LargerThanSamples { .. }));
                let advice = if larger { "a lower --psnr" } else { "more --effort or a lower --psnr" };
                format!("{reached} of {requested} dB; {advice}")
            }
            Target::Nrmse(requested) => {
                let [reached, requested] =
                    [report.nrmse().unwrap_or(0.0), requested].map(|x| report::significant(100.0 * x));
                format!("{reached} % of {requested} %; more --effort or a higher --nrmse")
            }
            _ => "more --effort or another target".into(),
        };
        Failure::new(Exit::Missed, self.name, "the target was not reached; the best file was written")
            .hint(&hint)
            .print();
        Exit::Missed
    }

    /// SNR of a sound that was verified, dB.
    fn snr_db(&self) -> Option<f64> {
        self.verified.as_ref().and_then(|verified| report::snr_db(self.description, verified))
    }

    /// The summary for people, on standard error.
    pub fn print(&self, output: &Output) {
        let (encoded, report) = (self.encoded, &self.encoded.report);
        let bytes = encoded.bytes.len() as u64;
        let rate = report::rate_text(self.description, bytes);
        let quality = match self.snr_db() {
            Some(snr) => format!("SNR {}", report::decibels(snr)),
            None => {
                let identical = self.verified.as_ref().is_none_or(|verified| verified.identical);
                self.args.peak.psnr(self.description, report.psnr_db, report.peak(), identical)
            }
        };
        let error = report.nrmse().map_or(String::new(), |nrmse| {
            format!(", {}", report::nrmse(self.description, nrmse, report.range()))
        });
        let worst = report.worst_tile.as_ref().filter(|worst| worst.psnr_db < report.psnr_db - WORSE);
        let worst = worst.map_or(String::new(), |worst| format!(" ({})", report::worst_tile(worst)));
        terminal::print(&format!(
            "{} → {}: {} bytes, {rate}, {quality}{error}{worst}, {:.1} s",
            self.name,
            output.name(),
            report::grouped(bytes),
            self.started.elapsed().as_secs_f64(),
        ));
        notes::print(self.name, &report.notes, false);
        if self.args.verbose {
            let device = report::device(&report.device, report.cpu_reason.as_deref(), self.args.device);
            eprintln!("  device    {device}");
            eprintln!("  field     {}", report.field);
            eprintln!(
                "  networks  {} of {} layers × {} neurons, {} parameters{}",
                report.tiles,
                report.layers,
                report.width,
                report::grouped(report.parameters),
                if report.field == FieldKind::Spline { " and latents" } else { "" }
            );
            eprintln!("  steps     {}", report::grouped(report.steps));
            if let Some(worst) = &report.worst_tile {
                eprintln!("  tiles     {}", report::worst_tile(worst));
            }
            if let Some(verified) = &self.verified {
                eprintln!("  verified  max error {}", report::max_error(self.description, verified));
                for (channel, error) in report::channels_of(self.description, verified).iter().enumerate() {
                    eprintln!("  channel {channel:<2}{error}");
                }
            }
        }
    }

    /// The JSON object for scripts; numbers that are not finite or not known are null.
    pub fn json(&self, output: &Path) -> Value {
        let (encoded, report) = (self.encoded, &self.encoded.report);
        let bytes = encoded.bytes.len() as u64;
        let (rate_name, rate, _) = report::rate(self.description, bytes);
        let max_error = self
            .verified
            .as_ref()
            .map_or(Value::Null, |c| report::number(report::in_numbers(self.description, c.max())));
        let mut object = Map::new();
        report::put_path(&mut object, "input", self.path);
        report::put_path(&mut object, "output", output);
        let mut put = |name: &str, value: Value| object.insert(name.into(), value);
        put("field", json!(report.field.to_string()));
        put("bytes", json!(bytes));
        put(rate_name, report::number(rate));
        put("psnr_db", report::number(report.psnr_db));
        put("fit_psnr_db", report::number(report.fit_psnr_db));
        put("peak", report::shared(self.description, report.peak()));
        if let Some(nrmse) = report.nrmse() {
            put("nrmse", report::number(nrmse));
            put("range", report::shared(self.description, report.range()));
            let channels =
                self.verified.as_ref().map_or(vec![], |c| report::channels_json(self.description, c));
            put("channels", channels.into());
        }
        if let Some(snr) = self.snr_db() {
            put("snr_db", report::number(snr));
        }
        put("max_error", max_error);
        put("worst_tile", report::worst_tile_json(report.worst_tile.as_ref()));
        put("seconds", report::number(self.started.elapsed().as_secs_f64()));
        put("steps", json!(report.steps));
        put("parameters", json!(report.parameters));
        put("tiles", json!(report.tiles));
        put("layers", json!(report.layers));
        put("width", json!(report.width));
        put("device", json!(report.device));
        put("effort", json!(self.args.effort));
        put("seed", json!(self.args.seed));
        put("verified", json!(self.verified.is_some()));
        put("reached", json!(report.reached));
        put("interrupted", json!(report.interrupted));
        let notes = self.notes.iter().cloned().chain(report.notes.iter().map(ToString::to_string));
        put("notes", notes.collect());
        put("version", json!(env!("CARGO_PKG_VERSION")));
        Value::Object(object)
    }
}

/// The JSON object of an input that was passed over.
pub fn skipped(input: &Path, output: &Path) -> Value {
    let mut object = Map::new();
    report::put_path(&mut object, "input", input);
    report::put_path(&mut object, "output", output);
    object.insert("skipped".into(), json!(true));
    Value::Object(object)
}

/// The JSON object of an input that failed.
pub fn failed(input: &Path, failure: &Failure) -> Value {
    let mut object = Map::new();
    report::put_path(&mut object, "input", input);
    object.insert("error".into(), json!(failure.sentence()));
    object.insert("exit".into(), json!(failure.exit() as u8));
    Value::Object(object)
}
