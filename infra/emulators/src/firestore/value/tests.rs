//! The order of values by table and by property, and values for other tests.

use googleapis_tonic_google_firestore_v1::google::{firestore::v1::ArrayValue, r#type::LatLng};
use proptest::prelude::*;

use super::*;

pub(in crate::firestore) fn integer(value: i64) -> Value {
    of(ValueType::IntegerValue(value))
}

pub(in crate::firestore) fn double(value: f64) -> Value {
    of(ValueType::DoubleValue(value))
}

pub(in crate::firestore) fn text(value: &str) -> Value {
    of(ValueType::StringValue(value.to_owned()))
}

pub(in crate::firestore) fn null() -> Value {
    of(ValueType::NullValue(0))
}

pub(in crate::firestore) fn array<const N: usize>(values: [Value; N]) -> Value {
    let values = values.into();
    of(ValueType::ArrayValue(ArrayValue { values }))
}

pub(in crate::firestore) fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.map(|(key, value)| (key.to_owned(), value)).into();
    of(ValueType::MapValue(MapValue { fields }))
}

/// Any value, of few numbers and keys, so that equal ones occur.
pub(in crate::firestore) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(null()),
        any::<bool>().prop_map(|value| of(ValueType::BooleanValue(value))),
        (-3_i64..3).prop_map(integer),
        prop_oneof![
            Just(0.0),
            Just(-0.0),
            Just(1.0),
            Just(2.5),
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(9_007_199_254_740_992.0),
            any::<f64>()
        ]
        .prop_map(double),
        prop_oneof![Just(i64::MAX), Just(i64::MIN), Just((1 << 53) + 1)].prop_map(integer),
        (-2_i64..2, 0..3_i32).prop_map(|(seconds, nanos)| {
            of(ValueType::TimestampValue(prost_types::Timestamp {
                seconds,
                nanos,
            }))
        }),
        "[ab]{0,2}".prop_map(|value| text(&value)),
        proptest::collection::vec(0..3_u8, 0..3).prop_map(|value| of(ValueType::BytesValue(value))),
        "c/[ab]{1,2}".prop_map(|path| {
            let name = format!("projects/p/databases/d/documents/{path}");
            of(ValueType::ReferenceValue(name))
        }),
        (-1..2_i32, -1..2_i32).prop_map(|(latitude, longitude)| {
            let (latitude, longitude) = (latitude.into(), longitude.into());
            of(ValueType::GeoPointValue(LatLng {
                latitude,
                longitude,
            }))
        }),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3)
                .prop_map(|values| of(ValueType::ArrayValue(ArrayValue { values }))),
            proptest::collection::vec(-2..2_i32, 0..3).prop_map(|values| {
                let values = values
                    .into_iter()
                    .map(|value| double(value.into()))
                    .collect();
                map([
                    ("__type__", text("__vector__")),
                    ("value", of(ValueType::ArrayValue(ArrayValue { values }))),
                ])
            }),
            proptest::collection::hash_map("[ab]", inner, 0..3)
                .prop_map(|fields| of(ValueType::MapValue(MapValue { fields }))),
        ]
    })
}

proptest! {
    #[test]
    fn the_order_is_total(a in any_value(), b in any_value(), c in any_value()) {
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        let mut three = [&a, &b, &c];
        three.sort_by(|a, b| compare(a, b));
        let [low, middle, high] = three;
        prop_assert!(compare(low, middle).is_le());
        prop_assert!(compare(middle, high).is_le());
        prop_assert!(compare(low, high).is_le(), "{:?} > {:?}", low, high);
        if compare(low, middle).is_eq() && compare(middle, high).is_eq() {
            prop_assert!(compare(low, high).is_eq());
        }
    }

    #[test]
    fn identical_values_are_equal(a in any_value(), b in any_value()) {
        prop_assert!(identical(&a, &a));
        prop_assert!(!identical(&a, &b) || compare(&a, &b).is_eq());
    }
}

#[test]
fn values_sort_as_in_the_service() {
    let bytes = |value: &[u8]| of(ValueType::BytesValue(value.to_vec()));
    let geo = |latitude, longitude| {
        of(ValueType::GeoPointValue(LatLng {
            latitude,
            longitude,
        }))
    };
    let sorted = [
        null(),
        of(ValueType::BooleanValue(false)),
        of(ValueType::BooleanValue(true)),
        double(f64::NAN),
        double(f64::NEG_INFINITY),
        integer(i64::MIN),
        double(-0.5),
        integer(0),
        double(0.5),
        integer(1 << 53),
        integer((1 << 53) + 1),
        double(9_007_199_254_740_994.0),
        integer(i64::MAX),
        double(f64::INFINITY),
        of(ValueType::TimestampValue(prost_types::Timestamp::default())),
        text(""),
        text("Z"),
        text("a"),
        text("é"),
        text("～"),
        text("😀"),
        bytes(&[0, 1]),
        bytes(&[1]),
        of(ValueType::ReferenceValue(
            "projects/p/databases/d/documents/a/b".to_owned(),
        )),
        of(ValueType::ReferenceValue(
            "projects/p/databases/d/documents/a/b/c/d".to_owned(),
        )),
        of(ValueType::ReferenceValue(
            "projects/p/databases/d/documents/a/c".to_owned(),
        )),
        geo(0.0, 5.0),
        geo(1.0, 2.0),
        array([]),
        array([null(), integer(1)]),
        array([integer(1)]),
        array([integer(1), integer(2)]),
        array([text("a")]),
        map([
            ("__type__", text("__vector__")),
            ("value", array([double(9.0)])),
        ]),
        map([
            ("__type__", text("__vector__")),
            ("value", array([double(1.0), double(2.0)])),
        ]),
        map([]),
        map([("a", integer(1))]),
        map([("a", integer(1)), ("b", integer(1))]),
        map([("a", integer(2))]),
        map([("b", integer(0))]),
    ];
    for pair in sorted.windows(2) {
        assert_eq!(compare(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
    }
    assert_eq!(compare(&integer(1), &double(1.0)), Ordering::Equal);
    assert_eq!(compare(&double(-0.0), &integer(0)), Ordering::Equal);
}
