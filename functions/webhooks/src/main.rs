//! Lambda entry point; the handler is in the library.

use mimalloc::MiMalloc;

/// A webhook is hundreds of allocations that live for a tenth of a millisecond, on one thread. The system's allocator
/// needs some 300,000 instructions for them, a fifth of what a webhook takes beside its hashes; this one a good third
/// of that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    signalbox::function::serve(signalbox_webhooks::build).await
}
