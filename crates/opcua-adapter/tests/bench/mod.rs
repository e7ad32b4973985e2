//! A small OPC UA server and a running adapter, for the tests against a real connection.

use std::sync::Arc;
use std::time::Duration;

use adapter::testing::signal;
use adapter::{Clock, Context, Counters, queue};
use opcua::nodes::{EventNotifier, VariableBuilder};
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, Limits, ServerBuilder, ServerEndpoint, ServerHandle, ServerUserToken};
use opcua::types::{DataValue, NodeId, StatusCode, VariableId, Variant};
use opcua_adapter::OpcuaAdapter;
use plant::{DataType, Link, LinkSettings, OpcuaAccess, OpcuaSecurity, OpcuaSettings, Origin, Signal};
use telemetry::{Event, LinkId, LinkState, Sample};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The namespace of the plant's nodes.
pub(crate) const NAMESPACE: &str = "http://example.com/line;1";
/// The same in an address.
pub(crate) const NSU: &str = "nsu=http://example.com/line%3B1";
/// No wait is longer: only a failing test waits so long.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A server with a folder `Weld20` that holds variables.
pub(crate) struct Server {
    pub(crate) handle: ServerHandle,
    pub(crate) url: String,
    pub(crate) port: u16,
    manager: Arc<SimpleNodeManager>,
    index: u16,
    task: JoinHandle<Result<(), String>>,
    _pki: TempDir,
}

impl Server {
    /// Starts on a free port.
    pub(crate) async fn start(variables: &[(&str, Variant)]) -> Self {
        Self::start_at(0, &[NAMESPACE], ANONYMOUS_USER_TOKEN_ID, variables).await
    }

    /// Starts on that port, with namespaces of which one is [`NAMESPACE`].
    pub(crate) async fn start_at(port: u16, namespaces: &[&str], user: &str, variables: &[(&str, Variant)]) -> Self {
        Self::start_limited(port, namespaces, user, variables, |_| {}).await
    }

    /// As [`Self::start_at`], with other limits.
    pub(crate) async fn start_limited(
        port: u16,
        namespaces: &[&str],
        user: &str,
        variables: &[(&str, Variant)],
        limit: impl FnOnce(&mut Limits),
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pki = TempDir::new().unwrap();
        let mut builder = ServerBuilder::new()
            .application_name("bench")
            .application_uri("urn:bench")
            .product_uri("urn:bench")
            .host("127.0.0.1")
            .port(port)
            .pki_dir(pki.path())
            .discovery_urls(vec![format!("opc.tcp://127.0.0.1:{port}/")])
            .add_user_token("operator", ServerUserToken::user_pass("operator", "secret"))
            .add_endpoint("none", ServerEndpoint::new_none("/", &[user.to_owned()]))
            .subscription_poll_interval_ms(10)
            .diagnostics_enabled(true);
        builder.limits_mut().subscriptions.min_publishing_interval_ms = 10.0;
        builder.limits_mut().subscriptions.min_sampling_interval_ms = 1.0;
        limit(builder.limits_mut());
        for &uri in namespaces {
            let metadata = NamespaceMetadata { namespace_uri: uri.to_owned(), ..Default::default() };
            builder = builder.with_node_manager(simple_node_manager(metadata, uri));
        }
        let (server, handle) = builder.build().unwrap();
        let manager = handle.node_managers().get_by_name::<SimpleNodeManager>(NAMESPACE).unwrap();
        let index = handle.get_namespace_index(NAMESPACE).unwrap();
        let server = Self {
            url: format!("opc.tcp://127.0.0.1:{port}/"),
            port,
            manager,
            index,
            task: tokio::spawn(server.run_with(listener)),
            handle,
            _pki: pki,
        };
        server.fill(variables);
        server
    }

    fn fill(&self, variables: &[(&str, Variant)]) {
        let mut space = self.manager.address_space().write();
        let folder = NodeId::new(self.index, "Weld20");
        opcua::nodes::ObjectBuilder::new(&folder, "Weld 20", "Weld 20")
            .event_notifier(EventNotifier::empty())
            .organized_by(NodeId::objects_folder_id())
            .insert(&mut *space);
        // A way back to the top, which browsing must not follow for ever.
        space.insert_reference(&folder, &NodeId::objects_folder_id(), opcua::types::ReferenceTypeId::Organizes);
        for (name, value) in variables {
            let data_type = value.data_type().unwrap().node_id;
            let rank = if value.is_array() { 1 } else { -1 };
            VariableBuilder::new(&self.node(name), *name, *name)
                .description(if *name == "Current" { "Weld current" } else { "" })
                .data_type(data_type)
                .value_rank(rank)
                .value(value.clone())
                .organized_by(&folder)
                .insert(&mut *space);
        }
    }

    /// The node of a variable.
    pub(crate) fn node(&self, name: &str) -> NodeId {
        NodeId::new(self.index, format!("Weld20.{name}"))
    }

    /// Writes a variable as the process would.
    pub(crate) fn set(&self, name: &str, value: DataValue) {
        self.manager.set_value(self.handle.subscriptions(), &self.node(name), None, value).unwrap();
    }

    /// How many sessions the server has.
    pub(crate) fn sessions(&self) -> u32 {
        let count = VariableId::Server_ServerDiagnostics_ServerDiagnosticsSummary_CurrentSessionCount;
        match self.handle.info().summary().get(count).and_then(|value| value.value) {
            Some(Variant::UInt32(count)) => count,
            other => panic!("the session count is {other:?}"),
        }
    }

    /// Stops and frees the port.
    pub(crate) async fn stop(self) {
        self.handle.cancel();
        bounded("the server to stop", self.task).await.unwrap().unwrap();
    }
}

/// An adapter at work.
pub(crate) struct Running {
    pub(crate) counters: Arc<Counters>,
    pub(crate) inputs: mpsc::Receiver<Event>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// An adapter of signals `(address, type)`, whose ids count from 0.
    pub(crate) fn start(url: &str, signals: &[(String, DataType)], queue_size: u32) -> Self {
        let signals: Vec<Signal> = signals
            .iter()
            .enumerate()
            .map(|(id, (address, data_type))| signal(id as u32, address, *data_type))
            .collect();
        let settings = OpcuaSettings {
            access: open(),
            publishing_interval_s: 0.05,
            sampling_interval_s: 0.01,
            queue_size,
            retry_interval_s: 1.0,
            ..OpcuaSettings::at(url)
        };
        let link = link(settings.clone());
        let adapter = OpcuaAdapter::new(&link, &settings, &signals.iter().collect::<Vec<_>>()).unwrap();
        let (sender, inputs) = queue(64);
        let stop = CancellationToken::new();
        let context = Context::new(LinkId(0), Clock::system(), stop.clone(), sender);
        Self { counters: Arc::clone(&context.counters), inputs, stop, task: tokio::spawn(adapter.run(context)) }
    }

    /// The next change of the link's state.
    pub(crate) async fn state(&mut self) -> LinkState {
        loop {
            if let Event::Link { state, .. } = self.next().await {
                return state;
            }
        }
    }

    /// The next sample that is wanted.
    pub(crate) async fn sample(&mut self, wanted: impl Fn(&Sample) -> bool) -> Sample {
        loop {
            if let Event::Samples(batch) = self.next().await
                && let Some(&sample) = batch.samples.iter().find(|sample| wanted(sample))
            {
                return sample;
            }
        }
    }

    /// The first sample of each of the signals from 0.
    pub(crate) async fn first_samples(&mut self, count: usize) -> Vec<Sample> {
        let mut first: Vec<Option<Sample>> = vec![None; count];
        while first.iter().any(Option::is_none) {
            if let Event::Samples(batch) = self.next().await {
                for sample in batch.samples {
                    first[sample.signal.index()].get_or_insert(sample);
                }
            }
        }
        first.into_iter().flatten().collect()
    }

    async fn next(&mut self) -> Event {
        bounded("an input", self.inputs.recv()).await.expect("the adapter runs")
    }

    /// Stops the adapter and waits until it has said goodbye.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        bounded("the adapter to stop", self.task).await.unwrap();
    }
}

/// Waits for something, but not for ever.
pub(crate) async fn bounded<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Without security, as nobody in particular.
pub(crate) fn open() -> OpcuaAccess {
    OpcuaAccess { security: OpcuaSecurity::None, ..OpcuaSettings::at("").access }
}

pub(crate) fn link(settings: OpcuaSettings) -> Link {
    Link {
        id: LinkId(0),
        name: "weld".into(),
        settings: LinkSettings::Opcua(settings),
        origin: Origin { file: "plant.toml".into(), line: 2 },
    }
}

/// A data value with both times.
pub(crate) fn data(value: impl Into<Variant>, status: StatusCode, source: opcua::types::DateTime) -> DataValue {
    DataValue::new_at_status(value, source, status)
}
