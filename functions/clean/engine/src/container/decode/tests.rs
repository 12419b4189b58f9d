//! Compressed and encoded bytes, valid and invalid, read in pieces of every size.

use proptest::prelude::*;

use super::*;
use crate::{
    container::samples::{gzip, utf16_be, utf16_le, zstd},
    rules,
};

/// Low limits, so that a test can exceed them quickly.
const LOW: Limits = Limits {
    expanded_bytes_max: 100_000,
    ratio_max: 20,
    ratio_free_bytes: 1_000,
};

/// Rows of JSON that compress poorly.
fn rows(count: u64) -> String {
    let row = |row: u64| format!("{{\"row\":{}}}\n", row.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..count).map(row).collect::<Vec<_>>().concat()
}

/// A source that fails after its bytes.
struct Failing<'b>(&'b [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::ErrorKind::InvalidData.into()),
            count => Ok(count),
        }
    }
}

/// The text of `bytes`, read `step` bytes at a time, and the code of the fault.
fn decode(bytes: &[u8], limits: Limits, step: usize) -> (Vec<u8>, Option<&'static str>) {
    let mut decoder = Decoder::open(Box::new(bytes), limits, None).unwrap();
    let mut text = Vec::new();
    let mut piece = vec![0; step];
    loop {
        let count = decoder.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        text.extend_from_slice(&piece[..count]);
    }
    let fault = decoder.finish().unwrap();
    (text, fault.map(|fault| fault.rule.code))
}

#[track_caller]
fn check(bytes: &[u8], text: &[u8], fault: Option<&str>) {
    for step in [1, 3, 1 << 16] {
        assert_eq!(
            decode(bytes, LIMITS, step),
            (text.to_vec(), fault),
            "{bytes:?}"
        );
    }
}

#[test]
fn text_is_decoded_from_every_encoding_and_compression() {
    let text = "{\"a\":\"\u{e9}\u{1f980}\"}\n".as_bytes();
    let unpacked = std::str::from_utf8(text).unwrap();
    let marked = |text| [b"\xff\xfe".to_vec(), utf16_le(text)].concat();
    check(text, text, None);
    check(&gzip(text), text, None);
    check(&zstd(text), text, None);
    check(&marked(unpacked), text, None);
    check(
        &[b"\xfe\xff".to_vec(), utf16_be(unpacked)].concat(),
        text,
        None,
    );
    check(&utf16_le(unpacked), text, None);
    check(&utf16_be(unpacked), text, None);
    check(&gzip(&marked(unpacked)), text, None);
    check(&zstd(&marked(unpacked)), text, None);
    check(b"", b"", None);
    check(b"{}", b"{}", None);
    check(&gzip(b""), b"", None);
}

#[test]
fn several_members_or_frames_are_read_as_one() {
    check(&[gzip(b"{}\n"), gzip(b"[]")].concat(), b"{}\n[]", None);
    check(&[zstd(b"{}\n"), zstd(b"[]")].concat(), b"{}\n[]", None);
    let skipped = b"\x50\x2a\x4d\x18\x02\0\0\0ab";
    check(&[&skipped[..], &zstd(b"{}")].concat(), b"{}", None);
    check(
        &[gzip(b"{}\n"), b"more and more".to_vec()].concat(),
        b"{}\n",
        Some("damaged_file"),
    );
    check(
        &[zstd(b"{}\n"), b"more and more".to_vec()].concat(),
        b"{}\n",
        Some("damaged_file"),
    );
}

#[test]
fn an_unpaired_surrogate_stays_invalid() {
    let alone = b"\xff\xfea\0\0\xd8b\0\x80\xdd";
    check(alone, b"a\xed\xa0\x80b\xed\xb6\x80", None);
    check(b"\xff\xfea\0\0\xd8", b"a\xed\xa0\x80", None);
    check(b"\xff\xfea\0b", b"a\xff", Some("truncated_file"));
}

#[test]
fn truncated_data_is_reported_and_its_beginning_is_read() {
    let text = rows(40);
    for whole in [
        gzip(text.as_bytes()),
        zstd(text.as_bytes()),
        [gzip(b"{}\n"), gzip(text.as_bytes())].concat(),
    ] {
        for length in MARK_BYTES..whole.len() {
            let (found, fault) = decode(&whole[..length], LIMITS, 512);
            let expected = if whole.starts_with(&gzip(b"{}\n")) {
                format!("{{}}\n{text}")
            } else {
                text.clone()
            };
            assert!(expected.as_bytes().starts_with(&found), "{length}");
            // At the end of a member, nothing is missing.
            let whole_member = found == b"{}\n";
            assert!(
                fault == Some("truncated_file") || whole_member,
                "{length}: {fault:?}"
            );
        }
    }
}

#[test]
fn damage_anywhere_is_reported() {
    let text = rows(30);
    for whole in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        // The header of gzip holds a time and an operating system, which no reader checks.
        for at in 10..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            let (found, fault) = decode(&damaged, LIMITS, 512);
            assert!(fault.is_some() || found == text.as_bytes(), "{at}");
        }
    }
}

#[test]
fn bombs_are_not_read_to_the_end() {
    let much = rows(30_000);
    for (bytes, code) in [
        (gzip(&vec![b'a'; 100_000]), Some("expands_too_much")),
        (zstd(&vec![b'a'; 100_000]), Some("expands_too_much")),
        (gzip(much.as_bytes()), Some("expands_too_much")),
        (gzip(&vec![b'a'; 1_000]), None),
        (gzip(&much.as_bytes()[..90_000]), None),
    ] {
        let (found, fault) = decode(&bytes, LOW, 512);
        assert_eq!(fault, code);
        assert!(found.len() <= 100_512);
    }
    // Uncompressed data cannot expand.
    assert_eq!(decode(much.as_bytes(), LOW, 512).1, None);
}

#[test]
fn a_failing_source_is_not_damage() {
    let text = "{}\n".repeat(1_000);
    for whole in [
        text.clone().into_bytes(),
        gzip(text.as_bytes()),
        zstd(text.as_bytes()),
    ] {
        let mut decoder =
            Decoder::open(Box::new(Failing(&whole[..whole.len() - 3])), LIMITS, None).unwrap();
        let failed = decoder.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::InvalidData);
        assert!(!decoder.is_broken());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_survives_encoding_and_decoding(text in any::<String>(), step in 1..300_usize) {
        let marked = [b"\xff\xfe".to_vec(), utf16_le(&text)].concat();
        // A marked text that begins with NUL looks like UTF-32.
        prop_assume!(!text.starts_with('\0'));
        for bytes in [&marked, &gzip(&marked), &zstd(&marked)] {
            prop_assert_eq!(decode(bytes, LIMITS, step), (text.clone().into_bytes(), None));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        mark in prop::sample::select(vec![&b"\x1f\x8b\x08\0"[..], b"\x28\xb5\x2f\xfd", b"\xff\xfe", b""]),
    ) {
        let _decoded = decode(&[mark, &bytes].concat(), LOW, 100);
    }

    #[test]
    fn unpaired_surrogates_are_never_valid_utf8(units in prop::collection::vec(any::<u16>(), 0..50)) {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let (text, fault) = decode(&[&b"\xfe\xff"[..], &bytes].concat(), LIMITS, 7);
        prop_assert_eq!(fault, None);
        let expected = String::from_utf16(&units).ok();
        prop_assert_eq!(String::from_utf8(text).ok(), expected);
    }
}

#[test]
fn faults_at_the_end_concern_the_file() {
    for rule in [&rules::truncated_file::RULE, &rules::damaged_file::RULE] {
        assert!(!rule.binding, "{}", rule.code);
    }
    assert!(rules::expands_too_much::RULE.binding);
}
