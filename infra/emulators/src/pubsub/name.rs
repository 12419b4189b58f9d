//! Resource names and their validation.

use tonic::Status;

/// The topic that a subscription reports once its topic is deleted.
pub(super) const DELETED_TOPIC: &str = "_deleted-topic_";

/// Length of a topic's or subscription's id: the service's limits.
const ID_MIN_CHARS: usize = 3;
const ID_MAX_CHARS: usize = 255;

/// Refuses a name that is not `projects/{project}/{collection}/{id}`.
pub(super) fn check(name: &str, collection: &str) -> Result<(), Status> {
    let parts: Vec<&str> = name.split('/').collect();
    let good = match parts.as_slice() {
        ["projects", project, found, id] => {
            !project.is_empty() && *found == collection && id_is_good(id)
        }
        _ => false,
    };
    if good {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "Invalid [{collection}] name: (name={name})"
    )))
}

/// Refuses a name that is not `projects/{project}`.
pub(super) fn check_project(project: &str) -> Result<(), Status> {
    let id = project.strip_prefix("projects/").unwrap_or_default();
    if id.is_empty() || id.contains('/') {
        let message = format!("Invalid [projects] name: (name={project})");
        return Err(Status::invalid_argument(message));
    }
    Ok(())
}

/// The error for a missing resource.
pub(super) fn not_found(name: &str) -> Status {
    Status::not_found(format!("Resource not found (resource={}).", id(name)))
}

/// The error for a resource that already exists.
pub(super) fn already_exists(name: &str) -> Status {
    Status::already_exists(format!(
        "Resource already exists in the project (resource={}).",
        id(name)
    ))
}

/// The last part of a name.
pub(super) fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The project of a name.
pub(super) fn project(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

fn id_is_good(id: &str) -> bool {
    let length = (ID_MIN_CHARS..=ID_MAX_CHARS).contains(&id.len());
    let start = id.starts_with(|c: char| c.is_ascii_alphabetic()) && !id.starts_with("goog");
    let rest = id
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.~+%".contains(c));
    length && start && rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_topic(name: &str, good: bool) {
        assert_eq!(check(name, "topics").is_ok(), good, "{name}");
    }

    #[test]
    fn names_follow_the_services_rules() {
        check_topic("projects/demo/topics/abc", true);
        check_topic("projects/demo/topics/a-_.~+%9", true);
        check_topic("projects/demo/topics/ab", false);
        check_topic("projects/demo/topics/9abc", false);
        check_topic("projects/demo/topics/google-things", false);
        check_topic("projects/demo/topics/with space", false);
        check_topic("projects/demo/subscriptions/abc", false);
        check_topic("projects//topics/abc", false);
        check_topic("projects/demo/topics/abc/def", false);
        check_topic(&format!("projects/demo/topics/{}", "a".repeat(256)), false);
    }
}
