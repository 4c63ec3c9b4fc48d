//! A tenant's categories: a tree without cycles, whose slugs are unique.
//!
//! A change is made on the whole tree as it was read, in memory, and is stored if nobody has changed the tree meanwhile: no two changes
//! that are right by themselves make a wrong one together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::names::{CategoryId, CategoryName, GoogleCategoryId, InvalidName, NAME_CHARACTERS_MAX, Slug};
use crate::domain::ids::TenantId;

/// So many categories a tenant has at most, deleted ones among them: a tree is read in one query.
pub const CATEGORIES_MAX: usize = 1_000;
/// A category has at most so many above it and itself.
pub const DEPTH_MAX: usize = 8;
/// The last place in an order.
pub const SORT_ORDER_MAX: u32 = 1_000_000;
/// So many categories are changed at once at most: with a claim for a slug's end and one for its beginning, and the tree, they fit into a
/// transaction and leave room for what is stored beside them.
pub const CHANGES_MAX: usize = 30;

/// A category of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantCategory {
    /// Which.
    pub id: CategoryId,
    /// Whose.
    pub tenant: TenantId,
    /// What people call it.
    pub name: CategoryName,
    /// What addresses call it.
    pub slug: Slug,
    /// The category above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<CategoryId>,
    /// The category of Google's that it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_category_id: Option<GoogleCategoryId>,
    /// Whether it was not deleted.
    pub is_active: bool,
    /// Its place in lists.
    pub sort_order: u32,
    /// When it was made, epoch milliseconds.
    pub created_at_ms: i64,
    /// When it was changed last, epoch milliseconds.
    pub updated_at_ms: i64,
    /// How often it was changed.
    pub version: u64,
}

/// How many categories a tenant has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// That were not deleted.
    pub total: u64,
    /// Of these, that stand for one of Google's.
    pub mapped: u64,
    /// That were deleted.
    pub inactive: u64,
}

impl Counts {
    /// Those that stand for none of Google's.
    #[must_use]
    pub fn unmapped(self) -> u64 {
        self.total.saturating_sub(self.mapped)
    }

    /// The share that stands for one of Google's, in per cent to one decimal; 0 of none.
    #[must_use]
    pub fn coverage(self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        // Rounded down: 99.96 % is not all.
        (self.mapped * 1_000 / self.total) as f64 / 10.0
    }

    /// Whether each stands for one of Google's, and there are any.
    #[must_use]
    pub fn is_compliant(self) -> bool {
        self.total > 0 && self.unmapped() == 0
    }
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is none of this id, or it was deleted.
    #[error("there is no such category")]
    NotFound,
    /// It is not at the version that its caller knows.
    #[error("the category was changed meanwhile: it is at version {0}")]
    Version(u64),
    /// The category that it is to be put below is not there.
    #[error("there is no category with the id that parentId names")]
    NoParent,
    /// It would be below itself.
    #[error("a category cannot be below itself")]
    Cycle,
    /// It would be too far down.
    #[error("a category has at most {DEPTH_MAX} levels with its own")]
    TooDeep,
    /// The tenant has as many as it may have.
    #[error("a tenant has at most {CATEGORIES_MAX} categories, deleted ones among them: restore one of those instead")]
    TooMany,
    /// Another one has the slug.
    #[error("the slug is that of the category {0}")]
    SlugTaken(CategoryId),
    /// One that was deleted has the slug.
    #[error(
        "the slug is that of the category {0}, which was deleted: restore it with isActive, or give it another slug"
    )]
    SlugOfDeleted(CategoryId),
    /// Others are below it.
    #[error("categories are below it, {0} in number: move or delete them first")]
    HasChildren(usize),
    /// More is changed at once than is stored at once.
    #[error("more than {CHANGES_MAX} categories would change at once")]
    Full,
}

/// What a category is to be.
#[derive(Debug, Clone)]
pub struct New {
    /// What people call it.
    pub name: CategoryName,
    /// What addresses call it.
    pub slug: Slug,
    /// The category above it.
    pub parent_id: Option<CategoryId>,
    /// The category of Google's that it stands for.
    pub google_category_id: Option<GoogleCategoryId>,
    /// Its place in lists; behind all others where it has none.
    pub sort_order: Option<u32>,
}

/// What is to be changed of a category; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What people call it.
    pub name: Option<CategoryName>,
    /// What addresses call it.
    pub slug: Option<Slug>,
    /// The category above it, or none.
    pub parent_id: Option<Option<CategoryId>>,
    /// The category of Google's that it stands for, or none.
    pub google_category_id: Option<Option<GoogleCategoryId>>,
    /// Its place in lists.
    pub sort_order: Option<u32>,
    /// Whether it is there: true restores one that was deleted.
    pub is_active: Option<bool>,
}

/// A tenant's categories as they were read, and what was changed of them since.
#[derive(Debug, Clone)]
pub struct Tree {
    tenant: TenantId,
    version: u64,
    read: BTreeMap<CategoryId, TenantCategory>,
    rows: BTreeMap<CategoryId, TenantCategory>,
}

impl Tree {
    /// The tree of these categories, all of the tenant's, at this version.
    #[must_use]
    pub fn new(tenant: TenantId, version: u64, categories: impl IntoIterator<Item = TenantCategory>) -> Self {
        let rows: BTreeMap<_, _> = categories.into_iter().map(|category| (category.id.clone(), category)).collect();
        Self { tenant, version, read: rows.clone(), rows }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// How often the tree was changed before it was read.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All, deleted ones among them, by id.
    pub fn all(&self) -> impl Iterator<Item = &TenantCategory> {
        self.rows.values()
    }

    /// One, also one that was deleted.
    #[must_use]
    pub fn get(&self, id: &CategoryId) -> Option<&TenantCategory> {
        self.rows.get(id)
    }

    /// Those that were not deleted, by sort order, then by id.
    #[must_use]
    pub fn active(&self) -> Vec<&TenantCategory> {
        let mut found: Vec<_> = self.rows.values().filter(|category| category.is_active).collect();
        found.sort_by(|one, other| (one.sort_order, &one.id).cmp(&(other.sort_order, &other.id)));
        found
    }

    /// Those that were not deleted and stand for a category of Google's, by sort order, then by id. Several may: a tenant's categories
    /// are often finer than Google's.
    #[must_use]
    pub fn by_google_id(&self, google: &GoogleCategoryId) -> Vec<&TenantCategory> {
        let mut found = self.active();
        found.retain(|category| category.google_category_id.as_ref() == Some(google));
        found
    }

    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for category in self.rows.values() {
            match category.is_active {
                true => counts.total += 1,
                false => counts.inactive += 1,
            }
            counts.mapped += u64::from(category.is_active && category.google_category_id.is_some());
        }
        counts
    }

    /// What was changed since the tree was read: each as it was, if it was there, and as it is.
    pub fn changes(&self) -> impl Iterator<Item = (Option<&TenantCategory>, &TenantCategory)> {
        let changed = |(id, after)| {
            let before = self.read.get(id);
            (before != Some(after)).then_some((before, after))
        };
        self.rows.iter().filter_map(changed)
    }

    /// Who had which slug when the tree was read, and who has which now.
    #[must_use]
    pub fn slugs(&self) -> [BTreeMap<&Slug, &CategoryId>; 2] {
        [&self.read, &self.rows].map(|rows| rows.values().map(|category| (&category.slug, &category.id)).collect())
    }

    /// How many more may be changed before the tree is stored.
    #[must_use]
    pub fn room(&self) -> usize {
        CHANGES_MAX.saturating_sub(self.changes().count())
    }

    /// Makes a category.
    ///
    /// # Errors
    /// Where the tree has no place for it; it is as it was then.
    pub fn create(&mut self, new: New, random: [u8; 16], now: Timestamp) -> Result<TenantCategory, Refused> {
        if self.rows.len() >= CATEGORIES_MAX {
            return Err(Refused::TooMany);
        }
        let last = || self.rows.values().map(|category| category.sort_order).max();
        let sort_order = new.sort_order.unwrap_or_else(|| last().map_or(0, |last| (last + 1).min(SORT_ORDER_MAX)));
        let category = TenantCategory {
            id: CategoryId::new(now, random),
            tenant: self.tenant.clone(),
            name: new.name,
            slug: new.slug,
            parent_id: new.parent_id,
            google_category_id: new.google_category_id,
            is_active: true,
            sort_order,
            created_at_ms: now.as_millisecond(),
            updated_at_ms: now.as_millisecond(),
            version: 1,
        };
        self.placed(category)
    }

    /// Changes a category that is at this version, or at any. One that was deleted is there for whoever restores it alone.
    ///
    /// # Errors
    /// Where it is not there, is at another version, or the tree has no place for what it would be; it is as it was then.
    pub fn change(
        &mut self,
        id: &CategoryId,
        change: Change,
        version: Option<u64>,
        now: Timestamp,
    ) -> Result<TenantCategory, Refused> {
        let before = self.known(id, version, change.is_active == Some(true))?;
        let mut after = before.clone();
        after.name = change.name.unwrap_or(after.name);
        after.slug = change.slug.unwrap_or(after.slug);
        after.parent_id = change.parent_id.unwrap_or(after.parent_id);
        after.google_category_id = change.google_category_id.unwrap_or(after.google_category_id);
        after.sort_order = change.sort_order.unwrap_or(after.sort_order);
        after.is_active = change.is_active.unwrap_or(after.is_active);
        if after == before {
            return Ok(after);
        }
        self.placed(self.touched(after, now))
    }

    /// Deletes a category that is at this version, or at any, and has none below it. Its slug stays its own, so that it can be restored.
    ///
    /// # Errors
    /// Where it is not there, is at another version, or has others below it.
    pub fn remove(&mut self, id: &CategoryId, version: Option<u64>, now: Timestamp) -> Result<TenantCategory, Refused> {
        self.change(id, Change { is_active: Some(false), ..Change::default() }, version, now)
    }

    /// Makes a category for one of Google's, or restores the one that was deleted last.
    ///
    /// # Errors
    /// Where the tree has no place for it.
    pub fn take_in(
        &mut self,
        google: &GoogleCategoryId,
        name: &str,
        random: [u8; 16],
        now: Timestamp,
    ) -> Result<TenantCategory, Refused> {
        let name = CategoryName::fitted(name, google);
        let stands_for = |category: &&TenantCategory| category.google_category_id.as_ref() == Some(google);
        let deleted = self.rows.values().filter(|category| !category.is_active).filter(stands_for);
        let deleted = deleted.max_by_key(|category| category.updated_at_ms).map(|category| category.id.clone());
        if let Some(id) = deleted {
            // Where it was may be gone by now.
            let back = Change { name: Some(name), parent_id: Some(None), is_active: Some(true), ..Change::default() };
            return self.change(&id, back, None, now);
        }
        let slugs: BTreeSet<&Slug> = self.rows.values().map(|category| &category.slug).collect();
        let slug = Slug::free(&name, |slug| slugs.contains(slug));
        let google_category_id = Some(google.clone());
        self.create(New { name, slug, parent_id: None, google_category_id, sort_order: None }, random, now)
    }

    /// Moves what is below a category up to where it is itself, as far as there is room: true where nothing is below it any more.
    ///
    /// # Errors
    /// When it is not there.
    pub fn lift_children(&mut self, id: &CategoryId, now: Timestamp) -> Result<bool, Refused> {
        let parent_id = self.known(id, None, false)?.parent_id;
        let children: Vec<CategoryId> = self.children(id).map(|child| child.id.clone()).collect();
        for child in children {
            let up = Change { parent_id: Some(parent_id.clone()), ..Change::default() };
            match self.change(&child, up, None, now) {
                Ok(_) => {}
                Err(Refused::Full) => return Ok(false),
                Err(refused) => return Err(refused),
            }
        }
        Ok(true)
    }

    /// Those that are right below a category and were not deleted.
    pub fn children(&self, id: &CategoryId) -> impl Iterator<Item = &TenantCategory> {
        self.rows.values().filter(move |category| category.is_active && category.parent_id.as_ref() == Some(id))
    }

    fn known(&self, id: &CategoryId, version: Option<u64>, deleted_too: bool) -> Result<TenantCategory, Refused> {
        let found = self.rows.get(id).filter(|category| category.is_active || deleted_too).ok_or(Refused::NotFound)?;
        match version {
            Some(version) if version != found.version => Err(Refused::Version(found.version)),
            _ => Ok(found.clone()),
        }
    }

    /// Of several changes before the tree is stored the version tells of one.
    fn touched(&self, category: TenantCategory, now: Timestamp) -> TenantCategory {
        let version = self.read.get(&category.id).map_or(1, |read| read.version + 1);
        TenantCategory { version, updated_at_ms: now.as_millisecond(), ..category }
    }

    /// Puts a category into the tree, if it has a place for it.
    fn placed(&mut self, category: TenantCategory) -> Result<TenantCategory, Refused> {
        let id = &category.id;
        if let Some(other) = self.rows.values().find(|other| other.slug == category.slug && other.id != *id) {
            let other_id = other.id.clone();
            return Err(if other.is_active { Refused::SlugTaken(other_id) } else { Refused::SlugOfDeleted(other_id) });
        }
        let children = self.children(id).count();
        if !category.is_active && children > 0 {
            return Err(Refused::HasChildren(children));
        }
        if category.is_active {
            let above = self.above(category.parent_id.as_ref(), id)?;
            if above + self.height(id, DEPTH_MAX) > DEPTH_MAX {
                return Err(Refused::TooDeep);
            }
        }
        let changed = self.changes().any(|(_, after)| after.id == *id);
        if !changed && self.room() == 0 {
            return Err(Refused::Full);
        }
        self.rows.insert(id.clone(), category.clone());
        Ok(category)
    }

    /// How many are above a category that is put below `parent`.
    fn above(&self, parent: Option<&CategoryId>, id: &CategoryId) -> Result<usize, Refused> {
        let (mut above, mut next) = (0, parent);
        while let Some(parent) = next {
            if parent == id {
                return Err(Refused::Cycle);
            }
            let found = self.rows.get(parent).filter(|parent| parent.is_active).ok_or(Refused::NoParent)?;
            above += 1;
            // What is stored may be damaged: a cycle in it ends here.
            if above >= DEPTH_MAX {
                return Err(Refused::TooDeep);
            }
            next = found.parent_id.as_ref();
        }
        Ok(above)
    }

    /// How many levels a category and what is below it have; of more than `most`, one more.
    fn height(&self, id: &CategoryId, most: usize) -> usize {
        if most == 0 {
            return 1;
        }
        1 + self.children(id).map(|child| self.height(&child.id, most - 1)).max().unwrap_or(0)
    }
}

#[cfg(test)]
#[path = "categories_tests.rs"]
mod tests;
