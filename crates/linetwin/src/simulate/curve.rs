use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flow::line::{Launch, LaunchDay, Learning, LineModel, launch};
use plant::Plant;

/// The curve of a launch.
#[derive(Debug, clap::Args)]
pub(super) struct CurveArguments {
    /// The curve of a launch: the output of each day from the begin on, while cycle times and stops come to what they are
    /// to be.
    #[arg(long)]
    launch: bool,
    /// Planned output by day: CSV with the columns day, from 1, and output.
    #[arg(long, value_name = "PLAN.csv", requires = "launch")]
    plan: Option<PathBuf>,
    /// Working days to simulate.
    #[arg(long, value_name = "N", default_value_t = 30, requires = "launch", value_parser = clap::value_parser!(u32).range(1..=1000))]
    days: u32,
    /// Shifts of a day.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "launch", value_parser = clap::value_parser!(u32).range(1..=4))]
    shifts_per_day: u32,
    /// How cycle times learn: by parts made (wright), or by days (exponential).
    #[arg(long, value_name = "CURVE", default_value = "wright", requires = "launch")]
    learning: Curve,
    /// Cycle time on the first day, as a multiple of what it is to be.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.6, requires = "launch", value_parser = factor)]
    first_cycle: f64,
    /// Wright: what every doubling of the parts made leaves of the cycle time, above 0 and below 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, requires = "launch", value_parser = share)]
    rate: f64,
    /// Exponential: days in which what the cycle time is too long falls to a half.
    #[arg(long, value_name = "DAYS", default_value_t = 5.0, requires = "launch", value_parser = days)]
    cycle_half_days: f64,
    /// Stops on the first day, as a multiple of what they are to be.
    #[arg(long, value_name = "FACTOR", default_value_t = 4.0, requires = "launch", value_parser = factor)]
    first_stops: f64,
    /// Days in which what there are too many of stops falls to a half.
    #[arg(long, value_name = "DAYS", default_value_t = 5.0, requires = "launch", value_parser = days)]
    stops_half_days: f64,
    /// How to print the curve.
    #[arg(long, value_name = "FORMAT", default_value = "table", requires = "launch")]
    format: Format,
}

/// How cycle times learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Curve {
    Wright,
    Exponential,
}

/// How a curve is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

fn number(text: &str, fits: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    text.parse().ok().filter(|&number| fits(number)).ok_or_else(|| format!("expected {expected}"))
}

fn factor(text: &str) -> Result<f64, String> {
    number(text, |number| (1.0..=100.0).contains(&number), "a number from 1 to 100")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number < 1.0, "a number above 0 and below 1")
}

fn days(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number <= 1000.0, "a number above 0, at most 1000")
}

/// Runs of a launch, if nothing else is said: each is of many shifts.
const REPLICATIONS: u32 = 100;

impl CurveArguments {
    /// The curve, if it is asked for.
    pub(super) fn asked(&self) -> Option<&Self> {
        self.launch.then_some(self)
    }

    /// Simulates the launch of a line and prints it.
    pub(super) fn tell(
        &self,
        line: &LineModel,
        plant: &Plant,
        seed: u64,
        replications: Option<u32>,
    ) -> anyhow::Result<()> {
        let plan = self.plan.as_deref().map(read_plan).transpose()?.unwrap_or_default();
        let learning = match self.learning {
            Curve::Wright => Learning::Wright { rate: self.rate },
            Curve::Exponential => Learning::Exponential { half_days: self.cycle_half_days },
        };
        let wanted = Launch {
            learning,
            cycle_factor: self.first_cycle,
            stops_factor: self.first_stops,
            stops_half_days: self.stops_half_days,
            days: self.days,
            day_h: plant.detection.shift_h * f64::from(self.shifts_per_day),
        };
        let days = launch(line, &wanted, &plan, seed, replications.unwrap_or(REPLICATIONS));
        let days = days.map_err(|error| super::named(error, line, plant))?;
        match self.format {
            Format::Table => print!("{}", table(&days, &plan)),
            Format::Csv => print!("{}", csv(&days, &plan)?),
            Format::Json => println!("{}", serde_json::to_string_pretty(&json(&days, &plan))?),
        }
        Ok(())
    }
}

/// The planned output of each day.
fn read_plan(path: &Path) -> anyhow::Result<Vec<f64>> {
    let shown = path.display();
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {shown}"))?;
    let headers = reader.headers().with_context(|| format!("{shown}:1"))?.clone();
    let column = |name: &str| {
        let found = headers.iter().position(|header| header.trim() == name);
        let all = headers.iter().collect::<Vec<_>>().join(", ");
        found.with_context(|| format!("{shown}:1: there is no column {name}; expected day and output, found {all}"))
    };
    let (day_column, output_column) = (column("day")?, column("output")?);
    let mut plan = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| shown.to_string())?;
        let place = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(column).unwrap_or_default().trim();
        let expected = plan.len() + 1;
        if cell(day_column).parse() != Ok(expected) {
            bail!("{shown}:{place}: day {:?} is out of order; expected {expected}", cell(day_column));
        }
        let output: Option<f64> = cell(output_column).parse().ok();
        let output = output.filter(|output| output.is_finite() && *output >= 0.0);
        let what =
            || format!("{shown}:{place}: output {:?} is no number of parts; expected 0 or more", cell(output_column));
        plan.push(output.with_context(what)?);
    }
    Ok(plan)
}

/// The columns of a curve, and a row for each day.
const COLUMNS: [&str; 11] = [
    "day",
    "cycle_factor",
    "stops_factor",
    "output_p10",
    "output_p50",
    "output_p90",
    "cumulated_p10",
    "cumulated_p50",
    "cumulated_p90",
    "cumulated_plan",
    "odds",
];

fn rows<'a>(days: &'a [LaunchDay], plan: &'a [f64]) -> impl Iterator<Item = [Option<f64>; COLUMNS.len()]> + 'a {
    let mut planned = 0.0;
    days.iter().enumerate().map(move |(index, day)| {
        let plan = plan.get(index).map(|output| {
            planned += output;
            planned
        });
        let (output, cumulated) = (day.output, day.cumulated);
        [
            Some(f64::from(day.day)),
            Some(day.cycle_factor),
            Some(day.stops_factor),
            Some(output.p10),
            Some(output.p50),
            Some(output.p90),
            Some(cumulated.p10),
            Some(cumulated.p50),
            Some(cumulated.p90),
            plan,
            day.odds,
        ]
    })
}

fn table(days: &[LaunchDay], plan: &[f64]) -> String {
    let mut text = String::from(
        "                             good parts of the day         until its end\n  \
         day  cycle x  stops x     P10    P50    P90       P10      P50      P90      plan  odds of it\n",
    );
    for [day, cycle, stops, p10, p50, p90, sum10, sum50, sum90, plan, odds] in
        rows(days, plan).map(|row| row.map(|number| number.unwrap_or(f64::NAN)))
    {
        text += &format!(
            "  {day:3}  {cycle:7.2}  {stops:7.2}  {p10:6.0} {p50:6.0} {p90:6.0}  {sum10:8.0} {sum50:8.0} {sum90:8.0}"
        );
        text += &if plan.is_nan() { "\n".to_owned() } else { format!("  {plan:8.0}  {:8.0} %\n", 100.0 * odds) };
    }
    text
}

fn csv(days: &[LaunchDay], plan: &[f64]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows(days, plan) {
        writer.write_record(row.map(|number| number.map_or(String::new(), |number| number.to_string())))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn json(days: &[LaunchDay], plan: &[f64]) -> serde_json::Value {
    let object = |row: [Option<f64>; COLUMNS.len()]| -> serde_json::Map<String, serde_json::Value> {
        COLUMNS.iter().zip(row).map(|(name, number)| ((*name).to_owned(), number.into())).collect()
    };
    rows(days, plan).map(object).collect()
}
