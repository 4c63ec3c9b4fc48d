//! Which connection a call means that names a provider: the one that it names, else the tenant's `main`, else its only one. Older clients
//! know one account of each vendor, and name none.

use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};

/// So many names of connections are told to whoever has to choose one.
pub const TOLD_MAX: usize = 10;

/// Why a call means no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMeant {
    /// It has no API that is pulled or, where that is enough, asked by hand.
    #[error("{0} is none of the providers that this is for: {others}", others = .1.join(", "))]
    NotPulled(String, Vec<String>),
    /// There is none of the provider.
    #[error("the tenant {0} has no connection to {1}")]
    None(TenantId, ProviderId),
    /// There is none of this name.
    #[error("there is no connection {0}")]
    NoSuch(Connection),
    /// There are several, and none is called `main`.
    #[error("the tenant has several connections to {0}, and the call names none")]
    Several(ProviderId, Vec<ConnectionName>),
}

impl NotMeant {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotPulled(..) => "name one of these providers".to_owned(),
            Self::None(tenant, provider) => {
                format!("make it: PUT /api/admin/connections/{tenant}/{provider}/{}", ConnectionName::MAIN)
            }
            Self::NoSuch(_) => "look which there are: GET /api/admin/connections".to_owned(),
            Self::Several(_, names) => {
                let names: Vec<&str> = names.iter().take(TOLD_MAX).map(ConnectionName::as_str).collect();
                format!("name one with ?connection=, such as {}", names.join(", "))
            }
        }
    }
}

/// Which of these is meant by a call that names none. `names` are those of the tenant's connections to the provider, or the first of them.
///
/// # Errors
/// When there is none, or there are several of which none is `main`.
pub fn unnamed(
    tenant: &TenantId,
    provider: &ProviderId,
    names: Vec<ConnectionName>,
) -> Result<ConnectionName, NotMeant> {
    match names.as_slice() {
        [] => Err(NotMeant::None(tenant.clone(), provider.clone())),
        [only] => Ok(only.clone()),
        several if several.contains(&ConnectionName::MAIN) => Ok(ConnectionName::MAIN),
        _ => Err(NotMeant::Several(provider.clone(), names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_or_the_only_one_is_meant_and_of_several_none() {
        let meant = |names: &[&str]| {
            let names = names.iter().map(|name| ConnectionName::parse(name).unwrap()).collect();
            unnamed(&TenantId::DEFAULT, &ProviderId::DOORLOOP, names).map(|name| name.to_string())
        };
        for (names, expected) in [(&["main"][..], "main"), (&["oslo"], "oslo"), (&["bergen", "main", "oslo"], "main")] {
            assert_eq!(meant(names).as_deref(), Ok(expected), "{names:?}");
        }
        let several = meant(&["bergen", "oslo"]).unwrap_err();
        assert_eq!(several.hint(), "name one with ?connection=, such as bergen, oslo");
        let none = meant(&[]).unwrap_err();
        assert_eq!(none.to_string(), "the tenant default has no connection to doorloop");
        assert_eq!(none.hint(), "make it: PUT /api/admin/connections/default/doorloop/main");
    }
}
