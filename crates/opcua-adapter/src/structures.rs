//! Which structures of a message are decoded.
//!
//! async-opcua 0.19 gives an argument of a method as many dimensions as its rank says, whatever the message holds: 60 bytes of it take
//! 8 GiB. No signal is an argument, so their bytes are left as they are.

use std::io::Read;

use opcua::types::type_loader::FallbackTypeLoader;
use opcua::types::{
    Context, ContextOwned, DataTypeId, DynEncodable, EncodingResult, Error, GeneratedTypeLoader, NodeId, ObjectId,
    TypeLoader, TypeLoaderCollection, TypeLoaderPriority,
};

/// Leaves arguments as bytes from now on.
pub(crate) fn leave_arguments(types: &mut ContextOwned) {
    let mut loaders = TypeLoaderCollection::new_empty();
    loaders.add_type_loader(Arguments);
    loaders.add_type_loader(GeneratedTypeLoader);
    loaders.add_type_loader(FallbackTypeLoader);
    *types.loaders_mut() = loaders;
}

struct Arguments;

impl TypeLoader for Arguments {
    fn load_from_binary(
        &self,
        node_id: &NodeId,
        stream: &mut dyn Read,
        context: &Context<'_>,
        length: Option<usize>,
    ) -> Option<EncodingResult<Box<dyn DynEncodable>>> {
        let is_argument = *node_id == ObjectId::Argument_Encoding_DefaultBinary || *node_id == DataTypeId::Argument;
        if !is_argument {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use opcua::types::type_loader::ByteStringBody;
    use opcua::types::{BinaryDecodable, BinaryEncodable, ExtensionObject, Range};

    use super::*;

    /// An extension object of that type with a body of its own.
    fn message(node: u16, body: &[u8]) -> Vec<u8> {
        let [low, high] = node.to_le_bytes();
        let length = i32::try_from(body.len()).unwrap().to_le_bytes();
        [&[1, 0, low, high, 1], &length[..], body].concat()
    }

    fn types() -> ContextOwned {
        let mut types = ContextOwned::default();
        leave_arguments(&mut types);
        types
    }

    fn decoded(message: &[u8]) -> ExtensionObject {
        ExtensionObject::decode(&mut Cursor::new(message), &types().context()).unwrap()
    }

    #[test]
    fn an_argument_with_two_thousand_million_dimensions_takes_no_memory() {
        let (name, data_type, rank) = ([0xff; 4], [0, 0], i32::MAX.to_le_bytes());
        let (dimensions, description) = (0_i32.to_le_bytes(), [0]);
        let argument = [&name[..], &data_type, &rank, &dimensions, &description].concat();
        for node in [298, 296] {
            let object = decoded(&message(node, &argument));
            assert!(object.inner_as::<ByteStringBody>().is_some(), "{object:?}");
            // As a structure of the server's own would have one.
            let (types, node) = (types(), NodeId::new(0, u32::from(node)));
            let inside = types.context().load_from_binary(&node, &mut Cursor::new(&argument), None).unwrap_err();
            assert!(inside.to_string().contains("within a structure"), "{inside}");
        }
    }

    #[test]
    fn other_structures_are_decoded() {
        let types = ContextOwned::default();
        let range = Range { low: 1.0, high: 2.0 };
        let object = decoded(&message(886, &range.encode_to_vec(&types.context())));
        assert_eq!(object.inner_as::<Range>(), Some(&range));
    }
}
