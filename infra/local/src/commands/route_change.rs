//! A change of a model's route by a person, as compare-and-set.

use std::error::Error;

use shared::{google::documents::Write, id::DatasetName, route::Route};

use crate::session::Session;

/// Writes what `to` makes of the route of `model`; gives the route before and after.
pub(crate) async fn change(
    session: &Session,
    model: &DatasetName,
    to: impl FnOnce(Route) -> Result<Route, Box<dyn Error>>,
) -> Result<(Route, Route), Box<dyn Error>> {
    let stored = session.documents.get::<Route>(model.as_str()).await?;
    let stored = stored.ok_or_else(|| {
        format!("no route for model `{model}`: list the runs with `lapidary runs`")
    })?;
    let after = to(stored.value.clone())?;
    let write = session.documents.replace(model.as_str(), &stored, &after);
    if write.await? == Write::Lost {
        return Err(format!("the route of `{model}` changed at the same time: try again").into());
    }
    Ok((stored.value, after))
}
