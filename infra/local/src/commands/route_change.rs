//! A change of a model's route by a person, as compare-and-set.

use std::error::Error;

use shared::{
    google::documents::Write,
    id::DatasetName,
    route::{Route, change::RouteChange},
};

use crate::session::Session;

/// Makes a change of the route of `model` in the name of `by`, for the reason `why`; gives the route before and
/// after.
pub(crate) async fn change(
    session: &Session,
    model: &DatasetName,
    change: &RouteChange,
    by: &str,
    why: &str,
) -> Result<(Route, Route), Box<dyn Error>> {
    let stored = session.documents.get::<Route>(model.as_str()).await?;
    let stored = stored.ok_or_else(|| {
        format!("no route for model `{model}`: list the runs with `lapidary runs`")
    })?;
    let changed = change.apply(stored.value.clone(), by, why, session.clock.now());
    let after = changed.map_err(|refusal| format!("cannot change `{model}`: {refusal}"))?;
    let write = session.documents.replace(model.as_str(), &stored, &after);
    if write.await? == Write::Lost {
        return Err(format!("the route of `{model}` changed at the same time: try again").into());
    }
    Ok((stored.value, after))
}
