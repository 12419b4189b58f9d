//! One release, from the inspection of the services to the last line of output.

use std::{collections::BTreeMap, future::Future, pin::pin};

use crate::{
    chain::FunctionSpec,
    change::ServiceChange,
    component::Component,
    error::Error,
    executor::Executor,
    images::Image,
    sequencer::{Action, FailedAction, ReleaseEnd, Sequencer},
    steps::Steps,
};

/// Where a release takes place.
#[derive(Debug)]
pub(crate) struct ReleaseTarget<'a> {
    pub(crate) project: &'a str,
    pub(crate) region: &'a str,
}

/// Releases `images`, until `stop` resolves; returns whether all of them are released.
pub(crate) async fn release(
    executor: &mut Executor,
    target: &ReleaseTarget<'_>,
    specs: Vec<FunctionSpec>,
    images: &BTreeMap<String, Image>,
    steps: &Steps,
    stop: impl Future<Output = ()>,
    print: &mut dyn FnMut(&str),
) -> Result<bool, Error> {
    executor.inspect(specs, images, target.project).await?;
    for component in &executor.components {
        print(&plan(component));
    }
    let mut sequencer = Sequencer::new(&executor.plans(), steps.percents());
    let mut stop = pin!(stop);
    while let Some(action) = sequencer.next_action() {
        let what = describe(action, &executor.components);
        print(&what);
        let result = if sequencer.is_rolling_back() {
            // A second signal does not interrupt the rollback: each of its actions has a time limit.
            executor.execute(action).await
        } else {
            tokio::select! {
                biased;
                () = &mut stop => Err(Error::Stopped),
                result = executor.execute(action) => result,
            }
        };
        match result {
            Ok(()) => sequencer.done(),
            Err(error) => {
                print(&format!("FAILED: {what}: {}", error.line()));
                sequencer.failed(error.line());
            }
        }
    }
    let end = sequencer.end();
    for line in summary(&end, target, &executor.components) {
        print(&line);
    }
    Ok(end == ReleaseEnd::Released)
}

fn plan(component: &Component) -> String {
    let (name, wanted) = (component.spec.name, component.wanted.short());
    match &component.change {
        ServiceChange::None => format!("{name}: already runs {wanted}"),
        ServiceChange::TrafficOnly { serving } => {
            format!("{name}: already runs {wanted}; `{serving}` gets all traffic")
        }
        ServiceChange::Canary { serving } => format!("{name}: {wanted} as a canary of `{serving}`"),
        ServiceChange::FirstRevision => {
            format!("{name}: {wanted}, the first revision: it cannot be rolled back")
        }
    }
}

fn name(number: usize, components: &[Component]) -> &str {
    components
        .get(number)
        .map_or("?", |component| component.spec.name)
}

fn describe(action: Action, components: &[Component]) -> String {
    match action {
        Action::Deploy(it) => format!("{}: create the new revision", name(it, components)),
        Action::AwaitReady(it) => format!("{}: wait until it is ready", name(it, components)),
        Action::SmokeTest(it) => format!("{}: smoke test", name(it, components)),
        Action::Shift(it, percent) => {
            format!("{}: {percent} % of the traffic", name(it, components))
        }
        Action::Soak(it, percent) => format!("{}: soak at {percent} %", name(it, components)),
        Action::Finish(it) => format!("{}: all traffic, no tag", name(it, components)),
        Action::SetJob(it) => format!("{}: set the image of its job", name(it, components)),
        Action::RollBack(it) => format!("{}: roll back", name(it, components)),
        Action::RollJobBack(it) => format!("{}: roll its job back", name(it, components)),
    }
}

/// The last lines: what the state is, and what a person does next.
fn summary(end: &ReleaseEnd, target: &ReleaseTarget<'_>, components: &[Component]) -> Vec<String> {
    let mut lines = Vec::new();
    match end {
        ReleaseEnd::Released => {
            let is_same = |it: &&Component| it.change == ServiceChange::None;
            let same = components.iter().filter(is_same).count();
            let released = components.len() - same;
            lines.push(format!(
                "RELEASED: {released} functions; {same} were up to date"
            ));
            return lines;
        }
        ReleaseEnd::RolledBack { failed } => {
            lines.push(format!("ROLLED BACK: {}", failure(failed, components)));
            lines.push("All traffic is where it was before this release.".to_owned());
        }
        ReleaseEnd::RollbackFailed { failed, left } => {
            lines.push(format!("ROLLBACK FAILED: {}", failure(failed, components)));
            for failed in left {
                lines.push(format!("NOT ROLLED BACK: {}", failure(failed, components)));
                lines.extend(by_hand(failed.action, target, components));
            }
        }
    }
    let is_first = |it: &&Component| it.change == ServiceChange::FirstRevision;
    for component in components.iter().filter(is_first) {
        let name = component.spec.name;
        lines.push(format!(
            "`{name}` has no older revision, so it was not rolled back."
        ));
    }
    lines.push(format!(
        "Next: find the cause in the logs of the new revisions ({}), then release again.",
        new_revisions(components)
    ));
    lines
}

fn failure(failed: &FailedAction, components: &[Component]) -> String {
    format!("{}: {}", describe(failed.action, components), failed.why)
}

fn new_revisions(components: &[Component]) -> String {
    let new = components.iter().map(|component| component.new.as_str());
    let new: Vec<&str> = new.filter(|name| !name.is_empty()).collect();
    if new.is_empty() {
        "none were created".to_owned()
    } else {
        new.join(", ")
    }
}

/// The command for a person to run where the rollback failed.
fn by_hand(action: Action, target: &ReleaseTarget<'_>, components: &[Component]) -> Option<String> {
    let (project, region) = (target.project, target.region);
    let at = format!("--project={project} --region={region}");
    if let Action::RollBack(number) = action {
        let component = components.get(number)?;
        let (name, serving) = (component.spec.name, component.serving());
        return Some(format!(
            "  gcloud run services update-traffic {name} {at} --to-revisions={serving}=100 --remove-tags=canary"
        ));
    }
    if let Action::RollJobBack(number) = action {
        let component = components.get(number)?;
        let (job, image) = (component.spec.job.as_ref()?, &component.job_image);
        return Some(format!(
            "  gcloud run jobs update {job} {at} --image={image}"
        ));
    }
    None
}
