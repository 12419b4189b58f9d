//! How a Parquet schema reads as JSON.
//!
//! Source: the specification of nested types
//! (github.com/apache/parquet-format, `LogicalTypes.md`, "Nested Types"), with its rules for lists
//! that older writers wrote in other ways.

use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, Type as Physical},
    schema::types::Type,
};

use crate::json::DEPTH_MAX;

/// Most columns: each has its own reader and keeps a page in memory. Training rows have a few.
const COLUMNS_MAX: usize = 1_000;

/// A value of every row, and the position of its columns.
#[derive(Debug)]
pub(super) struct Field {
    /// The definition level from which on the value is present.
    pub(super) defined: i16,
    /// Its columns: all between the first and the last.
    pub(super) columns: (usize, usize),
    /// What it is.
    pub(super) kind: FieldKind,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum FieldKind {
    /// A value of one column.
    Scalar(Scalar),
    /// The number of a class, by the names of the classes.
    Class(Vec<String>),
    /// An object.
    Object(Vec<(String, Field)>),
    /// An array.
    List(Repeated),
    /// An object whose keys are data; the element has the two members key and value.
    Map(Repeated),
}

/// A repeated value.
#[derive(Debug)]
pub(super) struct Repeated {
    /// The definition level from which on there is an element.
    pub(super) defined: i16,
    /// The repetition level of the second and later elements.
    pub(super) level: i16,
    /// The elements.
    pub(super) element: Box<Field>,
}

/// How the values of a column read as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A number that is never negative.
    Unsigned,
    /// A string. Older writers do not annotate strings, so unannotated bytes are a string if they
    /// are UTF-8.
    Text {
        /// Whether the file declares it a string.
        annotated: bool,
    },
    /// A type without a JSON equivalent; its name in the file.
    Other(String),
}

/// The members of a row.
///
/// # Errors
/// A message that says why no row can be read.
pub(super) fn fields(root: &Type) -> Result<Vec<(String, Field)>, String> {
    let mut reader = SchemaReader { columns: 0 };
    reader.members(root, Levels::default(), 0)
}

#[derive(Debug, Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
}

struct SchemaReader {
    columns: usize,
}

impl SchemaReader {
    fn members(
        &mut self,
        group: &Type,
        levels: Levels,
        depth: usize,
    ) -> Result<Vec<(String, Field)>, String> {
        if depth > DEPTH_MAX {
            return Err(format!("its schema exceeds {DEPTH_MAX} levels of nesting"));
        }
        let member = |child: &std::sync::Arc<Type>| {
            let field = self.field(child, levels, depth + 1)?;
            Ok((child.name().to_owned(), field))
        };
        group.get_fields().iter().map(member).collect()
    }

    /// A value, including its repetition.
    fn field(&mut self, of: &Type, mut levels: Levels, depth: usize) -> Result<Field, String> {
        let info = of.get_basic_info();
        let repetition = info.has_repetition().then(|| info.repetition());
        match repetition {
            Some(Repetition::OPTIONAL) => levels.definition += 1,
            // Repeated without being annotated as a list: a list that is always present.
            Some(Repetition::REPEATED) => {
                return self.repeated(levels, FieldKind::List, |reader, levels| {
                    reader.value(of, levels, depth)
                });
            }
            Some(Repetition::REQUIRED) | None => {}
        }
        self.value(of, levels, depth)
    }

    /// A value whose own repetition is already handled.
    fn value(&mut self, of: &Type, levels: Levels, depth: usize) -> Result<Field, String> {
        if of.is_primitive() {
            self.columns += 1;
            if self.columns > COLUMNS_MAX {
                return Err(format!("it has more than {COLUMNS_MAX} columns"));
            }
            return Ok(Field {
                defined: levels.definition,
                columns: (self.columns - 1, self.columns),
                kind: FieldKind::Scalar(scalar(of)),
            });
        }
        let child = match of.get_fields() {
            [] => return Err("its schema has an empty group".to_owned()),
            [child] if is_repeated(child) => Some(child),
            _ => None,
        };
        match (of.get_basic_info().converted_type(), child) {
            (ConvertedType::LIST, Some(child)) => self.repeated(
                levels,
                FieldKind::List,
                |reader, levels| match element_within(child) {
                    Some(element) => reader.field(element, levels, depth + 2),
                    None => reader.value(child, levels, depth + 1),
                },
            ),
            (ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE, Some(child))
                if child.is_group() && child.get_fields().len() == 2 =>
            {
                self.repeated(levels, FieldKind::Map, |reader, levels| {
                    reader.object(child, levels, depth + 1)
                })
            }
            _ => self.object(of, levels, depth),
        }
    }

    fn object(&mut self, of: &Type, levels: Levels, depth: usize) -> Result<Field, String> {
        let first = self.columns;
        let members = self.members(of, levels, depth)?;
        Ok(Field {
            defined: levels.definition,
            columns: (first, self.columns),
            kind: FieldKind::Object(members),
        })
    }

    fn repeated(
        &mut self,
        levels: Levels,
        kind: fn(Repeated) -> FieldKind,
        element: impl FnOnce(&mut Self, Levels) -> Result<Field, String>,
    ) -> Result<Field, String> {
        let within = Levels {
            definition: levels.definition + 1,
            repetition: levels.repetition + 1,
        };
        let element = element(self, within)?;
        Ok(Field {
            defined: levels.definition,
            columns: element.columns,
            kind: kind(Repeated {
                defined: within.definition,
                level: within.repetition,
                element: Box::new(element),
            }),
        })
    }
}

fn is_repeated(of: &Type) -> bool {
    let info = of.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

/// The element of a list, if the repeated group only wraps it.
fn element_within(repeated: &Type) -> Option<&Type> {
    if repeated.is_primitive() {
        return None;
    }
    let [element] = repeated.get_fields() else {
        return None;
    };
    let itself = repeated.name() == "array" || repeated.name().ends_with("_tuple");
    (!itself || is_repeated(element)).then_some(element)
}

fn scalar(of: &Type) -> Scalar {
    let (converted, logical) = (
        of.get_basic_info().converted_type(),
        of.get_basic_info().logical_type_ref(),
    );
    let plain = converted == ConvertedType::NONE && logical.is_none();
    let is_text = matches!(
        converted,
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
    ) || matches!(
        logical,
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)
    );
    let is_signed = matches!(
        converted,
        ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64
    );
    let is_unsigned = matches!(
        converted,
        ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64
    );
    match of.get_physical_type() {
        Physical::BOOLEAN => Scalar::Bool,
        Physical::FLOAT | Physical::DOUBLE => Scalar::Number,
        Physical::INT32 | Physical::INT64 if plain || is_signed => Scalar::Number,
        Physical::INT32 | Physical::INT64 if is_unsigned => Scalar::Unsigned,
        Physical::BYTE_ARRAY if plain || is_text => Scalar::Text { annotated: is_text },
        physical @ (Physical::INT32
        | Physical::INT64
        | Physical::INT96
        | Physical::BYTE_ARRAY
        | Physical::FIXED_LEN_BYTE_ARRAY) => Scalar::Other(match logical {
            _ if converted != ConvertedType::NONE => converted.to_string(),
            Some(logical) => format!("{logical:?}"),
            None => physical.to_string(),
        }),
    }
}
