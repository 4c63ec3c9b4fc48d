//! Who decides on dead letters and rejected deliveries, and what all these routes answer alike.

use http::{Extensions, HeaderMap, Uri};
use signalbox::aws::faults::AwsFault;
use signalbox::engine::operators::Operator;
use signalbox::http::auth::{Caller, DELIVERIES_WRITE};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INTERNAL_ERROR, Problem, ProblemView};
use utoipa::IntoResponses;

use crate::Control;

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum OperatorProblems {
    /// missing_token, invalid_token
    #[response(status = 401)]
    Unknown(ProblemView),
    /// forbidden, insufficient_scope: needs deliveries:write
    #[response(status = 403)]
    Forbidden(ProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(ProblemView),
}

/// The operator who asks, if they may decide, within the tenant that the call names or else their own.
pub(crate) fn operator(
    control: &Control,
    (uri, headers): (&Uri, &HeaderMap),
    trace: CorrelationId,
) -> Result<Operator, Problem> {
    Ok(operator_of(decider(control, uri, headers)?, trace))
}

/// Who asks, if they may decide.
pub(crate) fn decider(control: &Control, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Problem> {
    let caller = control.writer(uri, headers)?;
    caller.require_any(&[DELIVERIES_WRITE])?;
    Ok(caller)
}

/// The trace of a request, which a middleware gives each before it is read.
pub(crate) fn trace(extensions: &Extensions) -> CorrelationId {
    extensions.get().cloned().unwrap_or_else(|| CorrelationId(String::new()))
}

/// A caller as an operator, within their tenant.
pub(crate) fn operator_of(caller: Caller, trace: CorrelationId) -> Operator {
    Operator { tenant: caller.tenant, actor: caller.actor, correlation_id: trace.0 }
}

/// A call to AWS failed.
pub(crate) fn failed(fault: AwsFault) -> Problem {
    Problem::internal(INTERNAL_ERROR, &fault)
}
