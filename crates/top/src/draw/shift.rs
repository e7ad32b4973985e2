//! The shift: what was made of what was planned, what it may come to, and what the time of each station went into.

use contract::{FlowV1, KpisV1, LineV1, LossTreeV1, ShiftV1};
use ratatui::text::Line;

use super::text::{self, MUTED, fact, heading, item};
use crate::format::NOTHING;
use crate::model::Model;
use crate::words::Words;

/// Of a station's losses, how many are told.
const LOSSES_MAX: usize = 3;
const MATERIALS_MAX: usize = 3;

pub(super) fn lines(model: &Model, line: &LineV1, width: usize) -> Vec<Line<'static>> {
    let words = &model.words;
    let Some(flow) = &model.looked.flow else { return vec![Line::from(words.word("page.waiting"))] };
    let Some(shift) = &flow.shift else { return vec![Line::from(words.word("shift.none"))] };
    let name = match shift.is_shift {
        true => words.tell("shift.of", &[("name", shift.name.as_deref().unwrap_or_default())]),
        false => words.word("shift.between").to_owned(),
    };
    let (from, to) = (words.moment(shift.start, line.now), words.moment(shift.end, line.now));
    let range = words.tell("shift.range", &[("from", &from), ("to", &to)]);
    let mut lines = vec![heading(&format!("{}, {range}", name.trim()))];
    lines.extend(facts(words, flow, shift, width));
    lines.push(heading(words.word("shift.forecast")));
    lines.extend(forecast(words, flow, shift, width));
    lines.push(heading(words.word("shift.losses")));
    lines.push(Line::styled(station_head(words), MUTED));
    for station in &shift.stations {
        let losses = losses(words, &station.losses);
        lines.push(Line::from(text::cut(
            &format!("{}{losses}", station_cells(words, &station.station, &station.kpis)),
            width,
        )));
    }
    if !shift.made.is_empty() {
        lines.push(heading(words.word("shift.variants")));
        for made in &shift.made {
            let counts = [("shift.good", made.good), ("shift.scrap", made.scrap), ("shift.unjudged", made.unjudged)];
            let told = counts.map(|(key, count)| format!("{} {}", words.named_key(key), words.counted(count)));
            lines.extend(fact(made.variant.as_deref().unwrap_or(NOTHING), Some(told.join(" · ")), width));
        }
    }
    if !flow.shifts.is_empty() {
        lines.push(heading(words.word("shift.past")));
    }
    for past in flow.shifts.iter().rev() {
        let planned = past.planned_output.map(|planned| format!(" / {}", words.counted(planned))).unwrap_or_default();
        let made = format!("{}{planned}", words.counted(past.produced));
        let oee = past.oee.map(|oee| format!(" · {} {}", words.word("shift.oee"), words.percent(Some(oee))));
        let bottleneck =
            past.bottleneck.as_ref().map(|station| format!(" · {} {station}", words.word("line.bottleneck")));
        let name = past.name.as_deref().unwrap_or(words.word("shift.unnamed"));
        let text = format!(
            "{}  {made}{}{}",
            words.moment(past.start, line.now),
            oee.unwrap_or_default(),
            bottleneck.unwrap_or_default()
        );
        lines.extend(fact(name, Some(text), width));
    }
    lines
}

fn facts(words: &Words, flow: &FlowV1, shift: &ShiftV1, width: usize) -> Vec<Line<'static>> {
    let planned =
        shift.planned_output.map(|planned| format!(" / {} {}", words.counted(planned), words.word("shift.planned")));
    let rate = shift.throughput_per_h.map(|rate| words.tell("shift.perHour", &[("n", &words.tenths(Some(rate)))]));
    let takt = shift.takt_s.map(|takt| words.tell("shift.takt", &[("takt", &words.tenths(Some(takt)))]));
    let not_planned = (!flow.is_planned).then(|| words.word("shift.notPlanned").to_owned());
    let left = [words.span(flow.planned_left_s)].into_iter().chain(not_planned).collect::<Vec<_>>().join(", ");
    let main = flow.bottleneck.last_hour.first();
    let moving = flow.bottleneck.moving_to.as_ref().filter(|to| main.is_none_or(|main| main.station != **to));
    let moving = moving.map(|to| format!(", {}", words.tell("shift.moving", &[("station", to)]))).unwrap_or_default();
    let main = main.map(|main| format!("{} {}{moving}", main.station, words.percent(Some(main.sole + main.shifting))));
    let facts = [
        ("shift.produced", Some(format!("{}{}", words.counted(shift.produced), planned.unwrap_or_default()))),
        ("shift.oee", shift.oee.map(|oee| words.percent(Some(oee)))),
        ("shift.performance", shift.performance.map(|performance| words.percent(Some(performance)))),
        ("shift.scrap", Some(format!("{} {}", words.counted(shift.scrap), words.word("shift.known")))),
        ("shift.throughput", Some(rate.into_iter().chain(takt).collect::<Vec<_>>().join(", "))),
        ("shift.left", Some(left)),
        ("shift.bottleneck", main),
    ];
    facts.into_iter().flat_map(|(key, text)| fact(words.named_key(key), text, width)).collect()
}

/// What the shift may come to, as a bar: `=` made, `-` from P10 to P90, `|` the plan; and in words.
fn forecast(words: &Words, flow: &FlowV1, shift: &ShiftV1, width: usize) -> Vec<Line<'static>> {
    let Some(forecast) = &flow.forecast else { return item("", words.word("shift.noForecast"), width) };
    let [p10, p50, p90] = words.range(forecast.output);
    let mut told = words.tell("shift.forecastTold", &[("p10", &p10), ("p50", &p50), ("p90", &p90)]);
    if let Some((odds, planned)) = forecast.odds.zip(forecast.planned_output) {
        let (odds, planned) = (words.percent(Some(odds)), words.counted(planned));
        told = format!("{told} {}", words.tell("shift.odds", &[("planned", &planned), ("odds", &odds)]));
    }
    let planned = forecast.planned_output.map(f64::from);
    let most = 1.05 * forecast.output.p90.max(planned.unwrap_or(0.0)).max(f64::from(shift.produced)).max(1.0);
    let cells = width.saturating_sub(2);
    let place = |parts: f64| ((parts / most * cells as f64) as usize).min(cells.saturating_sub(1));
    let mark = |cell: usize| match cell {
        cell if planned.is_some_and(|planned| cell == place(planned)) => '|',
        cell if cell < place(shift.produced.into()) => '=',
        cell if (place(forecast.output.p10)..=place(forecast.output.p90)).contains(&cell) => '-',
        _ => ' ',
    };
    let mut lines = vec![Line::from(format!("[{}]", (0..cells).map(mark).collect::<String>()))];
    let plan = forecast.planned_output.map(|planned| words.tell("shift.plan", &[("n", &words.counted(planned))]));
    let made = words.tell("shift.madeSoFar", &[("n", &words.counted(shift.produced))]);
    let plan = plan.map(|plan| format!("  | {plan}")).unwrap_or_default();
    lines.push(Line::styled(format!("= {made}{plan}  - P10–P90"), MUTED));
    lines.extend(item("", &told, width));
    let mut materials: Vec<_> = forecast.materials.iter().filter_map(|one| Some((one, one.left_h?))).collect();
    materials.sort_by(|(_, one), (_, other)| one.p10.total_cmp(&other.p10));
    for (material, left) in materials.into_iter().take(MATERIALS_MAX) {
        let range = words.spans(left.p10 * 3600.0, left.p90 * 3600.0);
        lines.extend(item("- ", &words.tell("shift.lasts", &[("signal", &material.signal), ("range", &range)]), width));
    }
    lines
}

const STATION_WIDTH: usize = 13;
const KPI_WIDTHS: [usize; 5] = [7, 8, 8, 8, 8];

fn station_head(words: &Words) -> String {
    let names = ["shift.parts", "shift.availability", "shift.effectiveness", "shift.quality", "shift.oee"];
    let heads = names
        .iter()
        .zip(KPI_WIDTHS)
        .map(|(name, width)| text::figure(&text::cut(words.named_key(name), width - 1), width));
    format!("{}{}", text::cell(words.word("shift.station"), STATION_WIDTH), heads.collect::<String>())
}

fn station_cells(words: &Words, station: &str, kpis: &KpisV1) -> String {
    let parts = kpis.produced.map_or_else(|| NOTHING.to_owned(), |parts| words.counted(parts));
    let ratios = [kpis.availability, kpis.effectiveness, kpis.quality_ratio].map(|ratio| words.percent(ratio));
    let [availability, effectiveness, quality] = ratios;
    let cells = [parts, availability, effectiveness, quality, oee(words, kpis)];
    let figures = cells.iter().zip(KPI_WIDTHS).map(|(cell, width)| text::figure(cell, width));
    format!("{}{}", text::cell(station, STATION_WIDTH), figures.collect::<String>())
}

/// The OEE; where no part is judged, the part of it that is known.
fn oee(words: &Words, kpis: &KpisV1) -> String {
    if kpis.oee.is_some() {
        return words.percent(kpis.oee);
    }
    let known = kpis.availability.zip(kpis.effectiveness).map(|(one, other)| one * other);
    known.map_or_else(|| NOTHING.to_owned(), |known| format!("≤ {}", words.percent(Some(known))))
}

/// Where most of the time went that made no parts.
fn losses(words: &Words, tree: &LossTreeV1) -> String {
    let source = |name: &str| if name == "supply" { words.word("loss.supply").to_owned() } else { name.to_owned() };
    let named = tree.losses.iter().map(|loss| {
        let by = loss.by.as_ref().map(|by| format!(" ({})", source(by)));
        let why = loss.reason.map(|reason| format!(" ({})", words.intervention(reason)));
        (format!("{}{}", words.named("loss", loss.loss.name()), by.or(why).unwrap_or_default()), loss.lost_s)
    });
    let speed = [("loss.speed", tree.speed_s), ("loss.scrap", tree.scrap_s)];
    let mut all: Vec<_> = named.chain(speed.map(|(key, lost_s)| (words.named_key(key).to_owned(), lost_s))).collect();
    all.retain(|(_, lost_s)| *lost_s > 0.0);
    all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let total = tree.total_s.max(1.0);
    let told =
        all.iter().take(LOSSES_MAX).map(|(name, lost_s)| format!("{} {name}", words.percent(Some(lost_s / total))));
    format!("  {}", told.collect::<Vec<_>>().join(", "))
}
