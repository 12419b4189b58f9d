//! One write to one document: precondition, mask, transforms. Pure.

use std::sync::Arc;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Document, DocumentMask, Precondition, Value, Write, WriteResult,
    document_transform::FieldTransform, precondition::ConditionType, write::Operation,
};

use super::{
    error::Error,
    limits,
    name::Name,
    path::{FieldPath, Fields},
    stamp::Stamp,
    transform, value,
};

/// A write whose name, mask and values are valid.
#[derive(Debug)]
pub(super) struct Edit {
    /// The document it is for.
    pub(super) name: Name,
    condition: Option<ConditionType>,
    change: EditAction,
}

#[derive(Debug)]
enum EditAction {
    Delete,
    Update {
        /// All fields are replaced without a mask.
        mask: Option<Vec<FieldPath>>,
        fields: Fields,
        transforms: Vec<FieldTransform>,
    },
}

/// Validates what can be validated without the document.
pub(super) fn parse(write: Write) -> Result<Edit, Error> {
    let condition = write
        .current_document
        .and_then(|Precondition { condition_type }| condition_type);
    let mut transforms = write.update_transforms;
    let (name, change) = match write.operation {
        None => return Err(Error::invalid("empty write operation")),
        Some(Operation::Delete(name)) => (name, EditAction::Delete),
        Some(Operation::Update(mut document)) => {
            limits::accept(&mut document.fields)?;
            let change = EditAction::Update {
                mask: write.update_mask.as_ref().map(writable).transpose()?,
                fields: document.fields,
                transforms,
            };
            (document.name, change)
        }
        Some(Operation::Transform(transform)) => {
            if transform.field_transforms.is_empty() {
                return Err(Error::invalid(
                    "The list of FieldTransform must not be empty.",
                ));
            }
            transforms.splice(..0, transform.field_transforms);
            let change = EditAction::Update {
                mask: Some(Vec::new()),
                fields: Fields::new(),
                transforms,
            };
            (transform.document, change)
        }
    };
    Ok(Edit {
        name: Name::document(&name)?,
        condition,
        change,
    })
}

/// The document after `edit`, and the result for the client.
///
/// A write that changes nothing keeps the document and its update time.
pub(super) fn apply(
    edit: Edit,
    current: Option<&Arc<Document>>,
    at: Stamp,
) -> Result<(Option<Arc<Document>>, WriteResult), Error> {
    check(&edit.name, edit.condition, current)?;
    let EditAction::Update {
        mask,
        fields,
        transforms,
    } = edit.change
    else {
        return Ok((None, WriteResult::default()));
    };
    let mut new = match mask {
        None => fields,
        Some(mask) => merge(current, &mask, &fields),
    };
    let transform_results = transform::apply(&mut new, transforms, at)?;
    limits::document(&edit.name, &new)?;
    let document = match current {
        Some(current) if value::identical_fields(&current.fields, &new) => Arc::clone(current),
        current => Arc::new(Document {
            name: edit.name.to_string(),
            fields: new,
            create_time: current.map_or(Some(at.into()), |current| current.create_time),
            update_time: Some(at.into()),
        }),
    };
    let result = WriteResult {
        update_time: document.update_time,
        transform_results,
    };
    Ok((Some(document), result))
}

fn writable(mask: &DocumentMask) -> Result<Vec<FieldPath>, Error> {
    // Clients may name `__name__`, which is not a field: nothing changes.
    let paths = mask.field_paths.iter().filter(|path| *path != "__name__");
    paths.map(|path| FieldPath::parse_writable(path)).collect()
}

fn check(
    name: &Name,
    condition: Option<ConditionType>,
    current: Option<&Arc<Document>>,
) -> Result<(), Error> {
    match condition {
        Some(ConditionType::Exists(true)) if current.is_none() => {
            Err(Error::NothingToUpdate(name.to_string()))
        }
        Some(ConditionType::Exists(false)) if current.is_some() => {
            Err(Error::Exists(name.to_string()))
        }
        Some(ConditionType::UpdateTime(required)) => {
            let stored = current.and_then(|document| version(document));
            if stored == Some(required.into()) {
                return Ok(());
            }
            Err(Error::Stale {
                stored: stored.unwrap_or_default().0,
                required: Stamp::from(required).0,
            })
        }
        None | Some(ConditionType::Exists(_)) => Ok(()),
    }
}

/// When the document was last changed.
pub(super) fn version(document: &Document) -> Option<Stamp> {
    document.update_time.map(Stamp::from)
}

fn merge(current: Option<&Arc<Document>>, mask: &[FieldPath], fields: &Fields) -> Fields {
    let mut merged = current
        .map(|document| document.fields.clone())
        .unwrap_or_default();
    for path in mask {
        match path.get(fields) {
            Some(value) => path.set(&mut merged, Value::clone(value)),
            None => path.remove(&mut merged),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
