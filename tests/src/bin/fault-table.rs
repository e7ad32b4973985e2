//! Prints how each fault of the simulated plant is found:
//! `fault-table [SEEDS] [HOURS BEFORE] [HOURS AFTER] [FIRST SEED]`.

use std::collections::BTreeMap;

use e2e::trial::{self, Trial};
use plant_sim::{Fault, FaultPlan};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<f64>().unwrap_or(f64::NAN));
    let mut next = |default: f64| arguments.next().filter(|number| number.is_finite()).unwrap_or(default);
    let (count, before_h, after_h, first) = (next(3.0) as u64, next(4.0), next(3.0), next(1.0) as u64);
    let seeds = first..first + count;
    let mut false_ones = BTreeMap::new();
    println!(
        "seeds {first} to {}; {before_h} h before the fault, {after_h} h with it; delay and time won are medians",
        first + count - 1
    );
    println!("fault               found  station and cause right  delay min  won min  in time  false");
    for &fault in Fault::ALL {
        let trials: Vec<Trial> = seeds
            .clone()
            .map(|seed| {
                let plan = FaultPlan { fault, station: None, onset_s: before_h * 3600.0, duration_s: None };
                trial::run(seed, vec![plan], before_h + after_h)
            })
            .collect();
        let scores: Vec<_> = trials.iter().map(|trial| trial.score(fault)).collect();
        let number = |test: &dyn Fn(&trial::Score) -> bool| scores.iter().filter(|score| test(score)).count();
        println!(
            "{:19} {:2}/{count:2} {:24} {:>10} {:>8} {:>8} {:6}",
            fault.name(),
            number(&|score| score.delay_s.is_some()),
            number(&|score| score.cause_is_right),
            median_min(scores.iter().filter_map(|score| score.delay_s)),
            median_min(scores.iter().filter_map(|score| score.time_won_s)),
            format!("{}/{}", number(&|s| s.time_won_s.is_some_and(|won| won > 0.0)), number(&|s| s.limit_crossed)),
            scores.iter().map(|score| score.false_incidents).sum::<usize>()
        );
        for trial in &trials {
            count_false(trial, Some(fault), &mut false_ones);
        }
    }
    let mut per_shift = Vec::new();
    for seed in seeds {
        let trial = trial::run(seed, Vec::new(), before_h + 8.0);
        let in_shift = |told: &&trial::Told| told.at >= trial::START.plus_seconds(before_h * 3600.0);
        per_shift.push(trial.raised().filter(in_shift).count());
        count_false(&trial, None, &mut false_ones);
    }
    println!("none, one shift of 8 h after {before_h} h: {per_shift:?} alerts by seed");
    println!("false alerts by place, feature and cause, over all runs:");
    for (what, count) in false_ones {
        println!("  {count:4}  {what}");
    }
}

fn count_false(trial: &Trial, fault: Option<Fault>, counts: &mut BTreeMap<String, usize>) {
    for told in trial.false_incidents(fault) {
        let evidence = &told.incident.evidence[0];
        let way = evidence.direction.map_or(String::new(), |direction| format!(" {direction:?}"));
        let what = format!("{} {}{way} {}", trial.place_of(&told.incident), evidence.name, told.incident.cause());
        *counts.entry(what).or_default() += 1;
    }
}

fn median_min(seconds: impl Iterator<Item = f64>) -> String {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).map_or("-".to_owned(), |median| format!("{:.1}", median / 60.0))
}
