//! A control chart: a feature of the latest cycles, what was expected of it ± 3 standard deviations, the plant's limits, and
//! where it began. Cycles stand at equal distances, as on a chart on paper.

use contract::{PointV1, SeriesV1, TimeV1};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph};

use super::text::{self, BOLD, MUTED};
use crate::format::NOTHING;
use crate::words::Words;

const CYCLES_MAX: usize = 120;
const SIGMAS: f64 = 3.0;
/// A limit that lies further off than this many times what the points span is told in words only.
const LIMIT_REACH: f64 = 1.5;
const OUTSIDE: Style = Style::new().fg(Color::Red);
const BAND: Style = Style::new().fg(Color::DarkGray);
const LIMIT: Style = Style::new().fg(Color::Yellow);
const ONSET: Style = Style::new().fg(Color::Magenta);

/// Of what the chart is, and where it stands in time.
pub(super) struct Of<'a> {
    pub(super) station: &'a str,
    pub(super) feature: &'a str,
    /// Only cycles of that variant are drawn; all if `None`.
    pub(super) variant: Option<&'a str>,
    pub(super) onset: Option<TimeV1>,
    pub(super) now: TimeV1,
}

/// Points as a chart takes them: place and value.
type Drawn = Vec<(f64, f64)>;

/// Draws it: a title, the picture, and what its marks mean.
pub(super) fn draw(words: &Words, of: &Of<'_>, series: Option<&SeriesV1>, frame: &mut Frame<'_>, area: Rect) {
    let variant = of.variant.map(|variant| format!(" ({variant})")).unwrap_or_default();
    let feature = words.feature(of.feature);
    let title = words.tell("chart.title", &[("feature", &feature), ("station", of.station)]) + &variant;
    let title = Line::styled(text::cut(&title, area.width.into()), BOLD);
    let points: Vec<&PointV1> = series.map_or_else(Vec::new, |series| {
        let of_variant = |point: &&PointV1| of.variant.is_none() || point.variant.as_deref() == of.variant;
        let all: Vec<_> = series.points.iter().filter(of_variant).collect();
        all[all.len().saturating_sub(CYCLES_MAX)..].to_vec()
    });
    let Some(series) = series.filter(|_| !points.is_empty()) else {
        let why = words.word(if series.is_some() { "chart.none" } else { "chart.waiting" });
        return frame.render_widget(Paragraph::new(vec![title, Line::styled(why, MUTED)]), area);
    };
    let unit = series.unit.as_deref();
    let limits = limits(series, of.variant);
    let scale = Scale::new(&points, &limits);
    let legend = legend(words, &points, &scale, unit, area.width.into());
    let [head, picture, foot] = rows(area, legend.len() as u16);
    frame.render_widget(Paragraph::new(title), head);
    picture_of(words, of, &points, &scale, frame, picture);
    frame.render_widget(Paragraph::new(legend), foot);
}

fn rows(area: Rect, legend: u16) -> [Rect; 3] {
    use ratatui::layout::{Constraint, Layout};
    Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(legend)]).areas(area)
}

/// From which value to which the picture goes, and which limits are in it.
struct Scale {
    low: f64,
    high: f64,
    near: Vec<f64>,
    beyond: Vec<f64>,
}

impl Scale {
    fn new(points: &[&PointV1], limits: &[f64]) -> Self {
        let ends = points.iter().flat_map(|point| {
            let (low, high) = band(point).unwrap_or((point.value, point.value));
            [point.value, low, high]
        });
        let (low, high) =
            ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
        let span = Some(high - low).filter(|span| *span > 0.0).unwrap_or_else(|| high.abs().max(1.0));
        let is_near = |limit: &f64| *limit > low - LIMIT_REACH * span && *limit < high + LIMIT_REACH * span;
        let (near, beyond): (Vec<_>, Vec<_>) = limits.iter().copied().partition(is_near);
        let low = near.iter().copied().fold(low, f64::min);
        let high = near.iter().copied().fold(high, f64::max);
        let room = 0.06 * if high > low { high - low } else { span };
        Self { low: low - room, high: high + room, near, beyond }
    }
}

fn limits(series: &SeriesV1, variant: Option<&str>) -> Vec<f64> {
    let own = series.limits.iter().filter(|limit| variant.is_none() || limit.variant.as_deref() == variant);
    let mut all: Vec<f64> = own.flat_map(|limit| [limit.low, limit.high]).flatten().collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// What was expected, plus and minus three standard deviations.
fn band(point: &PointV1) -> Option<(f64, f64)> {
    let (expected, sigma) = (point.expected?, point.sigma.unwrap_or(0.0));
    Some((expected - SIGMAS * sigma, expected + SIGMAS * sigma))
}

fn is_outside(point: &PointV1) -> bool {
    band(point).is_some_and(|(low, high)| point.value < low || point.value > high)
}

fn picture_of(words: &Words, of: &Of<'_>, points: &[&PointV1], scale: &Scale, frame: &mut Frame<'_>, area: Rect) {
    let last = points.len().saturating_sub(1).max(1) as f64;
    let placed = |value: &dyn Fn(&PointV1) -> Option<f64>| -> Drawn {
        let all = points.iter().enumerate();
        all.filter_map(|(place, point)| Some((place as f64, value(point)?))).collect()
    };
    let low = placed(&|point| Some(band(point)?.0));
    let high = placed(&|point| Some(band(point)?.1));
    let inside = placed(&|point| (!is_outside(point)).then_some(point.value));
    let outside = placed(&|point| is_outside(point).then_some(point.value));
    let limits: Vec<Drawn> = scale.near.iter().map(|&limit| dashes(limit, last)).collect();
    let began = of.onset.and_then(|onset| points.iter().position(|point| point.at >= onset)).filter(|place| *place > 0);
    let onset: Drawn =
        began.map(|place| vec![(place as f64, scale.low), (place as f64, scale.high)]).unwrap_or_default();
    let line =
        |data, style| Dataset::default().data(data).marker(Marker::Braille).graph_type(GraphType::Line).style(style);
    let dots =
        |data, marker, style| Dataset::default().data(data).marker(marker).graph_type(GraphType::Scatter).style(style);
    let mut sets = vec![line(&low, BAND), line(&high, BAND), line(&onset, ONSET)];
    sets.extend(limits.iter().map(|limit| dots(limit, Marker::Custom('-'), LIMIT)));
    sets.push(dots(&inside, Marker::Dot, Style::new()));
    sets.push(dots(&outside, Marker::Custom('◆'), OUTSIDE));
    let values =
        [scale.low, f64::midpoint(scale.low, scale.high), scale.high].map(|value| words.number(rounded(value)));
    let moments = [points[0].at, points[points.len() - 1].at].map(|at| words.moment(at, of.now));
    let chart = Chart::new(sets)
        .x_axis(Axis::default().bounds([0.0, last]).labels(moments).style(MUTED))
        .y_axis(Axis::default().bounds([scale.low, scale.high]).labels(values).style(MUTED))
        .legend_position(None);
    frame.render_widget(chart, area);
}

/// A line with gaps, so that a limit is not taken for the band.
fn dashes(value: f64, last: f64) -> Drawn {
    const DASHES: usize = 32;
    (0..=DASHES).map(|place| (last * place as f64 / DASHES as f64, value)).collect()
}

/// A label of an axis to four digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// What the marks mean, and the last value: nothing is told by colour alone.
fn legend(words: &Words, points: &[&PointV1], scale: &Scale, unit: Option<&str>, width: usize) -> Vec<Line<'static>> {
    let last = points.last().map_or_else(|| NOTHING.to_owned(), |point| words.measured(Some(point.value), unit));
    let expected = points.last().map_or_else(|| NOTHING.to_owned(), |point| words.measured(point.expected, unit));
    let outside = points.iter().filter(|point| is_outside(point)).count();
    let mut told = vec![
        format!("• {} {last}", words.word("chart.value")),
        format!("⠒ {} {expected} ± 3 σ", words.word("chart.expected")),
        format!("◆ {} {}", words.counted(outside), words.word("chart.outside")),
    ];
    let limit = |limit: &f64| words.measured(Some(*limit), unit);
    told.extend(scale.near.iter().map(|value| format!("- {}", words.tell("chart.limit", &[("value", &limit(value))]))));
    told.extend(scale.beyond.iter().map(|value| words.tell("chart.limitBeyond", &[("value", &limit(value))])));
    text::wrapped(&told.join("  "), width).into_iter().map(|line| Line::styled(line, MUTED)).collect()
}
