//! Why runs fail, are skipped, are stopped or are refused: the one list, with what clients see of each and what is done
//! about it.

use serde::{Deserialize, Serialize};

/// What becomes of a run for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is tried again while its cause may pass, after a while and a bounded number of times; then it fails.
    Retry,
    /// It fails: trying again would fail alike.
    Fail,
    /// It is stored as skipped, and never started.
    Skip,
    /// It is cancelled.
    Cancel,
    /// No run is stored; whoever asked is told.
    Refuse,
    /// Nothing becomes of it here: somebody else has the run.
    Leave,
}

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The source may not be read.
    SourceNotAllowed,
    /// The source leads to an address that is not public.
    SourceNotPublic,
    /// Nothing is at the source.
    SourceNotFound,
    /// The source could not be read to its end.
    SourceUnreadable,
    /// The source, or its vendor, asks to be left alone for a while.
    SourceBusy,
    /// The source changed while it was being read.
    SourceChanged,
    /// The source is not a catalogue.
    SourceInvalid,
    /// The catalogue lacks too much of the snapshot.
    RemovalsRefused,
    /// The run made no progress for too long, or took too long in all.
    RunTooSlow,
    /// Storage failed again and again.
    StorageFailed,
    /// The vendor is not in the configuration, or no longer.
    VendorNotConfigured,
    /// The vendor's kind of integration cannot be synced.
    IntegrationNotSupported,
    /// Another run of the connection is not over yet.
    SyncInProgress,
    /// An operator stopped it.
    Stopped,
    /// Nobody approved of it in time.
    ApprovalExpired,
    /// Another worker holds the run now.
    LeaseLost,
    /// The connection has no key to ask its vendor with.
    MissingApiKey,
    /// The vendor does not take the connection's key.
    VendorRefusedCredentials,
    /// The key may not read an entity.
    VendorNotPermitted,
    /// What the vendor answered is no page of a list.
    PageInvalid,
    /// The pages of a list do not make a whole.
    PagesInconsistent,
    /// Rows have other fields than the connection was told to take.
    SchemaChanged,
    /// An entity has more rows than a pull can hold.
    TooManyRows,
    /// Some of a pull's entities failed; the others are done.
    EntitiesFailed,
    /// Whoever agreed that a vendor is asked for them has taken it back.
    ConsentRevoked,
    /// The vendor refuses what it was asked for, and would again.
    RequestRefused,
    /// A list has nothing in it that must have something.
    NothingListed,
    /// There is no category that could be the primary one.
    NoPrimaryCategory,
    /// There are more additional categories than a location can have.
    TooManyCategories,
    /// It went well less than a minute ago.
    Cooldown,
    /// A run of the connection waits for approval.
    ApprovalPending,
    /// Somebody decided that what it would remove must stay.
    ApprovalRejected,
    /// The feature is off for the tenant.
    FeatureOff,
    /// No active category of the tenant has one of Google's ids.
    NothingMapped,
    /// There are more locations than a mirror takes.
    TooManyLocations,
    /// Some of a mirror's locations failed; the others are done.
    LocationsFailed,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::SourceNotAllowed,
        Self::SourceNotPublic,
        Self::SourceNotFound,
        Self::SourceUnreadable,
        Self::SourceBusy,
        Self::SourceChanged,
        Self::SourceInvalid,
        Self::RemovalsRefused,
        Self::RunTooSlow,
        Self::StorageFailed,
        Self::VendorNotConfigured,
        Self::IntegrationNotSupported,
        Self::SyncInProgress,
        Self::Stopped,
        Self::ApprovalExpired,
        Self::LeaseLost,
        Self::MissingApiKey,
        Self::VendorRefusedCredentials,
        Self::VendorNotPermitted,
        Self::PageInvalid,
        Self::PagesInconsistent,
        Self::SchemaChanged,
        Self::TooManyRows,
        Self::EntitiesFailed,
        Self::ConsentRevoked,
        Self::RequestRefused,
        Self::NothingListed,
        Self::NoPrimaryCategory,
        Self::TooManyCategories,
        Self::Cooldown,
        Self::ApprovalPending,
        Self::ApprovalRejected,
        Self::FeatureOff,
        Self::NothingMapped,
        Self::TooManyLocations,
        Self::LocationsFailed,
    ];

    /// The stable code, see `docs/errors.md`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SourceNotAllowed => "source_not_allowed",
            Self::SourceNotPublic => "source_not_public",
            Self::SourceNotFound => "source_not_found",
            Self::SourceUnreadable => "source_unreadable",
            Self::SourceBusy => "source_busy",
            Self::SourceChanged => "source_changed",
            Self::SourceInvalid => "source_invalid",
            Self::RemovalsRefused => "removals_refused",
            Self::RunTooSlow => "run_too_slow",
            Self::StorageFailed => "storage_failed",
            Self::VendorNotConfigured => "vendor_not_configured",
            Self::IntegrationNotSupported => "integration_not_supported",
            Self::SyncInProgress => "sync_in_progress",
            Self::Stopped => "stopped",
            Self::ApprovalExpired => "approval_expired",
            Self::LeaseLost => "lease_lost",
            Self::MissingApiKey => "missing_api_key",
            Self::VendorRefusedCredentials => "vendor_refused_credentials",
            Self::VendorNotPermitted => "vendor_not_permitted",
            Self::PageInvalid => "page_invalid",
            Self::PagesInconsistent => "pages_inconsistent",
            Self::SchemaChanged => "schema_changed",
            Self::TooManyRows => "too_many_rows",
            Self::EntitiesFailed => "entities_failed",
            Self::ConsentRevoked => "consent_revoked",
            Self::RequestRefused => "request_refused",
            Self::NothingListed => "nothing_listed",
            Self::NoPrimaryCategory => "no_primary_category",
            Self::TooManyCategories => "too_many_categories",
            Self::Cooldown => "cooldown",
            Self::ApprovalPending => "approval_pending",
            Self::ApprovalRejected => "approval_rejected",
            Self::FeatureOff => "feature_disabled",
            Self::NothingMapped => "nothing_mapped",
            Self::TooManyLocations => "too_many_locations",
            Self::LocationsFailed => "locations_failed",
        }
    }

    /// What becomes of the run.
    #[must_use]
    pub fn disposition(self) -> Disposition {
        match self {
            Self::SourceUnreadable | Self::SourceBusy | Self::SourceChanged | Self::StorageFailed => Disposition::Retry,
            Self::SourceNotAllowed
            | Self::SourceNotPublic
            | Self::SourceNotFound
            | Self::SourceInvalid
            | Self::RemovalsRefused
            | Self::RunTooSlow
            | Self::VendorNotConfigured
            | Self::ApprovalExpired
            | Self::VendorRefusedCredentials
            | Self::VendorNotPermitted
            | Self::PageInvalid
            | Self::PagesInconsistent
            | Self::SchemaChanged
            | Self::TooManyRows
            | Self::EntitiesFailed
            | Self::ConsentRevoked
            | Self::RequestRefused
            | Self::NothingListed
            | Self::NoPrimaryCategory
            | Self::TooManyCategories
            | Self::NothingMapped
            | Self::TooManyLocations
            | Self::LocationsFailed => Disposition::Fail,
            Self::SyncInProgress | Self::MissingApiKey | Self::Cooldown | Self::ApprovalPending | Self::FeatureOff => {
                Disposition::Skip
            }
            Self::Stopped | Self::ApprovalRejected => Disposition::Cancel,
            Self::IntegrationNotSupported => Disposition::Refuse,
            Self::LeaseLost => Disposition::Leave,
        }
    }

    /// What somebody can do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::SourceNotAllowed => "name a source that may be read, or allow its place",
            Self::SourceNotPublic => "name a host on the internet, or have the catalogue written to a bucket",
            Self::SourceNotFound => "put the catalogue there, or correct the vendor's source",
            Self::SourceUnreadable => "look whether the source answers; the next run tries again",
            Self::SourceBusy => "wait, or ask the vendor for a higher limit",
            Self::SourceChanged => "let the exporter write elsewhere and rename; the next run tries again",
            Self::SourceInvalid => "mend the catalogue at the place that the detail names",
            Self::RemovalsRefused => "look at the source; if the removals are meant, start with allowRemovals",
            Self::RunTooSlow => "look what it waited for; the next run puts right what it left",
            Self::StorageFailed => "look at the tables' throttles and faults; the next run tries again",
            Self::VendorNotConfigured => "correct the settings that the detail names, or configure the vendor",
            Self::IntegrationNotSupported => "sync a vendor that is reached by its catalogue",
            Self::SyncInProgress => "wait for the run in progress",
            Self::Stopped => "start another run when it may go on; it puts right what this one left",
            Self::ApprovalExpired => "start another run, and approve of it in time",
            Self::LeaseLost => "nothing: another worker goes on with the run",
            Self::MissingApiKey => "put the vendor's key into the connection's secret; the next tick starts",
            Self::VendorRefusedCredentials => "put the key that the vendor gave into the connection's secret",
            Self::VendorNotPermitted => "let the vendor give the key the right to read it, or leave the entity out",
            Self::PageInvalid => "compare the connection's base URL with the vendor's documents",
            Self::PagesInconsistent => "start another run when the vendor's list stands still; nothing was removed",
            Self::SchemaChanged => {
                "look at the fields that the detail names, then accept them in the connection's settings"
            }
            Self::TooManyRows => "pull fewer of them, or ask for a higher limit",
            Self::EntitiesFailed => "look at the reason that each entity has",
            Self::ConsentRevoked => {
                "let somebody who may agree do so once more, and rotate the secret to the new token"
            }
            Self::RequestRefused => "look at what the vendor says in the detail, and mend that",
            Self::NothingListed => {
                "look whether the account has something to list, and whether the key is of that account"
            }
            Self::NoPrimaryCategory => "map at least one active category to one of Google's",
            Self::TooManyCategories => "leave fewer active categories mapped, or raise additionalCategoriesMax",
            Self::Cooldown => "wait until a minute has passed since the last one that went well",
            Self::ApprovalPending => "approve or reject the run that waits, or start one by hand in its place",
            Self::ApprovalRejected => "mend the side that lacks what would have gone, then start another run",
            Self::FeatureOff => "switch the flag on that the detail names",
            Self::NothingMapped => "map the tenant's categories to Google's, the primary one first",
            Self::TooManyLocations => "name the locations in the connection's settings, over several connections",
            Self::LocationsFailed => "look at the reason that each location has",
        }
    }
}

impl Failure {
    /// Whether it says that the vendor could not be connected to. What fails in our own storage says nothing of the vendor.
    #[must_use]
    pub fn is_unconnected(self) -> bool {
        matches!(self, Self::SourceUnreadable | Self::SourceNotPublic | Self::VendorRefusedCredentials)
    }

    /// [`Self::remedy`] of a vendor that is pulled: there is no catalogue, and where somebody looks nobody tries again.
    #[must_use]
    pub fn remedy_of_pull(self) -> &'static str {
        match self {
            Self::SourceUnreadable => {
                "look whether the vendor answers at the connection's baseUrl, with this host and port"
            }
            Self::SourceBusy => "wait, or ask the vendor for a higher limit and set requestsPerMinute",
            Self::VendorNotConfigured => {
                "correct the connection's settings, the baseUrl first: no vendor may be asked there"
            }
            Self::RemovalsRefused => {
                "look at the vendor's list; if the removals are meant, start a backfill with allowRemovals"
            }
            other => other.remedy(),
        }
    }
}

/// Why a run is as it is: a stable code, and a text that carries no secret. As stored: a code that this version does not know
/// is still shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    code: String,
    /// For people.
    pub detail: String,
}

impl RunError {
    /// An error for a reason. The detail must hold no secret: see [`crate::domain::redact`].
    #[must_use]
    pub fn new(failure: Failure, detail: impl Into<String>) -> Self {
        Self { code: failure.code().to_owned(), detail: detail.into() }
    }

    /// A code of `docs/errors.md`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The reason; none where the code is another version's.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        Failure::ALL.into_iter().find(|failure| failure.code() == self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_a_code_and_a_remedy_of_its_own() {
        let codes: BTreeSet<&str> = Failure::ALL.into_iter().map(Failure::code).collect();
        let remedies: BTreeSet<&str> = Failure::ALL.into_iter().map(Failure::remedy).collect();
        assert_eq!((codes.len(), remedies.len()), (Failure::ALL.len(), Failure::ALL.len()));
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        assert!(remedies.iter().all(|remedy| remedy.len() > 10 && !remedy.ends_with('.')), "{remedies:?}");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let retried: Vec<&str> = Failure::ALL
            .into_iter()
            .filter(|failure| failure.disposition() == Disposition::Retry)
            .map(Failure::code)
            .collect();
        assert_eq!(retried, ["source_unreadable", "source_busy", "source_changed", "storage_failed"]);
        let of = |failure: Failure| failure.disposition();
        assert_eq!(of(Failure::RunTooSlow), Disposition::Fail);
        assert_eq!(of(Failure::SyncInProgress), Disposition::Skip);
        assert_eq!(of(Failure::Stopped), Disposition::Cancel);
        assert_eq!(of(Failure::IntegrationNotSupported), Disposition::Refuse);
        assert_eq!(of(Failure::LeaseLost), Disposition::Leave);
    }

    #[test]
    fn an_error_is_stored_as_its_code_and_one_of_another_version_is_read() {
        let error = RunError::new(Failure::SourceBusy, "later");
        assert_eq!(
            serde_json::to_value(&error).unwrap(),
            serde_json::json!({"code": "source_busy", "detail": "later"})
        );
        let younger: RunError = serde_json::from_str(r#"{"code":"a_new_one","detail":"x"}"#).unwrap();
        assert_eq!(younger.code(), "a_new_one");
    }
}
