//! One question to `predict` by each of its APIs, as a user's program would ask it.

use std::time::Duration;

use evaluate::{answer::ModelAnswer, sample, turn};
use reqwest::Client;
use serde_json::{Map, Value, json};
use shared::error::Chain;

use crate::{
    session::Session,
    text,
    timeline::{ChainSnapshot, Section},
};

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Largest file of held-out rows that is read, in bytes.
const ROWS_MAX_BYTES: u64 = 64 << 20;
/// Longest text that is shown, in characters.
const TEXT_MAX: usize = 300;

/// The prompt, the answer and the model that gave it; or why there is no answer.
pub(super) async fn request(session: &Session, end: &ChainSnapshot) -> Vec<Section> {
    match try_request(session, end).await {
        Ok(sections) => sections,
        Err(error) => {
            let words = format!("no answer: {}", Chain(&*error));
            vec![Section::prose("Answer", &words)]
        }
    }
}

async fn try_request(
    session: &Session,
    end: &ChainSnapshot,
) -> Result<Vec<Section>, Box<dyn std::error::Error>> {
    let run = end.run.as_ref().ok_or("there is no run")?;
    let row = held_out(session, end).await?.ok_or("no row was held out")?;
    let predict = session.address("PREDICT_URL")?;
    let url = format!("{predict}/v1/models/{}:generateContent", run.model);
    let response = post(&url, &Value::Object(row.prompt.clone())).await?;
    let mut sections = sections(&row.prompt, &row.reference, &response);
    let url = format!("{predict}/v1/chat/completions");
    let completion = post(&url, &chat(run.model.as_str(), &row.prompt)).await?;
    sections.push(openai_section(&completion));
    Ok(sections)
}

async fn post(url: &str, body: &Value) -> reqwest::Result<Value> {
    let request = Client::new().post(url).timeout(ANSWER_MAX).json(body);
    request.send().await?.error_for_status()?.json().await
}

/// The last turn of `prompt` as a request of a chat.
fn chat(model: &str, prompt: &Map<String, Value>) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": last_turn(prompt) }] })
}

fn last_turn(prompt: &Map<String, Value>) -> String {
    let turns = prompt.get("contents").and_then(Value::as_array);
    let last = turns.and_then(|turns| turns.last()).map(turn::text);
    last.unwrap_or_default()
}

fn openai_section(completion: &Value) -> Section {
    let answer = completion.pointer("/choices/0/message/content");
    let answer = answer.and_then(Value::as_str).unwrap_or_default();
    Section::prose("OpenAI API", &text::line(answer, TEXT_MAX))
}

/// A held-out row, which the model was not trained on.
async fn held_out(
    session: &Session,
    end: &ChainSnapshot,
) -> Result<Option<sample::SampleRow>, shared::error::Error> {
    let part = end
        .version
        .as_ref()
        .and_then(|version| version.parts.get("eval"));
    let Some(part) = part else { return Ok(None) };
    let rows = session
        .objects
        .read(&part.artifact.uri, ROWS_MAX_BYTES)
        .await?;
    let rows = rows.unwrap_or_default();
    let first = String::from_utf8_lossy(&rows);
    let chosen = sample::choose(first.lines().take(1), 1, 0);
    Ok(chosen.rows.into_iter().next())
}

fn sections(prompt: &Map<String, Value>, reference: &str, response: &Value) -> Vec<Section> {
    let answer = ModelAnswer::from_response(response, 0);
    let version = answer.model_version.as_deref().unwrap_or("unknown");
    let model = match response
        .pointer("/lapidary/servedBy")
        .and_then(Value::as_str)
    {
        Some("tuned") => "the tuned model",
        Some("base") => "the base model",
        Some(_) | None => "an unknown model",
    };
    let shown = |text: &str| text::line(text, TEXT_MAX);
    vec![
        Section::prose("Prompt", &shown(&last_turn(prompt))),
        Section::prose("Answer", &shown(&answer.text)),
        Section::prose("Expected", &shown(reference)),
        Section::prose("Model", &format!("{model}, version {version}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::render;

    #[test]
    fn an_answer_names_its_model() {
        let prompt = json!({"contents": [{"role": "user", "parts": [{"text": "Where is it?"}]}]});
        let response = json!({
            "candidates": [{
                "content": {"role": "model", "parts": [{"text": "On its way."}]},
                "finishReason": "STOP",
            }],
            "modelVersion": "support@1-simulated",
            "lapidary": {"servedBy": "tuned", "route": 1, "cached": false},
        });
        let mut sections = sections(prompt.as_object().unwrap(), "On the way.", &response);
        let completion = json!({"choices": [{"message": {"content": "It is on its way."}}]});
        sections.push(openai_section(&completion));
        let asked = chat("support", prompt.as_object().unwrap());
        assert_eq!(asked["messages"][0]["content"], "Where is it?");
        insta::assert_snapshot!(render(&sections), @r"
        Prompt     Where is it?
        Answer     On its way.
        Expected   On the way.
        Model      the tuned model, version support@1-simulated
        OpenAI API It is on its way.
        ");
    }
}
