//! The settings of `console`.

use shared::config::Reader;

/// Longest name of an approver, in bytes: an e-mail address has at most 254.
const USER_MAX_BYTES: usize = 254;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The approver that is recorded where callers are not authenticated, as on a laptop; `CONSOLE_USER`,
    /// `console`.
    pub user: String,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let user = read.or("CONSOLE_USER", "console".to_owned())?;
        if user.trim().is_empty() || user.len() > USER_MAX_BYTES {
            read.fault(format!(
                "CONSOLE_USER is {} bytes long or blank: expected 1 to {USER_MAX_BYTES} bytes",
                user.len()
            ));
            return None;
        }
        Some(Self { user })
    }
}

#[cfg(test)]
mod tests {
    use shared::config::Vars;

    use super::*;

    #[track_caller]
    fn check(user: Option<&str>, expected: Option<&str>) {
        let vars: Vars = user
            .map(|user| ("CONSOLE_USER".to_owned(), user.to_owned()))
            .into_iter()
            .collect();
        let mut read = Reader::new(&vars);
        let found = Config::read(&mut read).map(|config| config.user);
        assert_eq!(found.as_deref(), expected, "{user:?}");
    }

    #[test]
    fn an_approver_has_a_name() {
        check(None, Some("console"));
        check(Some("ada@example.com"), Some("ada@example.com"));
        check(Some(" "), None);
    }
}
