//! All signals and limits out as one table, changed with a spreadsheet, and in again.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use e2e::daemon::run_linetwin;
use e2e::program::Ended;
use e2e::workspace_root;
use plant::Files;
use tempfile::TempDir;

/// A copy of the example, and a place for tables.
struct Example(TempDir);

impl Example {
    fn new() -> Self {
        let example = Self(tempfile::tempdir().unwrap());
        for (name, text) in Files::read_dir(&workspace_root().join("config")).unwrap().iter() {
            let path = example.folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        example
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("config")
    }

    fn files(&self) -> Files {
        Files::read_dir(&self.folder()).unwrap()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap()
    }

    fn run(&self, words: &[&str]) -> Ended {
        let folder = self.folder().display().to_string();
        run_linetwin(words.iter().copied().chain(["--config", &folder]))
    }

    #[track_caller]
    fn export(&self, what: &str) -> String {
        let Ended { code, output, errors } = self.run(&[what, "export"]);
        assert_eq!(code, Some(0), "{errors}");
        output + "\n"
    }

    fn import(&self, what: &str, table: &str, options: &[&str]) -> Ended {
        let file = self.0.path().join("edited.csv");
        fs::write(&file, table).unwrap();
        self.run(&[&[what, "import", &file.display().to_string()], options].concat())
    }

    /// Takes a table in, first only to see it, then in earnest.
    #[track_caller]
    fn change(&self, what: &str, table: &str, options: &[&str], expected: &[&str]) {
        let before = self.files();
        for write in [false, true] {
            assert!(self.files() == before, "nothing is written before --write");
            let more: &[&str] = if write { &["--write"] } else { &[] };
            let Ended { code, output, errors } = self.import(what, table, &[options, more].concat());
            assert_eq!(code, Some(0), "{errors}");
            for line in expected {
                assert!(output.lines().any(|shown| shown.starts_with(line)), "expected {line:?} in: {output}");
            }
        }
    }

    #[track_caller]
    fn check_refused(&self, what: &str, table: &str, expected: &str) {
        let before = self.files();
        let Ended { code, errors, .. } = self.import(what, table, &["--write"]);
        assert!(code != Some(0) && errors.contains(expected), "{code:?}, expected {expected:?} in: {errors}");
        assert!(self.files() == before, "nothing is written");
    }
}

/// As a spreadsheet of a country with decimal commas saves it.
fn with_semicolons(table: &str) -> String {
    let cell = |cell: &str| match cell {
        number if number.parse::<f64>().is_ok() => number.replace('.', ","),
        text if text.contains(';') => format!("\"{text}\""),
        text => text.to_owned(),
    };
    let row = |row: &str| row.split(',').map(cell).collect::<Vec<_>>().join(";") + "\r\n";
    "\u{feff}".to_owned() + &table.lines().map(row).collect::<String>()
}

#[test]
fn bulk_tags_and_limits() {
    let example = Example::new();

    let tags = example.export("tags");
    example.change("tags", &tags, &["--remove"], &["0 added, 0 changed, 0 removed"]);
    assert_eq!(example.files(), Files::read_dir(&workspace_root().join("config")).unwrap());
    let edited = tags.replace("input:0,u16,,l/min,0.01,,0,20", "input:0,u16,,l/min,0.025,,0,12.5")
        + "weld-20/cabinet_temperature,,weld-plc,input:40,i16,,°C,0.1,,,,,,,,,\n";
    let expected = [
        "~ weld-20/water_flow  scale 0.01 -> 0.025, high 20 -> 12.5",
        "+ weld-20/cabinet_temperature  in tags/weld-plc.csv",
        "1 added, 1 changed, 0 removed",
    ];
    example.change("tags", &with_semicolons(&edited), &[], &expected);
    assert_eq!(example.text("tags/pack-opcua.csv"), fs::read_to_string(example_file("tags/pack-opcua.csv")).unwrap());
    assert!(example.text("tags/weld-plc.csv").starts_with("signal,role,link,address,"), "the list keeps its columns");
    example.change("tags", "signal,low\nweld-20/water_flow,0.5\n", &[], &["~ weld-20/water_flow  low 0 -> 0.5"]);
    example.change("tags", &tags, &["--remove"], &["- weld-20/cabinet_temperature  in tags/weld-plc.csv"]);
    assert_eq!(example.export("tags"), tags);

    let limits = example.export("limits");
    example.change("limits", &limits, &["--remove"], &["0 added, 0 changed, 0 removed"]);
    let edited = "signal,variant,low,high\ntighten-60/torque,,48.5,52\ndispense-70/mass,ev-std,310,330\n\
                  weld-20/water_flow,,4,\n";
    let expected = [
        "~ tighten-60/torque  low 48 -> 48.5",
        "~ dispense-70/mass of ev-std  high nothing -> 330",
        "+ weld-20/water_flow  low nothing -> 4",
        "- eol-90/insulation",
        "1 added, 2 changed, 4 removed",
    ];
    example.change("limits", edited, &["--remove"], &expected);
    let plant = example.text("plant.toml");
    let without_limits = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with('#') || line.contains("station"));
        lines.map(str::to_owned).collect()
    };
    let original = fs::read_to_string(example_file("plant.toml")).unwrap();
    assert_eq!(without_limits(&plant), without_limits(&original), "comments and all else stay");
    assert_eq!(example.run(&["check"]).code, Some(0));
    example.change("limits", &with_semicolons(&limits), &["--remove"], &["4 added, 2 changed, 1 removed"]);
}

#[test]
fn a_table_that_is_wrong_changes_nothing_and_is_told_by_its_own_lines() {
    let example = Example::new();
    let tags = example.export("tags");
    let wrong = tags.replace("weld.force,weld-plc", "weld.forse,weld-plc");
    let line = wrong.lines().position(|line| line.contains("weld.forse")).unwrap() + 1;
    example.check_refused("tags", &wrong, &format!("edited.csv:{line}: role"));
    let wrong = "signal,link,address,type\nweld-20/new,weld-plc,holding:7.16,bool\n";
    example.check_refused("tags", wrong, "edited.csv:2: ");
    example.check_refused("tags", "signal,link\n../x,../../x\n", "edited.csv:2: ");
    example.check_refused("tags", "signal,low\nweld-20/force,0\nweld-20/force,1\n", "edited.csv:3: ");
    example.check_refused("tags", "name,low\nweld-20/force,0\n", "no column signal");
    example.check_refused("limits", "signal,low\ntighten-60/torque,53\n", "edited.csv:2: ");
    example.check_refused("limits", "signal,low\ntighten-60/torqe,48\n", "edited.csv:2: ");
    example.check_refused(
        "limits",
        "signal,low\ntighten-60/torque,much\n",
        "edited.csv:2: low: \"much\" is not a number",
    );
}

fn example_file(name: &str) -> std::path::PathBuf {
    workspace_root().join(Path::new("config")).join(name)
}
