//! Threads whose stack is deep enough for what a server may send.
//!
//! In OPC UA a value may hold a value, and so on, without an end but that of the message (OPC 10000-6, 5.2.2.16). async-opcua 0.19
//! bounds that for variants and structures, but neither for a data value in a variant nor for diagnostics in diagnostics, and decodes
//! by recursion: 3 KiB of such a message overflow the stack of a thread, which ends the process. So all that hears a server is done by
//! threads of its own, which all links share.

use std::panic::{catch_unwind, resume_unwind};
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// How deep the stack is, bytes. Of it only what is used takes memory. A level takes up to 1.5 KiB and 2 bytes of the message, so that
/// this is enough for 170 KiB of nothing but levels, 1300 times as deep as the standard asks a decoder to be.
const STACK_BYTES: usize = 256 << 20;

/// Waits for that while a thread with a deep stack does it.
///
/// # Errors
/// If the machine gives no thread with such a stack: what to do about it.
pub(crate) async fn wait_deep<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    let task = AbortOnDropHandle::new(runtime()?.spawn(work));
    match task.await {
        Ok(done) => Ok(done),
        Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
        // Only a runtime that ends cancels what nobody dropped, and this one stays.
        Err(cancelled) => Err(cancelled.to_string()),
    }
}

/// Does that on a thread with a deep stack, while this thread waits.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn wait_deep_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let runtime = runtime().unwrap_or_else(|problem| panic!("{problem}"));
    runtime.block_on(wait_deep(async { work() })).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The threads. They are made when the first link needs them, and stay.
fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    RUNTIME.get_or_init(make).as_ref().map_err(Clone::clone)
}

fn make() -> Result<Runtime, String> {
    let build = || Builder::new_multi_thread().enable_all().thread_name("opcua").thread_stack_size(STACK_BYTES).build();
    // tokio panics where it gets no thread.
    let problem = match catch_unwind(build) {
        Ok(Ok(runtime)) => return Ok(runtime),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.downcast::<String>().map_or_else(|_| "tokio panicked".to_owned(), |text| *text),
    };
    let mib = STACK_BYTES >> 20;
    Err(format!(
        "no threads with a stack of {mib} MiB: {problem}; raise the limit of address space (ulimit -v) and restart"
    ))
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
        wait_deep_blocking(decode);
    }
}
