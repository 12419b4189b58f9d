//! Masks and preconditions by table.

use super::{
    super::value::tests::{integer, map},
    *,
};

const NAME: &str = "projects/p/databases/d/documents/c/d";

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.map(|(key, value)| (key.to_owned(), value)).into()
}

fn stored() -> Arc<Document> {
    Arc::new(Document {
        name: NAME.to_owned(),
        fields: fields([
            ("a", map([("b", integer(1)), ("c", integer(2))])),
            ("x", integer(5)),
            ("y.z", integer(7)),
        ]),
        create_time: Some(Stamp(1).into()),
        update_time: Some(Stamp(2).into()),
    })
}

fn update(new: Fields, mask: &[&str]) -> Write {
    Write {
        update_mask: Some(DocumentMask {
            field_paths: mask.iter().map(ToString::to_string).collect(),
        }),
        operation: Some(Operation::Update(Document {
            name: NAME.to_owned(),
            fields: new,
            ..Document::default()
        })),
        ..Write::default()
    }
}

/// Writing `new` with `mask` gives `expected` (refused if `None`).
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "rows read better")]
fn check_mask(new: Fields, mask: &[&str], expected: Option<Fields>) {
    let result = parse(update(new, mask)).and_then(|edit| apply(edit, Some(&stored()), Stamp(9)));
    let document = result.ok().and_then(|(document, _)| document);
    let got = document.map(|document| document.fields.clone());
    assert_eq!(got, expected, "{mask:?}");
}

#[test]
fn a_mask_selects_what_changes_and_what_is_removed() {
    let but = |change: &dyn Fn(&mut Fields)| {
        let mut all = stored().fields.clone();
        change(&mut all);
        Some(all)
    };
    let one = || map([("b", integer(9))]);
    check_mask(fields([("x", integer(1))]), &[], but(&|_| {}));
    check_mask(
        fields([("x", integer(6)), ("n", integer(1))]),
        &["x"],
        but(&|all| {
            all.insert("x".to_owned(), integer(6));
        }),
    );
    check_mask(
        fields([("a", one())]),
        &["a.b"],
        but(&|all| {
            all.insert("a".to_owned(), map([("b", integer(9)), ("c", integer(2))]));
        }),
    );
    check_mask(
        fields([("a", one())]),
        &["a", "a.b"],
        but(&|all| {
            all.insert("a".to_owned(), one());
        }),
    );
    check_mask(
        fields([]),
        &["a.b", "a.c"],
        but(&|all| {
            all.insert("a".to_owned(), map([]));
        }),
    );
    check_mask(
        fields([]),
        &["`y.z`"],
        but(&|all| {
            all.remove("y.z");
        }),
    );
    check_mask(
        fields([("x", one())]),
        &["x.b"],
        but(&|all| {
            all.insert("x".to_owned(), one());
        }),
    );
    check_mask(fields([]), &["nope", "no.pe", "x.a", "y.z"], but(&|_| {}));
    check_mask(fields([("x", integer(9))]), &["__name__"], but(&|_| {}));
    check_mask(fields([]), &["a..b"], None);
    check_mask(fields([]), &["__x__"], None);
}

/// `condition` on a document that exists (version 2), or does not.
#[track_caller]
fn check_condition(condition: ConditionType, there: bool, expected: Option<tonic::Code>) {
    let current = stored();
    for mut write in [
        update(fields([]), &["x"]),
        Write {
            operation: Some(Operation::Delete(NAME.to_owned())),
            ..Write::default()
        },
    ] {
        write.current_document = Some(Precondition {
            condition_type: Some(condition),
        });
        let result = apply(parse(write).unwrap(), there.then_some(&current), Stamp(9));
        assert_eq!(
            result.err().map(|error| error.code()),
            expected,
            "{condition:?} {there}"
        );
    }
}

#[test]
fn failed_preconditions_have_the_codes_of_the_service() {
    use ConditionType::{Exists, UpdateTime};
    use tonic::Code::{AlreadyExists, FailedPrecondition, NotFound};
    check_condition(Exists(true), true, None);
    check_condition(Exists(true), false, Some(NotFound));
    check_condition(Exists(false), true, Some(AlreadyExists));
    check_condition(Exists(false), false, None);
    check_condition(UpdateTime(Stamp(2).into()), true, None);
    check_condition(UpdateTime(Stamp(1).into()), true, Some(FailedPrecondition));
    check_condition(UpdateTime(Stamp(2).into()), false, Some(FailedPrecondition));
}

#[test]
fn a_write_that_changes_nothing_keeps_the_update_time() {
    let same = update(fields([("x", integer(5))]), &["x"]);
    let (document, result) = apply(parse(same).unwrap(), Some(&stored()), Stamp(9)).unwrap();
    assert_eq!(version(&document.unwrap()), Some(Stamp(2)));
    assert_eq!(result.update_time, Some(Stamp(2).into()));
}
