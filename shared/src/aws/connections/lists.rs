//! Lists of connections, by name: a tenant's, a provider's, or all.

use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::store::{ConnectionStore, connection_key};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{key, text, value};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, InvalidId, ProviderId, TenantId};

/// What of the connections is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// Those of a tenant, of all its providers or of one.
    Tenant(TenantId, Option<ProviderId>),
    /// Those of a provider, of all tenants.
    Provider(ProviderId),
    /// All, by provider.
    All,
}

/// A page, and the connection that the next one starts after.
pub type Page = (Vec<StoredConnection>, Option<After>);

/// Connections that are read at a time where few of them are seen.
const SEEN_PART: usize = 200;

/// Where a page starts: after this connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After(pub Connection);

impl fmt::Display for After {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Listed {
    /// Whether a page of it can start after this connection.
    #[must_use]
    pub fn has(&self, After(connection): &After) -> bool {
        match self {
            Self::Tenant(tenant, provider) => {
                connection.tenant == *tenant
                    && provider.as_ref().is_none_or(|provider| connection.provider == *provider)
            }
            Self::Provider(provider) => connection.provider == *provider,
            Self::All => true,
        }
    }
}

impl FromStr for After {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self)
    }
}

impl ConnectionStore {
    /// A page of a tenant's list as whoever sees some of it alone sees it: what they do not see is passed over, and in no cursor. So it
    /// reads on until the page is full, which may be all of the tenant's.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page_of_seen(
        &self,
        listed: &Listed,
        after: Option<&After>,
        limit: usize,
        is_seen: impl Fn(&Connection) -> bool + Send,
    ) -> Result<Page, AwsFault> {
        let (mut found, mut from) = (Vec::new(), after.cloned());
        loop {
            let (part, next) = self.page(listed, from.as_ref(), limit.max(SEEN_PART)).await?;
            found.extend(part.into_iter().filter(|stored| is_seen(&stored.connection)));
            from = next;
            if found.len() > limit || from.is_none() {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| After(last.connection.clone()));
        Ok((found, next))
    }

    async fn providers(&self) -> Result<Vec<ProviderId>, AwsFault> {
        let found = self.0.glance(key("@providers", "providers"), "read providers").await?.unwrap_or_default();
        let names = found.get("providers").and_then(|names| names.as_ss().ok()).map(Vec::as_slice).unwrap_or_default();
        let mut providers: Vec<ProviderId> = names.iter().filter_map(|name| ProviderId::parse(name).ok()).collect();
        providers.sort();
        Ok(providers)
    }

    /// A page of a list, by name, which must have `after`. It costs the page; one of all also a query for each provider that
    /// has ever had a connection, until the page is full. A page ends early where its connections are large.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, listed: &Listed, after: Option<&After>, limit: usize) -> Result<Page, AwsFault> {
        // One more says whether a page follows.
        let wanted = limit + 1;
        let (mut found, mut more) = (Vec::new(), false);
        match listed {
            Listed::Tenant(tenant, provider) => {
                (found, more) = self.of_tenant(tenant, provider.as_ref(), after, wanted).await?;
            }
            Listed::Provider(provider) => (found, more) = self.of_provider(provider, after, wanted).await?,
            Listed::All => {
                for provider in self.providers().await? {
                    if found.len() >= wanted || more {
                        break;
                    }
                    if after.is_none_or(|after| after.0.provider <= provider) {
                        let after = after.filter(|after| after.0.provider == provider);
                        let (next, cut) = self.of_provider(&provider, after, wanted - found.len()).await?;
                        found.extend(next);
                        more = cut;
                    }
                }
            }
        }
        let more = more || found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| After(last.connection.clone()));
        Ok((found, next))
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        provider: Option<&ProviderId>,
        after: Option<&After>,
        limit: usize,
    ) -> Result<(Vec<StoredConnection>, bool), AwsFault> {
        let prefix = provider.map_or_else(|| "connection#".to_owned(), |provider| format!("connection#{provider}/"));
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(tenant.as_str()))
            .expression_attribute_values(":prefix", text(prefix))
            .set_exclusive_start_key(after.map(|after| connection_key(&after.0)));
        listed(call, limit).await
    }

    async fn of_provider(
        &self,
        provider: &ProviderId,
        after: Option<&After>,
        limit: usize,
    ) -> Result<(Vec<StoredConnection>, bool), AwsFault> {
        let start = after.map(|After(connection)| {
            let mut start = connection_key(connection);
            start.insert("provider".into(), text(provider.as_str()));
            start.insert("place".into(), text(format!("{}/{}", connection.tenant, connection.name)));
            start
        });
        let call = self
            .0
            .query()
            .index_name("by_provider")
            .key_condition_expression("provider = :provider")
            .expression_attribute_values(":provider", text(provider.as_str()))
            .set_exclusive_start_key(start);
        listed(call, limit).await
    }
}

/// What a query found, and whether it ended before the list did: DynamoDB ends a page at 1 MB.
async fn listed(call: QueryFluentBuilder, limit: usize) -> Result<(Vec<StoredConnection>, bool), AwsFault> {
    let call = call.limit(i32::try_from(limit).unwrap_or(i32::MAX));
    let page = call.send().await.map_err(|error| fault("list connections", &error))?;
    let items = page.items.unwrap_or_default();
    let cut = items.len() < limit && page.last_evaluated_key.is_some();
    Ok((items.into_iter().map(value).collect::<Result<_, _>>()?, cut))
}
