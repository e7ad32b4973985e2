//! A recording over its time: labelled faults as bars, alerts as marks, a row for each station and link.

use contract::{BacktestRecordingV1, JudgedAlertV1, LabelledFaultV1, TimeV1, WorthName};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use telemetry::Timestamp;

use super::chart::{BAD, Frame, INK, MUTED, OF_RUN, RULE, Rows, middle, multiples, step_s, write};

const FAULT: RGBColor = RGBColor(0xe9, 0xc4, 0x6a);
const GOOD: RGBColor = RGBColor(0x2a, 0x6f, 0x57);
const DIM: RGBColor = RGBColor(0x87, 0x93, 0x9d);

const WIDTH_PX: u32 = 1160;
/// How far down its row the name of a fault reaches.
const NAME_AT: f64 = 0.4;
/// About how wide a letter is, px; what is inside a bar has to fit.
const LETTER_PX: f64 = 7.5;

/// Draws it; `None` if there is nothing to see.
pub(super) fn draw(recording: &BacktestRecordingV1, learning_s: f64) -> anyhow::Result<Option<String>> {
    if recording.places.is_empty() {
        return Ok(None);
    }
    let seconds = |at: TimeV1| at.0.seconds_since(Timestamp::EPOCH);
    let span = (seconds(recording.from), seconds(recording.until).max(seconds(recording.from) + 1.0));
    let step_s = step_s(span.1 - span.0, 10.0);
    let ticks = multiples(step_s, span).into_iter().map(|at| (at, clock(at, step_s))).collect();
    let row_px = 30 + 16 * recording.runs.len() as u32;
    let frame = Frame { names: &recording.places, width_px: WIDTH_PX, row_px, span, ticks };
    let px_per_s = f64::from(WIDTH_PX - 180) / (span.1 - span.0);
    let svg = frame.draw(|rows| {
        if learning_s > 0.0 {
            let end = (span.0 + learning_s).min(span.1);
            rows.draw(&Rectangle::new([(span.0, 0.0), (end, recording.places.len() as f64)], RULE.mix(0.6).filled()))?;
        }
        let row_of = |place: &str| recording.places.iter().position(|known| known == place).map(|row| row as f64);
        for fault in &recording.faults {
            if let Some(row) = row_of(&fault.place) {
                draw_fault(rows, row, fault, span, px_per_s)?;
            }
        }
        for (run, alerts) in recording.runs.iter().map(|run| &run.alerts).enumerate() {
            for alert in alerts {
                if let Some(row) = row_of(&alert.place) {
                    draw_alert(rows, row + lane(run, recording.runs.len()), run, alert, span)?;
                }
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Where in its row a configuration has its alerts: below the faults' names.
fn lane(run: usize, of: usize) -> f64 {
    NAME_AT + (0.95 - NAME_AT) * middle(run, of)
}

fn within(at: TimeV1, (begin, end): (f64, f64)) -> f64 {
    at.0.seconds_since(Timestamp::EPOCH).clamp(begin, end)
}

fn draw_fault(
    rows: &Rows<'_>,
    row: f64,
    fault: &LabelledFaultV1,
    span: (f64, f64),
    px_per_s: f64,
) -> anyhow::Result<()> {
    let (begin, end) = (within(fault.began, span), fault.ended.map_or(span.1, |ended| within(ended, span)));
    let color = FAULT.mix(if fault.judged { 0.6 } else { 0.25 });
    rows.draw(&Rectangle::new([(begin, row + 0.1), (end, row + 0.9)], color.filled()))?;
    rows.draw(&PathElement::new([(begin, row + 0.1), (begin, row + 0.9)], FAULT.stroke_width(2)))?;
    let name = fault.fault.as_deref().unwrap_or_default();
    if (end - begin) * px_per_s > name.chars().count() as f64 * LETTER_PX + 12.0 {
        write(rows, name, (begin, row + NAME_AT / 2.0 + 0.05), (6, 0), HPos::Left, INK)?;
    }
    if let Some(limit) = fault.limit {
        let at = within(limit, span);
        rows.draw(&PathElement::new([(at, row + 0.05), (at, row + 0.95)], BAD.stroke_width(3)))?;
    }
    Ok(())
}

fn draw_alert(rows: &Rows<'_>, y: f64, run: usize, alert: &JudgedAlertV1, span: (f64, f64)) -> anyhow::Result<()> {
    let color = match alert.worth {
        WorthName::True => GOOD,
        WorthName::False => BAD,
        WorthName::Unlabelled => OF_RUN[run % 2],
        WorthName::NotJudged => DIM,
    };
    let (raised, gone) = (within(alert.raised, span), alert.gone.map_or(span.1, |gone| within(gone, span)));
    rows.draw(&PathElement::new([(raised, y), (gone, y)], color.mix(0.5).stroke_width(2)))?;
    rows.draw(&Circle::new((raised, y), 6, WHITE.filled()))?;
    rows.draw(&Circle::new((raised, y), 5, color.filled()))?;
    if alert.gone.is_some() {
        let end = EmptyElement::at((gone, y)) + Rectangle::new([(-1, -4), (1, 4)], MUTED.filled());
        rows.draw(&end)?;
    }
    Ok(())
}

/// What is below a line of the axis: the time of day, or where lines are days apart, the day.
fn clock(seconds: f64, step_s: f64) -> String {
    let text = Timestamp::EPOCH.plus_seconds(seconds).to_string();
    let is_midnight = seconds.rem_euclid(86_400.0) == 0.0;
    let part = if step_s >= 86_400.0 || is_midnight { text.get(5..10) } else { text.get(11..16) };
    part.unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_tells_the_time_and_at_midnight_the_day() {
        let midnight = 1_795_392_000.0;
        assert_eq!(clock(midnight, 3600.0), "11-23");
        assert_eq!(clock(midnight + 6.5 * 3600.0, 1800.0), "06:30");
        assert_eq!(clock(midnight + 86_400.0, 172_800.0), "11-24");
    }
}
