use std::collections::BTreeMap;

use crate::entries::{Entries, read_keys};
use crate::files::Files;
use crate::keys::{LimitKeys, LineKeys, LinkKeys, RecipeKeys, RedundantKeys, StationKeys, VariantKeys};
use crate::named::fits_symbol;
use crate::problem::Findings;
use crate::tags::TagLists;
use crate::tree::{Overrides, Tree};
use crate::{
    DaemonSettings, HistorianSettings, HttpSettings, Plant, Problems, Variant, alarms, flow, links, plan, recipes,
    redundant, runbook, schema, signals, stations, templates,
};

/// A configuration in which nothing is wrong, as far as can be seen with nothing connected. Addresses are text here;
/// the adapter of their protocol checks them.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// The plant.
    pub plant: Plant,
    /// The daemon's own settings.
    pub daemon: DaemonSettings,
}

/// Loads a configuration: files, over them the environment, over that the command line. No I/O; same input, same result.
///
/// # Errors
/// Every problem there is, at once.
pub fn load(files: &Files, overrides: &Overrides) -> Result<Configuration, Problems> {
    let mut findings = Findings::default();
    let schema = schema::schema();
    let tree = Tree::read(files, overrides, &schema, &mut findings);
    let tags = TagLists::read(files, &mut findings);
    schema::check(&tree, &schema, &mut findings);
    let json = tree.json();
    let daemon = daemon(&tree, &json, &mut findings);
    let plant = if tree.is_whole() { plant(&tree, &json, files, &tags, &mut findings) } else { None };
    findings.or(daemon.zip(plant).map(|(daemon, plant)| Configuration { plant, daemon }))
}

fn daemon(tree: &Tree, json: &serde_json::Value, findings: &mut Findings) -> Option<DaemonSettings> {
    let daemon: DaemonSettings = read_keys(json, &tree.place(""), findings)?;
    let mqtt = &daemon.mqtt;
    links::check_login(tree, "/mqtt", mqtt.username.as_deref(), mqtt.password.as_deref(), findings);
    links::check_version(tree, "/mqtt", mqtt.version, findings);
    let tls = mqtt.tls.as_ref();
    links::check_key(
        tree,
        "/mqtt/tls",
        tls.is_some_and(|tls| tls.certificate.is_some() != tls.key.is_some()),
        findings,
    );
    check_http(&daemon.http, tree, findings);
    check_historian(&daemon.historian, tree, findings);
    Some(daemon)
}

fn check_http(http: &HttpSettings, tree: &Tree, findings: &mut Findings) {
    if http.is_in_the_clear(&http.host) {
        let message = format!("lets people log in over the network in the clear: host is {:?}", http.host);
        let expected = "tls = { certificate, key }, tls_proxy = true behind a proxy that speaks TLS, or host 127.0.0.1";
        findings.add(tree.place("/http/users"), message, expected);
    }
    if http.anonymous.is_some() && http.users.is_none() {
        let message = "says nothing without users: everybody may read";
        findings.add(tree.place("/http/anonymous"), message, "users with it, or neither");
    }
}

fn check_historian(historian: &HistorianSettings, tree: &Tree, findings: &mut Findings) {
    if !historian.enabled {
        return;
    }
    for (key, value) in [("org", &historian.org), ("bucket", &historian.bucket)] {
        if value.is_empty() {
            let place = tree.place(&format!("/historian/{key}"));
            findings.add(place, "is not set".to_owned(), format!("the {key} in InfluxDB that is written to"));
        }
    }
    if historian.token.is_some() == historian.token_file.is_some() {
        let message = if historian.token.is_some() { "is set, and token_file too" } else { "is not set" };
        let expected =
            "token_file, or LINETWIN__HISTORIAN__TOKEN in the environment: an API token that may write to the bucket";
        findings.add(tree.place("/historian/token"), message.to_owned(), expected);
    }
}

fn plant(
    tree: &Tree,
    json: &serde_json::Value,
    files: &Files,
    tags: &TagLists,
    findings: &mut Findings,
) -> Option<Plant> {
    let keys: Option<LineKeys> = read_keys(json, &tree.place(""), findings);
    let line = keys.as_ref().map_or("", |keys| &keys.line);
    let variant_entries: Entries<VariantKeys> = Entries::read(tree, json, "variant", "variant", findings);
    let link_entries: Entries<LinkKeys> = Entries::read(tree, json, "link", "link", findings);
    let station_entries: Entries<StationKeys> = Entries::read(tree, json, "station", "station", findings);
    let limit_entries: Entries<LimitKeys> = Entries::read(tree, json, "limit", "limit", findings);
    let redundant_entries: Entries<RedundantKeys> = Entries::read(tree, json, "redundant", "redundant group", findings);
    let recipe_entries: Entries<RecipeKeys> = Entries::read(tree, json, "recipe", "recipe", findings);

    let station_names: Vec<&str> = station_entries.iter().map(|entry| entry.name.as_str()).collect();
    let tags = &templates::expand(tags, &station_names, findings);

    check_variants(&variant_entries, tree, findings);
    links::check(&link_entries, line, tree, findings);
    let stations = stations::resolve(&station_entries, tree, findings);
    let signals = signals::resolve(tags, &station_entries, &link_entries, findings);
    signals::check_coverage(tags, &station_entries, &link_entries, findings);
    let limits = signals::limits(&limit_entries, &signals, tags, &variant_entries, tree, findings);
    let flow = flow::resolve(&station_entries, &variant_entries, tree, findings);
    let redundant = redundant::resolve(&redundant_entries, &signals, tags, tree, findings);
    let recipes = recipes::resolve(&recipe_entries, &station_entries, &variant_entries, tree, findings);
    let calendar = keys.as_ref().and_then(|keys| keys.calendar.as_ref());
    let plan = plan::resolve(calendar, &station_entries, &variant_entries, tree, findings);
    let languages = keys.as_ref().map_or(&[][..], |keys| &keys.languages);
    let known = alarms::Known { stations: &station_entries, signals: &signals, tags, calendar: plan.calendar.as_ref() };
    let alarm_keys = keys.as_ref().map(|keys| &keys.alarms);
    let alarms = alarm_keys.map(|keys| alarms::resolve(keys, &known, tree, findings));
    let runbook = runbook::resolve(languages, files, &station_entries, tree, findings);

    let variants =
        variant_entries.sound().map(|(_, _, keys)| Variant { name: keys.name.clone(), code: keys.code }).collect();
    let links = links::build(link_entries, line);
    let keys = keys?;
    Some(Plant {
        enterprise: keys.enterprise,
        site: keys.site,
        area: keys.area,
        line: keys.line,
        variants,
        links,
        stations,
        signals: signals.sound,
        limits,
        redundant,
        recipes,
        detection: keys.detection.into(),
        genealogy: keys.genealogy.into(),
        alarms: alarms?,
        flow,
        plan,
        runbook: runbook?,
    })
}

fn check_variants(variants: &Entries<VariantKeys>, tree: &Tree, findings: &mut Findings) {
    variants.check_unique_names(tree, findings);
    let mut codes = BTreeMap::new();
    for (_, entry, keys) in variants.sound() {
        if let Some(other) = codes.insert(keys.code, &keys.name) {
            let place = tree.place(&format!("{}/code", entry.pointer));
            findings.add(place, format!("{} is already the code of {other:?}", keys.code), "a code of its own");
        }
        if !fits_symbol(&keys.name) {
            let place = tree.place(&format!("{}/name", entry.pointer));
            findings.add(place, format!("{:?} is too long", keys.name), "at most 30 bytes: no signal gives more");
        }
    }
}
