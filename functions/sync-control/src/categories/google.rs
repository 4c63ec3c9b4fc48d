//! Whether Google has the category that one is to stand for.

use std::time::Duration;

use signalbox::domain::ids::{ProviderId, TenantId};
use signalbox::domain::mirror::categories::GoogleCategoryId;
use signalbox::engine::connections::pulled;
use signalbox::engine::gbp::Google;
use signalbox::engine::runs::slice::SliceFault;
use signalbox::http::mirror_problem::MirrorProblem;
use signalbox::http::problem::{Problem, VENDOR_FAILED, VENDOR_RESTS};

use crate::Control;

/// How long is waited for Google: somebody waits for the answer.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Refuses an id that Google does not have where the tenant's connection is. By its id it is looked up in what Google has now, for one
/// request of the connection's quota. Of a tenant that has no connection to Google, or one that is paused, the form is all that is known.
pub(super) async fn check(
    control: &Control,
    tenant: &TenantId,
    id: Option<&GoogleCategoryId>,
) -> Result<(), MirrorProblem> {
    let Some(id) = id else { return Ok(()) };
    let desk = &control.connections;
    let found = pulled::asked(&desk.store, &desk.providers, (tenant, ProviderId::GBP.as_str()), None).await;
    let found = found.map_err(|fault| Problem::unread(&fault))?;
    let Some(stored) = found.ok().filter(|stored| stored.is_active()) else { return Ok(()) };
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
