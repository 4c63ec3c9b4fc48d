//! Tenants' categories, as the mirror's clients read and write them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::mirror::categories::{Counts, TenantCategory};
use crate::domain::time;

/// A category.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryView {
    /// Its id.
    pub id: String,
    /// Whose.
    pub tenant_id: String,
    /// What people call it.
    pub name: String,
    /// What addresses call it.
    pub slug: String,
    /// The category above it; null for one that has none.
    pub parent_id: Option<String>,
    /// The category of Google's that it stands for; null for none.
    pub google_category_id: Option<String>,
    /// Whether it was not deleted.
    pub is_active: bool,
    /// Its place in lists.
    pub sort_order: u32,
    /// When it was made.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
    /// How often it was changed: what `If-Match` is compared with.
    pub version: u64,
}

fn moment(ms: i64) -> String {
    time::text(Timestamp::from_millisecond(ms).unwrap_or_default())
}

impl From<&TenantCategory> for CategoryView {
    fn from(category: &TenantCategory) -> Self {
        Self {
            id: category.id.to_string(),
            tenant_id: category.tenant.to_string(),
            name: category.name.to_string(),
            slug: category.slug.to_string(),
            parent_id: category.parent_id.as_ref().map(ToString::to_string),
            google_category_id: category.google_category_id.as_ref().map(ToString::to_string),
            is_active: category.is_active,
            sort_order: category.sort_order,
            created_at: moment(category.created_at_ms),
            updated_at: moment(category.updated_at_ms),
            version: category.version,
        }
    }
}

/// One of Google's categories.
#[derive(Debug, Serialize, ToSchema)]
pub struct GoogleCategoryView {
    /// Its id, such as `gcid:restaurant`.
    pub id: String,
    /// What Google calls it, in the connection's language.
    pub name: String,
}

/// Some of Google's categories.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoogleCategoriesView {
    /// Always true.
    pub success: bool,
    /// Those.
    pub data: Vec<GoogleCategoryView>,
    /// Whether there are more like them.
    pub has_more: bool,
    /// How many Google has in all.
    pub total: usize,
}

/// How many of a tenant's categories stand for one of Google's; of all that were not deleted, whatever page or filter is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageView {
    /// How many there are.
    pub total: u64,
    /// That stand for one of Google's.
    pub mapped: u64,
    /// That stand for none.
    pub unmapped: u64,
    /// The share of those that do, in per cent to one decimal; 0 of none.
    pub mapping_coverage: f64,
}

impl From<Counts> for CoverageView {
    fn from(counts: Counts) -> Self {
        let (total, mapped, unmapped) = (counts.total, counts.mapped, counts.unmapped());
        Self { total, mapped, unmapped, mapping_coverage: counts.coverage() }
    }
}

/// A page of categories, by id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoriesView {
    /// Always true.
    pub success: bool,
    /// By id, so in the order in which they were made.
    pub data: Vec<CategoryView>,
    /// The id of the last one, which the next page is asked for with; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Of all.
    pub stats: CoverageView,
}

/// One category.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneCategoryView {
    /// Always true.
    pub success: bool,
    /// The category as it is now.
    pub data: CategoryView,
}

/// How far a tenant's categories are mapped to Google's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlignmentView {
    /// Of all.
    #[serde(flatten)]
    pub coverage: CoverageView,
    /// Whether each stands for one of Google's, and there are any.
    pub is_compliant: bool,
}

/// How far a tenant's categories are mapped to Google's.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlignmentStatusView {
    /// Always true.
    pub success: bool,
    /// How far.
    pub data: AlignmentView,
}

/// A category as a tenant's shop reads it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShopCategoryView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What addresses call it.
    pub slug: String,
    /// The category above it; null for one that has none.
    pub parent_id: Option<String>,
    /// The category of Google's that it stands for; null for none.
    pub google_category_id: Option<String>,
}

impl From<CategoryView> for ShopCategoryView {
    fn from(view: CategoryView) -> Self {
        let CategoryView { id, name, slug, parent_id, google_category_id, .. } = view;
        Self { id, name, slug, parent_id, google_category_id }
    }
}

/// All of a tenant's categories that were not deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShopCategoriesView {
    /// Always true.
    pub success: bool,
    /// By sort order, then by id.
    pub data: Vec<ShopCategoryView>,
}

/// What a category is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryRequest {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// What addresses call it: 1 to 100 characters of `a-z`, `0-9` and `-`.
    pub slug: String,
    /// The category above it.
    pub parent_id: Option<String>,
    /// Google's id of a category, such as `gcid:restaurant`.
    pub google_category_id: Option<String>,
    /// Its place in lists; behind all others where it has none.
    pub sort_order: Option<u32>,
}

/// What is to be changed of a category; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryChangeRequest {
    /// What people call it.
    pub name: Option<String>,
    /// What addresses call it.
    pub slug: Option<String>,
    /// The category above it; null for none.
    pub parent_id: Option<String>,
    /// Google's id of a category; null for none.
    pub google_category_id: Option<String>,
    /// Its place in lists.
    pub sort_order: Option<u32>,
    /// False deletes it, true restores it.
    pub is_active: Option<bool>,
}

/// Which of Google's categories a category stands for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlignRequest {
    /// Google's id of a category, such as `gcid:restaurant`; null for none.
    #[schema(required)]
    pub google_category_id: Option<String>,
}
