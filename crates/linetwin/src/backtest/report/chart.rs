//! Plots with a row for each name: what the drawing of all has in common, and the one of delays.

use contract::{BacktestV1, FindV1};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::backtest::tally::spread;

pub(super) const INK: RGBColor = RGBColor(0x1a, 0x20, 0x26);
pub(super) const MUTED: RGBColor = RGBColor(0x51, 0x5c, 0x66);
pub(super) const RULE: RGBColor = RGBColor(0xe3, 0xe8, 0xec);
pub(super) const BAD: RGBColor = RGBColor(0xb3, 0x20, 0x1a);
/// Of the judged configuration, then of the one it is held against.
pub(super) const OF_RUN: [RGBColor; 2] = [RGBColor(0x1c, 0x5d, 0x97), RGBColor(0xa3, 0x4a, 0x00)];

/// Room left of the rows for their names, and around them, px.
const NAMES_PX: i32 = 150;
const RIGHT_PX: i32 = 30;
const TOP_PX: i32 = 6;
const TICKS_PX: i32 = 30;

/// Where marks go: across the axis' own unit, down a row for each 1.
pub(super) type Rows<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What a plot with rows is made of.
pub(super) struct Frame<'a> {
    pub(super) names: &'a [String],
    pub(super) width_px: u32,
    pub(super) row_px: u32,
    /// Begin and end of the axis.
    pub(super) span: (f64, f64),
    /// Where the axis has a line, with what is below it.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Frame<'_> {
    /// Draws the frame and, over it, the marks; returns the picture as SVG.
    pub(super) fn draw(&self, marks: impl FnOnce(&Rows<'_>) -> anyhow::Result<()>) -> anyhow::Result<String> {
        let mut svg = String::new();
        let height = self.row_px * self.names.len() as u32 + (TOP_PX + TICKS_PX) as u32;
        {
            let root = SVGBackend::with_string(&mut svg, (self.width_px, height)).into_drawing_area();
            let rows = self.rows(&root);
            self.draw_axes(&rows)?;
            marks(&rows)?;
            root.present()?;
        }
        Ok(svg)
    }

    fn rows<'a>(&self, root: &DrawingArea<SVGBackend<'a>, Shift>) -> Rows<'a> {
        let inner = root.margin(TOP_PX, TICKS_PX, NAMES_PX, RIGHT_PX);
        let (begin, end) = self.span;
        let pixels = inner.get_pixel_range();
        inner.apply_coord_spec(Cartesian2d::new(begin..end, 0.0..self.names.len() as f64, pixels))
    }

    fn draw_axes(&self, rows: &Rows<'_>) -> anyhow::Result<()> {
        let (begin, end) = self.span;
        let bottom = self.names.len() as f64;
        for (at, text) in &self.ticks {
            rows.draw(&PathElement::new([(*at, 0.0), (*at, bottom)], RULE))?;
            write(rows, text, (*at, bottom), (0, 8), HPos::Center, MUTED)?;
        }
        for (row, name) in self.names.iter().enumerate() {
            let row = row as f64;
            rows.draw(&PathElement::new([(begin, row + 1.0), (end, row + 1.0)], RULE))?;
            write(rows, name, (begin, row + 0.5), (-10, 0), HPos::Right, INK)?;
        }
        Ok(())
    }
}

/// Writes a text beside a place.
pub(super) fn write(
    rows: &Rows<'_>,
    text: &str,
    at: (f64, f64),
    beside_px: (i32, i32),
    align: HPos,
    color: RGBColor,
) -> anyhow::Result<()> {
    let vertical = if matches!(align, HPos::Center) { VPos::Top } else { VPos::Center };
    let style = ("sans-serif", 13).into_font().color(&color).pos(Pos::new(align, vertical));
    Ok(rows.draw(&(EmptyElement::at(at) + Text::new(text.to_owned(), beside_px, style)))?)
}

/// Steps between the lines of an axis, s.
const STEPS_S: [f64; 16] = [
    1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 172_800.0,
    604_800.0,
];

/// A round step that divides a span into at most so many parts, s.
pub(super) fn step_s(span_s: f64, parts: f64) -> f64 {
    let fits = |step_s: &&f64| span_s <= *step_s * parts;
    let weeks = || (span_s / parts / 604_800.0).ceil() * 604_800.0;
    STEPS_S.iter().find(fits).copied().unwrap_or_else(weeks)
}

/// The multiples of a step within a span.
pub(super) fn multiples(step: f64, (begin, end): (f64, f64)) -> Vec<f64> {
    let (first, last) = ((begin / step).ceil() as i64, (end / step).floor() as i64);
    (first..=last).map(|number| number as f64 * step).collect()
}

/// A figure of every find as a dot, a row for each fault, with the median as a bar; `None` if there is none. The figures
/// are in seconds; shown are minutes.
pub(super) fn strips(backtest: &BacktestV1, figure: impl Fn(&FindV1) -> Option<f64>) -> anyhow::Result<Option<String>> {
    let mut dots: Vec<(String, usize, f64)> = Vec::new();
    for recording in &backtest.recordings {
        for (run, finds) in recording.runs.iter().map(|run| &run.finds).enumerate() {
            dots.extend(finds.iter().filter_map(|find| {
                let fault = &recording.faults[find.fault as usize];
                let name = fault.fault.clone().unwrap_or_else(|| format!("at {}", fault.place));
                Some((name, run, figure(find)?))
            }));
        }
    }
    let Some(all) = spread(dots.iter().map(|(.., seconds)| *seconds)) else { return Ok(None) };
    let mut names: Vec<String> = dots.iter().map(|(name, ..)| name.clone()).collect();
    names.sort();
    names.dedup();
    let (low, high) = (all.min_s.min(0.0), all.max_s.max(0.0));
    let step_s = step_s((high - low).max(60.0), 8.0);
    let span = ((low / step_s).floor() * step_s, (high / step_s).floor() * step_s + step_s);
    let ticks = multiples(step_s, span).into_iter().map(|at| (at, minutes(at))).collect();
    let frame = Frame { names: &names, width_px: 640, row_px: 34, span, ticks };
    let svg = frame.draw(|rows| {
        rows.draw(&PathElement::new([(0.0, 0.0), (0.0, names.len() as f64)], MUTED))?;
        for (row, name) in names.iter().enumerate() {
            for run in 0..backtest.configurations.len() {
                let own = dots.iter().filter(|(of, of_run, _)| of == name && *of_run == run);
                let seconds: Vec<f64> = own.map(|(.., seconds)| *seconds).collect();
                strip(rows, row as f64 + middle(run, backtest.configurations.len()), OF_RUN[run % 2], &seconds)?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Where in its row a configuration has its marks.
pub(super) fn middle(run: usize, of: usize) -> f64 {
    (run as f64 + 0.5) / of as f64
}

fn strip(rows: &Rows<'_>, y: f64, color: RGBColor, seconds: &[f64]) -> anyhow::Result<()> {
    for &at in seconds {
        rows.draw(&Circle::new((at, y), 4, color.mix(0.7).filled()))?;
    }
    if let Some(spread) = spread(seconds.iter().copied()).filter(|_| seconds.len() > 1) {
        let bar = EmptyElement::at((spread.median_s, y)) + Rectangle::new([(-1, -8), (2, 8)], color.filled());
        rows.draw(&bar)?;
    }
    Ok(())
}

fn minutes(seconds: f64) -> String {
    let minutes = seconds / 60.0;
    if minutes.fract() == 0.0 { format!("{minutes:.0}") } else { format!("{minutes:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_few_round_ticks_within_its_span() {
        for (span_s, parts, expected) in [
            (0.5, 8.0, 1.0),
            (479.0, 8.0, 60.0),
            (481.0, 8.0, 120.0),
            (28_800.0, 8.0, 3600.0),
            (1e8, 10.0, 10_281_600.0),
        ] {
            assert_eq!(step_s(span_s, parts), expected, "{span_s} s");
        }
        assert_eq!(multiples(60.0, (-61.0, 120.0)), [-60.0, 0.0, 60.0, 120.0]);
    }

    #[test]
    fn what_is_drawn_is_escaped() {
        let names = ["<b>&\"".to_owned()];
        let frame = Frame { names: &names, width_px: 300, row_px: 30, span: (0.0, 1.0), ticks: Vec::new() };
        let svg = frame.draw(|_| Ok(())).unwrap_or_default();
        assert!(svg.contains("&lt;b&gt;&amp;") && !svg.contains("<b>"), "{svg}");
    }
}
