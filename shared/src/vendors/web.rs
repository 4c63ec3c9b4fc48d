//! How vendors' servers are asked, whatever for: over https, at hosts that are named, at addresses that are public, and nowhere else
//! that a redirect leads to.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::hosts::{Forbidden, Hosts};
use crate::domain::redact;

const REDIRECTS_MAX: usize = 3;

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{self:?}")]
pub(super) enum Unreached {
    /// The place that a redirect leads to may not be asked, or there are too many of them.
    Redirect,
    /// It has no address that is public, or what it redirects to has none.
    Address {
        /// Whether a redirect says so.
        redirected: bool,
    },
    /// Nobody vouches for it, or what vouches is over.
    Certificate,
    /// Nothing came, or not all of it.
    Connection(&'static str),
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// To wherever may be asked.
    WhereMayBeAsked,
    /// None: each would be a request that no quota let through, and a key that is in a header of the vendor's own would go along.
    None,
}

/// A client that asks these hosts; its timeouts are the caller's.
pub(super) fn client(hosts: &Hosts, redirects: Redirects) -> reqwest::ClientBuilder {
    let places = hosts.clone();
    // A vendor's open redirect must not lead into our network.
    let policy = Policy::custom(move |attempt| {
        let from = attempt.previous().last();
        let is_too_far = redirects == Redirects::None || attempt.previous().len() > REDIRECTS_MAX;
        match from.map_or(Ok(()), |from| places.may_follow(from, attempt.url())) {
            Err(Forbidden::Address) => attempt.error(Unreached::Address { redirected: true }),
            Err(_) => attempt.error(Unreached::Redirect),
            Ok(()) if is_too_far => attempt.error(Unreached::Redirect),
            Ok(()) => attempt.follow(),
        }
    });
    reqwest::Client::builder()
        .redirect(policy)
        // The query of a configured source is told to nobody else.
        .referer(false)
        .dns_resolver(Arc::new(Names(hosts.clone())))
        // A proxy would look names up by itself, and connect to what it finds.
        .no_proxy()
        .https_only(!hosts.plain_http())
        // Of a stream of HTTP/2 that a server resets without an error, hyper makes one that was ended: there, an end that
        // proves the document whole cannot be told from a cut one.
        .http1_only()
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
}

/// Why no answer came, by the client's error.
pub(super) fn unreached(error: reqwest::Error) -> Unreached {
    // Its query may be a credential.
    let error = error.without_url();
    let causes = || std::iter::successors(Some(&error as &dyn StdError), |error| (*error).source());
    if let Some(found) = causes().find_map(|cause| cause.downcast_ref::<Unreached>()) {
        return *found;
    }
    let cause = causes().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::warn!(cause = redact::error_text(&cause), "a vendor's server could not be read from");
    if causes().any(is_certificate) {
        return Unreached::Certificate;
    }
    let is_refused = |cause: &(dyn StdError + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    Unreached::Connection(match () {
        () if error.is_timeout() => "it did not answer in time",
        () if causes().any(is_refused) => "its host refused the connection",
        () if error.is_connect() => "no connection could be made",
        () if error.is_body() || error.is_decode() => "the connection was cut, or its answer is damaged",
        () => "the request failed",
    })
}

/// Whether a server's certificate was refused. An I/O error hides what it was made of from whoever walks its causes, and here one
/// is in another.
fn is_certificate(cause: &(dyn StdError + 'static)) -> bool {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inside) => is_certificate(inside),
        None => matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}

/// Looks names up as the client would by itself, but says so where there is none, and hands on only what may be connected to.
#[derive(Debug)]
struct Names(Hosts);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let hosts = self.0.clone();
        Box::pin(async move {
            // The client puts the port in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| {
                tracing::warn!(
                    cause = redact::error_text(&error.to_string()),
                    "a vendor's host could not be looked up"
                );
                Unreached::Connection("there is no host of its name, or names cannot be looked up")
            })?;
            let reachable = hosts.reachable(found);
            if reachable.is_empty() {
                return Err(Unreached::Address { redirected: false }.into());
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_that_is_refused_is_found_inside_of_io_errors() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        assert!(is_certificate(&expired()));
        assert!(is_certificate(&io::Error::other(io::Error::other(expired()))));
        assert!(!is_certificate(&io::Error::other(rustls::Error::DecryptError)));
        assert!(!is_certificate(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
