//! Bytes that are kept until the end of a pass, in huge pages where the system has them.
//!
//! The system allocates memory when it is first written to. In pages of 4 KiB that took ten
//! thousand page faults, a tenth of all the work on 100 MB; in pages of 2 MiB it takes next to
//! nothing.

use std::ops::{Deref, Range};

use memmap2::MmapMut;

/// Contiguous bytes, which are only appended to.
#[derive(Debug)]
pub(crate) struct Pages {
    backing: Backing,
    length: usize,
    /// Bytes to allocate on the first append.
    capacity: usize,
}

/// Where the bytes are.
#[derive(Debug)]
enum Backing {
    /// Nowhere yet.
    None,
    /// In a mapping, with huge pages if the system has them.
    Map(MmapMut),
    /// On the heap, since the system refused to map.
    Heap(Vec<u8>),
}

impl Pages {
    /// Room for `capacity` bytes and, at the cost of moving them, for more. It takes no memory
    /// until it is filled.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            backing: Backing::None,
            length: 0,
            capacity,
        }
    }

    /// Appends `bytes`; returns their range.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Range<usize> {
        let range = self.length..self.length + bytes.len();
        self.make_room(range.end);
        match &mut self.backing {
            Backing::None => {}
            Backing::Heap(heap) => heap.extend_from_slice(bytes),
            Backing::Map(map) => {
                if let Some(slot) = map.get_mut(range.clone()) {
                    slot.copy_from_slice(bytes);
                }
            }
        }
        self.length = range.end;
        range
    }

    /// Makes room for `length` bytes.
    fn make_room(&mut self, length: usize) {
        let is_large_enough = match &self.backing {
            Backing::None => length == 0,
            Backing::Map(map) => length <= map.len(),
            Backing::Heap(_) => true,
        };
        if is_large_enough {
            return;
        }
        while self.capacity < length {
            self.capacity = (self.capacity * 2).max(length);
        }
        self.backing = match MmapMut::map_anon(self.capacity) {
            Ok(mut map) => {
                advise(&map);
                if let Some(start) = map.get_mut(..self.length) {
                    start.copy_from_slice(self);
                }
                Backing::Map(map)
            }
            Err(_no_map) => Backing::Heap(self.to_vec()),
        };
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.backing {
            Backing::None => &[],
            Backing::Map(map) => map.get(..self.length).unwrap_or_default(),
            Backing::Heap(heap) => heap,
        }
    }
}

/// Asks for huge pages. Without them everything works, but slower.
fn advise(map: &MmapMut) {
    #[cfg(target_os = "linux")]
    let _slower = map.advise(memmap2::Advice::HugePage);
    #[cfg(not(target_os = "linux"))]
    let _ = map;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_added_is_there_in_order(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5_000), 0..20), on_heap: bool) {
            let mut pages = Pages::with_capacity(4_096);
            if on_heap {
                pages.backing = Backing::Heap(Vec::new());
            }
            let ranges: Vec<_> = pieces.iter().map(|piece| pages.add(piece)).collect();
            prop_assert!(*pages == *pieces.concat());
            for (piece, range) in pieces.iter().zip(ranges) {
                prop_assert_eq!(&pages[range], piece.as_slice());
            }
        }
    }
}
