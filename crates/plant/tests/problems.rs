//! Every mistake gets a message that says where, what, what was expected, and what was meant.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{LINETWIN, PLANT, TAGS, files};
use plant::{Files, Overrides, load};

/// Loads the small plant with one text in its files replaced by another, and compares the problems found.
#[track_caller]
fn check(instead_of: &str, mistake: &str, expected: &str) {
    let found: usize = files().iter().map(|(_, text)| text.matches(instead_of).count()).sum();
    assert_eq!(found, 1, "{instead_of:?} is to be in the files once");
    let files = Files::from_pairs(files().iter().map(|(name, text)| (name, text.replace(instead_of, mistake))));
    check_files(&files, &Overrides::default(), expected);
}

#[track_caller]
fn check_files(files: &Files, overrides: &Overrides, expected: &str) {
    let found = load(files, overrides).map_or_else(|problems| problems.to_string(), |_| String::new());
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}

#[track_caller]
fn check_set(setting: &str, expected: &str) {
    check_files(&files(), &Overrides { set: vec![setting.to_owned()], ..Overrides::default() }, expected);
}

#[test]
fn syntax_errors_have_a_line() {
    check(r#"line = "b1""#, r#"line = "b1"#, r#"plant.toml:4: not TOML: invalid basic string, expected `"`"#);
    check(
        r#"line = "b1""#,
        r#"line = "b1"
line = "b2""#,
        "plant.toml:5: not TOML: duplicate key",
    );
    check(
        r#"node = "edge-1""#,
        "node = edge",
        "linetwin.toml:1: not TOML: string values must be quoted, expected literal string",
    );
    check(
        r#"name = "suv"
code = 1"#,
        r#"name = suv
code = ]"#,
        r#"plant.toml:7: not TOML: string values must be quoted, expected literal string
plant.toml:8: not TOML: missing array opening, expected `[`"#,
    );
}

#[test]
fn keys_and_values() {
    check(
        "port = 8090",
        "prot = 8090",
        r#"linetwin.toml:4: http.prot: "prot" is not a key here; expected one of anonymous, audit, host, idle_min, port, session_h, tls, tls_proxy, users; did you mean "port"?"#,
    );
    check(
        "port = 8090",
        r#"port = "eighty""#,
        r#"linetwin.toml:4: http.port: "eighty" is a text; expected a whole number from 0 to 65535"#,
    );
    check(
        "port = 8090",
        "port = 70000",
        "linetwin.toml:4: http.port: 70000 is too large; expected a whole number from 0 to 65535",
    );
    check(
        "port = 8090",
        "port = 8090.5",
        "linetwin.toml:4: http.port: 8090.5 is a number; expected a whole number from 0 to 65535",
    );
    check(
        "port = 8090",
        "port = -1",
        "linetwin.toml:4: http.port: -1 is too small; expected a whole number from 0 to 65535",
    );
    check(
        "port = 8090",
        r#"port = 8090
anonymous = "viewer""#,
        "linetwin.toml:5: http.anonymous: says nothing without users: everybody may read; expected users with it, or neither",
    );
    check(
        "port = 8090",
        r#"users = "users.toml"
anonymous = "everybody""#,
        r#"linetwin.toml:5: http.anonymous: "everybody" is not a role; expected one of none, viewer"#,
    );
    check(
        "port = 8090",
        r#"users = "users.toml"
tls = { certificate = "cert.pem" }"#,
        "linetwin.toml:3: http.tls.key: is missing; expected a text that is not empty",
    );
    check(
        "port = 8090",
        r#"users = "users.toml"
host = "0.0.0.0""#,
        r#"linetwin.toml:4: http.users: lets people log in over the network in the clear: host is "0.0.0.0"; expected tls = { certificate, key }, tls_proxy = true behind a proxy that speaks TLS, or host 127.0.0.1"#,
    );
    check(
        r#"node = "edge-1""#,
        r#"node = "edge 1""#,
        r#"linetwin.toml:1: node: "edge 1" does not fit; expected a name of letters a to z, digits, `-`, `_` and `.`"#,
    );
    check(
        r#"site = "north"
"#,
        "",
        "plant.toml: site: is missing; expected a name of letters a to z, digits, `-`, `_` and `.`",
    );
    check(
        r#"site = "north""#,
        "site = 3",
        "plant.toml:2: site: 3 is a number; expected a name of letters a to z, digits, `-`, `_` and `.`",
    );
    check(
        r#"line = "b1""#,
        r#"line = "b1"

[detection]
warm_up_cycles = 5"#,
        "plant.toml:7: detection.warm_up_cycles: 5 is too small; expected a whole number from 10 to 100000",
    );
    check(
        r#"line = "b1""#,
        r#"line = "b1"

[http]
host = "x""#,
        "plant.toml:6: http: is already in linetwin.toml:3; expected it in one of the two files",
    );
    check("[[limit]]", "[limit]", "plant.toml:35: limit: what stands here is a table; expected 0 to 1000 tables");
    check(
        "port = 8090",
        r#"port = 8090

[recording]
folder = 3"#,
        "linetwin.toml:7: recording.folder: 3 is a number; expected a text that is not empty",
    );
    check(
        "port = 8090",
        r#"port = 8090

[queue]
capacity = 0"#,
        "linetwin.toml:7: queue.capacity: 0 is too small; expected a whole number from 1 to 1000000",
    );
    check(
        r#"line = "b1""#,
        r#""line/x" = "b1""#,
        r#"plant.toml: line: is missing; expected a name of letters a to z, digits, `-`, `_` and `.`
plant.toml:4: "line/x" is not a key here; expected letters, digits, `-` and `_`"#,
    );
    check(
        "[http]",
        "[htpp]",
        r#"linetwin.toml:3: htpp: "htpp" is not a key here; expected one of 22, such as http, historian, enterprise, recipe, station; did you mean "http"?"#,
    );
}

#[test]
fn variants() {
    check(
        "code = 1",
        r#"code = 1

[[variant]]
name = "van"
code = 1"#,
        r#"plant.toml:12: variant[1].code: 1 is already the code of "suv"; expected a code of its own"#,
    );
    check(
        r#"name = "suv""#,
        r#"name = "a variant whose name is rather long""#,
        r#"plant.toml:7: variant[0].name: "a variant whose name is rather long" is too long; expected at most 30 bytes: no signal gives more
plant.toml:37: limit[0].variant: "suv" is not a variant of this plant; expected a variant whose name is rather long"#,
    );
    check(
        "code = 1",
        "code = 100000000000000000000",
        "plant.toml:8: variant[0].code: 1e+20 is too large; expected a whole number from -9007199254740991 to 9007199254740991",
    );
    check(
        r#"[[variant]]
name = "suv"
code = 1"#,
        "",
        r#"plant.toml: variant: is missing; expected 1 to 1000 tables
plant.toml:35: limit[0].variant: "suv" is not a variant of this plant; expected a name that exists, and there are none"#,
    );
}

#[test]
fn links_that_are_posted_to_and_the_historian() {
    let link = "protocol = \"http\"\nport = 8090\n";
    let at = |line: &str| format!("[[link]]\nname = \"mes\"\n{link}{line}\n");
    let files = |plant: &str, daemon: &str| {
        let more = |name: &str, text: &str| match name {
            "plant.toml" => format!("{text}\n{plant}"),
            "linetwin.toml" => format!("{text}\n{daemon}"),
            _ => text.to_owned(),
        };
        Files::from_pairs(files().iter().map(|(name, text)| (name, more(name, text))))
    };
    let found = |plant: &str, daemon: &str| load(&files(plant, daemon), &Overrides::default()).unwrap_err().to_string();
    let told = found(&at("host = \"0.0.0.0\""), "");
    assert!(told.contains("link[2].token: is not set; expected token_file, or the environment"), "{told}");
    assert!(told.contains("link[2].host: lets the token cross the network in the clear"), "{told}");
    let told = found(&(at("token = \"a\"") + &at("token = \"b\"").replace("mes", "mos")), "");
    assert!(told.contains("link[3].port: is the same as that of link \"mes\""), "{told}");
    let told = found("", "[historian]\nenabled = true\nurl = \"influx\"\n");
    for words in
        ["historian.org: is not set", "historian.bucket: is not set", "historian.token: is not set", "historian.url"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn modbus_links() {
    const HOST: &str = r#"host = "plc-1""#;
    check(
        HOST,
        r#"transport = "rtu""#,
        "plant.toml:10: link[0].serial: is missing; expected a table with the line's device",
    );
    check(
        HOST,
        r#"host = "plc-1"
transport = "tls""#,
        "plant.toml:10: link[0].tls: is missing; expected a table with a ca",
    );
    check(
        HOST,
        r#"host = "plc-1"
transport = "udp""#,
        r#"plant.toml:14: link[0].transport: "udp" is not a transport; expected one of tcp, tls, rtu-over-tcp, rtu"#,
    );
    check(
        HOST,
        r#"host = "plc-1"
serial = { device = "/dev/ttyS0", parity = "evn" }"#,
        r#"plant.toml:14: link[0].serial.parity: "evn" is not a parity; expected one of none, even, odd; did you mean "even"?"#,
    );
    check(
        HOST,
        r#"host = "plc-1"
serial = { device = "/dev/ttyS0" }"#,
        r#"plant.toml:14: link[0].serial: is set, but the link's transport is not rtu; expected transport = "rtu", or nothing"#,
    );
    check(
        HOST,
        r#"host = "plc-1"
transport = "tls"
tls = { ca = "ca.pem", key = "key.pem" }"#,
        "plant.toml:15: link[0].tls: has one of certificate and key; expected both, or neither",
    );
    check(
        HOST,
        r#"host = "plc-1"
poll = [{ name = "slow", interval_s = 60.0 }, { name = "slow", interval_s = 0.0 }]"#,
        r#"plant.toml:14: link[0].poll[1].interval_s: 0 is too small; expected a number from 0.01 to 86400
plant.toml:14: link[0].poll[1].name: "slow" is already the name of a group; expected a name of its own"#,
    );
    check(
        HOST,
        r#"host = "plc-1"

[[link]]
protocol = "modbus"
name = "plc-unit-2"
unit = 2
host = "plc-1"
pause_after_connect_s = 1.0"#,
        r#"plant.toml:15: link[1]: no signal comes over the link "plc-unit-2"; expected at least one row in a list in tags/ with this link
plant.toml:15: link[1]: shares its connection with link "plc", but not all of its settings; expected the same transport, serial, tls, pause_after_connect_s and pause_between_requests_s"#,
    );
}

#[test]
fn poll_groups_of_tags() {
    let tags = TAGS.1.replacen("description\n", "description,poll\n", 1);
    let with = |line: usize, poll: &str| {
        let lines = tags.lines().enumerate();
        let row = |(at, text): (usize, &str)| match at {
            0 => format!("{text}\n"),
            _ if at + 1 == line => format!("{text},{poll}\n"),
            _ => format!("{text},\n"),
        };
        let plant =
            PLANT.1.replace(r#"host = "plc-1""#, "host = \"plc-1\"\npoll = [{ name = \"slow\", interval_s = 60.0 }]");
        Files::from_pairs([LINETWIN, ("plant.toml", &plant), (TAGS.0, &lines.map(row).collect::<String>())])
    };
    check_files(&with(3, "slow"), &Overrides::default(), "");
    check_files(
        &with(3, "slwo"),
        &Overrides::default(),
        r#"tags/all.csv:3: poll: "slwo" is not a poll group of link "plc"; expected slow; did you mean "slow"?"#,
    );
}

#[test]
fn links() {
    check(
        r#"host = "plc-1""#,
        r#"hots = "plc-1""#,
        r#"plant.toml:10: link[0].host: is missing; expected a text that is not empty
plant.toml:13: link[0].hots: "hots" is not a key here; expected one of 18, such as host, timeout_s, max_bits, poll, port; did you mean "host"?"#,
    );
    check(
        r#"host = "plc-1""#,
        r#"host = """#,
        "plant.toml:13: link[0].host: is empty; expected a text that is not empty",
    );
    check(
        r#"protocol = "modbus""#,
        r#"protocol = "modbsu""#,
        r#"plant.toml:11: link[0].protocol: "modbsu" is not a protocol; expected one of modbus, opcua, mqtt, csv, http, open-protocol, simulated; did you mean "modbus"?"#,
    );
    check(
        r#"protocol = "modbus"
"#,
        "",
        "plant.toml:10: link[0].protocol: is missing; expected one of modbus, opcua, mqtt, csv, http, open-protocol, simulated",
    );
    check(
        r#"host = "plc-1""#,
        r#"host = "plc-1"
max_registers = 126"#,
        "plant.toml:14: link[0].max_registers: 126 is too large; expected a whole number from 1 to 125",
    );
    check(
        r#"host = "plc-1""#,
        r#"host = "plc-1"
poll_interval_s = 0"#,
        "plant.toml:14: link[0].poll_interval_s: 0 is too small; expected a number from 0.01 to 3600",
    );
    check(
        r#"host = "plc-1""#,
        r#"host = "plc-1"
poll_interval_s = nan"#,
        "plant.toml:14: link[0].poll_interval_s: has no usable value; expected a number from 0.01 to 3600",
    );
    check(
        r#"protocol = "mqtt"
name = "broker"
host = "mq-1""#,
        r#"protocol = "opcua"
name = "broker"
url = "http://x""#,
        r#"plant.toml:18: link[1].url: "http://x" does not fit; expected a URL such as opc.tcp://plc-7:4840"#,
    );
    let opcua = |keys: &str, problem: &str| {
        let link = format!("protocol = \"opcua\"\nname = \"broker\"\nurl = \"opc.tcp://x\"\n{keys}");
        check("protocol = \"mqtt\"\nname = \"broker\"\nhost = \"mq-1\"", &link, problem);
    };
    opcua(
        r#"security = "nome""#,
        r#"plant.toml:19: link[1].security: "nome" is not a security; expected one of auto, none; did you mean "none"?"#,
    );
    opcua(
        r#"security = { policy = "Basic256Sha256" }"#,
        "plant.toml:19: link[1].security.mode: is missing; expected one of sign-and-encrypt, sign",
    );
    opcua(
        "security = 3",
        "plant.toml:19: link[1].security: 3 is a number; expected a word, auto or none, or a table { policy, mode }",
    );
    opcua(
        r#"password_file = "secret""#,
        "plant.toml:19: link[1].password_file: needs a username, and no password beside it; expected username with one of \
         password and password_file",
    );
    opcua(
        r#"user_key = "user.pem""#,
        "plant.toml:15: link[1].user_certificate: goes with user_key; expected both, or neither",
    );
    check(
        r#"host = "mq-1""#,
        r#"host = "mq-1"
time_pointer = "ts""#,
        r#"plant.toml:19: link[1].time_pointer: "ts" does not fit; expected a JSON pointer such as /ts"#,
    );
    check(
        r#"host = "mq-1""#,
        r#"host = "mq-1"
password = "secret""#,
        "plant.toml:19: link[1].password: has no username; expected a username with it, or neither",
    );
    check(
        r#"host = "mq-1""#,
        r#"host = "mq-1"
password = 1234"#,
        "plant.toml:19: link[1].password: what stands here is a number; expected a text",
    );
    check(
        r#"host = "mq-1""#,
        r#"host = "mq-1"

[[link]]
protocol = "mqtt"
name = "other"
host = "mq-1"
client_id = "linetwin-b1-broker""#,
        r#"plant.toml:20: link[2]: no signal comes over the link "other"; expected at least one row in a list in tags/ with this link
plant.toml:24: link[2].client_id: is the same as that of link "broker"; the broker would let only one of them stay; expected a client_id of its own for each link to one broker"#,
    );
    check(
        r#"name = "broker""#,
        r#"name = "plc""#,
        r#"plant.toml:17: link[1].name: "plc" is already the name of link[0], plant.toml:10; expected a name of its own
tags/all.csv:6: link: "broker" is not a link of this plant; expected plc
tags/all.csv:7: link: "broker" is not a link of this plant; expected plc"#,
    );
}

#[test]
fn stations() {
    check(
        r#"kind = "spot-weld""#,
        r#"kind = "spot-wled""#,
        r#"plant.toml:22: station[0].kind: "spot-wled" is not a station kind; expected one of spot-weld, laser-weld, pack-assembly, cooling-loop, robot, buffer; did you mean "spot-weld"?"#,
    );
    check(
        r#"name = "store-2""#,
        r#"name = "weld-1""#,
        r#"plant.toml:26: station[1]: the buffer "weld-1" has no signal in the role buffer.level; expected a row for it in a list in tags/
plant.toml:27: station[1].name: "weld-1" is already the name of station[0], plant.toml:20; expected a name of its own
tags/all.csv:5: signal: "store-2" is not a station of this plant; expected one of weld-1, loop-1"#,
    );
    check(
        r#"upstream = ["weld-1"]"#,
        r#"upstream = ["weld-l"]"#,
        r#"plant.toml:29: station[1].upstream[0]: "weld-l" is not a station of this plant; expected one of weld-1, store-2, loop-1; did you mean "weld-1"?"#,
    );
    check(
        r#"upstream = ["weld-1"]"#,
        r#"upstream = "weld-1""#,
        r#"plant.toml:29: station[1].upstream: "weld-1" is a text; expected a list of texts"#,
    );
    check(
        r#"upstream = ["weld-1"]"#,
        r#"upstream = ["weld-1", "weld-1"]"#,
        r#"plant.toml:29: station[1].upstream[1]: "weld-1" is in the list already; expected each station once"#,
    );
    check(
        r#"upstream = ["weld-1"]"#,
        r#"upstream = ["store-2"]"#,
        "plant.toml:29: station[1].upstream: parts go round in a circle: store-2 -> store-2; expected a line with a beginning",
    );
    check(
        r#"upstream = ["weld-1"]"#,
        r#"upstream = ["loop-1"]"#,
        r#"plant.toml:29: station[1].upstream[0]: "loop-1" is a cooling loop, which no parts come from; expected it in utilities"#,
    );
    check(
        "kind = \"cooling-loop\"",
        "kind = \"cooling-loop\"\nutilities = [\"loop-1\"]",
        "plant.toml:34: station[2].utilities[0]: is the station itself; expected another station",
    );
    check(
        r#"utilities = ["loop-1"]"#,
        r#"utilities = ["store-2"]"#,
        r#"plant.toml:23: station[0].utilities[0]: "store-2" is not a cooling loop; expected a station of kind cooling-loop"#,
    );
    check(
        r#"kind = "cooling-loop""#,
        r#"kind = "cooling-loop"
upstream = ["weld-1"]"#,
        "plant.toml:34: station[2].upstream: is set for a cooling loop, which no parts pass; expected no upstream here",
    );
    check(
        r#"ideal_cycle_s = 40.0
"#,
        "",
        "plant.toml:20: station[0].ideal_cycle_s: is missing; expected the designed cycle time of this spot-weld, seconds",
    );
    check(
        r#"kind = "buffer""#,
        r#"kind = "buffer"
ideal_cycle_s = 3"#,
        "plant.toml:29: station[1].ideal_cycle_s: is set for a buffer, which has no cycles; expected no such key here",
    );
    check(
        "cycle.active",
        "",
        r#"plant.toml:20: station[0]: the spot-weld "weld-1" has no signal in the role cycle.active; expected a row for it in a list in tags/"#,
    );
    check(
        r#"store-2/level,buffer.level,plc,input:0,u16,,,,,,,Parts
"#,
        "",
        r#"plant.toml:26: station[1]: the buffer "store-2" has no signal in the role buffer.level; expected a row for it in a list in tags/"#,
    );
    check(
        r#"name = "loop-1""#,
        r#"name = "loop-1"
colour = "blue""#,
        r#"plant.toml:33: station[2].colour: "colour" is not a key here; expected one of capacity, cycle_scatter, ideal_cycle_s, kind, mtbf_min, mttr_min, name, scrap_share, transfer_s, upstream, utilities, variant_cycle_s"#,
    );
    check(
        r#"[[station]]
name = "loop-1""#,
        r#"[[staton]]
name = "loop-1""#,
        r#"plant.toml:23: station[0].utilities[0]: "loop-1" is not a station of this plant; expected one of weld-1, store-2
plant.toml:31: staton: "staton" is not a key here; expected one of 22, such as station, detection, historian, http, site; did you mean "station"?
tags/all.csv:6: signal: "loop-1" is not a station of this plant; expected one of weld-1, store-2
tags/all.csv:7: signal: "loop-1" is not a station of this plant; expected one of weld-1, store-2"#,
    );
    check(
        r#"utilities = ["loop-1"]"#,
        r#"utilities = ["loop-1", 3]"#,
        "plant.toml:23: station[0].utilities[1]: 3 is a number; expected a text",
    );
}

#[test]
fn limits() {
    check(
        r#"signal = "weld-1/current""#,
        r#"signal = "weld-1/curent""#,
        r#"plant.toml:36: limit[0].signal: "weld-1/curent" is not a signal of this plant; expected one of loop-1/flow, loop-1/lamp, store-2/level, weld-1/active, weld-1/current, weld-1/energy; did you mean "weld-1/current"?"#,
    );
    check(
        r#"variant = "suv""#,
        r#"variant = "sedan""#,
        r#"plant.toml:37: limit[0].variant: "sedan" is not a variant of this plant; expected suv"#,
    );
    check(
        "low = 8.0",
        "low = 12.0",
        "plant.toml:38: limit[0].low: 12 is not below high, 12; expected the lowest allowed value",
    );
    check(
        r#"low = 8.0
high = 12.0"#,
        "",
        "plant.toml:35: limit[0]: limits nothing; expected low, high or both",
    );
    check(
        "high = 12.0",
        r#"high = 12.0

[[limit]]
signal = "weld-1/current"
variant = "suv"
low = 1"#,
        "plant.toml:41: limit[1]: limits the same as limit[0], plant.toml:35; expected one limit for each signal and variant",
    );
    check(
        r#"signal = "weld-1/current""#,
        r#"signal = "weld-1/active""#,
        r#"plant.toml:36: limit[0].signal: "weld-1/active" is of type bool, which has no limits; expected a signal with a number"#,
    );
    check(
        r#"variant = "suv"
low = 8.0"#,
        r#"variant = "suv"
low = "8""#,
        r#"plant.toml:38: limit[0].low: "8" is a text; expected a number"#,
    );
}

#[test]
fn redundant_signals() {
    let check = |signals: &str, expected: &str| {
        let group = format!("[[redundant]]\nsignals = {signals}\n\n[[limit]]");
        self::check("[[limit]]", &group, expected);
    };
    check(
        r#"["weld-1/current", "weld-1/energy"]"#,
        r#"plant.toml:36: redundant[0].signals[1]: "weld-1/energy" is in "J", but "weld-1/current" is in "kA"; expected signals in one unit; use scale and offset"#,
    );
    check(
        r#"["weld-1/current", "weld-1/curent"]"#,
        r#"plant.toml:36: redundant[0].signals[1]: "weld-1/curent" is not a signal of this plant; expected one of loop-1/flow, loop-1/lamp, store-2/level, weld-1/active, weld-1/current, weld-1/energy; did you mean "weld-1/current"?"#,
    );
    check(
        r#"["weld-1/current", "loop-1/flow"]"#,
        r#"plant.toml:36: redundant[0].signals[1]: "loop-1/flow" is at another station than "weld-1/current"; expected signals of one station: they are compared cycle by cycle"#,
    );
    check(
        r#"["loop-1/flow", "loop-1/lamp"]"#,
        r#"plant.toml:36: redundant[0].signals[1]: "loop-1/lamp" is no measurement; expected a signal with a number that a sensor of the station measures"#,
    );
    check(
        r#"["store-2/level", "store-2/level"]"#,
        r#"plant.toml:36: redundant[0].signals[0]: "store-2/level" is no measurement; expected a signal with a number that a sensor of the station measures
plant.toml:36: redundant[0].signals[1]: "store-2/level" is already in redundant[0].signals[0], plant.toml:36; expected each signal once"#,
    );
    check(
        r#"["loop-1/flow"]"#,
        "plant.toml:36: redundant[0].signals: has too few entries; expected a list of 2 to 8 texts",
    );
    check(
        r#""loop-1/flow""#,
        r#"plant.toml:36: redundant[0].signals: "loop-1/flow" is a text; expected a list of 2 to 8 texts"#,
    );
    check(r#"[3, "loop-1/flow"]"#, "plant.toml:36: redundant[0].signals[0]: 3 is a number; expected a text");
}

#[test]
fn tag_lists() {
    check(
        "scale,offset,",
        "offset,",
        "tags/all.csv:1: the header has no column scale; expected signal,role,link,address,type,order,unit,scale,offset,low,high,description",
    );
    check(
        "signal,role,link,address,type,order,unit,scale,offset,low,high,description",
        "signal;role;link;address;type;order;unit;scale;offset;low;high;description",
        "tags/all.csv:1: the header has no column signal, role, link, address, type, order, unit, scale, offset, low, high, description; expected signal,role,link,address,type,order,unit,scale,offset,low,high,description",
    );
    check(
        r#""Current, RMS""#,
        "Current, RMS",
        "tags/all.csv:3: the row has 13 fields; expected 12, as in the header; put a text with a comma in double quotes",
    );
    check(
        "store-2/level",
        "stroe-2/level",
        r#"plant.toml:26: station[1]: the buffer "store-2" has no signal in the role buffer.level; expected a row for it in a list in tags/
tags/all.csv:5: signal: "stroe-2" is not a station of this plant; expected one of weld-1, store-2, loop-1; did you mean "store-2"?"#,
    );
    check(
        "store-2/level",
        "level",
        r#"plant.toml:26: station[1]: the buffer "store-2" has no signal in the role buffer.level; expected a row for it in a list in tags/
tags/all.csv:5: signal: "level" is not a signal path; expected station/name, each a name of letters a to z, digits, `-`, `_` and `.`"#,
    );
    check(
        "weld-1/energy",
        "weld-1/current",
        r#"tags/all.csv:4: signal: "weld-1/current" is already in tags/all.csv:3; expected each signal once"#,
    );
    check(
        ",weld.energy",
        ",weld.current",
        "tags/all.csv:4: role: weld.current of weld-1 is already weld-1/current; expected each role once at a station",
    );
    check(
        ",weld.energy",
        ",alarm.message",
        r#"tags/all.csv:4: signal: "weld-1/energy" says more of an alarm that is not there; expected the name of a signal in the role alarm with .message behind, for the role alarm.message"#,
    );
    check(
        ",weld.energy",
        ",weld.enrgy",
        r#"tags/all.csv:4: role: "weld.enrgy" is not a role; expected one of 79, such as weld.energy, weld.force, weld.current, weld.current_trace, weld.peak_time; did you mean "weld.energy"?"#,
    );
    check(
        ",f32",
        ",float",
        r#"tags/all.csv:4: type: "float" is not a data type; expected one of bool, u8, i8, u16, i16, u32, i32, u64, i64, f32, f64, text"#,
    );
    check(
        ",cdab",
        ",abdc",
        r#"tags/all.csv:4: order: "abdc" is not a word order; expected one of abcd, cdab, badc, dcba; did you mean "abcd"?"#,
    );
    check(
        "b1/loop-1#/flow,f64,",
        "b1/loop-1#/flow,f64,abcd",
        r#"tags/all.csv:6: order: is set, but link "broker" is neither Modbus nor MQTT with binary payloads; expected nothing: this protocol fixes the order"#,
    );
    check(
        "store-2/level,buffer.level,plc",
        "store-2/level,buffer.level,plx",
        r#"tags/all.csv:5: link: "plx" is not a link of this plant; expected one of plc, broker; did you mean "plc"?"#,
    );
    check(
        "0.01,,0,20",
        r#""0,01",,0,20"#,
        r#"tags/all.csv:3: scale: "0,01" is not a number; expected a number such as -0.5, or nothing"#,
    );
    check(
        "0.01,,0,20",
        "0,,0,20",
        "tags/all.csv:3: scale: 0 would make every value the same; expected a number that is not 0, or nothing for 1",
    );
    check(
        "0.01,,0,20",
        "0.01,,20,0",
        "tags/all.csv:3: low: 20 is not below high, 0; expected the sensor's lowest value",
    );
    check(
        "coil:0,bool,,,",
        "coil:0,bool,,,2",
        r#"tags/all.csv:2: scale: "2" means nothing for type bool; expected nothing"#,
    );
    check("coil:0", "", "tags/all.csv:2: address: is empty; expected where the device has the value");
    check(
        "store-2/level,buffer.level",
        r#"

store-2/level,buffer.levl"#,
        r#"tags/all.csv:7: role: "buffer.levl" is not a role; expected one of 79, such as buffer.level, material.level, loop.level, laser.speed, laser.gap; did you mean "buffer.level"?"#,
    );
}

#[test]
fn settings_of_the_command_line() {
    check_set(
        "http.port=99999",
        "command line: http.port: 99999 is too large; expected a whole number from 0 to 65535",
    );
    check_set(
        "http.prot=1",
        r#"command line: http.prot: "prot" is not a key here; expected one of anonymous, audit, host, idle_min, port, session_h, tls, tls_proxy, users; did you mean "port"?"#,
    );
    check_set("link[0].host=12", "");
    check_set(
        "link[0].port=x",
        r#"command line: link[0].port: "x" is a text; expected a whole number from 1 to 65535"#,
    );
    check_set(
        "link[5].port=1",
        r#"plant.toml:10: link[2]: has no usable value; expected a table
plant.toml:10: link[3]: has no usable value; expected a table
plant.toml:10: link[4]: has no usable value; expected a table
plant.toml:10: link[5].protocol: is missing; expected one of modbus, opcua, mqtt, csv, http, open-protocol, simulated"#,
    );
    check_set(
        "link[-1].port=1",
        "command line: link[-1].port: names a list entry that cannot be; expected an index from 0 to 999",
    );
    check_set("station[0].kind=robot", "");
    check_set("nonsense", r#"command line: "nonsense" sets nothing; expected key=value, such as http.port=8080"#);
    check_set(
        "a..b=1",
        r#"command line: a..b: "a..b" is not a key here; expected one of 22, such as area, parts, alarms, station, variant"#,
    );
    check_set(
        "link[99999999].host=a",
        "command line: link[99999999].host: names a list entry that cannot be; expected an index from 0 to 999",
    );
    check_set(
        "node=a b",
        r#"command line: node: "a b" does not fit; expected a name of letters a to z, digits, `-`, `_` and `.`"#,
    );
    check_set(
        "mqtt.password=123",
        "command line: mqtt.password: has no username; expected a username with it, or neither",
    );
    check_set("http=3", "command line: http: 3 is a number; expected a table");
    check_set(
        "detection.link_loss_s=nan",
        "command line: detection.link_loss_s: has no usable value; expected a number from 0 to 86400",
    );
    check_set("mqtt.enabled=yes", r#"command line: mqtt.enabled: "yes" is a text; expected true or false"#);
    check_set("mqtt.enabled=true", "");
}

#[test]
fn all_problems_of_all_files_come_at_once() {
    let files = Files::from_pairs(files().iter().map(|(name, text)| {
        let text = text.replace("port = 8090", "port = true").replace("\"buffer\"", "\"bufer\"").replace("mq-1", "");
        (name, text.replace("high = 12.0", "high = 1.0").replace("coil:0", "").replace(",cdab", ",dcab"))
    }));
    let overrides = Overrides {
        environment: [("LINETWIN__QUEUE__CAPACITY".to_owned(), "0".to_owned())].into(),
        set: vec!["detection.shift_h=25".to_owned()],
    };
    check_files(
        &files,
        &overrides,
        r#"command line: detection.shift_h: 25 is too large; expected a number from 0.1 to 24
environment: queue.capacity: 0 is too small; expected a whole number from 1 to 1000000
linetwin.toml:4: http.port: true is a boolean; expected a whole number from 0 to 65535
plant.toml:18: link[1].host: is empty; expected a text that is not empty
plant.toml:28: station[1].kind: "bufer" is not a station kind; expected one of spot-weld, laser-weld, pack-assembly, cooling-loop, robot, buffer; did you mean "buffer"?
plant.toml:38: limit[0].low: 8 is not below high, 1; expected the lowest allowed value
tags/all.csv:2: address: is empty; expected where the device has the value
tags/all.csv:4: order: "dcab" is not a word order; expected one of abcd, cdab, badc, dcba; did you mean "cdab"?"#,
    );
}

#[test]
fn a_broken_file_does_not_hide_the_problems_of_the_others() {
    let (plant, tags) = (PLANT.1.replace("line =", "line"), TAGS.1.replace("Current, RMS", "a\",b"));
    let files = Files::from_pairs([LINETWIN, (PLANT.0, &plant), (TAGS.0, &tags)]);
    check_files(
        &files,
        &Overrides { set: vec!["http.port=-1".to_owned()], ..Overrides::default() },
        "command line: http.port: -1 is too small; expected a whole number from 0 to 65535
plant.toml:4: not TOML: key with no value, expected `=`
tags/all.csv:3: the row has 13 fields; expected 12, as in the header; put a text with a comma in double quotes",
    );
}

#[test]
fn a_missing_plant_is_told_and_missing_daemon_settings_are_not() {
    check_files(
        &Files::from_pairs([LINETWIN]),
        &Overrides::default(),
        "plant.toml: is missing; expected this file in the configuration folder",
    );
    check_files(&Files::from_pairs([PLANT, TAGS]), &Overrides::default(), "");
}

#[test]
fn the_history_of_parts() {
    check_set(
        "genealogy.on_line_max=0",
        "command line: genealogy.on_line_max: 0 is too small; expected a whole number from 1 to 100000",
    );
    check_set(
        "genealogy.operators=maybe",
        r#"command line: genealogy.operators: "maybe" is a text; expected true or false"#,
    );
    check_set(
        "parts.keep_days=0",
        "command line: parts.keep_days: 0 is too small; expected a whole number from 1 to 36500",
    );
    check_set("parts.folder=", "command line: parts.folder: is empty; expected a text that is not empty");
}

/// A station may use several lots and mount several parts, but it has one tool.
#[test]
fn roles_of_which_a_station_has_several() {
    let header = TAGS.1.lines().next().unwrap();
    let two = |role: &str| {
        let row = |name: &str, register: u32| format!("weld-1/{name},{role},plc,holding:{register}/8,text,,,,,,,\n");
        let rows = format!("{header}\n{}{}", row("a", 50), row("b", 60));
        let files = Files::from_pairs([LINETWIN, PLANT, TAGS, ("tags/more.csv", &rows)]);
        load(&files, &Overrides::default()).map_or_else(|problems| problems.to_string(), |_| String::new())
    };
    assert_eq!(two("material.lot"), "");
    assert_eq!(two("part.child"), "");
    assert_eq!(
        two("tool.id"),
        "tags/more.csv:3: role: tool.id of weld-1 is already weld-1/a; expected each role once at a station"
    );
}

#[test]
fn flow_of_parts() {
    let check_store = |keys: &str, expected: &str| {
        check("kind = \"buffer\"", &format!("kind = \"buffer\"\n{keys}"), expected);
    };
    check_store(
        "capacity = 0",
        "plant.toml:29: station[1].capacity: 0 is too small; expected a whole number from 1 to 100000",
    );
    check_store(
        "scrap_share = 0.1",
        "plant.toml:29: station[1].scrap_share: is set for a buffer, which has no cycles; expected no such key here",
    );
    check(
        "ideal_cycle_s = 40.0",
        "ideal_cycle_s = 40.0\ncapacity = 3",
        "plant.toml:25: station[0].capacity: is set for a spot-weld, which is no buffer; expected no such key here",
    );
    check(
        "kind = \"cooling-loop\"",
        "kind = \"cooling-loop\"\ntransfer_s = 2.0",
        "plant.toml:34: station[2].transfer_s: is set for a cooling-loop, which no parts pass; expected no such key here",
    );
    check(
        "ideal_cycle_s = 40.0",
        "ideal_cycle_s = 40.0\nmtbf_min = 60.0",
        "plant.toml:20: station[0].mttr_min: is missing; expected mtbf_min and mttr_min, both or none, minutes",
    );
    check(
        "code = 1",
        "code = 1\nshare = 0",
        "plant.toml:9: variant[0].share: 0 is too small; expected a number from 0.001 to 1000",
    );
    check(
        "code = 1",
        "code = 1\nleaves_after = \"store-3\"",
        r#"plant.toml:9: variant[0].leaves_after: "store-3" is not a station of this plant; expected one of weld-1, store-2, loop-1; did you mean "store-2"?"#,
    );
    check(
        "code = 1",
        "code = 1\nleaves_after = \"loop-1\"",
        r#"plant.toml:9: variant[0].leaves_after: "loop-1" is a cooling loop, which no parts pass; expected a station that parts pass"#,
    );
}

#[test]
fn recipes() {
    let check = |recipe: &str, expected: &str| {
        check("[[limit]]", &format!("[[recipe]]\n{recipe}\n\n[[limit]]"), expected);
    };
    check("station = \"weld-1\"\nvariant = \"suv\"\nmaterial = \"aluminium\"\nstack_mm = 3", "");
    check(
        "station = \"weld-7\"",
        r#"plant.toml:36: recipe[0].station: "weld-7" is not a station of this plant; expected one of weld-1, store-2, loop-1; did you mean "weld-1"?"#,
    );
    check(
        "station = \"weld-1\"\nmaterial = \"copper\"",
        r#"plant.toml:37: recipe[0].material: "copper" is not a material; expected one of steel, aluminium"#,
    );
    check(
        "station = \"loop-1\"\nface_mm = 6",
        "plant.toml:37: recipe[0].face_mm: is set for a cooling-loop, whose process does not know it; expected it at a station of kind spot-weld",
    );
    check(
        "station = \"weld-1\"\n[[recipe]]\nstation = \"weld-1\"",
        r#"plant.toml:38: recipe[1].station: there is already a recipe of "weld-1" for this variant; expected one recipe for each station and variant"#,
    );
}

const CALENDAR: &str = r#"line = "b1"

[calendar]
time_zone = "Europe/Berlin"

[[calendar.shift]]
name = "early"
days = ["mon", "tue"]
start = "06:00"
end = "14:00"
breaks = ["09:00-09:15", "11:30-12:00"]
planned_output = { suv = 400 }

[[calendar.shift]]
name = "night"
days = ["sun", "mon"]
start = "22:00"
end = "06:00"
"#;

#[track_caller]
fn check_calendar(instead_of: &str, mistake: &str, expected: &str) {
    assert_eq!(CALENDAR.matches(instead_of).count(), 1, "{instead_of:?} is to be there once");
    check(r#"line = "b1""#, &CALENDAR.replace(instead_of, mistake), expected);
}

#[test]
fn calendar() {
    check_calendar("Berlin", "Berlin", "");
    check_calendar(
        r#"start = "06:00""#,
        r#"start = "6 am""#,
        r#"plant.toml:12: calendar.shift[0].start: "6 am" does not fit; expected a time such as 06:00"#,
    );
    check_calendar(
        r#""mon", "tue""#,
        r#""mon", "tues""#,
        "plant.toml:11: calendar.shift[0].days[1]: \"tues\" is not a day; expected one of mon, tue, wed, thu, fri, sat, sun; \
         did you mean \"tue\"?",
    );
    check_calendar(
        "11:30-12:00",
        "13:30-14:15",
        "plant.toml:14: calendar.shift[0].breaks[1]: \"13:30-14:15\" is not within the shift from 06:00 to 14:00; expected a \
         break within its shift",
    );
    check_calendar(
        "11:30-12:00",
        "09:10-09:20",
        "plant.toml:14: calendar.shift[0].breaks[1]: \"09:10-09:20\" begins before the break before it ends; expected breaks \
         in order",
    );
    check_calendar(
        r#"start = "22:00""#,
        r#"start = "13:00""#,
        r#"plant.toml:20: calendar.shift[1].start: "night" begins before "early" has ended; expected one shift at a time"#,
    );
    // Monday's early shift, not Sunday's night shift, is the later one.
    check_calendar(
        r#"end = "06:00""#,
        r#"end = "06:30""#,
        r#"plant.toml:12: calendar.shift[0].start: "early" begins before "night" has ended; expected one shift at a time"#,
    );
    check_calendar(
        r#"name = "night""#,
        r#"name = "early""#,
        r#"plant.toml:18: calendar.shift[1].name: "early" is already the name of another shift; expected a name of its own"#,
    );
    check_calendar(
        "suv = 400",
        "van = 400",
        r#"plant.toml:15: calendar.shift[0].planned_output.van: "van" is not a variant of this plant; expected suv"#,
    );
}

/// How many time zones there are changes with the database.
#[test]
fn a_time_zone_that_is_misspelt() {
    let mistake = PLANT.1.replace(r#"line = "b1""#, &CALENDAR.replace("Berlin", "Berlim"));
    let files = Files::from_pairs([LINETWIN, ("plant.toml", &mistake), TAGS]);
    let found = load(&files, &Overrides::default()).unwrap_err().to_string();
    let begin =
        r#"plant.toml:7: calendar.time_zone: "Europe/Berlim" is not a time zone of the IANA database; expected "#;
    assert!(found.starts_with(begin) && found.ends_with(r#"did you mean "Europe/Berlin"?"#), "{found}");
}

#[test]
fn cycle_times_by_variant() {
    check(
        r#"kind = "buffer""#,
        r#"kind = "buffer"
variant_cycle_s = { suv = 40.0 }"#,
        "plant.toml:29: station[1].variant_cycle_s.suv: is set for a station without cycles; expected no such key here",
    );
    check(
        "ideal_cycle_s = 40.0",
        "ideal_cycle_s = 40.0
variant_cycle_s = { van = 40.0, suv = 0.0 }",
        "plant.toml:25: station[0].variant_cycle_s.suv: 0 is too small; expected a number from 0.1 to 86400
plant.toml:25: station[0].variant_cycle_s.van: \"van\" is not a variant of this plant; expected suv",
    );
}

#[test]
fn every_role_is_explained() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let missing = plant::Role::ALL.iter().filter(|role| !text.contains(&format!("`{role}`")));
    assert_eq!(missing.collect::<Vec<_>>(), [&plant::Role::ALL[0]; 0]);
}

/// Sets a list of tables of `[alarms]` beside the small plant's own keys.
#[track_caller]
fn check_alarms(tables: &str, expected: &str) {
    let alarms = format!("{}\n{tables}", PLANT.1);
    check_files(&Files::from_pairs([LINETWIN, ("plant.toml", &alarms), TAGS]), &Overrides::default(), expected);
}

#[test]
fn how_incidents_are_told() {
    check_set(
        "alarms.off_delay_s=-1",
        "command line: alarms.off_delay_s: -1 is too small; expected a number from 0 to 86400",
    );
    let line = PLANT.1.lines().count();
    check_alarms(
        "[[alarms.escalation]]\nafter_min = 5\nto = [\"lead\"]\n[[alarms.escalation]]\nafter_min = 5\nto = [\"chief\"]\n\
         min_priority = \"urgent\"",
        &format!(
            "plant.toml:{}: alarms.escalation[1].min_priority: \"urgent\" is not a priority; expected one of low, medium, high",
            line + 8
        ),
    );
    check_alarms(
        "[[alarms.escalation]]\nafter_min = 5\nto = [\"lead\"]\n[[alarms.escalation]]\nafter_min = 5\nto = [\"chief\"]",
        &format!(
            "plant.toml:{}: alarms.escalation[1].after_min: 5 is not after the step before it, 5; expected steps in order, \
             each later than the one before",
            line + 6
        ),
    );
    check_alarms(
        "[[alarms.escalation]]\nafter_min = 5\nto = [\"lead\"]\n[[alarms.duty]]\nrole = \"led\"\nname = \"Kim\"\nshifts = [\"early\"]",
        &format!(
            "plant.toml:{}: alarms.duty[0].role: \"led\" is not a role that alarms.escalation names; expected lead; did you \
             mean \"lead\"?\n\
             plant.toml:{}: alarms.duty[0].shifts[0]: \"early\" is not a shift of the calendar; expected a \
             name that exists, and there are none",
            line + 6,
            line + 8
        ),
    );
    check_alarms(
        "[alarms.costs]\ncurrency = \"EUR\"\nscrap_per_part = 1\ndowntime_per_h = 1\nminor_below = 10\nsevere_from = 5",
        &format!(
            "plant.toml:{}: alarms.costs.severe_from: 5 is below minor_below, 10; expected a cost an hour of at least \
             minor_below",
            line + 7
        ),
    );
    check_alarms(
        "[[alarms.suppression]]\nname = \"a\"\nstations = [\"weld-9\"]\n\
         [[alarms.suppression]]\nname = \"b\"\nwhile_signal = \"weld-1/crrent\"",
        &format!(
            "plant.toml:{}: alarms.suppression[0]: \"a\" does not say while what it holds; expected one of while_states and \
             while_signal\n\
             plant.toml:{}: alarms.suppression[0].stations[0]: \"weld-9\" is not a station of this plant; expected one of \
             weld-1, store-2, loop-1; did you mean \"weld-1\"?\n\
             plant.toml:{}: alarms.suppression[1].while_signal: \"weld-1/crrent\" is not a signal of this plant; \
             expected one of loop-1/flow, loop-1/lamp, store-2/level, weld-1/active, weld-1/current, weld-1/energy; did \
             you mean \"weld-1/current\"?",
            line + 2,
            line + 4,
            line + 7
        ),
    );
    check_set(
        r#"alarms.suppression=[{name="a",while_states=["asleep"]}]"#,
        "command line: alarms.suppression[0].while_states[0]: \"asleep\" is not a station state; expected one of unknown, \
         running, starved, blocked, down, held, changeover, idle, not-scheduled",
    );
}
