//! Secrets of connections, sealed and opened with data keys of the embedded KMS, by way of the AWS SDK.

use std::time::Duration;

use signalbox::aws::clients::Clients;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::keys::{DataKeys, KeyFault};
use signalbox::domain::connections::sealed::{SECRET_BYTES_MAX, Sealed};
use signalbox::domain::ids::Connection;
use signalbox::domain::secret::Secret;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every, first};

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/signalbox-SecretsKey";
const HOUR: Duration = Duration::from_secs(3600);

/// The data keys of an instance, over a wire.
fn instance(system: &System, wire: &Wire) -> DataKeys {
    instance_with(system, wire, KEY)
}

fn instance_with(system: &System, wire: &Wire, key: &str) -> DataKeys {
    let mut environment = system.environment("sync-control");
    environment.extend([("SECRETS_KEY_ARN".to_owned(), key.to_owned())]);
    let outside = system.outside(wire);
    let clients = Clients::connect(&environment, &outside).unwrap();
    DataKeys::connect(&clients, &environment, &outside).unwrap()
}

fn connection(text: &str) -> Connection {
    text.parse().unwrap()
}

fn secret() -> Secret {
    Secret::new("whsec_0123456789abcdef")
}

/// A secret of `acme/erp/main`, sealed by an instance that is gone.
async fn sealed(system: &System) -> Sealed {
    instance(system, &Wire::whole()).seal(&connection("acme/erp/main"), &secret()).await.unwrap()
}

#[tokio::test]
async fn a_secret_is_opened_with_one_call_an_hour() {
    let system = System::start().await;
    let (own, wire) = (connection("acme/erp/main"), Wire::whole());
    let keys = instance(&system, &wire);
    let sealed = keys.seal(&own, &secret()).await.unwrap();
    assert_eq!(keys.open(&own, &sealed).await.unwrap(), secret());
    assert_eq!(wire.calls(), ["KMS.GenerateDataKey"], "whoever made the key has it");

    let wire = Wire::whole();
    let keys = instance(&system, &wire);
    for (passed, calls) in [(Duration::ZERO, 1), (Duration::ZERO, 1), (HOUR - Duration::from_secs(1), 1), (HOUR, 2)] {
        system.pass(passed);
        assert_eq!(keys.open(&own, &sealed).await.unwrap(), secret());
        assert_eq!(wire.calls(), vec!["KMS.Decrypt"; calls], "{passed:?} later");
    }
    assert_eq!((sealed.masked(), sealed.key().by.as_str()), ("••••cdef", KEY));
}

#[tokio::test]
async fn who_opens_the_same_secret_at_once_waits_for_one_call() {
    let system = System::start().await;
    let (own, sealed) = (connection("acme/erp/main"), sealed(&system).await);
    let wire = Wire::when(first("KMS.Decrypt"), Verdict::Hold);
    let keys = instance(&system, &wire);
    let opening: Vec<_> = (0..50).map(|_| keys.open(&own, &sealed)).collect();
    let release = async {
        wire.held().await;
        wire.release();
    };
    let (opened, ()) = futures::join!(futures::future::join_all(opening), release);
    assert!(opened.into_iter().all(|opened| opened.unwrap() == secret()));
    assert_eq!(wire.calls(), ["KMS.Decrypt"]);
}

#[tokio::test]
async fn the_secret_of_another_connection_does_not_open_whatever_is_kept() {
    let system = System::start().await;
    let keys = instance(&system, &Wire::whole());
    let own = connection("acme/erp/main");
    let sealed = keys.seal(&own, &secret()).await.unwrap();
    for other in ["globex/erp/main", "acme/erp/other", "acme/crm/main", "acme-erp/main/main"] {
        let other = connection(other);
        assert!(matches!(keys.open(&other, &sealed).await, Err(KeyFault::Unreadable(_))), "{other}");
        assert!(matches!(keys.rewrap(&other, &sealed).await, Err(KeyFault::Unreadable(_))), "{other}");
        let beside = keys.seal_beside(&other, &secret(), &sealed).await;
        assert!(matches!(beside, Err(KeyFault::Unreadable(_))), "{other}");
    }
    assert_eq!(keys.open(&own, &sealed).await.unwrap(), secret());
}

#[tokio::test]
async fn two_secrets_of_a_connection_share_a_key_and_equal_ones_a_fingerprint() {
    let system = System::start().await;
    let own = connection("acme/erp/main");
    let keys = instance(&system, &Wire::whole());
    let current = keys.seal(&own, &secret()).await.unwrap();
    let same = keys.seal_beside(&own, &secret(), &current).await.unwrap();
    let other = keys.seal_beside(&own, &Secret::new("another"), &current).await.unwrap();
    assert_eq!(current.fingerprint(), same.fingerprint());
    assert!(current != same && current.fingerprint() != other.fingerprint());
    let wire = Wire::whole();
    let keys = instance(&system, &wire);
    assert_eq!(keys.open(&own, &same).await.unwrap(), keys.open(&own, &current).await.unwrap());
    assert_eq!(keys.open(&own, &other).await.unwrap(), Secret::new("another"));
    assert_eq!(wire.calls(), ["KMS.Decrypt"]);
}

#[tokio::test]
async fn a_data_key_is_wrapped_anew_without_the_secret_being_sealed_again() {
    let system = System::start().await;
    let (own, before) = (connection("acme/erp/main"), sealed(&system).await);
    let wire = Wire::whole();
    let keys = instance(&system, &wire);
    let after = keys.rewrap(&own, &before).await.unwrap();
    assert_eq!(wire.calls(), ["KMS.ReEncrypt"]);
    assert!(before.key() != after.key() && before.rewrapped(after.key().clone()) == after);
    let opened = instance(&system, &Wire::whole()).open(&own, &after).await.unwrap();
    assert_eq!((opened, after.fingerprint()), (secret(), before.fingerprint()));
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(result: Result<T, KeyFault>) -> AwsFault {
    match result {
        Err(KeyFault::Unavailable(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kms_that_is_down_is_told_apart_and_forgotten_once_it_is_back() {
    let system = System::start().await;
    let (own, sealed) = (connection("acme/erp/main"), sealed(&system).await);
    for fault in [Fault::Unreachable, Fault::ServerError, Fault::Unavailable, Fault::Throttled] {
        // The SDK tries three times.
        let wire = Wire::when(every("KMS.Decrypt").up_to(3), Verdict::Fail(fault));
        let keys = instance(&system, &wire);
        assert!(unavailable(keys.open(&own, &sealed).await).transient, "{fault:?}");
        assert_eq!(keys.open(&own, &sealed).await.unwrap(), secret(), "{fault:?}");
    }
    for (call, operation) in [("KMS.GenerateDataKey", "GenerateDataKey"), ("KMS.ReEncrypt", "ReEncrypt")] {
        let wire = Wire::when(every(call), Verdict::Fail(Fault::Unavailable));
        let keys = instance(&system, &wire);
        let done = match operation {
            "ReEncrypt" => keys.rewrap(&own, &sealed).await,
            _ => keys.seal(&own, &secret()).await,
        };
        assert_eq!(unavailable(done).operation, operation);
    }
}

#[tokio::test]
async fn a_kms_that_does_not_answer_is_waited_for_five_seconds() {
    let system = System::start().await;
    let (own, sealed) = (connection("acme/erp/main"), sealed(&system).await);
    let wire = Wire::when(at(0), Verdict::Hold);
    let keys = instance(&system, &wire);
    let slow = async {
        wire.held().await;
        system.pass(Duration::from_secs(5));
    };
    let (first, second, ()) = futures::join!(keys.open(&own, &sealed), keys.open(&own, &sealed), slow);
    for faulted in [first, second] {
        let fault = unavailable(faulted);
        assert_eq!((fault.detail.as_str(), fault.transient), ("no answer within 5000 ms", true));
    }
    assert_eq!(keys.open(&own, &sealed).await.unwrap(), secret());
}

#[tokio::test]
async fn who_stops_waiting_leaves_nobody_hanging() {
    let system = System::start().await;
    let (own, sealed) = (connection("acme/erp/main"), sealed(&system).await);
    let wire = Wire::when(at(0), Verdict::Hold);
    let keys = instance(&system, &wire);
    // An invocation that timed out in the middle of its call.
    tokio::select! {
        biased;
        opened = keys.open(&own, &sealed) => panic!("{opened:?}"),
        () = wire.held() => {}
    }
    assert_eq!(keys.open(&own, &sealed).await.unwrap(), secret());
    assert_eq!(wire.calls(), ["KMS.Decrypt", "KMS.Decrypt"]);
}

#[tokio::test]
async fn what_no_time_mends_is_no_passing_fault() {
    let system = System::start().await;
    let (own, wire) = (connection("acme/erp/main"), Wire::whole());
    let elsewhere = instance_with(&system, &wire, "arn:aws:kms:us-east-1:000000000000:key/none");
    let fault = unavailable(elsewhere.seal(&own, &secret()).await);
    assert_eq!((fault.detail.as_str(), fault.transient), ("NotFoundException", false));
    let long = Secret::new("x".repeat(SECRET_BYTES_MAX + 1));
    let calls = wire.calls().len();
    assert!(matches!(elsewhere.seal(&own, &long).await, Err(KeyFault::TooLong(_))));
    assert_eq!(wire.calls().len(), calls, "KMS is not asked for it");
}
