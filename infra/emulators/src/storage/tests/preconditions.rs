//! Every method against every precondition.

use serde_json::json;

use super::Service;
use crate::db::Db;

/// A call as method, URI and body, in which `{}` is replaced with the precondition.
type Call = (&'static str, &'static str, &'static str);

/// Methods that change an existing object.
const WRITES: [Call; 7] = [
    (
        "POST",
        "/upload/storage/v1/b/bkt/o?uploadType=media&name=o&{}",
        "new",
    ),
    (
        "POST",
        "/upload/storage/v1/b/bkt/o?uploadType=resumable&name=o&{}",
        "{}",
    ),
    (
        "PATCH",
        "/storage/v1/b/bkt/o/o?{}",
        r#"{"contentType":"a/b"}"#,
    ),
    (
        "PUT",
        "/storage/v1/b/bkt/o/o?{}",
        r#"{"contentType":"a/b"}"#,
    ),
    ("DELETE", "/storage/v1/b/bkt/o/o?{}", ""),
    ("POST", "/storage/v1/b/bkt/o/s/copyTo/b/bkt/o/o?{}", ""),
    ("POST", "/storage/v1/b/bkt/o/s/rewriteTo/b/bkt/o/o?{}", ""),
];
/// A write without "not" conditions in production.
const COMPOSE: Call = (
    "POST",
    "/storage/v1/b/bkt/o/o/compose?{}",
    r#"{"sourceObjects":[{"name":"s"}]}"#,
);
const READS: [Call; 3] = [
    ("GET", "/storage/v1/b/bkt/o/o?{}", ""),
    ("GET", "/storage/v1/b/bkt/o/o?alt=media&{}", ""),
    ("GET", "/download/storage/v1/b/bkt/o/o?alt=media&{}", ""),
];
/// Methods that read `o` under conditions on the source.
const SOURCES: [Call; 2] = [
    ("POST", "/storage/v1/b/bkt/o/o/copyTo/b/bkt/o/t?{}", ""),
    ("POST", "/storage/v1/b/bkt/o/o/rewriteTo/b/bkt/o/t?{}", ""),
];

/// Preconditions, where `$` is the generation of `o`; whether each holds; whether it is a "not".
const CONDITIONS: [(&str, bool, bool); 9] = [
    ("ifGenerationMatch=$", true, false),
    ("ifGenerationMatch=1", false, false),
    ("ifGenerationMatch=0", false, false),
    ("ifGenerationNotMatch=$", false, true),
    ("ifGenerationNotMatch=1", true, true),
    ("ifMetagenerationMatch=1", true, false),
    ("ifMetagenerationMatch=2", false, false),
    ("ifMetagenerationNotMatch=1", false, true),
    ("ifMetagenerationNotMatch=2", true, true),
];

/// Creates `o`, whose metageneration is 1, calls, and compares.
async fn check((method, uri, body): Call, condition: &str, holds: bool, refusal: &str) {
    let service = Service::new().await;
    service.put("s", "source").await;
    let generation = service.put("o", "old").await;
    let uri = uri.replace("{}", &condition.replace('$', &generation));
    let answer = service.call(method, &uri, &[], body).await;
    if holds {
        assert!(answer.status.is_success(), "{method} {uri}: {answer:?}");
    } else {
        assert_eq!(answer.outcome(), refusal, "{method} {uri}");
    }
}

#[tokio::test]
async fn a_write_whose_precondition_fails_is_a_412() {
    for call in WRITES {
        for (condition, holds, _) in CONDITIONS {
            check(call, condition, holds, "412 conditionNotMet").await;
        }
    }
    for (condition, holds, not) in CONDITIONS {
        if !not {
            check(COMPOSE, condition, holds, "412 conditionNotMet").await;
        }
    }
}

#[tokio::test]
async fn a_read_whose_not_match_fails_is_a_304() {
    for call in READS {
        for (condition, holds, not) in CONDITIONS {
            let refusal = if not { "304" } else { "412 conditionNotMet" };
            check(call, condition, holds, refusal).await;
        }
    }
}

#[tokio::test]
async fn a_copy_checks_the_preconditions_of_its_source() {
    for call in SOURCES {
        for (condition, holds, _) in CONDITIONS {
            let condition = condition.replace("if", "ifSource");
            check(call, &condition, holds, "412 conditionNotMet").await;
        }
    }
}

#[tokio::test]
async fn a_composition_checks_the_generation_of_each_source() {
    let service = Service::new().await;
    let generation = service.put("s", "source").await;
    for (wanted, outcome) in [(generation.as_str(), "200"), ("1", "412 conditionNotMet")] {
        let source = json!({"name": "s", "objectPreconditions": {"ifGenerationMatch": wanted}});
        let body = json!({ "sourceObjects": [source] });
        let answer = service.post("/storage/v1/b/bkt/o/o/compose", body).await;
        assert_eq!(answer.outcome(), outcome, "{wanted}");
    }
}

#[tokio::test]
async fn create_only_creates_once() {
    let service = Service::new().await;
    let once = "&ifGenerationMatch=0";
    assert_eq!(service.put_with("o", "first", once).await.outcome(), "200");
    let second = service.put_with("o", "second", once).await;
    assert_eq!(second.outcome(), "412 conditionNotMet");
    assert_eq!(service.read("o", "").await, "first");
    service.delete("/storage/v1/b/bkt/o/o").await;
    assert_eq!(service.put_with("o", "third", once).await.outcome(), "200");
}

#[tokio::test]
async fn a_precondition_on_a_missing_object_is_a_404() {
    let service = Service::new().await;
    for (method, uri, body) in READS.into_iter().chain(WRITES.into_iter().skip(2).take(3)) {
        let uri = uri.replace("{}", "ifGenerationMatch=1");
        let answer = service.call(method, &uri, &[], body).await;
        assert_eq!(answer.outcome(), "404 notFound", "{method} {uri}");
    }
}

#[tokio::test]
async fn a_bucket_checks_its_metageneration() {
    for (method, body) in [
        ("PATCH", r#"{"labels":{"a":"b"}}"#),
        ("PUT", "{}"),
        ("DELETE", ""),
    ] {
        for (condition, holds, _) in CONDITIONS.into_iter().skip(5) {
            let service = Service::new().await;
            let uri = format!("/storage/v1/b/bkt?{condition}");
            let answer = service.call(method, &uri, &[], body).await;
            assert_eq!(
                answer.status.is_success(),
                holds,
                "{method} {uri}: {answer:?}"
            );
        }
    }
    let service = Service::new().await;
    let unchanged = service
        .get("/storage/v1/b/bkt?ifMetagenerationNotMatch=1")
        .await;
    assert_eq!(unchanged.outcome(), "304");
}

#[tokio::test]
async fn a_precondition_that_is_not_a_number_is_refused() {
    let service = Service::new().await;
    service.put("o", "x").await;
    let answer = service
        .get("/storage/v1/b/bkt/o/o?ifGenerationMatch=latest")
        .await;
    assert_eq!(answer.outcome(), "400 invalid");
}

#[tokio::test]
async fn of_many_concurrent_creations_one_wins() {
    // On disk each upload waits for its file, so that all are in progress together.
    let dir = tempfile::tempdir().unwrap();
    let service = Service::open(Db::in_memory().unwrap(), Some(dir.path()));
    service
        .post("/storage/v1/b?project=p", json!({"name": "bkt"}))
        .await;
    let uploads = (0..20).map(|_| service.put_with("o", "x", "&ifGenerationMatch=0"));
    let answers = futures::future::join_all(uploads).await;
    let won = answers
        .iter()
        .filter(|answer| answer.outcome() == "200")
        .count();
    assert_eq!(won, 1);
}
