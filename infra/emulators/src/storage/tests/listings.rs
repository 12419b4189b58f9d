//! Listing objects: prefixes, delimiters, offsets, pages.

use serde_json::Value;

use super::Service;

/// Entries of all pages of `query`, folders with an arrow, pages separated by a bar.
async fn list(service: &Service, query: &str) -> String {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let uri = format!("/storage/v1/b/bkt/o?{query}&pageToken={token}");
        let page = service.get(&uri).await;
        assert_eq!(page.outcome(), "200", "{uri}");
        let page = page.json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let prefixes = page["prefixes"].as_array().cloned().unwrap_or_default();
        let names = items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned());
        let folders = prefixes.iter().map(|p| format!(">{}", p.as_str().unwrap()));
        pages.push(names.chain(folders).collect::<Vec<_>>().join(" "));
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return pages.join(" | "),
        }
    }
}

#[tokio::test]
async fn objects_are_listed_by_name_with_folders_and_in_pages() {
    let service = Service::new().await;
    for name in [
        "a",
        "b%2F",
        "b%2F1",
        "b%2F2",
        "b%2Fc%2F3",
        "b0",
        "d%2F1",
        "z",
    ] {
        service.put(name, "x").await;
    }
    let rows = [
        ("", "a b/ b/1 b/2 b/c/3 b0 d/1 z"),
        ("delimiter=/", "a b0 z >b/ >d/"),
        (
            "delimiter=/&includeTrailingDelimiter=true",
            "a b/ b0 z >b/ >d/",
        ),
        ("prefix=b", "b/ b/1 b/2 b/c/3 b0"),
        ("prefix=b/&delimiter=/", "b/ b/1 b/2 >b/c/"),
        ("prefix=b&delimiter=/", "b0 >b/"),
        ("prefix=none", ""),
        ("startOffset=b/2&endOffset=d", "b/2 b/c/3 b0"),
        ("prefix=b/&startOffset=b/1&endOffset=b/2", "b/1"),
        ("maxResults=3", "a b/ b/1 | b/2 b/c/3 b0 | d/1 z"),
        ("maxResults=8", "a b/ b/1 b/2 b/c/3 b0 d/1 z"),
        ("delimiter=/&maxResults=1", "a | >b/ | b0 | >d/ | z"),
        ("delimiter=/&maxResults=2", "a >b/ | b0 >d/ | z"),
        ("delimiter=0", "a b/ b/1 b/2 b/c/3 d/1 z >b0"),
    ];
    for (query, entries) in rows {
        assert_eq!(list(&service, query).await, entries, "{query}");
    }
}

#[tokio::test]
async fn versions_are_paged_one_by_one() {
    let service = Service::versioned().await;
    for text in ["1", "2", "3"] {
        service.put("o", text).await;
    }
    service.put("p", "x").await;
    // Google's Python client writes `True`.
    assert_eq!(
        list(&service, "versions=True&maxResults=2").await,
        "o o | o p"
    );
    assert_eq!(list(&service, "versions=False").await, "o p");
}

#[tokio::test]
async fn an_object_created_between_pages_does_not_disturb_them() {
    let service = Service::new().await;
    for name in ["b", "d", "f"] {
        service.put(name, "x").await;
    }
    let first = service.get("/storage/v1/b/bkt/o?maxResults=2").await.json();
    for name in ["a", "e"] {
        service.put(name, "x").await;
    }
    service.delete("/storage/v1/b/bkt/o/d").await;
    let token = first["nextPageToken"].as_str().unwrap();
    let second = service
        .get(&format!("/storage/v1/b/bkt/o?pageToken={token}"))
        .await
        .json();
    let names: Vec<&Value> = second["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["name"])
        .collect();
    assert_eq!(names, ["e", "f"]);
}

#[tokio::test]
async fn an_invalid_page_token_is_refused() {
    let service = Service::new().await;
    let answer = service.get("/storage/v1/b/bkt/o?pageToken=next").await;
    assert_eq!(answer.outcome(), "400 invalid");
    assert_eq!(
        service.get("/storage/v1/b/none/o").await.outcome(),
        "404 notFound"
    );
}
