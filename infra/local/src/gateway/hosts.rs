//! The name that a client calls this machine by.
//!
//! In local mode reads are open and sessions are minted, as whoever asks sits at this machine. A page of another site could ask
//! too, once its name is made to point here (DNS rebinding): to the browser it then is the page's own server, so no rule of
//! origins stands in the way. The name that it calls is what gives it away.

use http::uri::Authority;

/// The names that are answered.
#[derive(Debug, Clone)]
pub(crate) enum Hosts {
    /// Any, as API Gateway does behind its domain. Outside of local mode everything asks for a token.
    Any,
    /// Those of this machine, and these.
    Loopback(Vec<String>),
}

impl Hosts {
    /// Whether a name is answered.
    pub(crate) fn answer(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback(more) => {
                is_loopback(name) || more.iter().any(|known| known.trim().eq_ignore_ascii_case(name))
            }
        }
    }
}

/// The name in a `Host` header, without its port; `None` for what is none, such as `:` or one with a path behind it.
pub(crate) fn parse(host: &str) -> Option<&str> {
    let authority: Authority = host.parse().ok()?;
    let name = host.get(..authority.host().len())?;
    let port = host.get(name.len()..)?;
    let port_is_one = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (!name.is_empty() && name == authority.host() && port_is_one).then_some(name)
}

/// Whether a name is this machine's, seen from itself.
pub(crate) fn is_loopback(name: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        for (host, name) in [
            ("localhost", Some("localhost")),
            ("LocalHost:9000", Some("LocalHost")),
            ("127.0.0.1:65535", Some("127.0.0.1")),
            ("[::1]:80", Some("[::1]")),
            ("api.example", Some("api.example")),
            ("", None),
            (":", None),
            (":80", None),
            ("localhost:", None),
            ("localhost:65536", None),
            ("localhost:80:80", None),
            ("me@localhost", None),
            ("localhost@evil.example", None),
            ("x/api/catalog?", None),
            ("x?y", None),
            ("x#y", None),
            ("a b", None),
            ("http://localhost", None),
        ] {
            assert_eq!(parse(host), name, "{host:?}");
        }
    }

    #[test]
    fn in_local_mode_only_this_machine_s_names_are_answered_and_those_that_are_allowed() {
        let hosts = Hosts::Loopback(vec![" Laptop.example".into()]);
        for (name, answered) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("laptop.example", true),
            ("localhost.example", false),
            ("127.0.0.1.nip.io", false),
            ("0.0.0.0", false),
            ("localhost.", false),
        ] {
            assert_eq!((hosts.answer(name), Hosts::Any.answer(name)), (answered, true), "{name}");
        }
    }
}
