//! Which of a tenant's categories a list shows.

use super::categories::{CategoryId, TenantCategory};

/// What a list is asked for; what is none is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Deleted ones as well.
    pub include_inactive: bool,
    /// Right below this one, or below none.
    pub parent: Option<Option<CategoryId>>,
    /// With this in the name or in the slug, whatever its case.
    pub search: Option<String>,
    /// That stand for one of Google's, or that stand for none.
    pub mapped: Option<bool>,
}

impl Filter {
    /// Whether a category is shown.
    #[must_use]
    pub fn shows(&self, category: &TenantCategory) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        (category.is_active || self.include_inactive)
            && self.parent.as_ref().is_none_or(|parent| category.parent_id == *parent)
            && self.mapped.is_none_or(|mapped| category.google_category_id.is_some() == mapped)
            && self
                .search
                .as_ref()
                .is_none_or(|part| has(category.name.as_str(), part) || has(category.slug.as_str(), part))
    }

    /// Whether all are shown that were not deleted, so that a page is read in one go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
