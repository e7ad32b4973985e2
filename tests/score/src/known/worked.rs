use std::path::Path;

use drift::{Cusum, Ewma};

use super::judge::Judge;
use super::table::{Printed, Row, Table};

/// D. C. Montgomery, Introduction to Statistical Quality Control, examples 9.1 and 9.2: in control 10, sigma 1.
pub(super) fn montgomery(folder: &Path) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("worked_montgomery_9_1");
    let mut cusum = Cusum::new(0.5, 5.0).unclipped();
    let mut ewma = Ewma::new(0.1, 2.7).with_exact_limits();
    for row in Table::read(folder, "worked_montgomery_9_1")?.rows() {
        let (at, z) = (row.number("i")? as i64, row.number("x")? - 10.0);
        cusum.observe(z, at);
        ewma.observe(z, at);
        let (up, down) = cusum.sums();
        let signal = |stands: bool| f64::from(u8::from(stands));
        for (column, charted) in [
            ("C+", up),
            ("C-", down),
            ("cusum_signal", signal(cusum.is_standing())),
            ("ewma(.1)", 10.0 + ewma.average()),
            ("LCL", 10.0 - ewma.bound()),
            ("UCL", 10.0 + ewma.bound()),
            ("ewma_signal", signal(ewma.is_standing())),
        ] {
            step(&mut judge, &row, at, column, charted)?;
        }
    }
    Ok(judge.done())
}

/// NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.3: in control 325, all in the unit of the values.
pub(super) fn nist_cusum(folder: &Path) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("worked_nist_cusum");
    let mut cusum = Cusum::new(0.3175, 4.1959).unclipped();
    for row in Table::read(folder, "worked_nist_cusum")?.rows() {
        let at = row.number("group")? as i64;
        cusum.observe(row.number("x")? - 325.0, at);
        let (up, down) = cusum.sums();
        // The chart holds its sums to twice the threshold; the handbook lets them grow.
        let expected = row.printed("S_hi")?;
        let held = Printed { value: expected.value.min(2.0 * cusum.threshold()), ..expected };
        judge.stepped(format!("S_hi of {at}"), held, up);
        step(&mut judge, &row, at, "S_lo", down)?;
        step(&mut judge, &row, at, "signal", f64::from(u8::from(cusum.is_standing())))?;
    }
    Ok(judge.done())
}

/// NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4: in control 50, sigma 2.0539, weight 0.3, three sigma.
pub(super) fn nist_ewma(folder: &Path) -> anyhow::Result<Judge> {
    const SIGMA: f64 = 2.0539;
    let mut judge = Judge::new("worked_nist_ewma");
    let mut ewma = Ewma::new(0.3, 3.0);
    for row in Table::read(folder, "worked_nist_ewma")?.rows() {
        let at = row.number("i")? as i64;
        ewma.observe((row.number("x")? - 50.0) / SIGMA, at);
        step(&mut judge, &row, at, "ewma(.3)", 50.0 + SIGMA * ewma.average())?;
        step(&mut judge, &row, at, "LCL", 50.0 - SIGMA * ewma.bound())?;
        step(&mut judge, &row, at, "UCL", 50.0 + SIGMA * ewma.bound())?;
    }
    Ok(judge.done())
}

fn step(judge: &mut Judge, row: &Row<'_>, at: i64, column: &str, charted: f64) -> anyhow::Result<()> {
    judge.stepped(format!("{column} of {at}"), row.printed(column)?, charted);
    Ok(())
}
