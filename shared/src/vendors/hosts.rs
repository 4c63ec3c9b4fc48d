//! Which hosts of the web vendors may be asked at, and which addresses.
//!
//! A connection names its own hosts, so whoever writes one could send us anywhere: to a database of our network, or to the service
//! that hands out a function's credentials. A name says nothing about that, as its owner decides where it leads, and
//! may decide anew for each look-up. So it is the addresses that are looked at, and a connection is made to one of those that were.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{Ipv4Net, Ipv6Net};
use url::Url;

/// What of IPv4 is not public: <https://www.iana.org/assignments/iana-ipv4-special-registry/>, and multicast.
const SPECIAL: [Ipv4Net; 16] = [
    net([0, 0, 0, 0], 8),
    net([10, 0, 0, 0], 8),
    net([100, 64, 0, 0], 10),
    net([127, 0, 0, 0], 8),
    net([169, 254, 0, 0], 16),
    net([172, 16, 0, 0], 12),
    net([192, 0, 0, 0], 24),
    net([192, 0, 2, 0], 24),
    net([192, 31, 196, 0], 24),
    net([192, 88, 99, 0], 24),
    net([192, 168, 0, 0], 16),
    net([198, 18, 0, 0], 15),
    net([198, 51, 100, 0], 24),
    net([203, 0, 113, 0], 24),
    net([224, 0, 0, 0], 4),
    net([240, 0, 0, 0], 4),
];

/// All of IPv6 that is given to anybody (<https://www.iana.org/assignments/ipv6-unicast-address-assignments/>). What is mapped or
/// translated to IPv4 is outside of it, as is all that is local.
const GIVEN: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// What of it is not public: <https://www.iana.org/assignments/iana-ipv6-special-registry/>. 6to4 (2002::/16) has an address of IPv4 inside.
const SPECIAL_GIVEN: [Ipv6Net; 5] = [
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    Ipv6Net::new_assert(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

const fn net([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

/// Whether an address is one that anybody can have, and so none of our network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL.iter().any(|special| special.contains(&address)),
        IpAddr::V6(address) => {
            GIVEN.contains(&address) && !SPECIAL_GIVEN.iter().any(|special| special.contains(&address))
        }
    }
}

/// A host that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// As URLs have it: a name in lower case, or an address.
    name: String,
    /// Where none is named, the scheme's own.
    port: Option<u16>,
}

impl Host {
    /// Reads `host` or `host:port`. What could never match is refused: whoever wrote it thinks that it does.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // What stands before an @ may be a credential, and this is shown at a start.
        if text.contains('@') {
            return Err("an entry has an @, and must be the host alone, as in shop.example or shop.example:8443".into());
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(format!(
                "{text:?} has a scheme ({scheme}), and must be the host alone, perhaps with its port: {:?}",
                rest.split('/').next().unwrap_or_default()
            ));
        }
        if let Some((host, _)) = text.split_once('/') {
            return Err(format!("{text:?} has a path, and must be the host alone, perhaps with its port: {host:?}"));
        }
        let no_host = || format!("{text:?} is no host, as in shop.example or shop.example:8443");
        // To a parser of URLs these are something else, or a host that nobody has.
        if text.contains(['?', '#', '\\', '*', '%']) || text.contains(char::is_whitespace) || text.ends_with(':') {
            return Err(no_host());
        }
        // Of a scheme that has no port of its own: one that is written is kept.
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| no_host())?;
        let port = text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port.parse());
        let port = port.transpose().map_err(|_| no_host())?;
        Ok(Self { name: url.host_str().unwrap_or_default().to_owned(), port })
    }

    /// That of a URL on the web.
    pub(super) fn of(source: &str) -> Option<Self> {
        let url = Url::parse(source).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        Some(Self { name: url.host_str()?.to_owned(), port: url.port() })
    }

    fn is_of(&self, url: &Url) -> bool {
        url.host_str() == Some(&self.name)
            && match self.port {
                Some(port) => url.port_or_known_default() == Some(port),
                None => url.port().is_none(),
            }
    }
}

/// Why a place may not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Forbidden {
    /// It would not be over https.
    Plain,
    /// It redirects from https to http.
    Downgraded,
    /// It is on a host that nobody names, here as it is shown.
    Unnamed(String),
    /// It is on a host that the deployment does not name.
    NarrowedOut(String),
    /// It is at an address that is not public.
    Address,
}

/// Where may be asked, also by what redirects there; nowhere by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    named: Arc<[Host]>,
    /// Those that the deployment names (`CATALOG_HOSTS`), if it names some: others are asked by nobody.
    deployment: Arc<[Host]>,
    /// Somebody's own machine: plain http will do, and so will what runs beside us.
    local: bool,
}

impl Hosts {
    /// Those of a connection which are the deployment's as well, where that names some.
    pub(super) fn new(deployment: &Arc<[Host]>, connection: impl Iterator<Item = Host>, local: bool) -> Self {
        Self { named: connection.collect(), deployment: Arc::clone(deployment), local }
    }

    /// Those that are named, as `api.example` or `api.example:8443`; on somebody's own machine plain http will do, and so will what runs
    /// beside us.
    ///
    /// # Errors
    /// When one could never match.
    pub fn named(names: &[&str], local: bool) -> Result<Self, String> {
        let named = names.iter().map(|name| Host::parse(name)).collect::<Result<_, String>>()?;
        Ok(Self { named, deployment: Arc::default(), local })
    }

    /// Those of the deployment, whatever a connection says: for what the deployment itself names. Where it names none, those of
    /// the connection.
    pub(super) fn of_deployment(deployment: &Arc<[Host]>, own: impl Iterator<Item = Host>, local: bool) -> Self {
        let named = if deployment.is_empty() { own.collect() } else { Arc::clone(deployment) };
        Self { named, deployment: Arc::clone(deployment), local }
    }

    /// Whether plain http will do.
    pub(super) fn plain_http(&self) -> bool {
        self.local
    }

    /// Whether a document may be fetched, as far as its URL says.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn may_fetch(&self, url: &Url) -> Result<(), Forbidden> {
        if url.scheme() != "https" && !self.local {
            return Err(Forbidden::Plain);
        }
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(url::Host::Domain(_)) | None => None,
        };
        // No client looks up what is an address already.
        if address.is_some_and(|address| !self.may_connect(address)) {
            return Err(Forbidden::Address);
        }
        let has = |hosts: &[Host]| hosts.iter().any(|host| host.is_of(url));
        let is_narrowed_out = !self.deployment.is_empty() && !has(&self.deployment);
        if !is_narrowed_out && has(&self.named) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Err(if is_narrowed_out { Forbidden::NarrowedOut(with_port) } else { Forbidden::Unnamed(with_port) })
    }

    /// Whether a redirect may be followed, as far as its URLs say.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn may_follow(&self, from: &Url, to: &Url) -> Result<(), Forbidden> {
        // What came over a connection that nobody reads goes on over one.
        if from.scheme() == "https" && to.scheme() != "https" {
            return Err(Forbidden::Downgraded);
        }
        self.may_fetch(to)
    }

    fn may_connect(&self, address: IpAddr) -> bool {
        // A mapped one is connected to over IPv4, and no name of the public has one.
        is_public(address) || self.local && address.is_loopback()
    }

    /// Those of a name's addresses that may be connected to.
    pub(super) fn reachable(&self, found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        found.filter(|address| self.may_connect(address.ip())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(named: &[&str], local: bool) -> Hosts {
        Hosts::new(&Arc::from([]), named.iter().map(|host| Host::parse(host).unwrap()), local)
    }

    #[test]
    fn only_what_anybody_can_have_is_public() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("9.255.255.255", true),
            ("100.63.255.255", true),
            ("172.32.0.1", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.255.255.255", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450:4001::1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", false),
            ("::8.8.8.8", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b:1::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:a00:1::1", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn an_address_in_a_url_is_looked_at_however_it_is_written() {
        for (host, local, allowed) in [
            ("8.8.8.8", false, true),
            ("10.0.0.1", false, false),
            ("0x0a.1", false, false),
            ("2130706433", false, false),
            ("127.1", true, true),
            ("[::1]", false, false),
            ("[::1]", true, true),
            ("[::ffff:169.254.169.254]", true, false),
            ("192.168.0.1", true, false),
            ("169.254.169.254", true, false),
        ] {
            let url = Url::parse(&format!("https://{host}/c.json")).unwrap();
            let found = hosts(&[host], local).may_fetch(&url);
            assert_eq!(found, if allowed { Ok(()) } else { Err(Forbidden::Address) }, "{host} {local}");
        }
    }

    #[test]
    fn a_redirect_stays_on_https_and_leads_to_no_other_host() {
        let local = hosts(&["shop.example", "10.0.0.1"], true);
        for (from, to, allowed) in [
            ("https://shop.example/a", "https://shop.example/b", true),
            ("http://shop.example/a", "https://shop.example/b", true),
            ("http://shop.example/a", "http://shop.example/b", true),
            ("https://shop.example/a", "http://shop.example/b", false),
            ("https://shop.example/a", "https://other.example/b", false),
            ("https://shop.example/a", "https://10.0.0.1/b", false),
            ("https://shop.example/a", "ftp://shop.example/b", false),
        ] {
            let found = local.may_follow(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
            assert_eq!(found.is_ok(), allowed, "{from} {to}");
        }
    }

    #[test]
    fn of_a_name_s_addresses_those_are_left_that_may_be_connected_to() {
        let found = ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0", "[fd00::1]:0"].map(|address| address.parse().unwrap());
        for (local, left) in [(false, &["8.8.8.8:0"][..]), (true, &["8.8.8.8:0", "[::1]:0"])] {
            let reachable = hosts(&[], local).reachable(found.into_iter());
            assert_eq!(reachable.iter().map(ToString::to_string).collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn a_deployment_s_hosts_narrow_those_of_a_connection() {
        let url = |host: &str| Url::parse(&format!("https://{host}/")).unwrap();
        let own = || ["shop.example", "cdn.example:8443"].into_iter().map(|host| Host::parse(host).unwrap());
        let free = Hosts::new(&Arc::from([]), own(), false);
        let deployment = Arc::from(["shop.example", "other.example"].map(|host| Host::parse(host).unwrap()));
        let narrowed = Hosts::new(&deployment, own(), false);
        let configured = Hosts::of_deployment(&deployment, own(), false);
        for (host, of_connection, of_both, of_deployment) in [
            ("shop.example", true, true, true),
            ("cdn.example:8443", true, false, false),
            ("cdn.example", false, false, false),
            ("other.example", false, false, true),
        ] {
            assert_eq!(free.may_fetch(&url(host)).is_ok(), of_connection, "{host}");
            assert_eq!(narrowed.may_fetch(&url(host)).is_ok(), of_both, "{host}");
            assert_eq!(configured.may_fetch(&url(host)).is_ok(), of_deployment, "{host}");
        }
    }
}
