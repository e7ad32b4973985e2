//! A stack that is deep enough for what a server may send.
//!
//! In OPC UA a value may hold a value, and so on, without an end but that of the message (OPC 10000-6, 5.2.2.16). async-opcua 0.19
//! bounds that for variants and structures, but neither for a data value in a variant nor for diagnostics in diagnostics, and decodes
//! by recursion: 3 KiB of such a message overflow the stack of a thread, which ends the process.

use std::future::poll_fn;
use std::pin::pin;

/// How deep the stack is, bytes. Of it only what is used takes memory. A level takes up to 1.5 KiB and 2 bytes of the message, so that
/// this is enough for 170 KiB of nothing but levels, 1300 times as deep as the standard asks a decoder to be.
const STACK_BYTES: usize = 256 << 20;

/// Does that on a deep stack.
pub(crate) fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, work)
}

/// Waits for that on a deep stack.
pub(crate) async fn wait_deep<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| deep(|| future.as_mut().poll(context))).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use opcua::types::{BinaryDecodable, ContextOwned, DataValue, DiagnosticInfo};

    use super::*;

    const LEVELS: usize = 10_000;

    /// Data values in variants: each level says that there is a value, which is one.
    fn values() -> Vec<u8> {
        [&[1, 23].repeat(LEVELS)[..], &[0]].concat()
    }

    /// Diagnostics with inner ones.
    fn diagnostics() -> Vec<u8> {
        [&[0x40].repeat(LEVELS)[..], &[0]].concat()
    }

    fn decode() {
        let types = ContextOwned::default();
        let value = DataValue::decode(&mut Cursor::new(values()), &types.context()).unwrap();
        assert!(value.value.is_some());
        DiagnosticInfo::decode(&mut Cursor::new(diagnostics()), &types.context()).unwrap();
    }

    #[test]
    fn what_is_nested_without_a_bound_does_not_overflow_the_stack() {
        deep(decode);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async { tokio::spawn(wait_deep(async { decode() })).await.unwrap() });
    }
}
