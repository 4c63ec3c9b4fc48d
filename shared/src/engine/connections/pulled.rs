//! Which connection to a vendor that is pulled a call is about, as it is stored now.

use crate::aws::connections::lists::Listed;
use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::domain::connections::meant::{NotMeant, TOLD_MAX, unnamed};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::vendors::Providers;

/// The connection of a tenant to a provider that is meant: the one that is named, else its `main`, else its only one. One read where it
/// is named or is `main`; a page of names besides where it is neither.
///
/// # Errors
/// When the table cannot be read.
pub async fn pulled(
    store: &ConnectionStore,
    providers: &Providers,
    of: (&TenantId, &str),
    named: Option<&str>,
) -> Result<Result<StoredConnection, NotMeant>, AwsFault> {
    meant(store, of, named, |provider| is_pulled(providers, provider)).await
}

/// The same of a provider that is asked over HTTP, whether its lists are pulled or not.
///
/// # Errors
/// When the table cannot be read.
pub async fn asked(
    store: &ConnectionStore,
    providers: &Providers,
    of: (&TenantId, &str),
    named: Option<&str>,
) -> Result<Result<StoredConnection, NotMeant>, AwsFault> {
    meant(store, of, named, |provider| is_asked(providers, provider)).await
}

async fn meant(
    store: &ConnectionStore,
    (tenant, provider): (&TenantId, &str),
    named: Option<&str>,
    may_be: impl Fn(&ProviderId) -> bool,
) -> Result<Result<StoredConnection, NotMeant>, AwsFault> {
    let Some(of) = ProviderId::parse(provider).ok().filter(&may_be) else {
        return Ok(Err(NotMeant::NotPulled(shortened(provider), named_ones(may_be))));
    };
    let connection = |name: ConnectionName| Connection::new(tenant.clone(), of.clone(), name);
    if let Some(named) = named {
        // A name that nothing can have leads to none.
        let Ok(name) = ConnectionName::parse(named) else { return Ok(Err(NotMeant::None(tenant.clone(), of))) };
        let connection = connection(name);
        return Ok(store.read(&connection).await?.ok_or(NotMeant::NoSuch(connection)));
    }
    let main = connection(ConnectionName::MAIN);
    if let Some(stored) = store.read(&main).await? {
        return Ok(Ok(stored));
    }
    let (found, _more) = store.page(&Listed::Tenant(tenant.clone(), Some(of.clone())), None, TOLD_MAX).await?;
    // The list may be a moment old, and what was read is not.
    let others = found.iter().map(|stored| stored.connection.name.clone()).filter(|name| *name != ConnectionName::MAIN);
    match unnamed(tenant, &of, others.collect()) {
        Ok(name) => {
            let connection = connection(name);
            Ok(store.read(&connection).await?.ok_or(NotMeant::NoSuch(connection)))
        }
        Err(not_meant) => Ok(Err(not_meant)),
    }
}

/// The providers whose APIs are pulled.
#[must_use]
pub fn names(providers: &Providers) -> Vec<String> {
    named_ones(|provider| is_pulled(providers, provider))
}

fn named_ones(may_be: impl Fn(&ProviderId) -> bool) -> Vec<String> {
    ProviderId::NAMED.into_iter().filter(may_be).map(|provider| provider.to_string()).collect()
}

fn is_pulled(providers: &Providers, provider: &ProviderId) -> bool {
    providers.of(provider).pull.is_some()
}

/// Whether there is an API of it that is asked.
#[must_use]
pub fn is_asked(providers: &Providers, provider: &ProviderId) -> bool {
    is_pulled(providers, provider) || *provider == ProviderId::GBP
}

/// A name that somebody made up, as it is told back.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
