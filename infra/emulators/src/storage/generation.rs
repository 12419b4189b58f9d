//! The life cycle of a generation: created, found, changed, archived, deleted.

use super::{
    blob::Draft,
    condition::{ABSENT, Conditions},
    failure::Failure,
    notification::EventType,
    object::{Attributes, ObjectMetadata, ObjectName},
    row,
    store::{Store, StoredObject, live, pick},
};

/// What an upload, a copy or a composition creates.
#[derive(Debug, Clone)]
pub(super) struct NewObject {
    pub(super) name: ObjectName,
    pub(super) attributes: Attributes,
    /// Conditions on the generation that is live before.
    pub(super) conditions: Conditions,
    /// Set for composed objects only.
    pub(super) component_count: Option<u32>,
}

impl Store {
    /// Whether `target` could be created now: checked before a caller sends bytes.
    pub(super) fn validate(&self, target: &NewObject) -> Result<(), Failure> {
        target.name.validate()?;
        let state = self.lock();
        let bucket_state = state.bucket_state(&target.name.bucket)?;
        let live = pick(bucket_state.objects.get(&target.name.object), None);
        let current = live.map_or(ABSENT, |live| live.object.current());
        target.conditions.allow_write(current)
    }

    /// Makes `draft` the live generation of `target`.
    pub(super) fn create(
        &self,
        draft: Draft,
        target: NewObject,
    ) -> Result<ObjectMetadata, Failure> {
        target.name.validate()?;
        let now = self.clock.now();
        let mut state = self.lock();
        let bucket_state = state.bucket_state(&target.name.bucket)?;
        let live = pick(bucket_state.objects.get(&target.name.object), None).cloned();
        let current = live.as_ref().map_or(ABSENT, |live| live.object.current());
        target.conditions.allow_write(current)?;

        let mut attributes = target.attributes;
        attributes
            .storage_class
            .get_or_insert_with(|| bucket_state.bucket.text("storageClass").to_owned());
        let versioned = bucket_state.bucket.is_versioned();
        let (generation, counter) = state.next_generation(now)?;
        let object = ObjectMetadata {
            bucket: target.name.bucket,
            name: target.name.object,
            generation,
            metageneration: 1,
            size_bytes: draft.size_bytes,
            crc32c: draft.crc32c,
            md5: draft.md5.clone(),
            component_count: target.component_count,
            created: now,
            updated: now,
            deleted: None,
            attributes,
        };
        let mut changes = vec![counter, row::object(&object)?];
        let old = live.map(|mut old| {
            old.object.deleted = Some(now);
            old
        });
        if let Some(old) = &old {
            changes.push(if versioned {
                row::object(&old.object)?
            } else {
                row::no_object(old.object.generation)
            });
        }
        let content = self.blobs.keep(draft, generation)?;
        if let Err(failure) = self.write(changes) {
            content.remove();
            return Err(failure);
        }

        let bucket_state = state.bucket_state_mut(&object.bucket)?;
        let versions = bucket_state.objects.entry(object.name.clone()).or_default();
        let created = StoredObject {
            object: object.clone(),
            content,
        };
        versions.insert(generation, created);
        let overwrote = old.as_ref().map(|old| old.object.generation);
        let mut events = vec![(EventType::Finalize { overwrote }, &object)];
        let by = Some(generation);
        match &old {
            Some(old) if versioned => {
                versions.insert(old.object.generation, old.clone());
                events.push((EventType::Archive { by }, &old.object));
            }
            Some(old) => {
                versions.remove(&old.object.generation);
                old.content.remove();
                events.push((EventType::Delete { by }, &old.object));
            }
            None => {}
        }
        let messages = bucket_state.messages(&events, now, &self.base_url);
        drop(state);
        self.publish_all(messages);
        Ok(object)
    }

    /// The requested generation, or the live one, for a read.
    pub(super) fn find(
        &self,
        name: &ObjectName,
        generation: Option<i64>,
        conditions: Conditions,
    ) -> Result<StoredObject, Failure> {
        let state = self.lock();
        let versions = state.bucket_state(&name.bucket)?.objects.get(&name.object);
        let found = pick(versions, generation).ok_or_else(|| name.not_found())?;
        conditions.allow_read(found.object.current())?;
        Ok(found.clone())
    }

    /// Applies `change` to the attributes of a generation.
    pub(super) fn update(
        &self,
        name: &ObjectName,
        generation: Option<i64>,
        conditions: Conditions,
        change: impl FnOnce(&Attributes) -> Result<Attributes, Failure>,
    ) -> Result<ObjectMetadata, Failure> {
        let now = self.clock.now();
        let mut state = self.lock();
        let bucket_state = state.bucket_state_mut(&name.bucket)?;
        let versions = bucket_state.objects.get_mut(&name.object);
        let stored = versions.and_then(|versions| {
            let generation = match generation {
                Some(generation) => generation,
                None => live(versions)?.object.generation,
            };
            versions.get_mut(&generation)
        });
        let stored = stored.ok_or_else(|| name.not_found())?;
        conditions.allow_write(stored.object.current())?;
        let mut object = stored.object.clone();
        object.attributes = change(&object.attributes)?;
        object.metageneration += 1;
        object.updated = now;
        self.write(vec![row::object(&object)?])?;
        stored.object = object.clone();
        let events = [(EventType::MetadataUpdate, &object)];
        let messages = bucket_state.messages(&events, now, &self.base_url);
        drop(state);
        self.publish_all(messages);
        Ok(object)
    }

    /// Deletes a generation permanently; without one, a versioned bucket archives the live generation.
    pub(super) fn delete(
        &self,
        name: &ObjectName,
        generation: Option<i64>,
        conditions: Conditions,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut state = self.lock();
        let bucket_state = state.bucket_state_mut(&name.bucket)?;
        let found = pick(bucket_state.objects.get(&name.object), generation).cloned();
        let mut found = found.ok_or_else(|| name.not_found())?;
        conditions.allow_write(found.object.current())?;
        let archive = generation.is_none() && bucket_state.bucket.is_versioned();
        found.object.deleted.get_or_insert(now);
        let id = found.object.generation;
        let event = if archive {
            self.write(vec![row::object(&found.object)?])?;
            let versions = bucket_state.objects.entry(name.object.clone()).or_default();
            versions.insert(id, found.clone());
            EventType::Archive { by: None }
        } else {
            self.write(vec![row::no_object(id)])?;
            if let Some(versions) = bucket_state.objects.get_mut(&name.object) {
                versions.remove(&id);
                if versions.is_empty() {
                    bucket_state.objects.remove(&name.object);
                }
            }
            found.content.remove();
            EventType::Delete { by: None }
        };
        let messages = bucket_state.messages(&[(event, &found.object)], now, &self.base_url);
        drop(state);
        self.publish_all(messages);
        Ok(())
    }
}
