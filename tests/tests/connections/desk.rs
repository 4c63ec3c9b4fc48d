//! Who changes connections, below the routes.

use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::aws::keys::DataKeys;
use signalbox::domain::connections::stored::{Change, KeptBy, LiveSecrets, StoredConnection, Wanted};
use signalbox::domain::ids::Connection;
use signalbox::domain::secret::Secret;
use signalbox::vendors::Providers;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::wire::Wire;

/// Who changes connections, beside the doors.
pub(super) struct Desk<'a> {
    hooks: &'a Hooks,
    pub(super) store: ConnectionStore,
    keys: DataKeys,
}

impl<'a> Desk<'a> {
    pub(super) fn new(hooks: &'a Hooks) -> Self {
        Self::with(hooks, &[])
    }

    /// With other environment variables.
    pub(super) fn with(hooks: &'a Hooks, variables: &[(&str, &str)]) -> Self {
        let (mut environment, outside) = (hooks.environment("webhooks"), hooks.outside(&Wire::whole()));
        environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let clients = Clients::connect(&environment, &outside).unwrap();
        let store = ConnectionStore::connect(&clients, &environment).unwrap();
        let keys = DataKeys::connect(&clients, &environment, &outside).unwrap();
        Self { hooks, store, keys }
    }

    pub(super) fn change(&self) -> Change {
        Change { at: self.hooks.clock.now(), by: "ada".into() }
    }

    /// Makes a connection with a secret, or gives it another.
    pub(super) async fn put(&self, name: &str, settings: Value, secret: Option<&str>) -> StoredConnection {
        let connection: Connection = name.parse().unwrap();
        let before = self.store.read(&connection).await.unwrap();
        let secrets = match secret {
            Some(secret) => {
                let current = self.keys.seal(&connection, &Secret::new(secret)).await.unwrap();
                Some(LiveSecrets { current, previous: None, rotated_at: self.hooks.clock.now() })
            }
            None => None,
        };
        let settings = settings.as_object().unwrap().clone();
        let wanted = Wanted { display_name: None, settings, schedule: None, kept_by: KeptBy::Operators };
        let providers = Providers::default();
        let of = providers.of(&connection.provider);
        let after = StoredConnection::put(before.as_ref(), &connection, of, wanted, secrets, self.change()).unwrap();
        let addresses = |stored: &StoredConnection| (of.addresses)(&connection, &stored.settings);
        let taken = before.as_ref().map(addresses).unwrap_or_default();
        self.store.put(before.as_ref(), &after, &taken, &addresses(&after)).await.unwrap();
        after
    }
}
