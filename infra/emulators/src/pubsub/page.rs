//! Pages of a list: the token is the last name of the previous page.

/// Items of a page: the default, and the maximum.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;

/// What to list.
#[derive(Debug, Clone, Default)]
pub(super) struct PageRequest {
    /// Items wanted; 0 means the default.
    pub(super) size: i32,
    /// Where the previous page ended; empty for the first.
    pub(super) token: String,
}

impl PageRequest {
    /// The page of `all`, which is sorted by `name`, and its token.
    pub(super) fn cut<T>(
        &self,
        all: impl Iterator<Item = T>,
        name: impl Fn(&T) -> &str,
    ) -> (Vec<T>, String) {
        let size = match usize::try_from(self.size) {
            Ok(0) | Err(_) => PAGE_DEFAULT,
            Ok(size) => size.min(PAGE_MAX),
        };
        let mut rest = all.filter(|item| name(item) > self.token.as_str());
        let items: Vec<T> = rest.by_ref().take(size).collect();
        let token = match (items.last(), rest.next()) {
            (Some(last), Some(_)) => name(last).to_owned(),
            _ => String::new(),
        };
        (items, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: i32, token: &str, items: &[&str], next: &str) {
        let token = token.to_owned();
        let cut = PageRequest { size, token }.cut(["a", "b", "c"].into_iter(), |item| item);
        assert_eq!(cut, (items.to_vec(), next.to_owned()));
    }

    #[test]
    fn a_token_continues_where_the_page_ended() {
        check(0, "", &["a", "b", "c"], "");
        check(2, "", &["a", "b"], "b");
        check(2, "b", &["c"], "");
        check(3, "", &["a", "b", "c"], "");
        check(-1, "c", &[], "");
    }
}
