//! The vendors there are, their credentials, and the tests of their sources.

use serde::Serialize;
use utoipa::ToSchema;

use super::snapshot::SnapshotView;
use crate::domain::catalogue::vendor::Integration;

/// The configured vendors.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegistryView {
    /// Always true.
    pub ok: bool,
    /// By slug.
    pub data: Vec<VendorView>,
}

/// One vendor.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneVendorView {
    /// Always true.
    pub ok: bool,
    /// The vendor.
    pub data: VendorView,
}

/// A configured vendor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorView {
    /// The same as `slug`.
    pub id: String,
    /// The lower-case name in URLs.
    pub slug: String,
    /// The name people read.
    pub name: String,
    /// Whether the deployment's `VENDORS` names it: then it is changed there alone.
    pub configured: bool,
    /// When its snapshot was first stored.
    pub created_at: Option<String>,
    /// When its snapshot last changed.
    pub updated_at: Option<String>,
    /// How it is reached.
    pub integration: RegisteredIntegrationView,
    /// Its snapshot; null before its first run.
    pub state: Option<SnapshotView>,
}

/// A kind of integration.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum IntegrationKind {
    /// A catalogue file that something else writes.
    Scraper,
    /// An API.
    Api,
}

impl From<Integration> for IntegrationKind {
    fn from(integration: Integration) -> Self {
        match integration {
            Integration::Scraper => Self::Scraper,
            Integration::Api => Self::Api,
        }
    }
}

/// How a vendor is reached.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredIntegrationView {
    /// Follows from the slug.
    pub id: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: IntegrationKind,
    /// Where its catalogue lies, redacted; null of one that is reached over an API.
    pub scraper_path: Option<String>,
    /// Where its API is, redacted; null of one that is reached over a file.
    pub api_base_url: Option<String>,
    /// How its API is signed in to.
    pub api_auth_type: Option<String>,
    /// Never in clear.
    pub api_key: Option<String>,
    /// When its source was last tested.
    pub last_test_at: Option<String>,
    /// Whether it could be read then.
    pub last_test_ok: Option<bool>,
    /// Why not.
    pub error: Option<String>,
    /// More about that test.
    pub meta: Option<LastTestMeta>,
    /// When the vendor's snapshot was first stored.
    pub created_at: Option<String>,
    /// When it was last tested, or else its snapshot last changed.
    pub updated_at: Option<String>,
}

/// What the last test looked at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastTestMeta {
    /// The source, redacted.
    pub source_path: Option<String>,
    /// Rows of distinct ids; null where it could not be read.
    pub total_items: Option<u64>,
}

/// A test of a vendor's source.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct VendorTestRequest {
    /// Another source than the configured one.
    pub source_path: Option<String>,
}

/// A test that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct VendorTestedView {
    /// Always true.
    pub ok: bool,
    /// What it found.
    pub data: VendorTestView,
}

/// What a test of a vendor's source found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorTestView {
    /// Whether the source could be read from end to end.
    pub ok: bool,
    /// The vendor's slug.
    pub vendor: String,
    /// The name people read.
    pub vendor_name: String,
    /// Follows from the slug.
    pub integration_id: String,
    /// The kind of integration.
    #[serde(rename = "type")]
    pub kind: IntegrationKind,
    /// When it was tested.
    pub checked_at: String,
    /// More about it.
    pub meta: VendorTestMeta,
}

/// What a test looked at, and either how much it found or why it failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorTestMeta {
    /// The source, redacted.
    pub source_path: Option<String>,
    /// Rows of distinct ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_items: Option<u64>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is to be changed of a vendor.
#[derive(Debug, ToSchema)]
pub struct CredentialsRequest {
    /// Its credentials.
    pub credentials: CredentialsFields,
}

/// Credentials. What is left out stays as it is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CredentialsFields {
    /// Where its catalogue lies; null or blank for nowhere. As it is shown, it stays.
    pub scraper_path: Option<String>,
    /// In place of it: where its API is.
    pub api_base_url: Option<String>,
    /// The key that it is asked with, in place of the one it has; null or blank keeps that one.
    pub api_key: Option<String>,
}

/// A vendor whose credentials were changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialsChangedView {
    /// Always true.
    pub ok: bool,
    /// What they are now.
    pub data: CredentialsView,
}

/// The credentials of a vendor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsView {
    /// The vendor's slug.
    pub slug: String,
    /// The kind of integration.
    #[serde(rename = "type")]
    pub kind: IntegrationKind,
    /// Where its catalogue lies, redacted.
    pub scraper_path: Option<String>,
    /// Where its API is, redacted.
    pub api_base_url: Option<String>,
    /// The end of its key; null where it has none.
    pub api_key: Option<String>,
}

/// What the tests of all vendors found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllTestedView {
    /// Always true.
    pub ok: bool,
    /// How many were tested.
    pub tested: usize,
    /// How many of them can be read.
    pub passed: usize,
    /// How many cannot.
    pub failed: usize,
    /// How many there was no time for.
    pub not_tested: usize,
    /// Those that cannot be read, by slug.
    pub failures: Vec<TestFailureView>,
}

/// A vendor that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestFailureView {
    /// The vendor's slug.
    pub slug: String,
    /// Why.
    pub error: String,
}
