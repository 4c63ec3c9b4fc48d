//! Servers on loopback: one accept loop for the front and for every engine, with a bound on all that a client may hold
//! without sending a request.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;
/// A moment to recover in, when the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What clients may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at a time; others wait to be accepted.
    pub(crate) connections_max: usize,
    /// How long a connection may have sent no whole head of a request, be it a new one or one that is kept alive.
    pub(crate) head_wait: Duration,
}

/// Opens a port. Nagle's algorithm is off: accepted connections inherit it from the listener. With it on, small replies wait
/// 40 ms for the client's delayed ACK.
///
/// # Errors
/// When the port is taken or may not be opened.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // A restarted host must not wait for its predecessor's connections to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` resolves and the requests in flight are answered; dropped, it closes every connection. `service_for`
/// makes the service of a connection, from the client's address.
pub(crate) async fn serve<S, B>(
    listener: TcpListener,
    limits: Limits,
    service_for: impl Fn(SocketAddr) -> S,
    stop: impl Future<Output = ()>,
) where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    let (tell, told) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            Some(_finished) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < limits.connections_max => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.head_wait)
                    .serve_connection(TokioIo::new(stream), service_for(client));
                let mut told = told.clone();
                connections.spawn(async move {
                    tokio::pin!(connection);
                    tokio::select! {
                        // A client that hangs up is its own business.
                        _closed = connection.as_mut() => return,
                        _stopped = told.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
                    }
                    let _closed = connection.await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tell.send_replace(true);
    while connections.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// Longer than anything here takes.
    const WAIT_MAX: Duration = Duration::from_secs(20);

    fn start(connections_max: usize, head_wait: Duration) -> (SocketAddr, JoinSet<()>) {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let service = |_| {
            hyper::service::service_fn(async |_: Request<Incoming>| {
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here"))))
            })
        };
        let mut served = JoinSet::new();
        served.spawn(serve(listener, Limits { connections_max, head_wait }, service, std::future::pending()));
        (address, served)
    }

    /// What the server sends until it closes the connection.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut answer)).await.expect("the connection stays").unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn who_sends_no_whole_request_is_let_go() {
        let (address, _served) = start(100, Duration::from_millis(50));
        for (sent, answer) in [("", ""), ("GET / HT", ""), ("GET / HTTP/1.1\r\nhost: a\r\nx: ", "")] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            assert_eq!(rest(&mut stream).await, answer, "{sent:?}");
        }
        let mut kept_alive = TcpStream::connect(address).await.unwrap();
        kept_alive.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(rest(&mut kept_alive).await.ends_with("here"));
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_for_others_to_end() {
        let (address, _served) = start(1, WAIT_MAX * 10);
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let waiting = tokio::spawn(async move { rest(&mut second).await });
        first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        first.read_exact(&mut [0; 8]).await.unwrap();
        assert!(!waiting.is_finished(), "the first has the only place");
        first.shutdown().await.unwrap();
        assert!(waiting.await.unwrap().ends_with("here"));
    }
}
