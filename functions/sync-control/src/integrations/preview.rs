//! `GET …/preview`: one page of the vendor's, and what a delta would make of it.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use serde_json::Value;
use signalbox::domain::deliveries::shown::{ShownContent, body};
use signalbox::domain::time;
use signalbox::engine::runs::kinds::pull::look::{Sight, Stands, Taken, next_delta};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::integrations::{DeltaView, PreviewView, SampleView, UnmappedView};
use signalbox::http::wire::parameters::ConnectionOfProvider;

use super::{IntegrationProblems, ProviderPath, asked, entity, fault_of_ours, meant, ms, no_page, rows};
use crate::Control;

/// The most rows that are asked for, and how many where nobody says.
const ROWS_MAX: usize = 20;
const ROWS_DEFAULT: usize = 5;
/// How much of a row is shown, in bytes.
const ROW_BYTES_MAX: usize = 8 * 1024;

/// One page of a vendor's list as a pull would read it, what each of its rows is beside what is stored, and since when a delta would ask for
/// changes. Nothing is written. It draws on the connection's quota, and its breaker may keep it from being asked.
#[utoipa::path(
    get, path = "/api/admin/integrations/{provider}/preview", tag = "pulls",
    params(
        ("provider" = String, Path, description = "Which: any whose API is pulled"),
        ("entity" = Option<String>, Query, description = "Of which list; the provider's first where none is named"),
        ("limit" = Option<u32>, Query, description = "How many rows; default 5", minimum = 1, maximum = 20),
        ConnectionOfProvider,
    ),
    responses(
        (status = 200, description = "The page", body = PreviewView),
        (status = 400, description = "invalid_request", body = AdminProblemView),
        (status = 502, description = "vendor_failed", body = AdminProblemView),
        (status = 503, description = "unavailable, vendor_rests: after `Retry-After`", body = AdminProblemView),
        IntegrationProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn preview(
    State(control): State<Control>,
    provider: ProviderPath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<PreviewView>, AdminProblem> {
    // It shows rows, and so is for nobody in particular on no machine.
    let caller = control.authority.admin_writer(&uri, &headers, control.now())?;
    let query = Query::of(&uri);
    let rows = rows(&query, &["limit"], ROWS_DEFAULT, ROWS_MAX)?;
    let stored = meant(&control, &caller, &uri, provider).await?;
    let entity = entity(&control, &stored, ("entity", query.first(&["entity", "endpoint"])))?;
    let tried = asked(&control, &stored, Sight { entity: Some(&entity), rows, compares: true }).await;
    let looked = match &tried.looked {
        Ok(looked) => looked,
        Err(not) => return Err(no_page(&control, &stored, (&entity, &tried), not).await),
    };
    let delta = next_delta(&control.worker, &stored.connection.dataset(entity.clone())).await;
    let delta = delta.map_err(|fault| fault_of_ours(&fault))?;
    let count = |stands: Stands| looked.taken.iter().filter(|row| row.stands == Some(stands)).count();
    let (pulled, since) = delta.map_or((None, None), |(pulled, since)| (Some(pulled), since));
    Ok(Json(PreviewView {
        ok: true,
        entity: entity.to_string(),
        rows: looked.rows,
        total: looked.total,
        fields: looked.fields.clone(),
        sample: looked.taken.iter().map(sample).collect(),
        unmapped: looked.unmapped.iter().map(|(id, why)| UnmappedView { id: id.clone(), why: why.clone() }).collect(),
        delta: DeltaView {
            created: count(Stands::New),
            updated: count(Stands::Changed),
            unchanged: count(Stands::Same),
            since: since.map(time::text),
            filters: pulled.as_ref().and_then(|pulled| pulled.filters),
            last_success_at: pulled.as_ref().map(|pulled| time::text(pulled.ended_at)),
            records: pulled.as_ref().map_or(0, |pulled| pulled.records),
        },
        status: looked.status,
        elapsed_ms: ms(tried.took),
    }))
}

fn sample(row: &Taken) -> SampleView {
    let bytes = row.payload.as_bytes();
    let shown = body(bytes.get(..ROW_BYTES_MAX).unwrap_or(bytes), bytes.len() as u64);
    let text = match shown.content {
        ShownContent::Text(text) | ShownContent::Base64(text) => text,
    };
    SampleView {
        id: row.id.clone(),
        changed_at: row.changed_at.map(time::text),
        stands: match row.stands {
            Some(Stands::Changed) => "changed",
            Some(Stands::Same) => "same",
            Some(Stands::New) | None => "new",
        },
        row: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        cut: shown.cut,
        masked: shown.masked,
    }
}
