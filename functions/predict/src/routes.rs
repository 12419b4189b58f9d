//! Where each model leads, as it was last read.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use shared::{
    clock::Clock,
    error::{Chain, Error},
    google::documents::Documents,
    id::DatasetName,
    route::Route,
};
use tracing::warn;

use crate::snapshot::{ROUTE_AGE_MAX, Snapshot};

/// Models that are remembered; a project serves a handful, and a scan must not fill memory.
const MODELS_MAX: usize = 1_000;

/// The routes.
#[derive(Debug)]
pub(crate) struct Routes {
    documents: Documents,
    clock: Clock,
    ttl: Duration,
    known: Mutex<HashMap<DatasetName, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    snapshot: Snapshot<Route>,
    read_at: Instant,
}

/// What is known of a route.
#[derive(Debug)]
pub(crate) enum Found {
    /// It leads here.
    Route(Box<Route>),
    /// No model has that name.
    Unknown,
    /// Firestore is away, and was for too long.
    Unreadable,
}

impl Routes {
    pub(crate) fn new(documents: Documents, clock: Clock, ttl: Duration) -> Self {
        Self {
            documents,
            clock,
            ttl,
            known: Mutex::default(),
        }
    }

    /// The route of `model`: from memory for a few seconds, or longer while Firestore is away.
    pub(crate) async fn of(&self, model: &DatasetName) -> Found {
        let known = self.lock().get(model).cloned();
        if let Some(known) = &known
            && known.read_at.elapsed() < self.ttl
            && let Some(route) = known.snapshot.within(ROUTE_AGE_MAX, self.clock.now())
        {
            return Found::Route(Box::new(route.clone()));
        }
        match self.documents.get::<Route>(model.as_str()).await {
            Ok(Some(stored)) => {
                self.remember(model, &stored.value);
                Found::Route(Box::new(stored.value))
            }
            Ok(None) => Found::Unknown,
            Err(error) => self.last_good(known, &error),
        }
    }

    fn last_good(&self, known: Option<Known>, error: &Error) -> Found {
        warn!(
            outcome = "route_unreadable",
            "serves from memory: {}",
            Chain(error)
        );
        let route = known.and_then(|known| {
            let route = known.snapshot.within(ROUTE_AGE_MAX, self.clock.now());
            route.cloned()
        });
        route.map_or(Found::Unreadable, |route| Found::Route(Box::new(route)))
    }

    fn remember(&self, model: &DatasetName, route: &Route) {
        let mut known = self.lock();
        if known.len() >= MODELS_MAX {
            known.clear();
        }
        let now = Known {
            snapshot: Snapshot::new(route.clone(), self.clock.now()),
            read_at: Instant::now(),
        };
        known.insert(model.clone(), now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DatasetName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
