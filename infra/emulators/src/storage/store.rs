//! The state of the service: buckets with their objects and notification configurations.
//!
//! All state is in plain maps behind one lock; each change is written to [`Db`] first, so a failed
//! write leaves both unchanged.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};

use super::{
    blob::{Blobs, Content},
    bucket::Bucket,
    condition::Conditions,
    failure::Failure,
    notification::{EventMessage, EventType, NotificationConfig},
    object::ObjectMetadata,
    row,
};
use crate::{
    clock::Clock,
    db::{Db, DbChange},
    ports::Publish,
};

/// All state of the service.
pub(super) struct Store {
    state: Mutex<State>,
    db: Db,
    pub(super) blobs: Blobs,
    pub(super) clock: Clock,
    publish: Publish,
    /// The prefix of URLs in resources, without a trailing slash.
    pub(super) base_url: String,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, BucketState>,
    generation: i64,
}

/// A bucket with its contents.
#[derive(Debug)]
pub(super) struct BucketState {
    pub(super) bucket: Bucket,
    pub(super) objects: BTreeMap<String, Versions>,
    pub(super) notifications: BTreeMap<String, NotificationConfig>,
}

/// All generations of a name, oldest first; never empty. Only the last can be live.
pub(super) type Versions = BTreeMap<i64, StoredObject>;

/// One generation with its bytes.
#[derive(Debug, Clone)]
pub(super) struct StoredObject {
    pub(super) object: ObjectMetadata,
    pub(super) content: Content,
}

/// The requested generation, or the live one.
pub(super) fn pick(versions: Option<&Versions>, generation: Option<i64>) -> Option<&StoredObject> {
    match generation {
        Some(generation) => versions?.get(&generation),
        None => live(versions?),
    }
}

/// The live generation.
pub(super) fn live(versions: &Versions) -> Option<&StoredObject> {
    let (_, last) = versions.last_key_value()?;
    last.object.is_live().then_some(last)
}

impl Store {
    /// Reads back what an earlier process left.
    pub(super) fn open(
        db: Db,
        clock: Clock,
        objects: Option<&Path>,
        base_url: &str,
        publish: Publish,
    ) -> Result<Self, Failure> {
        let blobs = Blobs::open(objects)?;
        let state = State::read(&db, &blobs)?;
        let kept = state
            .buckets
            .values()
            .flat_map(|bucket_state| bucket_state.objects.values());
        let generations: BTreeSet<i64> = kept.flat_map(BTreeMap::keys).copied().collect();
        blobs.sweep(&generations)?;
        Ok(Self {
            state: Mutex::new(state),
            db,
            blobs,
            clock,
            publish,
            base_url: base_url.trim_end_matches('/').to_owned(),
        })
    }

    /// The maps; they are consistent even after a panic elsewhere, as the store is written first.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, changes: Vec<DbChange>) -> Result<(), Failure> {
        Ok(self.db.apply(changes)?)
    }

    /// Publishes messages; not while holding the lock, as subscribers may call back.
    pub(super) fn publish_all(&self, messages: Vec<EventMessage>) {
        for message in messages {
            (self.publish)(&message.topic, message.data, message.attributes);
        }
    }

    /// Adds `bucket`.
    pub(super) fn insert_bucket(&self, bucket: Bucket) -> Result<Bucket, Failure> {
        let mut state = self.lock();
        if state.buckets.contains_key(&bucket.name) {
            return Err(Failure::BucketExists);
        }
        self.write(vec![row::bucket(&bucket)?])?;
        let bucket_state = BucketState {
            bucket: bucket.clone(),
            objects: BTreeMap::new(),
            notifications: BTreeMap::new(),
        };
        state.buckets.insert(bucket.name.clone(), bucket_state);
        Ok(bucket)
    }

    /// The bucket of that name.
    pub(super) fn bucket(&self, name: &str, conditions: Conditions) -> Result<Bucket, Failure> {
        let state = self.lock();
        let bucket = &state.bucket_state(name)?.bucket;
        conditions.allow_read(bucket.current())?;
        Ok(bucket.clone())
    }

    /// The buckets of `project` whose names come after `after` and begin with `prefix`, in order.
    pub(super) fn buckets(&self, project: &str, prefix: &str, after: &str) -> Vec<Bucket> {
        let state = self.lock();
        let buckets = state
            .buckets
            .values()
            .map(|bucket_state| &bucket_state.bucket);
        buckets
            .filter(|bucket| {
                (bucket.project == project || project.is_empty() || project == "_")
                    && bucket.name.starts_with(prefix)
                    && bucket.name.as_str() > after
            })
            .cloned()
            .collect()
    }

    /// Applies `change` to a bucket.
    pub(super) fn update_bucket(
        &self,
        name: &str,
        conditions: Conditions,
        change: impl FnOnce(&mut Bucket) -> Result<(), Failure>,
    ) -> Result<Bucket, Failure> {
        let mut state = self.lock();
        let bucket_state = state.bucket_state_mut(name)?;
        conditions.allow_write(bucket_state.bucket.current())?;
        let mut bucket = bucket_state.bucket.clone();
        change(&mut bucket)?;
        bucket.metageneration += 1;
        bucket.updated = self.clock.now();
        self.write(vec![row::bucket(&bucket)?])?;
        bucket_state.bucket = bucket.clone();
        Ok(bucket)
    }

    /// Removes a bucket without any generation of an object.
    pub(super) fn delete_bucket(&self, name: &str, conditions: Conditions) -> Result<(), Failure> {
        let mut state = self.lock();
        let bucket_state = state.bucket_state(name)?;
        conditions.allow_write(bucket_state.bucket.current())?;
        if !bucket_state.objects.is_empty() {
            return Err(Failure::BucketNotEmpty);
        }
        let notifications = bucket_state.notifications.keys();
        let mut changes: Vec<DbChange> = notifications
            .map(|id| row::no_notification(name, id))
            .collect();
        changes.push(row::no_bucket(name));
        self.write(changes)?;
        state.buckets.remove(name);
        Ok(())
    }
}

impl State {
    fn read(db: &Db, blobs: &Blobs) -> Result<Self, Failure> {
        let mut state = Self::default();
        for (name, row) in db.scan(row::BUCKETS)? {
            let bucket_state = BucketState {
                bucket: serde_json::from_slice(&row)?,
                objects: BTreeMap::new(),
                notifications: BTreeMap::new(),
            };
            state.buckets.insert(name, bucket_state);
        }
        for (key, row) in db.scan(row::NOTIFICATIONS)? {
            let notification: NotificationConfig = serde_json::from_slice(&row)?;
            let bucket = key.split('/').next().unwrap_or_default();
            if let Some(bucket_state) = state.buckets.get_mut(bucket) {
                bucket_state
                    .notifications
                    .insert(notification.id.clone(), notification);
            }
        }
        for (_, row) in db.scan(row::OBJECTS)? {
            let object: ObjectMetadata = serde_json::from_slice(&row)?;
            let generation = object.generation;
            match (
                state.buckets.get_mut(&object.bucket),
                blobs.kept(generation),
            ) {
                (Some(bucket_state), Some(content)) => {
                    let versions = bucket_state.objects.entry(object.name.clone()).or_default();
                    versions.insert(generation, StoredObject { object, content });
                }
                _ => tracing::warn!(generation, "dropped an object whose bytes are missing"),
            }
        }
        for (_, row) in db.scan(row::COUNTERS)? {
            state.generation = serde_json::from_slice(&row)?;
        }
        Ok(state)
    }

    pub(super) fn bucket_state(&self, bucket: &str) -> Result<&BucketState, Failure> {
        self.buckets.get(bucket).ok_or(Failure::NoBucket)
    }

    pub(super) fn bucket_state_mut(&mut self, bucket: &str) -> Result<&mut BucketState, Failure> {
        self.buckets.get_mut(bucket).ok_or(Failure::NoBucket)
    }

    /// The next generation, in microseconds as in production, with the row that stores it.
    pub(super) fn next_generation(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<(i64, DbChange), Failure> {
        self.generation = now.timestamp_micros().max(self.generation + 1);
        let row = row::counter(self.generation)?;
        Ok((self.generation, row))
    }
}

impl BucketState {
    /// The messages about `events`, one per configuration that selects it.
    pub(super) fn messages(
        &self,
        events: &[(EventType, &ObjectMetadata)],
        now: DateTime<Utc>,
        base_url: &str,
    ) -> Vec<EventMessage> {
        let pairs = events.iter().flat_map(|(event, object)| {
            self.notifications
                .values()
                .filter_map(|config| config.message(*event, object, now, base_url))
        });
        pairs.collect()
    }
}
