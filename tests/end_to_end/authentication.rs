//! Every route of every function, requested without credentials.

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::Method;
use system_tests::harness::{Harness, Setup};

use crate::PROGRAM;

/// Paths of the function that serves every path.
const ENTRANCES: [(Method, &str); 5] = [
    (Method::POST, "/v1/models/m:generateContent"),
    (
        Method::POST,
        "/v1beta1/projects/p/locations/l/endpoints/m:streamGenerateContent",
    ),
    (Method::POST, "/v1/models/m:countTokens"),
    (Method::POST, "/v1/chat/completions"),
    (Method::GET, "/v1/models"),
];

/// The routes that the source of `function` names.
fn routes(function: &str) -> BTreeSet<(Method, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let files = fs::read_dir(folder.join(function).join("src")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut routes = BTreeSet::new();
    for text in texts.map(|path| fs::read_to_string(path).unwrap()) {
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for route in shipped.split(".route(").skip(1) {
            let path = route.split('"').nth(1).unwrap();
            let method = route.split("web::").nth(1).unwrap();
            let method = method.split('(').next().unwrap().to_uppercase();
            routes.insert((method.parse().unwrap(), path.to_owned()));
        }
        // A handler of all paths: its grammar is in a table of its own.
        if shipped.contains(".default_service(") {
            for (method, path) in ENTRANCES {
                routes.insert((method, path.to_owned()));
            }
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_but_the_health_check_requires_authentication() {
    // As in the cloud; a laptop's stack does not authenticate programs and people.
    let setup = Setup::default()
        .with("PROGRAM_AUTH", "cloud-run-iam")
        .with("PEOPLE_AUTH", "iap")
        .with(
            "IAP_AUDIENCE",
            "/projects/1/locations/here/services/console",
        );
    let harness = Harness::start(PROGRAM, setup).await;
    let environment = harness.stack.environment();
    for function in harness.stack.topology().functions.keys() {
        let variable = format!("{}_URL", function.to_uppercase().replace('-', "_"));
        let url = &environment[&variable];
        let health = harness.http.get(format!("{url}/health")).send().await;
        assert_eq!(health.unwrap().status(), 200, "{function}");
        let mut routes = routes(function);
        assert!(!routes.is_empty(), "{function} has no route");
        // Unknown paths, and the route that all functions have.
        for path in ["/nothing", "/health/", "//health", "/smoke"] {
            routes.insert((Method::POST, path.to_owned()));
        }
        for (method, path) in routes {
            let request = harness.http.request(method.clone(), format!("{url}{path}"));
            let status = request.send().await.unwrap().status();
            assert_eq!(status, 401, "{function}: {method} {path}");
        }
    }
    harness.assert_quiet().await;
}
