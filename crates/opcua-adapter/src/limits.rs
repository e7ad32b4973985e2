use opcua::client::Session;
use opcua::types::{NodeId, ReadValueId, TimestampsToReturn, VariableId, Variant};

/// How many operations one request may hold: the server's limit if it states one, but no more than `ours`.
pub(crate) async fn operation_limit(session: &Session, limit: VariableId, ours: usize) -> usize {
    let node: NodeId = limit.into();
    let read = session.read(&[ReadValueId::from(node)], TimestampsToReturn::Neither, 0.0).await;
    // A server need not have the node; 0 means that there is no limit.
    match read.ok().and_then(|values| values.into_iter().next()).and_then(|value| value.value) {
        Some(Variant::UInt32(limit)) if limit > 0 => ours.min(limit as usize),
        _ => ours,
    }
}
