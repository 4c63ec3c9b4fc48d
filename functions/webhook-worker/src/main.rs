//! Lambda entry point; the handler is in the library.

use mimalloc::MiMalloc;

/// As for `webhooks`: each delivery is some thousand allocations that live for less than a millisecond.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    signalbox::function::serve(signalbox_webhook_worker::build).await
}
