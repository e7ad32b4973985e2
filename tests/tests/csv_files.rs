//! Files that are dropped into a folder: each is taken once, whatever happens to the daemon meanwhile.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use contract::{LinkStateName, ValueV1};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::site::{self, Site};
use e2e::wait::wait_for;

const HEADER: &str = "Zeit;Teil;aktiv;Rest\n";

/// A line whose station tells its results by files, and the folder that they are dropped into.
fn site() -> (Site, PathBuf) {
    let link = "[[link]]\nprotocol = \"csv\"\nname = \"files\"\nfolder = \"FOLDER\"\ntime_column = \"Zeit\"\n\
                delimiter = \";\"\nsettle_s = 0.2\n";
    let rows = "weld-20/active,cycle.active,files,aktiv,bool,,,,,,,\nweld-20/part,part.id,files,Teil,text,,,,,,,\n";
    let site = Site::new("", rows);
    let folder = site.config().join("../drop");
    fs::create_dir(&folder).unwrap();
    let plant = fs::read_to_string(site.config().join("plant.toml")).unwrap();
    let link = link.replace("FOLDER", &folder.display().to_string());
    site.write("plant.toml", &(plant + &link + &site::station("weld-20", "spot-weld", &[])));
    (site, folder)
}

/// Drops a file as a careful station does: it is written under another name.
fn drop_file(folder: &Path, name: &str, text: &str) {
    let unfinished = folder.join(format!("{name}.tmp"));
    fs::write(&unfinished, text).unwrap();
    fs::rename(&unfinished, folder.join(name)).unwrap();
}

fn wait_for_file(path: &Path) {
    wait_for(&format!("{} to be there", path.display()), || path.exists().then_some(()));
}

fn wait_for_part(daemon: &Daemon, part: &str) {
    daemon.wait_for_signal("weld-20/part", part, |signal| signal.value == Some(ValueV1::Text(part.to_owned())));
}

#[test]
fn a_file_is_taken_and_put_away_and_a_bad_one_says_why() {
    let (site, folder) = site();
    let daemon = site.start();
    daemon.wait_for_link("files", LinkStateName::Up, "");
    drop_file(&folder, "a.csv", &format!("{HEADER}2026-11-24T08:14:00Z;EV1-1;1;x\n2026-11-24T08:14:01Z;;0;\n"));
    wait_for_file(&folder.join("done/a.csv"));
    wait_for_part(&daemon, "EV1-1");
    assert!(!folder.join("a.csv").exists());
    drop_file(&folder, "a.csv", &format!("{HEADER}2026-11-24T08:15:00Z;EV1-2;1;x\n"));
    wait_for_file(&folder.join("done/a-2.csv"));

    drop_file(&folder, "b.csv", "Zeit;Teil;aktiv\n24.11.2026;EV1-3;1\n");
    wait_for_file(&folder.join("bad/b.csv"));
    let reason = fs::read_to_string(folder.join("bad/b.csv.reason")).unwrap();
    assert!(reason.contains("line 2, column \"Zeit\": \"24.11.2026\" is no time; expected"), "{reason}");
    wait_for_part(&daemon, "EV1-2");
    // What is still being written is left alone, for as long as that takes.
    fs::write(folder.join("c.csv.part"), HEADER).unwrap();
    drop_file(&folder, "d.csv", &format!("{HEADER}2026-11-24T08:16:00Z;EV1-4;1;x\n"));
    wait_for_file(&folder.join("done/d.csv"));
    assert!(folder.join("c.csv.part").exists());
    daemon.stop();
}

#[test]
fn no_row_is_lost_by_kills_and_the_folder_that_is_not_there_is_told() {
    const FILES: usize = 12;
    let (site, folder) = site();
    let mut daemon = site.start();
    for number in 0..FILES {
        let text = format!("{HEADER}2026-11-24T09:{number:02}:00Z;K-{number};1;x\n2026-11-24T09:{number:02}:30Z;;0;\n");
        drop_file(&folder, &format!("{number}.csv"), &text);
        if number % 3 == 2 {
            // At whatever it does: some files are done, some are not.
            daemon.kill();
            daemon = site.start();
        }
    }
    for number in 0..FILES {
        wait_for_file(&folder.join(format!("done/{number}.csv")));
    }
    daemon.kill();
    let recording = site.recording().display().to_string();
    let exported = run_linetwin(["export", &recording, "--format", "csv", "--out", "-", "--signal", "weld-20/part"]);
    let text = if exported.output.is_empty() { exported.errors } else { exported.output };
    for number in 0..FILES {
        assert!(text.contains(&format!("K-{number}")), "{number} is lost: {text}");
    }
    fs::rename(&folder, folder.with_file_name("elsewhere")).unwrap();
    let daemon = site.start();
    daemon.wait_for_link("files", LinkStateName::Down, "expected a folder that the daemon may read");
    daemon.stop();
}
