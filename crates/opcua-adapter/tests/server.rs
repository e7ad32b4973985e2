//! The adapter against a real OPC UA server on the loopback interface.

#![allow(clippy::unwrap_used)]

mod bench;

use std::path::Path;

use adapter::BrowsedTag;
use adapter::testing::signal;
use bench::{NAMESPACE, NSU, Running, Server, bounded, data, link, open};
use opcua::server::ANONYMOUS_USER_TOKEN_ID;
use opcua::types::{DateTime, StatusCode, Variant};
use opcua_adapter::{OpcuaAdapter, browse};
use plant::{DataType, OpcuaSettings};
use telemetry::{LinkState, Quality, Reason, Symbol, Value};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn at(name: &str) -> String {
    format!("{NSU};s=Weld20.{name}")
}

#[tokio::test]
async fn values_arrive_with_source_time_and_quality() {
    let server = Server::start(&[("Current", Variant::Double(9.5))]).await;
    let mut link = Running::start(&server.url, &[(at("Current"), DataType::F64)], 10);
    assert_eq!(link.state().await, LinkState::Up);
    assert_eq!(link.first_samples(1).await[0].value, Value::Float(9.5));

    // The server's sampler keeps only times that come after the value before.
    let moment = DateTime::ymd_hms_nano(2031, 2, 3, 4, 5, 6, 700);
    server.set("Current", data(10.25, StatusCode::UncertainLastUsableValue, moment));
    let sample = link.sample(|sample| sample.value == Value::Float(10.25)).await;
    assert_eq!(sample.source_time.to_string(), "2031-02-03T04:05:06.0000007Z");
    assert_eq!(sample.quality, Quality::Uncertain(Reason::Stale));

    // Only the status changes.
    let moment = DateTime::ymd(2032, 1, 1);
    server.set("Current", data(10.25, StatusCode::BadSensorFailure, moment));
    let sample = link.sample(|sample| !sample.quality.is_usable()).await;
    assert_eq!((sample.value, sample.quality), (Value::Float(10.25), Quality::Bad(Reason::DeviceFault)));
    assert_eq!(server.sessions(), 1);
    link.stop().await;
    assert_eq!(server.sessions(), 0, "the session is closed at the server");
    server.stop().await;
    assert!(!Path::new("pki").exists(), "no certificate folder is left");
}

#[tokio::test]
async fn every_width_is_converted() {
    let text = |text| Value::Symbol(Symbol::new(text).unwrap());
    let variables = [
        ("Bool", Variant::Boolean(true), DataType::Bool, Value::Boolean(true)),
        ("SByte", Variant::SByte(-128), DataType::I16, Value::Integer(-128)),
        ("Byte", Variant::Byte(255), DataType::U16, Value::Integer(255)),
        ("Int16", Variant::Int16(-32_768), DataType::I16, Value::Integer(-32_768)),
        ("UInt16", Variant::UInt16(65_535), DataType::U16, Value::Integer(65_535)),
        ("Int32", Variant::Int32(i32::MIN), DataType::I32, Value::Integer(i32::MIN.into())),
        ("UInt32", Variant::UInt32(u32::MAX), DataType::U32, Value::Integer(u32::MAX.into())),
        ("Int64", Variant::Int64(i64::MIN), DataType::I64, Value::Integer(i64::MIN)),
        ("UInt64", Variant::UInt64(7), DataType::U64, Value::Integer(7)),
        ("Float", Variant::Float(0.5), DataType::F32, Value::Float(0.5)),
        ("Double", Variant::Double(-0.1), DataType::F64, Value::Float(-0.1)),
        ("String", Variant::from("PACK-000417"), DataType::Text, text("PACK-000417")),
        ("Time", Variant::from(DateTime::ymd(2026, 11, 24)), DataType::Text, text("2026-11-24T00:00:00Z")),
    ];
    let served: Vec<_> = variables.iter().map(|(name, value, ..)| (*name, value.clone())).collect();
    let server = Server::start(&served).await;
    let signals: Vec<_> = variables.iter().map(|(name, _, data_type, _)| (at(name), *data_type)).collect();
    let mut link = Running::start(&server.url, &signals, 10);
    let samples = link.first_samples(signals.len()).await;
    for (sample, (name, .., expected)) in samples.iter().zip(&variables) {
        assert_eq!((sample.value, sample.quality), (*expected, Quality::Good), "{name}");
    }
    link.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn what_the_server_does_not_have_is_bad_and_the_rest_goes_on() {
    let server = Server::start(&[("Current", Variant::Double(9.5)), ("Curve", Variant::from(vec![1.0, 2.0]))]).await;
    let signals = [
        (at("Missing"), DataType::F64),
        ("nsu=http://example.com/elsewhere;s=Weld20.Current".into(), DataType::F64),
        ("ns=40;i=7".into(), DataType::I32),
        (at("Curve"), DataType::F64),
        (at("Current"), DataType::F64),
        ("i=2259".into(), DataType::I32),
    ];
    let mut link = Running::start(&server.url, &signals, 10);
    let samples = link.first_samples(signals.len()).await;
    let found: Vec<_> = samples.iter().map(|sample| sample.quality).collect();
    let unknown = Quality::Bad(Reason::UnknownAddress);
    let mistyped = Quality::Bad(Reason::TypeMismatch);
    assert_eq!(found, [unknown, unknown, unknown, mistyped, Quality::Good, Quality::Good]);
    assert_eq!(link.counters.snapshot().failures, 0);
    link.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn server_limits_hit_by_hand() {
    let names: Vec<String> = (0..57).map(|number| format!("Tag{number}")).collect();
    let variables: Vec<_> = names.iter().map(|name| (name.as_str(), Variant::Double(1.5))).collect();
    let server = Server::start_limited(0, &[NAMESPACE], ANONYMOUS_USER_TOKEN_ID, &variables, |limits| {
        limits.operational.max_monitored_items_per_call = 7;
        limits.subscriptions.max_monitored_items_per_sub = 10;
    });
    let server = server.await;
    let signals: Vec<_> = names.iter().map(|name| (at(name), DataType::F64)).collect();
    let mut link = Running::start(&server.url, &signals, 10);
    let samples = link.first_samples(signals.len()).await;
    assert!(samples.iter().all(|sample| sample.quality == Quality::Good));
    assert_eq!(link.counters.snapshot().failures, 0);
    link.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_that_takes_less_than_a_request_holds_is_filled_in_smaller_requests() {
    let names: Vec<String> = (0..12).map(|number| format!("Tag{number}")).collect();
    let variables: Vec<_> = names.iter().map(|name| (name.as_str(), Variant::Double(1.5))).collect();
    let limit = |limits: &mut opcua::server::Limits| limits.subscriptions.max_monitored_items_per_sub = 3;
    let server = Server::start_limited(0, &[NAMESPACE], ANONYMOUS_USER_TOKEN_ID, &variables, limit).await;
    let signals: Vec<_> = names.iter().map(|name| (at(name), DataType::F64)).collect();
    let mut link = Running::start(&server.url, &signals, 10);
    let samples = link.first_samples(signals.len()).await;
    assert!(samples.iter().all(|sample| sample.quality == Quality::Good));
    link.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_restarts_with_other_namespace_indices_is_found_again() {
    let variables = [("Current", Variant::Double(9.5))];
    let server = Server::start(&variables).await;
    let (url, port) = (server.url.clone(), server.port);
    let mut link = Running::start(&url, &[(at("Current"), DataType::F64)], 10);
    link.sample(|sample| sample.value == Value::Float(9.5)).await;
    server.stop().await;
    let LinkState::Down { reason } = link.state().await else { panic!("the link is not down") };
    assert!(reason.contains(&url), "{reason}");

    let namespaces = ["http://example.com/new", NAMESPACE];
    let variables = [("Current", Variant::Double(12.5))];
    let server = Server::start_at(port, &namespaces, ANONYMOUS_USER_TOKEN_ID, &variables).await;
    while link.state().await != LinkState::Up {}
    link.sample(|sample| sample.value == Value::Float(12.5)).await;
    assert_eq!(server.sessions(), 1);
    assert_eq!(link.counters.snapshot().connects, 2);
    link.stop().await;
    assert_eq!(server.sessions(), 0);
    server.stop().await;
}

#[tokio::test]
async fn values_that_ran_over_at_the_server_are_counted() {
    let server = Server::start(&[("Current", Variant::Double(0.0))]).await;
    let mut link = Running::start(&server.url, &[(at("Current"), DataType::F64)], 2);
    link.sample(|sample| sample.value == Value::Float(0.0)).await;
    let start = DateTime::now().ticks();
    for number in 1..=20 {
        // Further apart than the sampling interval, so that the server queues each.
        let moment = DateTime::from(start + i64::from(number) * 1_000_000);
        server.set("Current", data(f64::from(number), StatusCode::Good, moment));
    }
    link.sample(|sample| sample.value == Value::Float(20.0)).await;
    assert!(link.counters.snapshot().lost_at_source > 0);
    link.stop().await;
    server.stop().await;
}

/// Forwards connections to the server, and from a cut on lets nothing through but closes nothing either.
async fn forward(listener: TcpListener, port: u16, cut: watch::Receiver<()>) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut cut = cut.clone();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                Ok(()) = cut.changed() => std::future::pending().await,
            }
        });
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed() {
    let server = Server::start(&[("Current", Variant::Double(9.5))]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("opc.tcp://{}/", listener.local_addr().unwrap());
    let (cut, cuts) = watch::channel(());
    let forwarding = tokio::spawn(forward(listener, server.port, cuts));
    let mut link = Running::start(&url, &[(at("Current"), DataType::F64)], 10);
    link.sample(|sample| sample.value == Value::Float(9.5)).await;
    cut.send(()).unwrap();
    let LinkState::Down { reason } = link.state().await else { panic!("the link is not down") };
    assert!(reason.contains("sent nothing for 6 s"), "{reason}");
    link.stop().await;
    forwarding.abort();
    server.stop().await;
}

#[tokio::test]
async fn browsing_lists_the_scalars() {
    let server = Server::start(&[
        ("Current", Variant::Double(9.5)),
        ("Curve", Variant::from(vec![1.0, 2.0])),
        ("Variant", Variant::from("EV1-L")),
        ("Cycle", Variant::Boolean(false)),
    ])
    .await;
    let tags = bounded("browsing", browse(&server.url, &open())).await.unwrap();
    let expected = |name: &str, data_type, description: &str| BrowsedTag {
        signal: format!("Weld_20.{name}"),
        address: at(name),
        data_type,
        order: None,
        unit: String::new(),
        description: description.to_owned(),
    };
    let found: Vec<_> = tags.into_iter().filter(|tag| tag.address.contains("Weld20")).collect();
    let expected = [
        expected("Current", DataType::F64, "Weld current"),
        expected("Cycle", DataType::Bool, "false"),
        expected("Variant", DataType::Text, "EV1-L"),
    ];
    assert_eq!(found, expected);
    assert_eq!(server.sessions(), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_server_without_an_open_endpoint_is_refused_with_what_it_offers() {
    let server = Server::start_at(0, &[NAMESPACE], "operator", &[]).await;
    let problem = bounded("browsing", browse(&server.url, &open())).await.unwrap_err().to_string();
    assert!(problem.contains(&server.url) && problem.contains("it offers none for UserName"), "{problem}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in [format!("opc.tcp://{free}/"), format!("http://{free}/"), "nonsense".into(), String::new()] {
        let problem = bounded("browsing", browse(&url, &open())).await.unwrap_err().to_string();
        assert!(problem.starts_with(&format!("{url}: ")), "{problem}");
    }
}

#[test]
fn every_wrong_address_is_reported_with_its_origin() {
    let settings = OpcuaSettings::at("opc.tcp://plc:4840");
    let signals = [
        signal(0, "ns=2;s=Weld20.Current", DataType::F64),
        signal(1, "Weld20.Current", DataType::F64),
        signal(2, "nsu=;i=1", DataType::F64),
    ];
    let errors =
        OpcuaAdapter::new(&link(settings.clone()), &settings, &signals.iter().collect::<Vec<_>>()).unwrap_err();
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2);
    let start = "tags/plc.csv:3: station/signal-1: address `Weld20.Current`: `Weld20.Current` does not begin with s=";
    assert!(texts[0].starts_with(start), "{}", texts[0]);
}
