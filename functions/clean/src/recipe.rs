//! The recipe in the folder of an upload, and the engine settings in it.

use clean_engine::Settings;
use shared::{
    error::Error,
    recipe::{FILE_MAX_BYTES, FILE_NAME, Recipe},
    uri::GcsUri,
};

use crate::state::State;

/// A recipe, and the settings in it.
#[derive(Debug)]
pub(crate) struct FoundRecipe {
    pub(crate) recipe: Recipe,
    pub(crate) settings: Settings,
    /// Whether it was in the folder; otherwise it is the default one.
    pub(crate) found: bool,
}

/// Reads the recipe in `folder`; the default one if there is none. `Err` says what is wrong with it,
/// for people.
pub(crate) async fn read(
    state: &State,
    bucket: &str,
    folder: &str,
) -> Result<Result<FoundRecipe, String>, Error> {
    let object = match folder {
        "" => FILE_NAME.to_owned(),
        folder => format!("{folder}/{FILE_NAME}"),
    };
    let uri = GcsUri::new(bucket, object);
    let text = match state.objects.read(&uri, FILE_MAX_BYTES).await {
        Ok(text) => text,
        Err(Error::Refused(note)) => return Ok(Err(note)),
        Err(error) => return Err(error),
    };
    let found = text.is_some();
    Ok(
        parse(&text.unwrap_or_default()).map(|(recipe, settings)| FoundRecipe {
            recipe,
            settings,
            found,
        }),
    )
}

/// Parses a recipe and the settings in it; `Err` says what is wrong, for people.
fn parse(text: &[u8]) -> Result<(Recipe, Settings), String> {
    let text = std::str::from_utf8(text).map_err(|_error| "recipe.toml is not UTF-8".to_owned())?;
    let recipe = Recipe::parse(text).map_err(|error| error.to_string())?;
    let settings = settings(&recipe)?;
    Ok((recipe, settings))
}

/// The settings in a recipe; `Err` says what is wrong with them, for people.
pub(crate) fn settings(recipe: &Recipe) -> Result<Settings, String> {
    let settings = recipe.clean.clone().try_into();
    settings.map_err(|error| format!("recipe.toml: clean: {error}"))
}
