//! Forecasts of the shift, made in a thread of their own.

use std::thread::{self, JoinHandle};

use flow::ShiftForecast;
use flow::line::{ForecastOptions, ModelError};
use telemetry::Timestamp;
use twin::Twin;

/// How much time of the line passes from one forecast to the next, seconds.
const INTERVAL_S: f64 = 300.0;

/// Has the shift forecast again and again, one forecast at a time.
#[derive(Debug, Default)]
pub(crate) struct Forecaster {
    latest: Option<ShiftForecast>,
    asked: Option<Timestamp>,
    under_way: Option<JoinHandle<Result<ShiftForecast, ModelError>>>,
}

impl Forecaster {
    /// The latest forecast.
    pub(crate) fn latest(&self) -> Option<&ShiftForecast> {
        self.latest.as_ref()
    }

    /// Takes a forecast that is ready, and asks for the next one when it is due. Returns the forecast that was ready.
    pub(crate) fn look(&mut self, twin: &Twin) -> Option<&ShiftForecast> {
        let is_new = self.collect();
        if self.under_way.is_none() {
            self.ask(twin);
        }
        self.latest.as_ref().filter(|_| is_new)
    }

    fn collect(&mut self) -> bool {
        let Some(thread) = self.under_way.take_if(|thread| thread.is_finished()) else { return false };
        match thread.join() {
            Ok(Ok(forecast)) => {
                self.latest = Some(forecast);
                return true;
            }
            Ok(Err(error)) => tracing::warn!("the shift cannot be forecast: {error}"),
            Err(_) => tracing::error!("the forecast of the shift has failed; please report this"),
        }
        false
    }

    fn ask(&mut self, twin: &Twin) {
        let now = twin.now();
        let is_due = self.asked.is_none_or(|asked| now.seconds_since(asked).abs() >= INTERVAL_S);
        let Some(prospect) = is_due.then(|| twin.prospect()).flatten() else { return };
        self.asked = Some(now);
        let forecast = move || prospect.forecast(ForecastOptions::default());
        match thread::Builder::new().name("forecast".to_owned()).spawn(forecast) {
            Ok(thread) => self.under_way = Some(thread),
            Err(error) => tracing::warn!("the shift cannot be forecast, there is no thread for it: {error}"),
        }
    }
}
