//! The calls that read: documents by name, queries, aggregations, lists.

use std::collections::BTreeSet;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    BatchGetDocumentsRequest, BatchGetDocumentsResponse, Document, ExplainOptions,
    GetDocumentRequest, ListCollectionIdsRequest, ListCollectionIdsResponse, ListDocumentsRequest,
    ListDocumentsResponse, RunAggregationQueryRequest, RunAggregationQueryResponse,
    RunQueryRequest, RunQueryResponse, batch_get_documents_request, batch_get_documents_response,
    get_document_request, list_collection_ids_request, list_documents_request,
    run_aggregation_query_request, run_query_request, run_query_response::ContinuationSelector,
    structured_aggregation_query,
};

use super::{
    aggregate::Aggregations,
    error::Error,
    list::{self, DocumentPage},
    name::{self, Name},
    path,
    query::{self, Query},
    state::{Consistency, State},
};

impl State {
    /// `GetDocument`.
    pub(super) fn get_document(&mut self, request: GetDocumentRequest) -> Result<Document, Error> {
        use get_document_request::ConsistencySelector as Selector;
        let name = Name::document(&request.name)?;
        let mask = path::mask(request.mask)?;
        let read = self.read(match request.consistency_selector {
            None => Consistency::Latest,
            Some(Selector::Transaction(id)) => Consistency::In(id),
            Some(Selector::ReadTime(time)) => Consistency::Past(time),
        })?;
        match self.read_document(&read, &name)? {
            Some(document) => Ok(query::shown(&document, mask.as_deref())),
            None => Err(Error::NotFound(name.to_string())),
        }
    }

    /// `BatchGetDocuments`.
    pub(super) fn batch_get(
        &mut self,
        request: BatchGetDocumentsRequest,
    ) -> Result<Vec<BatchGetDocumentsResponse>, Error> {
        use batch_get_documents_request::ConsistencySelector as Selector;
        use batch_get_documents_response::Result as Got;
        let database = name::database(&request.database)?;
        let mask = path::mask(request.mask)?;
        let mut names = Vec::new();
        for name in &request.documents {
            let name = Name::document(name)?;
            name.expect_database(&database)?;
            names.push(name);
        }
        let read = self.read(match request.consistency_selector {
            None => Consistency::Latest,
            Some(Selector::Transaction(id)) => Consistency::In(id),
            Some(Selector::NewTransaction(options)) => Consistency::New(options),
            Some(Selector::ReadTime(time)) => Consistency::Past(time),
        })?;
        let mut responses = Vec::new();
        if !read.begun.is_empty() {
            responses.push(BatchGetDocumentsResponse {
                transaction: read.begun.clone(),
                ..BatchGetDocumentsResponse::default()
            });
        }
        let mut seen = BTreeSet::new();
        for name in names.into_iter().filter(|name| seen.insert(name.clone())) {
            let result = match self.read_document(&read, &name)? {
                Some(document) => Got::Found(query::shown(&document, mask.as_deref())),
                None => Got::Missing(name.to_string()),
            };
            responses.push(BatchGetDocumentsResponse {
                read_time: Some(read.time.into()),
                result: Some(result),
                ..BatchGetDocumentsResponse::default()
            });
        }
        Ok(responses)
    }

    /// `RunQuery`.
    pub(super) fn run_query(
        &mut self,
        request: RunQueryRequest,
    ) -> Result<Vec<RunQueryResponse>, Error> {
        use run_query_request::{ConsistencySelector as Selector, QueryType};
        refuse_explaining(request.explain_options.as_ref())?;
        let Some(QueryType::StructuredQuery(structured)) = request.query_type else {
            return Err(Error::invalid("A structured query is required."));
        };
        let query = Query::parse(&request.parent, structured)?;
        let read = self.read(match request.consistency_selector {
            None => Consistency::Latest,
            Some(Selector::Transaction(id)) => Consistency::In(id),
            Some(Selector::NewTransaction(options)) => Consistency::New(options),
            Some(Selector::ReadTime(time)) => Consistency::Past(time),
        })?;
        let found = self.find(&read, &query)?;
        let response = |document| RunQueryResponse {
            document,
            read_time: Some(read.time.into()),
            ..RunQueryResponse::default()
        };
        let shown = found.documents.iter().map(|document| query.shown(document));
        let mut responses: Vec<_> = shown.map(|document| response(Some(document))).collect();
        if responses.is_empty() {
            responses.push(response(None));
        } else if let Some(first) = responses.first_mut() {
            first.skipped_results = i32::try_from(found.skipped).unwrap_or(i32::MAX);
        }
        if let Some(last) = responses.last_mut() {
            last.continuation_selector = Some(ContinuationSelector::Done(true));
        }
        if !read.begun.is_empty() {
            let begun = RunQueryResponse {
                transaction: read.begun,
                ..RunQueryResponse::default()
            };
            responses.insert(0, begun);
        }
        Ok(responses)
    }

    /// `RunAggregationQuery`.
    pub(super) fn run_aggregation_query(
        &mut self,
        request: RunAggregationQueryRequest,
    ) -> Result<Vec<RunAggregationQueryResponse>, Error> {
        use run_aggregation_query_request::{ConsistencySelector as Selector, QueryType};
        use structured_aggregation_query::QueryType::StructuredQuery;
        refuse_explaining(request.explain_options.as_ref())?;
        let Some(QueryType::StructuredAggregationQuery(aggregation)) = request.query_type else {
            return Err(Error::invalid(
                "A structured aggregation query is required.",
            ));
        };
        let Some(StructuredQuery(structured)) = aggregation.query_type else {
            return Err(Error::invalid("A structured query is required."));
        };
        let aggregations = Aggregations::parse(aggregation.aggregations)?;
        let query = Query::parse(&request.parent, structured)?.needing(aggregations.fields());
        let read = self.read(match request.consistency_selector {
            None => Consistency::Latest,
            Some(Selector::Transaction(id)) => Consistency::In(id),
            Some(Selector::NewTransaction(options)) => Consistency::New(options),
            Some(Selector::ReadTime(time)) => Consistency::Past(time),
        })?;
        let found = self.find(&read, &query)?;
        Ok(vec![RunAggregationQueryResponse {
            result: Some(aggregations.over(&found.documents)),
            transaction: read.begun,
            read_time: Some(read.time.into()),
            ..RunAggregationQueryResponse::default()
        }])
    }

    /// `ListDocuments`.
    pub(super) fn list_documents(
        &mut self,
        mut request: ListDocumentsRequest,
    ) -> Result<ListDocumentsResponse, Error> {
        use list_documents_request::ConsistencySelector as Selector;
        let mask = path::mask(request.mask.take())?;
        if request.show_missing && !request.order_by.is_empty() {
            return Err(Error::invalid(
                "cannot specify an order when show_missing is true",
            ));
        }
        let parent = Name::parent(&request.parent)?;
        let page = DocumentPage::parse(request.page_size, &request.page_token)?;
        let read = self.read(match request.consistency_selector.take() {
            None => Consistency::Latest,
            Some(Selector::Transaction(id)) => Consistency::In(id),
            Some(Selector::ReadTime(time)) => Consistency::Past(time),
        })?;
        let show_missing = request.show_missing;
        let query = page.query(request)?;
        let mut documents = if show_missing {
            page.with_missing(&self.view(&read)?, &parent, &query)?
        } else {
            self.find(&read, &query)?.documents
        };
        let more = documents.len() > page.size;
        documents.truncate(page.size);
        let next_page_token = match documents.last() {
            Some(last) if more => list::token(&query.after(last)),
            _ => String::new(),
        };
        let shown = documents
            .iter()
            .map(|document| query::shown(document, mask.as_deref()));
        Ok(ListDocumentsResponse {
            documents: shown.collect(),
            next_page_token,
        })
    }

    /// `ListCollectionIds`.
    pub(super) fn list_collection_ids(
        &mut self,
        mut request: ListCollectionIdsRequest,
    ) -> Result<ListCollectionIdsResponse, Error> {
        use list_collection_ids_request::ConsistencySelector as Selector;
        let parent = Name::parent(&request.parent)?;
        let page = DocumentPage::parse(request.page_size, &request.page_token)?;
        let read = self.read(match request.consistency_selector.take() {
            None => Consistency::Latest,
            Some(Selector::ReadTime(time)) => Consistency::Past(time),
        })?;
        let (collection_ids, next_page_token) = page.collections(&self.view(&read)?, &parent)?;
        Ok(ListCollectionIdsResponse {
            collection_ids,
            next_page_token,
        })
    }
}

fn refuse_explaining(options: Option<&ExplainOptions>) -> Result<(), Error> {
    options.map_or(Ok(()), |_| Err(Error::Unserved("explain_options")))
}
