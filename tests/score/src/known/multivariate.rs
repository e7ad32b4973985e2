use std::cell::RefCell;
use std::path::Path;

use anyhow::Context;
use drift::calibration::{hotelling_arl, hotelling_limit_known, hotelling_limit_phase_one, hotelling_limit_phase_two};

use super::judge::Judge;
use super::simulate::Noise;
use super::table::Table;

pub(super) fn run_lengths(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("hotelling_t2_known_params_arl");
    let others = RefCell::new(Noise::new(1));
    for row in Table::read(folder, "hotelling_t2_known_params_arl")?.rows() {
        let (variables, alpha, shift) =
            (row.number("p")? as u32, row.number("alpha")?, row.number("mahalanobis_shift")?);
        let what = format!("p {variables}, alpha {alpha}, shift {shift}");
        let limit = hotelling_limit_known(variables, alpha);
        let arl = row.printed("arl")?;
        judge.solved(format!("{what}, limit"), row.printed("UCL_chi2")?, limit);
        judge.solved(&what, arl, hotelling_arl(variables, limit, shift));
        // By its definition: squares of independent values, of which one has the whole shift.
        let beyond = |_: &mut (), z: f64| {
            let square = |value: f64| value * value;
            let rest: f64 = (1..variables).map(|_| square(others.borrow_mut().next())).sum();
            square(z) + rest > limit
        };
        judge.simulated(&what, arl, |runs| noise.run_length(runs, shift, &(), beyond));
    }
    Ok(judge.done())
}

pub(super) fn limits(folder: &Path) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("hotelling_t2_limits");
    for row in Table::read(folder, "hotelling_t2_limits")?.rows() {
        let (variables, observations) = (row.number("p")? as u32, row.number("m_individual_obs")? as u32);
        let alpha = row.number("alpha")?;
        let what = format!("p {variables}, m {observations}, alpha {alpha}");
        let few = "too few observations for a limit";
        let phase_one = hotelling_limit_phase_one(variables, observations, alpha).context(few)?;
        let phase_two = hotelling_limit_phase_two(variables, observations, alpha).context(few)?;
        judge.solved(format!("{what}, phase I"), row.printed("UCL_phase1_beta")?, phase_one);
        judge.solved(format!("{what}, phase II"), row.printed("UCL_phase2_F")?, phase_two);
        judge.solved(format!("{what}, known"), row.printed("UCL_chi2")?, hotelling_limit_known(variables, alpha));
    }
    Ok(judge.done())
}
