//! `cargo xtask peers`: what the end-to-end tests talk to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::step::{Step, root};

/// Python packages in an environment of their own; folders are relative to the root of the workspace.
struct Python {
    /// Exactly what is installed.
    pins: &'static str,
    folder: &'static str,
}

/// What the end-to-end tests talk to.
const PEERS: Python = Python { pins: "tests/peers/requirements.txt", folder: ".peers/venv" };
/// What the detectors and the line model are measured beside.
const RIVALS: Python = Python { pins: "tests/score/requirements.txt", folder: ".peers/score" };

/// Installs what is not there yet.
///
/// # Errors
/// If something cannot be installed.
pub(crate) fn install() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    // The broker lies in a folder that not every user's PATH has.
    if !on_path("mosquitto") && !Path::new("/usr/sbin/mosquitto").exists() {
        missing.push("mosquitto");
    }
    if !(on_path("mosquitto_pub") && on_path("mosquitto_sub")) {
        missing.push("mosquitto-clients");
    }
    if !works("python3", &["-c", "import ensurepip, venv"]) {
        missing.extend(["python3", "python3-venv"]);
    }
    if !works("python3", &["-c", "import ctypes; ctypes.CDLL('libmodbus.so.5')"]) {
        missing.push("libmodbus5");
    }
    if !on_path("influxd") {
        missing.push("influxdb");
    }
    missing.extend(["chromium", "faketime", "npm", "socat"].into_iter().filter(|program| !on_path(program)));
    if !on_path("node") {
        missing.push("nodejs");
    }
    install_packages(&missing)?;
    PEERS.install()?;
    install_browser_driver()
}

/// Installs what drives a browser over the page, as `tests/peers/browser/package.json` pins it, unless exactly that is there.
fn install_browser_driver() -> anyhow::Result<()> {
    let (pins, folder) = ("tests/peers/browser/package.json", ".peers/browser");
    let (pins_file, stamp) = (root().join(pins), root().join(folder).join("installed.json"));
    let wanted = fs::read_to_string(&pins_file).with_context(|| format!("cannot read {pins}"))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::create_dir_all(root().join(folder)).with_context(|| format!("cannot make {folder}"))?;
    fs::write(root().join(folder).join("package.json"), &wanted)
        .with_context(|| format!("cannot write to {folder}"))?;
    // The browser is the system's own: none is downloaded.
    Step::new(format!("install {pins}"), "npm")
        .args(["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"])
        .run()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Installs what the detectors and the line model are measured beside, and returns the Python that has it.
///
/// # Errors
/// If it cannot be installed.
pub(crate) fn rivals() -> anyhow::Result<PathBuf> {
    RIVALS.install()?;
    Ok(root().join(RIVALS.folder).join("bin/python"))
}

/// Installs Debian packages. A service that one of them starts is left alone: the tests start a broker of their own.
fn install_packages(packages: &[&str]) -> anyhow::Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let all = packages.join(" ");
    ensure!(
        works("apt-get", &["--version"]),
        "{all}: not installed, and there is no apt-get here; install them in this system's own way"
    );
    ensure!(is_root(), "{all}: not installed, and only root may; run `apt-get install {all}` as root, then this again");
    Step::new("update the package lists", "apt-get").args(["update", "-qq"]).run()?;
    Step::new(format!("install {all}"), "apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

impl Python {
    /// Installs the packages as pinned, unless exactly these are there.
    fn install(&self) -> anyhow::Result<()> {
        let Self { pins, folder } = self;
        let (pins_file, stamp) = (root().join(pins), root().join(folder).join("installed.txt"));
        let wanted = fs::read_to_string(&pins_file).with_context(|| format!("cannot read {pins}"))?;
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        Step::new("make a Python environment", "python3").args(["-m", "venv", "--clear", folder]).run()?;
        Step::new(format!("install {pins}"), root().join(folder).join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--requirement", pins])
            .run()?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn works(program: &str, arguments: &[&str]) -> bool {
    let quietly = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quietly.is_ok_and(|status| status.success())
}
