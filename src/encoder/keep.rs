//! Keeps the best candidate of an encode that is stopped.

use super::progress::Meter;
use crate::error::Result;

impl Meter<'_> {
    /// The result of `attempt`, unless the encode is stopped: then `earlier` if the attempt has not begun, and
    /// the `better` of both if it was truncated.
    pub fn improve<T>(
        &self,
        earlier: Option<T>,
        attempt: impl FnOnce() -> Result<T>,
        better: impl FnOnce(T, T) -> T,
    ) -> Result<T> {
        let Some(earlier) = earlier else { return attempt() };
        if self.stopped() {
            return Ok(earlier);
        }
        let result = attempt()?;
        Ok(if self.stopped() { better(earlier, result) } else { result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::options::{Flow, Phase};

    /// The results of an attempt of 2 after an earlier result, if any, where the larger is better.
    fn improved(meter: &Meter<'_>, earlier: Option<i32>, stops: bool) -> i32 {
        let attempt = || {
            if stops {
                meter.begin(Phase::Fit, []);
            }
            Ok(2)
        };
        meter.improve(earlier, attempt, i32::max).unwrap()
    }

    #[test]
    fn only_a_stopped_encode_keeps_earlier_results() {
        let meter = Meter::new(&|_| Flow::Finish, None);
        assert_eq!(improved(&meter, Some(3), false), 2);
        // The observer is called when a stage begins, and ends the encode.
        assert_eq!(improved(&meter, Some(3), true), 3);
        assert_eq!(improved(&meter, Some(1), false), 1, "no attempt begins");
        assert_eq!(improved(&meter, None, false), 2, "unless nothing was made yet");
        let meter = Meter::new(&|_| Flow::Finish, None);
        assert_eq!(improved(&meter, Some(1), true), 2);
        assert!(meter.stopped() && meter.is_limited());
    }
}
