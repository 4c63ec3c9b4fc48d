//! The service's own secrets come from the embedded Parameter Store, by way of the AWS SDK.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signalbox::aws::clients::Clients;
use signalbox::aws::service_secrets::SecretsReader;
use signalbox::domain::secret::Secret;
use signalbox::domain::service_secrets::{OF_DELIVERIES, OF_TOKENS, WEBHOOK};
use signalbox::environment::{Environment, StartError};
use signalbox::http::auth::READ;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::system::System;
use signalbox_tests::tokens::sign;
use signalbox_tests::wire::{Fault, Verdict, Wire, any, at};

const MINUTE: Duration = Duration::from_secs(60);
const RUNS: &str = "/api/catalog/vendor-sync/runs";
const NEW_SECRET: &str = "another-secret-another-secret-00";

/// A reader of the secrets of deliveries, over a wire.
async fn reader(system: &System, wire: &Wire) -> Result<SecretsReader, StartError> {
    reader_with(system, wire, system.environment("webhooks")).await
}

async fn reader_with(system: &System, wire: &Wire, environment: Environment) -> Result<SecretsReader, StartError> {
    let outside = system.outside(wire);
    let clients = Clients::connect(&environment, &outside)?;
    SecretsReader::start(&clients, &environment, &outside, &OF_DELIVERIES).await
}

fn put(system: &System, name: &str, value: &str) {
    system.host.parameters().put(format!("/signalbox/{name}"), value);
}

#[tokio::test]
async fn a_new_secret_counts_after_five_minutes_and_the_old_one_does_not() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    let old = hooks.token("default", &[READ]);
    let new = sign(&hooks.claims("service", &[READ]), NEW_SECRET);
    let status = async |token: &str| hooks.ask("GET", RUNS, Some(token), None).await.status;
    put(&hooks, "SERVICE_JWT_SECRET", NEW_SECRET);
    assert_eq!((status(&old).await, status(&new).await), (200, 401));
    hooks.pass(4 * MINUTE);
    let (old, new) = (hooks.token("default", &[READ]), sign(&hooks.claims("service", &[READ]), NEW_SECRET));
    assert_eq!((status(&old).await, status(&new).await), (200, 401));
    hooks.pass(MINUTE);
    // This one need not wait for the store.
    assert_eq!(status(&old).await, 200);
    assert_eq!((status(&old).await, status(&new).await), (401, 200));
}

#[tokio::test]
async fn whoever_had_nothing_to_do_for_ten_minutes_reads_before_the_work() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    put(&hooks, "SERVICE_JWT_SECRET", NEW_SECRET);
    hooks.pass(10 * MINUTE);
    let old = hooks.token("default", &[READ]);
    assert_eq!(hooks.ask("GET", RUNS, Some(&old), None).await.status, 401);
}

#[tokio::test]
async fn secrets_that_cannot_be_read_again_stay_for_an_hour_and_then_nothing_passes() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    let sale = |key: &str| Delivery::pos("t1", "{}").header("idempotency-key", key);
    let both = async |key: &str| {
        let token = hooks.token("default", &[READ]);
        (hooks.ask("GET", RUNS, Some(&token), None).await.status, hooks.send(&sale(key)).await.status)
    };
    assert_eq!(both("a").await, (200, 201));
    let parameters = ["SERVICE_JWT_SECRET", "WEBHOOK_SECRET"].map(|name| format!("/signalbox/{name}"));
    let values = parameters.clone().map(|name| hooks.host.parameters().get(&name).unwrap());
    parameters.iter().for_each(|name| hooks.host.parameters().delete(name));
    hooks.pass(59 * MINUTE);
    assert_eq!(both("b").await, (200, 201));
    hooks.pass(MINUTE);
    assert_eq!(both("c").await, (500, 503));
    assert_eq!(hooks.get("/livez").answer().await.status, 200, "what needs no secret goes on");
    for (name, value) in parameters.into_iter().zip(values) {
        hooks.host.parameters().put(name, value);
    }
    hooks.pass(MINUTE);
    assert_eq!(both("c").await, (200, 201));
}

#[tokio::test]
async fn all_secrets_are_one_call_and_a_store_that_is_down_is_left_alone_for_a_while() {
    let hooks = Hooks::start().await;
    let down = Arc::new(AtomicBool::new(false));
    let wire = {
        let down = Arc::clone(&down);
        Wire::planned(move |_| match down.load(Ordering::SeqCst) {
            true => Verdict::Fail(Fault::Unreachable),
            false => Verdict::Pass,
        })
    };
    let reader = reader(&hooks, &wire).await.unwrap();
    assert_eq!(wire.calls(), ["SSM.GetParameters"]);
    let calls = async |passed: Duration| {
        hooks.pass(passed);
        let before = wire.calls().len();
        let both = futures::future::join_all((0..20).map(|_| reader.during(async {}))).await;
        assert!(both.len() == 20 && reader.secrets().values(hooks.clock.now()).is_ok());
        wire.calls().len() - before
    };
    assert_eq!((calls(4 * MINUTE).await, calls(MINUTE).await, calls(4 * MINUTE).await), (0, 1, 0));
    down.store(true, Ordering::SeqCst);
    // The SDK tries three times; who comes meanwhile does not.
    assert_eq!((calls(MINUTE).await, calls(MINUTE / 3).await, calls(MINUTE).await), (3, 0, 3));
    assert_eq!((calls(20 * MINUTE).await, calls(MINUTE / 3).await), (3, 0));
    down.store(false, Ordering::SeqCst);
    assert_eq!((calls(MINUTE).await, calls(MINUTE).await), (1, 0));
}

#[tokio::test]
async fn a_store_that_does_not_answer_holds_an_invocation_for_two_seconds_at_most() {
    let hooks = Hooks::start().await;
    let wire = Wire::when(at(1), Verdict::Hold);
    let reader = reader(&hooks, &wire).await.unwrap();
    hooks.pass(10 * MINUTE);
    let slow = async {
        wire.held().await;
        hooks.pass(Duration::from_secs(2));
    };
    let (done, ()) = futures::join!(reader.during(async { "done" }), slow);
    assert_eq!(done, "done");
    assert!(reader.secrets().values(hooks.clock.now()).is_ok(), "the older ones stay");
}

#[tokio::test]
async fn what_is_read_again_and_unusable_is_not_taken() {
    let hooks = Hooks::start().await;
    let reader = reader(&hooks, &Wire::whole()).await.unwrap();
    let before = reader.secrets().values(hooks.clock.now()).unwrap();
    put(&hooks, "WEBHOOK_SECRET", "short");
    hooks.pass(5 * MINUTE);
    reader.during(async {}).await;
    assert_eq!(reader.secrets().values(hooks.clock.now()).unwrap(), before);
    put(&hooks, "WEBHOOK_SECRET", NEW_SECRET);
    hooks.pass(MINUTE);
    reader.during(async {}).await;
    assert_eq!(reader.secrets().values(hooks.clock.now()).unwrap().get(WEBHOOK), Some(&Secret::new(NEW_SECRET)));
}

#[tokio::test]
async fn nothing_starts_without_its_secrets_or_with_one_that_anybody_may_read() {
    let hooks = Hooks::start().await;
    let started = async |wire: Wire, variables: &[(&str, &str)]| {
        let mut environment = hooks.environment("webhooks");
        environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let started = reader_with(&hooks, &wire, environment).await;
        (started.map(drop).map_err(|error| error.to_string()), wire.calls().len())
    };
    let plain = ("WEBHOOK_SECRET", NEW_SECRET);
    for (wire, variables, reason) in [
        (
            Wire::when(any(), Verdict::Fail(Fault::Unavailable)),
            &[][..],
            "SECRETS_PATH is not usable: it cannot be read",
        ),
        (Wire::whole(), &[("SECRETS_PATH", "/nowhere")], "where it is /nowhere/WEBHOOK_SECRET"),
        (Wire::whole(), &[("SECRETS_PATH", "")], "SECRETS_PATH is not set"),
        (Wire::whole(), &[("SIGNALBOX_STAGE", "production"), plain], "put it into Parameter Store"),
        (Wire::whole(), &[("SIGNALBOX_STAGE", ""), plain], "put it into Parameter Store"),
        (Wire::whole(), &[("WEBHOOK_SECRET", "short")], "WEBHOOK_SECRET has fewer than 32 characters"),
    ] {
        let refused = started(wire, variables).await.0.unwrap_err();
        assert!(refused.contains(reason) && !refused.contains(NEW_SECRET), "{refused}");
    }
    // On one's own machine, and then the store is not asked.
    assert_eq!(started(Wire::whole(), &[plain]).await, (Ok(()), 0));
}

#[tokio::test]
async fn a_function_may_read_the_secrets_that_it_uses_and_no_others() {
    let hooks = Hooks::start().await;
    let environment = hooks.environment("webhooks");
    let mut outside = hooks.outside(&Wire::whole());
    outside.aws_http = outside.aws_http.map(|http| hooks.host.rights("webhooks").guard(http));
    let clients = Clients::connect(&environment, &outside).unwrap();
    assert!(SecretsReader::start(&clients, &environment, &outside, &OF_DELIVERIES).await.is_ok());
    let refused = SecretsReader::start(&clients, &environment, &outside, &OF_TOKENS).await.unwrap_err().to_string();
    assert!(refused.contains("AccessDeniedException"), "{refused}");
}
