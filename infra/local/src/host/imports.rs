//! The import of connections at the host's start: what the configuration names is there before anybody asks. Afterwards the template's
//! schedule looks each minute whether something else is named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use signalbox::engine::connections::import::VARIABLE;
use signalbox::environment::Environment;
use signalbox::outside::Outside;

use crate::host::invoke::Invoker;
use crate::host::settings::{self, Variables};
use crate::host::ticker;
use crate::template::{Schedule, Template};

/// Nobody waits longer for a host that starts. The next tick goes on with what is left.
const IMPORT_MAX: Duration = Duration::from_secs(15);

/// A template without it imports nothing.
fn schedule(template: &Template) -> Option<&Schedule> {
    template.schedules.iter().find(|schedule| schedule.event == "Import")
}

/// Hands on the variables that a file of connections may name, under names that mean nothing else. In local mode alone: anywhere
/// else no secret is a variable.
pub(super) fn lend_secrets(
    environments: &mut BTreeMap<String, Environment>,
    template: &Template,
    variables: &Variables,
) {
    let importer = schedule(template).filter(|_| settings::is_local(variables));
    let Some(environment) = importer.and_then(|schedule| environments.get_mut(&schedule.function)) else { return };
    environment.extend(variables.iter().map(|(name, value)| (format!("{VARIABLE}{name}"), value.clone())));
}

/// Imports what is named. A host is useful without it, so a fault is no reason not to start; the function says what it is.
pub(super) async fn import(template: &Template, invoker: &Arc<Invoker>, outside: &Outside) {
    let Some(schedule) = schedule(template) else { return };
    let event = ticker::event(schedule, outside.clock.now(), &outside.entropy);
    match tokio::time::timeout(IMPORT_MAX, invoker.invoke(&schedule.function, event)).await {
        Ok(Ok(_imported)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "connections of the configuration are not imported"),
        Err(_) => tracing::warn!("connections of the configuration are not imported yet: it takes long"),
    }
}
