//! Lambda entry point; the handler is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    signalbox::function::serve(signalbox_pre_traffic::build).await
}
