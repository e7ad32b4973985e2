use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use adapter::{BrowseError, BrowsedTag};
use futures_util::{StreamExt, pin_mut};
use opcua::client::Session;
use opcua::client::browser::{BrowseFilter, BrowseResultItem};
use opcua::types::{
    AttributeId, BrowseDescription, DataTypeId, DataValue, EUInformation, NamespaceMap, NodeClass, NodeClassMask,
    NodeId, ObjectId, ReadValueId, ReferenceDescription, ReferenceTypeId, TimestampsToReturn, VariableId, Variant,
};
use plant::{DataType, OpcuaAccess};

use crate::address;
use crate::connection::{Connection, described, failed};
use crate::deep::wait_deep;
use crate::limits::operation_limit;

/// How far below the Objects folder variables are looked for.
const DEPTH_MAX: usize = 16;
/// The most nodes that are looked at.
const NODES_MAX: usize = 100_000;
/// The most nodes in one browse request, and references of one node in its answer.
const NODES_PER_BROWSE: usize = 100;
const REFERENCES_PER_NODE: u32 = 1000;
/// The most attributes in one read request.
const READS_PER_REQUEST: usize = 500;
/// The most characters of a value that a description shows.
const SHOWN_CHARS_MAX: usize = 60;

/// Every scalar variable below the server's Objects folder, except those of the Server object, sorted by name.
///
/// `url` is `opc.tcp://host:port/path`. Arrays, structures and other types that no signal can have are left out. At most
/// 16 levels and 100,000 nodes are looked at; if that is not all, a warning says so.
///
/// # Errors
/// If the server cannot be reached or does not answer.
pub async fn browse(url: &str, access: &OpcuaAccess) -> Result<Vec<BrowsedTag>, BrowseError> {
    let (url, access) = (url.to_owned(), access.clone());
    wait_deep(async move { browse_all(&url, &access).await }).await.map_err(BrowseError)?
}

async fn browse_all(url: &str, access: &OpcuaAccess) -> Result<Vec<BrowsedTag>, BrowseError> {
    let mut connection = Connection::open(url, access).await.map_err(BrowseError)?;
    let session = connection.session();
    let found = connection.with(tags(&session, url)).await;
    if !connection.close().await {
        tracing::debug!(url, "the session could not be closed in order");
    }
    found.map_err(BrowseError)
}

async fn tags(session: &Session, url: &str) -> Result<Vec<BrowsedTag>, String> {
    let namespaces =
        session.read_namespace_array().await.map_err(|error| failed(url, "cannot read the namespace table", error))?;
    let variables = walk(session, &namespaces, url).await?;
    let mut tags = Vec::new();
    let chunk = operation_limit(
        session,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        READS_PER_REQUEST,
    );
    let chunk = (chunk.await / READS_PER_VARIABLE).max(1);
    for variables in variables.chunks(chunk) {
        tags.extend(read(session, variables, &namespaces, url).await?);
    }
    make_unique(&mut tags);
    tags.sort_by(|a, b| a.signal.cmp(&b.signal));
    Ok(tags)
}

/// A variable found.
struct Variable {
    node: NodeId,
    name: String,
    /// The property that holds its unit.
    unit: Option<NodeId>,
}

/// Finds the variables, breadth first; the library browses no node twice and follows continuation points.
async fn walk(session: &Session, namespaces: &NamespaceMap, url: &str) -> Result<Vec<Variable>, String> {
    let filter = BrowseFilter::new_hierarchical().node_class_mask(NodeClassMask::OBJECT | NodeClassMask::VARIABLE);
    let (seen, cut) = (AtomicUsize::new(0), AtomicBool::new(false));
    let next = |result: &BrowseResultItem| -> Vec<BrowseDescription> {
        let inner = result.references().iter().filter(|reference| is_inner(reference));
        let next: Vec<_> =
            inner.map(|reference| filter.new_description_from_node(reference.node_id.node_id.clone())).collect();
        let total = seen.fetch_add(next.len(), Ordering::Relaxed) + next.len();
        if !next.is_empty() && (result.depth() >= DEPTH_MAX || total > NODES_MAX) {
            cut.store(true, Ordering::Relaxed);
            return Vec::new();
        }
        next
    };
    let limit = VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse;
    let results = session
        .browser()
        .max_nodes_per_request(operation_limit(session, limit, NODES_PER_BROWSE).await)
        .max_references_per_node(REFERENCES_PER_NODE)
        .max_continuation_point_retries(3)
        .handler(next)
        .run(vec![filter.new_description_from_node(NodeId::objects_folder_id())]);
    pin_mut!(results);
    let mut found = Found::default();
    while let Some(result) = results.next().await {
        let result = result.map_err(|error| failed(url, "browsing failed", error))?;
        if result.status().is_bad() {
            tracing::warn!(url, node = %result.parent_id(), status = described(result.status()), "cannot browse a node");
        }
        found.take(result, namespaces);
    }
    if cut.load(Ordering::Relaxed) {
        tracing::warn!(url, "there is more than {NODES_MAX} nodes or {DEPTH_MAX} levels; the list is not complete");
    }
    Ok(found.variables())
}

/// Whether the node is one to look into: an object or variable that is no property and not the Server object.
fn is_inner(reference: &ReferenceDescription) -> bool {
    reference.node_id.server_index == 0
        && reference.reference_type_id != ReferenceTypeId::HasProperty
        && reference.node_id.node_id != ObjectId::Server
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    names: HashMap<NodeId, String>,
    nodes: Vec<NodeId>,
    units: HashMap<NodeId, NodeId>,
}

impl Found {
    fn take(&mut self, result: BrowseResultItem, namespaces: &NamespaceMap) {
        let (parent, references) = result.into_results();
        for reference in references {
            let Some(node) = reference.node_id.try_resolve(namespaces).map(|node| node.into_owned()) else { continue };
            let name = reference.browse_name.name.as_ref();
            if reference.reference_type_id == ReferenceTypeId::HasProperty && name == "EngineeringUnits" {
                self.units.insert(parent.clone(), node);
            } else if is_inner(&reference) && !self.names.contains_key(&node) {
                let name = self.name_below(&parent, name);
                self.names.insert(node.clone(), name);
                if reference.node_class == NodeClass::Variable {
                    self.nodes.push(node);
                }
            }
        }
    }

    /// The browse names from below the Objects folder, joined by dots, of the characters that a signal's name may have.
    fn name_below(&self, parent: &NodeId, name: &str) -> String {
        let allowed =
            |letter: char| if letter.is_ascii_alphanumeric() || "_.-".contains(letter) { letter } else { '_' };
        let name: String = name.chars().map(allowed).collect();
        match self.names.get(parent) {
            Some(parent) => format!("{parent}.{name}"),
            None => name,
        }
    }

    fn variables(mut self) -> Vec<Variable> {
        let nodes = std::mem::take(&mut self.nodes).into_iter();
        nodes
            .map(|node| Variable {
                name: self.names.remove(&node).unwrap_or_default(),
                unit: self.units.remove(&node),
                node,
            })
            .collect()
    }
}

/// Attributes and property values that are read of each variable at once.
const READS_PER_VARIABLE: usize = 4;

async fn read(
    session: &Session,
    variables: &[Variable],
    namespaces: &NamespaceMap,
    url: &str,
) -> Result<Vec<BrowsedTag>, String> {
    let attributes = variables.iter().flat_map(|variable| {
        let attribute = |id| ReadValueId::new(variable.node.clone(), id);
        // The null node stands for a missing property, so that each variable has as many answers.
        let unit = ReadValueId::new(variable.unit.clone().unwrap_or_else(NodeId::null), AttributeId::Value);
        [attribute(AttributeId::DataType), attribute(AttributeId::ValueRank), attribute(AttributeId::Description), unit]
    });
    let attributes = read_all(session, attributes.collect(), url).await?;
    let scalars: Vec<_> = variables
        .iter()
        .zip(attributes.chunks(READS_PER_VARIABLE))
        .filter(|(_, attributes)| is_scalar(&attributes[1]))
        .collect();
    // Values are read of scalars only, because arrays could be larger than a message.
    let values = scalars.iter().map(|(variable, _)| ReadValueId::new(variable.node.clone(), AttributeId::Value));
    let values = read_all(session, values.collect(), url).await?;
    let tags = scalars.iter().zip(&values).filter_map(|((variable, attributes), value)| {
        let data_type = data_type_of(value).or_else(|| declared_data_type(&attributes[0]))?;
        Some(BrowsedTag {
            signal: variable.name.clone(),
            address: address::format(&variable.node, namespace_uri(namespaces, variable.node.namespace)),
            data_type,
            order: None,
            unit: unit(&attributes[3]),
            description: localized(&attributes[2]).unwrap_or_else(|| shown(value)),
        })
    });
    Ok(tags.collect())
}

/// Reads everything; the answer is as long as the question.
async fn read_all(session: &Session, nodes: Vec<ReadValueId>, url: &str) -> Result<Vec<DataValue>, String> {
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let values = session.read(&nodes, TimestampsToReturn::Neither, 0.0).await;
    let values = values.map_err(|error| failed(url, "cannot read what was found", error))?;
    if values.len() != nodes.len() {
        return Err(format!("{url}: the server answered {} reads with {} values", nodes.len(), values.len()));
    }
    Ok(values)
}

/// A rank that allows scalars: -1 scalar, -2 anything, -3 scalar or one dimension.
fn is_scalar(rank: &DataValue) -> bool {
    !matches!(rank.value, Some(Variant::Int32(rank)) if rank >= 0)
}

fn data_type_of(value: &DataValue) -> Option<DataType> {
    match value.value.as_ref()? {
        Variant::Boolean(_) => Some(DataType::Bool),
        Variant::SByte(_) | Variant::Int16(_) => Some(DataType::I16),
        Variant::Byte(_) | Variant::UInt16(_) => Some(DataType::U16),
        Variant::Int32(_) => Some(DataType::I32),
        Variant::UInt32(_) => Some(DataType::U32),
        Variant::Int64(_) => Some(DataType::I64),
        Variant::UInt64(_) => Some(DataType::U64),
        Variant::Float(_) => Some(DataType::F32),
        Variant::Double(_) => Some(DataType::F64),
        Variant::String(_) | Variant::LocalizedText(_) | Variant::DateTime(_) => Some(DataType::Text),
        _ => None,
    }
}

/// For a variable that holds no value yet.
fn declared_data_type(attribute: &DataValue) -> Option<DataType> {
    let Some(Variant::NodeId(node)) = &attribute.value else { return None };
    match node.as_data_type_id().ok()? {
        DataTypeId::Boolean => Some(DataType::Bool),
        DataTypeId::SByte | DataTypeId::Int16 => Some(DataType::I16),
        DataTypeId::Byte | DataTypeId::UInt16 => Some(DataType::U16),
        DataTypeId::Int32 | DataTypeId::Enumeration => Some(DataType::I32),
        DataTypeId::UInt32 => Some(DataType::U32),
        DataTypeId::Int64 => Some(DataType::I64),
        DataTypeId::UInt64 => Some(DataType::U64),
        DataTypeId::Float => Some(DataType::F32),
        DataTypeId::Double | DataTypeId::Duration => Some(DataType::F64),
        DataTypeId::String | DataTypeId::LocalizedText | DataTypeId::DateTime | DataTypeId::UtcTime => {
            Some(DataType::Text)
        }
        _ => None,
    }
}

fn unit(property: &DataValue) -> String {
    let Some(Variant::ExtensionObject(object)) = &property.value else { return String::new() };
    object.inner_as::<EUInformation>().map(|unit| unit.display_name.text.to_string()).unwrap_or_default()
}

fn localized(attribute: &DataValue) -> Option<String> {
    match &attribute.value {
        Some(Variant::LocalizedText(text)) if !text.text.is_empty() => Some(text.text.to_string()),
        _ => None,
    }
}

fn shown(value: &DataValue) -> String {
    match &value.value {
        Some(value) => value.to_string().chars().take(SHOWN_CHARS_MAX).collect(),
        None => String::new(),
    }
}

fn namespace_uri(namespaces: &NamespaceMap, index: u16) -> Option<&str> {
    namespaces.known_namespaces().iter().find(|&(_, &known)| known == index).map(|(uri, _)| uri.as_str())
}

/// Numbers the names that occur more than once.
fn make_unique(tags: &mut [BrowsedTag]) {
    let mut taken = HashSet::new();
    for tag in tags {
        let mut name = tag.signal.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{}.{number}", tag.signal);
        }
        tag.signal = name;
    }
}
