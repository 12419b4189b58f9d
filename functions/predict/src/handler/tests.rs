//! What a caller gets for each way in which the models may fail.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{App, HttpRequest, HttpServer, ResponseError as _, web};
use serde_json::json;
use shared::{
    clock::Clock,
    config::{Reader, Vars},
    google::Google,
    route::Target,
};

use super::*;
use crate::{Config, cache::Cache, route_cache::RouteCache};

/// What a permission of ours that is missing reads like.
const DENIED: &str = "Permission 'aiplatform.endpoints.predict' denied on resource \
    '//aiplatform.googleapis.com/projects/secret/locations/us/endpoints/1'";

/// One way to answer: an HTTP status, a canonical code, a text.
#[derive(Debug, Clone, Copy)]
struct Fails(u16, &'static str, &'static str);

/// Vertex AI and the metadata server, whose models `base` and `tuned` answer as the test sets.
struct World {
    state: State,
    route: Route,
    asked_tuned: Arc<AtomicUsize>,
}

impl World {
    fn start(base: Option<Fails>, tuned: Option<Fails>) -> Self {
        let asked_tuned = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&asked_tuned);
        let server = HttpServer::new(move || {
            let count = Arc::clone(&count);
            let answer = move |request: HttpRequest| {
                let path = request.path().to_owned();
                let is_tuned = path.contains("/endpoints/");
                if is_tuned {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                let fails = if is_tuned { tuned } else { base };
                async move { answered(&path, fails) }
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
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let mut read = Reader::new(&vars);
        let google = Google::read("predict", &mut read);
        let config = Config::read(&mut read);
        let (google, config) = read.finish(|| Some((google?, config?))).unwrap();
        let clock = Clock::system();
        let vertex = google.vertex().unwrap();
        let base = vertex.base_model("m");
        let target = Target {
            run: "a-b-c".to_owned(),
            model: "projects/secret/locations/us/models/1".to_owned(),
            endpoint: "projects/secret/locations/us/endpoints/1".to_owned(),
            evidence: None,
        };
        let route = Route {
            target: Some(target),
            ..Route::new(base)
        };
        Self {
            state: State {
                clock,
                vertex,
                routes: RouteCache::new(google.documents().unwrap(), clock, config.route_ttl),
                cache: std::sync::Mutex::new(Cache::new(config.cache)),
                config,
            },
            route,
            asked_tuned,
        }
    }

    async fn serve(&self) -> Result<Served, Error> {
        let request = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Hi" }] }] });
        serve(&self.state, &self.route, &request).await
    }
}

fn answered(path: &str, fails: Option<Fails>) -> HttpResponse {
    if path.ends_with("/token") {
        let token = json!({ "access_token": "t", "expires_in": 3_600, "token_type": "Bearer" });
        return HttpResponse::Ok().json(token);
    }
    let Some(Fails(status, code, message)) = fails else {
        let content = json!({ "role": "model", "parts": [{ "text": "A whole sentence." }] });
        let candidate = json!({ "content": content, "finishReason": "STOP" });
        return HttpResponse::Ok().json(json!({ "candidates": [candidate] }));
    };
    let error = json!({ "code": status, "status": code, "message": message });
    HttpResponse::build(status.try_into().unwrap())
        .insert_header(("retry-after", "0"))
        .json(json!({ "error": error }))
}

/// Answers that say nothing about the caller's request.
const OURS: [Fails; 10] = [
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

#[actix_web::test]
async fn a_tuned_model_that_cannot_be_asked_is_answered_for_by_its_base() {
    for fails in OURS {
        let world = World::start(None, Some(fails));
        let served = world.serve().await.unwrap();
        assert_eq!(served.note.served_by, ServedBy::Base, "{fails:?}");
        let reason = Some(FallbackReason::TunedFailed);
        assert_eq!(served.note.fallback_reason, reason, "{fails:?}");
        let text = annotate(served.response, &served.note).to_string();
        assert!(!text.contains("secret"), "{fails:?}: {text}");
    }
}

#[actix_web::test]
async fn where_no_model_can_be_asked_the_caller_is_told_to_come_again_and_no_more() {
    for fails in OURS {
        let error = World::start(Some(fails), Some(fails)).serve().await;
        let error = error.err().unwrap();
        assert_eq!(error.status_code().as_u16(), 503, "{fails:?}: {error}");
        let body = actix_web::body::to_bytes(error.error_response().into_body());
        let body = body.await.unwrap();
        let body = String::from_utf8_lossy(&body);
        for ours in ["secret", "aiplatform", "ermission", "quota"] {
            assert!(!body.contains(ours), "{fails:?}: {body}");
        }
    }
}

#[actix_web::test]
async fn only_a_fault_of_the_request_is_the_callers_business() {
    let fault = "temperature must be at most 2";
    let invalid = Fails(400, "INVALID_ARGUMENT", fault);
    let error = World::start(None, Some(invalid)).serve().await;
    let error = error.err().unwrap();
    assert_eq!(error.status_code().as_u16(), 400);
    assert_eq!(error.to_string(), fault);
    let named = Fails(400, "INVALID_ARGUMENT", "projects/secret is odd");
    let error = World::start(None, Some(named)).serve().await;
    let error = error.err().unwrap().to_string();
    assert_eq!(error, "the model does not accept the request");
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
        let world = World::start(None, Some(fails));
        world.serve().await.unwrap();
        let asked = world.asked_tuned.load(Ordering::Relaxed);
        assert_eq!(asked, times, "{fails:?}");
    }
}
