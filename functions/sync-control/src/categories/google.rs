//! What Google has: whether there is the category that one is to stand for, and those that somebody may pick.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::ids::{ProviderId, TenantId};
use signalbox::domain::mirror::categories::{GoogleCategoryId, NAME_CHARACTERS_MAX};
use signalbox::engine::connections::pulled;
use signalbox::engine::gbp::Google;
use signalbox::engine::runs::slice::SliceFault;
use signalbox::http::mirror_problem::{MirrorProblem, MirrorProblemView};
use signalbox::http::problem::{NOT_FOUND, Problem, VENDOR_FAILED, VENDOR_RESTS};
use signalbox::http::wire::categories::{GoogleCategoriesView, GoogleCategoryView};
use signalbox::vendors::gbp::Category;

use super::{CategoryProblems, GoogleProblems, OfTenant};
use crate::Control;

/// How long is waited for Google: somebody waits for the answer.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// The same of all its categories, some forty pages: the API's own answer must come within half a minute.
const LIST_WAIT_MAX: Duration = Duration::from_secs(25);
/// The most categories of an answer, and how many it has where nobody says.
const LIMIT: usize = 50;

/// Refuses an id that Google does not have where the tenant's connection is. By its id it is looked up in what Google has now, for one
/// request of the connection's quota. Of a tenant that has no connection to Google, or one that is paused, the form is all that is known.
pub(super) async fn check(
    control: &Control,
    tenant: &TenantId,
    id: Option<&GoogleCategoryId>,
) -> Result<(), MirrorProblem> {
    let Some(id) = id else { return Ok(()) };
    let Some(stored) = connection(control, tenant).await? else { return Ok(()) };
    let invalid = |why: &str| MirrorProblem::invalid(&[("googleCategoryId", why)]);
    let looked_up = async {
        let mut google = Google::of(&control.worker.as_of_now(), &stored.connection).await?;
        google.categories_named(std::slice::from_ref(id)).await
    };
    // Boxed, as it is deep in futures.
    match control.worker.runs.outside.clock.within(WAIT_MAX, Box::pin(looked_up)).await {
        Some(Ok(categories)) if categories.is_empty() => Err(invalid("is no category that Google has there now")),
        Some(Ok(_)) => Ok(()),
        Some(Err(fault)) => Err(unasked(control, fault)),
        None => Err(MirrorProblem::new(VENDOR_FAILED, "Google did not answer in time whether it has the category")),
    }
}

/// Google's categories to pick from, as the tenant's connection sees them: those of its country, in its language. An instance knows them for
/// a day.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/google-categories", tag = "mirror",
    params(
        ("tenant" = String, Path, description = "Whose connection"),
        ("search" = Option<String>, Query, description = "With this in the name or the id, whatever its case"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 50, description = "Default 50"),
    ),
    responses(
        (status = 200, description = "Some of them, in Google's order", body = GoogleCategoriesView),
        (status = 400, description = "invalid_request: `error` is `Validation error`, and `details` names each field", body = MirrorProblemView),
        (status = 409, description = "feature_disabled", body = MirrorProblemView),
        CategoryProblems,
        GoogleProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn google_categories(
    State(control): State<Control>,
    call: OfTenant,
) -> Result<Json<GoogleCategoriesView>, MirrorProblem> {
    call.query.only(&["search", "limit"])?;
    let limit = call.query.limit(&["limit"], LIMIT, LIMIT).map_err(|why| MirrorProblem::invalid(&[("limit", &why)]))?;
    let search = call.query.first(&["search"]).unwrap_or_default().to_lowercase();
    if search.chars().count() > NAME_CHARACTERS_MAX {
        return Err(MirrorProblem::invalid(&[("search", "may have 100 characters")]));
    }
    let stored = connection(&control, &call.operator.tenant).await?;
    let stored =
        stored.ok_or_else(|| MirrorProblem::new(NOT_FOUND, "the tenant has no active connection to Google"))?;
    let read = async {
        let mut google = Google::of(&control.worker.as_of_now(), &stored.connection).await?;
        google.categories().await
    };
    let list = match control.worker.runs.outside.clock.within(LIST_WAIT_MAX, Box::pin(read)).await {
        Some(read) => read.map_err(|fault| unasked(&control, fault))?,
        None => return Err(MirrorProblem::new(VENDOR_FAILED, "Google did not list its categories in time")),
    };
    let is_meant = |category: &&Category| {
        category.name.to_lowercase().contains(&search) || category.id.as_str().contains(search.as_str())
    };
    let mut found = list.all().iter().filter(is_meant).map(view);
    let data: Vec<GoogleCategoryView> = found.by_ref().take(limit).collect();
    Ok(Json(GoogleCategoriesView { success: true, data, has_more: found.next().is_some(), total: list.all().len() }))
}

fn view(category: &Category) -> GoogleCategoryView {
    GoogleCategoryView { id: category.id.as_str().to_owned(), name: category.name.clone() }
}

/// The tenant's connection to Google, where there is one that is not paused.
async fn connection(control: &Control, tenant: &TenantId) -> Result<Option<StoredConnection>, MirrorProblem> {
    let desk = &control.connections;
    let found = pulled::asked(&desk.store, &desk.providers, (tenant, ProviderId::GBP.as_str()), None).await;
    let found = found.map_err(|fault| Problem::unread(&fault))?;
    Ok(found.ok().filter(|stored| stored.is_active()))
}

fn unasked(control: &Control, fault: SliceFault) -> MirrorProblem {
    match fault {
        SliceFault::Waits(wait) => {
            let seconds = (wait.until.as_second() - control.now().as_second()).max(1);
            let why = wait.reason.text();
            let text = format!("whether Google has the category cannot be asked for {seconds} s: {why}");
            MirrorProblem::new(VENDOR_RESTS, text)
        }
        SliceFault::Vendor { failure, detail, .. } => {
            let text = format!("whether Google has the category could not be asked: {detail}");
            MirrorProblem::new(VENDOR_FAILED, text).with("code", failure.code())
        }
        SliceFault::Aws(fault) => Problem::unread(&fault).into(),
        other => Problem::unread(&other).into(),
    }
}
