//! The calls that write: single documents, commits, batches, and the end of transactions.

use std::{collections::BTreeSet, time::Instant};

use googleapis_tonic_google_firestore_v1::google::{
    firestore::v1::{
        BatchWriteRequest, BatchWriteResponse, BeginTransactionRequest, BeginTransactionResponse,
        CommitRequest, CommitResponse, CreateDocumentRequest, DeleteDocumentRequest, Document,
        Precondition, RollbackRequest, UpdateDocumentRequest, Write, WriteResult,
        precondition::ConditionType, write::Operation,
    },
    rpc,
};

use super::{
    error::Error,
    name::{self, Name},
    path, query,
    state::State,
    write::{self, Edit},
};

/// Maximum size of a write request. Source: the service's own message, "Request payload size
/// exceeds the limit: 11534336 bytes."
const REQUEST_MAX_BYTES: usize = 11_534_336;
/// Length of an id that the service generates.
const AUTO_ID_LENGTH: usize = 20;

impl State {
    /// `CreateDocument`.
    pub(super) fn create_document(
        &mut self,
        request: CreateDocumentRequest,
    ) -> Result<Document, Error> {
        let parent = Name::parent(&request.parent)?;
        if request.collection_id.is_empty() {
            return Err(Error::invalid("collectionId is the empty string."));
        }
        let collection = name::collection(&request.collection_id)?;
        let mut document = request.document.unwrap_or_default();
        if !document.name.is_empty() {
            return Err(Error::invalid("document.name must not be set"));
        }
        let id = match request.document_id {
            empty if empty.is_empty() => auto_id(),
            id => id,
        };
        let name = parent.child(collection, &id)?;
        let mask = path::mask(request.mask)?;
        document.name = name.to_string();
        self.write(Write {
            operation: Some(Operation::Update(document)),
            current_document: Some(Precondition {
                condition_type: Some(ConditionType::Exists(false)),
            }),
            ..Write::default()
        })?;
        self.written(&name, mask.as_deref())
    }

    /// `UpdateDocument`.
    pub(super) fn update_document(
        &mut self,
        request: UpdateDocumentRequest,
    ) -> Result<Document, Error> {
        let document = request.document.unwrap_or_default();
        let name = Name::document(&document.name)?;
        let mask = path::mask(request.mask)?;
        self.write(Write {
            operation: Some(Operation::Update(document)),
            update_mask: request.update_mask,
            current_document: request.current_document,
            ..Write::default()
        })?;
        self.written(&name, mask.as_deref())
    }

    /// `DeleteDocument`.
    pub(super) fn delete_document(&mut self, request: DeleteDocumentRequest) -> Result<(), Error> {
        self.write(Write {
            operation: Some(Operation::Delete(request.name)),
            current_document: request.current_document,
            ..Write::default()
        })
    }

    /// `Commit`: all writes or none.
    pub(super) fn commit(&mut self, request: CommitRequest) -> Result<CommitResponse, Error> {
        let database = name::database(&request.database)?;
        check_size(&request)?;
        let now = self.now();
        if !request.transaction.is_empty() {
            // The transaction ends, whether the commit succeeds or not.
            let open = self
                .transactions
                .end(&request.transaction, Instant::now())?;
            match open.read_only {
                None => open.check(&self.store)?,
                Some(_) if request.writes.is_empty() => {}
                Some(_) => {
                    return Err(Error::invalid(
                        "Cannot modify entities in a read-only transaction.",
                    ));
                }
            }
        }
        let plan = self
            .store
            .plan_edits(edits(request.writes, &database)?, now)?;
        let commit_time = Some(plan.at.into());
        Ok(CommitResponse {
            write_results: self.install(vec![plan])?,
            commit_time,
        })
    }

    /// `BatchWrite`: each write is independent.
    pub(super) fn batch_write(
        &mut self,
        request: BatchWriteRequest,
    ) -> Result<BatchWriteResponse, Error> {
        let database = name::database(&request.database)?;
        check_size(&request)?;
        let edits = edits(request.writes, &database)?;
        let mut names = BTreeSet::new();
        if !edits.iter().all(|edit| names.insert(&edit.name)) {
            return Err(Error::invalid(
                "the same document cannot be written more than once in a single request",
            ));
        }
        let now = self.now();
        let mut plans = Vec::new();
        let mut response = BatchWriteResponse::default();
        for edit in edits {
            let (result, status) = match self.store.plan_edits(vec![edit], now) {
                Ok(plan) => {
                    let result = plan.results.first().cloned();
                    plans.push(plan);
                    (result.unwrap_or_default(), rpc::Status::default())
                }
                Err(error) => (WriteResult::default(), status(&error)),
            };
            response.write_results.push(result);
            response.status.push(status);
        }
        self.install(plans)?;
        Ok(response)
    }

    /// `BeginTransaction`.
    pub(super) fn begin_transaction(
        &mut self,
        request: BeginTransactionRequest,
    ) -> Result<BeginTransactionResponse, Error> {
        name::database(&request.database)?;
        let transaction = self.begin(request.options.unwrap_or_default())?;
        Ok(BeginTransactionResponse { transaction })
    }

    /// `Rollback`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "has the same signature as the other calls"
    )]
    pub(super) fn rollback(&mut self, request: RollbackRequest) -> Result<(), Error> {
        self.transactions.roll_back(&request.transaction)
    }

    fn write(&mut self, write: Write) -> Result<(), Error> {
        check_size(&write)?;
        let plan = self.store.plan(vec![write], self.now())?;
        self.install(vec![plan]).map(drop)
    }

    fn written(&self, name: &Name, mask: Option<&[path::FieldPath]>) -> Result<Document, Error> {
        match self.store.now().get(name) {
            Some(document) => Ok(query::shown(document, mask)),
            None => Err(Error::NotFound(name.to_string())),
        }
    }
}

/// A refused write as a status in an answer.
pub(super) fn status(error: &Error) -> rpc::Status {
    rpc::Status {
        code: error.code().into(),
        message: error.to_string(),
        details: Vec::new(),
    }
}

fn edits(writes: Vec<Write>, database: &str) -> Result<Vec<Edit>, Error> {
    let edit = |write| {
        let edit = write::parse(write)?;
        edit.name.expect_database(database)?;
        Ok(edit)
    };
    writes.into_iter().map(edit).collect()
}

fn check_size(request: &impl prost::Message) -> Result<(), Error> {
    if request.encoded_len() <= REQUEST_MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Request payload size exceeds the limit: {REQUEST_MAX_BYTES} bytes."
    )))
}

fn auto_id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |byte: u8| LETTERS.iter().cycle().nth(byte.into()).copied();
    let bytes = rand::random::<[u8; AUTO_ID_LENGTH]>();
    bytes
        .into_iter()
        .filter_map(letter)
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests;
