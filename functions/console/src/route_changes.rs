//! The forms that change a route: roll back, hold, lift the hold, and those of a canary.

use actix_web::{
    HttpResponse,
    http::header::LOCATION,
    web::{Data, Path},
};
use shared::{
    error::Error,
    google::documents::Write,
    id::DatasetName,
    route::{BackTo, change::RouteChange},
};
use tracing::info;

use crate::{State, csrf::CheckedForm, failure::FailurePage, handler, page::route::BASE, view};

/// Changes a route as a form asks for, if it is still at the version that the page showed.
pub(crate) async fn change(
    form: CheckedForm,
    state: Data<State>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, FailurePage> {
    let (name, verb) = path.into_inner();
    let name = handler::parse_model(&name)?;
    let change = asked(&verb, &form.to).ok_or_else(|| Error::NotFound("this page".to_owned()))?;
    let before = view::stored_route(&state.documents, &name).await?;
    let seen = form.version;
    if seen != Some(before.value.version) {
        return Err(moved(&name, before.value.version).into());
    }
    let at = state.clock.now();
    let changed = change.apply(before.value.clone(), &form.by, &form.why, at);
    let after = changed.map_err(|why| Error::Refused(format!("cannot change `{name}`: {why}")))?;
    let write = state.documents.replace(name.as_str(), &before, &after);
    if write.await? == Write::Lost {
        return Err(Error::Busy("the route changed at the same time".into()).into());
    }
    info!(
        event.name = "route_changed",
        route = %name,
        route_version = after.version,
        change = change.as_str(),
        "{} changed the route {name}: {}",
        form.by,
        change.as_str()
    );
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("/routes/{name}")))
        .finish())
}

/// A person decides on what they saw, so a page of an older version decides nothing.
fn moved(name: &DatasetName, version: u64) -> Error {
    Error::Refused(format!(
        "the route `{name}` has moved since the page was loaded, and is at version {version}: go back and reload"
    ))
}

/// The change that a path names; a rollback goes to `to`.
fn asked(verb: &str, to: &str) -> Option<RouteChange> {
    let back_to = match to {
        "" => BackTo::Before,
        BASE => BackTo::Base,
        run => BackTo::Target(run.to_owned()),
    };
    let all = [
        RouteChange::RollBack(back_to),
        RouteChange::Hold,
        RouteChange::Lift,
        RouteChange::PauseCanary,
        RouteChange::ResumeCanary,
        RouteChange::PromoteCanary,
        RouteChange::CancelCanary,
    ];
    all.into_iter().find(|change| change.as_str() == verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_one_change() {
        let to = |to: &str| asked("rollback", to);
        assert_eq!(to(""), Some(RouteChange::RollBack(BackTo::Before)));
        assert_eq!(to("base"), Some(RouteChange::RollBack(BackTo::Base)));
        let run = BackTo::Target("d-v1-a".to_owned());
        assert_eq!(to("d-v1-a"), Some(RouteChange::RollBack(run)));
        for verb in ["hold", "lift", "pause", "resume", "promote", "cancel"] {
            assert_eq!(asked(verb, "").unwrap().as_str(), verb);
        }
        assert_eq!(asked("delete", ""), None);
    }
}
