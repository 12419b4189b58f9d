//! Named resources as JSON, kept in the store.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    db::{self, Db, DbChange},
    grpc::Request,
    rest::{self, invalid},
};

/// Maximum of resources in a catalog; the service allows 500 policies and 500 metrics per project.
const RESOURCES_MAX: usize = 500;

/// Resources on a page: the default and the maximum.
const PAGE_MAX: usize = 500;

/// The resources of one type, by name.
#[derive(Debug)]
pub(crate) struct Catalog {
    db: Db,
    table: &'static str,
    resources: BTreeMap<String, Value>,
}

impl Catalog {
    pub(crate) fn open(db: &Db, table: &'static str) -> Result<Self, db::Error> {
        let rows = db.scan(table)?.into_iter();
        let read = |(name, bytes): (String, Vec<u8>)| {
            let resource = serde_json::from_slice(&bytes).ok()?;
            Some((name, resource))
        };
        Ok(Self {
            db: db.clone(),
            table,
            resources: rows.filter_map(read).collect(),
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.resources.iter()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.resources.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Value, rest::Error> {
        let found = self.resources.get(name);
        found.ok_or_else(|| rest::Error::new("NOT_FOUND", format!("`{name}` does not exist")))
    }

    /// Stores `resource`, whether it is new or not.
    pub(crate) fn put(&mut self, name: &str, resource: Value) -> Result<(), rest::Error> {
        if self.resources.len() >= RESOURCES_MAX && !self.contains(name) {
            let message = format!(
                "there are already {RESOURCES_MAX} {}: delete some first",
                self.table
            );
            return Err(rest::Error::new("RESOURCE_EXHAUSTED", message));
        }
        let put = DbChange::Put {
            table: self.table,
            key: name.to_owned(),
            value: resource.to_string().into_bytes(),
        };
        self.db.apply(vec![put]).map_err(|error| stored(&error))?;
        self.resources.insert(name.to_owned(), resource);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(), rest::Error> {
        self.get(name)?;
        let delete = DbChange::Delete {
            table: self.table,
            key: name.to_owned(),
        };
        self.db
            .apply(vec![delete])
            .map_err(|error| stored(&error))?;
        self.resources.remove(name);
        Ok(())
    }

    /// A page of the resources below `parent`, under `field`; the token is the last name on the page.
    pub(crate) fn page(
        &self,
        parent: &str,
        field: &str,
        query: &[(String, String)],
    ) -> Result<Value, rest::Error> {
        let param = |name: &str| {
            let pair = query
                .iter()
                .find(|(key, value)| key == name && !value.is_empty());
            pair.map(|(_, value)| value.as_str())
        };
        if let Some(filter) = param("filter") {
            let message = format!("the emulator does not serve the filter `{filter}` of lists");
            return Err(rest::Error::new("UNIMPLEMENTED", message));
        }
        let size = match param("pageSize") {
            None => PAGE_MAX,
            Some(size) => size
                .parse()
                .map_err(|error| invalid(format!("pageSize: {error}")))?,
        };
        let after = param("pageToken").unwrap_or_default();
        let prefix = format!("{parent}/");
        let of_parent = |(name, _): &(&String, &Value)| name.starts_with(&prefix);
        let mut rows = self
            .iter()
            .filter(of_parent)
            .filter(|(name, _)| name.as_str() > after)
            .peekable();
        let mut page = Vec::new();
        let mut last = None;
        while let Some((name, resource)) = rows.next_if(|_| page.len() < size.clamp(1, PAGE_MAX)) {
            page.push(resource.clone());
            last = Some(name.clone());
        }
        let mut answer = Map::new();
        answer.insert(field.to_owned(), page.into());
        if let (Some(_), Some(last)) = (rows.peek(), last) {
            answer.insert("nextPageToken".to_owned(), last.into());
        }
        Ok(Value::Object(answer))
    }
}

/// `old` with the fields of `new` that the request's `updateMask` names, or with all of them.
pub(crate) fn patched(old: &Value, new: &Value, request: &Request) -> Result<Value, rest::Error> {
    let query = rest::query(request);
    let mask = query.iter().find(|(key, _)| key == "updateMask");
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return Err(invalid("the body is not an object"));
    };
    let mut patched = old.clone();
    let fields: Vec<String> = match mask {
        None => new.keys().cloned().collect(),
        Some((_, mask)) => mask.split(',').map(camel).collect(),
    };
    for field in fields {
        if field.contains('.') {
            let message =
                format!("the emulator does not serve the mask `{field}`: expected whole fields");
            return Err(rest::Error::new("UNIMPLEMENTED", message));
        }
        match new.get(&field) {
            Some(value) => patched.insert(field, value.clone()),
            None => patched.remove(&field),
        };
    }
    if let Some(name) = old.get("name") {
        patched.insert("name".to_owned(), name.clone());
    }
    Ok(Value::Object(patched))
}

/// `alert_strategy` in JSON's camel case: `alertStrategy`.
fn camel(field: &str) -> String {
    let mut words = field.trim().split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

fn stored(error: &db::Error) -> rest::Error {
    tracing::error!(%error, "cannot store a resource");
    rest::Error::new("INTERNAL", "the emulator's store failed")
}
