//! Our own client of Cloud Storage: an object that an earlier delivery created counts as created,
//! whichever status the service answers.

use bytes::Bytes;
use serde_json::{Value, json};
use shared::{
    config::{Reader, Vars},
    google::{
        Google,
        objects::{Created, Objects},
    },
    uri::GcsUri,
};

use crate::target::SuiteTarget;

/// A service with an empty bucket, and our client to it.
async fn world() -> (SuiteTarget, Objects) {
    let target = SuiteTarget::ours(1.0).await;
    let path = format!("/storage/v1/b?project={}", target.project);
    target
        .done("POST", &path, json!({ "name": "stones" }))
        .await;
    let emulators = target.emulators.as_ref().unwrap();
    let vars: Vars = emulators.environment().into_iter().collect();
    let mut read = Reader::new(&vars);
    let google = Google::read("test", &mut read).unwrap();
    let objects = google.objects().await.unwrap();
    (target, objects)
}

/// Rejects the next upload with `PERMISSION_DENIED`.
async fn deny_next_upload(target: &SuiteTarget) {
    let fault = json!({
        "path": "/upload/storage/v1/b/stones/o",
        "method": "POST",
        "action": { "error": { "status": "PERMISSION_DENIED" } },
    });
    target.done("POST", "/emulator/faults", fault).await;
}

/// How often the fault has fired.
async fn fired(target: &SuiteTarget) -> Value {
    let all = target.done("GET", "/emulator/faults", Value::Null).await;
    all["faults"][0]["fired"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_object_counts_as_created() {
    let (_stand, objects) = world().await;
    let uri = GcsUri::new("stones", "ruby");
    let red = || Bytes::from_static(b"red");
    let made = objects.create(&uri, "text/plain", red()).await.unwrap();
    let Created::New(made) = made else {
        panic!("expected a new object, found {made:?}")
    };
    let again = objects.create(&uri, "text/plain", red()).await.unwrap();
    assert_eq!(again, Created::Before(made));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_object_counts_as_created_where_overwriting_is_denied() {
    let (target, objects) = world().await;
    let uri = GcsUri::new("stones", "ruby");
    let red = || Bytes::from_static(b"red");
    let made = objects.create(&uri, "text/plain", red()).await.unwrap();
    deny_next_upload(&target).await;
    let again = objects.create(&uri, "text/plain", red()).await.unwrap();
    assert_eq!(again, Created::Before(made.into_stat()));
    assert_eq!(fired(&target).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_an_error_without_an_object() {
    let (target, objects) = world().await;
    let uri = GcsUri::new("stones", "ruby");
    deny_next_upload(&target).await;
    let denied = objects
        .create(&uri, "text/plain", Bytes::from_static(b"red"))
        .await;
    let error = denied.expect_err("a denial");
    assert!(
        shared::error::Chain(&error)
            .to_string()
            .contains("injected by a test's fault"),
        "{error:?}"
    );
    assert_eq!(objects.stat(&uri, None).await.unwrap(), None);
}
