//! Questions to models.

use super::*;

#[tokio::test]
async fn questions_are_answered_truncated_streamed_blocked_and_counted() {
    let world = World::new();
    let model = "/v1/projects/demo/locations/global/publishers/google/models/gemini-3.5-flash";
    let generate = format!("{model}:generateContent");
    let mut cut = question("Tell me about the many gems of the mountain");
    cut["generationConfig"] = json!({"maxOutputTokens": 2, "temperature": 0.0});
    let answer = world.post(&generate, cut).await;
    assert_eq!(answer["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(answer["usageMetadata"]["candidatesTokenCount"], 2);

    let blocked = world
        .post(&generate, question(crate::vertex::prompt::BLOCKED))
        .await;
    assert!(
        blocked.get("candidates").is_none() && blocked["promptFeedback"]["blockReason"].is_string()
    );
    let empty = world
        .post(&generate, question(crate::vertex::prompt::EMPTY))
        .await;
    assert!(empty["candidates"][0]["content"].get("parts").is_none());

    let body = question("Tell me about gems");
    let whole = world.post(&generate, body.clone()).await;
    let (_, headers, events) = world
        .raw(
            "POST",
            &format!("{model}:streamGenerateContent?alt=sse"),
            Some(body.clone()),
        )
        .await;
    assert_eq!(headers["content-type"], "text/event-stream");
    let streamed: String = events
        .split("\r\n\r\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|event| text(&serde_json::from_str(event).unwrap()).to_owned())
        .collect();
    assert_eq!(streamed, text(&whole));
    let list = world
        .post(&format!("{model}:streamGenerateContent"), body.clone())
        .await;
    assert!(list.is_array());
    assert_eq!(
        world.post(&format!("{model}:countTokens"), body).await["totalTokens"],
        5
    );

    let regional = generate.replace("global", "us-central1");
    assert_eq!(
        world.call("POST", &regional, Some(question("x"))).await.0,
        404
    );
    let retired = generate.replace("gemini-3.5-flash", "gemini-2.5-flash");
    assert_eq!(
        world.call("POST", &retired, Some(question("x"))).await.0,
        404
    );
}
