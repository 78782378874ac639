-- Documents roll over: which generation this is, and again all heads out of one index.
alter table document add column generation integer not null default 1;
drop index document_heads;
create index document_heads on document (kind, document_id, heads, generation);
