//! Carries orders out. Every change is looked for until it is seen: one whose answer was lost, or
//! that lost to another change, is made again with the service as it is by then.

mod sight;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::{clock::Clock, error::Chain, outcome::CallError};
use tokio::time::{Instant, sleep};

use crate::{
    admin::Admin,
    chain::Proof,
    looks::Looks,
    machine::{Order, Task},
    observe::Observer,
    requests::{Requests, too_many},
    service::{Readiness, Revision, Service, id, image},
    smoke::{Asked, Asker},
    traffic::{self, CANARY, Share},
    trouble::Trouble,
    work::Work,
};

pub(crate) use self::sight::Part;

/// Longest until a change of the traffic is seen; seconds, as a rule.
const SEEN_MAX: Duration = Duration::from_mins(2);
/// Longest pause between two looks at the errors of a soak: counts come once a minute.
const SOAK_LOOK_MAX: Duration = Duration::from_secs(30);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Until a revision is ready.
    pub(crate) ready: Duration,
    /// How long a step of the traffic is watched.
    pub(crate) soak: Duration,
}

/// Carries orders out.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) admin: Admin,
    pub(crate) asker: Asker,
    pub(crate) observer: Observer,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// The functions of the release, by their number.
    pub(crate) parts: Vec<Part>,
    /// Where the canaries are, by number.
    uris: BTreeMap<usize, String>,
    /// When each canary got its first requests. Counts come minutes late, so that those of one step
    /// are seen in the next: all since then are looked at, always.
    since: BTreeMap<usize, DateTime<Utc>>,
}

/// What came of one look.
enum Look {
    /// It is as wanted.
    Seen,
    /// It is not, and this is how it is.
    Not(String),
}

impl Carrier {
    pub(crate) fn new(
        admin: Admin,
        asker: Asker,
        observer: Observer,
        clock: Clock,
        limits: Limits,
    ) -> Self {
        Self {
            admin,
            asker,
            observer,
            clock,
            limits,
            parts: Vec::new(),
            uris: BTreeMap::new(),
            since: BTreeMap::new(),
        }
    }

    /// What has to be done, by number.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let tasks = self.parts.iter().map(|part| Task {
            work: part.work.clone(),
            job_behind: part.job_behind(),
        });
        tasks.collect()
    }

    /// Carries out one order.
    pub(crate) async fn carry(&mut self, order: Order) -> Result<(), Trouble> {
        match order {
            Order::Deploy(number) => {
                let new = self.deploy(self.part(number)?).await?;
                if let Some(part) = self.parts.get_mut(number) {
                    part.new = new;
                }
                Ok(())
            }
            Order::AwaitReady(number) => {
                let uri = self.await_ready(self.part(number)?).await?;
                self.uris.insert(number, uri);
                Ok(())
            }
            Order::Smoke(number) => self.smoke(number).await,
            Order::Shift(number, percent) => {
                let now = self.clock.now();
                self.since.entry(number).or_insert(now);
                let part = self.part(number)?;
                let shares = traffic::step(part.serving(), &part.new, percent);
                self.set_traffic(part, &shares).await
            }
            Order::Soak(number, _) => self.soak(number).await,
            Order::Settle(number) => {
                let part = self.part(number)?;
                let revision = match &part.work {
                    Work::Tidy { serving } => serving,
                    Work::Nothing | Work::Canary { .. } | Work::First => &part.new,
                };
                self.set_traffic(part, &traffic::only(revision)).await
            }
            Order::TurnBack(number) => self.turn_back(self.part(number)?).await,
            Order::SetJob(number) => {
                let part = self.part(number)?;
                self.set_job(part, part.wanted.as_str()).await
            }
            Order::TurnJobBack(number) => {
                let part = self.part(number)?;
                self.set_job(part, &part.job_image).await
            }
        }
    }

    fn part(&self, number: usize) -> Result<&Part, Trouble> {
        let part = self.parts.get(number);
        part.ok_or_else(|| Trouble::Missing(format!("function number {number}")))
    }

    /// Makes the new revision, without requests where another serves; gives its name.
    ///
    /// Cloud Run names it: a name in the template would stay there, and whoever changed a setting
    /// next would send it again, and be refused. A revision that is there already, and runs the
    /// wanted image, is taken: Terraform made it for a setting, or a release that was cut off.
    async fn deploy(&self, part: &Part) -> Result<String, Trouble> {
        let name = part.member.name;
        let mut looks = Looks::within(SEEN_MAX);
        loop {
            let service = self.service(name).await?;
            let seen = if service.image() == part.wanted.as_str() {
                let newest = id(&service.latest_created_revision).to_owned();
                match self.revision(name, &newest).await? {
                    Some(it) if newest != part.serving() && it.image() == part.wanted.as_str() => {
                        let failed = matches!(it.readiness(), Readiness::Failed(_));
                        let is_ours = newest != part.newest_before;
                        if is_ours || !failed || !part.can_be_made_again() {
                            return Ok(newest);
                        }
                        // One that failed before this release is not tried again: another is
                        // made, by way of the image that serves.
                        if service.reconciling {
                            Look::Not("a change that is not seen yet".to_owned())
                        } else {
                            let image = &part.serving_image;
                            self.set_image(part, &service, image).await?
                        }
                    }
                    Some(_) | None => Look::Not("the new image, and no revision yet".to_owned()),
                }
            } else {
                self.set_image(part, &service, part.wanted.as_str()).await?
            };
            if !looks.again().await {
                let seen = match seen {
                    Look::Seen => "a change that is not seen yet".to_owned(),
                    Look::Not(seen) => seen,
                };
                return Err(late(SEEN_MAX, &seen));
            }
        }
    }

    /// Sets the image of the template, and holds the traffic where it is.
    async fn set_image(
        &self,
        part: &Part,
        service: &Service,
        image: &str,
    ) -> Result<Look, Trouble> {
        let mut template = service.template.clone();
        set(&mut template, "/containers/0/image", image);
        if let Some(fields) = template.as_object_mut() {
            fields.remove("revision");
        }
        let mut body = json!({ "etag": service.etag, "template": template });
        let mut mask = "template";
        if !part.serving().is_empty() {
            let held = traffic::only(part.serving());
            let held = traffic::with_others(&held, &service.traffic_statuses);
            if let Some(fields) = body.as_object_mut() {
                fields.insert("traffic".to_owned(), json!(held));
            }
            mask = "template,traffic";
        }
        let resource = format!("services/{}", part.member.name);
        changed(self.admin.patch(&resource, mask, &body).await)
    }

    /// Waits until the new revision is ready, and tags it; gives the address of the tag.
    async fn await_ready(&self, part: &Part) -> Result<String, Trouble> {
        let name = part.member.name;
        let look = async || {
            let revision = self.admin.revision(name, &part.new).await;
            match revision {
                Ok(Some(revision)) => match revision.readiness() {
                    Readiness::Ready => Ok(Look::Seen),
                    Readiness::Failed(why) => Err(Trouble::Failed(why)),
                    Readiness::Pending => Ok(Look::Not("a revision that is not ready".to_owned())),
                },
                Ok(None) => Ok(Look::Not("no revision".to_owned())),
                Err(error) => later(error),
            }
        };
        until(self.limits.ready, look).await?;
        let tagged = match part.work {
            Work::First => traffic::step("", &part.new, 100),
            Work::Nothing | Work::Tidy { .. } | Work::Canary { .. } => {
                traffic::canary(part.serving(), &part.new)
            }
        };
        self.set_traffic(part, &tagged).await?;
        let service = self.service(name).await?;
        let mut shares = service.traffic_statuses.into_iter();
        let tag = shares.find(|it| it.tag == CANARY && !it.uri.is_empty());
        tag.map(|share| share.uri)
            .ok_or_else(|| late(SEEN_MAX, "a tag without an address"))
    }

    /// Gives all requests back to what served; then the template its image, so that a setting that
    /// is changed next does not bring the failed one again.
    async fn turn_back(&self, part: &Part) -> Result<(), Trouble> {
        self.set_traffic(part, &traffic::only(part.serving()))
            .await?;
        let look = async || {
            let service = self.service(part.member.name).await?;
            if service.image() == part.serving_image {
                return Ok(Look::Seen);
            }
            self.set_image(part, &service, &part.serving_image).await
        };
        until(SEEN_MAX, look).await
    }

    async fn smoke(&self, number: usize) -> Result<(), Trouble> {
        let part = self.part(number)?;
        let uri = self.uris.get(&number).map(String::as_str);
        let asked = Asked {
            function: part.member.name,
            revision: &part.new,
            uri: uri.unwrap_or_default(),
            audience: &part.audience,
        };
        match part.member.proof {
            Proof::Push => self.asker.by_push(&asked).await,
            Proof::Health => self.asker.by_call(&asked).await,
            Proof::Ready => Ok(()),
        }
    }

    /// Watches the errors of one step of the traffic.
    async fn soak(&self, number: usize) -> Result<(), Trouble> {
        let part = self.part(number)?;
        let since = self.since.get(&number).copied();
        let since = since.unwrap_or_else(|| self.clock.now());
        let deadline = Instant::now() + self.limits.soak;
        let pause = SOAK_LOOK_MAX.min(self.limits.soak / 4);
        loop {
            sleep(pause).await;
            let over = Instant::now() >= deadline;
            let interval = (since, self.clock.now());
            match self.counted(part, interval).await {
                Ok((new, serving)) if too_many(new, serving) => {
                    return Err(Trouble::Errors { new, serving });
                }
                // Nobody may say that there were no errors who could not look.
                Err(error) if over => return Err(Trouble::Call("Cloud Monitoring", error)),
                Ok(_) if over => return Ok(()),
                Ok(_) | Err(_) => {}
            }
        }
    }

    async fn counted(
        &self,
        part: &Part,
        interval: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(Requests, Requests), CallError> {
        let new = self.observer.requests(&part.new, interval).await?;
        let serving = self.observer.requests(part.serving(), interval).await?;
        Ok((new, serving))
    }

    /// Brings the traffic where it is wanted, and waits until it goes there.
    async fn set_traffic(&self, part: &Part, wanted: &[Share]) -> Result<(), Trouble> {
        let name = part.member.name;
        let look = async || {
            let service = match self.admin.service(name).await {
                Ok(Some(service)) => service,
                Ok(None) => return Err(Trouble::Missing(format!("the service `{name}`"))),
                Err(error) => return later(error),
            };
            let wanted = traffic::with_others(wanted, &service.traffic_statuses);
            if traffic::same(&service.traffic, &wanted) {
                if traffic::same(&service.traffic_statuses, &wanted) {
                    return Ok(Look::Seen);
                }
                let said = &service.terminal_condition.message;
                return Ok(Look::Not(format!(
                    "other traffic; the service says: {said}"
                )));
            }
            let body = json!({ "etag": service.etag, "traffic": wanted });
            let resource = format!("services/{name}");
            match changed(self.admin.patch(&resource, "traffic", &body).await)? {
                Look::Seen => Ok(Look::Not("a change that is not seen yet".to_owned())),
                not @ Look::Not(_) => Ok(not),
            }
        };
        until(SEEN_MAX, look).await
    }

    async fn set_job(&self, part: &Part, wanted: &str) -> Result<(), Trouble> {
        let Some(name) = &part.member.job else {
            return Ok(());
        };
        let look = async || {
            let mut job: Value = match self.admin.job(name).await {
                Ok(Some(job)) => job,
                Ok(None) => return Err(Trouble::Missing(format!("the job `{name}`"))),
                Err(error) => return later(error),
            };
            let template = job.pointer_mut("/template/template").map(Value::take);
            let mut template = template.unwrap_or_default();
            if image(&template) == wanted {
                return Ok(Look::Seen);
            }
            set(&mut template, "/containers/0/image", wanted);
            set(&mut job, "/template/template", template);
            let etag = job.get("etag").cloned().unwrap_or_default();
            let body = json!({ "etag": etag, "template": job.get("template") });
            let resource = format!("jobs/{name}");
            changed(self.admin.patch(&resource, "template", &body).await)
        };
        until(SEEN_MAX, look).await
    }

    async fn revision(&self, service: &str, id: &str) -> Result<Option<Revision>, Trouble> {
        let found = self.admin.revision(service, id).await;
        found.map_err(|error| Trouble::Call("Cloud Run", error))
    }

    async fn service(&self, name: &str) -> Result<Service, Trouble> {
        match self.admin.service(name).await {
            Ok(Some(service)) => Ok(service),
            Ok(None) => Err(Trouble::Missing(format!("the service `{name}`"))),
            Err(error) => Err(Trouble::Call("Cloud Run", error)),
        }
    }
}

/// Looks until it is seen.
async fn until(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Look, Trouble>,
) -> Result<(), Trouble> {
    let mut looks = Looks::within(limit);
    loop {
        match look().await? {
            Look::Seen => return Ok(()),
            Look::Not(seen) if !looks.again().await => return Err(late(limit, &seen)),
            Look::Not(_) => {}
        }
    }
}

/// What a change came to: one that lost to another, or was not answered, is looked at again.
fn changed(patched: Result<(), CallError>) -> Result<Look, Trouble> {
    match patched {
        Ok(()) => Ok(Look::Seen),
        Err(error) => later(error),
    }
}

/// A call that was not answered is made again; one that was refused is not.
fn later(error: CallError) -> Result<Look, Trouble> {
    match error {
        CallError::NotNow { .. } | CallError::Unknown(_) => {
            Ok(Look::Not(Chain(&error).to_string()))
        }
        CallError::No(_) | CallError::NotAllowed(_) | CallError::Missing(_) => {
            Err(Trouble::Call("Cloud Run", error))
        }
    }
}

fn late(limit: Duration, seen: &str) -> Trouble {
    Trouble::Late {
        limit_s: limit.as_secs(),
        seen: seen.to_owned(),
    }
}

/// Sets the value at a pointer, where there is one.
fn set(resource: &mut Value, pointer: &str, value: impl Into<Value>) {
    if let Some(place) = resource.pointer_mut(pointer) {
        *place = value.into();
    }
}
