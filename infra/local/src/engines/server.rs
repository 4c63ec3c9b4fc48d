//! Loopback servers: one accept loop for every engine that comes as a hyper service.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use super::EngineError;

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;
/// A moment to recover in, when the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens a port. Nagle's algorithm is off: accepted connections inherit it from the listener, which reaches also the
/// servers whose accept loop is not ours. With it on, small replies wait 40 ms for the client's delayed ACK.
///
/// # Errors
/// When the port is taken or may not be opened.
pub fn listen(address: SocketAddr) -> Result<TcpListener, EngineError> {
    let open = || {
        let socket = TcpSocket::new_v4()?;
        // A restarted host must not wait for its predecessor's connections to leave TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|source| EngineError::Listen { address, source })
}

/// Serves until the future is dropped, which closes every connection.
pub(crate) async fn serve<S, B>(listener: TcpListener, service: S)
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = service.clone();
                    connections.spawn(async move {
                        // A client that hangs up is its own business.
                        let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_finished) = connections.join_next() => {}
        }
    }
}
