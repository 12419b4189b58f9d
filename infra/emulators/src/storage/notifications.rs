//! The notification configurations of a bucket: added, listed, removed.

use super::{failure::Failure, notification::NotificationConfig, row, store::Store};

/// `MAX_NOTIFICATION_CONFIGS_PER_BUCKET` of google.storage.v2.
const PER_BUCKET_MAX: usize = 100;

impl Store {
    /// Adds `notification` with a new id.
    pub(super) fn insert_notification(
        &self,
        bucket: &str,
        mut notification: NotificationConfig,
    ) -> Result<NotificationConfig, Failure> {
        let mut state = self.lock();
        let bucket_state = state.bucket_state_mut(bucket)?;
        if bucket_state.notifications.len() >= PER_BUCKET_MAX {
            return Err(Failure::Invalid(format!(
                "A bucket may have {PER_BUCKET_MAX} notification configurations."
            )));
        }
        let mut changed = bucket_state.bucket.clone();
        changed.notifications_made += 1;
        notification.id = changed.notifications_made.to_string();
        self.write(vec![
            row::notification(bucket, &notification)?,
            row::bucket(&changed)?,
        ])?;
        bucket_state.bucket = changed;
        bucket_state
            .notifications
            .insert(notification.id.clone(), notification.clone());
        Ok(notification)
    }

    /// All configurations of a bucket.
    pub(super) fn notifications(&self, bucket: &str) -> Result<Vec<NotificationConfig>, Failure> {
        Ok(self
            .lock()
            .bucket_state(bucket)?
            .notifications
            .values()
            .cloned()
            .collect())
    }

    /// One configuration of a bucket.
    pub(super) fn notification(
        &self,
        bucket: &str,
        id: &str,
    ) -> Result<NotificationConfig, Failure> {
        let state = self.lock();
        let found = state.bucket_state(bucket)?.notifications.get(id);
        found
            .cloned()
            .ok_or_else(|| Failure::NoNotification(id.to_owned()))
    }

    /// Removes a configuration.
    pub(super) fn delete_notification(&self, bucket: &str, id: &str) -> Result<(), Failure> {
        let mut state = self.lock();
        let bucket_state = state.bucket_state_mut(bucket)?;
        if !bucket_state.notifications.contains_key(id) {
            return Err(Failure::NoNotification(id.to_owned()));
        }
        self.write(vec![row::no_notification(bucket, id)])?;
        bucket_state.notifications.remove(id);
        Ok(())
    }
}
