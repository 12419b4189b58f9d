//! Preconditions on generation and metageneration.

use super::{failure::Failure, query::UrlQuery};

/// What must hold before a call takes effect; `None` means no condition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    pub(super) generation: Option<i64>,
    pub(super) generation_not: Option<i64>,
    pub(super) metageneration: Option<i64>,
    pub(super) metageneration_not: Option<i64>,
}

/// The current generation and metageneration; an absent object has `(0, 0)`.
pub(super) type Current = (i64, i64);

/// An absent object: `ifGenerationMatch=0` means "create only".
pub(super) const ABSENT: Current = (0, 0);

impl Conditions {
    /// Parses `ifGenerationMatch` and the three similar parameters.
    pub(super) fn of(query: &UrlQuery) -> Result<Self, Failure> {
        Ok(Self {
            generation: query.number("ifGenerationMatch")?,
            generation_not: query.number("ifGenerationNotMatch")?,
            metageneration: query.number("ifMetagenerationMatch")?,
            metageneration_not: query.number("ifMetagenerationNotMatch")?,
        })
    }

    /// Parses `ifSourceGenerationMatch` and the three similar parameters of copies.
    pub(super) fn of_source(query: &UrlQuery) -> Result<Self, Failure> {
        Ok(Self {
            generation: query.number("ifSourceGenerationMatch")?,
            generation_not: query.number("ifSourceGenerationNotMatch")?,
            metageneration: query.number("ifSourceMetagenerationMatch")?,
            metageneration_not: query.number("ifSourceMetagenerationNotMatch")?,
        })
    }

    /// Checks the conditions of a change.
    pub(super) fn allow_write(self, current: Current) -> Result<(), Failure> {
        if self.matches(current) && self.differs(current) {
            Ok(())
        } else {
            Err(Failure::ConditionNotMet)
        }
    }

    /// Checks the conditions of a read, where "not changed" is a 304 instead of an error.
    pub(super) fn allow_read(self, current: Current) -> Result<(), Failure> {
        if !self.matches(current) {
            return Err(Failure::ConditionNotMet);
        }
        if !self.differs(current) {
            return Err(Failure::NotModified);
        }
        Ok(())
    }

    fn matches(self, (generation, metageneration): Current) -> bool {
        self.generation.is_none_or(|wanted| wanted == generation)
            && self
                .metageneration
                .is_none_or(|wanted| wanted == metageneration)
    }

    fn differs(self, (generation, metageneration): Current) -> bool {
        self.generation_not
            .is_none_or(|unwanted| unwanted != generation)
            && self
                .metageneration_not
                .is_none_or(|unwanted| unwanted != metageneration)
    }
}

/// The four preconditions, whose fields have the same names in every request.
macro_rules! conditions {
    ($request:expr) => {
        $crate::storage::condition::Conditions {
            generation: $request.if_generation_match,
            generation_not: $request.if_generation_not_match,
            metageneration: $request.if_metageneration_match,
            metageneration_not: $request.if_metageneration_not_match,
        }
    };
}
pub(super) use conditions;

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: Current = (7, 2);

    #[track_caller]
    fn check(conditions: [Option<i64>; 4], current: Current, write: bool, read: &str) {
        let [
            generation,
            generation_not,
            metageneration,
            metageneration_not,
        ] = conditions;
        let given = Conditions {
            generation,
            generation_not,
            metageneration,
            metageneration_not,
        };
        assert_eq!(given.allow_write(current).is_ok(), write, "write {given:?}");
        let answer = match given.allow_read(current) {
            Ok(()) => "ok",
            Err(Failure::NotModified) => "304",
            Err(_) => "412",
        };
        assert_eq!(answer, read, "read {given:?}");
    }

    #[test]
    fn each_precondition_holds_or_not() {
        check([None, None, None, None], CURRENT, true, "ok");
        check([Some(7), None, None, None], CURRENT, true, "ok");
        check([Some(8), None, None, None], CURRENT, false, "412");
        check([Some(0), None, None, None], CURRENT, false, "412");
        check([Some(0), None, None, None], ABSENT, true, "ok");
        check([None, Some(8), None, None], CURRENT, true, "ok");
        check([None, Some(7), None, None], CURRENT, false, "304");
        check([None, Some(0), None, None], ABSENT, false, "304");
        check([None, None, Some(2), None], CURRENT, true, "ok");
        check([None, None, Some(1), None], CURRENT, false, "412");
        check([None, None, None, Some(1)], CURRENT, true, "ok");
        check([None, None, None, Some(2)], CURRENT, false, "304");
        check([Some(8), None, None, Some(2)], CURRENT, false, "412");
    }
}
