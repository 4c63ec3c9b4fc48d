//! `POST /api/catalog/vendor-sync/registry/{slug}/credentials`: where a vendor is, and the key that it is asked with.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use serde_json::Value;
use signalbox::domain::catalogue::vendor::Integration;
use signalbox::domain::connections::provider::WrongSetting;
use signalbox::domain::connections::stored::{ChangeError, StoredConnection};
use signalbox::domain::ids::{Connection, ConnectionName};
use signalbox::engine::catalogue::credentials::{self, Credentials, Place};
use signalbox::engine::connections::desk::Refused;
use signalbox::engine::operators::Operator;
use signalbox::http::auth::tenant::in_query;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{
    INVALID_PAYLOAD, INVALID_REQUEST, INVALID_VENDOR, KEPT_BY_CONFIGURATION, NOT_FOUND, Problem, ProblemView,
};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::vendor_sync::registry::{CredentialsChangedView, CredentialsRequest, CredentialsView};
use signalbox::vendors::catalogue::provider::vendor;

use crate::connections::{put::check_reach, read_secret, refused};
use crate::{Control, body};

const FORM: &str = "the body must be {\"credentials\": {\"scraperPath\" or \"apiBaseUrl\", \"apiKey\"}}, each a text or null, and one of them there";

/// Change a vendor's credentials.
///
/// A view of its connection: `scraperPath` and `apiBaseUrl` are its `source`, `apiKey` is its current secret, which no answer has. What is left
/// out stays. The change is on record as any other of the connection.
#[utoipa::path(
    post, path = "/api/catalog/vendor-sync/registry/{slug}/credentials", tag = "vendor registry",
    params(
        ("slug" = String, Path, description = "The vendor"),
        TenantMeant,
    ),
    request_body(content = CredentialsRequest),
    responses(
        (status = 200, description = "Changed", body = CredentialsChangedView),
        (status = 400, description = "invalid_vendor", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs connections:write", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 409, description = "kept_by_configuration; contended: after `Retry-After`", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 422, description = "invalid_payload: `detail` is a text that names the field", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
        (status = 503, description = "unavailable: what is stored could not be read, and nothing was changed; after `Retry-After`", body = ProblemView),
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn set_credentials(
    State(control): State<Control>,
    slug: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<CredentialsChangedView>, Problem> {
    let caller = control.authority.editor(&headers, control.now())?.within(in_query(&Query::of(&uri))?)?;
    let slug =
        ConnectionName::parse(&path_text(slug)).map_err(|error| Problem::new(INVALID_VENDOR, error.to_string()))?;
    let credentials = given(body).await?;
    let mut configured = control.worker.runs.vendors.configured();
    if configured.any(|vendor| vendor.tenant == caller.tenant && vendor.slug == slug) {
        let why = "the vendor is in the deployment's configuration (VENDORS): change it there";
        return Err(Problem::new(KEPT_BY_CONFIGURATION, why));
    }
    let connection = Connection::catalogue(caller.tenant.clone(), slug);
    if let Place::File(source) | Place::Api(source) = &credentials.place {
        check_reach(&caller.tenant, &connection, Some(source))?;
    }
    let operator = Operator { tenant: caller.tenant, actor: caller.actor, correlation_id: trace.0 };
    let changed = credentials::set_credentials(&control.connections, &operator, &connection, &credentials).await;
    let changed = changed.map_err(|why| match why {
        Refused::NotFound => {
            Problem::new(NOT_FOUND, "there is no such vendor: no connection to a catalogue has its name")
        }
        Refused::Change(ChangeError::Wrong(wrong)) => invalid(wrong_fields(&wrong, &credentials.place)),
        other => refused(other),
    })?;
    Ok(Json(CredentialsChangedView { ok: true, data: view(&changed) }))
}

fn invalid(why: impl Into<String>) -> Problem {
    Problem::new(INVALID_PAYLOAD, why)
}

async fn given(body: Body) -> Result<Credentials, Problem> {
    let fields = body::read(body).await.map_err(|problem| match problem.kind() {
        INVALID_REQUEST => invalid(FORM),
        _ => problem,
    })?;
    let fields = fields.unwrap_or_default();
    let Some(Value::Object(fields)) = fields.get("credentials") else { return Err(invalid(FORM)) };
    // One that is there and says nothing is blank.
    let text = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some("")),
        Some(Value::String(text)) => Ok(Some(text.trim())),
        Some(_) => Err(invalid(format!("{name} must be a text or null"))),
    };
    let place = match (text("scraperPath")?, text("apiBaseUrl")?) {
        (None, None) => Place::Kept,
        (Some(""), None | Some("")) | (None, Some("")) => Place::Nowhere,
        (Some(path), None | Some("")) => Place::File(path.to_owned()),
        (None | Some(""), Some(url)) => Place::Api(url.to_owned()),
        (Some(_), Some(_)) => {
            return Err(invalid("apiBaseUrl cannot be given beside scraperPath: a vendor is in one place"));
        }
    };
    let key = fields.get("apiKey");
    if key.is_none() && place == Place::Kept {
        return Err(invalid(FORM));
    }
    let said = key.filter(|key| !key.is_null() && key.as_str().is_none_or(|text| !text.is_empty()));
    let api_key = said.map(read_secret).transpose().map_err(|why| invalid(format!("apiKey {why}")))?;
    Ok(Credentials { place, api_key })
}

/// What is wrong, by the names that fields have here.
fn wrong_fields(wrong: &[WrongSetting], place: &Place) -> String {
    let source = if matches!(place, Place::Api(_)) { "apiBaseUrl" } else { "scraperPath" };
    let named = |one: &WrongSetting| match one.name.as_str() {
        "settings.source" => format!("{source} {}", one.why),
        "secrets" | "secrets.current" => format!("apiKey {}", one.why),
        other => format!("{other} {}", one.why),
    };
    wrong.iter().map(named).collect::<Vec<_>>().join("; ")
}

fn view(stored: &StoredConnection) -> CredentialsView {
    let vendor = vendor(stored).ok();
    let kind = vendor.as_ref().map_or(Integration::Scraper, |vendor| vendor.integration);
    let shown = vendor.and_then(|vendor| vendor.shown_source());
    let (scraper_path, api_base_url) = if kind == Integration::Api { (None, shown) } else { (shown, None) };
    CredentialsView {
        slug: stored.connection.name.to_string(),
        kind: kind.into(),
        scraper_path,
        api_base_url,
        api_key: stored.secrets.as_ref().map(|secrets| secrets.current.masked().to_owned()),
    }
}
