//! What to monitor: each variable once, whatever number of signals come from it.

use std::collections::{BTreeMap, HashMap};

use adapter::LinkError;
use opcua::client::Session;
use opcua::client::custom_types::DataTypeTreeBuilder;
use opcua::types::{
    BrowsePath, NamespaceMap, NodeId, ObjectId, QualifiedName, ReferenceTypeId, RelativePath, RelativePathElement,
    StatusCode, VariableId,
};
use plant::Signal;

use crate::address::{Address, Namespace, Place, Relation, Step};
use crate::connection::failed;
use crate::decoding::own_structures;
use crate::events::EventSignal;
use crate::limits::operation_limit;

/// Browse paths per request where the server states no limit.
const PATHS_PER_REQUEST: usize = 200;

/// A signal, and where in its variable's value it is.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) signal: Signal,
    pub(crate) part: Vec<String>,
}

/// A node of the server, and the signals that come from it.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) place: Place,
    pub(crate) watch: Watch,
    pub(crate) items: Vec<Item>,
}

/// What of a node is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Its value.
    Value,
    /// Its events.
    Events,
}

impl Point {
    /// The node that notifies of the events that these signals tell.
    pub(crate) fn of_events(place: Place, signals: &[EventSignal]) -> Self {
        let item = |event: &EventSignal| Item { signal: event.signal.clone(), part: Vec::new() };
        Self { place, watch: Watch::Events, items: signals.iter().map(item).collect() }
    }
}

/// Puts the signals of one variable together.
pub(crate) fn points(signals: Vec<(Signal, Address)>) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut known: HashMap<Place, usize> = HashMap::new();
    for (signal, Address { place, part }) in signals {
        let index = *known.entry(place.clone()).or_insert_with(|| {
            points.push(Point { place, watch: Watch::Value, items: Vec::new() });
            points.len() - 1
        });
        points[index].items.push(Item { signal, part });
    }
    points
}

/// Loads the types of structures, if a signal comes from inside of one.
///
/// # Errors
/// If the server does not tell its types.
pub(crate) async fn load_types(session: &Session, points: &[Point], url: &str) -> Result<(), LinkError> {
    let is_field = |step: &String| step.parse::<usize>().is_err();
    if !points.iter().flat_map(|point| &point.items).any(|item| item.part.iter().any(is_field)) {
        return Ok(());
    }
    let tree = DataTypeTreeBuilder::new(|_| true).build(session).await;
    let tree = tree.map_err(|error| LinkError::Lost(failed(url, "cannot read the types of structures", error)))?;
    session.add_type_loader(own_structures(tree));
    Ok(())
}

/// The node of each of these points at this server, in their order, or why it has none. Indices of namespaces hold for this
/// session only.
///
/// # Errors
/// If the server does not answer.
pub(crate) async fn resolve(
    session: &Session,
    points: &[Point],
    wanted: &[usize],
    url: &str,
) -> Result<Vec<Result<NodeId, StatusCode>>, LinkError> {
    let namespaces = session.read_namespace_array().await;
    let namespaces =
        namespaces.map_err(|error| LinkError::Lost(failed(url, "cannot read the namespace table", error)))?;
    let mut resolved = Vec::with_capacity(wanted.len());
    let (mut paths, mut of_path) = (Vec::new(), Vec::new());
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for &index in wanted {
        let point = &points[index];
        let found = match &point.place {
            Place::Node(node) => match node.try_resolve(&namespaces) {
                Some(node) => Ok(node.into_owned()),
                None => Err(node.namespace_uri.to_string()),
            },
            Place::Path(steps) => browse_path(steps, &namespaces).map(|path| {
                paths.push(path);
                of_path.push(resolved.len());
                NodeId::null()
            }),
        };
        resolved.push(found.map_err(|uri| {
            let signals = point.items.iter().map(|item| item.signal.path.as_str());
            missing.entry(uri).or_default().extend(signals);
            StatusCode::BadNodeIdUnknown
        }));
    }
    for (uri, signals) in missing {
        let mut there: Vec<&String> = namespaces.known_namespaces().keys().collect();
        there.sort();
        tracing::warn!(url, uri, ?signals, ?there, "the server does not have the namespace of these signals");
    }
    for (at, node) in of_path.into_iter().zip(translate(session, &paths, url).await?) {
        resolved[at] = node;
    }
    Ok(resolved)
}

/// Where the paths lead; as many answers as paths.
async fn translate(
    session: &Session,
    paths: &[BrowsePath],
    url: &str,
) -> Result<Vec<Result<NodeId, StatusCode>>, LinkError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let limit = VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds;
    let mut nodes = Vec::with_capacity(paths.len());
    for paths in paths.chunks(operation_limit(session, limit, PATHS_PER_REQUEST).await) {
        let results = session.translate_browse_paths_to_node_ids(paths).await;
        let results = results.map_err(|error| LinkError::Lost(failed(url, "cannot resolve browse paths", error)))?;
        if results.len() != paths.len() {
            let problem = format!("{} browse paths got {} answers", paths.len(), results.len());
            return Err(LinkError::Lost(format!("{url}: {problem}")));
        }
        nodes.extend(results.into_iter().map(|result| {
            // More than one target: the first is as good as any, and the standard allows to take it.
            let target = result.targets.into_iter().flatten().find(|target| target.remaining_path_index == u32::MAX);
            match target {
                Some(target) if result.status_code.is_good() => Ok(target.target_id.node_id),
                _ if result.status_code.is_bad() => Err(result.status_code),
                _ => Err(StatusCode::BadNoMatch),
            }
        }));
    }
    Ok(nodes)
}

/// The path in this session's namespaces.
///
/// # Errors
/// The URI of a namespace that the server does not have.
fn browse_path(steps: &[Step], namespaces: &NamespaceMap) -> Result<BrowsePath, String> {
    let elements = steps.iter().map(|step| {
        let namespace = match &step.namespace {
            Namespace::Index(index) => *index,
            Namespace::Uri(uri) => namespaces.get_index(uri).ok_or_else(|| uri.clone())?,
        };
        let reference = match step.relation {
            Relation::Hierarchical => ReferenceTypeId::HierarchicalReferences,
            Relation::Aggregates => ReferenceTypeId::Aggregates,
        };
        Ok(RelativePathElement {
            reference_type_id: reference.into(),
            is_inverse: false,
            include_subtypes: true,
            target_name: QualifiedName::new(namespace, step.name.as_str()),
        })
    });
    Ok(BrowsePath {
        starting_node: ObjectId::RootFolder.into(),
        relative_path: RelativePath { elements: Some(elements.collect::<Result<_, String>>()?) },
    })
}
