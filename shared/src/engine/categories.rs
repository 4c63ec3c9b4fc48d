//! Make, change and delete a tenant's categories. Who does it, and what differs by it, is recorded first.

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::mirror::categories::{Beside, CategoryStore, Committed};
use crate::domain::audit::Action;
use crate::domain::ids::TenantId;
use crate::domain::mirror::categories::{CategoryId, Change, New, Refused, TenantCategory, Tree};
use crate::domain::mirror::filter::Filter;
use crate::engine::connections::tries::{TRIES_MAX, pause};
use crate::engine::operators::{Operator, Operators};
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// What changes of categories work with. Cheap to clone.
#[derive(Clone)]
pub struct Categories {
    /// What is stored.
    pub store: CategoryStore,
    operators: Operators,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// It would not be a tree, or not with what its caller knows.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Others changed the tree each time that it was tried.
    #[error("others changed the tenant's categories each time that it was tried; send it again as it is")]
    Contended,
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

impl Categories {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let operators = Operators::connect(clients, environment, outside)?;
        Ok(Self { store: CategoryStore::connect(clients, environment)?, operators })
    }

    /// Makes a category of the operator's tenant.
    ///
    /// # Errors
    /// When it is refused, or AWS fails.
    pub async fn create(&self, operator: &Operator, new: &New) -> Result<TenantCategory, NotDone> {
        let (random, now) = (self.operators.random(), self.operators.now());
        let make = |tree: &mut Tree| tree.create(new.clone(), random, now);
        self.tried(operator, Action::PutCategory, make).await
    }

    /// Changes a category of the operator's tenant that is at this version, or at any.
    ///
    /// # Errors
    /// When it is refused, or AWS fails.
    pub async fn change(
        &self,
        operator: &Operator,
        id: &CategoryId,
        change: &Change,
        version: Option<u64>,
    ) -> Result<TenantCategory, NotDone> {
        let now = self.operators.now();
        let action = if change.is_active == Some(false) { Action::DeleteCategory } else { Action::PutCategory };
        self.tried(operator, action, |tree| tree.change(id, change.clone(), version, now)).await
    }

    /// Deletes a category of the operator's tenant that is at this version, or at any, and has none below it.
    ///
    /// # Errors
    /// When it is refused, or AWS fails.
    pub async fn remove(
        &self,
        operator: &Operator,
        id: &CategoryId,
        version: Option<u64>,
    ) -> Result<TenantCategory, NotDone> {
        let now = self.operators.now();
        self.tried(operator, Action::DeleteCategory, |tree| tree.remove(id, version, now)).await
    }

    /// Makes a change on the tree as it is, until nobody is in between. A crash leaves the entry on record for what was not done, or all
    /// of it, as it is one transaction.
    async fn tried(
        &self,
        operator: &Operator,
        action: Action,
        make: impl Fn(&mut Tree) -> Result<TenantCategory, Refused>,
    ) -> Result<TenantCategory, NotDone> {
        for tries in 0..TRIES_MAX {
            let mut tree = self.store.tree(&operator.tenant).await?;
            let made = make(&mut tree)?;
            let Some(names) = tree.changes().next().map(|(before, after)| differing(before, after)) else {
                return Ok(made);
            };
            if tries == 0 {
                let target = format!("{} of {}", made.id, operator.tenant);
                self.operators.record_change(operator, action, target, names).await?;
            }
            if self.store.commit(&tree, Beside::default()).await? == Committed::Yes {
                return Ok(made);
            }
            pause(&self.operators, tries).await;
        }
        Err(NotDone::Contended)
    }
}

/// So many categories are read at once where not all of them are shown.
const READ_AT_ONCE: usize = 250;

/// A page of a tenant's categories that a filter shows, by id, behind one of them, and whether there are more. A tree is bounded, so a page
/// is four queries at most.
///
/// # Errors
/// When AWS fails.
pub async fn list(
    store: &CategoryStore,
    tenant: &TenantId,
    filter: &Filter,
    behind: Option<CategoryId>,
    limit: usize,
) -> Result<(Vec<TenantCategory>, bool), AwsFault> {
    let at_once = if filter.is_empty() { limit + 1 } else { READ_AT_ONCE };
    let (mut shown, mut behind): (Vec<TenantCategory>, _) = (Vec::new(), behind);
    while shown.len() <= limit {
        let (page, more) = store.page(tenant, behind.as_ref(), at_once).await?;
        behind = page.last().map(|last| last.id.clone());
        shown.extend(page.into_iter().filter(|category| filter.shows(category)));
        if !more || behind.is_none() {
            break;
        }
    }
    let more = shown.len() > limit;
    shown.truncate(limit);
    Ok((shown, more))
}

/// The names of what differs.
fn differing(before: Option<&TenantCategory>, after: &TenantCategory) -> Vec<String> {
    let differs = |differs: fn(&TenantCategory, &TenantCategory) -> bool| before.is_none_or(|one| differs(one, after));
    let named = [
        ("name", differs(|one, other| one.name != other.name)),
        ("slug", differs(|one, other| one.slug != other.slug)),
        ("parentId", differs(|one, other| one.parent_id != other.parent_id)),
        ("googleCategoryId", differs(|one, other| one.google_category_id != other.google_category_id)),
        ("isActive", differs(|one, other| one.is_active != other.is_active)),
        ("sortOrder", differs(|one, other| one.sort_order != other.sort_order)),
    ];
    named.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}
