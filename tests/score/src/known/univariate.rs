use std::path::Path;

use anyhow::{Context, bail};
use drift::calibration::{
    cusum_arl, cusum_arl_from, cusum_arl_one_sided, cusum_arl_steady_state, ewma_arl, runs_rules_arl, shewhart_arl,
    shewhart_sdrl, shewhart_signal_probability,
};
use drift::{Cusum, Ewma, Rule, Shewhart};

use super::judge::Judge;
use super::simulate::{Estimate, Noise, is_raised};
use super::table::{Row, Table};

/// Observations after which a chart that did not alarm has settled.
const SETTLING: u32 = 100;

pub(super) fn cusum(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("cusum_arl");
    for row in Table::read(folder, "cusum_arl")?.rows() {
        let (k, h, shift, what) = cusum_of(&row)?;
        let (two_sided, upper) = (row.printed("arl_two_sided")?, row.printed("arl_one_sided_upper")?);
        let ahead = row.printed("arl_two_sided_FIR_h_over_2")?;
        judge.solved(&what, two_sided, cusum_arl(k, h, shift));
        judge.solved(format!("{what}, one-sided"), upper, cusum_arl_one_sided(k, h, shift));
        judge.solved(format!("{what}, head start"), ahead, cusum_arl_from(0.5 * h, k, h, shift));

        let chart = Cusum::new(k, h).unclipped();
        let either = |chart: &mut Cusum, z| is_raised(chart.observe(z, 0));
        judge.simulated(&what, two_sided, |runs| noise.run_length(runs, shift, &chart, either));
        judge.simulated(format!("{what}, one-sided"), upper, |runs| noise.run_length(runs, shift, &chart, rises));
        let chart = chart.with_head_start(0.5 * h);
        judge.simulated(format!("{what}, head start"), ahead, |runs| noise.run_length(runs, shift, &chart, either));
    }
    Ok(judge.done())
}

pub(super) fn cusum_steady_state(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("cusum_steady_state_one_sided");
    for row in Table::read(folder, "cusum_steady_state_one_sided")?.rows() {
        let (k, h, shift, what) = cusum_of(&row)?;
        let settled = row.printed("conditional_steady_state_arl")?;
        judge.solved(&what, row.printed("zero_state_arl")?, cusum_arl_one_sided(k, h, shift));
        judge.solved(format!("{what}, settled"), settled, cusum_arl_steady_state(k, h, shift));

        // A chart that has been in control for long, and gave no alarm.
        let begin = |noise: &mut Noise| {
            loop {
                let mut chart = Cusum::new(k, h).unclipped();
                if (0..SETTLING).all(|_| !rises(&mut chart, noise.next())) {
                    return chart;
                }
            }
        };
        judge.simulated(format!("{what}, settled"), settled, |runs| {
            noise.run_length_from(runs, |_| shift, begin, rises)
        });
    }
    Ok(judge.done())
}

pub(super) fn ewma(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("ewma_arl");
    for row in Table::read(folder, "ewma_arl")?.rows() {
        let (weight, limit, shift) = (row.number("lambda")?, row.number("L")?, row.number("shift_sigma")?);
        let what = format!("weight {weight}, limit {limit}, shift {shift}");
        let expected = row.printed("arl_two_sided_asymptotic_limits")?;
        judge.solved(&what, expected, ewma_arl(weight, limit, shift));
        let chart = Ewma::new(weight, limit);
        judge.simulated(&what, expected, |runs| {
            noise.run_length(runs, shift, &chart, |chart, z| is_raised(chart.observe(z, 0)))
        });
    }
    Ok(judge.done())
}

pub(super) fn shewhart(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("shewhart_xbar_arl");
    for row in Table::read(folder, "shewhart_xbar_arl")?.rows() {
        let (n, shift) = (row.number("n")? as u32, row.number("shift_sigma")?);
        let what = format!("n {n}, shift {shift}");
        let arl = row.printed("arl")?;
        let probability = shewhart_signal_probability(3.0, n, shift);
        judge.solved(format!("{what}, signal"), row.printed("p_signal")?, probability);
        judge.solved(&what, arl, shewhart_arl(3.0, n, shift));
        judge.solved(format!("{what}, deviation"), row.printed("sdrl")?, shewhart_sdrl(3.0, n, shift));
        // The mean of n values, in its own standard deviations.
        let shift = shift * f64::from(n).sqrt();
        judge.simulated(&what, arl, |runs| rules_run_length(noise, runs, &[Rule::BeyondLimits], shift));
    }
    Ok(judge.done())
}

pub(super) fn western_electric(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("western_electric_arl");
    for row in Table::read(folder, "western_electric_arl")?.rows() {
        let (name, shift, expected) = (row.text("rule_set")?, row.number("shift_sigma")?, row.printed("arl")?);
        let rules = champ_woodall_rules(name)?;
        let what = format!("{name}, shift {shift}");
        judge.solved(&what, expected, runs_rules_arl(&rules, 3.0, shift).context("the rules have no chain")?);
        judge.simulated(&what, expected, |runs| rules_run_length(noise, runs, &rules, shift));
    }
    Ok(judge.done())
}

/// The rules of a set by Champ and Woodall's numbers: `C` and the digits of the Western Electric tests.
pub(super) fn champ_woodall_rules(name: &str) -> anyhow::Result<Vec<Rule>> {
    let digits = name.strip_prefix('C').with_context(|| format!("{name} is no set of rules"))?;
    let rule = |digit: char| match digit.to_digit(10) {
        Some(number @ 1..=4) => Ok(Rule::WESTERN_ELECTRIC[number as usize - 1]),
        _ => bail!("{digit} is no rule"),
    };
    digits.chars().map(rule).collect()
}

/// Takes a value in, and tells whether the sum upwards is beyond the threshold: a one-sided chart.
pub(super) fn rises(chart: &mut Cusum, z: f64) -> bool {
    chart.observe(z, 0);
    chart.sums().0 > chart.threshold()
}

fn rules_run_length(noise: &mut Noise, runs: u32, rules: &[Rule], shift: f64) -> Estimate {
    let chart = Shewhart::new(3.0, rules);
    noise.run_length(runs, shift, &chart, |chart, z| is_raised(chart.observe(z, 0)))
}

fn cusum_of(row: &Row<'_>) -> anyhow::Result<(f64, f64, f64, String)> {
    let (k, h, shift) = (row.number("k")?, row.number("h")?, row.number("shift_sigma")?);
    Ok((k, h, shift, format!("k {k}, h {h}, shift {shift}")))
}
