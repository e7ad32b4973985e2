use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use drift::calibration::{
    cusum_arl, cusum_arl_from, cusum_arl_moving, cusum_arl_one_sided_from, ewma_arl, ewma_arl_moving, runs_rules_arl,
};

use super::judge::Judge;
use super::table::Table;
use super::univariate::champ_woodall_rules;

/// What the literature printed: our answers beside those that were computed for the table, which is surer than print.
pub(super) fn run_lengths(folder: &Path) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("published_vs_computed");
    for row in Table::read(folder, "published_vs_computed")?.rows() {
        let (source, chart, parameter) = (row.text("source")?, row.text("chart")?, row.text("param")?);
        let what = format!("{source}, {chart}, {parameter}");
        let answer = solve(&format!("{chart} {parameter}")).with_context(|| what.clone())?;
        judge.solved(&what, row.printed("computed_here")?, answer);
    }
    Ok(judge.done())
}

/// The run length of a chart in the words of the table, as `cusum two-sided k.5 h4 FIR h/2 mu=0.25`.
fn solve(words: &str) -> anyhow::Result<f64> {
    let mut settings: BTreeMap<&str, f64> = BTreeMap::new();
    for word in words.split([' ', ',']) {
        let digits = word.find(|c: char| c.is_ascii_digit() || c == '.' || c == '-').unwrap_or(word.len());
        let (name, number) = word.split_at(digits);
        if let Ok(number) = number.parse() {
            settings.insert(name.trim_end_matches('='), number);
        }
    }
    let setting = |name: &str| settings.get(name).copied().with_context(|| format!("{name} is not given"));
    // `mu_t=d(t-1)`: the first observation is still in control; `mu_t=d*t`: it is not.
    let before = if words.contains("d(t-1)") { 1 } else { 0 };
    let moving = words.contains("linear drift");
    let mean = |slope: f64| move |t: u32| slope * f64::from(t - before);

    match words.split(' ').next() {
        Some("cusum") => {
            let (k, h) = (setting("k")?, setting("h")?);
            match (moving, words.contains("two-sided")) {
                (true, true) => bail!("a two-sided CUSUM under drift has no solver"),
                (true, false) => Ok(cusum_arl_moving(k, h, mean(setting("d")?))),
                (false, true) => match setting("h/") {
                    Ok(part) => Ok(cusum_arl_from(h / part, k, h, setting("mu")?)),
                    Err(_) => Ok(cusum_arl(k, h, setting("mu")?)),
                },
                (false, false) => Ok(cusum_arl_one_sided_from(setting("hs").unwrap_or(0.0), k, h, setting("mu")?)),
            }
        }
        Some("ewma") => {
            let (weight, limit) = (setting("").or_else(|_| setting("lam"))?, setting("c")?);
            if moving {
                Ok(ewma_arl_moving(weight, limit, mean(setting("d")?)))
            } else {
                Ok(ewma_arl(weight, limit, setting("mu")?))
            }
        }
        Some("runs") => {
            let set = words.split(' ').find(|word| word.starts_with('C')).context("no set of rules")?;
            runs_rules_arl(&champ_woodall_rules(set)?, 3.0, setting("mu")?).context("the rules have no chain")
        }
        _ => bail!("no solver for such a chart"),
    }
}
