//! What a pass must know beforehand that only the end of a pass can tell.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{dedup_index::DedupIndex, held_out::HeldOut, meter::Crc32c, rule::Fault, rules};

/// What an earlier pass over the same bytes found; the first pass goes by an empty one, or by one
/// that only holds out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Length and checksum of the bytes it is about.
    pub(crate) bytes: Option<(u64, Crc32c)>,
    /// Rows whose turn in the draw comes before this are not for training.
    pub(crate) draw_below: Option<u64>,
    /// Questions that train all the same: they come so often that no other part has room for them.
    pub(crate) oversized_groups: HashSet<u64>,
    /// Questions that earlier versions compare models with; who reads a plan knows them.
    #[serde(skip)]
    pub(crate) held_out: Arc<HeldOut>,
    /// Those among them, and what is asked nearly alike, that no part has room for.
    pub(crate) left_out: HashSet<u64>,
    /// Questions to be left out for being answered in more than one way: the line of the first
    /// answer, and of the first that differs.
    pub(crate) contradictions: HashMap<u64, (u32, u32)>,
    /// Which rows repeat or contradict an earlier one, where there were too many to remember.
    #[serde(with = "known")]
    pub(crate) known: Option<Arc<DedupIndex>>,
    /// How many passes there were before.
    pub(crate) passes: u32,
}

impl Plan {
    /// The same plan, in which no row trains that asks what `held_out` holds.
    #[must_use]
    pub fn holding_out(self, held_out: HeldOut) -> Self {
        Self {
            held_out: Arc::new(held_out),
            ..self
        }
    }

    /// Whether a row is judged by this plan as by `other`: all else is decided among rows.
    pub fn processes_like(&self, other: &Self) -> bool {
        self.contradictions == other.contradictions && self.held_out == other.held_out
    }

    /// What is wrong with a row that asks `input`.
    pub(crate) fn contradiction(&self, input: u64) -> Option<Fault> {
        if self.contradictions.is_empty() {
            return None;
        }
        let (first, other) = self.contradictions.get(&input)?;
        let message = format!("lines {first} and {other} answer this question in different ways");
        Some(Fault::new(&rules::contradiction::RULE).saying(message))
    }
}

/// Which rows are known, written as if nobody shared it.
mod known {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::DedupIndex;

    #[expect(clippy::ref_option, reason = "serde calls it like this")]
    pub(super) fn serialize<S: Serializer>(
        known: &Option<Arc<DedupIndex>>,
        into: S,
    ) -> Result<S::Ok, S::Error> {
        known.as_deref().serialize(into)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Arc<DedupIndex>>, D::Error> {
        Ok(Option::<DedupIndex>::deserialize(from)?.map(Arc::new))
    }
}
