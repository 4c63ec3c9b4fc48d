//! The snapshot: the state after the last applied run of a connection, and what its manifest is made of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::catalogue::findings::Findings;
use crate::domain::datasets::diff::Counts;
use crate::domain::datasets::manifest::LayerRef;
use crate::domain::ids::RunId;
use crate::domain::pull::basis::Basis;
use crate::domain::pull::drift::{Change, Shape};

/// What is stored of a snapshot for those who read about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotState {
    /// The vendor's slug.
    pub vendor: String,
    /// Items in the snapshot.
    #[serde(default)]
    pub total_items: u64,
    /// When the last apply was over.
    #[serde(default, with = "crate::domain::time::optional")]
    pub last_run_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub last_duration_ms: Option<u64>,
    /// Where its items came from.
    #[serde(default)]
    pub last_source: Option<String>,
    /// The aggregate hash of its items.
    #[serde(default)]
    pub last_hash: Option<String>,
    /// Who asked for it.
    #[serde(default)]
    pub last_run_by: Option<String>,
    /// Why the latest run failed; null again after the next successful apply.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When this state last changed.
    #[serde(default, with = "crate::domain::time::optional")]
    pub updated_at: Option<Timestamp>,
    /// When it was first stored.
    #[serde(default, with = "crate::domain::time::optional")]
    pub created_at: Option<Timestamp>,
}

/// A run's plan: what it is about to write, stored before it writes, so that whoever goes on after a crash knows
/// which records may be ahead of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The run that made it.
    pub run_id: RunId,
    /// Which of the run's plans, counted from 0.
    #[serde(default)]
    pub number: u32,
    /// Its layer.
    pub layer: LayerRef,
    /// The version of the source it was made from: another one needs another plan.
    pub source_version: String,
    /// The aggregate hash of that source, lower hex.
    pub hash: String,
    /// The run's counts.
    pub counts: Counts,
    /// Rows of the source, duplicates included, without those that were set aside.
    pub rows: u64,
    /// What the run noticed.
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
}

impl Plan {
    /// Rows of the source with those that were set aside, which have a number as well.
    #[must_use]
    pub fn source_rows(&self) -> u64 {
        self.rows + self.findings.bad_rows
    }
}

/// What a pull has put, a segment for each page, until a layer is made of them at the end of its entity. The records of all pages but
/// the last are known to have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pages {
    /// The run that reads them.
    pub run_id: RunId,
    /// Where the segments lie, in order: a part for each holder that committed any. Each segment is sorted by itself alone.
    #[serde(default)]
    pub parts: Vec<LayerRef>,
    /// How many segments, the last of the last part, name records that may not have arrived, or may not be gone.
    #[serde(default)]
    pub unsure: u32,
    /// Which commit of the run's entity named these, counted from 1: whoever knows that it arrived says so in the run.
    #[serde(default)]
    pub commit: u64,
}

/// The last pull of a dataset that went well: from where the next delta goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pulled {
    /// The run.
    pub run_id: RunId,
    /// What changed before this was seen, by it or by others before it: when its first page was asked for, unless it asked for less, or
    /// may have passed rows over.
    #[serde(with = "crate::domain::time")]
    pub began_at: Timestamp,
    /// What changed from then to here was read once, from a list that may have moved: the next delta asks for it once more.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub read_once_to: Option<Timestamp>,
    /// When it was over.
    #[serde(with = "crate::domain::time")]
    pub ended_at: Timestamp,
    /// Records of the dataset from then on.
    pub records: u64,
    /// When the first page of the last one that read everything was asked for.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub whole_at: Option<Timestamp>,
    /// Whether the vendor heeded what rows were asked for by their time; none where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<bool>,
}

impl Pulled {
    /// From when on the next delta asks.
    #[must_use]
    pub fn basis(&self) -> Basis {
        Basis { known_to: self.began_at, read_once_to: self.read_once_to }
    }
}

/// What is known of the fields of a dataset that is pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownShape {
    /// The fields.
    pub shape: Shape,
    /// Whether the dataset was read to its end once: before, nothing is a change.
    #[serde(default)]
    pub is_whole: bool,
    /// The last changes.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// The run that met them.
    #[serde(default)]
    pub changed_by: Option<RunId>,
}

/// What a snapshot's manifest is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The base, then younger layers, oldest first.
    #[serde(default)]
    pub layers: Vec<LayerRef>,
    /// The latest plan, if its run has not finished: rows it names may be ahead of the snapshot.
    #[serde(default)]
    pub plans: Vec<Plan>,
    /// Of a dataset that is pulled, the pages of a pull that is under way, or that ended before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// Of a dataset that is pulled, the last pull that went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled: Option<Pulled>,
}

impl Manifest {
    /// The run's latest plan.
    #[must_use]
    pub fn plan_of(&self, run: &RunId) -> Option<&Plan> {
        self.plans.iter().rev().find(|plan| plan.run_id == *run)
    }

    /// How many plans the run has made.
    #[must_use]
    pub fn plans_made(&self, run: &RunId) -> u32 {
        self.plan_of(run).map_or(0, |plan| plan.number.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "018bcfe5-6800-7000-8000-000000000000";

    #[test]
    fn manifest_and_plan_are_stored_under_these_names() {
        let plan = serde_json::json!({
            "runId": RUN, "number": 1, "layer": {"id": "a.b.1", "segments": 2, "rows": 3}, "sourceVersion": "etag/9/0",
            "hash": "5f", "counts": {"total": 3, "created": 1, "updated": 1, "removed": 1, "unchanged": 1}, "rows": 4,
        });
        let pages = serde_json::json!({"runId": RUN, "parts": [{"id": "a.c.0", "segments": 2, "rows": 3}], "unsure": 1, "commit": 2});
        let pulled = serde_json::json!({"runId": RUN, "beganAt": "2023-11-14T22:13:20.000Z", "readOnceTo": "2023-11-14T22:13:20.500Z",
            "endedAt": "2023-11-14T22:13:21.000Z", "records": 9, "wholeAt": "2023-11-14T22:13:20.000Z", "filters": true});
        let stored = serde_json::json!({"layers": [{"id": "a.b.base", "segments": 1, "rows": 9}], "plans": [plan],
            "pages": pages, "pulled": pulled});
        let manifest: Manifest = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&manifest).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Manifest>("{}").unwrap(), Manifest::default());

        let (run, other) = (RunId::parse(RUN).unwrap(), RunId::parse("018bcfe5-6800-7000-8000-000000000001").unwrap());
        assert_eq!(manifest.plan_of(&run), manifest.plans.first());
        assert_eq!((manifest.plan_of(&other), manifest.plans_made(&run), manifest.plans_made(&other)), (None, 2, 0));
    }

    #[test]
    fn the_state_is_stored_under_these_names() {
        let stored = serde_json::json!({
            "vendor": "moscot", "totalItems": 3, "lastRunAt": "2023-11-14T22:13:20.000Z", "lastDurationMs": 5,
            "lastSource": "moscot.json", "lastHash": "5f", "lastRunBy": "ann", "lastError": null,
            "updatedAt": "2023-11-14T22:13:20.000Z", "createdAt": null,
        });
        let state: SnapshotState = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&state).unwrap(), stored);
    }
}
