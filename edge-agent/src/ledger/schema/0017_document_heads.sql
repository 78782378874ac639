-- The heads of all documents are read at each connect: from here, however large the documents are.
create index document_heads on document (kind, document_id, heads);
