//! What a path asks for.

use actix_web::http::Method;
use serde_json::{Value, json};
use shared::id::DatasetName;

/// Whose shape a path has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiStyle {
    /// Vertex AI's and the Gemini API's.
    Google,
    /// `OpenAI`'s.
    OpenAi,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// An answer in one piece.
    Generate { model: &'a str },
    /// An answer as it is written.
    Stream { model: &'a str },
    /// How many tokens a question has.
    CountTokens { model: &'a str },
    /// An answer in `OpenAI`'s shape.
    Chat,
    /// Which models there are.
    Models,
    /// Whether there is a model.
    Model { model: &'a str },
}

impl<'a> Address<'a> {
    /// What `path` asks for. A path that is not known has the shape of the API that it resembles.
    pub(super) fn of(path: &'a str) -> (ApiStyle, Option<Self>) {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match segments.as_slice() {
            ["v1", "chat", "completions"] => (ApiStyle::OpenAi, Some(Self::Chat)),
            [
                "v1",
                "chat" | "completions" | "embeddings" | "responses",
                ..,
            ] => (ApiStyle::OpenAi, None),
            ["v1" | "v1beta" | "v1beta1", of @ ..] => (ApiStyle::Google, Self::of_resource(of)),
            _ => (ApiStyle::Google, None),
        }
    }

    fn of_resource(segments: &[&'a str]) -> Option<Self> {
        let segments = match segments {
            ["projects", _, "locations", _, rest @ ..] => rest,
            all => all,
        };
        match segments {
            ["models"] | ["publishers", "google", "models"] => Some(Self::Models),
            ["models" | "endpoints", last] | ["publishers", "google", "models", last] => {
                Self::of_model(last)
            }
            _ => None,
        }
    }

    fn of_model(last: &'a str) -> Option<Self> {
        match last.split_once(':') {
            None => Some(Self::Model { model: last }),
            Some((model, "generateContent")) => Some(Self::Generate { model }),
            Some((model, "streamGenerateContent")) => Some(Self::Stream { model }),
            Some((model, "countTokens")) => Some(Self::CountTokens { model }),
            Some(_) => None,
        }
    }

    /// The method that the path is served for.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Generate { .. } | Self::Stream { .. } | Self::CountTokens { .. } | Self::Chat => {
                Method::POST
            }
            Self::Models | Self::Model { .. } => Method::GET,
        }
    }
}

/// A model as both APIs describe it: `GET /v1/models/{model}` has the same path for both.
pub(super) fn card(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "displayName": model,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        "id": model,
        "object": "model",
        "created": 0,
        "owned_by": "lapidary",
    })
}

/// All models as both APIs, and Vertex AI's publisher models, list them.
pub(super) fn list(names: &[DatasetName]) -> Value {
    let cards: Vec<Value> = names.iter().map(|name| card(name.as_str())).collect();
    let published: Vec<Value> = names
        .iter()
        .map(|name| json!({ "name": format!("publishers/google/models/{name}") }))
        .collect();
    json!({
        "object": "list", "data": cards, "models": cards, "publisherModels": published,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, api: ApiStyle, expected: Option<Address<'_>>) {
        assert_eq!(Address::of(path), (api, expected), "{path}");
    }

    #[test]
    fn every_path_of_the_clients_is_known() {
        let google = |path: &str, address| check(path, ApiStyle::Google, Some(address));
        for place in [
            "models",
            "publishers/google/models",
            "projects/p/locations/us-central1/publishers/google/models",
            "projects/p/locations/global/endpoints",
        ] {
            for version in ["v1", "v1beta", "v1beta1"] {
                let path = |verb: &str| format!("/{version}/{place}/m{verb}");
                google(&path(":generateContent"), Address::Generate { model: "m" });
                google(
                    &path(":streamGenerateContent"),
                    Address::Stream { model: "m" },
                );
                google(&path(":countTokens"), Address::CountTokens { model: "m" });
                google(&path(""), Address::Model { model: "m" });
            }
        }
        google("/v1beta1/publishers/google/models", Address::Models);
        google("/v1/models", Address::Models);
        check(
            "/v1/chat/completions",
            ApiStyle::OpenAi,
            Some(Address::Chat),
        );
    }

    #[test]
    fn other_paths_are_refused_in_the_shape_that_they_resemble() {
        for path in [
            "/",
            "",
            "/v2/models/m:generateContent",
            "/v1/models/m:predict",
            "/v1/models/m/x",
            "/v1/endpoints",
            "/v1/projects/p/models/m:generateContent",
            "/admin",
        ] {
            check(path, ApiStyle::Google, None);
        }
        check("/v1/embeddings", ApiStyle::OpenAi, None);
        check("/v1/chat", ApiStyle::OpenAi, None);
    }
}
