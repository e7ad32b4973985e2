//! `linetwin shifts`: what the shifts of a recording came to.

use std::io::{self, Write};
use std::path::PathBuf;

use contract::{ChangeoverV1, ForecastV1, LossName, LossTreeV1, Message, RangeV1, ShiftV1, StateV1, StationShiftV1};
use flow::line::ForecastOptions;
use plant::Plant;
use twin::{Output, Twin};

use crate::recorder::for_each_step;
use crate::setup::Setup;

/// `linetwin shifts`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the recording, or one of its segments.
    recording: PathBuf,
    /// Configuration to look at it under, such as another calendar; the recording's own if left out.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// How to print it. json: a shift a line, as told over MQTT; csv: a row for each shift and station.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// How shifts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a spreadsheet.
    Csv,
    /// For a program.
    Json,
}

/// Replays a recording and prints its shifts, the last one as far as it goes.
///
/// # Errors
/// If the recording or the configuration cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::of_recording(&arguments.recording, arguments.config.as_deref(), &[])?;
    let (shifts, state) = replay(arguments, &setup)?;
    let mut out = io::stdout().lock();
    match arguments.format {
        Format::Text => write_text(&mut out, &setup.plant, &shifts, &state)?,
        Format::Csv => write_csv(out, &shifts)?,
        Format::Json => shifts.iter().try_for_each(|shift| writeln!(out, "{}", shift.to_json()))?,
    }
    Ok(())
}

/// Every shift of the recording, and the state at its end.
fn replay(arguments: &Arguments, setup: &Setup) -> anyhow::Result<(Vec<ShiftV1>, StateV1)> {
    let plant = &setup.plant;
    let (mut twin, mut shifts) = (Twin::new(plant.clone()), Vec::new());
    for_each_step(&arguments.recording, &mut twin, |_, outputs, _| {
        shifts.extend(outputs.iter().filter_map(|output| match output {
            Output::Shift(report) => Some(ShiftV1::new(report, plant)),
            _ => None,
        }));
        Ok(())
    })?;
    let view = twin.view();
    let prospect = twin.prospect().filter(|_| arguments.format == Format::Text);
    let forecast = prospect.map(|prospect| prospect.forecast(ForecastOptions::default())).transpose()?;
    shifts.extend(
        view.flow
            .shift
            .iter()
            .map(|report| ShiftV1::new(report, plant))
            .filter(|shift| shift.is_shift && shift.until > shift.start),
    );
    Ok((shifts, StateV1::new(plant, &view, forecast.as_ref())))
}

const LOSSES: [LossName; 8] = [
    LossName::Unseen,
    LossName::Break,
    LossName::Down,
    LossName::Held,
    LossName::Changeover,
    LossName::Idle,
    LossName::Starved,
    LossName::Blocked,
];

fn lost_s(tree: &LossTreeV1, name: LossName) -> f64 {
    tree.losses.iter().filter(|loss| loss.loss == name).map(|loss| loss.lost_s).fold(0.0, |sum, lost_s| sum + lost_s)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn write_text(out: &mut impl Write, plant: &Plant, shifts: &[ShiftV1], state: &StateV1) -> io::Result<()> {
    if shifts.is_empty() {
        writeln!(out, "No shift of line {} is in this recording.", plant.line)?;
    }
    for shift in shifts {
        let plan = shift.planned_output.map_or_else(String::new, |parts| format!(" of {parts} planned"));
        let so_far = if shift.until < shift.end { format!(", seen until {}", shift.until) } else { String::new() };
        let name = shift.name.as_deref().unwrap_or("shift");
        writeln!(out, "{name}, {} to {}{so_far}", shift.start, shift.end)?;
        let (oee, performance) = (percent(shift.oee), percent(shift.performance));
        let (produced, scrap) = (shift.produced, shift.scrap);
        writeln!(
            out,
            "  {produced} parts{plan}, {scrap} known to be scrap; line OEE {oee}, performance {performance}"
        )?;
        let shares = shift.bottlenecks.iter().take(3);
        let shares: Vec<_> =
            shares.map(|share| format!("{} {}", share.station, percent(Some(share.sole + share.shifting)))).collect();
        writeln!(out, "  bottleneck: {}", if shares.is_empty() { "none".to_owned() } else { shares.join(", ") })?;
        writeln!(
            out,
            "  {:14} {:>6} {:>8} {:>8} {:>8}  minutes lost: {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
            "station", "parts", "OEE", "avail.", "effect.", "down", "held", "setup", "starved", "blocked", "speed"
        )?;
        shift.stations.iter().try_for_each(|station| write_station(out, station))?;
        writeln!(out)?;
    }
    if let Some(forecast) = state.flow.as_ref().and_then(|flow| flow.forecast.as_ref()) {
        write_forecast(out, forecast)?;
    }
    for station in state.stations.iter().filter(|station| !station.changeovers.is_empty()) {
        writeln!(out, "{}: from one variant to another", station.name)?;
        station.changeovers.iter().try_for_each(|changeover| write_changeover(out, changeover))?;
    }
    Ok(())
}

fn write_forecast(out: &mut impl Write, forecast: &ForecastV1) -> io::Result<()> {
    let RangeV1 { p10, p50, p90 } = forecast.output;
    let odds = match (forecast.odds, forecast.planned_output) {
        (Some(odds), Some(planned)) => format!("; at least the planned {planned}: {}", percent(Some(odds))),
        _ => String::new(),
    };
    writeln!(out, "at {} until {}: P10 {p10} P50 {p50} P90 {p90} good parts{odds}", forecast.at, forecast.end)?;
    for material in &forecast.materials {
        let (signal, level, unit) = (&material.signal, material.level, material.unit.as_deref().unwrap_or_default());
        match material.left_h {
            Some(left) => writeln!(
                out,
                "  {signal}: {level:.1} {unit} left, for {:.1} h ({:.1} to {:.1})",
                left.p50, left.p10, left.p90
            )?,
            None => writeln!(out, "  {signal}: {level:.1} {unit} left, which nothing takes")?,
        }
    }
    writeln!(out)
}

fn write_station(out: &mut impl Write, shift: &StationShiftV1) -> io::Result<()> {
    let (kpis, tree) = (&shift.kpis, &shift.losses);
    let minutes = |name| lost_s(tree, name) / 60.0;
    writeln!(
        out,
        "  {:14} {:>6} {:>8} {:>8} {:>8} {:>22.1} {:>7.1} {:>7.1} {:>7.1} {:>7.1} {:>7.1}",
        shift.station,
        kpis.produced.unwrap_or(0),
        percent(kpis.oee),
        percent(kpis.availability),
        percent(kpis.effectiveness),
        minutes(LossName::Down),
        minutes(LossName::Held),
        minutes(LossName::Changeover),
        minutes(LossName::Starved),
        minutes(LossName::Blocked),
        tree.speed_s / 60.0,
    )?;
    let whom = |name| {
        tree.losses
            .iter()
            .filter(move |loss| loss.loss == name)
            .max_by(|one, other| one.lost_s.total_cmp(&other.lost_s))
    };
    for loss in [LossName::Starved, LossName::Blocked].into_iter().filter_map(whom) {
        if let Some(by) = loss.by.as_ref().filter(|_| loss.lost_s >= 60.0) {
            writeln!(out, "  {:14} mostly {} by {by}: {:.1} min", "", loss.loss.name(), loss.lost_s / 60.0)?;
        }
    }
    Ok(())
}

fn write_changeover(out: &mut impl Write, changeover: &ChangeoverV1) -> io::Result<()> {
    let ChangeoverV1 { from, to, count, mean_s, p90_s } = changeover;
    writeln!(out, "  {from:14} to {to:14} {count:>5} times, mean {mean_s:.1} s, 90th percentile {p90_s:.1} s")
}

fn write_csv(out: impl Write, shifts: &[ShiftV1]) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    for (number, (shift, station)) in
        shifts.iter().flat_map(|shift| shift.stations.iter().map(move |station| (shift, station))).enumerate()
    {
        let (kpis, tree) = (station.kpis.named(), &station.losses);
        let lost = LOSSES.map(|name| (format!("lost_{}_s", name.name()), Some(lost_s(tree, name))));
        let rest = [
            ("speed_s", tree.speed_s),
            ("scrap_s", tree.scrap_s),
            ("unjudged_s", tree.unjudged_s),
            ("good_s", tree.good_s),
        ];
        let figures: Vec<(String, Option<f64>)> = kpis
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain([("total_s".to_owned(), Some(tree.total_s))])
            .chain(lost)
            .chain(rest.map(|(name, value)| (name.to_owned(), Some(value))))
            .collect();
        if number == 0 {
            let names = ["shift", "start", "until", "station"].map(str::to_owned).into_iter();
            csv.write_record(names.chain(figures.iter().map(|(name, _)| name.clone())))?;
        }
        let place = [
            shift.name.clone().unwrap_or_default(),
            shift.start.to_string(),
            shift.until.to_string(),
            station.station.clone(),
        ];
        let values = figures.iter().map(|(_, value)| value.map_or_else(String::new, |value| value.to_string()));
        csv.write_record(place.into_iter().chain(values))?;
    }
    csv.flush()?;
    Ok(())
}
