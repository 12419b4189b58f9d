//! Queries against tables of the service's answers, and against a naive implementation.

use std::collections::BTreeMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    structured_query::{
        self, CompositeFilter, FieldFilter, FieldReference, UnaryFilter, field_filter,
        filter::FilterType, unary_filter::OperandType,
    },
    value::ValueType,
};
use proptest::prelude::*;

use super::{
    super::{
        path::Fields,
        store::DocumentStore,
        value::{
            self,
            tests::{any_value, array, double, integer, map, null, text},
        },
    },
    *,
};

const ROOT: &str = "projects/p/databases/d/documents";

type Op = field_filter::Operator;

fn store(documents: Vec<(&str, Fields)>) -> DocumentStore {
    let documents = documents.into_iter().map(|(path, fields)| {
        let name = format!("{ROOT}/{path}");
        let document = Document {
            name: name.clone(),
            fields,
            create_time: Some(Stamp(1).into()),
            update_time: Some(Stamp(1).into()),
        };
        (Name::document(&name).unwrap(), Arc::new(document))
    });
    DocumentStore::new(documents.collect(), Stamp(1))
}

fn reference(path: &str) -> Value {
    value::of(ValueType::ReferenceValue(format!("{ROOT}/{path}")))
}

/// A field `v` with each type of value, and `n` counting up; the last lacks `v`.
fn kinds() -> DocumentStore {
    let values = [
        ("q/nul", null()),
        ("q/f", value::of(ValueType::BooleanValue(false))),
        ("q/nan", double(f64::NAN)),
        ("q/i1", integer(1)),
        ("q/d1", double(1.0)),
        ("q/i2", integer(2)),
        ("q/sa", text("a")),
        ("q/sb", text("b")),
        ("q/arr", array([integer(1)])),
        ("q/arr2", array([null(), integer(1), text("a")])),
        ("q/map", map([("a", integer(1))])),
    ];
    let mut n = 0;
    let mut all: Vec<_> = values
        .into_iter()
        .map(|(path, value)| {
            n += 1;
            (
                path,
                Fields::from([("v".to_owned(), value), ("n".to_owned(), integer(n))]),
            )
        })
        .collect();
    all.push(("q/without", Fields::from([("n".to_owned(), integer(99))])));
    store(all)
}

fn from(collection: &str) -> StructuredQuery {
    StructuredQuery {
        from: vec![CollectionSelector {
            collection_id: collection.to_owned(),
            all_descendants: false,
        }],
        ..StructuredQuery::default()
    }
}

fn at(path: &str) -> FieldReference {
    FieldReference {
        field_path: path.to_owned(),
    }
}

fn by(path: &str, op: Op, value: Value) -> structured_query::Filter {
    structured_query::Filter {
        filter_type: Some(FilterType::FieldFilter(FieldFilter {
            field: Some(at(path)),
            op: op.into(),
            value: Some(value),
        })),
    }
}

fn unary(path: &str, op: i32) -> structured_query::Filter {
    structured_query::Filter {
        filter_type: Some(FilterType::UnaryFilter(UnaryFilter {
            op,
            operand_type: Some(OperandType::Field(at(path))),
        })),
    }
}

fn composite(op: i32, filters: Vec<structured_query::Filter>) -> structured_query::Filter {
    structured_query::Filter {
        filter_type: Some(FilterType::CompositeFilter(CompositeFilter { op, filters })),
    }
}

fn all(filters: Vec<structured_query::Filter>) -> structured_query::Filter {
    composite(1, filters)
}

fn either(filters: Vec<structured_query::Filter>) -> structured_query::Filter {
    composite(2, filters)
}

fn ordered(orders: &[(&str, i32)]) -> Vec<structured_query::Order> {
    let order = |&(path, direction): &(&str, i32)| structured_query::Order {
        field: Some(at(path)),
        direction,
    };
    orders.iter().map(order).collect()
}

/// The results of `query` below `parent`: names without the root; `None` if it is refused.
fn run(store: &DocumentStore, parent: &str, query: StructuredQuery) -> Option<String> {
    let query = Query::parse(&format!("{ROOT}{parent}"), query).ok()?;
    let found = query.run(&store.now()).documents;
    let names = found.iter().map(|document| {
        let path = document.name.strip_prefix(ROOT).unwrap();
        path.trim_start_matches('/')
            .trim_start_matches("q/")
            .to_owned()
    });
    Some(names.collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn check(filter: structured_query::Filter, expected: Option<&str>) {
    let shown = format!("{filter:?}");
    let mut query = from("q");
    query.r#where = Some(filter);
    assert_eq!(run(&kinds(), "", query).as_deref(), expected, "{shown}");
}

#[test]
fn filters_pass_the_values_that_pass_in_the_service() {
    let list = |values: &[Value]| {
        let values = values.to_vec();
        value::of(ValueType::ArrayValue(
            googleapis_tonic_google_firestore_v1::google::firestore::v1::ArrayValue { values },
        ))
    };
    check(by("v", Op::Equal, double(1.0)), Some("d1 i1"));
    check(by("v", Op::Equal, null()), Some(""));
    check(by("v", Op::Equal, double(f64::NAN)), Some(""));
    check(by("v", Op::LessThan, integer(2)), Some("d1 i1"));
    check(by("v", Op::LessThanOrEqual, integer(2)), Some("d1 i1 i2"));
    check(by("v", Op::GreaterThan, double(1.0)), Some("i2"));
    check(by("v", Op::GreaterThanOrEqual, text("a")), Some("sa sb"));
    check(by("v", Op::LessThanOrEqual, null()), Some(""));
    check(
        by("v", Op::NotEqual, integer(1)),
        Some("f nan i2 sa sb arr2 arr map"),
    );
    check(by("v", Op::NotEqual, null()), Some(""));
    check(
        by("v", Op::NotEqual, double(f64::NAN)),
        Some("f nan d1 i1 i2 sa sb arr2 arr map"),
    );
    check(by("v", Op::ArrayContains, integer(1)), Some("arr arr2"));
    check(by("v", Op::ArrayContains, null()), Some(""));
    check(
        by("v", Op::In, list(&[integer(1), null(), text("a")])),
        Some("d1 i1 sa"),
    );
    check(by("v", Op::In, list(&[])), None);
    check(by("v", Op::In, integer(1)), None);
    check(by("v", Op::In, list(&vec![integer(1); 31])), None);
    check(
        by("v", Op::ArrayContainsAny, list(&[text("a"), null()])),
        Some("arr2"),
    );
    check(
        by("v", Op::NotIn, list(&[integer(1), text("a")])),
        Some("f nan i2 sb arr2 arr map"),
    );
    check(by("v", Op::NotIn, list(&[integer(1), null()])), Some(""));
    check(by("v", Op::NotIn, list(&vec![integer(1); 11])), None);
    check(by("v", Op::Unspecified, integer(1)), None);
    check(by("v..w", Op::Equal, integer(1)), None);
    check(unary("v", 2), Some("nan"));
    check(unary("v", 3), Some("nul"));
    check(unary("v", 4), Some("f d1 i1 i2 sa sb arr2 arr map"));
    check(unary("v", 5), Some("f nan d1 i1 i2 sa sb arr2 arr map"));
    check(unary("v", 0), None);
}

#[test]
fn filters_combine_as_in_the_service() {
    let equals = |value| by("v", Op::Equal, value);
    let below = |n| by("n", Op::LessThan, integer(n));
    check(
        all(vec![]),
        Some("arr arr2 d1 f i1 i2 map nan nul sa sb without"),
    );
    check(all(vec![equals(integer(1)), below(5)]), Some("i1"));
    check(
        either(vec![equals(integer(1)), equals(text("a"))]),
        Some("d1 i1 sa"),
    );
    check(either(vec![equals(text("a")), below(3)]), Some("nul f sa"));
    check(
        either(vec![all(vec![equals(integer(1)), below(5)]), below(2)]),
        Some("nul i1"),
    );
    check(
        all(vec![by("v", Op::GreaterThan, integer(0)), below(6)]),
        Some("i1 d1"),
    );
    check(composite(0, vec![equals(integer(1))]), None);
    check(composite(2, vec![]), None);
    let not_in = || by("v", Op::NotIn, array([integer(1)]));
    check(all(vec![not_in(), below(4)]), Some("f nan"));
    check(either(vec![not_in(), below(4)]), None);
    check(
        all(vec![not_in(), by("n", Op::In, array([integer(1)]))]),
        None,
    );
    let not = |value| by("v", Op::NotEqual, value);
    check(all(vec![not(integer(1)), not(integer(2))]), None);
    let has = |value| by("v", Op::ArrayContains, value);
    check(all(vec![has(integer(1)), has(integer(2))]), None);
    check(
        either(vec![has(integer(1)), has(integer(2))]),
        Some("arr arr2"),
    );
    check(either((0..31).map(|n| equals(integer(n))).collect()), None);
}

#[test]
fn documents_are_found_by_name() {
    check(
        by("__name__", Op::GreaterThan, reference("q/sa")),
        Some("sb without"),
    );
    check(by("__name__", Op::Equal, reference("q/sa")), Some("sa"));
    check(by("__name__", Op::Equal, text("sa")), None);
    check(unary("__name__", 3), None);
    let elsewhere = "projects/other/databases/d/documents/q/sa".to_owned();
    check(
        by(
            "__name__",
            Op::Equal,
            value::of(ValueType::ReferenceValue(elsewhere)),
        ),
        None,
    );
}

#[track_caller]
fn check_shape(shape: impl FnOnce(&mut StructuredQuery), expected: Option<&str>) {
    let mut query = from("q");
    shape(&mut query);
    let shown = format!("{query:?}");
    assert_eq!(run(&kinds(), "", query).as_deref(), expected, "{shown}");
}

fn cursor<const N: usize>(values: [Value; N], before: bool) -> Cursor {
    let values = values.into();
    Cursor { values, before }
}

#[test]
fn results_are_ordered_cut_and_continued_as_in_the_service() {
    let order = ordered;
    check_shape(
        |q| q.order_by = order(&[("v", 1)]),
        Some("nul f nan d1 i1 i2 sa sb arr2 arr map"),
    );
    check_shape(
        |q| q.order_by = order(&[("v", 2)]),
        Some("map arr arr2 sb sa i2 i1 d1 nan f nul"),
    );
    check_shape(
        |q| {
            q.r#where = Some(by("v", Op::GreaterThan, integer(0)));
            q.order_by = order(&[("n", 2)]);
        },
        Some("i2 d1 i1"),
    );
    check_shape(|q| q.order_by = order(&[("v", 1), ("v", 2)]), None);
    check_shape(|q| q.order_by = order(&[("__name__", 2)]), None);
    check_shape(
        |q| {
            q.r#where = Some(by("v", Op::Equal, integer(1)));
            q.order_by = order(&[("__name__", 2)]);
        },
        Some("i1 d1"),
    );
    check_shape(|q| q.limit = Some(0), Some(""));
    check_shape(|q| q.limit = Some(-1), None);
    check_shape(|q| q.offset = -1, None);
    let by_n = |q: &mut StructuredQuery| q.order_by = ordered(&[("n", 1)]);
    let shape =
        |start, end| move |q: &mut StructuredQuery| (by_n(q), q.start_at = start, q.end_at = end).0;
    check_shape(
        shape(Some(cursor([integer(10)], true)), None),
        Some("arr2 map without"),
    );
    check_shape(
        shape(Some(cursor([integer(10)], false)), None),
        Some("map without"),
    );
    check_shape(shape(None, Some(cursor([integer(2)], true))), Some("nul"));
    check_shape(
        shape(None, Some(cursor([integer(2)], false))),
        Some("nul f"),
    );
    check_shape(
        shape(Some(cursor([integer(1), reference("q/f")], true)), None),
        None,
    );
    check_shape(|q| q.start_at = Some(cursor([integer(1)], true)), None);
    check_shape(
        |q| {
            q.order_by = order(&[("n", 2)]);
            q.offset = 2;
            q.limit = Some(2);
        },
        Some("arr2 arr"),
    );
    check_shape(
        |q| {
            q.order_by = order(&[("v", 1), ("__name__", 1)]);
            q.start_at = Some(cursor([integer(1), reference("q/d1")], false));
            q.end_at = Some(cursor([text("a")], false));
        },
        Some("i1 i2 sa"),
    );
}

#[test]
fn a_collection_group_is_found_at_any_depth() {
    let one = || Fields::from([("n".to_owned(), integer(1))]);
    let store = store(vec![
        ("a/1/g/x", one()),
        ("a/1/g/y", one()),
        ("b/1/g/x", one()),
        ("g/top", one()),
        ("g/top/h/1/g/deep", one()),
    ]);
    let mut group = from("g");
    assert_eq!(
        run(&store, "", group.clone()).unwrap(),
        "g/top",
        "only directly below the root"
    );
    assert_eq!(
        run(&store, "/a/1", group.clone()).unwrap(),
        "a/1/g/x a/1/g/y"
    );
    group.from[0].all_descendants = true;
    let everywhere = "a/1/g/x a/1/g/y b/1/g/x g/top g/top/h/1/g/deep";
    assert_eq!(run(&store, "", group.clone()).unwrap(), everywhere);
    assert_eq!(run(&store, "/a/1", group).unwrap(), "a/1/g/x a/1/g/y");
    for wrong in ["q/a/b", "__x__", "."] {
        assert_eq!(run(&store, "", from(wrong)), None, "{wrong}");
    }
    assert_eq!(
        run(&store, "/g", from("g")),
        None,
        "a collection is not a parent"
    );
}

proptest! {
    #[test]
    fn a_query_is_a_filter_and_a_sort(
        values in proptest::collection::vec(proptest::option::of(any_value()), 0..12),
        operand in any_value(),
        op in prop_oneof![Just(Op::LessThan), Just(Op::GreaterThanOrEqual), Just(Op::Equal), Just(Op::NotEqual)],
        descending in any::<bool>(),
        limit in 0..6_usize,
    ) {
        let paths: Vec<String> = (0..values.len()).map(|n| format!("q/{n:02}")).collect();
        let documents = paths.iter().zip(&values).map(|(path, value)| {
            let fields = value.iter().map(|value| ("v".to_owned(), value.clone())).collect();
            (path.as_str(), fields)
        });
        let store = store(documents.collect());
        let mut query = from("q");
        query.r#where = Some(by("v", op, operand.clone()));
        query.order_by = ordered(&[("v", if descending { 2 } else { 1 })]);
        query.limit = i32::try_from(limit).ok();

        // The same by a naive implementation.
        let comparable = |value: &Value| !value::is_null(value) && !value::is_nan(value);
        let passes = |value: &Value| {
            let order = value::compare(value, &operand);
            let ranged = comparable(value) && comparable(&operand) && value::kind(value) == value::kind(&operand);
            match op {
                Op::LessThan => ranged && order.is_lt(),
                Op::GreaterThanOrEqual => ranged && order.is_ge(),
                Op::Equal => ranged && order.is_eq(),
                Op::NotEqual | Op::Unspecified | Op::LessThanOrEqual | Op::GreaterThan | Op::ArrayContains
                | Op::In | Op::ArrayContainsAny | Op::NotIn => !value::is_null(value) && !value::is_null(&operand)
                    && (order.is_ne() || value::is_nan(&operand)),
            }
        };
        let mut expected: Vec<_> = paths.iter().zip(&values)
            .filter_map(|(path, value)| Some((value.as_ref()?, path.strip_prefix("q/")?)))
            .filter(|(value, _)| passes(value))
            .collect();
        expected.sort_by(|a, b| {
            let ascending = value::compare(a.0, b.0).then(a.1.cmp(b.1));
            if descending { ascending.reverse() } else { ascending }
        });
        let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).take(limit).collect();
        prop_assert_eq!(run(&store, "", query).unwrap(), expected.join(" "));
    }
}

#[test]
fn an_empty_view_has_no_results() {
    let store = DocumentStore::new(BTreeMap::new(), Stamp(1));
    assert_eq!(run(&store, "", from("q")).unwrap(), "");
}
