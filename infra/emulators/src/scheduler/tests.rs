//! Jobs over REST, on a fast clock.

use http::StatusCode;
use tokio::sync::mpsc;

use super::*;

const JOBS: &str = "/v1/projects/p/locations/us-central1/jobs";

struct World {
    scheduler: Scheduler,
    published: mpsc::UnboundedReceiver<(String, Vec<u8>, BTreeMap<String, String>)>,
}

impl World {
    fn new(db: &Db, speed: f64) -> Self {
        let (publish, published) = mpsc::unbounded_channel();
        let publish = move |topic: &str, data, attributes| {
            drop(publish.send((topic.to_owned(), data, attributes)));
        };
        let clock = Clock::starting_now(speed);
        let scheduler = Scheduler::open(db, clock, Arc::new(publish)).unwrap();
        Self {
            scheduler,
            published,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.body(body.to_string().into()).unwrap();
        let response = self.scheduler.rest(request).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        (status, serde_json::from_slice(&body.unwrap()).unwrap())
    }
}

fn tick() -> Value {
    json!({
        "name": "projects/p/locations/us-central1/jobs/tick",
        "schedule": "* * * * *",
        "timeZone": "Etc/UTC",
        "pubsubTarget": {
            "topicName": "projects/p/topics/tick", "data": "e30=", "attributes": { "a": "b" },
        },
    })
}

#[tokio::test]
async fn a_job_publishes_when_it_is_due() {
    let mut world = World::new(&Db::in_memory().unwrap(), 1_000.0);
    let (status, job) = world.call(Method::POST, JOBS, tick()).await;
    assert_eq!(status, StatusCode::OK, "{job}");
    assert_eq!(job["state"], "ENABLED");
    for _ in 0..2 {
        let published = crate::polls::output("a tick", world.published.recv()).await;
        let (topic, data, attributes) = published.unwrap();
        assert_eq!(
            (topic.as_str(), data.as_slice()),
            ("projects/p/topics/tick", b"{}".as_slice())
        );
        assert_eq!(attributes["a"], "b");
    }
}

#[test]
fn a_job_with_several_missed_ticks_is_due_once() {
    let start: DateTime<Utc> = "2026-11-22T10:00:30Z".parse().unwrap();
    let mut job = ScheduledJob::parse(&tick(), start).unwrap();
    let woken = start + chrono::TimeDelta::hours(3);
    assert!(job.due().unwrap() <= woken);
    job.attempted(woken);
    assert_eq!(job.due().unwrap().to_rfc3339(), "2026-11-22T13:01:00+00:00");
}

#[tokio::test]
async fn jobs_are_paused_resumed_run_changed_and_deleted() {
    let db = Db::in_memory().unwrap();
    let mut world = World::new(&db, 0.001);
    world.call(Method::POST, JOBS, tick()).await;
    assert_eq!(
        world.call(Method::POST, JOBS, tick()).await.0,
        StatusCode::CONFLICT
    );
    let path = format!("{JOBS}/tick");
    let pause = format!("{path}:pause");
    let (_, job) = world.call(Method::POST, &pause, json!({})).await;
    assert_eq!(job["state"], "PAUSED");
    let run = format!("{path}:run");
    let (_, job) = world.call(Method::POST, &run, json!({})).await;
    assert!(job["lastAttemptTime"].is_string(), "{job}");
    assert_eq!(
        world.published.recv().await.unwrap().0,
        "projects/p/topics/tick"
    );

    let mut later = World::new(&db, 0.001);
    let (_, job) = later.call(Method::GET, &path, json!({})).await;
    assert_eq!(job["state"], "PAUSED", "a pause survives a restart");
    let resume = format!("{path}:resume");
    let (_, job) = later.call(Method::POST, &resume, json!({})).await;
    assert_eq!(job["state"], "ENABLED");
    let masked = format!("{path}?updateMask=schedule");
    let (_, job) = later
        .call(Method::PATCH, &masked, json!({ "schedule": "0 0 1 1 *" }))
        .await;
    assert!(
        job["scheduleTime"]
            .as_str()
            .unwrap()
            .contains("-01-01T00:00:00"),
        "{job}"
    );
    let (_, list) = later.call(Method::GET, JOBS, json!({})).await;
    assert_eq!(list["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(
        later.call(Method::DELETE, &path, json!({})).await.0,
        StatusCode::OK
    );
    assert_eq!(
        later.call(Method::GET, &path, json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    assert!(later.published.try_recv().is_err());
}

#[tokio::test]
async fn unserved_fields_are_refused_by_name() {
    let world = World::new(&Db::in_memory().unwrap(), 1.0);
    for (field, value, expected, word) in [
        (
            "httpTarget",
            json!({}),
            StatusCode::BAD_REQUEST,
            "httpTarget",
        ),
        (
            "timeZone",
            json!("Europe/Rome"),
            StatusCode::BAD_REQUEST,
            "Europe/Rome",
        ),
        (
            "schedule",
            json!("every 5 minutes"),
            StatusCode::BAD_REQUEST,
            "five fields",
        ),
        ("name", json!("tick"), StatusCode::BAD_REQUEST, "`tick`"),
        (
            "pubsubTarget",
            json!({ "topicName": "t" }),
            StatusCode::BAD_REQUEST,
            "`t`",
        ),
    ] {
        let mut job = tick();
        job[field] = value;
        let (status, body) = world.call(Method::POST, JOBS, job).await;
        assert_eq!(status, expected, "{field}: {body}");
        assert!(
            body["error"]["message"].as_str().unwrap().contains(word),
            "{body}"
        );
    }
}
