use std::fmt;

use flow::line::{LearnedLine, LineModel, Range, Summary, WhatIf};
use plant::Plant;

/// What the shifts came to, for a person.
pub(super) struct Told<'a> {
    pub(super) plant: &'a Plant,
    pub(super) line: &'a LineModel,
    pub(super) learned: Option<&'a LearnedLine>,
    pub(super) versions: Versions<'a>,
    pub(super) replications: u32,
}

/// The line as it is, and as it would be.
pub(super) enum Versions<'a> {
    One(Summary),
    Two { base: Summary, changed: Summary, what_if: &'a [WhatIf] },
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, shift_h, runs) = (&self.plant.line, self.plant.detection.shift_h, self.replications);
        writeln!(f, "line {name}, a shift of {shift_h} working hours, {runs} times")?;
        match self.learned {
            Some(learned) => self.tell_learned(learned, f)?,
            None => writeln!(f, "  times and stops as designed; --recording DIR learns them")?,
        }
        match &self.versions {
            Versions::One(summary) => {
                self.tell_output("", summary, f)?;
                writeln!(f)?;
                self.tell_places(summary, f)
            }
            Versions::Two { base, changed, what_if } => {
                let changes: Vec<String> = what_if.iter().map(ToString::to_string).collect();
                writeln!(f, "  what if {}", changes.join(", "))?;
                self.tell_output("as it is   ", base, f)?;
                self.tell_output("what if    ", changed, f)?;
                let difference = changed.difference(base);
                writeln!(
                    f,
                    "  difference    {:+.1} good parts a shift, with 95 % confidence {:+.1} to {:+.1}; common random numbers",
                    difference.mean, difference.low, difference.high
                )?;
                self.tell_both(base, changed, f)
            }
        }
    }
}

impl Told<'_> {
    fn tell_learned(&self, learned: &LearnedLine, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stations = || (0..self.line.places.len()).filter_map(|place| Some((place, learned.place(place)?)));
        let cycles: f64 = stations().flat_map(|(_, known)| known.work()).map(|work| work.count()).sum();
        let stops: f64 = stations().map(|(_, known)| known.repairs().count()).sum();
        writeln!(
            f,
            "  learnt from {cycles:.0} cycles and {stops:.0} stops of the recording; those of earlier shifts count for less"
        )?;
        let names: Vec<&str> = self.plant.variants.iter().map(|variant| variant.name.as_str()).collect();
        writeln!(f, "\n  {:14} {:>9}  mean time at work by variant, s", "station", "stops/h")?;
        for (place, known) in stations() {
            let Some(station) = self.line.places[place].station() else { continue };
            let rate = if known.worked_s() > 0.0 { known.repairs().count() * 3600.0 / known.worked_s() } else { 0.0 };
            write!(f, "  {:14} {rate:9.2} ", self.line.places[place].name)?;
            for (variant, name) in names.iter().enumerate().filter(|(variant, _)| known.work()[*variant].count() > 0.0)
            {
                write!(f, " {name} {:.1}", station.work_of(variant).mean_s())?;
            }
            writeln!(f)?;
        }
        writeln!(f)
    }

    fn tell_output(&self, what: &str, summary: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |range: &Range| format!("P10 {:.0}  P50 {:.0}  P90 {:.0}", range.p10, range.p50, range.p90);
        write!(f, "  {what}good parts a shift: {}  mean {:.1}", range(&summary.output), summary.mean)?;
        writeln!(f, "   an hour: {}", range(&summary.interval))?;
        let named = self.plant.variants.iter().zip(&summary.mean_of_variant);
        let by_variant: Vec<String> = named.map(|(variant, mean)| format!("{} {mean:.1}", variant.name)).collect();
        writeln!(f, "  {what}mean by variant: {}; rejected {:.1}", by_variant.join(", "), summary.mean_scrapped)
    }

    fn tell_places(&self, summary: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:14} {:>7} {:>7} {:>7} {:>7} {:>7}  % of the time",
            "station", "working", "loading", "down", "blocked", "starved"
        )?;
        for (index, (place, known)) in self.line.places.iter().zip(&summary.places).enumerate() {
            match place.station() {
                None => writeln!(f, "  {:14} mean level {:.1}", place.name, known.level)?,
                Some(_) => {
                    write!(f, "  {:14}", place.name)?;
                    for share in [known.working, known.loading, known.down, known.blocked, known.starved] {
                        write!(f, " {:7.1}", 100.0 * share)?;
                    }
                    writeln!(
                        f,
                        "{}",
                        if summary.bottleneck == Some(index) { "  bottleneck: waits least" } else { "" }
                    )?;
                }
            }
        }
        Ok(())
    }

    fn tell_both(&self, base: &Summary, changed: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n  {:14} {:>18} {:>18} {:>18}   % of the time, as it is and what if",
            "station", "working", "blocked", "starved"
        )?;
        for (index, place) in self.line.places.iter().enumerate() {
            let (before, after) = (&base.places[index], &changed.places[index]);
            if place.station().is_none() {
                writeln!(f, "  {:14} mean level {:.1} -> {:.1}", place.name, before.level, after.level)?;
                continue;
            }
            write!(f, "  {:14}", place.name)?;
            for (before, after) in
                [(before.working, after.working), (before.blocked, after.blocked), (before.starved, after.starved)]
            {
                write!(f, " {:>18}", format!("{:.1} -> {:.1}", 100.0 * before, 100.0 * after))?;
            }
            let mark = match (base.bottleneck == Some(index), changed.bottleneck == Some(index)) {
                (true, true) => "   bottleneck in both",
                (true, false) => "   bottleneck as it is",
                (false, true) => "   bottleneck what if",
                (false, false) => "",
            };
            writeln!(f, "{mark}")?;
        }
        Ok(())
    }
}
