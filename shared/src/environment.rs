//! Configuration is a value: a function reads its environment once, at start, and passes it on.
//! In the local host all functions share one process, each with its own environment from `template.yaml`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// The environment variables of one function.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Why a function refuses to start. The text names the variable, never its value.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable that has no sane default is unset or empty.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable is set to something unusable.
    #[error("{name} is not usable: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with it, without quoting a secret.
        reason: String,
    },
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn from_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// Names and values, to hand them to a process of its own. Values may be secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The variable's value; an empty one counts as unset, as CloudFormation cannot pass "unset".
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// The variable's value, or a refusal that names it.
    ///
    /// # Errors
    /// [`StartError::Missing`] when it is unset or blank.
    pub fn require(&self, name: &'static str) -> Result<&str, StartError> {
        self.get(name).ok_or(StartError::Missing(name))
    }

    /// Whether this is somebody's own machine: `SIGNALBOX_STAGE` is `local`. Anything else fails closed.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.get("SIGNALBOX_STAGE") == Some("local")
    }

    /// Refuses local mode beside storage that is not on this machine: it opens reads, mints sessions and takes webhooks
    /// unsigned. The template lets nothing be deployed as `local`, but who may set a function's variables could do it by
    /// hand. In AWS no endpoint is set; the local host sets those of its engines.
    ///
    /// # Errors
    /// In local mode without an endpoint of DynamoDB on this machine.
    pub fn refuse_local_mode_elsewhere(&self) -> Result<(), StartError> {
        let endpoint = self.get("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| self.get("AWS_ENDPOINT_URL"));
        if !self.is_local() || endpoint.is_some_and(is_of_this_machine) {
            return Ok(());
        }
        let reason = "local is for the local host alone, with its storage on the same machine".into();
        Err(StartError::Invalid { name: "SIGNALBOX_STAGE", reason })
    }

    /// A whole number, or the default when it is unset.
    ///
    /// # Errors
    /// When it is set to something else.
    pub fn number(&self, name: &'static str, default: u64) -> Result<u64, StartError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.trim().parse().map_err(|_| StartError::Invalid { name, reason: "it must be a whole number".into() })
    }

    /// A whole number that makes sense, or the default when it is unset.
    ///
    /// # Errors
    /// When it is set to something else, or to a number outside of the range.
    pub fn number_in(&self, name: &'static str, default: u64, range: RangeInclusive<u64>) -> Result<u64, StartError> {
        let number = self.number(name, default).ok().filter(|number| range.contains(number));
        let reason = format!("it must be a whole number from {} to {}", range.start(), range.end());
        number.ok_or(StartError::Invalid { name, reason })
    }

    /// A switch, or the default when it is unset.
    ///
    /// # Errors
    /// When it is set to anything but `true` or `false`, in any case.
    pub fn switch(&self, name: &'static str, default: bool) -> Result<bool, StartError> {
        match self.get(name).map(|text| text.trim().to_lowercase()).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(StartError::Invalid { name, reason: "it must be true or false".into() }),
        }
    }

    /// The items of a comma-separated variable, trimmed, blanks dropped.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        self.get(name)
            .map(|csv| csv.split(',').map(str::trim).filter(|item| !item.is_empty()).map(String::from).collect())
            .unwrap_or_default()
    }
}

/// Whether a URL's host is this machine, or is what a container of `sam local` calls it.
fn is_of_this_machine(url: &str) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    address.is_some_and(|address| address.is_loopback()) || ["localhost", "host.docker.internal"].contains(&host)
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Extend<(String, String)> for Environment {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, pairs: I) {
        self.0.extend(pairs);
    }
}

/// Prints names alone: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_mode_is_refused_away_from_this_machine() {
        let refused = |stage: &str, endpoints: &[(&str, &str)]| {
            let stage = [("SIGNALBOX_STAGE", stage)];
            let environment: Environment = stage.iter().chain(endpoints).copied().collect();
            environment.refuse_local_mode_elsewhere().is_err()
        };
        let (all, tables) = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB");
        for url in ["http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost", "http://host.docker.internal:1"] {
            assert!(!refused("local", &[(tables, url)]), "{url}");
            assert!(!refused("local", &[(all, url)]), "{url}");
        }
        for url in ["https://dynamodb.example", "http://10.0.0.1", "http://localhost.example", "x", ""] {
            assert!(refused("local", &[(tables, url)]), "{url}");
        }
        assert!(refused("local", &[]));
        assert!(refused("local", &[(tables, "https://vpce.example"), (all, "http://127.0.0.1")]));
        assert!(!refused("production", &[]));
    }
}
