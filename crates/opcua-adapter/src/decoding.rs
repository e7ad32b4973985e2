//! How the values and structures of messages are decoded, and within which bounds.
//!
//! The bounds of async-opcua 0.19 are too narrow in one place, ten levels where the standard asks for a hundred, and missing in others.

use std::io::{self, Read};
use std::sync::Arc;

use opcua::types::custom::{DataTypeTree, DynamicTypeLoader};
use opcua::types::encoding::DepthGauge;
use opcua::types::type_loader::FallbackTypeLoader;
use opcua::types::{
    Context, ContextOwned, DataTypeId, DynEncodable, EncodingResult, Error, GeneratedTypeLoader, NodeId, ObjectId,
    TypeLoader, TypeLoaderCollection, TypeLoaderPriority,
};

/// How deep values and structures may be nested in each other (OPC 10000-6, 5.1.9: at least 100).
const LEVELS_MAX: u64 = 100;

/// Sets the bounds, before the first message.
pub(crate) fn set_bounds(types: &mut ContextOwned) {
    let mut loaders = TypeLoaderCollection::new_empty();
    loaders.add_type_loader(Arguments);
    loaders.add_type_loader(GeneratedTypeLoader);
    loaders.add_type_loader(FallbackTypeLoader);
    *types.loaders_mut() = loaders;
    types.options_mut().decoding_depth_gauge = DepthGauge::new(LEVELS_MAX);
}

/// What decodes the structures that a server has of its own.
pub(crate) fn own_structures(tree: DataTypeTree) -> Arc<dyn TypeLoader> {
    Arc::new(OwnStructures(DynamicTypeLoader::new(Arc::new(tree))))
}

/// The standard's structures that are an argument of a method or hold some, and their encodings.
const WITH_ARGUMENTS: [(DataTypeId, ObjectId); 3] = [
    (DataTypeId::Argument, ObjectId::Argument_Encoding_DefaultBinary),
    (DataTypeId::ProgramDiagnosticDataType, ObjectId::ProgramDiagnosticDataType_Encoding_DefaultBinary),
    (DataTypeId::ProgramDiagnostic2DataType, ObjectId::ProgramDiagnostic2DataType_Encoding_DefaultBinary),
];

/// Leaves arguments of methods as bytes. The library gives one as many dimensions as its rank says, whatever the message holds: 60 bytes
/// of it take 8 GiB. No signal is an argument.
struct Arguments;

impl TypeLoader for Arguments {
    fn load_from_binary(
        &self,
        node_id: &NodeId,
        stream: &mut dyn Read,
        context: &Context<'_>,
        length: Option<usize>,
    ) -> Option<EncodingResult<Box<dyn DynEncodable>>> {
        if !WITH_ARGUMENTS.iter().any(|(data_type, encoding)| node_id == data_type || node_id == encoding) {
            return None;
        }
        // One within another structure does not say where it ends.
        let inside = || Err(Error::decoding("an argument of a method within a structure is not taken"));
        Some(FallbackTypeLoader.load_from_binary(node_id, stream, context, length).unwrap_or_else(inside))
    }

    /// Before those of the standard.
    fn priority(&self) -> TypeLoaderPriority {
        TypeLoaderPriority::Core
    }
}

/// The library's, with a bound for structures in structures. Without one a type that holds itself is decoded until the stack ends, and an
/// array of structures that hold nothing takes memory without a byte of the message.
struct OwnStructures(DynamicTypeLoader);

impl TypeLoader for OwnStructures {
    fn load_from_binary(
        &self,
        node_id: &NodeId,
        stream: &mut dyn Read,
        context: &Context<'_>,
        length: Option<usize>,
    ) -> Option<EncodingResult<Box<dyn DynEncodable>>> {
        let _level = match context.options().depth_lock() {
            Ok(level) => level,
            Err(too_deep) => return Some(Err(too_deep)),
        };
        let mut counted = Counted { stream, bytes: 0 };
        let loaded = self.0.load_from_binary(node_id, &mut counted, context, length)?;
        // Only one within another has no length of its own.
        if length.is_none() && counted.bytes == 0 && loaded.is_ok() {
            return Some(Err(Error::decoding(format!("a structure of type {node_id} within another holds nothing"))));
        }
        Some(loaded)
    }

    fn priority(&self) -> TypeLoaderPriority {
        self.0.priority()
    }
}

struct Counted<'a> {
    stream: &'a mut dyn Read,
    bytes: usize,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.bytes += read;
        Ok(read)
    }
}

/// Structures that a server may have of its own, for fuzzers and tests: two that hold each other, a union, one that holds nothing, one
/// with many of those and one that holds itself. Their numbers are 1 to 6, in the server's own namespace.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod made_up {
    use opcua::types::custom::{EncodingIds, ParentIds, TypeInfo};
    use opcua::types::{StructureDefinition, StructureField, StructureType, data_type_definition::DataTypeDefinition};

    use super::*;

    pub(crate) fn node(number: u32) -> NodeId {
        NodeId::new(1, number)
    }

    fn one(data_type: impl Into<NodeId>) -> StructureField {
        StructureField {
            name: "field".into(),
            data_type: data_type.into(),
            value_rank: -1,
            ..StructureField::default()
        }
    }

    fn many(data_type: impl Into<NodeId>) -> StructureField {
        StructureField { value_rank: 1, ..one(data_type) }
    }

    fn maybe(field: StructureField) -> StructureField {
        StructureField { is_optional: true, ..field }
    }

    /// What decodes the messages of a server that has them.
    pub(crate) fn types() -> ContextOwned {
        let mut types = ContextOwned::default();
        set_bounds(&mut types);
        types.loaders_mut().add(structures());
        types
    }

    fn structures() -> Arc<dyn TypeLoader> {
        use StructureType::{Structure, StructureWithOptionalFields, Union};
        let structures = [
            (Structure, vec![one(DataTypeId::String), many(node(2)), one(DataTypeId::BaseDataType)]),
            (StructureWithOptionalFields, vec![maybe(one(DataTypeId::Double)), maybe(one(node(1))), one(node(3))]),
            (Union, vec![one(node(1)), many(node(3)), one(DataTypeId::DataValue)]),
            (Structure, Vec::new()),
            (Structure, vec![many(node(4))]),
            (Structure, vec![one(node(6))]),
        ];
        let mut parents = ParentIds::new();
        for number in 1..=6 {
            parents.add_type(node(number), DataTypeId::Structure.into());
        }
        let mut tree = DataTypeTree::new(parents);
        for (number, (structure_type, fields)) in (1..).zip(structures) {
            let definition =
                StructureDefinition { structure_type, fields: Some(fields), ..StructureDefinition::default() };
            let info = TypeInfo::from_type_definition(
                DataTypeDefinition::Structure(definition),
                "structure".to_owned(),
                Some(EncodingIds { binary_id: node(number), ..EncodingIds::default() }),
                false,
                &node(number),
                tree.parent_ids(),
            );
            tree.add_type(node(number), info.unwrap_or_else(|problem| panic!("{problem}")));
        }
        own_structures(tree)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use opcua::types::custom::DynamicStructure;
    use opcua::types::type_loader::ByteStringBody;
    use opcua::types::{BinaryDecodable, BinaryEncodable, ExtensionObject, Range, Variant};

    use super::made_up::{node, types};
    use super::*;

    /// An extension object of that type with that body.
    fn object(node: &NodeId, body: &[u8]) -> Result<ExtensionObject, String> {
        let types = types();
        let length = i32::try_from(body.len()).unwrap().to_le_bytes();
        let message = [&node.encode_to_vec(&types.context())[..], &[1], &length, body].concat();
        ExtensionObject::decode(&mut Cursor::new(message), &types.context()).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_refused(node: &NodeId, body: &[u8], expected: &str) {
        let problem = object(node, body).unwrap_err();
        assert!(problem.contains(expected), "{problem}");
    }

    #[test]
    fn an_argument_with_two_thousand_million_dimensions_takes_no_memory() {
        let (name, data_type, rank) = ([0xff; 4], [0, 0], i32::MAX.to_le_bytes());
        let (dimensions, description) = (0_i32.to_le_bytes(), [0]);
        let argument = [&name[..], &data_type, &rank, &dimensions, &description].concat();
        for node in WITH_ARGUMENTS.iter().flat_map(|&(data_type, encoding)| [data_type.into(), encoding.into()]) {
            let left = object(&node, &argument).unwrap();
            assert!(left.inner_as::<ByteStringBody>().is_some(), "{left:?}");
            // As a structure of the server's own would have one.
            let inside = types().context().load_from_binary(&node, &mut Cursor::new(&argument), None).unwrap_err();
            assert!(inside.to_string().contains("within a structure"), "{inside}");
        }
    }

    #[test]
    fn other_structures_are_decoded() {
        let range = Range { low: 1.0, high: 2.0 };
        let body = range.encode_to_vec(&types().context());
        let found = object(&ObjectId::Range_Encoding_DefaultBinary.into(), &body).unwrap();
        assert_eq!(found.inner_as::<Range>(), Some(&range));
        // No text, one of type 2 without its fields that need not be there and with an empty union, and no value.
        let own = [&[0xff; 4][..], &[1, 0, 0, 0], &[0; 4], &[0; 4], &[0]].concat();
        assert!(object(&node(1), &own).unwrap().inner_as::<DynamicStructure>().is_some());
    }

    #[test]
    fn what_holds_nothing_or_itself_is_refused() {
        check_refused(&node(5), &1000_u32.to_le_bytes(), "within another holds nothing");
        check_refused(&node(6), &[0], "maximum recursion depth");
    }

    #[test]
    fn values_are_nested_a_hundred_levels_deep() {
        let nested = |levels: usize| {
            let message = [&[24].repeat(levels)[..], &[1, 1]].concat();
            Variant::decode(&mut Cursor::new(message), &types().context())
        };
        assert!(nested(100).is_ok());
        assert!(nested(101).unwrap_err().to_string().contains("maximum recursion depth"));
    }
}
