//! What the doctor requests, of which service: everything concurrently, with a time limit, and
//! nothing that changes a resource.

use std::collections::BTreeMap;

use futures::{FutureExt as _, future::join_all, join};
use reqwest::Method;
use shared::{
    clock::Clock,
    config::Vars,
    error::Error,
    google::{Api, Google},
    price::prices,
    run::Run,
};

use super::{
    alerts, base_models, buckets,
    client::{ApiClient, CALL_MAX},
    cloud_config::CloudConfig,
    console,
    deployment::Deployment,
    diagnosis::{CheckResult, Diagnosis, Problem},
    firestore, messages, project, releases, schedules, services,
};
use crate::{resource_names, topology::Topology};

/// Inspects everything that `topology` and `config` declare.
pub(crate) async fn inspect(
    google: &Google,
    vars: &Vars,
    topology: &Topology,
    config: &CloudConfig,
) -> Vec<Diagnosis> {
    let deployment = Deployment::of(google);
    let client = ApiClient {
        google,
        deployment: &deployment,
    };
    let expected = ExpectedResources {
        deployment: &deployment,
        topology,
        config,
    };
    let (project, buckets, messages, jobs, running, firestore, alerts, releases) = join!(
        client.project(),
        client.buckets(expected),
        client.messages(expected),
        client.jobs(expected),
        client.running(expected, vars),
        client.firestore(expected),
        client.alerts(expected),
        client.releases(),
    );
    // Models end in real time, also for a stack whose clock runs fast.
    let today = Clock::system().now().date_naive();
    let models = base_models::base_models(prices(), today);
    let models = vec![Diagnosis::new("base models", models)];
    let all = [
        project, buckets, messages, running, jobs, firestore, alerts, models, releases,
    ];
    all.concat()
}

/// What is expected, and in which deployment.
#[derive(Debug, Clone, Copy)]
struct ExpectedResources<'a> {
    deployment: &'a Deployment,
    topology: &'a Topology,
    config: &'a CloudConfig,
}

impl ApiClient<'_> {
    async fn project(self) -> Vec<Diagnosis> {
        let Self { deployment, .. } = self;
        let path = format!("v3/projects/{}", deployment.project);
        let parent = format!("projects/{}", deployment.project);
        let names: Vec<String> = project::APIS
            .into_iter()
            .map(|name| format!("{parent}/services/{}", project::api(name)))
            .collect();
        let query: Vec<_> = names.iter().map(|name| ("names", name.as_str())).collect();
        let on = format!("v1/{parent}/services:batchGet");
        let (existing, on) = join!(
            self.get(Api::Projects, &path),
            self.request(Api::Services, Method::GET, &on, &query),
        );
        vec![
            Diagnosis::new("project", project::project(deployment, &existing)),
            Diagnosis::new("APIs", project::apis(deployment, &on)),
        ]
    }

    async fn buckets(self, expected: ExpectedResources<'_>) -> Vec<Diagnosis> {
        let Self { deployment, .. } = self;
        let each = expected
            .topology
            .buckets
            .iter()
            .map(|(content, expected)| async move {
                let path = format!("storage/v1/b/{}", deployment.bucket(content));
                let notified = format!("{path}/notificationConfigs");
                let (bucket, notified) = join!(
                    self.get(Api::Storage, &path),
                    self.get(Api::Storage, &notified),
                );
                let check = format!("bucket {content}");
                let bucket = buckets::bucket(deployment, content, expected, &bucket);
                let mut diagnoses = vec![Diagnosis::new(check, bucket)];
                diagnoses.extend(expected.notify.as_deref().map(|topic| {
                    let check = format!("notification of {content}");
                    Diagnosis::new(
                        check,
                        buckets::notification(deployment, content, topic, &notified),
                    )
                }));
                diagnoses
            });
        let mut diagnoses = join_all(each).await.concat();
        let path = format!("storage/v1/b/{}", deployment.bucket("terraform"));
        let state = self.only_in_cloud(async || {
            buckets::state(deployment, &self.get(Api::Storage, &path).await)
        });
        diagnoses.push(Diagnosis::new("Terraform's state", state.await));
        diagnoses
    }

    async fn messages(self, expected: ExpectedResources<'_>) -> Vec<Diagnosis> {
        let ExpectedResources {
            deployment,
            topology,
            ..
        } = expected;
        let parent = format!("v1/projects/{}", deployment.project);
        let (topics, subscriptions) = (
            format!("{parent}/topics"),
            format!("{parent}/subscriptions"),
        );
        let jobs = format!("v1/{}/jobs", deployment.location());
        let schedules = topology.schedules.iter().map(async |(name, schedule)| {
            let response = self.get(Api::Scheduler, &format!("{jobs}/{name}")).await;
            let result = schedules::schedule(deployment, name, schedule, &response);
            Diagnosis::new(format!("schedule {name}"), result)
        });
        let (topics, subscriptions, schedules) = join!(
            self.list(Api::PubSub, &topics, "topics", &[]),
            self.list(Api::PubSub, &subscriptions, "subscriptions", &[]),
            join_all(schedules),
        );
        let mut diagnoses = vec![Diagnosis::new(
            "topics",
            messages::topics(deployment, topology, &topics),
        )];
        diagnoses.extend(
            topology
                .subscriptions()
                .map(|(name, topic, function, path)| {
                    let expected = messages::PushSubscription {
                        name: &name,
                        topic,
                        function,
                        path,
                    };
                    let result =
                        messages::subscription(deployment, topology, expected, &subscriptions);
                    Diagnosis::new(name.clone(), result)
                }),
        );
        let kept = messages::dead_letters(deployment, topology, &subscriptions);
        diagnoses.push(Diagnosis::new("dead letters", kept));
        diagnoses.extend(schedules);
        diagnoses
    }

    async fn jobs(self, expected: ExpectedResources<'_>) -> Vec<Diagnosis> {
        let deployment = self.deployment;
        let each = expected.topology.jobs.iter().map(async |(name, job)| {
            let path = format!("v2/{}/jobs/{name}", deployment.location());
            let response = self.get(Api::Run, &path).await;
            let variables = expected.config.variables(&job.function, expected.topology);
            let result = services::job(deployment, name, job, &variables, &response);
            Diagnosis::new(format!("job {name}"), result)
        });
        join_all(each).await
    }

    /// Functions: services in Google Cloud, processes on a laptop; and access to the console.
    async fn running(self, expected: ExpectedResources<'_>, vars: &Vars) -> Vec<Diagnosis> {
        let Self { deployment, .. } = self;
        if deployment.is_local {
            return self.processes(expected, vars).await;
        }
        let all = format!("v2/{}/services", deployment.location());
        let console = format!("{all}/{}:getIamPolicy", console::CONSOLE);
        let viewers = format!(
            "v1/projects/{}/iap_web/cloud_run-{}/services/{}:getIamPolicy",
            deployment.project,
            deployment.region,
            console::CONSOLE
        );
        let quotas = format!(
            "v1beta1/projects/{}/services/{}/consumerQuotaMetrics",
            deployment.project,
            project::api("aiplatform")
        );
        let (all, console, viewers, quotas) = join!(
            self.list(Api::Run, &all, "services", &[]),
            self.get(Api::Run, &console),
            self.request(Api::Proxy, Method::POST, &viewers, &[]),
            self.list(Api::Services, &quotas, "metrics", &[]),
        );
        let each = expected.config.functions.iter().map(|(name, function)| {
            let variables = expected.config.variables(name, expected.topology);
            let result = services::service(deployment, name, function.callers, &variables, &all);
            Diagnosis::new(format!("function {name}"), result)
        });
        let rest = [
            ("IAP", console::proxy(deployment, &all)),
            ("IAP service agent", console::agent(deployment, &console)),
            ("console access", console::viewers(&viewers)),
            (
                "tuning quota",
                project::tuning_quota(deployment, &quotas, &all),
            ),
        ];
        let rest = rest.map(|(check, result)| Diagnosis::new(check, result));
        each.chain(rest).collect()
    }

    async fn processes(self, expected: ExpectedResources<'_>, vars: &Vars) -> Vec<Diagnosis> {
        let http = reqwest::Client::new();
        let each = expected.topology.functions.keys().map(async |name| {
            let status = match vars.get(&resource_names::url_variable(name)) {
                Some(url) => {
                    let health = http.get(format!("{url}/health")).timeout(CALL_MAX).send();
                    health.await.ok().map(|response| response.status().as_u16())
                }
                None => None,
            };
            Diagnosis::new(format!("function {name}"), services::process(status))
        });
        let mut diagnoses = join_all(each).await;
        for check in ["IAP", "tuning quota"] {
            diagnoses.push(Diagnosis::new(check, Err(not_on_this_stack())));
        }
        diagnoses
    }

    async fn firestore(self, expected: ExpectedResources<'_>) -> Vec<Diagnosis> {
        let Self { deployment, google } = self;
        let database = format!("v1/projects/{}/databases/(default)", deployment.project);
        // The fields of all collections that differ from the database's default.
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
        let read = tokio::time::timeout(CALL_MAX, read).map(|result| match result {
            Ok(Ok(())) => firestore::documents(Ok(())),
            Ok(Err(error)) => firestore::documents(Err(&error)),
            Err(_) => Err(Problem::Unknown("Firestore does not answer".to_owned())),
        });
        let (database, fields, read) = join!(
            self.get(Api::Firestore, &database),
            self.list(Api::Firestore, &fields, "fields", &differ),
            read,
        );
        let expected = &expected.config.firestore;
        vec![
            Diagnosis::new("documents", read),
            Diagnosis::new("database", firestore::database(deployment, &database)),
            Diagnosis::new(
                "TTL policies",
                firestore::expiry(deployment, expected, &fields),
            ),
            Diagnosis::new(
                "index exemptions",
                firestore::indexes(deployment, expected, &fields),
            ),
        ]
    }

    async fn alerts(self, expected: ExpectedResources<'_>) -> Vec<Diagnosis> {
        let ExpectedResources {
            deployment,
            topology,
            config,
        } = expected;
        let parent = format!("projects/{}", deployment.project);
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
        if !deployment.is_local {
            counted.extend(&config.metrics);
        }
        let mut diagnoses = vec![Diagnosis::new(
            "metrics",
            alerts::metrics(deployment, &counted, &metrics),
        )];
        diagnoses.extend(topology.alerts.iter().map(|(name, alert)| {
            let result = alerts::function_alert(deployment, name, alert, &policies, &channels);
            Diagnosis::new(format!("alert {name}"), result)
        }));
        let ours = topology.alerts.iter();
        let ours = ours.filter(|(_, alert)| alert.topic.is_none());
        let mut for_people = config.alerts.clone();
        for_people.extend(ours.map(|(name, _)| name.clone()));
        let people =
            self.only_in_cloud(async || alerts::people_alerts(deployment, &for_people, &policies));
        diagnoses.push(Diagnosis::new("alerts for people", people.await));
        diagnoses
    }

    async fn releases(self) -> Vec<Diagnosis> {
        let Self { deployment, .. } = self;
        let connections = format!("v2/{}/connections", deployment.location());
        let triggers = format!("v1/{}/triggers", deployment.location());
        let (connections, triggers) = join!(
            self.list(Api::Builds, &connections, "connections", &[]),
            self.list(Api::Builds, &triggers, "triggers", &[]),
        );
        vec![
            Diagnosis::new("GitHub", releases::connection(deployment, &connections)),
            Diagnosis::new("triggers", releases::triggers(deployment, &triggers)),
        ]
    }

    /// Skips the check on a laptop, whose stack has the service but not the resource.
    async fn only_in_cloud(self, check: impl AsyncFnOnce() -> CheckResult) -> CheckResult {
        if self.deployment.is_local {
            return Err(not_on_this_stack());
        }
        check().await
    }
}

fn not_on_this_stack() -> Problem {
    Problem::Skipped("not on this stack".to_owned())
}
