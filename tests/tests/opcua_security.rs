//! OPC UA security against asyncua: every policy, every way to log in, and who is not believed.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Instant;

use contract::LinkStateName::{Down, Up};
use contract::{QualityName, ValueV1};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::net::free_port;
use e2e::peers::OpcuaServer;
use e2e::proxy::{Fault, Proxy};
use e2e::site::{self, Site};
use e2e::wait::wait_for;
use tempfile::TempDir;

const ROWS: &str = "weld-20/active,cycle.active,pack,nsu=urn:linetwin:e2e;s=Active,bool,,,,,,,\n\
                    weld-20/torque,other,pack,nsu=urn:linetwin:e2e;s=Torque,f64,,N·m,,,,,\n";

/// A secured server, and a twin that is to talk to it.
struct Scene {
    folder: TempDir,
    port: u16,
    server: OpcuaServer,
}

impl Scene {
    fn new(security: &str, valid_days: f64) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        std::fs::create_dir(folder.path().join("server")).unwrap();
        let mut server = OpcuaServer::start_secured(port, security, &folder.path().join("server"), valid_days);
        server.add("Active", "Boolean", false);
        server.add("Torque", "Double", 50.0);
        Self { folder, port, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pki(&self) -> String {
        self.path("pki").display().to_string()
    }

    /// `linetwin trust`, which must succeed; what it prints.
    #[track_caller]
    fn trust(&self, arguments: &[&str]) -> String {
        let ended = run_linetwin(["trust", "--pki", &self.pki()].iter().chain(arguments));
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        ended.output
    }

    #[track_caller]
    fn trust_server(&self) {
        self.trust(&["add", self.path("server/server.der").to_str().unwrap()]);
    }

    fn site(&self, keys: &str) -> Site {
        let link = format!(
            "[[link]]\nprotocol = \"opcua\"\nname = \"pack\"\nurl = \"opc.tcp://127.0.0.1:{}\"\npki = {:?}\n\
             publishing_interval_s = 0.05\nsampling_interval_s = 0.0\n{keys}\n",
            self.port,
            self.pki(),
        );
        Site::new(&(link + &site::station("weld-20", "spot-weld", &[])), ROWS)
    }
}

#[track_caller]
fn check_torque(daemon: &Daemon, torque: f64) {
    daemon.wait_for_signal("weld-20/torque", &format!("good, {torque}"), |signal| {
        signal.quality == Some(QualityName::Good) && signal.value == Some(ValueV1::Number(torque))
    });
}

/// Values come over that endpoint, for that user.
#[track_caller]
fn check_endpoint(security: &str, keys: impl Fn(&Scene) -> String) {
    let mut scene = Scene::new(security, 3650.0);
    scene.trust_server();
    let site = scene.site(&keys(&scene));
    let daemon = site.start();
    check_torque(&daemon, 50.0);
    scene.server.set("Torque", 51.0);
    check_torque(&daemon, 51.0);
    daemon.stop();
}

fn nothing_said(_: &Scene) -> String {
    String::new()
}

#[test]
fn basic_256_sha_256_is_spoken() {
    check_endpoint("Basic256Sha256_SignAndEncrypt", nothing_said);
}

#[test]
fn aes_128_sha_256_rsa_oaep_is_spoken() {
    check_endpoint("Aes128Sha256RsaOaep_SignAndEncrypt", nothing_said);
}

#[test]
fn aes_256_sha_256_rsa_pss_is_spoken() {
    check_endpoint("Aes256Sha256RsaPss_SignAndEncrypt", nothing_said);
}

#[test]
fn messages_may_be_signed_only() {
    check_endpoint("Basic256Sha256_Sign", |_| "security = { policy = \"Basic256Sha256\", mode = \"sign\" }".into());
}

#[test]
fn a_user_logs_in_with_a_password_from_a_file() {
    check_endpoint("Basic256Sha256_SignAndEncrypt", |scene| {
        let file = scene.path("password");
        std::fs::write(&file, "secret\n").unwrap();
        format!("username = \"twin\"\npassword_file = {file:?}")
    });
}

#[test]
fn a_user_logs_in_with_a_certificate() {
    check_endpoint("Aes256Sha256RsaPss_SignAndEncrypt", |scene| {
        let (certificate, key) = (scene.path("server/twin.der"), scene.path("server/twin.pem"));
        format!("user_certificate = {certificate:?}\nuser_key = {key:?}")
    });
}

#[test]
fn a_wrong_password_is_told_as_such() {
    let scene = Scene::new("Basic256Sha256_SignAndEncrypt", 3650.0);
    scene.trust_server();
    let site = scene.site("username = \"twin\"\npassword = \"wrong\"");
    let daemon = site.start();
    daemon.wait_for_link("pack", Down, "check the user of this link");
}

#[test]
fn a_server_that_nobody_trusts_is_refused_with_the_command_that_trusts_it_and_stays_trusted() {
    let scene = Scene::new("Basic256Sha256_SignAndEncrypt", 3650.0);
    let site = scene.site("");
    let daemon = site.start();
    daemon.wait_for_link("pack", Down, &format!("run `linetwin trust --pki {} add ", scene.pki()));
    let rejected = scene.trust(&["list"]);
    let thumbprint = rejected.split_whitespace().nth(1).unwrap();
    assert!(rejected.starts_with("rejected") && rejected.contains("CN=server"), "{rejected}");
    let reason = daemon.state().links[0].reason.clone().unwrap();
    assert!(reason.contains(thumbprint), "{reason}");

    // No restart: the running daemon sees it at its next attempt.
    scene.trust(&["add", &thumbprint[..12]]);
    daemon.wait_for_link("pack", Up, "");
    check_torque(&daemon, 50.0);
    daemon.stop();

    let own = scene.trust(&["own"]);
    site.start().wait_for_link("pack", Up, "");
    assert_eq!(scene.trust(&["own"]), own, "the own certificate is never made again");

    scene.trust(&["reject", thumbprint]);
    site.start().wait_for_link("pack", Down, "is not trusted");
}

#[test]
fn an_expired_certificate_is_refused_although_it_is_trusted() {
    let scene = Scene::new("Basic256Sha256_SignAndEncrypt", -1.0);
    scene.trust_server();
    let site = scene.site("");
    let daemon = site.start();
    daemon.wait_for_link("pack", Down, "the server's certificate has expired at");
}

/// What is under way goes on; the next connection is refused.
#[test]
fn a_certificate_that_expires_while_connected_ends_no_connection_but_allows_no_other() {
    const VALID_S: f64 = 20.0;
    let begun = Instant::now();
    let mut scene = Scene::new("Basic256Sha256_SignAndEncrypt", VALID_S / 86_400.0);
    scene.trust_server();
    let proxy = Proxy::start(scene.port, 7);
    scene.port = proxy.port();
    let site = scene.site("");
    let daemon = site.start();
    check_torque(&daemon, 50.0);
    // Made after the time was taken, so it is over by then.
    wait_for("the certificate's end", || (begun.elapsed().as_secs_f64() > VALID_S + 10.0).then_some(()));
    scene.server.set("Torque", 60.0);
    check_torque(&daemon, 60.0);
    proxy.set(Fault::Reset);
    scene.server.set("Torque", 70.0);
    daemon.wait_for_link("pack", Down, "");
    proxy.set(Fault::None);
    daemon.wait_for_link("pack", Down, "the server's certificate has expired at");
}

#[test]
fn a_server_without_security_is_refused_unless_the_configuration_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = OpcuaServer::start(free_port());
    server.add("Active", "Boolean", false);
    server.add("Torque", "Double", 50.0);
    let port = server.port();
    let scene = Scene { folder, port, server };
    let daemon = scene.site("").start();
    daemon.wait_for_link("pack", Down, "it offers none for Anonymous");
    drop(daemon);
    let daemon = scene.site("security = \"none\"").start();
    check_torque(&daemon, 50.0);
    daemon.stop();
    assert!(!scene.path("pki").exists(), "no certificate is made where none is needed");
}

#[test]
fn a_certificate_can_be_fetched_before_anything_runs() {
    let scene = Scene::new("Basic256Sha256_SignAndEncrypt", 3650.0);
    let fetched = scene.trust(&["fetch", &format!("opc.tcp://127.0.0.1:{}", scene.port)]);
    assert!(fetched.starts_with("fetched") && fetched.contains("CN=server"), "{fetched}");
    scene.trust(&["add", fetched.split_whitespace().nth(1).unwrap()]);
    let site = scene.site("");
    site.start().wait_for_link("pack", Up, "");
}
