//! What a caller gets for each way in which the models may fail, by either API.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServiceResponse,
    http::{StatusCode, header},
    test,
    web::{self, Data},
};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use shared::{
    config::{Reader, Vars},
    google::Google,
    policy::Residency,
    route::{
        Target,
        canary::{CanaryOrder, CanaryPlan, start},
    },
};

use super::*;
use crate::{
    Config, apis, breaker::Breakers, cache::Cache, fallback_budget::FallbackBudget,
    flight::Flights, route_cache::RouteCache,
};

/// What a permission of ours that is missing reads like.
const DENIED: &str = "Permission 'aiplatform.endpoints.predict' denied on resource \
    '//aiplatform.googleapis.com/projects/secret/locations/us/endpoints/1'";

/// How a model answers.
#[derive(Debug, Clone, Copy)]
enum Answers {
    /// A whole sentence.
    Well,
    /// These bytes.
    Bytes(&'static str),
    /// An HTTP status, a canonical code, a text.
    Fails(u16, &'static str, &'static str),
    /// Never.
    Hangs,
    /// A stream that breaks off after its first event.
    Breaks,
}

use Answers::{Breaks, Fails, Hangs, Well};

/// An answer that was cut at the model's limit.
const CUT: Answers = Answers::Bytes(
    r#"{"candidates": [{"content": {"parts": [{"text": "Half"}]}, "finishReason": "MAX_TOKENS"}]}"#,
);
const BLANK: Answers = Answers::Bytes(
    r#"{"candidates": [{"content": {"parts": [{"text": "\u200b"}]}, "finishReason": "STOP"}]}"#,
);
const BLOCKED: Answers = Answers::Bytes(r#"{"candidates": [{"finishReason": "SAFETY"}]}"#);

/// What the models were asked.
#[derive(Default)]
struct AskedModels {
    tuned: AtomicUsize,
    base: AtomicUsize,
    bodies: Mutex<Vec<Bytes>>,
}

/// Vertex AI and the metadata server, whose models answer as the test sets, and predict before them.
struct World {
    state: Arc<State>,
    asked: Arc<AskedModels>,
}

impl World {
    fn start(base: Answers, tuned: Answers) -> Self {
        Self::with(base, tuned, &[])
    }

    fn with(base: Answers, tuned: Answers, settings: &[(&str, &str)]) -> Self {
        let asked = Arc::<AskedModels>::default();
        let seen = Arc::clone(&asked);
        let server = HttpServer::new(move || {
            let asked = Arc::clone(&seen);
            let answer = move |request: HttpRequest, body: Bytes| {
                let asked = Arc::clone(&asked);
                async move { model(&request, body, &asked, base, tuned).await }
            };
            App::new().default_service(web::to(answer))
        });
        let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0].to_string();
        actix_web::rt::spawn(server.run());
        let vars: Vars = [
            ("GOOGLE_CLOUD_PROJECT", "secret"),
            ("VERTEX_ENDPOINT", &format!("http://{address}")),
            ("GCE_METADATA_HOST", &address),
        ]
        .iter()
        .chain(settings)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let mut read = Reader::new(&vars);
        let google = Google::read("predict", &mut read);
        let config = Config::read(&mut read);
        let (google, config) = read.finish(|| Some((google?, config?))).unwrap();
        let vertex = google.vertex().unwrap();
        let documents = google.documents().unwrap();
        let routes = RouteCache::new(documents.clone(), config.route_ttl);
        let target = Target {
            run: "a-b-c".to_owned(),
            model: "projects/secret/locations/us/models/1".to_owned(),
            endpoint: "projects/secret/locations/us/endpoints/1".to_owned(),
            base: None,
            evidence: None,
        };
        routes.insert(
            "support",
            Route {
                target: Some(target),
                ..Route::new(vertex.base_model("m", Residency::Global))
            },
        );
        let state = Arc::new(State {
            clock: shared::clock::Clock::system(),
            without_route: config.without_route(&vertex),
            vertex,
            routes,
            cache: Mutex::new(Cache::new(config.cache)),
            flights: Flights::default(),
            breakers: Breakers::default(),
            fallback_budget: FallbackBudget::new(config.fallback_share),
            documents,
            canaries: Mutex::default(),
            config,
        });
        Self { state, asked }
    }

    async fn call(&self, request: test::TestRequest) -> ServiceResponse {
        let body_max = self.state.config.body_max_bytes;
        let app = App::new()
            .app_data(Data::new(Arc::clone(&self.state)))
            .app_data(web::PayloadConfig::new(body_max))
            .default_service(web::to(apis::enter));
        let app = test::init_service(app).await;
        test::call_service(&app, request.to_request()).await
    }

    async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answered {
        let request = test::TestRequest::post().uri(path).set_payload(body);
        Answered::of(self.call(request).await).await
    }

    /// The question of the tests, by Vertex AI's API.
    async fn ask(&self) -> Answered {
        self.post(GENERATE, QUESTION).await
    }

    fn asked(&self) -> (usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        (count(&self.asked.tuned), count(&self.asked.base))
    }
}

const GENERATE: &str = "/v1/models/support:generateContent";
const STREAM: &str = "/v1/models/support:streamGenerateContent?alt=sse";
const CHAT: &str = "/v1/chat/completions";
/// Its bytes are those that a parser would change.
const QUESTION: &str = r#"{ "contents":[{"parts":[{"text":"Hi"}]}],"generationConfig": {"seed": 1},
    "new_field": {"z": 123456789012345678901234567890, "a": 1.50} }"#;
const CHAT_QUESTION: &str =
    r#"{"model": "support", "messages": [{"role": "user", "content": "Hi"}]}"#;

/// A response.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: header::HeaderMap,
    text: String,
}

impl Answered {
    async fn of(response: ServiceResponse) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = test::read_body(response).await;
        let text = String::from_utf8(body.to_vec()).unwrap();
        Self {
            status,
            headers,
            text,
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The data of a stream.
    fn events(&self) -> Vec<&str> {
        let lines = self.text.lines();
        lines
            .filter_map(|line| line.strip_prefix("data: "))
            .collect()
    }
}

async fn model(
    request: &HttpRequest,
    body: Bytes,
    asked: &AskedModels,
    base: Answers,
    tuned: Answers,
) -> HttpResponse {
    let path = request.path();
    if path.ends_with("/token") {
        let token = json!({ "access_token": "t", "expires_in": 3_600, "token_type": "Bearer" });
        return HttpResponse::Ok().json(token);
    }
    let (counter, answers) = if path.contains("/endpoints/") {
        (&asked.tuned, tuned)
    } else {
        (&asked.base, base)
    };
    counter.fetch_add(1, Ordering::Relaxed);
    asked.bodies.lock().unwrap().push(body);
    let text = match answers {
        Well | Breaks => {
            r#"{"candidates": [{"content": {"parts": [{"text": "A whole sentence."}]}, "finishReason": "STOP"}],
                "z": 0.10, "a": 12345678901234567890123}"#
        }
        Answers::Bytes(text) => text,
        Hangs => std::future::pending().await,
        Fails(status, code, message) => {
            let error = json!({ "code": status, "status": code, "message": message });
            return HttpResponse::build(StatusCode::from_u16(status).unwrap())
                .insert_header(("retry-after", "0"))
                .json(json!({ "error": error }));
        }
    };
    if path.ends_with(":countTokens") {
        return HttpResponse::Ok().json(json!({ "totalTokens": 7 }));
    }
    if !path.ends_with(":streamGenerateContent") {
        return HttpResponse::Ok()
            .content_type("application/json")
            .body(text);
    }
    let event = |text: &str| Bytes::from(format!("data: {}\r\n\r\n", text.replace('\n', "")));
    if matches!(answers, Breaks) {
        let first = r#"{"candidates": [{"content": {"parts": [{"text": "A "}]}}]}"#;
        let cut = async {
            // What is written is sent once nothing more is there to write.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(std::io::Error::other("cut"))
        };
        let items = stream::iter([Ok(event(first))]).chain(stream::once(cut));
        return HttpResponse::Ok().streaming(Box::pin(items));
    }
    HttpResponse::Ok().body(event(text))
}

/// Answers that say nothing about the caller's request.
const OURS: [Answers; 10] = [
    Fails(400, "FAILED_PRECONDITION", "billing of projects/secret"),
    Fails(401, "UNAUTHENTICATED", "no token for projects/secret"),
    Fails(403, "PERMISSION_DENIED", DENIED),
    Fails(404, "NOT_FOUND", "projects/secret/endpoints/1"),
    Fails(408, "", "projects/secret"),
    Fails(409, "ABORTED", "projects/secret"),
    Fails(429, "RESOURCE_EXHAUSTED", "quota of projects/secret"),
    Fails(499, "CANCELLED", "projects/secret"),
    Fails(500, "INTERNAL", "projects/secret"),
    Fails(503, "UNAVAILABLE", "projects/secret"),
];

/// Every way to ask the question of the tests.
const WAYS: [(&str, &str); 4] = [
    (GENERATE, QUESTION),
    (STREAM, QUESTION),
    (CHAT, CHAT_QUESTION),
    (
        CHAT,
        r#"{"model": "support", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}"#,
    ),
];

#[actix_web::test]
async fn a_tuned_model_that_cannot_be_asked_is_answered_for_by_its_base() {
    for fails in OURS {
        for (path, body) in WAYS {
            let world = World::start(Well, fails);
            let answered = world.post(path, body).await;
            assert_eq!(answered.status, 200, "{fails:?}, {path}: {answered:?}");
            assert_eq!(answered.header("x-lapidary-served-by"), "base");
            assert_eq!(answered.header("x-lapidary-fallback"), "tuned_failed");
            assert!(!answered.text.contains("secret"), "{fails:?}: {answered:?}");
        }
    }
}

#[actix_web::test]
async fn where_no_model_can_be_asked_the_caller_learns_only_to_come_again() {
    for fails in OURS {
        for (path, body) in WAYS {
            let world = World::start(fails, fails);
            let answered = world.post(path, body).await;
            assert_eq!(answered.status, 503, "{fails:?}, {path}: {answered:?}");
            assert!(answered.json()["error"]["message"].is_string());
            for ours in ["secret", "aiplatform", "ermission", "quota"] {
                assert!(!answered.text.contains(ours), "{fails:?}: {answered:?}");
            }
        }
    }
}

#[actix_web::test]
async fn only_a_fault_of_the_request_is_the_callers_business() {
    let fault = "temperature must be at most 2";
    for (path, body) in WAYS {
        let world = World::start(Well, Fails(400, "INVALID_ARGUMENT", fault));
        let answered = world.post(path, body).await;
        assert_eq!(answered.status, 400, "{path}");
        assert_eq!(answered.json()["error"]["message"], fault);
        assert_eq!(world.asked(), (1, 0), "the base model would say the same");
    }
    let named = Fails(400, "INVALID_ARGUMENT", "projects/secret is odd");
    let answered = World::start(Well, named).ask().await;
    let error = &answered.json()["error"];
    assert_eq!(error["message"], "the model does not accept the request");
    assert_eq!(error["status"], "INVALID_ARGUMENT");
}

#[actix_web::test]
async fn a_model_is_asked_again_only_where_waiting_may_help() {
    for (fails, times) in [
        (Fails(403, "PERMISSION_DENIED", DENIED), 1),
        (Fails(404, "NOT_FOUND", ""), 1),
        (Fails(409, "ABORTED", ""), 1),
        (Fails(429, "RESOURCE_EXHAUSTED", ""), 2),
        (Fails(503, "UNAVAILABLE", ""), 2),
    ] {
        let world = World::start(Well, fails);
        world.ask().await;
        assert_eq!(world.asked(), (times, 1), "{fails:?}");
    }
}

#[actix_web::test]
async fn the_better_of_the_two_is_served() {
    const FREE: &str = r#"{"contents": [{"parts": [{"text": "Hi"}]}]}"#;
    for base in [
        Fails(503, "UNAVAILABLE", ""),
        Fails(400, "INVALID_ARGUMENT", "no"),
        BLANK,
        BLOCKED,
    ] {
        for path in [GENERATE, STREAM] {
            let world = World::start(base, CUT);
            let answered = world.post(path, FREE).await;
            assert_eq!(answered.status, 200, "{base:?}: {answered:?}");
            assert_eq!(answered.header("x-lapidary-served-by"), "tuned", "{base:?}");
            assert!(answered.text.contains("Half"));
        }
    }
    for tuned in [CUT, BLANK, BLOCKED] {
        let answered = World::start(Well, tuned).post(GENERATE, FREE).await;
        assert_eq!(answered.header("x-lapidary-served-by"), "base", "{tuned:?}");
        assert_eq!(answered.header("x-lapidary-fallback"), "low_confidence");
    }
}

#[actix_web::test]
async fn the_callers_own_limit_asks_no_second_model() {
    let body = r#"{"contents": [{}], "generationConfig": {"maxOutputTokens": 5}}"#;
    let world = World::start(Well, CUT);
    let answered = world.post(GENERATE, body).await;
    assert_eq!(answered.header("x-lapidary-served-by"), "tuned");
    assert_eq!(world.asked(), (1, 0));
}

#[actix_web::test]
async fn bytes_pass_in_both_directions() {
    let world = World::start(Well, Well);
    let answered = world.ask().await;
    assert_eq!(world.asked.bodies.lock().unwrap()[0], QUESTION.as_bytes());
    assert!(
        answered
            .text
            .contains(r#""z": 0.10, "a": 12345678901234567890123"#)
    );
    assert_eq!(answered.json()["lapidary"]["servedBy"], "tuned");
    let again = world.ask().await;
    assert_eq!(again.header("x-lapidary-cache"), "hit");
    assert!(
        again
            .text
            .contains(r#""z": 0.10, "a": 12345678901234567890123"#)
    );
    let streamed = world.post(STREAM, QUESTION).await;
    assert_eq!(world.asked.bodies.lock().unwrap()[1], QUESTION.as_bytes());
    assert!(streamed.events()[0].contains(r#""z": 0.10, "a": 12345678901234567890123"#));
}

#[actix_web::test]
async fn the_same_question_at_once_is_one_call() {
    let world = World::start(Well, Well);
    let all = futures::future::join_all((0..20).map(|_| world.ask())).await;
    assert!(all.iter().all(|answered| answered.status == 200));
    assert_eq!(world.asked(), (1, 0));
    let fresh = test::TestRequest::post()
        .uri(GENERATE)
        .insert_header(("cache-control", "no-cache"))
        .set_payload(QUESTION);
    world.call(fresh).await;
    assert_eq!(world.asked(), (2, 0), "a fresh answer was asked for");
}

#[actix_web::test]
async fn an_answer_of_an_outage_is_not_kept() {
    for (base, tuned) in [
        (Well, Fails(503, "UNAVAILABLE", "")),
        (Fails(503, "UNAVAILABLE", ""), CUT),
    ] {
        let world = World::start(base, tuned);
        let body = r#"{"contents": [{}], "generationConfig": {"seed": 1}}"#;
        for _ in 0..2 {
            let answered = world.post(GENERATE, body).await;
            assert_eq!(answered.header("x-lapidary-cache"), "miss");
        }
    }
}

#[actix_web::test]
async fn a_model_that_hangs_costs_one_deadline() {
    let limited = [("PREDICT_TIMEOUT_S", "1")];
    for (path, body) in WAYS {
        let answered = World::with(Well, Hangs, &limited).post(path, body).await;
        assert_eq!(
            answered.header("x-lapidary-fallback"),
            "tuned_slow",
            "{answered:?}"
        );
        let answered = World::with(Hangs, Hangs, &limited).post(path, body).await;
        assert_eq!(answered.status, 504, "{answered:?}");
    }
}

#[actix_web::test]
async fn a_model_that_fails_again_and_again_is_left_alone() {
    let world = World::start(Well, Fails(403, "PERMISSION_DENIED", DENIED));
    for _ in 0..8 {
        let answered = world.ask().await;
        assert_eq!(answered.header("x-lapidary-served-by"), "base");
    }
    assert_eq!(world.asked(), (5, 8));
}

#[actix_web::test]
async fn a_stream_that_breaks_off_ends_with_an_error() {
    let world = World::start(Well, Breaks);
    let answered = world.post(STREAM, QUESTION).await;
    let events = answered.events();
    assert!(events[0].contains("\"A \""), "{answered:?}");
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["status"], "UNAVAILABLE");
    let list = world
        .post("/v1/models/support:streamGenerateContent", QUESTION)
        .await;
    assert_eq!(list.json()[1]["error"]["code"], 503);
}

/// The route of the tests with a canary, whose models all answer alike.
fn with_canary(world: &World) {
    let target = |name: &str| Target {
        run: name.to_owned(),
        model: String::new(),
        endpoint: format!("projects/secret/locations/us/endpoints/{name}"),
        base: None,
        evidence: None,
    };
    let plan = CanaryPlan {
        steps: vec![50, 100],
        harm_max: 0.05,
        window_s: 60,
        slow_ms: None,
        shadow: false,
    };
    let order = CanaryOrder {
        by: None,
        reason: "",
        at: world.state.clock.now(),
    };
    let route = Route {
        target: Some(target("1")),
        ..Route::new("m")
    };
    let route = start(route, &"support".parse().unwrap(), target("2"), plan, order);
    world.state.routes.insert("support", route);
}

#[actix_web::test]
async fn a_stream_is_counted_once_when_it_has_ended() {
    for (answers, answered, failed) in [
        (Well, 1, 0),
        (Breaks, 1, 1),
        (Fails(503, "UNAVAILABLE", ""), 1, 1),
        (BLANK, 1, 0),
    ] {
        let world = World::start(Well, answers);
        with_canary(&world);
        world.post(STREAM, QUESTION).await;
        let reports = world.state.canaries().take_changed(world.state.clock.now());
        let counted = &reports[0].1.callers[0];
        assert_eq!(
            (counted.answers, counted.failed),
            (answered, failed),
            "{answers:?}"
        );
        assert_eq!(counted.bad, u32::from(matches!(answers, Answers::Bytes(_))));
    }
}

#[actix_web::test]
async fn what_is_not_allowed_is_not_passed_on() {
    let file = r#"{"contents": [{"parts": [{"fileData": {"fileUri": "gs://secret/x"}}]}]}"#;
    let tool = r#"{"contents": [{}], "tools": [{"googleSearch": {}}]}"#;
    for path in [GENERATE, STREAM, "/v1/models/support:countTokens"] {
        for body in [file, tool] {
            let world = World::start(Well, Well);
            let answered = world.post(path, body).await;
            assert_eq!(answered.status, 403, "{path}, {body}: {answered:?}");
            assert_eq!(answered.json()["error"]["status"], "PERMISSION_DENIED");
            assert_eq!(world.asked(), (0, 0));
        }
    }
    let world = World::with(Well, Well, &[("PREDICT_ALLOW", "googleSearch")]);
    assert_eq!(world.post(GENERATE, tool).await.status, 200);
}

#[actix_web::test]
async fn errors_have_the_shape_of_their_door() {
    let world = World::with(Well, Well, &[("PREDICT_BODY_MAX_BYTES", "100")]);
    let large = "x".repeat(200);
    for (path, body, status) in [
        ("/v1/models/support:predict", "", 404),
        ("/v1/models/Not%20a%20name:generateContent", QUESTION, 413),
        (GENERATE, large.as_str(), 413),
        (GENERATE, "{", 400),
    ] {
        let answered = world.post(path, body.to_owned()).await;
        assert_eq!(answered.status, status, "{path}");
        assert_eq!(answered.json()["error"]["code"], status);
    }
    for (body, status) in [(large.as_str(), 413), ("{}", 400)] {
        let answered = world.post(CHAT, body.to_owned()).await;
        assert_eq!(answered.status, status);
        assert_eq!(answered.json()["error"]["type"], "invalid_request_error");
    }
    let get = Answered::of(world.call(test::TestRequest::get().uri(CHAT)).await).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
    let counted = world
        .post("/v1/models/support:countTokens", r#"{"contents": [{}]}"#)
        .await;
    assert_eq!(counted.json()["totalTokens"], 7);
}
