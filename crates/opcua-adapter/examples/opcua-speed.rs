//! Measures how many changes of values come a second, and what processor time each takes: through the adapter, as samples that
//! are handed over, beside a bare loop of async-opcua's client that counts what its callback is given. Both from the same server,
//! which is a process of its own, in one run on this machine. And how long it takes until 10,000 values are there.
//!
//! A server that is slower than both shows in the processor time which is the quicker. Linux tells that; elsewhere it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use adapter::testing::{Usage, median, signal};
use adapter::{Clock, Context, queue};
use opcua::client::{ClientBuilder, DataChangeCallback, IdentityToken, SessionBuilder};
use opcua::crypto::{CertificateStore, SecurityPolicy};
use opcua::nodes::VariableBuilder;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, ServerBuilder, ServerEndpoint};
use opcua::sync::RwLock;
use opcua::types::{
    DataValue, MessageSecurityMode, MonitoredItemCreateRequest, NodeId, TimestampsToReturn, UserTokenPolicy,
};
use opcua_adapter::OpcuaAdapter;
use plant::{DataType, Link, LinkSettings, OpcuaAccess, OpcuaSecurity, OpcuaSettings, Origin, Signal};
use telemetry::{Event, LinkId};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const NAMESPACE: &str = "urn:linetwin:speed";
/// Values that change all the time, and those that are there in all.
const CHANGING: u32 = 1000;
const TAGS: u32 = 10_000;
/// How long each is measured, and how often.
const LASTS: Duration = Duration::from_secs(3);
const REPETITIONS: usize = 5;
/// As both clients ask for it.
const PUBLISHING: Duration = Duration::from_millis(10);
const QUEUE_SIZE: u32 = 16;
/// How often the server changes each value.
const CHANGE_EVERY: Duration = Duration::from_millis(5);

/// The server: prints its port and changes its values until it is killed.
async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let pki = tempfile::tempdir()?;
    let metadata = NamespaceMetadata { namespace_uri: NAMESPACE.into(), ..Default::default() };
    let mut builder = ServerBuilder::new()
        .application_name("speed")
        .application_uri("urn:speed")
        .product_uri("urn:speed")
        .host("127.0.0.1")
        .port(port)
        .pki_dir(pki.path())
        .discovery_urls(vec!["/".to_owned()])
        .add_endpoint("none", ServerEndpoint::new_none("/", &[ANONYMOUS_USER_TOKEN_ID.to_owned()]))
        .subscription_poll_interval_ms(5)
        .with_node_manager(simple_node_manager(metadata, NAMESPACE));
    builder.limits_mut().subscriptions.min_publishing_interval_ms = 10.0;
    builder.limits_mut().subscriptions.min_sampling_interval_ms = 1.0;
    builder.limits_mut().subscriptions.max_monitored_items_per_sub = TAGS as usize;
    builder.limits_mut().subscriptions.max_queued_notifications = 1000;
    let (server, handle) = builder.build()?;
    let manager = handle.node_managers().get_by_name::<SimpleNodeManager>(NAMESPACE).ok_or("no node manager")?;
    let index = handle.get_namespace_index(NAMESPACE).ok_or("no namespace")?;
    for tag in 0..TAGS {
        let node = NodeId::new(index, tag);
        VariableBuilder::new(&node, format!("{tag}").as_str(), "")
            .data_type(opcua::types::DataTypeId::Double)
            .value(0.0)
            .organized_by(NodeId::objects_folder_id())
            .insert(&mut *manager.address_space().write());
    }
    let nodes: Vec<NodeId> = (0..CHANGING).map(|tag| NodeId::new(index, tag)).collect();
    let changing = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(CHANGE_EVERY);
        let mut value = 0.0;
        loop {
            ticks.tick().await;
            value += 1.0;
            let now = DataValue::new_now(value);
            let values = nodes.iter().map(|node| (node, None, now.clone()));
            if manager.set_values(handle.subscriptions(), values).is_err() {
                return;
            }
        }
    });
    println!("{port}");
    server.run_with(listener).await?;
    changing.await?;
    Ok(())
}

/// The server as a process of its own, which ends with this.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut port = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut port)?;
        let port: u16 = port.trim().parse().map_err(|_| "the server did not start")?;
        Ok(Self { process, url: format!("opc.tcp://127.0.0.1:{port}/") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a measurement came to.
#[derive(Debug, Clone, Copy)]
struct Speed {
    changes_per_s: f64,
    /// Processor time of this process for each change, µs.
    cost_us: f64,
}

/// A measurement under way.
struct Measuring {
    begun: Instant,
    cpu_s: f64,
}

impl Measuring {
    fn begin() -> Self {
        Self { begun: Instant::now(), cpu_s: Usage::own().cpu_s }
    }

    fn end(&self, changes: u64) -> Speed {
        let changes_per_s = changes as f64 / self.begun.elapsed().as_secs_f64();
        Speed { changes_per_s, cost_us: (Usage::own().cpu_s - self.cpu_s) * 1e6 / changes as f64 }
    }
}

/// What the callback of a bare client is given.
async fn bare(url: &str) -> Outcome<Speed> {
    let config =
        ClientBuilder::new().application_name("bare").application_uri("urn:bare").session_retry_limit(1).into_config();
    let store = Arc::new(RwLock::new(CertificateStore::new(std::path::Path::new("\0"))));
    let endpoint = (url, SecurityPolicy::None.to_str(), MessageSecurityMode::None, UserTokenPolicy::anonymous());
    let (session, event_loop) = SessionBuilder::new(&config)
        .user_identity_token(IdentityToken::Anonymous)
        .connect_to_endpoint_directly(endpoint)?
        .build(store)?;
    let running = event_loop.spawn();
    if !session.wait_for_connection().await {
        return Err("no session with the server".into());
    }
    let index = session.read_namespace_array().await?.get_index(NAMESPACE).ok_or("no namespace")?;
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let callback = DataChangeCallback::new(move |_, _| _ = counted.fetch_add(1, Ordering::Relaxed));
    let subscription = session.create_subscription(PUBLISHING, 3000, 100, 1000, 0, true, callback).await?;
    let items: Vec<_> = (0..CHANGING)
        .map(|tag| {
            let mut item = MonitoredItemCreateRequest::from(NodeId::new(index, tag));
            item.requested_parameters.queue_size = QUEUE_SIZE;
            item.requested_parameters.sampling_interval = 0.0;
            item
        })
        .collect();
    for items in items.chunks(500) {
        session.create_monitored_items(subscription, TimestampsToReturn::Both, items.to_vec()).await?;
    }
    while count.load(Ordering::Relaxed) < CHANGING.into() {
        tokio::task::yield_now().await;
    }
    let (measuring, before) = (Measuring::begin(), count.load(Ordering::Relaxed));
    tokio::time::sleep(LASTS).await;
    let speed = measuring.end(count.load(Ordering::Relaxed) - before);
    session.disconnect().await?;
    running.await?;
    Ok(speed)
}

/// What the adapter hands over, and how long it takes from its start until each tag has a sample.
async fn adapted(url: &str, tags: u32) -> Outcome<(Speed, Duration)> {
    let nodes = (0..tags).map(|tag| signal(tag, &format!("nsu={NAMESPACE};i={tag}"), DataType::F64));
    let signals: Vec<Signal> = nodes.collect();
    let settings = OpcuaSettings {
        access: OpcuaAccess { security: OpcuaSecurity::None, ..OpcuaSettings::at("").access },
        publishing_interval_s: PUBLISHING.as_secs_f64(),
        sampling_interval_s: 0.0,
        queue_size: QUEUE_SIZE,
        ..OpcuaSettings::at(url)
    };
    let origin = Origin { file: "plant.toml".into(), line: 1 };
    let link = Link { id: LinkId(0), name: "plc".into(), settings: LinkSettings::Opcua(settings.clone()), origin };
    let of_link: Vec<&Signal> = signals.iter().collect();
    let adapter = OpcuaAdapter::new(&link, &settings, &of_link).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (sender, mut events) = queue(256);
    let stop = CancellationToken::new();
    let started = Instant::now();
    let running = tokio::spawn(adapter.run(Context::new(LinkId(0), Clock::system(), stop.clone(), sender)));
    let mut missing = vec![true; tags as usize];
    let mut left = tags;
    while left > 0 {
        let event = events.recv().await.unwrap_or_else(|| panic!("the adapter has ended"));
        for sample in event.samples() {
            left -= u32::from(std::mem::take(&mut missing[sample.signal.index()]));
        }
    }
    let (all_there, measuring, mut samples) = (started.elapsed(), Measuring::begin(), 0);
    while measuring.begun.elapsed() < LASTS {
        samples += events.recv().await.map_or(0, |event: Event| event.samples().len() as u64);
    }
    let speed = measuring.end(samples);
    stop.cancel();
    while events.recv().await.is_some() {}
    running.await?;
    Ok((speed, all_there))
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if std::env::args().nth(1).is_some_and(|argument| argument == "serve") {
        return serve().await;
    }
    let server = Server::start()?;
    let (mut loops, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        loops.push(bare(&server.url).await?);
        ours.push(adapted(&server.url, CHANGING).await?.0);
    }
    let offered = f64::from(CHANGING) / CHANGE_EVERY.as_secs_f64();
    println!("{CHANGING} values, {:.0} thousand changes/s offered; median of {REPETITIONS}", offered / 1e3);
    let [(bare, bare_us), (ours, ours_us)] = [loops, ours]
        .map(|speeds| (median(speeds.iter().map(|it| it.changes_per_s)), median(speeds.iter().map(|it| it.cost_us))));
    println!("bare async-opcua client   {:8.1} thousand changes/s, {bare_us:.2} us of a processor each", bare / 1e3);
    println!("adapter, as samples       {:8.1} thousand changes/s, {ours_us:.2} us of a processor each", ours / 1e3);
    println!(
        "the adapter has {:.2} x the changes of the bare client, and {:.2} x for the same processor time",
        ours / bare,
        bare_us / ours_us
    );
    let (speed, all_there) = adapted(&server.url, TAGS).await?;
    println!(
        "{TAGS} values in one link: all there after {:.2} s, then {:.1} thousand changes/s",
        all_there.as_secs_f64(),
        speed.changes_per_s / 1e3
    );
    Ok(())
}
