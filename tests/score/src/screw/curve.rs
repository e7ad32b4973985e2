//! The whole curves of the data set: what the joint's model makes of real torque over angle.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use process::{CurvePoint, Joint};
use serde::Deserialize;

/// A tightening with its curve.
#[derive(Debug, Deserialize)]
struct Tightening {
    cycle: u64,
    #[serde(rename = "tightening steps")]
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    #[serde(rename = "tightening functions")]
    functions: Vec<Function>,
    graph: Graph,
}

/// What a step was ended or watched by: the wanted and the actual value.
#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    act: f64,
}

#[derive(Debug, Deserialize)]
struct Graph {
    #[serde(rename = "angle values")]
    angle_deg: Vec<f64>,
    #[serde(rename = "torque values")]
    torque_nm: Vec<f64>,
    #[serde(rename = "time values")]
    time_s: Vec<f64>,
}

impl Tightening {
    fn points(&self) -> Vec<CurvePoint> {
        let of_step = |step: &Step| {
            let Graph { angle_deg, torque_nm, time_s } = &step.graph;
            let values = time_s.iter().zip(angle_deg).zip(torque_nm);
            let point =
                |((&seconds, &leading), &answering): ((&f64, &f64), &f64)| CurvePoint { seconds, leading, answering };
            values.map(point).collect::<Vec<_>>()
        };
        self.steps.iter().flat_map(of_step).collect()
    }

    /// Final torque as the controller told it, N·m: what its last step was ended by.
    fn told_nm(&self) -> Option<f64> {
        let last = self.steps.last()?;
        last.functions.iter().find(|function| function.name == "TF Torque").map(|function| function.act)
    }
}

/// Prints the section.
pub(crate) fn score(folder: &Path) -> anyhow::Result<()> {
    println!("\n## Screw driving: whole curves of real runs\n");
    println!("Data: N. West and J. Deuse, CC BY 4.0, doi:10.5281/zenodo.14729547; the curves that its tests hold.\n");
    println!(
        "| class | run | peak, N·m | told, N·m | rundown, ° | peak there, N·m | gradient, N·m/° | clamping, ° | energy, J | \
         final gradient, share | yields at, N·m |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let (mut runs, mut read, mut furthest_nm) = (0, 0, 0.0_f64);
    for class in classes_of(&folder.join("tests/data/extracted/s0X_mock-data/json"))? {
        for file in curves_of(&class)? {
            let opened = File::open(&file).with_context(|| file.display().to_string())?;
            let tightening: Tightening = serde_json::from_reader(std::io::BufReader::new(opened))?;
            runs += 1;
            let Some(joint) = Joint::of(&tightening.points()) else { continue };
            read += 1;
            let told_nm = tightening.told_nm();
            furthest_nm = furthest_nm.max(told_nm.map_or(0.0, |told_nm| (told_nm - joint.peak_nm).abs()));
            row(&class, &tightening, &joint, told_nm);
        }
    }
    println!(
        "\n{read} of {runs} curves are read as a joint; the peak is at most {furthest_nm:.3} N·m from the torque told."
    );
    Ok(())
}

fn row(class: &Path, tightening: &Tightening, joint: &Joint, told_nm: Option<f64>) {
    let class = class.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let or_none = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    println!(
        "| {class} | {} | {:.3} | {} | {:.0} | {} | {:.4} | {:.1} | {:.2} | {} | {} |",
        tightening.cycle,
        joint.peak_nm,
        or_none(told_nm),
        joint.rundown_deg,
        or_none(joint.rundown_peak_nm),
        joint.gradient_nm_deg,
        joint.clamping_deg,
        joint.energy_j,
        or_none(joint.final_gradient_share),
        or_none(joint.yield_nm),
    );
}

fn classes_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    entries(folder, |path| path.is_dir())
}

fn curves_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    entries(folder, |path| path.extension().is_some_and(|extension| extension == "json"))
}

fn entries(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let all = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = all.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.retain(|path| is_wanted(path));
    paths.sort();
    Ok(paths)
}
