//! What was told live is what a replay tells, to the byte.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;

use e2e::daemon::run_linetwin;

/// Runs the demo's plant with that seed, link losses among its faults, and replays the recording.
fn check_replay(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let replayed = folder.path().join("replayed.jsonl");
    let seed = seed.to_string();
    let live = run_linetwin([
        "demo",
        "--speed",
        "max",
        "--for",
        "90m",
        "--http-port",
        "0",
        "--mqtt-port",
        "0",
        "--seed",
        &seed,
        "--fault",
        "link-loss@10m",
        "--fault",
        "link-loss:pack-opcua@25m",
        "--fault",
        "torque-friction@5m",
        "--fault",
        "water-restriction@15m",
        "--recording",
        recording.to_str().unwrap(),
    ]);
    assert_eq!(live.code, Some(0), "{live:?}");
    let again = run_linetwin(["replay", recording.to_str().unwrap(), "--alerts", replayed.to_str().unwrap()]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let live = fs::read_to_string(recording.join("alerts.jsonl")).unwrap();
    assert!(live.lines().any(|line| line.contains("link-loss")), "seed {seed}: no link was lost");
    assert!(live.lines().any(|line| line.contains("joint-friction")), "seed {seed}: no drift was found");
    assert_eq!(live, fs::read_to_string(replayed).unwrap(), "seed {seed}");
}

#[test]
fn live_and_replayed_alerts_are_identical_files() {
    for seed in [1, 2, 3, 4, 5] {
        check_replay(seed);
    }
}
