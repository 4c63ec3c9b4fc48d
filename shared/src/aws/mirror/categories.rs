//! Tenants' categories, in the control table, as they say how things are to be and not what happened.
//!
//! | key | holds |
//! |---|---|
//! | `tenant#categories`, `category#id` | a [`TenantCategory`] |
//! | `tenant#categories`, `slug#slug` | whose slug it is |
//! | `tenant#categories`, `tree` | how often the tree was changed, and its [`Counts`] |
//!
//! A change is one transaction with the tree's version: of two at once, one is made again on what the other has left. A crash leaves all of
//! it or nothing.

use serde::{Deserialize, Serialize};

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, number, text, value};
use crate::aws::table::Table;
use crate::aws::transaction::{Declined, Transaction, built};
use crate::domain::ids::TenantId;
use crate::domain::mirror::categories::{
    CATEGORIES_MAX, CategoryId, Counts, GoogleCategoryId, Slug, TenantCategory, Tree,
};
use crate::environment::{Environment, StartError};

const READ: &str = "read categories";

/// What else is stored with a change, or not at all.
#[derive(Default)]
pub struct Beside(pub(in crate::aws) Transaction);

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is stored, all of it.
    Yes,
    /// Somebody else has changed the tree since it was read, or what is beside it is refused; nothing is stored.
    Raced,
}

/// A page of categories, and whether there are more.
pub type CategoryPage = (Vec<TenantCategory>, bool);

/// What is known of a tree without reading it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Head {
    version: u64,
    #[serde(flatten)]
    counts: Counts,
}

/// Tenants' categories.
#[derive(Clone, Debug)]
pub struct CategoryStore(Table);

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#categories")
}

fn category_key(tenant: &TenantId, id: &CategoryId) -> Item {
    key(partition(tenant), format!("category#{id}"))
}

fn slug_key(tenant: &TenantId, slug: &Slug) -> Item {
    key(partition(tenant), format!("slug#{slug}"))
}

fn head_key(tenant: &TenantId) -> Item {
    key(partition(tenant), "tree")
}

impl CategoryStore {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// A tenant's tree as of now, for whoever changes it. Its version is read before its categories: what changes in between is noticed
    /// when the tree is stored.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tree(&self, tenant: &TenantId) -> Result<Tree, AwsFault> {
        let head = self.0.read(head_key(tenant), READ).await?;
        let head: Head = head.map(value).transpose()?.unwrap_or_default();
        let found = self.some(tenant, None, CATEGORIES_MAX, true).await?.0;
        Ok(Tree::new(tenant.clone(), head.version, found))
    }

    /// A tenant's categories that were not deleted, by sort order, then by id, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn active(&self, tenant: &TenantId) -> Result<Vec<TenantCategory>, AwsFault> {
        Ok(self.tree(tenant).await?.active().into_iter().cloned().collect())
    }

    /// A tenant's categories that were not deleted and stand for one of Google's, by sort order, then by id, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn by_google_id(
        &self,
        tenant: &TenantId,
        google: &GoogleCategoryId,
    ) -> Result<Vec<TenantCategory>, AwsFault> {
        Ok(self.tree(tenant).await?.by_google_id(google).into_iter().cloned().collect())
    }

    /// How many a tenant has, as of a moment ago.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn counts(&self, tenant: &TenantId) -> Result<Counts, AwsFault> {
        let head = self.0.glance(head_key(tenant), READ).await?;
        Ok(head.map(value::<Head>).transpose()?.unwrap_or_default().counts)
    }

    /// A tenant's categories behind one of them, by id, deleted ones among them, as of a moment ago.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(
        &self,
        tenant: &TenantId,
        behind: Option<&CategoryId>,
        limit: usize,
    ) -> Result<CategoryPage, AwsFault> {
        self.some(tenant, behind, limit, false).await
    }

    /// More than one query where a tree is larger than what one of them reads.
    async fn some(
        &self,
        tenant: &TenantId,
        behind: Option<&CategoryId>,
        limit: usize,
        now: bool,
    ) -> Result<CategoryPage, AwsFault> {
        let (mut found, mut from) = (Vec::new(), behind.map(|behind| category_key(tenant, behind)));
        loop {
            let call = self
                .0
                .query()
                .consistent_read(now)
                .key_condition_expression("pk = :pk AND begins_with(sk, :category)")
                .expression_attribute_values(":pk", text(partition(tenant)))
                .expression_attribute_values(":category", text("category#"))
                .limit(i32::try_from(limit + 1 - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from);
            let page = call.send().await.map_err(|error| fault(READ, &error))?;
            for item in page.items.unwrap_or_default() {
                found.push(value::<TenantCategory>(item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() || found.len() > limit {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// Stores what was changed of a tree since it was read: the categories, whose slugs are whose, and the counts, all or nothing, with
    /// what is beside it. A tree of which nothing was changed is not stored.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn commit(&self, tree: &Tree, beside: Beside) -> Result<Committed, AwsFault> {
        if tree.changes().next().is_none() {
            return Ok(Committed::Yes);
        }
        let transaction = self.of_tree(tree)?.and(beside.0);
        match transaction.commit(&self.0.client, "write categories").await {
            Ok(()) => Ok(Committed::Yes),
            Err(Declined::Condition(_)) => Ok(Committed::Raced),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }

    fn of_tree(&self, tree: &Tree) -> Result<Transaction, AwsFault> {
        let tenant = tree.tenant();
        let head = Head { version: tree.version() + 1, counts: tree.counts() };
        let head = self.0.put(item(&head, head_key(tenant))?);
        let head = match tree.version() {
            0 => head.condition_expression("attribute_not_exists(pk)"),
            version => {
                head.condition_expression("version = :version").expression_attribute_values(":version", number(version))
            }
        };
        let mut transaction = Transaction::default().put(built(head.build())?);
        for (_, after) in tree.changes() {
            let put = self.0.put(item(after, category_key(tenant, &after.id))?);
            transaction = transaction.put(built(put.build())?);
        }
        let [before, after] = tree.slugs();
        for (slug, id) in after.iter().filter(|(slug, id)| before.get(*slug) != Some(*id)) {
            let mut claim = slug_key(tenant, slug);
            claim.insert("category".into(), text(id.as_str()));
            let claim = self.0.put(claim);
            // Free, or that of the one that gives it up in this very change.
            let claim = match before.get(slug) {
                None => claim.condition_expression("attribute_not_exists(pk)"),
                Some(holder) => claim
                    .condition_expression("category = :holder")
                    .expression_attribute_values(":holder", text(holder.as_str())),
            };
            transaction = transaction.put(built(claim.build())?);
        }
        for (slug, _) in before.iter().filter(|(slug, _)| !after.contains_key(*slug)) {
            transaction = transaction.delete(built(self.0.delete(slug_key(tenant, slug)).build())?);
        }
        Ok(transaction)
    }
}
