//! Parameters that many routes have, for the API's description. They are read one by one.

use utoipa::IntoParams;

/// Which connection to a vendor a call is about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConnectionMeant {
    /// Whose API; `doorloop` by default
    pub provider: Option<String>,
    /// Which of the tenant's connections to it; `main`, or the only one, by default
    pub connection: Option<String>,
    /// Whose; the token's tenant by default, and another than that for operators of all tenants alone
    pub tenant: Option<String>,
}

/// The same, where the path names the provider.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConnectionOfProvider {
    /// Which of the tenant's connections to it; `main`, or the only one, by default
    pub connection: Option<String>,
    /// Whose; the token's tenant by default, and another than that for operators of all tenants alone
    pub tenant: Option<String>,
}

/// Whose data a call is about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantMeant {
    /// Whose; the token's tenant by default, and another than that for operators of all tenants alone
    pub tenant: Option<String>,
}

/// Whose brand a call is about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantOfBrand {
    /// Whose; also in the header x-tenant-id
    #[param(rename = "tenantId")]
    pub tenant_id: Option<String>,
}
