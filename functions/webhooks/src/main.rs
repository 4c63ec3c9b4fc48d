//! Lambda entry point; the handler is in the library.

use mimalloc::MiMalloc;

/// A webhook is some thousand allocations that live for a tenth of a millisecond, on one thread: the system's allocator takes a lock for
/// each, which is an eighth of all that a webhook costs. A crash leaves nothing behind that the system's would not.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    signalbox::function::serve(signalbox_webhooks::build).await
}
