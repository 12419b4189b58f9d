//! What is asked, and of whom: everything side by side, nothing for long, nothing that changes a thing.

use std::collections::BTreeMap;

use futures::{FutureExt as _, future::join_all, join};
use reqwest::Method;
use shared::{
    config::Vars,
    error::Error,
    google::{Api, Google},
    run::Run,
};

use super::{
    Finding, Judged, Trouble, alerts,
    asker::{Asker, LOOK_MAX},
    buckets,
    catalogue::Catalogue,
    console, firestore, messages,
    place::Place,
    project, releases, schedules, services,
};
use crate::topology::Topology;

/// Looks at everything that `topology` and `catalogue` want.
pub(crate) async fn look(
    google: &Google,
    vars: &Vars,
    topology: &Topology,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let place = Place::of(google);
    let asker = Asker {
        google,
        place: &place,
    };
    let wanted = Wanted {
        place: &place,
        topology,
        catalogue,
    };
    let (project, buckets, messages, jobs, running, firestore, alerts, releases) = join!(
        asker.project(),
        asker.buckets(wanted),
        asker.messages(wanted),
        asker.jobs(wanted),
        asker.running(wanted, vars),
        asker.firestore(wanted),
        asker.alerts(wanted),
        asker.releases(),
    );
    let all = [
        project, buckets, messages, running, jobs, firestore, alerts, releases,
    ];
    all.concat()
}

/// What is wanted, and where.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    place: &'a Place,
    topology: &'a Topology,
    catalogue: &'a Catalogue,
}

impl Asker<'_> {
    async fn project(self) -> Vec<Finding> {
        let Self { place, .. } = self;
        let path = format!("v3/projects/{}", place.project);
        let parent = format!("projects/{}", place.project);
        let names: Vec<String> = project::APIS
            .into_iter()
            .map(|name| format!("{parent}/services/{}", project::api(name)))
            .collect();
        let query: Vec<_> = names.iter().map(|name| ("names", name.as_str())).collect();
        let on = format!("v1/{parent}/services:batchGet");
        let (there, on) = join!(
            self.get(Api::Projects, &path),
            self.ask(Api::Services, Method::GET, &on, &query),
        );
        vec![
            Finding::new("project", project::project(place, &there)),
            Finding::new("interfaces", project::apis(place, &on)),
        ]
    }

    async fn buckets(self, wanted: Wanted<'_>) -> Vec<Finding> {
        let Self { place, .. } = self;
        let each = wanted
            .topology
            .buckets
            .iter()
            .map(|(content, want)| async move {
                let path = format!("storage/v1/b/{}", place.bucket(content));
                let notified = format!("{path}/notificationConfigs");
                let (bucket, notified) = join!(
                    self.get(Api::Storage, &path),
                    self.get(Api::Storage, &notified),
                );
                let about = format!("bucket {content}");
                let bucket = buckets::bucket(place, content, want, &bucket);
                let mut findings = vec![Finding::new(about, bucket)];
                findings.extend(want.notify.as_deref().map(|topic| {
                    let about = format!("notification of {content}");
                    Finding::new(
                        about,
                        buckets::notification(place, content, topic, &notified),
                    )
                }));
                findings
            });
        let mut findings = join_all(each).await.concat();
        let path = format!("storage/v1/b/{}", place.bucket("terraform"));
        let state =
            self.only_googles(async || buckets::state(place, &self.get(Api::Storage, &path).await));
        findings.push(Finding::new("Terraform's state", state.await));
        findings
    }

    async fn messages(self, wanted: Wanted<'_>) -> Vec<Finding> {
        let Wanted {
            place, topology, ..
        } = wanted;
        let parent = format!("v1/projects/{}", place.project);
        let (topics, subscriptions) = (
            format!("{parent}/topics"),
            format!("{parent}/subscriptions"),
        );
        let jobs = format!("v1/{}/jobs", place.location());
        let schedules = topology.schedules.iter().map(async |(name, schedule)| {
            let answer = self.get(Api::Scheduler, &format!("{jobs}/{name}")).await;
            let judged = schedules::schedule(place, name, schedule, &answer);
            Finding::new(format!("schedule {name}"), judged)
        });
        let (topics, subscriptions, schedules) = join!(
            self.list(Api::PubSub, &topics, "topics", &[]),
            self.list(Api::PubSub, &subscriptions, "subscriptions", &[]),
            join_all(schedules),
        );
        let mut findings = vec![Finding::new(
            "topics",
            messages::topics(place, topology, &topics),
        )];
        findings.extend(
            topology
                .subscriptions()
                .map(|(name, topic, function, path)| {
                    let wanted = messages::Wanted {
                        name: &name,
                        topic,
                        function,
                        path,
                    };
                    let judged = messages::subscription(place, topology, wanted, &subscriptions);
                    Finding::new(name.clone(), judged)
                }),
        );
        let kept = messages::dead_letters(place, topology, &subscriptions);
        findings.push(Finding::new("dead letters", kept));
        findings.extend(schedules);
        findings
    }

    async fn jobs(self, wanted: Wanted<'_>) -> Vec<Finding> {
        let place = self.place;
        let each = wanted.topology.jobs.iter().map(async |(name, job)| {
            let path = format!("v2/{}/jobs/{name}", place.location());
            let answer = self.get(Api::Run, &path).await;
            let variables = wanted.catalogue.variables(&job.function, wanted.topology);
            let judged = services::job(place, name, job, &variables, &answer);
            Finding::new(format!("job {name}"), judged)
        });
        join_all(each).await
    }

    /// Functions: services in the cloud, processes on a laptop; and who gets to the console.
    async fn running(self, wanted: Wanted<'_>, vars: &Vars) -> Vec<Finding> {
        let Self { place, .. } = self;
        if place.laptop {
            return self.processes(wanted, vars).await;
        }
        let all = format!("v2/{}/services", place.location());
        let console = format!("{all}/{}:getIamPolicy", console::CONSOLE);
        let viewers = format!(
            "v1/projects/{}/iap_web/cloud_run-{}/services/{}:getIamPolicy",
            place.project,
            place.region,
            console::CONSOLE
        );
        let quotas = format!(
            "v1beta1/projects/{}/services/{}/consumerQuotaMetrics",
            place.project,
            project::api("aiplatform")
        );
        let (all, console, viewers, quotas) = join!(
            self.list(Api::Run, &all, "services", &[]),
            self.get(Api::Run, &console),
            self.ask(Api::Proxy, Method::POST, &viewers, &[]),
            self.list(Api::Services, &quotas, "metrics", &[]),
        );
        let each = wanted.catalogue.functions.iter().map(|(name, function)| {
            let variables = wanted.catalogue.variables(name, wanted.topology);
            let judged = services::service(place, name, function.callers, &variables, &all);
            Finding::new(format!("function {name}"), judged)
        });
        let rest = [
            ("console's proxy", console::proxy(place, &all)),
            ("proxy's account", console::agent(place, &console)),
            ("console's viewers", console::viewers(&viewers)),
            (
                "quota of tuning",
                project::tuning_quota(place, &quotas, &all),
            ),
        ];
        let rest = rest.map(|(about, judged)| Finding::new(about, judged));
        each.chain(rest).collect()
    }

    async fn processes(self, wanted: Wanted<'_>, vars: &Vars) -> Vec<Finding> {
        let http = reqwest::Client::new();
        let each = wanted.topology.functions.keys().map(async |name| {
            let variable = format!("{}_URL", name.to_uppercase().replace('-', "_"));
            let status = match vars.get(&variable) {
                Some(url) => {
                    let asked = http.get(format!("{url}/health")).timeout(LOOK_MAX).send();
                    asked.await.ok().map(|answer| answer.status().as_u16())
                }
                None => None,
            };
            Finding::new(format!("function {name}"), services::process(status))
        });
        let mut findings = join_all(each).await;
        for about in ["console's proxy", "quota of tuning"] {
            findings.push(Finding::new(about, Err(not_here())));
        }
        findings
    }

    async fn firestore(self, wanted: Wanted<'_>) -> Vec<Finding> {
        let Self { place, google } = self;
        let database = format!("v1/projects/{}/databases/(default)", place.project);
        // Fields of all collections that differ from what a database does by itself.
        let fields = format!("{database}/collectionGroups/-/fields");
        let differ = [(
            "filter",
            "indexConfig.usesAncestorConfig=false OR ttlConfig:*",
        )];
        let read = async {
            let documents = google.documents();
            let documents =
                documents.map_err(|error| Error::unavailable("Firestore")(error.into()))?;
            documents.newest::<Run>("created_at", 1).await.map(drop)
        };
        let read = tokio::time::timeout(LOOK_MAX, read).map(|came| match came {
            Ok(Ok(())) => firestore::documents(Ok(())),
            Ok(Err(error)) => firestore::documents(Err(&error)),
            Err(_) => Err(Trouble::CannotTell("it does not answer".to_owned())),
        });
        let (database, fields, read) = join!(
            self.get(Api::Firestore, &database),
            self.list(Api::Firestore, &fields, "fields", &differ),
            read,
        );
        let want = &wanted.catalogue.firestore;
        vec![
            Finding::new("documents", read),
            Finding::new("database", firestore::database(place, &database)),
            Finding::new("expiry", firestore::expiry(place, want, &fields)),
            Finding::new("indexes", firestore::indexes(place, want, &fields)),
        ]
    }

    async fn alerts(self, wanted: Wanted<'_>) -> Vec<Finding> {
        let Wanted {
            place,
            topology,
            catalogue,
        } = wanted;
        let parent = format!("projects/{}", place.project);
        let (metrics, policies, channels) = (
            format!("v2/{parent}/metrics"),
            format!("v3/{parent}/alertPolicies"),
            format!("v3/{parent}/notificationChannels"),
        );
        let (metrics, policies, channels) = join!(
            self.list(Api::Logging, &metrics, "metrics", &[]),
            self.list(Api::Monitoring, &policies, "alertPolicies", &[]),
            self.list(Api::Monitoring, &channels, "notificationChannels", &[]),
        );
        let mut counted: BTreeMap<_, _> = topology.metrics.iter().collect();
        if !place.laptop {
            counted.extend(&catalogue.metrics);
        }
        let mut findings = vec![Finding::new(
            "metrics",
            alerts::metrics(place, &counted, &metrics),
        )];
        findings.extend(topology.alerts.iter().map(|(name, alert)| {
            let judged = alerts::wakes_a_function(place, name, alert, &policies, &channels);
            Finding::new(format!("alert {name}"), judged)
        }));
        let people =
            self.only_googles(async || alerts::wake_people(place, &catalogue.alerts, &policies));
        findings.push(Finding::new("alerts for people", people.await));
        findings
    }

    async fn releases(self) -> Vec<Finding> {
        let Self { place, .. } = self;
        let connections = format!("v2/{}/connections", place.location());
        let triggers = format!("v1/{}/triggers", place.location());
        let (connections, triggers) = join!(
            self.list(Api::Builds, &connections, "connections", &[]),
            self.list(Api::Builds, &triggers, "triggers", &[]),
        );
        vec![
            Finding::new("GitHub", releases::connection(place, &connections)),
            Finding::new("triggers", releases::triggers(place, &triggers)),
        ]
    }

    /// What a laptop's stack has not, though it has the service.
    async fn only_googles(self, judge: impl AsyncFnOnce() -> Judged) -> Judged {
        if self.place.laptop {
            return Err(not_here());
        }
        judge().await
    }
}

fn not_here() -> Trouble {
    Trouble::Skipped("not on this stack".to_owned())
}
