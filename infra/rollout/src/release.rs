//! A release from its first look to its last word.

use std::{collections::BTreeMap, future::Future, pin::pin};

use crate::{
    carrier::{Carrier, Part},
    chain::Member,
    images::Image,
    machine::{End, Failure, Machine, Order},
    steps::Steps,
    trouble::Trouble,
    work::Work,
};

/// Where a release takes place.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) project: &'a str,
    pub(crate) region: &'a str,
}

/// Releases `images`, until `stop` comes; whether all of it is released.
pub(crate) async fn release(
    carrier: &mut Carrier,
    place: &Place<'_>,
    members: Vec<Member>,
    images: &BTreeMap<String, Image>,
    steps: &Steps,
    stop: impl Future<Output = ()>,
    say: &mut dyn FnMut(&str),
) -> Result<bool, Trouble> {
    carrier.look(members, images, place.project).await?;
    for part in &carrier.parts {
        say(&plan(part));
    }
    let mut machine = Machine::new(&carrier.tasks(), steps.percents());
    let mut stop = pin!(stop);
    while let Some(order) = machine.order() {
        let what = words(order, &carrier.parts);
        say(&what);
        let outcome = if machine.is_turning_back() {
            // Nothing interrupts the way back: each part of it has an end.
            carrier.carry(order).await
        } else {
            tokio::select! {
                biased;
                () = &mut stop => Err(Trouble::Stopped),
                outcome = carrier.carry(order) => outcome,
            }
        };
        match outcome {
            Ok(()) => machine.done(),
            Err(trouble) => {
                say(&format!("FAILED: {what}: {}", trouble.line()));
                machine.failed(trouble.line());
            }
        }
    }
    let end = machine.end();
    for line in summary(&end, place, &carrier.parts) {
        say(&line);
    }
    Ok(end == End::Released)
}

fn plan(part: &Part) -> String {
    let (name, wanted) = (part.member.name, part.wanted.short());
    match &part.work {
        Work::Nothing => format!("{name}: runs {wanted} already"),
        Work::Tidy { serving } => format!("{name}: runs {wanted} already; `{serving}` gets all"),
        Work::Canary { serving } => format!("{name}: {wanted} beside `{serving}`"),
        Work::First => format!("{name}: {wanted}, the first: there is nothing to go back to"),
    }
}

fn of(number: usize, parts: &[Part]) -> &str {
    parts.get(number).map_or("?", |part| part.member.name)
}

fn words(order: Order, parts: &[Part]) -> String {
    match order {
        Order::Deploy(it) => format!("{}: makes the new revision", of(it, parts)),
        Order::AwaitReady(it) => format!("{}: waits until it is ready", of(it, parts)),
        Order::Smoke(it) => format!("{}: smoke test", of(it, parts)),
        Order::Shift(it, percent) => format!("{}: {percent} % of the traffic", of(it, parts)),
        Order::Soak(it, percent) => format!("{}: watched at {percent} %", of(it, parts)),
        Order::Settle(it) => format!("{}: all traffic, no tag", of(it, parts)),
        Order::SetJob(it) => format!("{}: the image of its job", of(it, parts)),
        Order::TurnBack(it) => format!("{}: back to what served", of(it, parts)),
        Order::TurnJobBack(it) => format!("{}: its job back to its image", of(it, parts)),
    }
}

/// The last words: what is, and what a person does next.
fn summary(end: &End, place: &Place<'_>, parts: &[Part]) -> Vec<String> {
    let mut lines = Vec::new();
    match end {
        End::Released => {
            let same = parts.iter().filter(|it| it.work == Work::Nothing).count();
            let released = parts.len() - same;
            lines.push(format!(
                "RELEASED: {released} functions; {same} were as wanted"
            ));
            return lines;
        }
        End::TurnedBack { failed } => {
            lines.push(format!("TURNED BACK: {}", told(failed, parts)));
            lines.push("All traffic is where it was before this release.".to_owned());
        }
        End::Stuck { failed, left } => {
            lines.push(format!("STUCK: {}", told(failed, parts)));
            for failure in left {
                lines.push(format!("NOT TAKEN BACK: {}", told(failure, parts)));
                lines.extend(by_hand(failure.order, place, parts));
            }
        }
    }
    let first = parts.iter().filter(|part| part.work == Work::First);
    for part in first {
        let name = part.member.name;
        lines.push(format!(
            "`{name}` has no older revision, so it was not taken back."
        ));
    }
    lines.push(format!(
        "Next: find the cause in the logs of the new revisions ({}), then release again.",
        new_revisions(parts)
    ));
    lines
}

fn told(failure: &Failure, parts: &[Part]) -> String {
    format!("{}: {}", words(failure.order, parts), failure.why)
}

fn new_revisions(parts: &[Part]) -> String {
    let made: Vec<&str> = parts.iter().map(|part| &*part.new).collect();
    let made: Vec<&str> = made.into_iter().filter(|name| !name.is_empty()).collect();
    if made.is_empty() {
        "none were made".to_owned()
    } else {
        made.join(", ")
    }
}

/// What a person types where the way back failed.
fn by_hand(order: Order, place: &Place<'_>, parts: &[Part]) -> Option<String> {
    let (project, region) = (place.project, place.region);
    let at = format!("--project={project} --region={region}");
    if let Order::TurnBack(number) = order {
        let part = parts.get(number)?;
        let (name, serving) = (part.member.name, part.serving());
        return Some(format!(
            "  gcloud run services update-traffic {name} {at} --to-revisions={serving}=100 --remove-tags=canary"
        ));
    }
    if let Order::TurnJobBack(number) = order {
        let part = parts.get(number)?;
        let (job, image) = (part.member.job.as_ref()?, part.job_image());
        return Some(format!(
            "  gcloud run jobs update {job} {at} --image={image}"
        ));
    }
    None
}
