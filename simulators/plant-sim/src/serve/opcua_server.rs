use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use opcua::server::address_space::{AddressSpace, ObjectBuilder, VariableBuilder};
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{Server, ServerBuilder, ServerHandle};
use opcua::types::{
    DataTypeId, DataValue, DateTime, EUInformation, ExtensionObject, NodeId, ObjectId, Range, StatusCode, UAString,
    VariableTypeId, Variant,
};
use telemetry::Timestamp;
use tempfile::TempDir;
use tracing::subscriber::NoSubscriber;

use super::raw::{DataType, Raw, Tag};
use super::task::Task;
use super::{LinkServer, ServeError, listen};
use crate::{Point, PointId, SimLink, Update};

const NAME: &str = "OPC UA server";
/// The namespace of every node of the plant.
const NAMESPACE: &str = "urn:plant-sim";
/// What the address of a point on this server begins with.
const NODE_PREFIX: &str = "nsu=urn:plant-sim;s=";
/// How often subscriptions are served, ms: short enough for a client of a plant that runs 20 times as fast as life.
const POLL_MS: u64 = 25;
/// The shortest sampling interval, ms. Values are pushed, so it costs nothing.
const SAMPLING_MIN_MS: f64 = 1.0;
/// The longest queue of a monitored item: ten seconds of steps.
const QUEUE_MAX: usize = 40;
/// The most publish responses that wait for a slow client, per subscription.
const WAITING_MAX: usize = 100;

/// The points of the battery-pack line over OPC UA: no encryption, anonymous, read-only.
///
/// Namespace `urn:plant-sim`; one folder a station, one variable a point; the source timestamp is the plant's time.
#[derive(Debug)]
pub struct OpcuaServer {
    address: SocketAddr,
    variables: BTreeMap<PointId, Variable>,
    task: Task<Running>,
}

#[derive(Debug)]
struct Variable {
    tag: Tag,
    identifier: String,
    point: Point,
    latest: DataValue,
}

/// What it takes to change values of a server that is up.
struct Running {
    handle: ServerHandle,
    nodes: Arc<SimpleNodeManager>,
    namespace: u16,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl OpcuaServer {
    /// A server that is down, for those `points` of the plant that are offered over OPC UA. Port 0 chooses a free port
    /// when the server comes up first, and keeps it.
    ///
    /// # Errors
    /// If a point's address is no string node id of the namespace `urn:plant-sim`, or its type cannot be served.
    pub fn new(address: SocketAddr, points: &[Point]) -> Result<Self, ServeError> {
        let mut variables = BTreeMap::new();
        for (id, point) in super::offered(points, SimLink::PackOpcua) {
            let tag = Tag::new(point)?;
            let identifier = point
                .address
                .strip_prefix(NODE_PREFIX)
                .ok_or_else(|| tag.error(format!("expected `{NODE_PREFIX}` and a name")))?
                .to_owned();
            let latest = DataValue { status: Some(StatusCode::BadWaitingForInitialData), ..DataValue::default() };
            variables.insert(id, Variable { tag, identifier, point: point.clone(), latest });
        }
        Ok(Self { address, variables, task: Task::down(NAME) })
    }

    /// Where it listens, or will.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn build(&self, pki: &TempDir) -> Result<(Server, Running), String> {
        let host = if self.address.ip().is_unspecified() { "localhost".into() } else { self.address.ip().to_string() };
        let mut builder = ServerBuilder::new_anonymous("plant-sim")
            .application_uri("urn:plant-sim:server")
            .product_uri("urn:plant-sim:server")
            .host(host)
            .port(self.address.port())
            .pki_dir(pki.path())
            .subscription_poll_interval_ms(POLL_MS)
            .with_node_manager(simple_node_manager(
                NamespaceMetadata { namespace_uri: NAMESPACE.into(), ..NamespaceMetadata::default() },
                "plant",
            ));
        let limits = &mut builder.limits_mut().subscriptions;
        limits.min_publishing_interval_ms = POLL_MS as f64;
        limits.min_sampling_interval_ms = SAMPLING_MIN_MS;
        limits.max_monitored_item_queue_size = QUEUE_MAX;
        limits.max_queued_notifications = WAITING_MAX;

        // The library logs as errors that there is no certificate; there need not be one.
        let (server, handle) = tracing::subscriber::with_default(NoSubscriber::default(), || builder.build())?;
        let nodes = handle.node_managers().get_of_type::<SimpleNodeManager>().ok_or("no manager of the nodes")?;
        let namespace = handle.get_namespace_index(NAMESPACE).ok_or("no namespace for the nodes")?;
        self.add_nodes(&mut nodes.address_space().write(), namespace);
        Ok((server, Running { handle, nodes, namespace }))
    }

    fn add_nodes(&self, space: &mut AddressSpace, namespace: u16) {
        let mut folders = HashMap::new();
        for variable in self.variables.values() {
            let (station, name) = variable.point.path.split_once('/').unwrap_or(("plant", &variable.point.path));
            let folder = folders.entry(station).or_insert_with(|| {
                let id = NodeId::new(namespace, station);
                ObjectBuilder::new(&id, station, station)
                    .is_folder()
                    .organized_by(ObjectId::ObjectsFolder)
                    .insert(space);
                id
            });
            variable.add_node(space, namespace, name, folder);
        }
    }
}

impl Variable {
    fn add_node(&self, space: &mut AddressSpace, namespace: u16, name: &str, folder: &NodeId) {
        let id = NodeId::new(namespace, self.identifier.as_str());
        let unit = &self.point.unit;
        let kind = match (self.point.range, unit.is_empty()) {
            (Some(_), _) => VariableTypeId::AnalogItemType,
            (None, false) => VariableTypeId::AnalogUnitType,
            (None, true) => VariableTypeId::BaseDataVariableType,
        };
        VariableBuilder::new(&id, name, name)
            .description(self.point.description.as_str())
            .data_type(data_type(self.tag.data_type))
            .has_type_definition(kind)
            .organized_by(folder.clone())
            .insert(space);
        let mut property = |name: &str, data_type: DataTypeId, value: ExtensionObject| {
            VariableBuilder::new(&NodeId::new(namespace, format!("{}.{name}", self.identifier)), name, name)
                .data_type(data_type)
                .value(value)
                .has_type_definition(VariableTypeId::PropertyType)
                .property_of(id.clone())
                .insert(space);
        };
        if let Some((low, high)) = self.point.range {
            property("EURange", DataTypeId::Range, ExtensionObject::from_message(Range { low, high }));
        }
        if !unit.is_empty() {
            let unit = EUInformation {
                namespace_uri: NAMESPACE.into(),
                unit_id: -1,
                display_name: (*unit).into(),
                description: (*unit).into(),
            };
            property("EngineeringUnits", DataTypeId::EUInformation, ExtensionObject::from_message(unit));
        }
    }
}

impl Running {
    fn set(&self, variable: &Variable) -> Result<(), ServeError> {
        let id = NodeId::new(self.namespace, variable.identifier.as_str());
        self.nodes
            .set_value(self.handle.subscriptions(), &id, None, variable.latest.clone())
            .map_err(|status| variable.tag.error(format!("the OPC UA server refuses the value: {status}")))
    }
}

impl LinkServer for OpcuaServer {
    fn apply(&mut self, updates: &[Update]) -> Result<(), ServeError> {
        for update in updates {
            let Some(variable) = self.variables.get_mut(&update.point) else { continue };
            variable.latest = DataValue {
                value: Some(variant(variable.tag.raw(update.value)?)),
                status: Some(StatusCode::Good),
                source_timestamp: Some(date_time(update.at)),
                server_timestamp: Some(DateTime::now()),
                ..DataValue::default()
            };
            if let Some(running) = self.task.handle() {
                running.set(variable)?;
            }
        }
        Ok(())
    }

    async fn bring_up(&mut self) -> Result<(), ServeError> {
        let listener = listen(NAME, &mut self.address).await?;
        let pki = TempDir::with_prefix("plant-sim-").map_err(|error| self.task.ended(error.to_string()))?;
        let (server, running) = self.build(&pki).map_err(|reason| self.task.ended(reason))?;
        for variable in self.variables.values() {
            running.set(variable)?;
        }
        let token = running.handle.token().clone();
        self.task.spawn(running, |stop| async move {
            let _pki = pki;
            let serving = server.run_with(listener);
            tokio::pin!(serving);
            tokio::select! {
                ended = &mut serving => return ended,
                () = stop.cancelled() => token.cancel(),
            }
            serving.await
        });
        Ok(())
    }

    async fn take_down(&mut self) {
        self.task.close().await;
    }

    fn is_up(&self) -> bool {
        self.task.is_up()
    }

    async fn check(&mut self) -> Result<(), ServeError> {
        self.task.check().await
    }
}

fn data_type(data_type: DataType) -> DataTypeId {
    match data_type {
        DataType::Bool => DataTypeId::Boolean,
        DataType::U16 => DataTypeId::UInt16,
        DataType::I16 => DataTypeId::Int16,
        DataType::U32 => DataTypeId::UInt32,
        DataType::I32 => DataTypeId::Int32,
        DataType::I64 => DataTypeId::Int64,
        DataType::F32 => DataTypeId::Float,
        DataType::F64 => DataTypeId::Double,
        DataType::Text => DataTypeId::String,
    }
}

fn variant(raw: Raw) -> Variant {
    match raw {
        Raw::Bool(condition) => Variant::Boolean(condition),
        Raw::U16(number) => Variant::UInt16(number),
        Raw::I16(number) => Variant::Int16(number),
        Raw::U32(number) => Variant::UInt32(number),
        Raw::I32(number) => Variant::Int32(number),
        Raw::I64(number) => Variant::Int64(number),
        Raw::F32(number) => Variant::Float(number),
        Raw::F64(number) => Variant::Double(number),
        Raw::Text(text) => Variant::String(UAString::from(text.as_str())),
    }
}

/// OPC UA counts 100 ns from the year 1601.
fn date_time(at: Timestamp) -> DateTime {
    const TICKS_FROM_1601_TO_1970: i64 = 116_444_736_000_000_000;
    DateTime::from(at.as_nanos().div_euclid(100) + TICKS_FROM_1601_TO_1970)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use opcua::client::{ClientBuilder, DataChangeCallback, IdentityToken, Session};
    use opcua::types::{AttributeId, MonitoredItemCreateRequest, ReadValueId, TimestampsToReturn};
    use telemetry::{Symbol, Value};
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;
    use crate::serve::raw::tests::point;

    const LIMIT: Duration = Duration::from_secs(20);

    fn sample_points() -> Vec<Point> {
        let node = |name: &str, data_type| point(SimLink::PackOpcua, &format!("{NODE_PREFIX}{name}"), data_type);
        vec![
            node("bool", "bool"),
            node("u16", "u16"),
            node("i16", "i16"),
            node("u32", "u32"),
            node("i32", "i32"),
            node("i64", "i64"),
            node("f32", "f32"),
            Point { unit: "N·m", range: Some((0.0, 50.0)), ..node("f64", "f64") },
            node("text", "text"),
        ]
    }

    fn update(point: u32, at_s: f64, value: Value) -> Update {
        Update { point: PointId(point), at: Timestamp::from_millis(1_800_000_000_000).plus_seconds(at_s), value }
    }

    async fn server() -> OpcuaServer {
        let mut server = OpcuaServer::new("127.0.0.1:0".parse().unwrap(), &sample_points()).unwrap();
        let text = Value::Symbol(Symbol::new("P-7").unwrap());
        let integers = (1..6).map(|point| update(point, 0.0, Value::Integer(i64::from(point))));
        let others = [(0, Value::Boolean(true)), (6, Value::Float(0.5)), (7, Value::Float(42.5)), (8, text)];
        let others = others.into_iter().map(|(point, value)| update(point, 0.0, value));
        server.apply(&integers.chain(others).collect::<Vec<_>>()).unwrap();
        server.bring_up().await.unwrap();
        server
    }

    struct Client {
        session: Arc<Session>,
        namespace: u16,
        connection: JoinHandle<StatusCode>,
        _pki: TempDir,
    }

    impl Client {
        async fn connect(address: SocketAddr) -> Self {
            let pki = TempDir::new().unwrap();
            let mut client = ClientBuilder::new()
                .application_name("test")
                .application_uri("urn:test")
                .pki_dir(pki.path())
                .session_retry_limit(0)
                .client()
                .unwrap();
            let url = format!("opc.tcp://{address}/");
            let (session, events) =
                client.connect_to_matching_endpoint(url.as_str(), IdentityToken::Anonymous).await.unwrap();
            let connection = events.spawn();
            assert!(timeout(LIMIT, session.wait_for_connection()).await.unwrap());
            let namespace = session.get_namespace_index(NAMESPACE).await.unwrap();
            Self { session, namespace, connection, _pki: pki }
        }

        async fn read(&self, node: &str, attribute: AttributeId) -> DataValue {
            let node_id = NodeId::new(self.namespace, node);
            let what = ReadValueId { node_id, attribute_id: attribute as u32, ..ReadValueId::default() };
            self.session.read(&[what], TimestampsToReturn::Both, 0.0).await.unwrap().remove(0)
        }
    }

    #[tokio::test]
    async fn a_client_reads_each_type_with_the_plants_time() {
        let server = server().await;
        let client = Client::connect(server.address()).await;
        for (name, expected) in [
            ("bool", Variant::Boolean(true)),
            ("u16", Variant::UInt16(1)),
            ("i16", Variant::Int16(2)),
            ("u32", Variant::UInt32(3)),
            ("i32", Variant::Int32(4)),
            ("i64", Variant::Int64(5)),
            ("f32", Variant::Float(0.5)),
            ("f64", Variant::Double(42.5)),
            ("text", Variant::String("P-7".into())),
        ] {
            let value = client.read(name, AttributeId::Value).await;
            assert_eq!(value.value, Some(expected.clone()), "{name}");
            assert_eq!(value.status, Some(StatusCode::Good), "{name}");
            assert_eq!(value.source_timestamp, Some((2027, 1, 15, 8, 0, 0).into()), "{name}");
            let data_type = client.read(name, AttributeId::DataType).await;
            let expected = expected.data_type().unwrap().node_id;
            assert_eq!(data_type.value, Some(Variant::NodeId(Box::new(expected))), "{name}");
        }
        let unit = client.read("f64.EngineeringUnits", AttributeId::Value).await;
        let Some(Variant::ExtensionObject(unit)) = unit.value else { panic!("no unit") };
        assert_eq!(unit.inner_as::<EUInformation>().unwrap().display_name, "N·m".into());
    }

    #[tokio::test]
    async fn a_subscription_sees_every_step_of_a_fast_plant() {
        let mut server = server().await;
        let client = Client::connect(server.address()).await;
        let (sender, mut seen) = mpsc::unbounded_channel();
        let callback = DataChangeCallback::new(move |value, _| drop(sender.send(value)));
        let interval = Duration::from_millis(50);
        let subscription = client.session.create_subscription(interval, 100, 20, 0, 0, true, callback).await.unwrap();
        let mut item = MonitoredItemCreateRequest::from(NodeId::new(client.namespace, "f64"));
        item.requested_parameters.sampling_interval = 12.5;
        item.requested_parameters.queue_size = 40;
        client.session.create_monitored_items(subscription, TimestampsToReturn::Both, vec![item]).await.unwrap();
        let first = timeout(LIMIT, seen.recv()).await.unwrap().unwrap();
        assert_eq!(first.value, Some(Variant::Double(42.5)));

        for step in 1..=20 {
            let number = f64::from(step);
            server.apply(&[update(7, number * 0.25, Value::Float(number))]).unwrap();
        }
        for step in 1..=20 {
            let value = timeout(LIMIT, seen.recv()).await.unwrap().unwrap();
            assert_eq!(value.value, Some(Variant::Double(f64::from(step))));
            let expected = date_time(update(7, f64::from(step) * 0.25, Value::Float(0.0)).at);
            assert_eq!(value.source_timestamp, Some(expected));
        }
    }

    #[tokio::test]
    async fn a_lost_link_closes_everything_and_comes_back_at_the_same_port() {
        let mut server = server().await;
        let address = server.address();
        let client = Client::connect(address).await;
        server.take_down().await;
        assert!(!server.is_up());
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        timeout(LIMIT, client.connection).await.unwrap().unwrap();

        server.apply(&[update(7, 60.0, Value::Float(7.0))]).unwrap();
        server.bring_up().await.unwrap();
        assert_eq!(server.address(), address);
        let client = Client::connect(address).await;
        let value = client.read("f64", AttributeId::Value).await;
        assert_eq!(value.value, Some(Variant::Double(7.0)));
        server.check().await.unwrap();
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        let points = [point(SimLink::PackOpcua, "ns=2;s=torque", "f64")];
        let error = OpcuaServer::new("127.0.0.1:0".parse().unwrap(), &points).unwrap_err().to_string();
        assert!(error.contains("ns=2;s=torque") && error.contains(NODE_PREFIX), "{error}");
    }
}
