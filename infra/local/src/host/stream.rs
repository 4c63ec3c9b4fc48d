//! An invocation whose answer is handed on while it is made.

use std::io;

use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};
use http::Response;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::invoke::{Deployed, InvokeError};

/// Pieces between a function and a client that is slow: then the function waits.
const PIECES_MAX: usize = 16;

/// A piece of a body, or that there is no more of it. Without the latter it broke off.
type Piece = Option<Result<Bytes, io::Error>>;

/// The head of a function's answer, and a body that goes on. The permits are held until the function has ended.
pub(super) async fn open(
    function: &Deployed,
    event: Value,
    permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
) -> Result<Response<Body>, InvokeError> {
    let (send_head, head) = oneshot::channel();
    let (pieces, received) = mpsc::channel::<Piece>(PIECES_MAX);
    let (work, limit) = (function.function.clone(), function.timeout);
    // On a task of its own: a panic ends the invocation, not the host.
    tokio::spawn(async move {
        let _held = permits;
        let streamed = async {
            match work.open(event).await {
                Ok(response) => {
                    let (parts, body) = response.into_parts();
                    if send_head.send(Ok(parts)).is_ok() {
                        hand_on(body, &pieces).await;
                    }
                }
                Err(error) => drop(send_head.send(Err(error.to_string()))),
            }
        };
        if tokio::time::timeout(limit, streamed).await.is_err() {
            tracing::warn!("a stream was cut off at its function's timeout");
        }
    });
    let failed = |reason: String| InvokeError::Failed { function: function.name.clone(), reason };
    match head.await {
        Ok(Ok(parts)) => Ok(Response::from_parts(parts, Body::from_stream(body(received)))),
        Ok(Err(reason)) => Err(failed(reason)),
        Err(_) => Err(failed("it panicked, or took longer than it may".into())),
    }
}

async fn hand_on(body: Body, pieces: &mpsc::Sender<Piece>) {
    let mut body = body.into_data_stream();
    loop {
        let piece = tokio::select! {
            // The client is gone.
            () = pieces.closed() => return,
            piece = body.next() => piece.map(|piece| piece.map_err(io::Error::other)),
        };
        let is_last = !matches!(piece, Some(Ok(_)));
        if pieces.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

fn body(received: mpsc::Receiver<Piece>) -> impl futures::Stream<Item = Result<Bytes, io::Error>> {
    stream::unfold(Some(received), async |received| {
        let mut received = received?;
        match received.recv().await {
            Some(Some(Ok(piece))) => Some((Ok(piece), Some(received))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            Some(None) => None,
            None => Some((Err(io::Error::other("the function ended in the middle of its answer")), None)),
        }
    })
}
