//! Secrets of connections that a configuration names, in SSM's Parameter Store: `SECRETS_PATH`, `/connections/` and the name. The
//! service's own lie beside that folder, and no configuration can name them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::Client;

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use crate::domain::secret::Secret;
use crate::environment::{Environment, StartError};

/// How many parameters one call takes.
const AT_ONCE: usize = 10;

/// Reads such secrets.
#[derive(Clone, Debug)]
pub struct Parameters {
    client: Client,
    folder: String,
}

impl Parameters {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When `SECRETS_PATH` is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let path = environment.require("SECRETS_PATH")?.trim_end_matches('/');
        Ok(Self { client: clients.ssm(), folder: format!("{path}/connections/") })
    }

    /// The full name of one.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Those of these names that there are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn get(&self, names: &BTreeSet<String>) -> Result<BTreeMap<String, Secret>, AwsFault> {
        let mut found = BTreeMap::new();
        let names: Vec<&String> = names.iter().collect();
        for chunk in names.chunks(AT_ONCE) {
            let paths = chunk.iter().map(|name| self.path(name)).collect();
            let call = self.client.get_parameters().set_names(Some(paths)).with_decryption(true);
            let answer = call.send().await.map_err(|error| fault("GetParameters", &error))?;
            for parameter in answer.parameters.unwrap_or_default() {
                let name = parameter.name.as_deref().and_then(|name| name.strip_prefix(&self.folder));
                let value = parameter.value.as_deref().map(str::trim).filter(|value| !value.is_empty());
                if let (Some(name), Some(value)) = (name, value) {
                    found.insert(name.to_owned(), Secret::new(value));
                }
            }
        }
        Ok(found)
    }
}
