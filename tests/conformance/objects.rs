//! Our own client of Cloud Storage: what a redelivery finds made counts as made, whatever the service calls it.

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

use crate::stand::Stand;

/// A service with an empty bucket, and our client to it.
async fn world() -> (Stand, Objects) {
    let stand = Stand::ours(1.0).await;
    let path = format!("/storage/v1/b?project={}", stand.project);
    stand.done("POST", &path, json!({ "name": "stones" })).await;
    let emulators = stand.emulators.as_ref().unwrap();
    let vars: Vars = emulators.environment().into_iter().collect();
    let mut read = Reader::new(&vars);
    let google = Google::read("test", &mut read).unwrap();
    let objects = google.objects().await.unwrap();
    (stand, objects)
}

/// Refuses the next upload as one that its caller has no right to.
async fn deny_next_upload(stand: &Stand) {
    let fault = json!({
        "path": "/upload/storage/v1/b/stones/o",
        "method": "POST",
        "action": { "error": { "status": "PERMISSION_DENIED" } },
    });
    stand.done("POST", "/emulator/faults", fault).await;
}

/// How often the fault has struck.
async fn fired(stand: &Stand) -> Value {
    let all = stand.done("GET", "/emulator/faults", Value::Null).await;
    all["faults"][0]["fired"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_counts_as_made_before() {
    let (_stand, objects) = world().await;
    let uri = GcsUri::new("stones", "ruby");
    let red = || Bytes::from_static(b"red");
    let made = objects.create(&uri, "text/plain", red()).await.unwrap();
    let Created::New(made) = made else {
        panic!("nothing was there: {made:?}")
    };
    let again = objects.create(&uri, "text/plain", red()).await.unwrap();
    assert_eq!(again, Created::Before(made));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_counts_as_made_before_where_overwriting_is_denied() {
    let (stand, objects) = world().await;
    let uri = GcsUri::new("stones", "ruby");
    let red = || Bytes::from_static(b"red");
    let made = objects.create(&uri, "text/plain", red()).await.unwrap();
    deny_next_upload(&stand).await;
    let again = objects.create(&uri, "text/plain", red()).await.unwrap();
    assert_eq!(again, Created::Before(made.into_stat()));
    assert_eq!(fired(&stand).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_stands_where_nothing_is_there() {
    let (stand, objects) = world().await;
    let uri = GcsUri::new("stones", "ruby");
    deny_next_upload(&stand).await;
    let denied = objects
        .create(&uri, "text/plain", Bytes::from_static(b"red"))
        .await;
    let error = denied.expect_err("no right to write");
    assert!(
        shared::error::Chain(&error)
            .to_string()
            .contains("a fault that a test armed"),
        "{error:?}"
    );
    assert_eq!(objects.stat(&uri, None).await.unwrap(), None);
}
