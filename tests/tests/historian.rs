//! History in a real InfluxDB: all of it, once, whatever happens to the database and to the daemon meanwhile.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use e2e::daemon::{Daemon, run_linetwin};
use e2e::influx::Influx;
use e2e::site::{self, Site};
use e2e::wait::wait_for;

/// A line whose station tells its results by files: what is dropped is known to the row.
struct Line {
    site: Site,
    folder: PathBuf,
    rows: u64,
}

impl Line {
    fn new() -> Self {
        let rows = "weld-20/active,cycle.active,files,active,bool,,,,,,,\nweld-20/part,part.id,files,part,text,,,,,,,\n\
                    weld-20/current,weld.current,files,current,f64,,kA,,,,,\nweld-20/count,other,files,count,u16,,,,,,,\n";
        let site = Site::new("", rows);
        let folder = site.config().join("../drop");
        fs::create_dir(&folder).unwrap();
        let plant = fs::read_to_string(site.config().join("plant.toml")).unwrap();
        let link = format!(
            "[[link]]\nprotocol = \"csv\"\nname = \"files\"\nfolder = \"{}\"\ntime_column = \"time\"\n\
             time_format = \"unix-ms\"\nsettle_s = 0.1\n",
            folder.display()
        );
        site.write("plant.toml", &(plant + &link + &site::station("weld-20", "spot-weld", &[])));
        Self { site, folder, rows: 0 }
    }

    fn start(&self, influx: &Influx, more: &[&str]) -> Daemon {
        let settings = influx.settings();
        let settings: Vec<&str> = settings.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Daemon::start(&mut self.site.command(&settings))
    }

    /// Drops a file of so many rows and waits until the daemon has recorded it. Each row is a value of each signal.
    fn drop_rows(&mut self, rows: u64) {
        let mut text = "time,active,part,current,count\n".to_owned();
        for row in self.rows..self.rows + rows {
            let (at, active) = (1_795_413_600_000 + row * 100, u64::from(row % 10 < 5));
            text.push_str(&format!(
                "{at},{active},EV-{},{},{}\n",
                row / 10,
                8.0 + (row % 7) as f64 * 0.25,
                row % 60_000
            ));
        }
        let name = format!("{:09}.csv", self.rows);
        self.rows += rows;
        fs::write(self.folder.join("new.tmp"), text).unwrap();
        fs::rename(self.folder.join("new.tmp"), self.folder.join(&name)).unwrap();
        let done = self.folder.join("done").join(name);
        wait_for("a file to be taken", || done.exists().then_some(()));
    }
}

fn metric(daemon: &Daemon, name: &str) -> u64 {
    let (_, text) = daemon.get("/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("linetwin_historian_{name}")));
    let value = line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap();
    value.parse::<f64>().unwrap() as u64
}

/// Waits until each row is there as often as it was dropped: once.
fn wait_for_rows(influx: &Influx, rows: u64) {
    wait_for(&format!("{rows} rows in InfluxDB"), || {
        let counts = ["current", "count"]
            .map(|signal| influx.count("value", &format!("linetwin_signal WHERE signal = '{signal}'")));
        let others = [influx.count("value_boolean", "linetwin_signal"), influx.count("value_text", "linetwin_signal")];
        assert!(counts.iter().chain(&others).all(|&count| count <= rows), "{counts:?} {others:?} of {rows}");
        (counts == [rows; 2] && others == [rows; 2]).then_some(())
    });
}

fn spooled(folder: &Path) -> (usize, u64) {
    let files = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    let batches: Vec<_> = files.filter(|file| file.file_name().to_str().unwrap().ends_with(".lp.zst")).collect();
    (batches.len(), batches.iter().map(|file| file.metadata().unwrap().len()).sum())
}

#[test]
fn samples_cycles_and_states_are_points_with_their_own_times() {
    let influx = Influx::start();
    let mut line = Line::new();
    let daemon = line.start(&influx, &[]);
    line.drop_rows(100);
    wait_for_rows(&influx, 100);
    let found = influx.ask("SELECT * FROM linetwin_signal WHERE signal = 'current' ORDER BY time LIMIT 1");
    assert_eq!(
        found[0]["columns"].to_string() + &found[0]["values"][0].to_string(),
        "[\"time\",\"line\",\"quality\",\"signal\",\"site\",\"station\",\"value\",\"value_boolean\",\"value_text\"]\
         [\"2026-11-23T06:00:00Z\",\"e2e\",\"good\",\"current\",\"ulm\",\"weld-20\",8,null,null]"
    );
    wait_for("cycles and states", || {
        let cycles = influx.count("duration_s", "linetwin_cycle WHERE station = 'weld-20' AND part != ''");
        (cycles >= 8 && influx.count("state", "linetwin_state") > 0).then_some(())
    });
    let fields = influx.ask("SHOW FIELD KEYS FROM linetwin_cycle")[0]["values"].to_string();
    for field in [r#"["weld current","float"]"#, r#"["duration_s","float"]"#, r#"["part","string"]"#] {
        assert!(fields.contains(field), "{fields}");
    }
    assert_eq!(metric(&daemon, "connected"), 1);
    daemon.stop();
}

#[test]
fn store_and_forward_that_survives_and_drains_well() {
    let mut influx = Influx::start();
    let mut line = Line::new();
    let mut daemon = line.start(&influx, &["historian.backlog_points_per_s=400"]);
    line.drop_rows(200);
    wait_for_rows(&influx, 200);

    influx.kill();
    for kill in 0..3 {
        line.drop_rows(500);
        if kill < 2 {
            // At whatever it does: some is in memory, some on the disk.
            daemon.kill();
            daemon = line.start(&influx, &["historian.backlog_points_per_s=400"]);
        }
    }
    wait_for("the outage to be told", || {
        let (_, health) = daemon.get("/healthz");
        health.contains("InfluxDB does not answer").then_some(())
    });
    daemon.kill();
    let (files, _) = spooled(&line.site.recording().join("historian"));
    assert!(files > 0, "the outage is on the disk");

    influx.restart();
    let daemon = line.start(&influx, &["historian.backlog_points_per_s=400"]);
    // What is new goes before what is left: it is there while there still is a backlog.
    line.drop_rows(10);
    let newest =
        format!("linetwin_signal WHERE signal = 'count' AND time >= {}000000", 1_795_413_600_000_u64 + 1700 * 100);
    wait_for("what is new", || (influx.count("value", &newest) == 10).then_some(()));
    let waiting = metric(&daemon, "waiting");
    assert!(waiting > 0, "the backlog was drained at once");
    wait_for_rows(&influx, 1710);
    wait_for("an empty disk", || (metric(&daemon, "waiting") == 0).then_some(()));
    assert_eq!(["lost", "dropped", "rejected"].map(|name| metric(&daemon, name)), [0; 3]);
    daemon.stop();
    assert_eq!(spooled(&line.site.recording().join("historian")), (0, 0));
}

#[test]
fn what_there_is_no_room_for_is_the_oldest_and_is_counted() {
    let mut influx = Influx::start();
    influx.set_unavailable(true);
    let mut line = Line::new();
    let small = ["historian.size_max_mib=1", "historian.batch_points=50000", "recording.flush_interval_s=0.1"];
    let daemon = line.start(&influx, &small);
    let folder = line.site.recording().join("historian");
    let begun = std::time::Instant::now();
    while metric(&daemon, "dropped") == 0 {
        line.drop_rows(10_000);
        assert!(begun.elapsed() < e2e::wait::PATIENCE * 2, "nothing is dropped: {:?}", spooled(&folder));
    }
    assert!(spooled(&folder).1 <= 1 << 20);
    let [waiting, bytes] = ["waiting", "bytes"].map(|name| metric(&daemon, name));
    assert!(bytes < 12 * waiting, "a point takes more than docs/historian.md says: {bytes} bytes for {waiting}");
    influx.set_unavailable(false);
    wait_for("an empty disk", || (metric(&daemon, "waiting") == 0).then_some(()));
    let [made, written, dropped] = ["made", "written", "dropped"].map(|name| metric(&daemon, name));
    assert_eq!(made, written + dropped, "each point is written or counted");
    let (first, last) = (influx.ask("SELECT FIRST(value) FROM linetwin_signal WHERE signal = 'count'"), line.rows - 1);
    assert_ne!(first[0]["values"][0][0], "2026-11-23T06:00:00Z", "the oldest are gone");
    let last = format!("linetwin_signal WHERE signal = 'count' AND time = {}000000", 1_795_413_600_000 + last * 100);
    assert_eq!(influx.count("value", &last), 1, "the newest is there");
    assert!(daemon.log().iter().any(|line| line.contains("are dropped from now on")), "it is told");
    daemon.stop();
}

#[test]
fn type_flips() {
    // Somebody else has made the field a text in this bucket: InfluxDB will never take a number there.
    let influx = Influx::start();
    influx.write("linetwin_signal,signal=x value=\"a text\" 1795413600000000000");
    let mut line = Line::new();
    let daemon = line.start(&influx, &[]);
    line.drop_rows(100);
    wait_for("the rest to be written", || {
        let written = ["value_boolean", "value_text"].map(|field| influx.count(field, "linetwin_signal"));
        (written == [100, 100]).then_some(())
    });
    wait_for("the points to be counted", || (metric(&daemon, "rejected") == 200).then_some(()));
    let told = |series: &str| {
        let log = daemon.log();
        log.iter().filter(|line| line.contains("InfluxDB rejects linetwin_signal") && line.contains(series)).count()
    };
    assert_eq!((told("signal=current"), told("signal=count"), told("signal=part")), (1, 1, 0), "each is named once");
    assert_eq!(metric(&daemon, "lost"), 0);
    daemon.stop();

    // A signal that becomes one of another type goes on in the field of that type.
    let influx = Influx::start();
    let mut line = Line::new();
    let daemon = line.start(&influx, &[]);
    line.drop_rows(10);
    wait_for_rows(&influx, 10);
    daemon.stop();
    let tags = fs::read_to_string(line.site.config().join("tags/all.csv")).unwrap();
    line.site.write("tags/all.csv", &tags.replace("files,count,u16", "files,count,text"));
    let daemon = line.start(&influx, &[]);
    line.drop_rows(10);
    wait_for("both types", || {
        let of = "linetwin_signal WHERE signal = 'count'";
        ([influx.count("value", of), influx.count("value_text", of)] == [10, 10]).then_some(())
    });
    assert_eq!(metric(&daemon, "rejected"), 0);
    daemon.stop();
}

#[test]
fn a_wrong_token_or_bucket_says_what_to_do_and_costs_nothing() {
    let influx = Influx::start();
    let mut line = Line::new();
    let mut told = |setting: &str, words: &str| {
        let daemon = line.start(&influx, &[setting]);
        line.drop_rows(10);
        wait_for(words, || daemon.get("/healthz").1.contains(words).then_some(()));
        daemon.stop();
    };
    told("historian.token=wrong", "give the historian one that may write to bucket");
    told("historian.bucket=ev2", "there is no bucket");
    let daemon = line.start(&influx, &[]);
    wait_for_rows(&influx, 20);
    daemon.stop();
    // And the token is in no recording.
    let text =
        fs::read_dir(line.site.recording()).unwrap().filter_map(Result::ok).filter(|entry| entry.path().is_file());
    for entry in text {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"), "{} has the token", entry.path().display());
    }
    let config = line.site.config().display().to_string();
    let checked =
        run_linetwin(["check", "--config", &config, "--set", "historian.enabled=true", "--set", "historian.org=acme"]);
    assert!(
        checked.code != Some(0)
            && checked.errors.contains("historian.bucket")
            && checked.errors.contains("historian.token"),
        "{checked:?}"
    );
}

#[test]
fn over_tls_only_a_server_that_is_known_is_given_anything() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&files[0], signed.cert.pem()).unwrap();
    fs::write(&files[1], signed.signing_key.serialize_pem()).unwrap();
    let authority = format!("historian.ca={}", files[0].display());
    let influx = Influx::start_over_tls(files);
    let mut line = Line::new();
    let daemon = line.start(&influx, &[]);
    line.drop_rows(10);
    wait_for("the server to be refused", || daemon.get("/healthz").1.contains("UnknownIssuer").then_some(()));
    daemon.stop();
    let daemon = line.start(&influx, &[&authority]);
    wait_for_rows(&influx, 10);
    daemon.stop();
}
