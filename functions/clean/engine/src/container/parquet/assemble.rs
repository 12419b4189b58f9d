//! Assembles rows from Parquet's columns.
//!
//! Source: the levels of "Dremel: Interactive Analysis of Web-Scale Datasets" (2010), section 4.
//! For each row, every column holds values with two levels: the definition level says how much of
//! the path to the value is present, the repetition level which list the value continues.
//!
//! Why not the crate's own `record` module: it panics on schemas and types it does not know, and
//! its errors quote the data.

use super::{
    class_names,
    column::Column,
    schema::{Field, FieldKind, Repeated, Scalar},
};

/// The columns of a row group.
pub(super) type RowGroupColumns = [Box<dyn Column>];

/// The columns of a row do not fit together.
#[derive(Debug)]
pub(super) struct Misfit;

/// Writes the next row as a JSON object; absent members are `null`.
pub(super) fn write_row(
    members: &[(String, Field)],
    columns: &mut RowGroupColumns,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    check_levels(columns, 0)?;
    write_object(members, columns, true, out)
}

/// Whether all columns start a row, or an element, at the same point.
fn check_levels(columns: &RowGroupColumns, level: i16) -> Result<(), Misfit> {
    let mut levels = columns.iter().map(|column| column.repetition());
    let fit = levels.all(|found| found == Some(level));
    fit.then_some(()).ok_or(Misfit)
}

fn write_object(
    members: &[(String, Field)],
    columns: &mut RowGroupColumns,
    with_null: bool,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    out.push(b'{');
    let mut first = true;
    for (name, field) in members {
        let present = definition(field, columns)? >= field.defined;
        if !present && !with_null {
            // Objects in a list share their columns, so an absent member would be `null` in every
            // object.
            skip(field, columns)?;
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        crate::json::write_key(name, out);
        out.push(b':');
        write_value(field, columns, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_value(
    field: &Field,
    columns: &mut RowGroupColumns,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    if definition(field, columns)? < field.defined {
        out.extend_from_slice(b"null");
        return skip(field, columns);
    }
    match &field.kind {
        FieldKind::Scalar(scalar) => {
            let column = columns.get_mut(field.columns.0).ok_or(Misfit)?;
            column.write(scalar, out);
            Ok(())
        }
        FieldKind::Class(names) => {
            let column = columns.get_mut(field.columns.0).ok_or(Misfit)?;
            let mut number = Vec::new();
            column.write(&Scalar::Number, &mut number);
            class_names::write(&number, names, out);
            Ok(())
        }
        FieldKind::Object(members) => write_object(members, columns, false, out),
        FieldKind::List(repeated) => {
            out.push(b'[');
            each(field, repeated, columns, out, write_value)?;
            out.push(b']');
            Ok(())
        }
        FieldKind::Map(repeated) => {
            out.push(b'{');
            each(field, repeated, columns, out, write_entry)?;
            out.push(b'}');
            Ok(())
        }
    }
}

/// Writes every element of a list, with commas between them.
fn each(
    list: &Field,
    repeated: &Repeated,
    columns: &mut RowGroupColumns,
    out: &mut Vec<u8>,
    write: fn(&Field, &mut RowGroupColumns, &mut Vec<u8>) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    if definition(list, columns)? < repeated.defined {
        return skip(list, columns);
    }
    let (first, end) = list.columns;
    loop {
        write(&repeated.element, columns, out)?;
        let next = columns.get(first).and_then(|column| column.repetition());
        if next.is_none_or(|level| level < repeated.level) {
            return Ok(());
        }
        check_levels(columns.get(first..end).ok_or(Misfit)?, repeated.level)?;
        out.push(b',');
    }
}

/// Writes the key and value of a map; keys of other types become strings.
fn write_entry(
    entry: &Field,
    columns: &mut RowGroupColumns,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let FieldKind::Object(members) = &entry.kind else {
        return Err(Misfit);
    };
    let [(_, key), (_, value)] = members.as_slice() else {
        return Err(Misfit);
    };
    let mut name = Vec::new();
    write_value(key, columns, &mut name)?;
    if name.starts_with(b"\"") {
        out.append(&mut name);
    } else {
        crate::json::write_key(&String::from_utf8_lossy(&name), out);
    }
    out.push(b':');
    write_value(value, columns, out)
}

/// The definition level of the next value in the first column of `field`.
fn definition(field: &Field, columns: &RowGroupColumns) -> Result<i16, Misfit> {
    let column = columns.get(field.columns.0).ok_or(Misfit)?;
    column.definition().ok_or(Misfit)
}

/// Skips an absent value or an empty list: one level in every column.
fn skip(field: &Field, columns: &mut RowGroupColumns) -> Result<(), Misfit> {
    let (first, end) = field.columns;
    for column in columns.get_mut(first..end).ok_or(Misfit)? {
        column.definition().ok_or(Misfit)?;
        column.skip();
    }
    Ok(())
}
